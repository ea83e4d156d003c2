"""Picture files, bytes and Pillow images to `Samples`: formats, limits, and one-line errors.

The header is looked at first, for the format, the depth and the number of pixels; only then is
anything decoded, by Pillow up to 8 bits a colour and by `deep_pictures` above.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import nullcontext, suppress
from dataclasses import replace
from typing import IO, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, UnidentifiedImageError

from .deep_pictures import SEVERAL_PAGES, TIFF_SIGNATURES, DeepTiff, read_deep_png
from .errors import PictureError
from .picture_files import MAX_PIXELS, Source, picture_file, too_large
from .picture_formats import DECODERS, EXPECTED
from .picture_mending import (
    NO_END_MARK,
    PNG_SIGNATURE,
    SIDE_CHUNKS_LEFT_OUT,
    with_end_mark,
    without_damaged_chunks,
)
from .samples import Samples, unit_of_unknown_range
from .silenced import silenced

_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1")
_ORIENTATION = 0x0112  # EXIF 2.3, section 4.6.4
_EXIF_BLOCK, _USER_COMMENT = 0x8769, 0x9286


class Header(NamedTuple):
    """What a picture's file says before anything is decoded.

    Attributes:
        width, height: in pixels, as they are stored; an orientation may turn them.
        several: a line for the user where only the first of several frames or pages is used.
    """

    width: int
    height: int
    several: str = ""


Check = Callable[[int, int], None]
Decode = Callable[[int], Samples]


def read_file(source: Source, size: int = 0, check: Check = lambda width, height: None) -> Samples:
    """Decodes a picture file, or the bytes of one.

    Args:
        source: a path, or a file's whole contents.
        size: the longest side that will be wanted, 0 for all of it. A JPEG much larger is decoded
            at a half, a quarter or an eighth, still at least twice as large as wanted.
        check: called with the width and the height before anything is decoded; what it raises is raised.

    Raises:
        PictureError: there is no such picture, or it is damaged, too large, or of another kind.
    """
    with picture_file(source) as file:
        header, decode = _begun(file)
        check(header.width, header.height)
        return decode(size)


def read_header(source: Source) -> Header:
    """Looks at a picture file's header alone, in little memory; arguments and errors as `read_file`'s."""
    with picture_file(source) as file:
        return _begun(file)[0]


def read_comment(source: Source) -> bytes:
    """Returns the user comment of a picture's EXIF block, empty where there is none or it is damaged."""
    try:
        with picture_file(source) as file, _open(file, file.read(32)) as image:
            return bytes(image.getexif().get_ifd(_EXIF_BLOCK).get(_USER_COMMENT, b""))
    except Exception:  # no reason to refuse the picture
        return b""


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
    several, screen = _several(image), _beyond_first_frame(image)
    with silenced() if image.format == "TIFF" else nullcontext():
        image.load()  # before EXIF: in a PNG it may stand behind the pixels, and a TIFF turns itself
    notices: tuple[str, ...] = (several,) if several else ()
    profile, orientation = image.info.get("icc_profile"), _orientation(image)
    if image.mode == "I" and image.format == "PPM":  # its own white is in its header, and 65535 here
        return Samples(np.asarray(image).astype(np.uint16)[..., None], bits=16)
    if image.mode in ("I", "F"):
        numbers, guess = unit_of_unknown_range(np.asarray(image))
        return Samples(numbers[..., None], None, 16, profile, orientation, notices=notices + guess)
    if image.mode.startswith("I;16"):
        numbers16 = np.asarray(image).astype(np.uint16)
        return Samples(numbers16[..., None], None, 16, profile, orientation, notices=notices)
    if image.mode == "LAB":
        image, profile = _lab_to_rgb(image), None
    gamma = _gamma(image)  # before the conversion, which forgets the format
    image = image.convert(_plain_mode(image))
    bands = np.asarray(image).reshape(image.height, image.width, -1)
    alpha = bands[..., -1] if image.mode in ("LA", "RGBA") else None
    colours = bands if alpha is None else bands[..., :-1]
    if screen is not None:
        alpha = screen if alpha is None else np.minimum(alpha, screen)
    samples = Samples(colours, alpha, 8, profile, orientation, extent, box, notices)
    return samples.without_gamma(gamma)


