"""The filter's arguments: the dialog's controls, and what scripts give by the same names."""

from __future__ import annotations

from gi.repository import Gimp, GObject
from words import _

FLAGS = GObject.ParamFlags.READWRITE
DEFAULT_STYLE = "starry_night"


def sources(second):
    """Where a style can come from: (name, label)."""
    first = [("none", _("None"))] if second else []
    return [
        *first,
        ("gallery", _("Gallery")),
        ("file", _("Picture file")),
        ("layer", _("Open layer")),
        ("image", _("Open image")),
    ]


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


def add_arguments(procedure):
    """Adds all arguments and return values to the procedure."""
    _choice(procedure, "style-from", _("St_yle from"), _("Where the style comes from"), sources(False))
    _style(procedure, "style", _("style"))
    _choice(
        procedure,
        "second-from",
        _("Seco_nd style from"),
        _("Where the second style comes from"),
        sources(True),
    )
    _style(procedure, "second", _("second style"))
    procedure.add_double_argument(
        *("mix", _("Mi_x"), _("How much of the second style: 0 only the first, 100 only the second")),
        *(0, 100, 50, FLAGS),
    )
    procedure.add_double_argument(
        *("strength", _("Stren_gth"), _("How far the style goes: 0 leaves the picture nearly alone")),
        *(0, 100, 50, FLAGS),
    )
    procedure.add_double_argument(
        *("style-scale", _("Stro_ke size"), _("Size of the brush strokes: 2 is twice as large")),
        *(0.25, 4, 1, FLAGS),
    )
    _choice(procedure, "colours", _("Colo_urs"), _("Whose colours the result has"), colours())
    _choice(procedure, "method", _("_Method"), _("How to paint"), methods())
    procedure.add_int_argument(
        "size-limit",
        _("Size l_imit"),
        _("Longest side that is painted, in pixels; larger layers are enlarged from it. 0 for no limit"),
        *(0, 16384, 768, FLAGS),
    )
    procedure.add_int_argument(
        "steps",
        _("S_teps"),
        _("How long an optimised painting is worked on; 0 for the usual number"),
        *(0, 10000, 0, FLAGS),
    )
    procedure.add_int_argument(
        "seed", _("Ran_dom seed"), _("The same seed paints the same picture"), 0, 2**31 - 1, 0, FLAGS
    )
    _choice(procedure, "result", _("R_esult"), _("What becomes of the painting"), results())
    procedure.add_layer_return_value("layer", "Layer", "The painted layer", True, FLAGS)
    procedure.add_image_return_value("result-image", "Image", "The image that it lies in", True, FLAGS)


def _choice(procedure, name, label, blurb, choices):
    choice = Gimp.Choice.new()
    for number, (nick, title) in enumerate(choices):
        choice.add(nick, number, title, "")
    procedure.add_choice_argument(name, label, blurb, choice, choices[0][0], FLAGS)


def _style(procedure, name, what):
    """The four ways to give a style; `…-from` says which one counts."""
    procedure.add_string_argument(
        f"{name}-name",
        _("Gallery"),
        _("Name of a gallery painting, such as starry_night ({what})").format(what=what),
        *(DEFAULT_STYLE, FLAGS),
    )
    procedure.add_file_argument(
        f"{name}-file",
        _("Picture file"),
        _("A picture or a style file ({what})").format(what=what),
        *(Gimp.FileChooserAction.OPEN, True, None, FLAGS),
    )
    procedure.add_layer_argument(
        f"{name}-layer", _("Open layer"), _("An open layer ({what})").format(what=what), True, FLAGS
    )
    procedure.add_image_argument(
        f"{name}-image", _("Open image"), _("An open image ({what})").format(what=what), True, FLAGS
    )
