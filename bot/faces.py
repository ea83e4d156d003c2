"""Where the faces are. The model (local binary patterns, from OpenCV) ships within scikit-image."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

LONGEST = 360  # pixels that are searched; a face worth keeping in the circle is still 30 of them wide


class Box(NamedTuple):
    """A rectangle in pixels."""

    left: float
    top: float
    right: float
    bottom: float


@cache
def load_detector() -> Any:
    """The detector, loaded once in a process."""
    from skimage.data import lbp_frontal_face_cascade_filename
    from skimage.feature import Cascade

    return Cascade(lbp_frontal_face_cascade_filename())


def find_faces(pixels: NDArray[np.float32]) -> Box | None:
    """The box around the faces of a picture, or None where there are none.

    Args:
        pixels: (height, width, 3), 0–1.

    Returns:
        A box around the largest face and all others at least half as wide.
    """
    image = Image.fromarray(np.round(np.clip(pixels, 0, 1) * 255).astype("uint8"))
    scale = max(1.0, max(image.size) / LONGEST)
    small = image.resize((max(1, round(image.width / scale)), max(1, round(image.height / scale))))
    side = min(small.size)
    if side < 48:
        return None
    found = load_detector().detect_multi_scale(
        img=np.asarray(small),
        scale_factor=1.15,
        step_ratio=1,
        min_size=(max(24, side // 10),) * 2,
        max_size=(side,) * 2,
        min_neighbor_number=5,  # a face is met by many windows, a chance likeness by few
    )
    faces = [face for face in found if 2 * face["width"] >= max(other["width"] for other in found)]
    if not faces:
        return None
    return Box(
        scale * min(face["c"] for face in faces),
        scale * min(face["r"] for face in faces),
        scale * max(face["c"] + face["width"] for face in faces),
        scale * max(face["r"] + face["height"] for face in faces),
    )
