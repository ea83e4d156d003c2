"""One run of the filter, from the arguments to the new layer; the image is touched only at the very end."""

from __future__ import annotations

import time

import problems
from arguments import Given
from engine_client import Engine
from gi.repository import Gimp
from layers import as_layer, mask, open_painting, part_to_paint, place
from problems import Stopped
from request import names, prepare
from words import _
from work import Work, wait_for_methods


def paint(procedure, run_mode, image, drawables, config):
    """Runs the filter.

    Returns:
        The new layer, and the image that it lies in.

    Raises:
        Problem: it failed; the image is as it was.
        Stopped: the user cancelled.
    """
    part = part_to_paint(image, drawables)
    try:
        if run_mode == Gimp.RunMode.INTERACTIVE:
            from dialog import paint_by_dialog

            layer, result = paint_by_dialog(procedure, image, part, config)
        else:
            with Engine() as engine:
                layer, result = paint_by_script(engine, image, part, config)
    except OSError as error:
        raise problems.full_disk(error) from error
    if config.get_property("result") == "new-image" and run_mode != Gimp.RunMode.NONINTERACTIVE:
        Gimp.Display.new(result)  # “repeat” has a user who waits for it, as the dialog has
        Gimp.displays_flush()
    return layer, result


def paint_by_script(engine, image, part, config):
    """Paints without a dialog: for scripts, and for “repeat” in the menu."""
    Gimp.progress_init(_("Neural Style"))
    methods = wait_for_methods(engine)
    given = Given(config)
    request, size = prepare(engine, given, part.export, methods)
    work = Work(engine, request, keep_previews=given.get("result") == "steps")
    last = 0.0
    while not work.poll(0.2):
        if time.monotonic() - last > 0.2:  # GIMP draws each change
            show_progress(work)
            last = time.monotonic()
    return insert(image, part, given, work, size)


def show_progress(work):
    """Moves GIMP's own progress bar."""
    Gimp.progress_set_text(work.text)
    if work.fraction is None:
        Gimp.progress_pulse()
    else:
        Gimp.progress_update(work.fraction)


def insert(image, part, given, work, size):
    """Puts the painting where it was asked for, as one step of undo."""
    if not image.is_valid() or not part.layer.is_valid():
        raise Stopped  # closed while it was being painted
    name = _("Neural Style: {styles}").format(styles=names(given))
    paintings = []
    try:
        # All that can fail comes before the image is touched.
        for path in (*(path for _step, path in work.kept), work.done["output"]):
            paintings.append(open_painting(path, size))
        if given.get("result") == "new-image":
            return _new_image(image, part, paintings[-1], name)
        image.undo_group_start()
        try:
            layer = _into(image, part, paintings, [step for step, _path in work.kept], name, given)
        finally:
            image.undo_group_end()
    finally:
        for painting in paintings:
            painting.delete()
    Gimp.displays_flush()
    return layer, image


def _into(image, part, paintings, steps, name, given):
    if image.get_base_type() == Gimp.ImageBaseType.INDEXED:
        image.convert_rgb()
        Gimp.message(_("The image had a palette, which cannot hold a painting: it was converted to RGB."))
    position, parent = image.get_item_position(part.layer), part.layer.get_parent()
    if given.get("result") == "steps":
        group = Gimp.GroupLayer.new(image, name)
        image.insert_layer(group, parent, position)
        parent, position = group, 0
        for step, painting in zip(steps, paintings[:-1], strict=True):
            one = _add(image, part, painting, _("Step {step}").format(step=step), parent, 0)
            one.set_visible(False)
        name = _("Finished")
    return _add(image, part, paintings[-1], name, parent, position)


def _add(image, part, painting, name, parent, position):
    layer = as_layer(painting, image, part, name)
    image.insert_layer(layer, parent, position)
    place(layer, part)
    mask(layer, part)
    return layer


def _new_image(image, part, painting, name):
    new = Gimp.Image.new_with_precision(
        part.width, part.height, Gimp.ImageBaseType.RGB, image.get_precision()
    )
    new.undo_disable()
    new.set_resolution(*image.get_resolution()[1:])  # so that it prints as large
    layer = as_layer(painting, new, part, name)
    new.insert_layer(layer, None, 0)
    mask(layer, part)
    new.undo_enable()
    return layer, new
