"""Colours that nobody sees: transparent pixels, filled from their surroundings before a network looks.

What lies below full transparency is whatever the program that saved it left there, often green or black.
A network would take it for part of the picture, and a style's statistics for part of its manner.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

# Less cover than this moves what is seen by less than one step of 8 bits.
LEAST_COVER = 1 / 256


def filled(pixels: Floats, alpha: Floats | None) -> Floats:
    """Returns pixels whose hidden ones are mirrored at the edge of what is seen.

    A mirrored piece has the texture of what it stands beside, so statistics stay those of the visible part;
    a smooth filling would count as a calm area. Where the mirror shows nothing, either, it is brought
    nearer by halves, down to the edge itself. A picture that shows nothing at all becomes grey.

    Args:
        pixels: (height, width, 3), 0–1; not written to.
        alpha: (height, width), 0 as transparent, or `None`.
    """
    if alpha is None or not (hidden := alpha < LEAST_COVER).any():
        return pixels
    if hidden.all():
        return np.full_like(pixels, 0.5)
    from scipy.ndimage import distance_transform_edt

    edges = distance_transform_edt(hidden, return_distances=False, return_indices=True)
    places = np.stack(np.nonzero(hidden))  # (2, hidden pixels)
    nearest = edges[:, places[0], places[1]]
    limits = np.array(alpha.shape)[:, None]
    sources, open_ = nearest.copy(), np.arange(places.shape[1])
    for part in (1, 2, 4, 8, 16):
        edge = nearest[:, open_]
        mirrored = edge + (edge - places[:, open_]) // part
        inside = ((mirrored >= 0) & (mirrored < limits)).all(axis=0)
        seen = inside.copy()
        seen[inside] = ~hidden[mirrored[0, inside], mirrored[1, inside]]
        sources[:, open_[seen]] = mirrored[:, seen]
        open_ = open_[~seen]
    result = pixels.copy()
    result[places[0], places[1]] = pixels[sources[0], sources[1]]
    return result
