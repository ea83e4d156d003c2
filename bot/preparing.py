"""What is done with a file of a person's in a process of its own: looked at, or made ready for the engine."""

from __future__ import annotations

from pathlib import Path

from impasto.core.images import Picture, save_picture

from .avatar import crop_square
from .decoding import decode, look


def look_at(source: str, max_pixels: int, max_ratio: float) -> str:
    """The key of a notice about a file, or an empty text; see `look`."""
    return look(Path(source).read_bytes(), max_pixels, max_ratio)


def prepare(
    source: str, target: str, size: int, square: bool, max_pixels: int, max_ratio: float
) -> tuple[str, int]:
    """Decodes a file, cuts it, brings it to size, and saves it as PNG.

    Args:
        source: path of what a person sent.
        target: path of what the engine reads.
        size: of a square's side, or most of the longest side.
        square: whether to cut the square around the faces.
        max_pixels: most pixels that are decoded.
        max_ratio: longest side over shortest.

    Returns:
        The key of a notice or an empty text, and the longest side.

    Raises:
        Refused: the picture cannot be painted.
    """
    decoded = decode(Path(source).read_bytes(), max_pixels, max_ratio)
    pixels = crop_square(decoded.pixels) if square else decoded.pixels
    longest = size if square else min(size, max(pixels.shape[:2]))
    save_picture(Picture(pixels).resized(longest), target)
    return decoded.notice, longest
