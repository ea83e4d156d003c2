"""What a painting starts from beside the photograph: noise, and the styles' palette."""

from __future__ import annotations

import numpy as np

from impasto.models.register import MEANS

from .recipes import Settings

# Caffe's mean colour on the 0-1 scale, red first: where the original tools' noise is centred.
MEAN_COLOUR = np.array(MEANS[::-1], "float32") / 255


def noise(settings: Settings, height: int, width: int) -> np.ndarray:
    """Noise round the mean colour to start from, (height, width, 3) float32, clipped to 0-1."""
    random = np.random.default_rng(settings.seed)
    shape = (height, width, 3)
    if settings.noise_kind == "uniform":
        values = random.uniform(-settings.noise, settings.noise, shape)
    else:
        values = random.normal(0, settings.noise, shape)
    return np.clip(MEAN_COLOUR + values, 0, 1).astype("float32")


def palette(pictures: list[np.ndarray], weights: list[float], count: int = 20_000) -> np.ndarray:
    """Pixels of several pictures, as many of each as it weighs: their blended palette.

    Args:
        pictures: (height, width, 3) each, 0-1.
        weights: one for each picture, summing to 1.
        count: pixels to draw.

    Returns:
        About (1, count, 3), 0-1; always the same pixels for the same pictures.
    """
    random = np.random.default_rng(0)
    flat = [picture.reshape(-1, 3) for picture in pictures]
    drawn = [p[random.integers(len(p), size=round(count * w))] for p, w in zip(flat, weights, strict=True)]
    return np.concatenate(drawn)[None]
