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

BAND = 1 << 19  # numbers in a band: a step holds some twenty such arrays
_ARRAYS = ("image", "_first", "_second", "_average")


class LargeAdam(Adam):
    """Takes over from an `Adam` and goes on as it would.

    Attributes:
        image: the current iterate, an array on the host (1, height, width, 3).

    Args:
        adam: the optimiser to go on from.
        on_disk: whether pictures from now on lie in files.
        spent: whether `adam` is not used again: then its arrays go as they are taken over, so that there
            are never two of each.
    """

    name = "Adam"  # states are exchanged

    def __init__(self, adam: Adam, on_disk: bool = False, *, spent: bool = False) -> None:
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
        self.steps, self.evaluations, self._averaged = adam.steps, adam.evaluations, adam._averaged
        if spent:
            adam._previous = None
        for name in _ARRAYS:
            taken = getattr(adam, name)
            if spent:
                setattr(adam, name, None)
            setattr(self, name, self._keep(to_numpy(taken), own=spent or not isinstance(taken, np.ndarray)))
            del taken
        self._change: tuple[float, float, np.ndarray, int] | None = None

    @property
    def result(self) -> Any:
        """As `Adam.result`, an array on the host."""
        share = np.asarray(1 - self.average_decay**self._averaged, self._average.dtype)
        result = np.empty(self._average.shape, self._average.dtype)
        for band in self._bands():
            np.divide(self._average[:, band], share, out=result[:, band])
            np.clip(result[:, band], 0.0, 1.0, out=result[:, band])
            stores.release(self._average)
        return result

    def _bands(self) -> list[slice]:
        return self._bands_of(self.image)

    @staticmethod
    def _bands_of(array: np.ndarray) -> list[slice]:
        height, width = array.shape[1:3]
        rows = max(1, BAND // (3 * width))
        return [slice(start, min(start + rows, height)) for start in range(0, height, rows)]

    def step(self, objective: ObjectiveFunction) -> float:
        """Takes one step; returns the loss of the picture before it."""
        loss, gradient = self._evaluate(objective, self.image)
        gradient = to_numpy(gradient)
        if not (math.isfinite(loss) and self._is_finite(gradient)):
            self.reason = self._not_finite(loss)
            return loss
        count = self.steps + 1
        root = math.sqrt(1 - self.beta_2**count)
        rate = self.learning_rate * root / (1 - self.beta_1**count)
        scalars = self._zero + rate, self._zero + self.epsilon * root
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
            stores.release(self.image)
        self._change = moved, squares, sums, self.image.size // 3
        self.steps = count
        self._averaged += 1
        return loss

    def _is_finite(self, gradient: np.ndarray) -> bool:
        for band in self._bands():
            if not np.isfinite(gradient[:, band]).all():
                return False
            stores.release(gradient)
        return True

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
        share = self._share_at(size, image)
        if image is None:
            image = stores.make((1, *size, self.image.shape[-1]), self.image.dtype, on_disk=self.on_disk)
            resize(self.result, size, out=image)
            for band in self._bands_of(image):
                np.clip(image[:, band], 0.0, 1.0, out=image[:, band])
                stores.release(image)
        else:
            image = self._keep(to_numpy(image))
        self.image = self._average = image
        self.reason = self._change = None
        self._first = self._resized(self._first, size)
        self._second = self._resized(self._second, size, "bilinear")
        for band in self._bands():
            self._first[:, band] *= share
            np.maximum(self._second[:, band], 0, out=self._second[:, band])
            self._second[:, band] *= share**2
            stores.release(self._first)
            stores.release(self._second)
        self._start_average()

    def _start_average(self) -> None:
        image = to_numpy(self.image)
        self._average = stores.make(image.shape, image.dtype, on_disk=self.on_disk)
        for band in self._bands():
            share = np.asarray(1 - self.average_decay, image.dtype)
            self._average[:, band] = share * image[:, band]
            stores.release(self._average)
            stores.release(image)
        self._averaged = 1

    def _resized(self, array: np.ndarray, size: tuple[int, int], method: str = "bicubic") -> np.ndarray:
        new = stores.make((1, *size, array.shape[-1]), array.dtype, on_disk=self.on_disk)
        if self.steps:  # else they are zeros still
            resize(array, size, method, out=new)
            stores.release(array)
            stores.release(new)
        return new

    def _keep(self, array: np.ndarray, own: bool = False) -> np.ndarray:
        """The array where arrays are to lie: itself if it is this optimiser's own and lies there already."""
        if own and array.flags.writeable and (isinstance(array, np.memmap) or not self.on_disk):
            return array
        kept = stores.make(array.shape, array.dtype, on_disk=self.on_disk)
        for band in self._bands_of(array):
            kept[:, band] = array[:, band]
            stores.release(kept)
            stores.release(array)
        return kept

    def state(self) -> dict[str, np.ndarray]:
        """As `Adam.state`; copies, since the arrays change in place."""
        return {name: np.array(value) for name, value in super().state().items()}

    def load_state(self, state: Mapping[str, np.ndarray]) -> None:
        """As `Adam.load_state`."""
        pictures = {
            name: self._keep(np.asarray(state[name])) for name in ("image", "first", "second", "average")
        }
        small = {name: np.zeros((1, 1, 1, 3), array.dtype) for name, array in pictures.items()}
        super().load_state({**state, **small})
        self.image, self._first, self._second, self._average = pictures.values()
        self._change = None
