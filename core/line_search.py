"""A line search for the strong Wolfe conditions: how far to go along a direction.

Works on numbers alone: the caller evaluates the loss and its slope at a step and gets its own payload
back with the step that was chosen. After Nocedal & Wright, *Numerical Optimization* (2006), algorithms
3.5 and 3.6, with safeguarded cubic steps, and with room for rounding: the loss is a float32, and near
a minimum its last bits would otherwise send the search on for ever (Hager & Zhang 2005).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

ROUNDING = 2e-7  # of a float32 loss, as a share of it


@dataclass(frozen=True)
class Trial:
    """A step that was tried: its length, the loss and slope there, and whatever the caller keeps with it."""

    step: float
    loss: float
    slope: float
    payload: Any = None


def line_search(
    evaluate: Callable[[float], Trial],
    start: Trial,
    first_step: float,
    limit: int = 10,
    decrease: float = 1e-4,
    curvature: float = 0.9,
) -> Trial | None:
    """Finds a step that lowers the loss enough and flattens the slope enough.

    Args:
        evaluate: Tries a step.
        start: Where the direction begins: step 0, its loss, and its slope, below 0.
        first_step: The first step to try; mostly it is accepted.
        limit: The most trials.
        decrease: The share of the slope's promise that the loss must keep (Nocedal & Wright's c₁).
        curvature: The share of the slope that may be left (their c₂; .9 for quasi-Newton directions).

    Returns:
        A trial within both conditions; where the trials run out, the best that lowers the loss enough;
        None where no trial does.
    """
    low, high = start, None  # the best so far, and the other end of the bracket once there is one
    step = first_step
    for _ in range(limit):
        trial = evaluate(step)
        allowed = start.loss + decrease * step * start.slope + ROUNDING * abs(start.loss)
        usable = math.isfinite(trial.loss) and math.isfinite(trial.slope)
        if not usable or trial.loss > allowed or (low is not start and trial.loss >= low.loss):
            high = trial
        elif abs(trial.slope) <= -curvature * start.slope:
            return trial
        else:
            if trial.slope * ((high.step if high else math.inf) - low.step) >= 0:
                high = low
            low = trial
        step = _between(low, high) if high else _beyond(start, low)
        if high and abs(high.step - low.step) <= 1e-9 * max(abs(high.step), abs(low.step)):
            break
    return low if low.loss < start.loss else None  # past the rounding, nothing but a true decrease


def _between(low: Trial, high: Trial) -> float:
    """The minimum of the cubic through both ends, kept a tenth of the bracket away from either."""
    width = high.step - low.step
    share = 0.1  # of the bracket, from its better end, if the other end is not a number
    if math.isfinite(high.loss) and math.isfinite(high.slope):
        minimum = _cubic_minimum(low, high)
        share = 0.5 if minimum is None else min(max((minimum - low.step) / width, 0.1), 0.9)
    return low.step + share * width


def _beyond(start: Trial, low: Trial) -> float:
    """A longer step, where the loss still falls: between twice and ten times as long."""
    minimum = _cubic_minimum(start, low)
    ratio = 4.0 if minimum is None or minimum <= low.step else minimum / low.step
    return low.step * min(max(ratio, 2.0), 10.0)


def _cubic_minimum(a: Trial, b: Trial) -> float | None:
    """Where the cubic with two points' losses and slopes is smallest; None where it has no minimum."""
    width = b.step - a.step
    middle = a.slope + b.slope - 3 * (b.loss - a.loss) / width
    under = middle**2 - a.slope * b.slope
    if not under >= 0:
        return None
    root = math.copysign(math.sqrt(under), width)
    divisor = b.slope - a.slope + 2 * root
    return None if divisor == 0 else b.step - width * (b.slope + root - middle) / divisor
