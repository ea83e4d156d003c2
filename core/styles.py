"""Styles: a painting, or a style file that stands for one.

A style file is a picture of its own: a *swatch*, a texture that Impasto synthesised until its
statistics under the bundled network equalled the painting's at several sizes. It holds no pixel
of the painting, serves every network and every loss, is its own thumbnail, and opens in any
viewer. It is a WebP whose EXIF block names the painting and, as JSON, all that is known of it.

    from impasto.core.styles import load_style
    load_style("starry_night").at(256).shape  # the swatch as it looks at a 256-pixel painting
"""

from __future__ import annotations

import difflib
import io
import json
import os
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import PictureError, UsageError, printable
from .images import Picture, load_picture, paintable
from .picture_reading import read_comment
from .picture_writing import write_file

if TYPE_CHECKING:
    from PIL import Image

EXTENSION = ".webp"
VERSION = 1
# The EXIF tags that other programs show, and the one for our JSON.
_TITLE, _ARTIST, _COPYRIGHT, _EXIF_BLOCK, _USER_COMMENT = 0x010E, 0x013B, 0x8298, 0x8769, 0x9286
_ASCII = b"ASCII\x00\x00\x00"  # EXIF 2.3 wants the comment's encoding named before it


@dataclass(frozen=True)
class Style:
    """A painting's manner, as something to paint after.

    Attributes:
        name: how it is called on the command line, in snake_case.
        picture: the painting, or its swatch.
        span: longest side, in pixels, of the whole painting when its strokes are as large as in
            `picture`. For a painting that is its own longest side.
        title, author, year, kind, licence, source: of the painting; empty where unknown. The kind is what
            a gallery sorts by, such as `impressionism` or `woodcut`.
        network: the network under which a swatch was made; empty for a painting.
    """

    name: str
    picture: Picture = field(repr=False)
    span: float
    title: str = ""
    author: str = ""
    year: str = ""
    licence: str = ""
    source: str = ""
    network: str = ""
    kind: str = ""

    @property
    def is_swatch(self) -> bool:
        """Whether the picture was synthesised, and so holds no pixel of the painting."""
        return bool(self.network)

    def at(self, side: float, pixels: np.ndarray | None = None) -> np.ndarray:
        """The picture with its strokes as large as in a painting `side` pixels long.

        Args:
            side: longest side of the whole painting, in pixels.
            pixels: another version of the picture (recoloured, say) to be resized instead.

        Returns:
            (height, width, 3) float32, 0–1; never smaller than 16 pixels a side, the least that
            five blocks of a VGG can take.
        """
        source = self.picture if pixels is None else self.picture.with_pixels(pixels)
        longest, shortest = max(source.height, source.width), min(source.height, source.width)
        wanted = max(longest * side / self.span, 16 * longest / shortest)
        return source.resized(max(1, round(wanted))).pixels

    def describe(self) -> dict[str, Any]:
        """Everything but the picture, for JSON."""
        facts = {key: value for key, value in asdict(replace(self, picture=None)).items() if key != "picture"}  # type: ignore[arg-type]
        return facts | {"width": self.picture.width, "height": self.picture.height}


def gallery_names() -> list[str]:
    """The bundled styles, in alphabetical order."""
    return sorted(_gallery())


def gallery_by_kind() -> dict[str, list[str]]:
    """The bundled styles by kind, both in alphabetical order: `{"abstract": ["cossacks", ...]}`."""
    kinds: dict[str, list[str]] = {}
    for name in gallery_names():
        kinds.setdefault(load_style(name).kind, []).append(name)
    return dict(sorted(kinds.items()))


@cache
def _gallery() -> dict[str, Any]:
    folder = resources.files("impasto.models") / "gallery"
    if not folder.is_dir():
        return {}
    return {
        item.name.removesuffix(EXTENSION): item for item in folder.iterdir() if item.name.endswith(EXTENSION)
    }


def load_preview(name: str) -> Picture | None:
    """A photograph painted in a gallery style; None for any other style, or where the gallery has none."""
    item = resources.files("impasto.models") / "gallery" / "previews" / f"{name}{EXTENSION}"
    return load_picture(item.read_bytes()) if name in _gallery() and item.is_file() else None


