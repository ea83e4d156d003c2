"""L-BFGS on the device: quasi-Newton steps from the last few gradients."""

import math
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from keras import ops

from .backend import Tensor, compile_function, dtype_of, to_numpy, to_tensor
from .line_search import ROUNDING, Trial, line_search
from .optimizer_base import ObjectiveFunction, Optimizer
from .spectrum import precondition, spectrum

BUNDLE = 10  # the memory grows by so many pairs at a time: each length is compiled anew


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
        clip: Keeps the iterates within 0-1, as the picture that is saved: values at a bound stay there
            while the descent points beyond it, and the line search goes along the clipped path
            (projected quasi-Newton, Schmidt et al. 2009). neural-style does not; its losses are then
            those of a picture that nobody sees.
        power: Each step starts from an inverse Hessian that falls as this power of the spatial
            frequency, see `spectrum`; 0 is the plain method. Of 0, 0.5, 1 and 2 the smallest
            losses were 1's (docs/recipes.md). For the first size only: where a coarser scale
            has been painted the coarse structure is there, and 1 leaves blots of colour.
    """

    def __init__(
        self,
        image: Any,
        history: int = 10,
        first_step: float = 0.02,
        search_limit: int = 10,
        patience: int = 3,
        clip: bool = False,
        power: float = 0.0,
    ) -> None:
        super().__init__(image)
        self.clip, self.power = clip, power
        self.history = history
        self.first_step = first_step
        self.search_limit = search_limit
        self.patience = patience
        self._direct = compile_function(partial(_direction, clip=clip))
        self._move = compile_function(partial(_moved, clip=clip))
        self._compare = compile_function(_compared)
        self._start()

    def _start(self) -> None:
        """At a size: nothing is known of the curvature there."""
        nothing = ops.zeros_like(self.image)
        self._no_pair = (nothing, nothing, ops.sum(nothing))
        self._factors: tuple[Tensor, ...] = ()
        if self.power:
            height, width = self.image.shape[1:3]
            factors = spectrum(height, width, self.power).astype(dtype_of(self.image))
            self._factors = (to_tensor(factors),)
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
        pairs = self._pairs + [self._no_pair] * (-len(self._pairs) % BUNDLE)
        direction, *numbers = self._direct(self.image, self._gradient, pairs, self._scale, self._factors)
        gradient_norm, length, slope = (float(number) for number in numbers)
        if not math.isfinite(gradient_norm):
            self.reason = self._not_finite(self._loss)
            return None
        if gradient_norm == 0:
            self.reason = f"The gradient is zero at a loss of {self._loss:g}: a minimum, or a flat place."
            return None
        if not slope < 0:
            return None  # not a descent direction: the caller starts afresh
        first = 1.0
        if not self._pairs:
            first = self.first_step * math.sqrt(math.prod(self.image.shape)) / length

        def evaluate(step: float) -> Trial:
            factor = to_tensor(np.asarray(step, dtype_of(self.image)))
            image, along = self._move(self.image, direction, factor)
            loss, gradient = self._evaluate(objective, image)
            return Trial(step, loss, float(_dot(gradient, along)), (image, gradient))

        return line_search(evaluate, Trial(0.0, self._loss, slope), first, self.search_limit)

    def _accept(self, trial: Trial) -> None:
        image, gradient = trial.payload
        change, gradient_change, inverse, scale, curved = self._compare(
            image, self.image, gradient, self._gradient, self._factors
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
        self.power = 0.0
        self._start()

    def state(self) -> dict[str, np.ndarray]:
        """As `Optimizer.state`, with the memory, the gradient and the loss."""
        own = {
            "loss": np.array(self._loss),
            "scale": to_numpy(self._scale),
            "stalled": np.array([self._stalled, self._fresh]),
            "power": np.array(self.power),
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
        self.power = float(state["power"])
        self._start()
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


def _direction(
    image: Tensor,
    gradient: Tensor,
    pairs: list[tuple[Tensor, Tensor, Tensor]],
    scale: Tensor,
    factors: tuple[Tensor, ...],
    *,
    clip: bool,
) -> tuple[Tensor, ...]:
    """Minus the inverse Hessian times the gradient, in two loops over the memory.

    Pairs of zeros change nothing. With `clip`, values that stand at a bound and would leave 0-1 stay.

    Returns:
        The direction; the norms of the gradient and of the direction; the slope along it.
    """
    if clip:
        stuck = ops.logical_or(
            ops.logical_and(image <= 0.0, gradient > 0.0), ops.logical_and(image >= 1.0, gradient < 0.0)
        )
        free = ops.cast(ops.logical_not(stuck), gradient.dtype)
        gradient = gradient * free
    direction = -gradient
    weights = []
    for change, gradient_change, inverse in reversed(pairs):
        weights.append(inverse * _dot(change, direction))
        direction = direction - weights[-1] * gradient_change
    for spectral in factors:
        direction = precondition(direction, spectral)
    direction = scale * direction
    for (change, gradient_change, inverse), weight in zip(pairs, reversed(weights), strict=True):
        direction = direction + change * (weight - inverse * _dot(gradient_change, direction))
    if clip:
        direction = direction * free
    norms = (ops.sqrt(_dot(array, array)) for array in (gradient, direction))
    return direction, *norms, _dot(gradient, direction)


def _moved(image: Tensor, direction: Tensor, step: Tensor, *, clip: bool) -> tuple[Tensor, Tensor]:
    """The picture a step further along, and the direction in which it moves there."""
    moved = image + step * direction
    if not clip:
        return moved, direction
    clipped = ops.clip(moved, 0.0, 1.0)
    return clipped, direction * ops.cast(clipped == moved, direction.dtype)


def _compared(
    new: Tensor, old: Tensor, new_gradient: Tensor, old_gradient: Tensor, factors: tuple[Tensor, ...]
) -> tuple[Tensor, ...]:
    """A pair for the memory, its inverse product, the Hessian's inverse scale, and whether it curves."""
    change, gradient_change = new - old, new_gradient - old_gradient
    product, squares = _dot(change, gradient_change), _dot(gradient_change, gradient_change)
    curved = product > 1e-7 * ops.sqrt(_dot(change, change) * squares)
    for spectral in factors:
        squares = _dot(gradient_change, precondition(gradient_change, spectral))
    return change, gradient_change, 1 / product, product / squares, curved
