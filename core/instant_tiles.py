"""Which pieces a picture is painted in by `instant.py`, and how far each sees beyond its border.

for inner, outer in windows(picture, tile=1088):
    painted[inner] = paint(picture[outer])[inside(inner, outer)]
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np

STRIDE = 8  # pixels of the picture to a position of the deepest level
# Pixels, a multiple of `STRIDE`, that are mirrored around a picture: the networks pad by zeros, which draws a
# frame, and the frame is cut off with the margin (docs/instant.md).
MARGIN = 8
HALO = 80  # how far beyond a tile a pixel in it can see, in pixels; tests/core/test_instant.py measures it

Window = tuple[slice, slice]


def windows(picture: np.ndarray, tile: int) -> Iterator[tuple[Window, Window]]:
    """For each tile where it lies, and where what it sees lies: cut off at the picture's border only.

    Args:
        picture: (height, width, ...), the sides multiples of `STRIDE`.
        tile: a tile's longest side, in pixels, a multiple of `STRIDE`.
    """
    axes = []
    for length in picture.shape[:2]:
        count = -(-length // tile)
        side = -(-length // count // STRIDE) * STRIDE
        starts = range(0, length, side)
        axes.append(
            [
                (slice(s, min(s + side, length)), slice(max(0, s - HALO), min(s + side + HALO, length)))
                for s in starts
            ]
        )
    for (rows, outer_rows), (columns, outer_columns) in product(*axes):
        yield (rows, columns), (outer_rows, outer_columns)


def inside(inner: Window, outer: Window, stride: int = 1) -> Window:
    """Where a tile lies in what it sees, in positions of so many pixels."""
    rows, columns = (
        slice((i.start - o.start) // stride, (i.stop - o.start) // stride)
        for i, o in zip(inner, outer, strict=True)
    )
    return rows, columns


def placed(weights: np.ndarray, inner: Window, outer: Window) -> np.ndarray:
    """A tile's weights where it sees, nothing beyond its own border."""
    own = np.zeros_like(weights[outer])
    own[inside(inner, outer)] = weights[inner]
    return own


def padded(array: np.ndarray, mode: str = "symmetric") -> np.ndarray:
    """A picture with a margin of `MARGIN` pixels, and more until both sides are multiples of `STRIDE`.

    Args:
        array: (height, width, channels), the sides `MARGIN` or more.
        mode: as NumPy's: what is in the margin, by default the picture mirrored.
    """
    beyond = [(MARGIN, MARGIN + -side % STRIDE) for side in array.shape[:2]]
    return np.pad(array, (*beyond, (0, 0)), mode=mode)  # type: ignore[call-overload]


def unpadded(array: np.ndarray, like: np.ndarray) -> np.ndarray:
    """Of what was made of a padded picture, what lies where the picture was."""
    height, width = like.shape[:2]
    return array[MARGIN : MARGIN + height, MARGIN : MARGIN + width]
