"""`Picture` to a file: formats by extension, sRGB tagged, nothing else carried over, never half written.

A picture is encoded from its pixels alone, so no EXIF, XMP, IPTC or comment of the content (place,
camera, name) can reach the output.
"""

from __future__ import annotations

import io
import os
import secrets
import struct
import zlib
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, features

from .errors import PictureError, UsageError
from .picture_formats import BY_ENDING, FORMATS, Format
from .samples import srgb_profile

if TYPE_CHECKING:
    from .images import Picture

_AT_ONCE = 1 << 20  # numbers of a picture that are rounded at once


def extensions() -> tuple[str, ...]:
    """Returns the extensions that can be written here: AVIF is not in every build of Pillow."""
    written = [format for format in FORMATS if format.longest]
    return tuple(e for f in written for e in f.endings if e != ".avif" or features.check("avif"))


def encode_picture(picture: Picture, extension: str, *, quality: int = 95) -> bytes:
    """Encodes a picture as the bytes of a file.

    Args:
        picture: the picture. Its alpha is laid on white where the format has none, and 16 bits are
            kept by PNG and TIFF.
        extension: such as `".png"`.
        quality: of JPEG (4:4:4), WebP and AVIF, 1–100. 95 is the highest that Pillow's handbook
            advises for JPEG.

    Raises:
        UsageError: the extension or the quality is unknown.
        PictureError: the picture cannot be held by the format.
    """
    extension = _known(extension, extension)
    if not 1 <= quality <= 100:
        raise UsageError(f"The quality is a whole number from 1 to 100. Received: {quality}")
    format = BY_ENDING[extension]
    if max(picture.height, picture.width) > format.longest:
        raise PictureError(
            f"A {extension} file holds at most {format.longest} pixels a side; save as .png or .tif. "
            f"Received: {picture.width}×{picture.height}"
        )
    bands = _bands(picture, format)
    if format.name == "TIFF":
        return _tiff(bands)
    if bands.dtype == np.uint16:
        return _deep_png(bands)
    buffer = io.BytesIO()
    options: dict[str, dict[str, Any]] = {
        "JPEG": {"quality": quality, "subsampling": 0},
        "WebP": {"quality": quality},
        "AVIF": {"quality": quality, "subsampling": "4:4:4"},
    }
    try:
        Image.fromarray(bands).save(
            buffer, format.decoder, icc_profile=srgb_profile(), **options.get(format.name, {})
        )
    except (OSError, ValueError, struct.error, MemoryError) as error:
        raise PictureError(f"The picture could not be encoded; save as .png. Received: {error}") from error
    return buffer.getvalue()


def save_picture(picture: Picture, path: str | os.PathLike[str], *, quality: int = 95) -> tuple[str, ...]:
    """Writes a picture to a file: all of it, or nothing.

    Args:
        picture: the picture.
        path: where to; the extension chooses the format.
        quality: as `encode_picture`'s.

    Returns:
        Notices, one line each, of what the format could not keep.

    Raises:
        UsageError: as `check_output`.
        PictureError: the picture could not be encoded, or the file not be written (a full disk).
    """
    path = _resolved(path)
    extension = _known(path.suffix, path)
    data = encode_picture(picture, extension, quality=quality)
    write_file(path, data)
    return saving_notices(picture, extension)


def saving_notices(picture: Picture, extension: str) -> tuple[str, ...]:
    """Returns a line for each thing that a format cannot keep of a picture: transparency, 16 bits."""
    extension, notices = extension.lower(), []
    format = BY_ENDING[extension]
    if format.opaque and picture.alpha is not None and picture.alpha.min() < 1:
        notices.append(f"{extension} has no transparency: laid on white; save as .png to keep it.")
    if not format.deep and picture.bits == 16:
        notices.append(f"{extension} holds 8 bits a colour: save as .png or .tif to keep 16.")
    return tuple(notices)


def write_file(path: str | os.PathLike[str], data: bytes) -> None:
    """Writes bytes beside the file, then renames: a failure leaves what was there before.

    Raises:
        PictureError: the file could not be written.
    """
    path = _resolved(path)
    beside = _beside(path)
    try:
        with open(beside, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except BaseException as error:
        beside.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise PictureError(
                f"The file could not be written ({error.strerror or error}); free space or choose "
                f"another folder. Received: {path}"
            ) from error
        raise


def make_folder(folder: str | os.PathLike[str]) -> Path:
    """Makes a folder, and those that it lies in, where it is missing; returns it.

    Raises:
        UsageError: it is a file, or cannot be made.
    """
    path = Path(folder)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"Expected a folder to write into ({error.strerror or error}); choose another. Received: {path}"
        ) from None
    return path


