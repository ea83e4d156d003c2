"""The picture in the dialog: what is to be painted, and the painting as it grows."""

from __future__ import annotations

import gi

gi.require_version("Gtk", "3.0")
from gi.repository import GdkPixbuf, Gegl, GLib, Gtk  # noqa: E402

VIEW = 300  # longest side, in pixels


class View(Gtk.Frame):
    """Shows the part to be painted, on checks where it is transparent, until there is something newer.

    Args:
        part: what is to be painted.
    """

    def __init__(self, part):
        super().__init__()
        self.set_size_request(VIEW + 8, VIEW + 8)
        self.picture = Gtk.Image.new_from_pixbuf(_pixels(part))
        self.add(self.picture)

    def show_file(self, path):
        """Shows a picture file."""
        try:
            pixbuf = GdkPixbuf.Pixbuf.new_from_file(str(path))
        except GLib.Error:  # the engine deleted it for a newer one
            return
        size = _within(pixbuf.get_width(), pixbuf.get_height())
        if (scaled := pixbuf.scale_simple(*size, GdkPixbuf.InterpType.BILINEAR)) is not None:
            self.picture.set_from_pixbuf(scaled)


def _pixels(part):
    scale = min(1.0, VIEW / part.longest)
    left, top, width, height = [round(value * scale) for value in part.area]
    width, height = max(1, width), max(1, height)
    data = part.seen.buffer.get(
        Gegl.Rectangle.new(left, top, width, height), scale, "R'G'B'A u8", Gegl.AbyssPolicy.CLAMP
    )
    pixbuf = GdkPixbuf.Pixbuf.new_from_bytes(
        GLib.Bytes.new(bytes(data)), GdkPixbuf.Colorspace.RGB, True, 8, width, height, 4 * width
    )
    size = _within(width, height)
    return pixbuf.composite_color_simple(*size, GdkPixbuf.InterpType.BILINEAR, 255, 8, 0xFF999999, 0xFF666666)


def _within(width, height):
    scale = VIEW / max(width, height)
    return max(1, round(width * scale)), max(1, round(height * scale))
