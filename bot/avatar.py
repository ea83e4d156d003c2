"""From a photograph to a profile picture: square, with the subject inside the circle that apps cut."""

from __future__ import annotations

import io
import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from .faces import Box, find_faces

HEAD = 1.3  # a head is so much larger than the face that is found
Square = tuple[int, int, int]  # left, top, side


def best_square(width: int, height: int, subject: Box | None) -> Square:
    """The largest square whose inscribed circle holds the subject, as near to its middle as may be.

    Args:
        width: of the picture, in pixels.
        height: of the picture.
        subject: what must be seen; None for the middle of the picture.

    Returns:
        Left, top and side in whole pixels, within the picture. A subject too large for any circle
        gets the largest square around its middle.
    """
    largest = min(width, height)
    if subject is None:
        return (width - largest) // 2, (height - largest) // 2, largest
    x, y = (subject.left + subject.right) / 2, (subject.top + subject.bottom) / 2
    radius = HEAD * math.hypot(subject.right - subject.left, subject.bottom - subject.top) / 2
    side = largest
    while side > max(1.0, 2 * radius) and not _holds(_placed(x, y, side, width, height), x, y, radius):
        side = max(1, side - max(1, largest // 100))
    square = _placed(x, y, side, width, height)
    return square if _holds(square, x, y, radius) else _placed(x, y, largest, width, height)


def _placed(x: float, y: float, side: int, width: int, height: int) -> Square:
    left = min(max(round(x - side / 2), 0), width - side)
    top = min(max(round(y - side / 2), 0), height - side)
    return left, top, side


def _holds(square: Square, x: float, y: float, radius: float) -> bool:
    left, top, side = square
    return math.hypot(left + side / 2 - x, top + side / 2 - y) + radius <= side / 2


def crop_square(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Cuts the square out of (height, width, 3) pixels, around the faces where there are any."""
    height, width = pixels.shape[:2]
    left, top, side = best_square(width, height, find_faces(pixels))
    return pixels[top : top + side, left : left + side]


def circle_preview(image: Image.Image) -> Image.Image:
    """The picture as an app shows it: what lies outside the circle is faded."""
    scale = 4  # drawn larger and reduced, so that the edge is smooth
    mask = Image.new("L", (image.width * scale, image.height * scale), 0)
    ImageDraw.Draw(mask).ellipse((0, 0, mask.width - 1, mask.height - 1), fill=255)
    faded = Image.blend(image, Image.new("RGB", image.size, (255, 255, 255)), 0.88)
    return Image.composite(image, faded, mask.resize(image.size, Image.Resampling.LANCZOS))


def encode_jpeg(image: Image.Image, most: int) -> bytes:
    """A JPEG of at most so many bytes: as good as that allows, and smaller only where nothing else helps."""
    while True:
        for quality in (95, 88, 75, 50):
            data = io.BytesIO()
            image.save(data, "JPEG", quality=quality)
            if data.tell() <= most or max(image.size) == 1:
                return data.getvalue()
        image = image.resize((max(1, image.width * 3 // 4), max(1, image.height * 3 // 4)))
