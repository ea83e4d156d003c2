"""Picture files, bytes and Pillow images to `Samples`: formats, limits, and one-line errors.

The header is looked at first, for the format, the depth and the number of pixels; only then is
anything decoded, by Pillow up to 8 bits a colour and by `deep_pictures` above.
"""

from __future__ import annotations

import io
import os
import re
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO

import numpy as np
from PIL import Image, UnidentifiedImageError

from .deep_pictures import PNG_SIGNATURE, TIFF_SIGNATURES, read_deep_png, read_deep_tiff, too_large
from .errors import PictureError
from .samples import Samples, unit_of_unknown_range

# Phones take photographs of 200 million pixels (16320×12240); a decompression bomb has more.
MAX_PIXELS = 200_000_000

# Named, so that no file can reach a decoder that nobody here needs (EPS starts Ghostscript).
_FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "AVIF")
_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1")
_ORIENTATION = 0x0112  # EXIF 2.3, section 4.6.4
_EXPECTED = "a JPEG, PNG, WebP, TIFF, BMP, GIF or AVIF picture"

_limits = threading.RLock()


def read_file(source: str | os.PathLike[str] | bytes, size: int = 0) -> Samples:
    """Decodes a picture file, or the bytes of one.

    Args:
        source: a path, or a file's whole contents.
        size: the longest side that will be wanted, 0 for all of it. A JPEG much larger is decoded
            at a half, a quarter or an eighth, still at least twice as large as wanted.

    Raises:
        PictureError: there is no such picture, or it is damaged, too large, or of another kind.
    """
    named = f"{len(source)} bytes" if isinstance(source, bytes) else os.fspath(source)
    with _opened(source) as file, _pillow_limits():
        try:
            return _decoded(file, size)
        except PictureError as error:
            raise PictureError(f"{error}, {named}") from None
        except UnidentifiedImageError:
            raise PictureError(
                f"The file is no picture, or its beginning is damaged; give {_EXPECTED}. Received: {named}"
            ) from None
        except Image.DecompressionBombError as error:
            pixels = int((re.findall(r"\d+", str(error)) or ["0"])[0])
            received = f"{pixels / 10**6:.0f} million pixels, {named}"
            raise PictureError(too_large(received, MAX_PIXELS)) from None
        except MemoryError:
            raise PictureError(
                f"The picture does not fit into this machine's memory; make it smaller. Received: {named}"
            ) from None
        except Exception as error:  # decoders report damage by many classes, of which Pillow lists none
            reason = " ".join(str(error).split())[:120] or type(error).__name__
            raise PictureError(
                f"The picture is damaged or cut short ({reason}); fetch or save it anew. Received: {named}"
            ) from error


def read_pillow(image: Image.Image, size: int = 0) -> Samples:
    """Takes the numbers, the profile and the orientation out of a Pillow image of any mode.

    With a `size`, a JPEG not yet loaded is decoded as small as that allows, and stays so.
    """
    extent, box = (image.height, image.width), None
    if size and image.format in ("JPEG", "MPO"):
        # Twice the wanted size, so that the last step down is Lanczos's and not the decoder's.
        scale = 2 * size / max(extent)
        wanted = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        drafted = image.draft(None, wanted)  # type: ignore[arg-type]
        box = drafted[1][2:] if drafted else None
    several = _several(image)
    image.load()  # before EXIF: in a PNG it may stand behind the pixels, and a TIFF turns itself
    notices: tuple[str, ...] = (several,) if several else ()
    profile, orientation = image.info.get("icc_profile"), _orientation(image)
    if image.mode in ("I", "F"):
        numbers, guess = unit_of_unknown_range(np.asarray(image))
        return Samples(numbers[..., None], None, 16, profile, orientation, notices=notices + guess)
    if image.mode.startswith("I;16"):
        numbers16 = np.asarray(image).astype(np.uint16)
        return Samples(numbers16[..., None], None, 16, profile, orientation, notices=notices)
    if image.mode == "LAB":
        image, profile = _lab_to_rgb(image), None
    image = image.convert(_plain_mode(image))
    bands = np.asarray(image).reshape(image.height, image.width, -1)
    alpha = bands[..., -1] if image.mode in ("LA", "RGBA") else None
    colours = bands if alpha is None else bands[..., :-1]
    return Samples(colours, alpha, 8, profile, orientation, extent, box, notices)


