"""Damage that every viewer overlooks: the picture is whole, a few bytes beside its pixels are not.

A PNG's side chunks and a JPEG's end mark are looked at only where the decoder has refused the file.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator

import numpy as np

from .samples import Samples

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
SIDE_CHUNKS_LEFT_OUT = (
    "The picture's file is damaged beside its pixels: what it says of its colours or its origin is left out."
)
NO_END_MARK = "The picture's file lacks its end, but none of its pixels: it is read."

# Two ends that no entropy decoder takes for the same pixels, should it still need some.
_ENDS = (b"\x55" * 64 + b"\xff\xd9", b"\xaa" * 64 + b"\xff\xd9")
_TRANSPARENCY = b"tRNS"  # the one side chunk that changes which pixels are seen


def without_damaged_chunks(png: bytes) -> Iterator[bytes]:
    """Yields a PNG ever plainer: without side chunks of wrong check sums, then without any but transparency.

    Args:
        png: the whole file.
    """
    chunks = list(_chunks(png))
    sound = [chunk for chunk in chunks if not _beside(chunk) or _check_sum_holds(chunk)]
    if len(sound) < len(chunks):
        yield PNG_SIGNATURE + b"".join(sound)
    yield PNG_SIGNATURE + b"".join(
        chunk for chunk in sound if not _beside(chunk) or chunk[4:8] == _TRANSPARENCY
    )


def with_end_mark(jpeg: bytes, decode: Callable[[bytes], Samples]) -> Samples | None:
    """Decodes a JPEG whose end mark is missing; `None` where pixels are missing, too.

    Two different ends are tried: a decoder that has all its pixels reads neither, and one that lacks some
    makes two pictures of them.

    Args:
        jpeg: the whole file.
        decode: the decoder.
    """
    one, other = (decode(jpeg + end) for end in _ENDS)
    return one if np.array_equal(one.colours, other.colours) else None


def _chunks(png: bytes) -> Iterator[bytes]:
    start = len(PNG_SIGNATURE)
    while start + 12 <= len(png):  # length, name, check sum: PNG 3, section 5.3
        end = start + 12 + struct.unpack_from(">I", png, start)[0]
        yield png[start:end]
        start = end


def _beside(chunk: bytes) -> bool:
    return bool(chunk[4] & 0x20)  # a lower-case first letter: ancillary


def _check_sum_holds(chunk: bytes) -> bool:
    return len(chunk) >= 12 and zlib.crc32(chunk[4:-4]) == struct.unpack(">I", chunk[-4:])[0]
