"""The last touches to a painted picture: denoised, with its colours, and the photograph's alpha."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .colours import keep_colours
from .images import Picture
from .recipes import Settings


def finished(pixels: np.ndarray, content: Picture | None, settings: Settings) -> Picture:
    """The picture as it is shown and saved.

    Args:
        pixels: (height, width, 3) float32 of 0-1, of the content's size.
        content: the photograph; None for a texture.
        settings: of which `denoise` and `colours` are looked at.
    """
    if settings.denoise:
        from skimage.restoration import denoise_tv_chambolle

        pixels = denoise_tv_chambolle(pixels, weight=settings.denoise, channel_axis=-1).astype("float32")
    if content is None:
        return Picture(pixels)
    if settings.colours == "keep":
        pixels = keep_colours(pixels, content.pixels)
    return replace(content, pixels=pixels)
