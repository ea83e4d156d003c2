"""Where `--method refine` takes a pass of the one-pass network in place of optimiser's steps.

    begun(photograph, styles, weights, settings, (96, 128))     # what to start from, at the first scale
    led_on(painted, photograph, styles, weights, settings)      # and at the full size

The optimiser is good at large strokes, which are cheap while the picture is small; the network is good at
fine ones, whose steps are dear. So the scales between half and the full size are left out, and one pass
takes their place (our own; measured in docs/instant.md).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .images import Picture
from .instant import OnTile
from .instant_run import instant_pixels
from .optimizer_base import resize
from .recipes import Settings
from .styles import Style


def begun(
    photograph: Picture,
    styles: Sequence[Style],
    weights: Sequence[float],
    settings: Settings,
    size: tuple[int, int],
) -> np.ndarray:
    """The instant picture, (height, width, 3) of 0-1.

    Args:
        photograph: of any size.
        styles: one or several.
        weights: their blend, summing to 1.
        settings: how to paint.
        size: (height, width) of what is painted.

    Raises:
        NotEnoughMemory: one pass does not fit.
    """
    return instant_pixels(Picture(_resized(photograph.pixels, size)), styles, weights, settings)


def led_on(
    painted: np.ndarray,
    photograph: Picture,
    styles: Sequence[Style],
    weights: Sequence[float],
    settings: Settings,
    on_tile: OnTile,
) -> np.ndarray:
    """One pass at the photograph's size that goes on from a smaller painting, (height, width, 3) of 0-1.

    Args:
        painted: the painting, (height, width, 3) of 0-1.
        photograph, styles, weights, settings: as `begun`'s.
        on_tile: called after each tile; may raise.

    Raises:
        NotEnoughMemory: as `begun`.
    """
    small = _resized(photograph.pixels, painted.shape[:2])
    return instant_pixels(
        photograph, styles, weights, settings, on_tile=on_tile, begun=(small, painted.astype("float32"))
    )


def _resized(pixels: np.ndarray, size: Sequence[int]) -> np.ndarray:
    if pixels.shape[:2] == tuple(size):
        return pixels
    return np.clip(resize(pixels[None], (size[0], size[1])), 0, 1)[0]
