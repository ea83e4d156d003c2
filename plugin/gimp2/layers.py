# -*- coding: utf-8 -*-
"""Layers of GIMP 2.10: which part to paint, its pixels to a file, and a painting back into the image."""

from __future__ import unicode_literals

from array import array
from math import frexp, ldexp

import gimp
from gimpenums import (
    ADD_WHITE_MASK,
    CLIP_TO_IMAGE,
    INDEXED,
    INTERPOLATION_CUBIC,
    MASK_DISCARD,
    PRECISION_U8_GAMMA,
    PRECISION_U8_LINEAR,
    PRECISION_U16_GAMMA,
    RGB,
)
from problems import Problem, Stopped, empty_style, engine_lies, nothing_to_see
from request import area_to_paint
from words import _

pdb = gimp.pdb
ROWS = 256  # of pixels at a time
# How masks hold their values, by the hundreds of GIMP's precision: letter of `array`, white; None: halves.
MASKS = {
    1: (b"B", 255), 2: (b"H", 65535), 3: (b"I", 2**32 - 1), 5: (b"H", None), 6: (b"f", 1.0), 7: (b"d", 1.0)
}  # fmt: skip


def utf8(text):
    """A text as gimpfu wants it."""
    return text.encode("utf-8") if not isinstance(text, bytes) else text


class Part(object):
    """What is painted: a layer, or the part of it that is selected.

    Args:
        image: the image.
        drawable: the layer, or its mask.

    Attributes:
        area: (x, y, width, height) in the layer's own pixels.
        selection: what was selected of the part when the filter was called, as `_values` gives it, or
            nothing: a painting takes minutes, and meanwhile the user may select something else.

    Raises:
        Problem: it cannot be painted.
    """

    def __init__(self, image, drawable):
        if pdb.gimp_item_is_layer_mask(drawable):
            drawable = pdb.gimp_layer_from_mask(drawable)
        if not pdb.gimp_item_is_layer(drawable):
            raise Problem(_("This filter paints layers. Select a layer instead of a channel."))
        self.image, self.layer = image, drawable
        size = drawable.width, drawable.height
        self.area = area_to_paint(*pdb.gimp_drawable_mask_intersect(drawable), limits=size)
        if _is_empty(drawable, self.area):
            raise nothing_to_see()
        # From the first question for the precision on GIMP gives a plug-in all masks as deep as they are,
        # and linear; the masks that are compared and multiplied here are all read after it.
        self.precision = pdb.gimp_image_get_precision(image)
        self.selection = None
        if not pdb.gimp_selection_is_empty(image):
            (left, top), (x, y, width, height) = drawable.offsets, self.area
            self.selection = _values(image.selection, left + x, top + y, width, height)

    def export(self, path, thing=None, longest=None):
        """Writes this part, or another layer or image, as a PNG; returns its width and height."""
        if isinstance(thing, gimp.Image):
            copy = thing.duplicate()
            if not any(layer.visible for layer in copy.layers):
                gimp.delete(copy)
                raise empty_style()
            copy.merge_visible_layers(CLIP_TO_IMAGE)
        else:
            copy = _copied(thing or self.layer, None if thing else self.area)
        try:
            shown = copy.layers[0]
            if thing and _is_empty(shown, (0, 0, shown.width, shown.height)):
                raise empty_style()
            name = utf8(path)
            # Not interlaced, quickly packed; of the rest only the colours below full transparency.
            pdb.file_png_save2(copy, copy.layers[0], name, name, 0, 1, 0, 0, 0, 0, 0, 0, 1)
            return copy.layers[0].width, copy.layers[0].height
        finally:
            gimp.delete(copy)


def is_deep(image):
    """Whether an image has more than 8 bits a colour."""
    return pdb.gimp_image_get_precision(image) not in (PRECISION_U8_GAMMA, PRECISION_U8_LINEAR)


