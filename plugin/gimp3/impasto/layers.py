"""Layers: which part to paint, its pixels to a file, and a painting back into the image."""

from __future__ import annotations

from array import array
from dataclasses import dataclass

from gi.repository import Gegl, Gimp, Gio
from png import ROWS, write_png
from problems import Problem, engine_lies
from request import area_to_paint
from words import _


@dataclass
class Part:
    """What is painted: a layer, or the part of it that is selected.

    Attributes:
        layer: the layer, or layer group.
        x, y, width, height: of the part, in the layer's own pixels.
        selected: whether there is a selection, which becomes the painting's mask.
    """

    layer: Gimp.Drawable
    x: int
    y: int
    width: int
    height: int
    selected: bool

    @property
    def area(self):
        """(x, y, width, height)."""
        return self.x, self.y, self.width, self.height

    @property
    def longest(self):
        """Longest side in pixels."""
        return max(self.width, self.height)

    def export(self, path, thing=None, longest=None):
        """Writes this part, or another layer or image, as a PNG; returns its width and height."""
        if isinstance(thing, Gimp.Image):
            return export_image(thing, path)
        if thing is not None:
            return export(thing, path)
        return export(self.layer, path, self.area, longest)


def part_to_paint(image, drawables):
    """Finds what is to be painted.

    Raises:
        Problem: there is not one layer, it is too small, or the selection lies beside it.
    """
    if len(drawables) != 1:
        raise Problem(_("Select one layer, then call the filter again."))
    layer = drawables[0]
    if isinstance(layer, Gimp.LayerMask):
        layer = Gimp.Layer.from_mask(layer)
    if not isinstance(layer, Gimp.Layer):
        raise Problem(_("This filter paints layers. Select a layer instead of a channel."))
    selected = not Gimp.Selection.is_empty(image)
    area = area_to_paint(*layer.mask_intersect(), (layer.get_width(), layer.get_height()))
    return Part(layer, *area, selected)


def export(layer, path, area=None, longest=None):
    """Writes a layer, or a part of it, as a PNG; its mask is left aside.

    Args:
        layer: the layer or group.
        path: the file.
        area: (x, y, width, height) in the layer's pixels; all of it by default.
        longest: longest side of a smaller picture, for a preview.

    Returns:
        Width and height in pixels.
    """
    area = area or (0, 0, layer.get_width(), layer.get_height())
    deep = is_deep(layer)
    scale = min(1.0, longest / max(area[2:])) if longest else 1.0
    return write_png(path, layer.get_buffer(), area, alpha=layer.has_alpha(), deep=deep, scale=scale)


def is_deep(layer):
    """Whether a layer has more than 8 bits a colour."""
    return layer.get_image().get_precision() not in (
        Gimp.Precision.U8_LINEAR,
        Gimp.Precision.U8_NON_LINEAR,
        Gimp.Precision.U8_PERCEPTUAL,
    )


def export_image(image, path):
    """Writes an image as it is seen, as a PNG; returns its width and height."""
    copy = image.duplicate()
    try:
        layer = copy.merge_visible_layers(Gimp.MergeType.CLIP_TO_IMAGE)
        if layer is None:
            raise Problem(_("The image that was chosen as the style has no visible layer."))
        return export(layer, path)
    finally:
        copy.delete()


def open_painting(path, expected):
    """Opens a painting of the engine's as an image of its own, without a window.

    Args:
        path: the file.
        expected: (width, height) that it must have, within a pixel.

    Raises:
        Problem: it is no picture, or of another size.
    """
    try:
        painting = Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, Gio.File.new_for_path(str(path)))
    except Exception as error:
        raise engine_lies(str(error)) from error
    if painting is None:
        raise engine_lies(str(Gimp.get_pdb().get_last_error() or path))
    size = painting.get_width(), painting.get_height()
    if any(abs(one - other) > 1 for one, other in zip(size, expected, strict=True)):
        painting.delete()
        raise engine_lies(f"{size[0]}×{size[1]} ≠ {expected[0]}×{expected[1]}")
    return painting


def as_layer(painting, image, part, name):
    """A painting as a layer for an image: with the part's size and transparency, not yet inserted."""
    if (painting.get_width(), painting.get_height()) != (part.width, part.height):
        Gimp.context_push()
        Gimp.context_set_interpolation(Gimp.InterpolationType.CUBIC)
        painting.scale(part.width, part.height)
        Gimp.context_pop()
    layer = Gimp.Layer.new_from_drawable(painting.get_layers()[0], image)
    layer.set_name(name)
    if part.layer.has_alpha():
        layer.add_alpha()
        _copy_alpha(part, layer)
    return layer


def _copy_alpha(part, layer):
    """The layer's own transparency at full size; the engine's has been through two resizings."""
    source, target = part.layer.get_buffer(), layer.get_buffer()
    code, pixel_format = ("f", "R'G'B'A float") if is_deep(part.layer) else ("B", "R'G'B'A u8")
    for first in range(0, part.height, ROWS):
        rows = min(ROWS, part.height - first)
        there = Gegl.Rectangle.new(part.x, part.y + first, part.width, rows)
        here = Gegl.Rectangle.new(0, first, part.width, rows)
        pixels = array(code, bytes(target.get(here, 1.0, pixel_format, Gegl.AbyssPolicy.NONE)))
        alphas = array(code, bytes(source.get(there, 1.0, pixel_format, Gegl.AbyssPolicy.NONE)))
        pixels[3::4] = alphas[3::4]
        target.set(here, pixel_format, pixels.tobytes())
    target.flush()
    layer.update(0, 0, part.width, part.height)


def place(layer, part):
    """Moves a layer over the part that it was painted from."""
    _found, left, top = part.layer.get_offsets()
    layer.set_offsets(left + part.x, top + part.y)


def mask(layer, part):
    """Masks an inserted painting by the selection and by the source's own mask."""
    own = part.layer.get_mask()
    if not part.selected and own is None:
        return
    new = layer.create_mask(Gimp.AddMaskType.WHITE)
    layer.add_mask(new)
    selection = part.layer.get_image().get_selection().get_buffer() if part.selected else None
    source, target = own and own.get_buffer(), new.get_buffer()
    _found, left, top = part.layer.get_offsets()
    for first in range(0, part.height, ROWS):
        rows, y = min(ROWS, part.height - first), part.y + first
        data = [
            bytes(buffer.get(Gegl.Rectangle.new(x, y, part.width, rows), 1.0, "Y u8", Gegl.AbyssPolicy.NONE))
            for buffer, x, y in ((source, part.x, y), (selection, left + part.x, top + y))
            if buffer
        ]
        if len(data) == 2:
            data = [bytes((one * other + 127) // 255 for one, other in zip(*data, strict=True))]
        target.set(Gegl.Rectangle.new(0, first, part.width, rows), "Y u8", data[0])
    target.flush()
    new.update(0, 0, part.width, part.height)
