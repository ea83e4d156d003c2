"""Taking tiles' windows out of maps on the host, and putting tiles back."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from . import stores
from .backend import Tensor, to_tensor
from .tile_grid import Tile


def window(source: np.ndarray, tile: Tile) -> Tensor:
    """A tile's window of a map, on the device."""
    return to_tensor(np.ascontiguousarray(source[tile.window]))


def _inside(tile: Tile, stride: int, shape: Sequence[int]) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """A tile's own positions in a map of that stride and in its window, each as (rows, columns)."""
    own, local = [], []
    for span, length in zip((tile.rows, tile.columns), shape[1:3], strict=True):
        inside, _ = span.at(stride, length)
        first = span.first // stride
        own.append(slice(inside.start + first, inside.stop + first))
        local.append(inside)
    return (own[0], own[1]), (local[0], local[1])


def write(target: np.ndarray, values: np.ndarray, tile: Tile, stride: int, shape: Sequence[int]) -> None:
    """Puts a tile's own positions, of a window of that stride, where they belong."""
    own, local = _inside(tile, stride, shape)
    target[:, own[0], own[1]] = values[:, local[0], local[1]]
    stores.release(target)


def own_only(source: np.ndarray, tile: Tile, stride: int, shape: Sequence[int]) -> np.ndarray:
    """A window of a map of that stride, 0 outside the tile's own positions."""
    own, local = _inside(tile, stride, shape)
    sides = [span.last // stride - span.first // stride for span in (tile.rows, tile.columns)]
    result = np.zeros((1, *sides, source.shape[-1]), source.dtype)
    result[:, local[0], local[1]] = source[:, own[0], own[1]]
    return result


def map_for(source: np.ndarray, values: np.ndarray, stride: int, on_disk: bool) -> np.ndarray:
    """An empty map of that stride over a source, of such channels and numbers as a tile's values have."""
    height, width = (side // stride for side in source.shape[1:3])
    return stores.make((1, height, width, values.shape[-1]), values.dtype, on_disk=on_disk)