def _is_empty(layer, area):
    """Whether nothing is seen in an area (x, y, width, height) of a layer."""
    if not layer.has_alpha:
        return False
    x, y, width, height = area
    for first in range(y, y + height, ROWS):
        last = min(first + ROWS, y + height)
        region = layer.get_pixel_rgn(x, first, width, last - first, False, False)
        data = bytearray(region[x : x + width, first:last])
        depth = region.bpp // (4 if layer.is_rgb else 2)  # alpha is the last colour of each pixel
        if any(any(data[region.bpp - byte :: region.bpp]) for byte in range(1, depth + 1)):
            return False
    return True


def _copied(layer, area):
    """A new RGB image with a part of a layer, without its mask."""
    x, y, width, height = area or (0, 0, layer.width, layer.height)
    if is_deep(layer.image):
        copy = pdb.gimp_image_new_with_precision(width, height, RGB, PRECISION_U16_GAMMA)
    else:
        copy = gimp.Image(width, height, RGB)
    new = pdb.gimp_layer_new_from_drawable(layer, copy)
    pdb.gimp_image_insert_layer(copy, new, None, 0)
    if new.mask:
        new.remove_mask(MASK_DISCARD)
    new.resize(width, height, -x, -y)
    new.set_offsets(0, 0)
    return copy


def insert(image, part, result, styles, work, size):
    """Puts the painting where it was asked for, as one step of undo.

    Args:
        image: the image.
        part: what was painted of it.
        result: `new-layer`, `new-image` or `steps`.
        styles: the styles' titles.
        work: the finished painting.
        size: (width, height) that it must have, within a pixel.

    Returns:
        The new layer, and the image that it lies in.

    Raises:
        Problem: the painting cannot be used; the image is as it was.
        Stopped: the image was closed meanwhile.
    """
    if not pdb.gimp_image_is_valid(image) or not pdb.gimp_item_is_valid(part.layer):
        raise Stopped
    name = _("Neural Style: {styles}").format(styles=styles)
    paintings = []
    try:
        # All that can fail comes before the image is touched.
        for path in [path for _step, path in work.kept] + [work.done["output"]]:
            paintings.append(_opened(path, size))
        if result == "new-image":
            return _new_image(part, paintings[-1], name)
        image.undo_group_start()
        try:
            layer = _into(part, paintings, [step for step, _path in work.kept], name, result)
        finally:
            image.undo_group_end()
    finally:
        for painting in paintings:
            gimp.delete(painting)
    gimp.displays_flush()
    return layer, image


def _opened(path, expected):
    path = utf8(path)
    try:
        painting = pdb.gimp_file_load(path, path)
    except RuntimeError as error:
        raise engine_lies(error)
    if abs(painting.width - expected[0]) > 1 or abs(painting.height - expected[1]) > 1:
        size = painting.width, painting.height
        gimp.delete(painting)
        raise engine_lies("{}×{} ≠ {}×{}".format(*(size + tuple(expected))))
    return painting


def _into(part, paintings, steps, name, result):
    image = part.image
    if image.base_type == INDEXED:
        pdb.gimp_image_convert_rgb(image)
        gimp.message(
            utf8(_("The image had a palette, which cannot hold a painting: it was converted to RGB."))
        )
    position = pdb.gimp_image_get_item_position(image, part.layer)
    parent = pdb.gimp_item_get_parent(part.layer)
    if result == "steps":
        group = pdb.gimp_layer_group_new(image)
        group.name = utf8(name)
        pdb.gimp_image_insert_layer(image, group, parent, position)
        parent, position = group, 0
        for step, painting in zip(steps, paintings):
            _add(part, painting, _("Step {step}").format(step=step), parent, 0).visible = False
        name = _("Finished")
    return _add(part, paintings[-1], name, parent, position)


def _add(part, painting, name, parent, position):
    layer = _as_layer(painting, part.image, part, name)
    pdb.gimp_image_insert_layer(part.image, layer, parent, position)
    left, top = part.layer.offsets
    layer.set_offsets(left + part.area[0], top + part.area[1])
    _mask(layer, part)
    return layer


