"""Layers: which part to paint, its pixels to a file, and a painting back into the image."""

from __future__ import annotations

import zlib
from array import array
from dataclasses import dataclass

from gi.repository import Gegl, Gimp, Gio
from png import ROWS, write_png
from problems import Problem, empty_style, engine_lies, nothing_to_see
from request import LEAST, area_to_paint
from seen import Seen, seen
from words import _


@dataclass
class Part:
    """What is painted: a layer, or the part of it that is selected.

    Attributes:
        layer: the layer, or layer group.
        seen: what it shows.
        x, y, width, height: of the part, in the pixels of what is seen.
        selection: what was selected of the part when the filter was called, as packed strips, or nothing:
            a painting takes minutes, and meanwhile the user may select something else.
    """

    layer: Gimp.Drawable
    seen: Seen
    x: int
    y: int
    width: int
    height: int
    selection: tuple[bytes, ...] = ()

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
            return export_style(thing, path)
        return export(self.layer, path, self.seen, self.area, longest)


def part_to_paint(image, drawables):
    """Finds what is to be painted.

    Raises:
        Problem: there is not one layer, it is empty or too small, or the selection lies beside it.
    """
    if len(drawables) != 1:
        raise Problem(_("Select one layer, then call the filter again."))
    layer = drawables[0]
    if isinstance(layer, Gimp.LayerMask):
        layer = Gimp.Layer.from_mask(layer)
    if not isinstance(layer, Gimp.Layer):
        raise Problem(_("This filter paints layers. Select a layer instead of a channel."))
    if layer.is_group() and not layer.get_children():
        raise nothing_to_see()
    shown = seen(layer)
    _found, left, top = layer.get_offsets()
    left, top = left + shown.x, top + shown.y
    area = area_to_paint(*_selected(image, left, top, shown), (shown.width, shown.height))
    if shown.is_empty(area):
        raise nothing_to_see()
    if Gimp.Selection.is_empty(image):
        return Part(layer, shown, *area)
    strips = _strips(image.get_selection(), (left + area[0], top + area[1], *area[2:]), is_deep(layer))
    return Part(layer, shown, *area, tuple(zlib.compress(strip, 1) for strip in strips))


def _selected(image, left, top, shown):
    """Whether, and where, the selection meets what is seen: x, y, width, height in its pixels."""
    _done, selected, x, y, right, bottom = Gimp.Selection.bounds(image)
    if not selected:
        return True, 0, 0, shown.width, shown.height
    x, y = max(0, x - left), max(0, y - top)
    right, bottom = min(shown.width, right - left), min(shown.height, bottom - top)
    return right > x and bottom > y, x, y, right - x, bottom - y


def export(layer, path, shown, area=None, longest=None):
    """Writes a layer as it is seen, or a part of it, as a PNG; its mask is left aside.

    Args:
        layer: the layer or group.
        path: the file.
        shown: what the layer shows.
        area: (x, y, width, height) in the pixels of that; all of it by default.
        longest: longest side of a smaller picture, for a preview; its short side stays paintable.

    Returns:
        Width and height in pixels.
    """
    area = area or (0, 0, shown.width, shown.height)
    scale = min(1.0, max(longest / max(area[2:]), LEAST / min(area[2:]))) if longest else 1.0
    return write_png(path, shown.buffer, area, alpha=shown.alpha, deep=is_deep(layer), scale=scale)


def export_style(layer, path):
    """Writes all that a layer shows, as a PNG; returns its width and height."""
    shown = None if layer.is_group() and not layer.get_children() else seen(layer)
    if shown is None or shown.is_empty((0, 0, shown.width, shown.height)):
        raise empty_style()
    return export(layer, path, shown)


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
            raise empty_style()
        return export_style(layer, path)
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
    if part.seen.alpha:
        layer.add_alpha()
        _copy_alpha(part, layer)
    return layer


def _copy_alpha(part, layer):
    """The transparency that is seen, at full size; the engine's has been through two resizings."""
    source, target = part.seen.buffer, layer.get_buffer()
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
    layer.set_offsets(left + part.seen.x + part.x, top + part.seen.y + part.y)


def mask(layer, part):
    """Masks an inserted painting by the selection and by the source's own mask."""
    own, deep = part.layer.get_mask(), is_deep(part.layer)
    masks = [map(zlib.decompress, part.selection)] if part.selection else []
    if own is not None:
        x, y, width, height = part.area
        masks.append(_strips(own, (part.seen.x + x, part.seen.y + y, width, height), deep))
    if not masks:
        return
    new = layer.create_mask(Gimp.AddMaskType.WHITE)
    layer.add_mask(new)
    target, first = new.get_buffer(), 0
    for strips in zip(*masks, strict=True):
        rows = min(ROWS, part.height - first)
        together = strips[0] if len(strips) == 1 else _multiplied(*strips, deep)
        target.set(Gegl.Rectangle.new(0, first, part.width, rows), _mask_format(deep), together)
        first += rows
    target.flush()
    new.update(0, 0, part.width, part.height)


def _strips(mask, area, deep):
    """A mask's values in an area (x, y, width, height), some rows at a time; 0 beyond its border."""
    x, y, width, height = area
    buffer = mask.get_buffer()
    for first in range(0, height, ROWS):
        strip = Gegl.Rectangle.new(x, y + first, width, min(ROWS, height - first))
        yield bytes(buffer.get(strip, 1.0, _mask_format(deep), Gegl.AbyssPolicy.NONE))


def _mask_format(deep):
    return "Y float" if deep else "Y u8"


def _multiplied(one, other, deep):
    if deep:
        return array("f", (a * b for a, b in zip(array("f", one), array("f", other), strict=True))).tobytes()
    return bytes((a * b + 127) // 255 for a, b in zip(one, other, strict=True))