def check_output(path: str | os.PathLike[str]) -> None:
    """Finds out before the work whether a picture can be saved there.

    Raises:
        UsageError: the extension is unknown, the folder is missing, or the path is a folder.
        PictureError: the folder or the file is not writable.
    """
    check_place(path)
    _known(_resolved(path).suffix, _resolved(path))


def check_place(path: str | os.PathLike[str]) -> None:
    """Finds out before the work whether a file of any kind can be written there.

    Makes and removes an empty file beside it, since permissions alone do not tell of read-only disks.

    Raises:
        UsageError: the folder is missing, or the path is a folder.
        PictureError: the folder or the file is not writable.
    """
    path = _resolved(path)
    try:
        with suppress(FileNotFoundError, NotADirectoryError):
            path.stat()  # refuses a name too long for the disk
        if path.is_dir():
            raise UsageError(f"The output is a folder; add a file name to it. Received: {path}")
        if path.exists() and not path.is_file():
            raise UsageError(f"The output is a device or a pipe; name a file. Received: {path}")
        if not path.parent.is_dir():
            raise UsageError(f"The output's folder does not exist; make it first. Received: {path.parent}")
        if path.exists():
            path.open("r+b").close()
        beside = _beside(path)
        beside.open("xb").close()
        beside.unlink()
    except OSError as error:
        raise PictureError(
            f"The output cannot be written ({error.strerror or error}); choose another folder or name. "
            f"Received: {path}"
        ) from error


def _known(extension: str, received: object) -> str:
    extension = extension.lower()
    if extension not in extensions():
        raise UsageError(f"A picture is saved as one of {', '.join(extensions())}. Received: {received}")
    return extension


def _resolved(path: str | os.PathLike[str]) -> Path:
    try:
        return Path(os.path.realpath(path))  # a link stays a link: what it points to is replaced
    except ValueError as error:
        raise UsageError(f"The output is no file name ({error}). Received: {os.fspath(path)!r}") from None


def _beside(path: Path) -> Path:
    # Opened with mode "x" by the ordinary `open`, so that it gets the user's usual permissions.
    return path.with_name(f".impasto-{secrets.token_hex(6)}.part")


def _bands(picture: Picture, format: Format) -> np.ndarray:
    """Returns (height, width, 3 or 4), uint8 or uint16, rounded to the nearest."""
    deep = picture.bits == 16 and format.deep
    white, dtype = (65535, np.uint16) if deep else (255, np.uint8)
    kept = picture.alpha is not None and not format.opaque
    bands = np.empty((picture.height, picture.width, 4 if kept else 3), dtype)
    rows = max(1, _AT_ONCE // (3 * picture.width))
    for start in range(0, picture.height, rows):  # copies in floats of a print would be gigabytes
        own = slice(start, start + rows)
        pixels = picture.pixels[own]
        if not np.isfinite(pixels).all():
            raise PictureError(
                "The picture was not saved, since numbers of 0 to 1 are expected. Received: NaN or infinity"
            )
        if picture.alpha is not None:
            cover = picture.alpha[own][..., None]
            pixels = np.concatenate([pixels, cover], -1) if kept else pixels * cover + (1 - cover)
        bands[own] = np.rint(np.clip(pixels, 0, 1) * np.float32(white))
    return bands


def _tiff(bands: np.ndarray) -> bytes:
    import tifffile

    buffer = io.BytesIO()
    tifffile.imwrite(
        buffer,
        bands,
        photometric="rgb",
        extrasamples=["unassalpha"] if bands.shape[-1] == 4 else None,
        compression="adobe_deflate",
        predictor=True,
        iccprofile=srgb_profile(),
        metadata=None,
        software=False,
    )
    return buffer.getvalue()


def _deep_png(bands: np.ndarray) -> bytes:
    """imagecodecs writes no profile into a PNG: its chunk goes behind the header (PNG 3, 11.3.2.3)."""
    import imagecodecs

    data = bytes(imagecodecs.png_encode(bands))
    body = b"iCCP" + b"sRGB\0\0" + zlib.compress(srgb_profile())
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    behind_header = 8 + 4 + 4 + 13 + 4
    return data[:behind_header] + chunk + data[behind_header:]