def _new_image(part, painting, name):
    _x, _y, width, height = part.area
    new = pdb.gimp_image_new_with_precision(width, height, RGB, pdb.gimp_image_get_precision(part.image))
    new.disable_undo()
    new.resolution = part.image.resolution  # so that it prints as large
    layer = _as_layer(painting, new, part, name)
    pdb.gimp_image_insert_layer(new, layer, None, 0)
    _mask(layer, part)
    new.enable_undo()
    try:
        gimp.Display(new)
    except RuntimeError:  # no windows
        pass
    return layer, new


def _as_layer(painting, image, part, name):
    """A painting as a layer for an image: with the part's size and transparency, not yet inserted."""
    _x, _y, width, height = part.area
    if (painting.width, painting.height) != (width, height):
        pdb.gimp_context_push()
        pdb.gimp_context_set_interpolation(INTERPOLATION_CUBIC)
        pdb.gimp_image_scale(painting, width, height)
        pdb.gimp_context_pop()
    layer = pdb.gimp_layer_new_from_drawable(painting.layers[0], image)
    layer.name = utf8(name)
    if part.layer.has_alpha and not layer.has_alpha:
        layer.add_alpha()
    return layer


def _mask(layer, part):
    """Masks an inserted painting by the selection, if there was one, and by the source's own mask."""
    masks = [part.selection] if part.selection else []
    if part.layer.mask:
        masks.append(_values(part.layer.mask, *part.area))
    if not masks:
        return
    values = masks[0] if len(masks) == 1 else multiplied(masks[0], masks[1], part.precision)
    mask = layer.create_mask(ADD_WHITE_MASK)
    layer.add_mask(mask)
    _x, _y, width, height = part.area
    row = len(values) // height
    for first in range(0, height, ROWS):
        last = min(first + ROWS, height)
        region = mask.get_pixel_rgn(0, first, width, last - first, True, False)
        region[0:width, first:last] = bytes(values[first * row : last * row])
    mask.flush()
    mask.update(0, 0, width, height)


def _values(mask, x, y, width, height):
    """A part of a mask, row by row, as GIMP holds it; nothing lies beyond its border."""
    left, top = max(0, x), max(0, y)
    across, down = min(mask.width, x + width) - left, min(mask.height, y + height) - top
    if across <= 0 or down <= 0:
        return bytearray(width * height * mask.bpp)
    region = mask.get_pixel_rgn(left, top, across, down, False, False)
    found = bytearray(width * height * region.bpp)
    data = bytearray(region[left : left + across, top : top + down])
    across *= region.bpp
    for row in range(down):
        start = ((top - y + row) * width + left - x) * region.bpp
        found[start : start + across] = data[row * across : (row + 1) * across]
    return found


def multiplied(one, other, precision):
    """Two masks' values multiplied.

    Args:
        one, other: as `_values` gives them.
        precision: the image's, of GIMP's `PRECISION_...`.
    """
    letter, white = MASKS[precision // 100]
    pairs = zip(array(letter, bytes(one)), array(letter, bytes(other)))
    if white is None:
        product = [_half(_number(a) * _number(b)) for a, b in pairs]
    elif letter in b"fd":
        product = [a * b for a, b in pairs]
    else:
        product = [(a * b + white // 2) // white for a, b in pairs]
    return bytearray(array(letter, product).tostring())


def _number(half):
    """The number of 0-1 that the 16 bits of IEEE 754's binary16 hold."""
    exponent, fraction = half >> 10, half & 1023
    return ldexp(fraction + 1024, exponent - 25) if exponent else ldexp(fraction, -24)


def _half(number):
    """The 16 bits of binary16 for a number of 0-1."""
    exponent = max(-14, frexp(number)[1] - 1)
    return ((exponent + 14) << 10) + int(ldexp(number, 10 - exponent) + 0.5)
