"""Where tiles lie: the part of a map that each is answerable for, and the window that it is computed from.

Windows are cut off at the map's border, so that padding acts there and nowhere else, and begin at multiples
of the stride, so that poolings see the groups that they see in the whole. All windows of a grid are of one
size but for those at the far border, where the rest of a division is: one compilation serves nearly all.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise, product


@dataclass(frozen=True)
class Span:
    """One axis of a tile, in positions: from `start` to `stop`, its window from `first` to `last`."""

    start: int
    stop: int
    first: int
    last: int

    def at(self, stride: int, length: int) -> tuple[slice, int]:
        """The tile's own positions within its window at a layer of that stride, and the window's length.

        Args:
            stride: of the layer, in positions of the map.
            length: of the map.
        """
        stop = self.stop // stride if self.stop < length else length // stride
        first = self.first // stride
        return slice(self.start // stride - first, stop - first), self.last // stride - first


@dataclass(frozen=True)
class Tile:
    """A tile of a map: its rows and its columns."""

    rows: Span
    columns: Span

    @property
    def window(self) -> tuple[slice, slice, slice]:
        """Index of the window in a (1, height, width, channels) array."""
        return (
            slice(None),
            slice(self.rows.first, self.rows.last),
            slice(self.columns.first, self.columns.last),
        )

    @property
    def own(self) -> tuple[slice, slice, slice]:
        """Index of the tile's own positions in such an array."""
        return (
            slice(None),
            slice(self.rows.start, self.rows.stop),
            slice(self.columns.start, self.columns.stop),
        )


def spans(length: int, count: int, stride: int, halo: tuple[int, int]) -> list[Span]:
    """Divides an axis.

    Args:
        length: positions.
        count: tiles wanted; there are fewer where the axis is too short for as many.
        stride: tiles begin at multiples of it.
        halo: positions needed before and after a tile.
    """
    marks = sorted({*(round(length * i / count / stride) * stride for i in range(count)), 0})
    edges = [mark for mark in marks if mark < max(length // stride * stride, 1)] + [length]
    side = window_side(max(stop - start for start, stop in pairwise(edges)), stride, halo)
    latest = max(0, math.ceil((length - side) / stride) * stride)
    result = []
    for start, stop in pairwise(edges):
        first = min(max(0, math.floor((start - halo[0]) / stride) * stride), latest)
        result.append(Span(start, stop, first, min(length, first + side)))
    return result


def window_side(own: int, stride: int, halo: tuple[int, int]) -> int:
    """Positions of a window whose tile has `own`, where no border cuts it off."""
    return math.ceil(halo[0] / stride) * stride + math.ceil((own + halo[1]) / stride) * stride


def grid(size: tuple[int, int], counts: tuple[int, int], stride: int, halo: tuple[int, int]) -> list[Tile]:
    """Divides a map of (height, width) into about (rows, columns) of tiles, row by row; see `spans`."""
    along = [spans(length, count, stride, halo) for length, count in zip(size, counts, strict=True)]
    return [Tile(rows, columns) for rows, columns in product(*along)]
