# -*- coding: utf-8 -*-
"""The filter's arguments, the same in GIMP 3 and 2.10: their names, words, ranges and defaults."""

from __future__ import unicode_literals

from collections import namedtuple

from words import _

DEFAULT_STYLE = "starry_night"

Choice = namedtuple("Choice", "name label blurb choices")  # choices: (name, label); the first is the default
Style = namedtuple("Style", "name what")  # four arguments: `name`-name, -file, -layer and -image
Number = namedtuple("Number", "name label blurb span")  # span: least, most, default; floats or ints


def parameters():
    """All arguments, in the order of the dialog and of scripts."""
    return [
        Choice("style-from", _("St_yle from"), _("Where the style comes from"), sources(False)),
        Style("style", _("style")),
        Choice("second-from", _("Seco_nd style from"), _("Where the second style comes from"), sources(True)),
        Style("second", _("second style")),
        Number(
            "mix",
            _("Mi_x"),
            _("How much of the second style: 0 only the first, 100 only the second"),
            (0.0, 100.0, 50.0),
        ),
        Number(
            "strength",
            _("Stren_gth"),
            _("How far the style goes: 0 leaves the picture nearly alone"),
            (0.0, 100.0, 50.0),
        ),
        Number(
            "style-scale",
            _("Stro_ke size"),
            _("Size of the brush strokes: 2 is twice as large"),
            (0.25, 4.0, 1.0),
        ),
        Choice("colours", _("Colo_urs"), _("Whose colours the result has"), colours()),
        Choice("method", _("_Method"), _("How to paint"), methods()),
        Number(
            "size-limit",
            _("Size l_imit"),
            _(
                "Longest side in pixels; a larger layer is painted at this size and then enlarged. "
                "0 for no limit"
            ),
            (0, 16384, 768),
        ),
        Number(
            "steps",
            _("S_teps"),
            _("How long an optimised painting is worked on; 0 for the usual number"),
            (0, 10000, 0),
        ),
        Number("seed", _("Ran_dom seed"), _("The same seed paints the same picture"), (0, 2**31 - 1, 0)),
        Choice("result", _("R_esult"), _("What becomes of the painting"), results()),
    ]


def sources(second):
    """Where a style can come from: (name, label)."""
    first = [("none", _("None"))] if second else []
    return first + [
        ("gallery", _("Gallery")),
        ("file", _("Picture file")),
        ("layer", _("Open layer")),
        ("image", _("Open image")),
    ]


def style_blurbs(what):
    """What the four arguments of a style are: {ending: blurb}."""
    return {
        "name": _("Name of a gallery painting, such as starry_night ({what})").format(what=what),
        "file": _("A picture or a style file ({what})").format(what=what),
        "layer": _("An open layer ({what})").format(what=what),
        "image": _("An open image ({what})").format(what=what),
    }


def methods():
    """The ways to paint: (name, label)."""
    return [
        ("auto", _("Automatic")),
        ("instant", _("Instant: one pass, a few seconds")),
        ("refine", _("Refined: one pass, then improved")),
        ("optimise", _("Optimised: slow and closest to the style")),
    ]


def colours():
    """Whose colours the result has: (name, label)."""
    return [
        ("style", _("From the style")),
        ("keep", _("Keep the picture's")),
        ("match", _("Match the style to the picture's")),
    ]


def results():
    """What becomes of the painting: (name, label)."""
    return [
        ("new-layer", _("New layer")),
        ("new-image", _("New image")),
        ("steps", _("Layer group with the steps")),
    ]
