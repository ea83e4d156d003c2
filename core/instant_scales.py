"""Coarse to fine: which sizes a picture is painted at, and what goes from one to the next.

A picture is painted small first, where a brush stroke is as large as the network sees. What comes of it is
enlarged and given back a share of the photograph's own detail, which is what the small picture did not hold
(the Laplacian band of Burt & Adelson 1983); the pass at that size begins there.

    for shrink in schedule(512, 340):  # 4, 2, 1
        small = reduced(photograph, shrink)
        picture = small if before is None else joined(small, *before)
        ...                            # paint it
        before = small, picture
"""

from __future__ import annotations

import math

import numpy as np

from .resizing import lanczos

FIRST = 128  # longest side that is painted first, in pixels, or what is nearest: where `quality` begins too
LEAST = 32  # and no shorter side below this
DETAIL = 0.65  # share of the photograph's detail that a painting from below is given back; docs/instant.md


def schedule(height: int, width: int) -> list[int]:
    """By how much the picture is shrunk, coarse to fine.

    Args:
        height, width: of the finished picture, in pixels.
    """
    shrinks = [1]
    while (
        max(height, width) > math.sqrt(2) * shrinks[0] * FIRST
        and min(height, width) >= 2 * shrinks[0] * LEAST
    ):
        shrinks.insert(0, 2 * shrinks[0])
    return shrinks


def reduced(picture: np.ndarray, shrink: int) -> np.ndarray:
    """A picture or a mask (height, width, channels), made smaller by a whole number."""
    if shrink == 1:
        return picture
    height, width = (max(1, round(side / shrink)) for side in picture.shape[:2])
    return np.clip(_resized(picture, (height, width)), 0, 1)


def joined(
    photograph: np.ndarray, small: np.ndarray, painted: np.ndarray, kept: float | np.ndarray = DETAIL
) -> np.ndarray:
    """What was painted below, enlarged, with a share of the photograph's own detail.

    Args:
        photograph: (height, width, 3) of 0-1.
        small: the same, reduced.
        painted: what became of the small one, of its shape.
        kept: the share, a number or (height, width, 1).
    """
    return with_detail(painted, finer(photograph, small), kept)


def finer(photograph: np.ndarray, small: np.ndarray) -> np.ndarray:
    """The photograph's own detail: by what it differs from the small one, enlarged."""
    return photograph - _resized(small, photograph.shape[:2])


def with_detail(painted: np.ndarray, detail: np.ndarray, kept: float | np.ndarray) -> np.ndarray:
    """A small painting, enlarged to the size of some detail, with a share of that."""
    return np.clip(_resized(painted, detail.shape[:2]) + kept * detail, 0, 1)


def _resized(planes: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return np.stack([lanczos(planes[..., k], size) for k in range(planes.shape[-1])], axis=-1)