def load_style(source: Any) -> Style:
    """Loads a style.

    Args:
        source: a gallery name, a style file, a picture (path, bytes, Pillow image or array), or a
            `Style`, which is returned as it is. A file of that name goes before the gallery.

    Raises:
        UsageError: there is neither such a file nor such a gallery style.
        PictureError: the picture cannot be read.
    """
    if isinstance(source, Style):
        return source
    if not isinstance(source, (str, os.PathLike)):
        return _read(source, "style")
    path, item = Path(source), _gallery().get(str(source))
    if path.is_file() or (not item and (path.exists() or path.suffix or len(path.parts) > 1)):
        return _read(path, path.stem)
    if item:
        return _read(item.read_bytes(), str(source))
    near = difflib.get_close_matches(str(source), gallery_names(), n=3, cutoff=0.4)
    hint = f"did you mean {' or '.join(near)}?" if near else "`impasto styles list` names the gallery."
    raise UsageError(f"Expected a gallery style, a style file or a picture; {hint} Received: {source}")


def _read(source: Any, name: str) -> Style:
    picture = load_picture(source, check=paintable("style"))
    facts = _facts(source)
    if not facts:
        return Style(printable(name), picture, span=max(picture.height, picture.width))
    version, span = facts["impasto_style"], facts["span"]
    if isinstance(version, int) and version > VERSION:
        raise PictureError(
            f"The style file is of a newer version than this Impasto reads ({VERSION}); upgrade Impasto. "
            f"Received: {name}, version {version}"
        )
    if not (isinstance(version, int) and isinstance(span, (int, float)) and 0 < span < float("inf")):
        raise PictureError(
            f"The style file's facts are damaged; make it anew with `impasto styles make`. "
            f"Received: {name}, version {version!r}, span {span!r}"
        )
    known = {
        key: printable(str(facts.get(key, "")))
        for key in ("title", "author", "year", "kind", "licence", "source", "network")
    }
    return Style(name=printable(str(facts.get("name") or name)), picture=picture, span=float(span), **known)


def _facts(source: Any) -> dict[str, Any]:
    """The JSON that a style file carries; empty for any other picture."""
    if not isinstance(source, (str, os.PathLike, bytes)):
        return {}
    try:
        facts = json.loads(read_comment(source).removeprefix(_ASCII).decode("ascii"))
    except ValueError:  # no JSON: a camera's remark, or nothing
        return {}
    return facts if isinstance(facts, dict) and "impasto_style" in facts and "span" in facts else {}


def save_style(style: Style, path: Path | str, *, quality: int = 90) -> None:
    """Writes a style file, beside first and then renamed.

    Args:
        style: what to write.
        path: ending in `.webp`.
        quality: WebP's, 0–100. At 90 a 512-pixel swatch takes 60–200 kB and its statistics change
            by less than the synthesis itself leaves.

    Raises:
        UsageError: the path does not end in `.webp`.
        PictureError: it cannot be written.
    """
    path = Path(path)
    if path.suffix.lower() != EXTENSION:
        raise UsageError(f"A style file's name ends in {EXTENSION}. Received: {path}")
    encoded = io.BytesIO()
    _as_image(style.picture).save(encoded, "WEBP", quality=quality, method=6, exif=_exif(style))
    write_file(path, encoded.getvalue())


def _as_image(picture: Picture) -> Image.Image:
    from PIL import Image

    return Image.fromarray(np.round(picture.pixels * 255).astype("uint8"))


def _exif(style: Style) -> Image.Exif:
    from PIL import Image

    facts = {"impasto_style": VERSION} | {k: v for k, v in style.describe().items() if v not in ("", None)}
    exif = Image.Exif()
    exif[_TITLE], exif[_ARTIST] = f"Texture after {style.title or style.name}", "Impasto"
    exif[_COPYRIGHT] = style.licence
    exif.get_ifd(_EXIF_BLOCK)[_USER_COMMENT] = _ASCII + json.dumps(facts).encode("ascii")
    return exif
