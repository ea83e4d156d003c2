"""Resizing on floats: Lanczos, antialiased, and blind to the colours of transparent pixels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .samples import unit

Floats = NDArray[np.float32]


def lanczos(plane: Floats, size: tuple[int, int], box: tuple[float, float] | None = None) -> Floats:
    """Resizes one channel with Pillow's Lanczos filter of three lobes, widened on the way down.

    Args:
        plane: (height, width).
        size: (height, width) wanted.
        box: (width, height), fractions allowed, of the part of `plane` to show; `None` is all.

    Returns:
        Floats of that size, which may overshoot the range of `plane` a little; not to be written to, which
        spares a copy.
    """
    part = None if box is None else (0.0, 0.0, *box)
    image = Image.fromarray(np.ascontiguousarray(plane, dtype=np.float32))
    return np.asarray(image.resize((size[1], size[0]), Image.Resampling.LANCZOS, box=part))


def resample(
    colours: NDArray[Any],
    alpha: NDArray[Any] | None,
    size: tuple[int, int],
    box: tuple[float, float] | None = None,
) -> tuple[Floats, Floats | None]:
    """Resizes colours weighted by their alpha, one channel at a time to spare memory.

    Args:
        colours: (height, width, channels), uint8, uint16, or float32 of 0–1.
        alpha: (height, width) of such numbers, or `None`.
        size: (height, width) wanted.
        box: as `lanczos`'s.

    Returns:
        Colours (*size, channels) and alpha (*size) or `None`, as float32 of 0–1.
    """
    cover = None if alpha is None else unit(alpha)
    new_cover = None if cover is None else lanczos(cover, size, box)
    pixels = np.empty((*size, colours.shape[-1]), np.float32)
    for channel in range(colours.shape[-1]):
        plane = unit(colours[..., channel])
        new = lanczos(plane, size, box)
        if cover is not None and new_cover is not None:
            weighted = lanczos(plane * cover, size, box)
            # Where nothing shows there is no weighted colour: the plain one stays.
            new = np.divide(weighted, new_cover, out=new.copy(), where=new_cover > 1 / 255)
        pixels[..., channel] = new
    alpha = None if new_cover is None else np.clip(new_cover, 0, 1)
    return np.clip(pixels, 0, 1, out=pixels), alpha
