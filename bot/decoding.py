"""What people send, decoded within limits: photographs, animations, the first frame of a video."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from impasto.core.errors import PictureError, PictureTooLarge
from impasto.core.images import load_picture
from impasto.core.picture_reading import read_header

from .refused import Refused

__all__ = ["Decoded", "Refused", "check_extent", "decode", "look"]

# ISO base media files that hold one picture; all others are videos.
_STILL_BRANDS = (b"avif", b"avis", b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1")


class Decoded(NamedTuple):
    """Pixels (height, width, 3) 0–1, and the key of a notice or an empty text."""

    pixels: NDArray[np.float32]
    notice: str


def decode(data: bytes, max_pixels: int, max_ratio: float) -> Decoded:
    """Decodes a file after a look at its header.

    Args:
        data: a file's bytes.
        max_pixels: most pixels that are decoded.
        max_ratio: longest side over shortest.

    Raises:
        Refused: too many pixels, too thin, or damaged.
    """
    if _is_video(data):
        return Decoded(_first_frame(data, max_pixels, max_ratio), "first_frame")
    with _refusals():
        picture = load_picture(data, check=partial(check_extent, max_pixels=max_pixels, max_ratio=max_ratio))
    pixels = picture.pixels
    if picture.alpha is not None:  # a profile picture has a ground: white
        alpha = picture.alpha[..., None]
        pixels = pixels * alpha + (1 - alpha)
    animated = any("animated" in notice for notice in picture.notices)
    return Decoded(pixels, "first_frame" if animated else "")


def look(data: bytes, max_pixels: int, max_ratio: float) -> str:
    """Checks a file by its header alone, in little memory.

    Args:
        data: a file's bytes.
        max_pixels: most pixels that would be decoded.
        max_ratio: longest side over shortest.

    Returns:
        The key of a notice, or an empty text.

    Raises:
        Refused: too many pixels, too thin, or no picture.
    """
    if _is_video(data):
        return "first_frame"
    with _refusals():
        header = read_header(data)
    check_extent(header.width, header.height, max_pixels, max_ratio)
    return "first_frame" if "animated" in header.several else ""


@contextmanager
def _refusals() -> Iterator[None]:
    """The engine's errors about a picture, as the bot's."""
    try:
        yield
    except PictureTooLarge:
        raise Refused("too_many_pixels") from None
    except PictureError as error:
        memory = isinstance(error.__context__, MemoryError)
        raise Refused("too_large_to_paint" if memory else "damaged") from None


def check_extent(width: int, height: int, max_pixels: int, max_ratio: float) -> None:
    """Refuses what is too large, too thin or too small, before anything is decoded.

    Raises:
        Refused: with the reason.
    """
    if width * height > max_pixels:
        raise Refused("too_many_pixels")
    if min(width, height) < 16:
        raise Refused("too_small")
    if max(width, height) > max_ratio * min(width, height):
        raise Refused("too_thin")


def _is_video(data: bytes) -> bool:
    if data[4:8] == b"ftyp":
        return data[8:12] not in _STILL_BRANDS
    return data[:4] == b"\x1aE\xdf\xa3"  # WebM and Matroska


def _first_frame(data: bytes, max_pixels: int, max_ratio: float) -> NDArray[np.float32]:
    import av  # here: loading FFmpeg's libraries is for those few who send videos

    try:
        with av.open(io.BytesIO(data), "r") as container:
            stream = container.streams.video[0]
            check_extent(stream.width, stream.height, max_pixels, max_ratio)
            stream.codec_context.thread_count = 1  # each thread holds frames of its own
            frame = next(container.decode(stream))
            check_extent(frame.width, frame.height, max_pixels, max_ratio)
            pixels = np.rot90(frame.to_ndarray(format="rgb24"), round(frame.rotation / 90))
            return pixels.astype(np.float32) / np.float32(255)
    except MemoryError:  # some are FFmpeg's, too
        raise Refused("too_large_to_paint") from None
    except (av.FFmpegError, IndexError, StopIteration, ValueError):
        raise Refused("damaged") from None
