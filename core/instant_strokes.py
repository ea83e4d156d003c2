"""The first strokes of an instant picture: a few steps of the optimiser at the smallest size.

A trained pass goes on from strokes that are there better than it begins some. At the smallest size, where a
stroke is a few pixels long, whole steps of Adam are cheap and paint the large ones;
the passes at the sizes above make fine ones of them (docs/instant.md has the figures).

    picture = strokes(recoloured(photograph, aims, None, 1.0), descent, LEARNING_RATE)

`descent` is where the recipe's loss falls, as the untrained decoder computes it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from .instant_maps import Moments, added, affine_map, moments_from, weighted_sums

STEPS = 6
STROKES_A_MAP = 2  # what brings statistics together is found for so many strokes at once: a sixth of the time
LEARNING_RATE = 0.02  # in units of 0-1, as the recipe's; 0.03 paints bolder and bends faces
BETA_1, BETA_2, EPSILON = 0.9, 0.99, 1e-8  # as core/adam.py
LEAST_REGION = 256.0  # pixels; a smaller region has no statistics of its own and takes the picture's


def recoloured(
    photograph: np.ndarray, aims: Sequence[Moments], regions: np.ndarray | None, share: float
) -> np.ndarray:
    """A photograph with a style's colours, or with several in regions of their own.

    Args:
        photograph: (height, width, 3) of 0-1.
        aims: the statistics of the colours of each region's style; of one where there are no regions.
        regions: each style's share of every pixel, (height, width, styles); None for one everywhere.
        share: how much of the way, 0-1.
    """
    every = np.ones((1, *photograph.shape[:2], 1), "float32")
    change = np.zeros_like(photograph)
    for i, aim in enumerate(aims):
        region = every if regions is None else regions[None, ..., i : i + 1]
        weights = region if region.sum() >= LEAST_REGION else every
        (own,) = moments_from(added(None, [weighted_sums(photograph[None], weights)]))
        matrix, offset = affine_map(own, aim)
        change += region[0] * (photograph @ matrix + offset - photograph).astype("float32")
    return np.clip(photograph + np.float32(share) * change, 0, 1)


def strokes(
    picture: np.ndarray,
    descent: Callable[[np.ndarray], np.ndarray],
    rate: float | np.ndarray = LEARNING_RATE,
    steps: int = STEPS,
) -> np.ndarray:
    """The picture after some steps of Adam (Kingma & Ba 2015, arXiv:1412.6980).

    Args:
        picture: (height, width, 3) of 0-1.
        descent: gives the loss's gradient by a picture, times any negative number.
        rate: how large a step is, in units of 0-1; a number, or of each pixel (height, width, 1).
        steps: how many.
    """
    first = second = np.zeros_like(picture)
    for step in range(1, steps + 1):
        towards = descent(picture)
        first = BETA_1 * first + (1 - BETA_1) * towards
        second = BETA_2 * second + (1 - BETA_2) * towards**2
        even = np.sqrt(second / (1 - BETA_2**step)) + EPSILON
        picture = np.clip(picture + rate * (first / (1 - BETA_1**step)) / even, 0, 1).astype("float32")
    return picture
