"""Puts pictures side by side on one labelled sheet: before and after, or many styles at a glance."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

Cell = tuple[str, np.ndarray]

PAPER, INK = (250, 249, 246), (40, 40, 40)


def sheet(
    rows: Sequence[Sequence[Cell]], *, height: int = 240, gap: int = 8, font_size: int = 14
) -> np.ndarray:
    """Lays out rows of labelled pictures, all of one height.

    Args:
        rows: each a list of (label, pixels), pixels (height, width, 3) float 0–1.
        height: of every picture, in pixels; the widths follow.
        gap: space between pictures, in pixels.
        font_size: of the labels, in pixels.

    Returns:
        (height, width, 3) float32, 0–1.
    """
    font = ImageFont.load_default(font_size)
    laid = [[(text, _of_height(pixels, height)) for text, pixels in row] for row in rows]
    labels = [font_size + 6 if any(text for text, _ in row) else 0 for row in laid]
    width = max(sum(picture.width + gap for _, picture in row) for row in laid) + gap
    canvas = Image.new("RGB", (width, sum(height + label + gap for label in labels) + gap), PAPER)
    draw = ImageDraw.Draw(canvas)
    y = gap
    for row, label in zip(laid, labels, strict=True):
        x = gap
        for text, picture in row:
            canvas.paste(picture, (x, y + label))
            draw.text((x, y), _fitted(text, picture.width, font), fill=INK, font=font)
            x += picture.width + gap
        y += height + label + gap
    return np.asarray(canvas, "float32") / 255


def _of_height(pixels: np.ndarray, height: int) -> Image.Image:
    picture = Image.fromarray(np.round(np.clip(pixels, 0, 1) * 255).astype("uint8"))
    width = max(1, round(picture.width * height / picture.height))
    return picture.resize((width, height), Image.Resampling.LANCZOS)


def _fitted(text: str, width: int, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> str:
    """The text, shortened until it is no wider than its picture, without the accents that the font lacks."""
    text = "".join(one for one in unicodedata.normalize("NFKD", text) if not unicodedata.combining(one))
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "…") > width:
        text = text[:-1]
    return text + "…"
