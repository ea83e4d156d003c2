"""How much of a picture lies at which scale: the deviation of its luminance within bands of frequency.

`BRUSHWORK` is what the eye calls strokes, `RIPPLE` the crinkle and noise above them; both in cycles a
pixel of a picture whose longest side is 512.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.fft import dctn

from impasto.core.colours import LUMA

BRUSHWORK = (0.03, 0.08)
RIPPLE = (0.2, math.inf)


def deviation(pixels: np.ndarray, band: tuple[float, float]) -> float:
    """The standard deviation that luminance has within a band.

    By the cosine transform, which continues a picture as its own mirror image: the Fourier transform would
    set the left edge beside the right one, and the jump between them would count as ripple.

    Args:
        pixels: (height, width, 3), 0–1.
        band: lowest and highest frequency in cycles a pixel, whatever its direction.
    """
    luminance = np.asarray(pixels, "float64") @ LUMA.astype("float64")
    amplitudes = dctn(luminance, norm="ortho")  # orthonormal: squares sum to those of the pixels
    down, across = (np.arange(side) / (2 * side) for side in luminance.shape)
    frequency = np.hypot(down[:, None], across)
    inside = (frequency >= band[0]) & (frequency <= band[1])
    return math.sqrt(float((amplitudes[inside] ** 2).mean() * inside.mean())) if inside.any() else 0.0
