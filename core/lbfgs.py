"""L-BFGS on the device: quasi-Newton steps from the last few gradients."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from keras import ops

from .backend import Tensor, dtype_of, to_numpy, to_tensor
from .line_search import ROUNDING, Trial, line_search
from .optimizer_base import ObjectiveFunction, Optimizer


class LBFGS(Optimizer):
    """Limited-memory BFGS (Nocedal & Wright 2006, algorithms 7.4 and 7.5) with a line search.

    A step is one iteration: mostly one evaluation of the objective, more where the line search needs
    them; `evaluations` counts. It restarts from the steepest descent where its memory no longer gives
    a smaller loss, and where that gives none either it stops and says why in `reason`.

    Args:
        image: Where to start, (1, height, width, 3) of 0-1.
        history: Pairs of steps and gradient changes to keep. neural-style's default is 100; 10 gets
            as far in as many evaluations, with less to compute and to hold.
        first_step: The root mean square of the first step along the steepest descent, in pixels of
            0-1: as large as Adam's first.
        search_limit: The most evaluations in one line search.
        patience: Steps in a row that may leave the loss as it is, up to rounding, before a restart,
            and after that before it stops.
    """

    def __init__(
        self,
        image: Any,
        history: int = 10,
        first_step: float = 0.02,
        search_limit: int = 10,
        patience: int = 3,
    ) -> None:
        super().__init__(image)
        self.history = history
        self.first_step = first_step
        self.search_limit = search_limit
        self.patience = patience
        self._forget()
        self._loss, self._gradient = math.nan, None

    def _forget(self) -> None:
        self._pairs: list[tuple[Tensor, Tensor, Tensor]] = []  # steps, gradient changes, 1 / their product
        self._scale: Tensor = to_tensor(np.ones((), dtype_of(self.image)))
        self._stalled = 0
        self._fresh = True  # no step has lowered the loss since the memory was emptied

    def step(self, objective: ObjectiveFunction) -> float:
        """Takes one step; returns the loss of the picture after it."""
        if self.reason:
            return self._loss
        if self._gradient is None:
            self._loss, self._gradient = self._evaluate(objective, self.image)
            if not math.isfinite(self._loss):
                self.reason = self._not_finite(self._loss)
                return self._loss
        trial = self._search(objective)
        if trial is None and self._pairs and not self.reason:
            self._forget()
            trial = self._search(objective)
        if trial is None:
            self.reason = self.reason or (
                f"No step along the steepest descent lowers the loss of {self._loss:g} any further:"
                " a minimum, as far as float32 can tell."
            )
            return self._loss
        self._accept(trial)
        return self._loss

    def _search(self, objective: ObjectiveFunction) -> Trial | None:
        """Looks along the quasi-Newton direction, or the steepest descent if there is no memory."""
        gradient_norm = float(ops.sqrt(_dot(self._gradient, self._gradient)))
        if not math.isfinite(gradient_norm):
            self.reason = self._not_finite(self._loss)
            return None
        if gradient_norm == 0:
            self.reason = f"The gradient is zero at a loss of {self._loss:g}: a minimum, or a flat place."
            return None
        direction = _direction(self._gradient, self._pairs, self._scale)
        slope = float(_dot(self._gradient, direction))
        if not slope < 0:
            return None  # not a descent direction: the caller starts afresh
        first = 1.0
        if not self._pairs:
            first = self.first_step * math.sqrt(math.prod(self.image.shape)) / gradient_norm

        def evaluate(step: float) -> Trial:
            image = self.image + to_tensor(np.asarray(step, dtype_of(self.image))) * direction
            loss, gradient = self._evaluate(objective, image)
            return Trial(step, loss, float(_dot(gradient, direction)), (image, gradient))

        return line_search(evaluate, Trial(0.0, self._loss, slope), first, self.search_limit)

    def _accept(self, trial: Trial) -> None:
        image, gradient = trial.payload
        change, gradient_change, inverse, scale, curved = _compare(
            image, self.image, gradient, self._gradient
        )
        if bool(curved):
            self._pairs = [*self._pairs, (change, gradient_change, inverse)][-self.history :]
            self._scale = scale
        flat = self._loss - trial.loss <= ROUNDING * abs(self._loss)
        self._stalled = self._stalled + 1 if flat else 0
        self._previous, self.image = self.image, image
        self._loss, self._gradient = trial.loss, gradient
        self.steps += 1
        if not flat:
            self._fresh = False
        elif self._stalled >= self.patience:
            if self._fresh:
                self.reason = (
                    f"The loss stays at {self._loss:g}, also after a restart:"
                    " a minimum, as far as float32 can tell."
                )
            else:
                self._forget()

    def rescale(self, size: tuple[int, int], image: Any = None) -> None:
        """Goes on at another size with an empty memory: curvature does not carry over."""
        super().rescale(size, image)
        self._forget()
        self._loss, self._gradient = math.nan, None

    def state(self) -> dict[str, np.ndarray]:
        """As `Optimizer.state`, with the memory, the gradient and the loss."""
        own = {
            "loss": np.array(self._loss),
            "scale": to_numpy(self._scale),
            "stalled": np.array([self._stalled, self._fresh]),
        }
        if self._gradient is not None:
            own["gradient"] = to_numpy(self._gradient)
        for column, name in enumerate(("changes", "gradient_changes", "inverses")):
            if self._pairs:
                own[name] = np.stack([to_numpy(pair[column]) for pair in self._pairs])
        return super().state() | own

    def load_state(self, state: Mapping[str, np.ndarray]) -> None:
        """As `Optimizer.load_state`."""
        super().load_state(state)
        self._loss = float(state["loss"])
        self._scale = to_tensor(np.asarray(state["scale"]))
        self._stalled, self._fresh = int(state["stalled"][0]), bool(state["stalled"][1])
        self._gradient = to_tensor(np.asarray(state["gradient"])) if "gradient" in state else None
        columns = [state[name] for name in ("changes", "gradient_changes", "inverses") if name in state]
        self._pairs = [
            (to_tensor(one), to_tensor(two), to_tensor(three))
            for one, two, three in zip(*columns, strict=True)
        ][-self.history :]


def _dot(x: Tensor, y: Tensor) -> Tensor:
    return ops.sum(x * y)


def _direction(gradient: Tensor, pairs: list[tuple[Tensor, Tensor, Tensor]], scale: Tensor) -> Tensor:
    """Minus the inverse Hessian times the gradient, in two loops over the memory.

    Not compiled: its length changes, and at a millisecond or two for a pair it is no part of the time.
    """
    direction = -gradient
    weights = []
    for change, gradient_change, inverse in reversed(pairs):
        weights.append(inverse * _dot(change, direction))
        direction = direction - weights[-1] * gradient_change
    direction = scale * direction
    for (change, gradient_change, inverse), weight in zip(pairs, reversed(weights), strict=True):
        direction = direction + change * (weight - inverse * _dot(gradient_change, direction))
    return direction


def _compare(new: Tensor, old: Tensor, new_gradient: Tensor, old_gradient: Tensor) -> tuple[Tensor, ...]:
    """A pair for the memory, its inverse product, the Hessian's inverse scale, and whether it curves."""
    change, gradient_change = new - old, new_gradient - old_gradient
    product, squares = _dot(change, gradient_change), _dot(gradient_change, gradient_change)
    curved = product > 1e-7 * ops.sqrt(_dot(change, change) * squares)
    return change, gradient_change, 1 / product, product / squares, curved
