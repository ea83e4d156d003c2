"""Picture files on their way in: the file opened, Pillow's limits set, every failure told in one line."""

from __future__ import annotations

import io
import os
import re
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from PIL import Image, UnidentifiedImageError

from .errors import ImpastoError, PictureError, PictureTooLarge
from .picture_formats import EXPECTED

# Phones take photographs of 200 million pixels (16320×12240); a decompression bomb has more.
MAX_PIXELS = 200_000_000

Source = str | os.PathLike[str] | bytes

_limits = threading.RLock()


def too_large(received: str) -> PictureTooLarge:
    """Returns the error for a picture with more pixels than Impasto reads."""
    return PictureTooLarge(
        f"The picture has more pixels than Impasto reads, {MAX_PIXELS // 10**6} million; make it smaller "
        f"first. Received: {received}"
    )


@contextmanager
def picture_file(source: Source) -> Iterator[IO[bytes]]:
    """Opens a picture's file, or its bytes, for the decoders.

    Args:
        source: a path, or a file's whole contents.

    Raises:
        PictureError: there is no such file, or a decoder failed in between; the message names the file.
    """
    named = f"{len(source)} bytes" if isinstance(source, bytes) else os.fspath(source)
    with _opened(source) as file, _pillow_limits():
        try:
            yield file
        except PictureError as error:
            raise type(error)(f"{error}, {named}") from None
        except ImpastoError:
            raise
        except UnidentifiedImageError:
            raise PictureError(f"{_no_picture(file)}; give {EXPECTED}. Received: {named}") from None
        except Image.DecompressionBombError as error:
            pixels = int((re.findall(r"\d+", str(error)) or ["0"])[0])
            raise too_large(f"{pixels / 10**6:.0f} million pixels, {named}") from None
        except MemoryError:
            raise PictureError(
                f"The picture does not fit into this machine's memory; make it smaller. Received: {named}"
            ) from None
        except Exception as error:  # decoders report damage by many classes, of which Pillow lists none
            reason = " ".join(str(error).split())[:120] or type(error).__name__
            raise PictureError(
                f"The picture is damaged or cut short ({reason}); fetch or save it anew. Received: {named}"
            ) from error


def _no_picture(file: IO[bytes]) -> str:
    """What a file is that no decoder knows, where people often meet it under a picture's name."""
    file.seek(0)
    head = file.read(512).lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if head.startswith(b"version https://git-lfs"):
        return "The file is a Git LFS pointer and not the picture itself, which `git lfs pull` fetches"
    if head.startswith((b"<!doctype html", b"<html", b"<head", b"<body")):
        return "The file is a web page (HTML), not the picture shown on it"
    if head.startswith(b"<svg") or (head.startswith(b"<?xml") and b"<svg" in head):
        return "The file is an SVG drawing, which has no pixels; export it as PNG"
    if head.startswith(b"%pdf"):
        return "The file is a PDF document; export its page as PNG"
    return "The file is no picture, or its beginning is damaged"


@contextmanager
def _opened(source: Source) -> Iterator[IO[bytes]]:
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