def _begun(file: IO[bytes]) -> tuple[Header, Decode]:
    """Reads a file's header; returns it, and what decodes the rest."""
    head = file.read(32)
    if not head:
        raise PictureError(f"The file is empty; give {EXPECTED}. Received: 0 bytes")
    page = DeepTiff.open(file) if head.startswith(TIFF_SIGNATURES) else None
    mended: tuple[str, ...] = ()
    if page:
        header = Header(page.width, page.height, SEVERAL_PAGES if page.several else "")
    else:
        file, image, mended = _opened(file, head)
        header = Header(image.width, image.height, _several(image) or "")
    if header.width * header.height > MAX_PIXELS:
        raise too_large(f"{header.width}×{header.height} pixels")
    if page:
        return header, lambda size: page.decode()
    deep = head.startswith(PNG_SIGNATURE) and head[24] == 16  # IHDR's bit depth

    def decode(size: int) -> Samples:
        samples = _decoded_deep(file, image) if deep else _decoded(file, image, size)
        return replace(samples, notices=mended + samples.notices)

    return header, decode


def _opened(file: IO[bytes], head: bytes) -> tuple[IO[bytes], Image.Image, tuple[str, ...]]:
    """Opens a file, a damaged PNG without what is damaged beside its pixels; returns notices, too."""
    try:
        return file, _open(file, head), ()
    except Exception as refused:  # Pillow's decoders fail by many classes
        if not head.startswith(PNG_SIGNATURE) or isinstance(refused, Image.DecompressionBombError):
            raise
        file.seek(0)
        for plainer in map(io.BytesIO, without_damaged_chunks(file.read())):
            with suppress(Exception):
                return plainer, _open(plainer, head), (SIDE_CHUNKS_LEFT_OUT,)
        raise


def _decoded(file: IO[bytes], image: Image.Image, size: int) -> Samples:
    is_jpeg = image.format in ("JPEG", "MPO")
    try:
        return read_pillow(image, size)
    except OSError:
        if not is_jpeg:
            raise
        file.seek(0)
        whole = with_end_mark(file.read(), lambda data: read_pillow(_open(io.BytesIO(data), data[:32]), size))
        if whole is None:
            raise
        return replace(whole, notices=(*whole.notices, NO_END_MARK))


def _decoded_deep(file: IO[bytes], image: Image.Image) -> Samples:
    samples = replace(
        read_deep_png(file), profile=image.info.get("icc_profile"), orientation=_orientation(image)
    )
    return samples.without_gamma(_gamma(image))


def _open(file: IO[bytes], head: bytes) -> Image.Image:
    file.seek(0)
    try:
        return Image.open(file, formats=DECODERS)
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


def _beyond_first_frame(image: Image.Image) -> NDArray[np.uint8] | None:
    """The cover of a GIF whose first frame is smaller than its screen, which is clear there; else `None`."""
    extents = (
        image.tile[0].extents
        if image.format == "GIF" and isinstance(image, ImageFile.ImageFile) and image.tile
        else None
    )
    if extents is None or extents == (0, 0, *image.size):
        return None
    left, upper, right, lower = extents
    cover = np.zeros((image.height, image.width), np.uint8)
    cover[upper:lower, left:right] = 255
    return cover


def _several(image: Image.Image) -> str | None:
    if image.format == "MPO" or not getattr(image, "is_animated", False):
        return None  # a JPEG's further pictures are depth maps and previews
    if image.format == "TIFF":
        return SEVERAL_PAGES
    return "The picture is animated: only its first frame is used."


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # a damaged EXIF block is no reason to refuse the picture
        return 1


def _gamma(image: Image.Image) -> float:
    """A PNG's gamma where it alone says what the numbers mean (PNG 3, 4.3); 0 for none."""
    if image.format != "PNG" or "icc_profile" in image.info or "srgb" in image.info:
        return 0.0
    return float(image.info.get("gamma", 0))


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
