"""A picture's numbers as a file holds them, and their way to sRGB.

A decoder fills a `Samples`; `in_srgb` turns its grey, CMYK or other-profile colours into sRGB.
Colour profiles go through LittleCMS as imagecodecs wraps it, because that takes 16-bit arrays,
which Pillow's `ImageCms` does not, and gives 16 bits for 8.
"""

from __future__ import annotations

import functools
import struct
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[Any]

_SPACES = {1: "gray", 3: "rgb", 4: "cmyk"}
_SIGNATURES = {1: b"GRAY", 3: b"RGB ", 4: b"CMYK"}  # ICC.1:2022, table 22


@dataclass(frozen=True, eq=False)
class Samples:
    """A decoded picture, before colour management, orientation and resizing.

    Attributes:
        colours: (height, width, channels), uint8, uint16 or float32 of 0–1; 1 channel is grey,
            3 are RGB, 4 are CMYK with 0 as no ink.
        alpha: (height, width) of the same type, 0 as transparent, or `None`.
        bits: 8 or 16, how finely the file held its colours.
        profile: the embedded ICC profile, or `None`.
        orientation: EXIF's 1–8.
        extent: (height, width) of the file; more than `colours` has where a JPEG was decoded smaller.
        box: (width, height), fractions allowed, of what `colours` then shows: its last row and column may
            stand for less than a whole one. `None` is all.
        notices: lines for the user.
    """

    colours: Numbers
    alpha: Numbers | None = None
    bits: int = 8
    profile: bytes | None = None
    orientation: int = 1
    extent: tuple[int, int] = (0, 0)
    box: tuple[float, float] | None = None
    notices: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not any(self.extent):
            object.__setattr__(self, "extent", self.colours.shape[:2])

    def in_srgb(self) -> Samples:
        """Returns the same picture with `colours` (height, width, 3) in sRGB."""
        colours, notices = self.colours, self.notices
        if self.profile:
            try:
                return replace(self, colours=_converted(colours, self.profile), profile=None)
            except Exception:  # LittleCMS reports each kind of damage by a class of its own
                notices += ("The picture's colour profile is damaged or not for its colours: read as sRGB.",)
        elif colours.shape[-1] == 4:
            notices += ("The picture is CMYK without a colour profile: its colours are approximate.",)
        if colours.shape[-1] == 4:
            colours = _without_ink(colours)
        return replace(self, colours=_as_rgb(colours), profile=None, notices=notices)

    def without_gamma(self, gamma: float) -> Samples:
        """Returns the same picture with colours of sRGB's own curve.

        Args:
            gamma: the power by which light became the file's numbers (PNG's gAMA); 0 where unknown.
        """
        if gamma <= 0 or abs(2.2 * gamma - 1) < 0.05:  # 1/2.2 and what programs round it to
            return self
        white = np.iinfo(self.colours.dtype).max
        light = np.linspace(0, 1, white + 1) ** (1 / gamma)
        curve = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
        colours = np.rint(65535 * curve).astype(np.uint16)[self.colours]
        alpha = self.alpha
        if alpha is not None and alpha.dtype == np.uint8:
            alpha = alpha.astype(np.uint16) * np.uint16(257)
        notice = f"The picture's file states a gamma of {gamma:g}: its colours are brought to sRGB's."
        return replace(self, colours=colours, alpha=alpha, notices=(*self.notices, notice))


def unit(numbers: Numbers) -> NDArray[np.float32]:
    """Returns uint8, uint16 or float numbers as float32 of 0–1."""
    if numbers.dtype.kind == "u":
        return numbers.astype(np.float32) / np.float32(np.iinfo(numbers.dtype).max)
    return np.clip(numbers, 0, 1, dtype=np.float32)


