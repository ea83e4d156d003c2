"""What a long job tells while it runs, and how it is stopped.

A job calls `on_progress(event)` after each step. Raising `Cancelled` (or pressing Ctrl-C) in
there stops the job after that step, with the picture so far kept.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Progress:
    """One step of a painting.

    Attributes:
        step: steps done, from 1.
        steps: steps planned in all; a run may stop sooner, never later.
        scale: longest side of the picture being painted now, in pixels.
        scales: all the scales of the run, coarse to fine.
        loss: the objective's value before this step.
        parts: the same by term, weights applied; each is fetched from the device when it is read.
        seconds: since the work began.
        step_seconds: what this step took.
        seconds_left: estimated.
        device: where it runs, such as `CPU (2 cores)`.
        picture: call it for the picture so far, (height, width, 3) float32 0–1; it costs a copy.
    """

    step: int
    steps: int
    scale: int
    scales: tuple[int, ...]
    loss: float
    parts: Mapping[str, float]
    seconds: float
    step_seconds: float
    seconds_left: float
    device: str
    picture: Callable[[], np.ndarray] = field(repr=False)


class Parts(Mapping[str, float]):
    """Terms of a loss that stay on the device until they are read.

    Args:
        tensors: a scalar tensor by the name of each term.
    """

    def __init__(self, tensors: Mapping[str, Any]):
        self._tensors = dict(tensors)

    def __getitem__(self, name: str) -> float:
        return float(self._tensors[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._tensors)

    def __len__(self) -> int:
        return len(self._tensors)


OnProgress = Callable[[Progress], None]


class Clock:
    """Times steps and says how long the rest will take.

    Steps at a finer scale cost more: each is weighted by its pixels, and the time per pixel is
    the median of the latest steps, so that one slow step (the first, which compiles) is no oracle.

    Args:
        plan: pixels of every step to come, in order.
    """

    LATEST = 20

    def __init__(self, plan: list[int]):
        self.plan = plan
        self.began = self.last = time.perf_counter()
        self.rates: list[float] = []
        self.step_seconds = 0.0

    def tick(self, done: int, steps: int = 1) -> None:
        """Call after step number `done`, from 1, and say for how many of the plan's steps it stands."""
        now = time.perf_counter()
        self.step_seconds, self.last = now - self.last, now
        rate = self.step_seconds / max(steps * self.plan[done - 1], 1)
        self.rates = [*self.rates[1 - self.LATEST :], rate]

    @property
    def seconds(self) -> float:
        """Since the clock was made."""
        return self.last - self.began

    def seconds_left(self, done: int) -> float:
        """Estimate for all steps after `done`."""
        return float(np.median(self.rates)) * sum(self.plan[done:]) if self.rates else float("nan")
