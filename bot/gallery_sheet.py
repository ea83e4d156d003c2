"""The sheet of the gallery: one photograph in every style, numbered as the buttons below it are."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from impasto.core.styles import load_preview

CELL, GAP = 256, 8  # pixels; a telephone shows the sheet about 1100 pixels wide
COLUMNS = 5
BADGE, LETTERS = 36, 44  # radius of the number's disc, and height of its letters


@lru_cache(maxsize=1)
def gallery_sheet(names: tuple[str, ...]) -> bytes:
    """A JPEG of the gallery's previews, in the order of `names`; a style without one is left grey."""
    rows = -(-len(names) // COLUMNS)
    step = CELL + GAP
    sheet = Image.new("RGB", (COLUMNS * step - GAP, rows * step - GAP), (255, 255, 255))
    for index, name in enumerate(names):
        cell = _numbered(name, index + 1)
        sheet.paste(cell, (index % COLUMNS * step, index // COLUMNS * step))
    data = io.BytesIO()
    sheet.save(data, "JPEG", quality=88)
    return data.getvalue()


def _numbered(name: str, number: int) -> Image.Image:
    preview = load_preview(name)
    cell = Image.new("RGB", (CELL, CELL), (128, 128, 128))
    if preview is not None:
        pixels = np.round(preview.pixels * 255).astype("uint8")
        cell = Image.fromarray(pixels).resize((CELL, CELL), Image.Resampling.LANCZOS)
    middle = (BADGE + GAP, BADGE + GAP)
    draw = ImageDraw.Draw(cell)
    draw.circle(middle, BADGE, fill=(255, 255, 255), outline=(40, 40, 40), width=2)
    draw.text(middle, str(number), fill=(20, 20, 20), font=ImageFont.load_default(LETTERS), anchor="mm")
    return cell


def sheet_of(gallery: Sequence[str]) -> tuple[str, bytes]:
    """The sheet, and a name that changes with it: under that Telegram's copy of it is remembered."""
    data = gallery_sheet(tuple(gallery))
    return f"sheet:{hashlib.sha256(data).hexdigest()[:16]}", data
