"""A layer as it is seen: its pixels with the effects that lie on it, but without mask, opacity and mode.

GIMP 3 leaves Curves, Blur and all other filters on a layer as effects; the layer's own buffer is without
them. (A group's buffer has the effects of the layers in it, but not its own.)
"""

from __future__ import annotations

from dataclasses import dataclass

from gi.repository import Gegl, Gimp
from png import ROWS


@dataclass
class Seen:
    """What a layer shows.

    Attributes:
        buffer: the pixels.
        alpha: whether they have transparency.
        x, y: where they begin, from the layer's own first pixel: a shadow, say, reaches beyond the layer.
        width, height: in pixels.
    """

    buffer: Gegl.Buffer
    alpha: bool
    x: int
    y: int
    width: int
    height: int

    def is_empty(self, area):
        """Whether nothing is seen in an area (x, y, width, height) of these pixels."""
        if not self.alpha:
            return False
        x, y, width, height = area
        return not any(
            any(bytes(self.buffer.get(strip, 1.0, "A u8", Gegl.AbyssPolicy.NONE)))
            for strip in (
                Gegl.Rectangle.new(x, y + first, width, min(ROWS, height - first))
                for first in range(0, height, ROWS)
            )
        )


def seen(layer):
    """A layer as it is seen.

    Args:
        layer: the layer, or layer group; it stays as it is.
    """
    if not any(effect.get_visible() for effect in layer.get_filters()):
        return Seen(layer.get_buffer(), layer.has_alpha(), 0, 0, layer.get_width(), layer.get_height())
    source = layer.get_image()
    image = Gimp.Image.new_with_precision(
        layer.get_width(), layer.get_height(), _base_type(source), source.get_precision()
    )
    try:
        image.undo_disable()
        if (profile := source.get_color_profile()) is not None:
            image.set_color_profile(profile)
        return _merged(layer, image)
    finally:
        image.delete()


def _base_type(image):
    grey = image.get_base_type() == Gimp.ImageBaseType.GRAY
    return Gimp.ImageBaseType.GRAY if grey else Gimp.ImageBaseType.RGB


def _merged(layer, image):
    copy = Gimp.Layer.new_from_drawable(layer, image)
    image.insert_layer(copy, None, 0)
    if copy.get_mask() is not None:
        copy.remove_mask(Gimp.MaskApplyMode.DISCARD)
    copy.set_visible(True)
    copy.set_opacity(100)
    copy.set_mode(Gimp.LayerMode.NORMAL)
    copy.set_offsets(0, 0)
    if copy.is_group():
        copy = copy.merge()
    else:
        copy.merge_filters()
    _found, x, y = copy.get_offsets()
    # The copy goes with its image, so its pixels are kept by themselves.
    return Seen(copy.get_buffer().dup(), copy.has_alpha(), x, y, copy.get_width(), copy.get_height())
