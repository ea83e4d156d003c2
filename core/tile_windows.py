"""Taking tiles' windows out of maps on the host, and putting tiles back."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from . import stores
from .backend import Tensor, to_numpy, to_tensor
from .tile_grid import Tile


def window(source: np.ndarray, tile: Tile) -> Tensor:
    """A tile's window of a map, on the device."""
    found = np.ascontiguousarray(source[tile.window])
    stores.release(source)
    return to_tensor(found)


def _inside(tile: Tile, stride: int, shape: Sequence[int]) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """A tile's own positions in a map of that stride and in its window, each as (rows, columns)."""
    own, local = [], []
    for span, length in zip((tile.rows, tile.columns), shape[1:3], strict=True):
        inside, _ = span.at(stride, length)
        first = span.first // stride
        own.append(slice(inside.start + first, inside.stop + first))
        local.append(inside)
    return (own[0], own[1]), (local[0], local[1])


def own_only(source: np.ndarray, tile: Tile, stride: int, shape: Sequence[int]) -> np.ndarray:
    """A window of a map of that stride, 0 outside the tile's own positions."""
    own, local = _inside(tile, stride, shape)
    sides = [span.last // stride - span.first // stride for span in (tile.rows, tile.columns)]
    result = np.zeros((1, *sides, source.shape[-1]), source.dtype)
    result[:, local[0], local[1]] = source[:, own[0], own[1]]
    return result


class StitchedMap:
    """A map that is put together of tiles as they come.

    Args:
        source: the map that the tiles divide, (1, height, width, channels).
        stride: positions of the source, along an axis, for one of this map.
        on_disk: whether it lies in a file.

    Attributes:
        array: (1, height / stride, width / stride, channels); None before the first tile.
    """

    def __init__(self, source: np.ndarray, stride: int, on_disk: bool):
        self._shape, self._stride, self._on_disk = source.shape, stride, on_disk
        self.array: np.ndarray | None = None

    def put(self, tile: Tile, values: Tensor) -> None:
        """Puts a tile's own positions, of its window's values, where they belong."""
        values = to_numpy(values)
        if self.array is None:
            height, width = (side // self._stride for side in self._shape[1:3])
            shape = (1, height, width, values.shape[-1])
            self.array = stores.make(shape, values.dtype, on_disk=self._on_disk)
        own, local = _inside(tile, self._stride, self._shape)
        self.array[:, own[0], own[1]] = values[:, local[0], local[1]]
        stores.release(self.array)
