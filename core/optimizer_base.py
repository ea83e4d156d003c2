"""What every optimiser shares: the picture it changes, its counts, rescaling, saving and resuming."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from keras import ops
from PIL import Image

from .backend import Tensor, to_numpy, to_tensor
from .errors import UsageError

# Takes a picture, gives its loss, the loss's parts, and the gradient: an `Objective`.
ObjectiveFunction = Callable[[Tensor], tuple[Tensor, dict[str, Tensor], Tensor]]


def resize(
    array: np.ndarray, size: tuple[int, int], method: str = "bicubic", out: np.ndarray | None = None
) -> np.ndarray:
    """Resizes a batch of one on the host, so that every backend gives the same numbers.

    Args:
        array: Shape (1, height, width, channels), any float dtype.
        size: The new (height, width).
        method: ``"bicubic"`` or ``"bilinear"``; smaller sizes are averaged over as well.
        out: An array to put the result into.

    Returns:
        Shape (1, *size, channels), the dtype of ``array``.
    """
    filters = {"bicubic": Image.Resampling.BICUBIC, "bilinear": Image.Resampling.BILINEAR}
    height, width = size
    if out is None:
        out = np.empty((1, *size, array.shape[-1]), array.dtype)
    for channel in range(array.shape[-1]):  # one at a time, to spare memory
        plane = Image.fromarray(np.ascontiguousarray(array[0, ..., channel], "float32"))
        out[0, ..., channel] = np.asarray(plane.resize((width, height), filters[method]))
    return out


class Optimizer:
    """Changes a picture step by step so that an objective becomes small.

    Attributes:
        image: The current iterate, a tensor (1, height, width, 3) of 0-1.
        steps: Steps taken, over all scales.
        evaluations: Times the objective was evaluated, over all scales; neural-style counts these.
        parts: The parts of the loss at the last evaluation, scalar tensors by name.
        reason: None, or a sentence saying why there is nothing more to do.

    Args:
        image: Where to start: an array or tensor (1, height, width, 3) of 0-1.
    """

    name = ""  # in saved states; the class's own by default

    def __init__(self, image: Any) -> None:
        self.image: Tensor = to_tensor(image)
        self.steps = 0
        self.evaluations = 0
        self.parts: dict[str, Tensor] = {}
        self.reason: str | None = None
        self._previous: Tensor | None = None

    @property
    def result(self) -> Tensor:
        """The picture to show or save: a tensor like `image`, within 0-1."""
        return ops.clip(self.image, 0.0, 1.0)

    def step(self, objective: ObjectiveFunction) -> float:
        """Takes one step.

        Args:
            objective: An `Objective`, or any function like it.

        Returns:
            The loss: of the picture before the step for Adam and SGD, after it for L-BFGS.
        """
        raise NotImplementedError

    def rescale(self, size: tuple[int, int], image: Any = None) -> None:
        """Goes on at another size: the result, resized, is the new start.

        Call it also when the objective changes without a change of size.

        Args:
            size: The new (height, width).
            image: Another picture of that size to start from, instead of the result.
        """
        if image is None:
            image = np.clip(resize(to_numpy(self.result), size), 0.0, 1.0)
        self.image = to_tensor(image)
        self.reason = None
        self._previous = None

    def relative_change(self, centre: Any = 0.0) -> float:
        """‖new - old‖ / ‖new‖ of the last step: what MXNet's ``--stop-eps`` is compared with.

        Args:
            centre: Subtracted from both, a number or three; that tool's pixels are minus their means.

        Returns:
            The change, or infinity before the first step at a size.
        """
        if self._previous is None:
            return float("inf")
        new, old = to_numpy(self.image), to_numpy(self._previous)
        length = float(np.linalg.norm(new - np.asarray(centre)))
        return float(np.linalg.norm(new - old)) / max(length, 1e-12)

    def state(self) -> dict[str, np.ndarray]:
        """All that `load_state` needs to go on bit for bit, as arrays that ``numpy.savez`` can hold."""
        counts = np.array([self.steps, self.evaluations], "int64")
        return {"optimizer": np.array(self._saved_as), "image": to_numpy(self.image), "counts": counts}

    @property
    def _saved_as(self) -> str:
        return self.name or type(self).__name__

    def load_state(self, state: Mapping[str, np.ndarray]) -> None:
        """Takes over a saved state.

        Args:
            state: What `state` gave, of an optimiser of the same class and settings.

        Raises:
            UsageError: If the state is another optimiser's.
        """
        saved = str(state["optimizer"])
        if saved != self._saved_as:
            raise UsageError(
                f"The saved run used another optimiser. Expected {self._saved_as}. Received: {saved}"
            )
        self.image = to_tensor(np.asarray(state["image"]))
        self.steps, self.evaluations = (int(count) for count in state["counts"])
        self.reason = None
        self._previous = None

    def _evaluate(self, objective: ObjectiveFunction, image: Tensor) -> tuple[float, Tensor]:
        """The loss on the host and the gradient on the device; counts the evaluation."""
        loss, self.parts, gradient = objective(image)
        self.evaluations += 1
        return float(loss), gradient

    def _not_finite(self, loss: float) -> str:
        return (
            f"The loss or its gradient is not a number after {self.evaluations} evaluations (loss {loss:g});"
            " the last good picture is kept. A smaller learning rate or smaller weights may help."
        )
