"""Reads the pictures of a request before any work begins, and refuses those that cannot be painted."""

from __future__ import annotations

import os
from collections.abc import Sequence

from .images import Picture, load_picture, paintable
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
        photograph = load_picture(content, size=settings.size, check=paintable("content", settings.size))
    loaded = [load_style(style) for style in styles]
    if settings.init not in ("content", "noise"):
        load_picture(settings.init)
    return photograph, loaded