def unit_of_unknown_range(numbers: Numbers) -> tuple[NDArray[np.float32], tuple[str, ...]]:
    """Returns numbers whose white nobody wrote down as float32 of 0–1, with a notice of the guess.

    Where the numbers lie decides, not the single largest: a few highlights overshoot white in what
    photographic programs write. Floats that lie below 4 but for a hundredth are of 0–1; all other numbers
    are of the first of 1, 255 and 65535 that holds them, else of their type's whole range where they fill a
    sixteenth of it, else of themselves.
    """
    finite = np.nan_to_num(numbers.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    top, floats = finite.max(), numbers.dtype.kind == "f"
    most = np.quantile(finite, 0.99) if floats else top
    if floats and most <= 4:
        white = 1.0
    elif floats:
        white = next((limit for limit in (255.0, 65535.0) if most <= limit), top)
    else:
        full = float(np.iinfo(numbers.dtype).max)
        beyond = full if top > full / 16 else top
        white = next((limit for limit in (1.0, 255.0, 65535.0) if top <= limit), beyond)
    guessed = top > 1 if floats else white != full
    notice = f"The picture's numbers do not say which is white: {white:g} is taken, the largest is {top:g}."
    return unit(finite / white), (notice,) if guessed else ()


@functools.cache
def srgb_profile() -> bytes:
    """Returns LittleCMS's own sRGB profile, free to use, the same bytes on every day."""
    from PIL import ImageCms

    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile[24:36] = struct.pack(">6H", 2000, 1, 1, 0, 0, 0)  # else the time of making it
    return bytes(profile)


def _as_rgb(colours: Numbers) -> Numbers:
    return np.broadcast_to(colours, (*colours.shape[:2], 3)) if colours.shape[-1] == 1 else colours


def _without_ink(colours: Numbers) -> NDArray[np.float32]:
    """CMYK to RGB as if inks were perfect filters: what is left where there is no better knowledge."""
    light = 1 - unit(colours)
    return light[..., :3] * light[..., 3:]


def _converted(colours: Numbers, profile: bytes) -> Numbers:
    signature = profile[16:20]
    if signature == b"RGB " and colours.shape[-1] == 1:
        colours = _as_rgb(colours)  # grey files often carry the RGB profile of the program that wrote them
    channels = colours.shape[-1]
    if signature != _SIGNATURES[channels]:
        raise ValueError(f"a profile for {signature!r} on {channels} channels")
    steps = np.linspace(0, 255, 256 if channels == 1 else 6 if channels == 3 else 2).astype(np.uint8)
    probe = np.stack(np.meshgrid(*[steps] * channels), axis=-1).reshape(-1, 1, channels)
    # A profile that moves no colour by more than one 8-bit step is sRGB by another maker: the
    # numbers stay as they are, so that reading and saving lose nothing.
    if channels < 4 and np.abs(unit(_transformed(probe, profile)) - unit(probe)).max() <= 1 / 255:
        return _as_rgb(colours)
    return _transformed(colours, profile)


def _transformed(colours: Numbers, profile: bytes) -> Numbers:
    """Runs LittleCMS as Photoshop's default does: relative colorimetric, black point compensated."""
    import imagecodecs

    channels, whole = colours.shape[-1], colours.dtype.kind == "u"
    if channels == 1 and whole and colours.shape[1] > 1:
        every = np.arange(np.iinfo(colours.dtype).max + 1, dtype=colours.dtype)[:, None, None]
        return _transformed(every, profile)[:, 0][colours[..., 0]]  # a table of all greys
    flags = int(imagecodecs.CMS.FLAGS.BLACKPOINTCOMPENSATION)
    if channels == 1 or colours.dtype != np.uint8:
        # LittleCMS's short cuts are ten times as fast, but off by 0.06 of 1 where they meet 16 bits
        # or one grey curve (measured on version 2.18); on 8-bit RGB and CMYK by a third of a step.
        flags |= imagecodecs.CMS.FLAGS.NOOPTIMIZE
    return imagecodecs.cms_transform(
        np.ascontiguousarray(colours[..., 0] if channels == 1 else colours),
        profile,
        srgb_profile(),
        colorspace=_SPACES[channels],
        outcolorspace="rgb",
        outdtype=np.uint16 if whole else np.float32,
        intent=imagecodecs.CMS.INTENT.RELATIVE_COLORIMETRIC,
        flags=flags,
    )
