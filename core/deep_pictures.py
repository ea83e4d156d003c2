"""PNG and TIFF files of more than 8 bits a colour, which Pillow would cut to 8.

imagecodecs (libpng) decodes the PNG and tifffile the TIFF. Both allocate what the header says, so
the callers' limit on the header's size is checked before either decodes.
"""

from __future__ import annotations

from typing import IO, Any

import numpy as np

from .errors import PictureError
from .samples import Numbers, Samples, unit, unit_of_unknown_range

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
TIFF_SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")  # the last two are BigTIFF

# TIFF 6.0's numbers. The compressions are those whose decoders cannot give more than the header's size:
# none, LZW, deflate (both numbers), PackBits, LZMA, Zstandard.
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _SEPARATED = 0, 1, 2, 5
_COLOURS = {_WHITE_IS_ZERO: 1, _BLACK_IS_ZERO: 1, _RGB: 3, _SEPARATED: 4}
_COMPRESSIONS = {1, 5, 8, 32946, 32773, 34925, 50000}
_ASSOCIATED, _UNASSOCIATED = 1, 2


def read_deep_png(file: IO[bytes]) -> Samples:
    """Decodes a 16-bit PNG; the profile and the orientation are the caller's to add."""
    import imagecodecs

    file.seek(0)
    numbers = imagecodecs.png_decode(file.read())
    numbers = numbers.reshape(*numbers.shape[:2], -1)  # (height, width, 1 to 4)
    channels = numbers.shape[-1]
    alpha = numbers[..., -1] if channels in (2, 4) else None
    colours = numbers[..., : 1 if channels <= 2 else 3]
    return Samples(colours, alpha, bits=16)


def read_deep_tiff(file: IO[bytes], largest: int) -> Samples | None:
    """Decodes a TIFF's first page if it has more than 8 bits a colour.

    Args:
        file: a TIFF file.
        largest: the most pixels to decode.

    Returns:
        The page, or `None` where it has 8 bits or fewer and Pillow reads it better.

    Raises:
        PictureError: the page is too large, cut short, or of a kind that is not read.
    """
    import logging

    import tifffile

    # What it says of damaged files is said here in one line; a program's own log must not repeat it.
    logging.getLogger("tifffile").propagate = False

    file.seek(0)
    with tifffile.TiffFile(file) as tiff:
        page: Any = tiff.pages[0]
        if page.bitspersample <= 8:
            return None
        _check(page, largest)
        file.seek(0, 2)
        length = file.tell()
        ends = [start + count for start, count in zip(page.dataoffsets, page.databytecounts, strict=True)]
        if not ends or max(ends) > length:
            raise EOFError("the file ends before its pixels do")
        numbers = page.asarray(maxworkers=1)
        if page.planarconfig == 2 and page.samplesperpixel > 1:
            numbers = np.moveaxis(numbers, 0, -1)
        several = len(tiff.pages) > 1
        numbers = numbers.reshape(page.imagelength, page.imagewidth, -1)
        return _samples(page, numbers, several)


def _check(page: Any, largest: int) -> None:
    tile = (page.tilewidth or 1) * (page.tilelength or 1) * (page.tiledepth or 1)
    if max(page.imagewidth * page.imagelength * page.imagedepth, tile) > largest:
        raise PictureError(too_large(f"{page.imagewidth}×{page.imagelength} pixels", largest))
    wanted = _COLOURS.get(page.photometric)
    signed = page.sampleformat not in (1, 3)
    too_many = wanted and not wanted <= page.samplesperpixel <= wanted + 1
    if wanted is None or signed or too_many or page.compression not in _COMPRESSIONS:
        raise PictureError(
            "A TIFF of more than 8 bits is read if it is grey, RGB or CMYK and not compressed with loss; "
            f"save it as such or as PNG. Received: {page.samplesperpixel} channels, "
            f"photometric {int(page.photometric)}, compression {int(page.compression)}"
        )


def _samples(page: Any, numbers: Numbers, several: bool) -> Samples:
    notices: tuple[str, ...] = ("The picture has several pages: only the first is used.",) if several else ()
    bits = page.bitspersample
    if numbers.dtype.kind == "f":
        numbers, guess = unit_of_unknown_range(numbers)
        notices += guess
    elif bits == 16:
        numbers = numbers.astype(np.uint16, copy=False)
    else:
        numbers = (numbers.astype(np.float64) / (2**bits - 1)).astype(np.float32)

    count = _COLOURS[page.photometric]
    colours, alpha = numbers[..., :count], None
    if numbers.shape[-1] > count:
        kind = page.extrasamples[0] if page.extrasamples else _UNASSOCIATED
        if kind in (_ASSOCIATED, _UNASSOCIATED):
            alpha = numbers[..., count]
            if kind == _ASSOCIATED:
                cover = unit(alpha)[..., None]
                colours = np.clip(unit(colours) / np.maximum(cover, 1e-6), 0, 1)
                alpha = cover[..., 0]
    if page.photometric == _WHITE_IS_ZERO:
        colours = (np.iinfo(colours.dtype).max if colours.dtype.kind == "u" else 1) - colours

    orientation = page.tags.get(274)
    return Samples(
        colours,
        alpha,
        bits=16,
        profile=page.iccprofile,
        orientation=int(orientation.value) if orientation else 1,
        notices=notices,
    )


def too_large(received: str, largest: int) -> str:
    """Returns the message for a picture with more pixels than Impasto reads."""
    return (
        f"The picture has more pixels than Impasto reads, {largest // 10**6} million; make it smaller first. "
        f"Received: {received}"
    )
