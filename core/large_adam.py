"""Adam for pictures of which a few copies fill the memory: its state lies on the host and changes in place.

An optimiser on the device makes new arrays at each step, ten of the picture's size at once; here there are
five, the gradient among them, and they may lie in files. A step is the same, band of rows by band of rows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from . import stores
from .adam import Adam
from .backend import dtype_of, to_numpy, to_tensor
from .optimizer_base import ObjectiveFunction, resize

BAND = 1 << 22  # numbers in a band


class LargeAdam(Adam):
    """Takes over from an `Adam` and goes on as it would.

    Attributes:
        image: the current iterate, an array on the host (1, height, width, 3).

    Args:
        adam: the optimiser to go on from.
        on_disk: whether pictures from the next `rescale` on lie in files.
    """

    name = "Adam"  # states are exchanged

    def __init__(self, adam: Adam, on_disk: bool = False) -> None:
        self.on_disk = on_disk
        super().__init__(
            np.zeros((1, 1, 1, 3), dtype_of(adam.image)),
            adam.learning_rate,
            adam.beta_1,
            adam.beta_2,
            adam.epsilon,
            adam.average_decay,
            adam.clip,
        )
        self.load_state(adam.state())
        self._change: tuple[float, float, np.ndarray, int] | None = None

    @property
    def result(self) -> Any:
        """As `Adam.result`, an array on the host."""
        average = self._average / np.asarray(1 - self.average_decay**self._averaged, self._average.dtype)
        return np.clip(average, 0.0, 1.0, out=average)

    def _bands(self) -> list[slice]:
        height, width = self.image.shape[1:3]
        rows = max(1, BAND // (3 * width))
        return [slice(start, min(start + rows, height)) for start in range(0, height, rows)]

    def step(self, objective: ObjectiveFunction) -> float:
        """Takes one step; returns the loss of the picture before it."""
        loss, gradient = self._evaluate(objective, self.image)
        gradient = to_numpy(gradient)
        if not (math.isfinite(loss) and all(np.isfinite(gradient[:, band]).all() for band in self._bands())):
            self.reason = self._not_finite(loss)
            return loss
        count = self.steps + 1
        root = math.sqrt(1 - self.beta_2**count)
        rate = self.learning_rate * root / (1 - self.beta_1**count)
        scalars = to_tensor(np.array([rate, self.epsilon * root], dtype_of(self.image)))
        arrays = (self.image, self._first, self._second, self._average)
        moved, squares, sums = 0.0, 0.0, np.zeros(3)
        for band in self._bands():
            old, first, second, average = (np.array(array[:, band]) for array in arrays)
            new = self._update(
                *map(to_tensor, (old, np.array(gradient[:, band]), first, second, average)),
                scalars,
            )
            for array, values in zip(arrays, new, strict=False):
                array[:, band] = to_numpy(values)
                stores.release(array)
            image = self.image[:, band].astype("float64")
            moved += float(np.sum((image - old) ** 2))
            squares += float(np.sum(image**2))
            sums += image.sum(axis=(0, 1, 2))
            stores.release(gradient)
        self._change = moved, squares, sums, self.image.size // 3
        self.steps = count
        self._averaged += 1
        return loss

    def relative_change(self, centre: Any = 0.0) -> float:
        """As `Optimizer.relative_change`."""
        if self._change is None:
            return float("inf")
        moved, squares, sums, pixels = self._change
        middle = np.broadcast_to(np.asarray(centre, "float64"), (3,))
        length = squares - 2 * float(middle @ sums) + pixels * float(middle @ middle)
        return math.sqrt(moved) / max(math.sqrt(max(length, 0.0)), 1e-12)

    def rescale(self, size: tuple[int, int], image: Any = None) -> None:
        """As `Adam.rescale`."""
        if image is None:
            image = self._resized(self.result, size)
            np.clip(image, 0.0, 1.0, out=image)
        else:
            image = self._keep(to_numpy(image))
        self.image = image
        self.reason = self._change = None
        self._first = self._resized(self._first, size)
        self._second = self._resized(self._second, size, "bilinear")
        np.maximum(self._second, 0, out=self._second)
        self._start_average()

    def _start_average(self) -> None:
        image = to_numpy(self.image)
        self._average = stores.make(image.shape, image.dtype, on_disk=self.on_disk)
        for band in self._bands():
            share = np.asarray(1 - self.average_decay, image.dtype)
            self._average[:, band] = share * image[:, band]
            stores.release(self._average)
        self._averaged = 1

    def _resized(self, array: np.ndarray, size: tuple[int, int], method: str = "bicubic") -> np.ndarray:
        shape = (1, *size, array.shape[-1])
        return resize(array, size, method, out=stores.make(shape, array.dtype, on_disk=self.on_disk))

    def _keep(self, array: np.ndarray) -> np.ndarray:
        kept = stores.make(array.shape, array.dtype, on_disk=self.on_disk)
        kept[...] = array
        stores.release(kept)
        return kept

    def state(self) -> dict[str, np.ndarray]:
        """As `Adam.state`; copies, since the arrays change in place."""
        return {name: np.array(value) for name, value in super().state().items()}

    def load_state(self, state: Mapping[str, np.ndarray]) -> None:
        """As `Adam.load_state`."""
        super().load_state(state)
        self.image, self._first, self._second, self._average = (
            self._keep(np.asarray(state[name])) for name in ("image", "first", "second", "average")
        )
        self._change = None
