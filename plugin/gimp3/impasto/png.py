"""Pixels of GIMP's to a PNG file for the engine, by the standard library alone (PNG 3, W3C 2025)."""

from __future__ import annotations

import struct
import sys
import zlib
from array import array

from gi.repository import Gegl

ROWS = 256  # at a time, so that a large layer does not lie in memory twice


def write_png(path, buffer, area, *, alpha, deep, scale=1.0):
    """Writes a part of a GEGL buffer as an sRGB PNG.

    Args:
        path: the file.
        buffer: where the pixels are; converted to sRGB by GEGL, whatever their own format.
        area: (x, y, width, height) in the buffer's own pixels.
        alpha: whether to write transparency.
        deep: 16 bits a colour instead of 8.
        scale: smaller than 1 for a smaller picture.

    Returns:
        Width and height of the picture, in pixels.
    """
    left, top, width, height = [round(value * scale) for value in area]
    width, height = max(1, width), max(1, height)
    channels, size = (4 if alpha else 3), (2 if deep else 1)
    pixel_format = f"R'G'B'{'A' if alpha else ''} u{8 * size}"
    stride = width * channels * size
    packer = zlib.compressobj(1)
    with open(path, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n")
        _chunk(file, b"IHDR", struct.pack(">IIBBBBB", width, height, 8 * size, 6 if alpha else 2, 0, 0, 0))
        _chunk(file, b"sRGB", b"\0")
        for first in range(0, height, ROWS):
            rows = min(ROWS, height - first)
            part = Gegl.Rectangle.new(left, top + first, width, rows)
            data = bytes(buffer.get(part, scale, pixel_format, Gegl.AbyssPolicy.CLAMP))
            if deep and sys.byteorder == "little":  # PNG's 16 bits are big-endian
                words = array("H", data)
                words.byteswap()
                data = words.tobytes()
            lines = b"".join(b"\0" + data[row * stride : (row + 1) * stride] for row in range(rows))
            _chunk(file, b"IDAT", packer.compress(lines))
        _chunk(file, b"IDAT", packer.flush())
        _chunk(file, b"IEND", b"")
    return width, height


def _chunk(file, kind, body):
    if body or kind == b"IEND":
        file.write(struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)))
