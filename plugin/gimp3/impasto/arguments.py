"""The filter's arguments as GIMP 3's own: the dialog's controls, and what scripts give by the same names."""

from __future__ import annotations

from gi.repository import Gimp, Gio, GObject
from parameters import DEFAULT_STYLE, Choice, Style, parameters, style_blurbs
from words import _

FLAGS = GObject.ParamFlags.READWRITE


def add_arguments(procedure):
    """Adds all arguments and return values to the procedure."""
    for parameter in parameters():
        if isinstance(parameter, Choice):
            _choice(procedure, *parameter)
        elif isinstance(parameter, Style):
            _style(procedure, *parameter)
        else:
            *texts, span = parameter
            whole = isinstance(span[0], int)
            add = procedure.add_int_argument if whole else procedure.add_double_argument
            add(*texts, *span, FLAGS)
    procedure.add_layer_return_value("layer", "Layer", "The painted layer", True, FLAGS)
    procedure.add_image_return_value("result-image", "Image", "The image that it lies in", True, FLAGS)


def _choice(procedure, name, label, blurb, choices):
    choice = Gimp.Choice.new()
    for number, (nick, title) in enumerate(choices):
        choice.add(nick, number, title, "")
    procedure.add_choice_argument(name, label, blurb, choice, choices[0][0], FLAGS)


def _style(procedure, name, what):
    """The four ways to give a style; `…-from` says which one counts."""
    blurbs = style_blurbs(what)
    procedure.add_string_argument(f"{name}-name", _("Gallery"), blurbs["name"], DEFAULT_STYLE, FLAGS)
    procedure.add_file_argument(
        *(f"{name}-file", _("Picture file"), blurbs["file"]),
        *(Gimp.FileChooserAction.OPEN, True, None, FLAGS),
    )
    procedure.add_layer_argument(f"{name}-layer", _("Open layer"), blurbs["layer"], True, FLAGS)
    procedure.add_image_argument(f"{name}-image", _("Open image"), blurbs["image"], True, FLAGS)


class Given:
    """The arguments of one run, as `request.py` reads them.

    Args:
        config: the procedure's configuration.
    """

    def __init__(self, config):
        self.config = config

    def get(self, name):
        """An argument's value: a text, a number, a path, or an open layer or image; None if not given."""
        value = self.config.get_property(name)
        if isinstance(value, Gio.File):
            return value.get_path()
        return value if not hasattr(value, "is_valid") or value.is_valid() else None

    def name_of(self, thing):
        """The name of a layer or image."""
        return thing.get_name()