def _decoded(file: IO[bytes], size: int) -> Samples:
    head = file.read(32)
    if not head:
        raise PictureError(f"The file is empty; give {_EXPECTED}. Received: 0 bytes")
    if head.startswith(TIFF_SIGNATURES):
        samples = read_deep_tiff(file, MAX_PIXELS)
        if samples is not None:
            return samples
    with _open(file, head) as image:
        if image.width * image.height > MAX_PIXELS:
            raise PictureError(too_large(f"{image.width}×{image.height} pixels", MAX_PIXELS))
        if head.startswith(PNG_SIGNATURE) and head[24] == 16:  # IHDR's bit depth
            profile, orientation = image.info.get("icc_profile"), _orientation(image)
            return replace(read_deep_png(file), profile=profile, orientation=orientation)
        return read_pillow(image, size)


def _open(file: IO[bytes], head: bytes) -> Image.Image:
    file.seek(0)
    try:
        return Image.open(file, formats=_FORMATS)
    except UnidentifiedImageError:
        if head[4:8] != b"ftyp" or not any(brand in head for brand in _HEIF_BRANDS):
            raise
    try:
        import pillow_heif
    except ImportError:
        raise PictureError(
            "Pillow reads HEIC pictures only with pillow-heif; run `pip install pillow-heif`, or save the "
            "picture as JPEG. Received: a HEIC picture"
        ) from None
    pillow_heif.register_heif_opener()
    file.seek(0)
    return Image.open(file, formats=("HEIF",))


@contextmanager
def _opened(source: str | os.PathLike[str] | bytes) -> Iterator[IO[bytes]]:
    if isinstance(source, bytes):
        yield io.BytesIO(source)
        return
    path = Path(source)
    try:
        if path.is_dir():
            raise PictureError(f"A picture is expected, not a folder; name a file in it. Received: {path}")
        if path.exists() and not path.is_file():
            raise PictureError(f"A picture is expected, not a device or a pipe. Received: {path}")
        file = path.open("rb")
    except FileNotFoundError:
        raise PictureError(
            f"There is no such file; check the spelling and the folder. Received: {path}"
        ) from None
    except PermissionError:
        raise PictureError(
            f"The file may not be read by this user; change its permissions. Received: {path}"
        ) from None
    except (OSError, ValueError) as error:  # a name too long, a null character, a failing disk
        reason = getattr(error, "strerror", None) or error
        raise PictureError(
            f"The file cannot be opened ({reason}); check its name. Received: {str(path)!r:.200}"
        ) from None
    with file:
        yield file


@contextmanager
def _pillow_limits() -> Iterator[None]:
    """Sets Pillow's own limit on pixels, which is the process's and not ours to keep, and no warnings.

    Pillow refuses twice `MAX_IMAGE_PIXELS` and warns above once; its warnings (a corrupt EXIF block,
    say) would stand beside our one line. One thread decodes at a time, lest another see our limit.
    """
    with _limits, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, MAX_PIXELS // 2
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = before


def _several(image: Image.Image) -> str | None:
    if image.format == "MPO" or not getattr(image, "is_animated", False):
        return None  # a JPEG's further pictures are depth maps and previews
    if image.format == "TIFF":
        return "The picture has several pages: only the first is used."
    return "The picture is animated: only its first frame is used."


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # a damaged EXIF block is no reason to refuse the picture
        return 1


def _plain_mode(image: Image.Image) -> str:
    grey = image.mode in ("1", "L", "LA", "La")
    if image.has_transparency_data:
        return "LA" if grey else "RGBA"
    return "L" if grey else image.mode if image.mode == "CMYK" else "RGB"


def _lab_to_rgb(image: Image.Image) -> Image.Image:
    from PIL import ImageCms

    profiles = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(image, *profiles, outputMode="RGB")
    if converted is None:
        raise ValueError("its Lab colours cannot be converted")
    return converted
