"""PNG and TIFF files of more than 8 bits a colour, which Pillow would cut to 8.

imagecodecs (libpng) decodes the PNG and tifffile the TIFF. Both allocate what the header says, so
the callers' limit on the header's size is checked before either decodes.
"""

from __future__ import annotations

from typing import IO, Any

import numpy as np

from .errors import PictureError
from .picture_files import MAX_PIXELS, too_large
from .samples import Numbers, Samples, unit, unit_of_unknown_range

TIFF_SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")  # the last two are BigTIFF

# TIFF 6.0's numbers. The compressions are those whose decoders cannot give more than the header's size:
# none, LZW, deflate (both numbers), PackBits, LZMA, Zstandard.
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _SEPARATED = 0, 1, 2, 5
_COLOURS = {_WHITE_IS_ZERO: 1, _BLACK_IS_ZERO: 1, _RGB: 3, _SEPARATED: 4}
_COMPRESSIONS = {1, 5, 8, 32946, 32773, 34925, 50000}
_ASSOCIATED, _UNASSOCIATED = 1, 2

SEVERAL_PAGES = "The picture has several pages: only the first is used."


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


class DeepTiff:
    """A TIFF's first page of more than 8 bits a colour, its header read and its pixels not yet.

    Attributes:
        width, height: in pixels.
        several: whether there are further pages.
    """

    def __init__(self, file: IO[bytes], page: Any, several: bool):
        self._file, self._page = file, page
        self.width, self.height, self.several = page.imagewidth, page.imagelength * page.imagedepth, several

    @classmethod
    def open(cls, file: IO[bytes]) -> DeepTiff | None:
        """Reads a TIFF's header.

        Returns:
            The page, or `None` where it has 8 bits or fewer and Pillow reads it better.
        """
        import logging

        import tifffile

        # What it says of damaged files is said here in one line; neither a program's own log nor Python's
        # last resort, which prints what no handler takes, must repeat it.
        logger = logging.getLogger("tifffile")
        logger.propagate = False
        if not logger.handlers:
            logger.addHandler(logging.NullHandler())

        file.seek(0)
        tiff = tifffile.TiffFile(file)
        if not len(tiff.pages):
            raise EOFError("the file ends before its first page")
        page: Any = tiff.pages[0]
        return None if page.bitspersample <= 8 else cls(file, page, len(tiff.pages) > 1)

    def decode(self) -> Samples:
        """Decodes the page.

        Raises:
            PictureError: it is too large, or of a kind that is not read.
            EOFError: it is cut short.
        """
        page, file = self._page, self._file
        _check(page)
        file.seek(0, 2)
        length = file.tell()
        ends = [start + count for start, count in zip(page.dataoffsets, page.databytecounts, strict=True)]
        if not ends or max(ends) > length:
            raise EOFError("the file ends before its pixels do")
        numbers = page.asarray(maxworkers=1)
        if page.planarconfig == 2 and page.samplesperpixel > 1:
            numbers = np.moveaxis(numbers, 0, -1)
        numbers = numbers.reshape(page.imagelength, page.imagewidth, -1)
        return _samples(page, numbers, self.several)


def _check(page: Any) -> None:
    tile = (page.tilewidth or 1) * (page.tilelength or 1) * (page.tiledepth or 1)
    if tile > MAX_PIXELS:
        raise too_large(f"{page.imagewidth}×{page.imagelength} pixels")
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
    notices: tuple[str, ...] = (SEVERAL_PAGES,) if several else ()
    bits = page.bitspersample
    if numbers.dtype.kind == "f" or bits > 16:
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
