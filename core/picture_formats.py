"""The formats of pictures: the one list of what is read and what is written, by which endings.

Whoever looks for pictures in a folder, opens one or names an output derives it from here.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

_ENDLESS = 2**31 - 1


class Format(NamedTuple):
    """A format of picture files.

    Attributes:
        name: as people call it.
        decoder: Pillow's name for it. Decoders are named, so that no file can reach one that nobody here
            needs (EPS starts Ghostscript).
        endings: of its files, in lower case, the usual one first.
        longest: the longest side that it can hold where it is written here, in pixels; 0 where it is only
            read: GIF's 256 colours would spoil a painting.
        deep: whether 16 bits a colour are written.
        opaque: whether it is written without transparency.
    """

    name: str
    decoder: str
    endings: tuple[str, ...]
    longest: int = 0
    deep: bool = False
    opaque: bool = False


FORMATS = (
    Format("PNG", "PNG", (".png",), _ENDLESS, deep=True),
    Format("JPEG", "JPEG", (".jpg", ".jpeg"), 65500, opaque=True),  # JPEG_MAX_DIMENSION
    Format("WebP", "WEBP", (".webp",), 16383),
    Format("TIFF", "TIFF", (".tif", ".tiff"), _ENDLESS, deep=True),
    Format("BMP", "BMP", (".bmp",), _ENDLESS, opaque=True),
    Format("GIF", "GIF", (".gif",)),
    Format("AVIF", "AVIF", (".avif",), 65536),
    Format("JPEG 2000", "JPEG2000", (".jp2", ".j2k", ".jpx")),
    Format("TGA", "TGA", (".tga",)),
    Format("PPM", "PPM", (".ppm", ".pgm", ".pbm", ".pnm")),
    Format("HEIC", "HEIF", (".heic", ".heif")),
)

# HEIC has a decoder of its own, which is not always there: see `picture_reading`.
DECODERS = tuple(format.decoder for format in FORMATS if format.decoder != "HEIF")
READABLE = frozenset(ending for format in FORMATS for ending in format.endings)
EXPECTED = "a picture: " + ", ".join(format.name for format in FORMATS[:-1]) + f" or {FORMATS[-1].name}"
BY_ENDING = {ending: format for format in FORMATS for ending in format.endings}


def named_as_picture(path: str | os.PathLike[str]) -> bool:
    """Whether a file's name ends as a picture's that is read here."""
    return Path(path).suffix.lower() in READABLE


def pictures_in(folder: str | os.PathLike[str], below: bool = False) -> list[Path]:
    """Returns a folder's pictures by their names, sorted.

    What nobody put there as a picture is passed over: hidden files and folders, macOS's `._photo.jpg`,
    folders named like pictures, links that lead nowhere.

    Args:
        folder: where to look.
        below: whether its subfolders are looked into, too.
    """
    found: list[Path] = []
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if below and not name.startswith(".")]
        found += [Path(parent, name) for name in files if not name.startswith(".") and named_as_picture(name)]
    return sorted(path for path in found if path.is_file())


def usual_endings() -> str:
    """The endings that a message names: each format's usual one."""
    return ", ".join(format.endings[0] for format in FORMATS)
