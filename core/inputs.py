"""Reads the pictures of a request before any work begins, and refuses those that cannot be painted."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence

from PIL import Image

from .errors import PictureError
from .images import MIN_SIDE, Picture, load_picture, require_paintable
from .recipes import Settings
from .styles import Style, load_style

Source = str | os.PathLike[str] | bytes


def load_inputs(
    content: Source | None, styles: Sequence[Source], settings: Settings
) -> tuple[Picture | None, list[Style]]:
    """Reads a photograph at the size to be painted, and the styles.

    Args:
        content: path or bytes of the photograph; None for a texture.
        styles: gallery names, paths or bytes.
        settings: of which the size and the picture to start from are looked at.

    Raises:
        UsageError: there is no such style.
        PictureError: a picture cannot be read, is too small, or too thin.
    """
    photograph = None
    if content is not None:
        photograph = load_picture(content, size=settings.size)
        require_paintable(photograph, "content")
        _require_substance(content)
    loaded = [load_style(style) for style in styles]
    for style in loaded:
        require_paintable(style.picture, "style")
    if settings.init not in ("content", "noise"):
        load_picture(settings.init)
    return photograph, loaded


def _require_substance(source: Source) -> None:
    """Refuses a photograph of a few pixels, which could be enlarged but shows nothing."""
    try:
        with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source) as image:
            width, height = image.size
    except Exception:  # it was read before, by other means than Pillow's own
        return
    if min(width, height) < MIN_SIDE:
        raise PictureError(
            f"The content must be at least {MIN_SIDE} pixels on its short side to be painted; give a larger "
            f"picture. Received: {width}×{height}"
        )
