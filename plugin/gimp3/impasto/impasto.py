#!/usr/bin/env python3
"""Filters ▸ Artistic ▸ Neural Style…: the GIMP 3 plug-in, which asks an engine process to paint.

It imports nothing but `gi` and the standard library. The pictures, the neural network and all else are
the engine's (`impasto engine`, docs/engine.md); docs/gimp.md tells a user of both.
"""

from __future__ import annotations

import sys
import traceback

import gi

gi.require_version("Gimp", "3.0")
gi.require_version("Gegl", "0.4")
from arguments import add_arguments  # noqa: E402
from gi.repository import Gegl, Gimp, GLib  # noqa: E402
from words import _  # noqa: E402

PROCEDURE = "impasto-neural-style"


class Impasto(Gimp.PlugIn):
    """The plug-in as GIMP sees it."""

    def do_set_i18n(self, _procedure):
        """The plug-in translates by itself: see `words.py`."""
        return False

    def do_query_procedures(self):
        """The names of the procedures."""
        return [PROCEDURE]

    def do_create_procedure(self, name):
        """Describes the procedure: its place in the menus and its arguments."""
        procedure = Gimp.ImageProcedure.new(self, name, Gimp.PDBProcType.PLUGIN, run, None)
        procedure.set_image_types("*")
        procedure.set_sensitivity_mask(Gimp.ProcedureSensitivityMask.DRAWABLE)
        procedure.set_menu_label(_("_Neural Style…"))
        procedure.add_menu_path("<Image>/Filters/Artistic")
        procedure.set_documentation(
            _("Paint the layer in the style of another picture"),
            _(
                "Paints the layer, or the selected part of it, in the style of a painting from the gallery, "
                "of a picture file, or of another open layer or image. The result is a new layer, a new "
                "image, or a layer group with the steps of the painting."
            ),
            name,
        )
        procedure.set_attribution("The Impasto developers", "The Impasto developers, MIT licence", "2026")
        add_arguments(procedure)
        return procedure


def run(procedure, run_mode, image, drawables, config, _data):
    """Paints; GIMP calls this for the menu entry and for scripts alike."""
    from filter import paint
    from problems import Problem, Stopped, filter_broken

    Gegl.init(None)
    try:
        layer, result = paint(procedure, run_mode, image, drawables, config)
    except Stopped:
        return procedure.new_return_values(Gimp.PDBStatusType.CANCEL, None)
    except Exception as failure:
        if not isinstance(failure, Problem):
            traceback.print_exc()
            failure = filter_broken(failure)
        error = GLib.Error.new_literal(Gimp.PlugIn.error_quark(), str(failure), 0)
        return procedure.new_return_values(Gimp.PDBStatusType.EXECUTION_ERROR, error)
    values = procedure.new_return_values(Gimp.PDBStatusType.SUCCESS, None)
    values.remove(1)
    values.insert(1, _value(Gimp.Layer, layer))
    values.remove(2)
    values.insert(2, _value(Gimp.Image, result))
    return values


def _value(kind, thing):
    from gi.repository import GObject

    value = GObject.Value(kind)
    value.set_object(thing)
    return value


if __name__ == "__main__":
    Gimp.main(Impasto.__gtype__, sys.argv)
