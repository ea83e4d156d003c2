# -*- coding: utf-8 -*-
"""From the filter's arguments to a request of the engine's protocol (docs/engine.md).

The arguments come as an object of either GIMP's with `get(name)`, a value or None, and `name_of(thing)`,
the name of a layer or image. `export` writes a picture: see `prepare`.
"""

from __future__ import unicode_literals

import os

from parameters import methods as all_methods
from problems import Problem
from words import _

DRAFT = 256  # longest side of the dialog's preview, in pixels
LEAST = 16  # pixels on the short side that the engine can paint


def area_to_paint(found, x, y, width, height, limits):
    """The part of a layer to be painted: what is selected of it, widened where that is narrow.

    Args:
        found, x, y, width, height: where the selection and the layer meet, in the layer's pixels.
        limits: the layer's width and height.

    Returns:
        x, y, width and height.

    Raises:
        Problem: the selection lies beside the layer, or the layer is too small.
    """
    if not found:
        raise Problem(
            _("The selection lies outside of the layer. Select a part of the layer, or clear the selection.")
        )
    x, width = _widened(x, width, limits[0])
    y, height = _widened(y, height, limits[1])
    if min(width, height) < LEAST:
        raise Problem(
            _("The layer is too small to be painted: it needs at least {least} pixels each way.").format(
                least=LEAST
            )
        )
    return x, y, width, height


def _widened(start, length, limit):
    wanted = min(max(length, LEAST), limit)
    return max(0, min(start - (wanted - length) // 2, limit - wanted)), wanted


def prepare(engine, given, export, methods, preview=False):
    """Writes the pictures into the engine's folder, and says what is to be painted from them.

    Args:
        engine: a ready engine.
        given: the arguments.
        export: writes as a PNG the part to be painted, or an open layer or image:
            `export(path, thing=None, longest=None)`; returns width and height.
        methods: what the engine can do, from its `methods` event.
        preview: a small picture for the dialog.

    Returns:
        The keys of a `stylize` request, and the (width, height) that the painting will have.
    """
    number = engine.number + 1
    content = os.path.join(engine.folder, "content-{}.png".format(number))
    width, height = export(content, longest=2 * DRAFT if preview else None)
    limit = DRAFT if preview else given.get("size-limit")
    size = _longest_side(limit, width, height)
    styles, blend = _styles(engine, given, export, number)
    settings = {
        "size": size,
        "strength": given.get("strength") / 100.0,
        "style_scale": given.get("style-scale"),
        "colours": given.get("colours"),
        "seed": given.get("seed"),
    }
    method = choose(given.get("method"), methods, styles)
    if given.get("steps") and method != "instant":
        settings["steps"] = given.get("steps")
    if preview:
        settings["recipe"] = "draft"
    request = {
        "content": content,
        "styles": styles,
        "output": os.path.join(engine.folder, "painting-{}.png".format(number)),
        "settings": settings,
        "preview_seconds": 0.5 if preview else 3,
    }
    if blend:
        request["blend"] = blend
    if len(methods) > 1:  # an engine that has but one does not know the key
        request["method"] = method
    ratio = float(size) / max(width, height)
    return request, (max(1, int(width * ratio + 0.5)), max(1, int(height * ratio + 0.5)))


def _longest_side(limit, width, height):
    """The longest side to paint: the limit, unless the short side would then be too short to be painted."""
    longest, shortest = max(width, height), min(width, height)
    if not limit or limit >= longest:
        return longest
    return min(longest, max(limit, -(-LEAST * longest // shortest)))


def able(methods, styles):
    """Names of the methods by which an engine can paint these styles."""
    return [
        row["name"]
        for row in methods
        if row.get("styles") is None or all(style in row["styles"] for style in styles)
    ]


def choose(method, methods, styles):
    """The method to ask for; `auto` is the first of the engine's that can paint these styles.

    Raises:
        Problem: the engine cannot paint them by the method that was asked for.
    """
    there = able(methods, styles)
    if method == "auto":
        return there[0] if there else "optimise"
    if method not in there and method != "optimise":
        titles = dict(all_methods())
        raise Problem(
            _(
                "This engine cannot paint this style by the method “{method}”. Choose the method "
                "“{instead}”, or another style."
            ).format(method=titles.get(method, method), instead=titles["optimise"])
        )
    return method


def names(given):
    """The styles' titles, joined: what a painting in them is called."""
    second = given.get("second-from") != "none"
    return " + ".join(_title(given, name) for name in (("style", "second") if second else ("style",)))


def _title(given, name):
    kind = given.get(name + "-from")
    thing = given.get("{}-{}".format(name, "name" if kind == "gallery" else kind))
    if thing is None:  # closed by now
        return ""
    if kind == "gallery":
        return thing.replace("_", " ").title()
    return os.path.basename(thing) if kind == "file" else given.name_of(thing)


def _styles(engine, given, export, number):
    first = _style(engine, given, export, "style", number)
    mix = given.get("mix") / 100.0
    if given.get("second-from") == "none" or mix == 0:
        return [first], None
    second = _style(engine, given, export, "second", number)
    return ([second], None) if mix == 1 else ([first, second], [1 - mix, mix])


def _style(engine, given, export, name, number):
    kind = given.get(name + "-from")
    if kind == "gallery":
        return given.get(name + "-name")
    thing = given.get("{}-{}".format(name, kind))
    if kind == "file":
        if not thing:
            raise Problem(_("Choose the picture file that the style is to come from."))
        return thing
    if thing is None:
        raise Problem(_("Choose the open layer or image that the style is to come from."))
    path = os.path.join(engine.folder, "{}-{}.png".format(name, number))
    export(path, thing)
    return path
