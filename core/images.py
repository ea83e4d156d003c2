"""`Picture`: what the engine paints on, and what a file holds besides its colours.

    picture = load_picture("photo.jpg", size=512)
    check_output("painted.png")
    save_picture(picture.with_pixels(painted), "painted.png")

Inside the engine a picture is float32 (height, width, 3), 0–1, sRGB, the right way up. A `Picture`
carries past it what is put back on saving: transparency and the depth of 16 bits.
"""

from __future__ import annotations

import operator
import os
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image

from .errors import PictureError, UsageError
from .hidden import filled
from .picture_files import MAX_PIXELS, too_large
from .picture_reading import Check, read_file, read_pillow
from .picture_writing import check_output, encode_picture, extensions, save_picture, saving_notices
from .resizing import Floats, lanczos, resample
from .samples import Samples, unit

__all__ = [
    "MAX_PIXELS",
    "MIN_SIDE",
    "Picture",
    "check_output",
    "encode_picture",
    "extensions",
    "load_picture",
    "paintable",
    "require_paintable",
    "save_picture",
    "saving_notices",
]

# VGG's four poolings leave one number of 16 pixels: below that there is no style to speak of.
MIN_SIDE = 16


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture the right way up, in sRGB.

    Attributes:
        pixels: (height, width, 3) float32, 0–1.
        alpha: (height, width) float32, 0 as transparent, or `None` for a picture without.
        bits: 8 or 16, how finely to save it where the format can.
        notices: lines for the user about how it was read.
    """

    pixels: Floats
    alpha: Floats | None = None
    bits: int = 8
    notices: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        pixels = np.asarray(self.pixels, dtype=np.float32)
        if pixels.ndim != 3 or pixels.shape[-1] != 3 or 0 in pixels.shape:
            raise PictureError(f"Pixels have the shape (height, width, 3). Received: {pixels.shape}")
        object.__setattr__(self, "pixels", pixels)
        if self.alpha is not None:
            alpha = np.asarray(self.alpha, dtype=np.float32)
            if alpha.shape != pixels.shape[:2]:
                raise PictureError(f"Alpha is {pixels.shape[:2]} like its pixels. Received: {alpha.shape}")
            object.__setattr__(self, "alpha", alpha)
        if self.bits not in (8, 16):
            raise PictureError(f"A picture has 8 or 16 bits a colour. Received: {self.bits}")

    @property
    def height(self) -> int:
        """Rows of pixels."""
        return self.pixels.shape[0]

    @property
    def width(self) -> int:
        """Columns of pixels."""
        return self.pixels.shape[1]

    def resized(self, longest: int) -> Picture:
        """Returns the picture with its longest side as long as asked, larger or smaller.

        Lanczos with three lobes on floats, widened on the way down against aliasing (Pillow's). Pixels
        count by their alpha, so that no hidden colour bleeds out of a transparent part.

        Args:
            longest: pixels, at least 1.

        Raises:
            UsageError: `longest` is no whole number above 0.
            PictureError: the picture would have more than `MAX_PIXELS` pixels.
        """
        longest = _whole(longest, least=1)
        if longest == max(self.height, self.width):
            return self
        size = _scaled((self.height, self.width), longest)
        pixels, alpha = resample(self.pixels, self.alpha, size)
        return replace(self, pixels=pixels, alpha=alpha)

    def with_pixels(self, pixels: ArrayLike) -> Picture:
        """Returns other pixels with this picture's alpha (resized to theirs), bits and notices."""
        new = np.asarray(pixels, dtype=np.float32)
        alpha = self.alpha
        if alpha is not None and new.ndim == 3 and alpha.shape != new.shape[:2]:
            alpha = np.clip(lanczos(alpha, (new.shape[0], new.shape[1])), 0, 1)
        return replace(self, pixels=new, alpha=alpha)


def load_picture(
    source: Any, *, size: int = 0, enlarge: bool = True, check: Check = lambda width, height: None
) -> Picture:
    """Reads a picture: the right way up, in sRGB, with its alpha and its depth.

    Hidden colours, below full transparency, are replaced by those beside them: see `hidden`.

    Args:
        source: a path, a file's bytes, a Pillow image, an array, or a `Picture`. Arrays are (height,
            width), or (height, width, channels) with 1, 3 or 4 channels, the fourth alpha; uint8,
            uint16, bool, or floats of 0–1.
        size: the longest side in pixels, larger or smaller than the picture's own; 0 keeps it.
        enlarge: whether a smaller picture is brought to that size, too.
        check: called with the width and the height before anything is decoded; what it raises is raised.

    Returns:
        The picture. Its `notices` say what was left out (a GIF's other frames) or guessed.

    Raises:
        UsageError: `size` is negative, or the source of none of these kinds.
        PictureError: the picture cannot be read; the message says why, in one line.
    """
    size = _whole(size, least=0)
    if isinstance(source, Picture):
        check(source.width, source.height)
        shown = filled(source.pixels, source.alpha)
        source = source if shown is source.pixels else replace(source, pixels=shown)
        return source.resized(_at_most(size, (source.height, source.width), enlarge)) if size else source
    if isinstance(source, (bytearray, memoryview)):
        source = bytes(source)
    if isinstance(source, (str, os.PathLike, bytes)):
        samples = read_file(source, size, check)
    elif isinstance(source, Image.Image):
        check(source.width, source.height)
        samples = _from_pillow(source)
    else:
        samples = _from_array(source)
        check(samples.extent[1], samples.extent[0])
    size = _at_most(size, samples.extent, enlarge)
    extent = _scaled(samples.extent, size) if size else samples.extent
    if extent != samples.colours.shape[:2]:
        # Before the conversion to sRGB, which is the slower of the two.
        colours, alpha = resample(samples.colours, samples.alpha, extent, samples.box)
        samples = replace(samples, colours=colours, alpha=alpha)
    samples = samples.in_srgb()
    alpha = None if samples.alpha is None else unit(samples.alpha)
    pixels = filled(unit(samples.colours), alpha)
    turned = None if alpha is None else _upright(alpha, samples.orientation)
    return Picture(_upright(pixels, samples.orientation), turned, samples.bits, samples.notices)


def require_paintable(picture: Picture, what: str = "picture") -> None:
    """Refuses a picture too small or too thin to paint; call it on the picture at its working size.

    Args:
        picture: the picture.
        what: its part in the work, for the message: `"content"`, `"style"`.

    Raises:
        PictureError: the short side is under `MIN_SIDE` pixels.
    """
    _require_sides(picture.width, picture.height, what)


def paintable(what: str, size: int = 0) -> Check:
    """Returns a check for `load_picture`: `require_paintable`, from the header and before decoding.

    Args:
        what: its part in the work.
        size: the longest side that it will be brought to, 0 for its own. A file of fewer than `MIN_SIDE`
            pixels could be enlarged but shows nothing: that is refused, too.
    """

    def check(width: int, height: int) -> None:
        _require_sides(width, height, what)
        if size:
            scaled = _scaled((height, width), size)
            _require_sides(scaled[1], scaled[0], what)

    return check


def _require_sides(width: int, height: int, what: str) -> None:
    if min(width, height) < MIN_SIDE:
        raise PictureError(
            f"The {what} must be at least {MIN_SIDE} pixels on its short side to be painted; crop it less "
            f"narrow, or give a larger picture or size. Received: {width}×{height}"
        )


def _whole(number: Any, least: int) -> int:
    try:
        whole = operator.index(number)
    except TypeError:
        whole = -1
    if whole < least or isinstance(number, bool):
        raise UsageError(f"A size is a whole number of pixels, {least} or more. Received: {number!r}")
    return whole


def _at_most(size: int, extent: tuple[int, int], enlarge: bool) -> int:
    return size if enlarge else min(size, max(extent))


def _scaled(extent: tuple[int, int], longest: int) -> tuple[int, int]:
    height, width = (max(1, round(side * longest / max(extent))) for side in extent)
    if height * width > MAX_PIXELS:
        raise too_large(f"{width}×{height} pixels")
    return height, width


def _from_pillow(image: Image.Image) -> Samples:
    if image.width * image.height > MAX_PIXELS:
        raise too_large(f"{image.width}×{image.height} pixels")
    if 0 in image.size:
        raise PictureError(f"The Pillow image is empty. Received: {image.width}×{image.height}")
    try:
        return read_pillow(image)
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        reason = " ".join(str(error).split())[:120]
        raise PictureError(f"The Pillow image cannot be read; load it anew. Received: {reason}") from error


def _from_array(source: Any) -> Samples:
    try:
        array = np.asarray(source)
    except Exception:
        array = np.asarray(None)
    if array.dtype.kind not in "bfu" or (array.dtype.itemsize > 2 and array.dtype.kind == "u"):
        raise UsageError(
            "A picture is a path, bytes, a Pillow image, or an array of uint8, uint16 or floats of 0–1. "
            f"Received: {type(source).__name__} of {array.dtype}"
        )
    bands = array[..., None] if array.ndim == 2 else array
    if bands.ndim != 3 or bands.shape[-1] not in (1, 3, 4) or 0 in bands.shape:
        raise PictureError(
            f"An array's shape is (height, width) or (height, width, 1, 3 or 4). Received: {array.shape}"
        )
    if array.dtype.kind == "f" and not (array.min() >= -0.01 and array.max() <= 1.01):  # NaN fails as well
        raise PictureError(
            "An array of floats holds 0 to 1; divide by 255 where white is 255. "
            f"Received: {array.min():g} to {array.max():g}"
        )
    if array.dtype.kind == "b":
        bands = bands.astype(np.uint8) * np.uint8(255)
    alpha = bands[..., 3] if bands.shape[-1] == 4 else None
    bits = 16 if array.dtype == np.uint16 else 8
    return Samples(bands[..., :3], alpha, bits)


def _upright(numbers: Floats, orientation: int) -> Floats:
    """Undoes EXIF's orientation: 1–8 as in EXIF 2.3, section 4.6.4; anything else is upright."""
    if orientation in (5, 6, 7, 8):
        numbers = np.swapaxes(numbers, 0, 1)
    if orientation in (3, 4, 7, 8):
        numbers = numbers[::-1]
    if orientation in (2, 3, 6, 7):
        numbers = numbers[:, ::-1]
    return np.ascontiguousarray(numbers)
