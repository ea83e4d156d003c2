#!/usr/bin/env python2
# -*- coding: utf-8 -*-
"""Filters, Artistic, Neural Style...: the plug-in for GIMP 2.10 (gimpfu, Python 2.7).

All but the pixels is GIMP 3's: the installer puts the modules that both share beside this file. GIMP draws
the dialog from the arguments; the list of the gallery is in the installer's file.
"""

from __future__ import unicode_literals

import io
import json
import os
import sys
import traceback

import gimp
import problems
from engine_client import CONFIGURATION, HERE, Engine
from gimpfu import (
    PF_DRAWABLE,
    PF_FILENAME,
    PF_IMAGE,
    PF_LAYER,
    PF_OPTION,
    PF_SLIDER,
    PF_SPINNER,
    CancelError,
    main,
    register,
)
from layers import Part, insert, utf8
from older import monotonic
from parameters import DEFAULT_STYLE, Choice, Style, parameters
from problems import Problem, Stopped
from request import names, prepare
from words import _
from work import Work, wait_for_methods


def gallery():
    """The gallery's styles: [name, title]."""
    try:
        with io.open(os.path.join(HERE, CONFIGURATION), encoding="utf-8") as file:
            return [(name, title) for name, title in json.load(file)["gallery"]]
    except (EnvironmentError, ValueError, KeyError, TypeError):
        return [(DEFAULT_STYLE, DEFAULT_STYLE.replace("_", " ").title())]


def arguments(styles):
    """The arguments as gimpfu wants them; lists give the number of what is chosen."""
    found = []
    for parameter in parameters():
        if isinstance(parameter, Choice):
            found.append(
                _list(parameter.name, parameter.label, [label for _name, label in parameter.choices])
            )
        elif isinstance(parameter, Style):
            found += _style(parameter, styles)
        else:
            least, most, default = parameter.span
            whole = isinstance(default, int)
            step = 1 if whole or most > 10 else 0.05
            kind = PF_SPINNER if whole else PF_SLIDER
            found.append((kind, parameter.name, utf8(parameter.label), default, (least, most, step)))
    return found


def _list(name, label, labels, start=0):
    return (PF_OPTION, name, utf8(label), start, [utf8(one) for one in labels])


def _style(parameter, styles):
    def label(text):
        return "{} ({})".format(text, parameter.what)

    titles = [title for _name, title in styles]
    start = max([number for number, row in enumerate(styles) if row[0] == DEFAULT_STYLE] or [0])
    return [
        _list(parameter.name + "-name", label(_("Gallery")), titles, start),
        (PF_FILENAME, parameter.name + "-file", utf8(label(_("Picture file"))), b""),
        (PF_LAYER, parameter.name + "-layer", utf8(label(_("Open layer"))), None),
        (PF_IMAGE, parameter.name + "-image", utf8(label(_("Open image"))), None),
    ]


class Given(object):
    """The arguments of one run, by name, as `request.py` reads them.

    Args:
        values: in the order of `arguments`.
        styles: the gallery.
    """

    def __init__(self, values, styles):
        self.values = dict(zip([row[1] for row in arguments(styles)], values))
        for parameter in parameters():
            if isinstance(parameter, Choice):
                self._name(parameter.name, parameter.choices)
            elif isinstance(parameter, Style):
                self._name(parameter.name + "-name", styles)

    def _name(self, name, choices):
        number = int(self.values[name])
        if not 0 <= number < len(choices):
            number = 0
        self.values[name] = choices[number][0]

    def get(self, name):
        """An argument's value: a text, a number, a path, or an open layer or image; None if not given."""
        value = self.values[name]
        return value.decode("utf-8") if isinstance(value, bytes) else value

    def name_of(self, thing):
        """The name of a layer or image."""
        return thing.name.decode("utf-8", "replace")


def paint(image, drawable, *values):
    """Runs the filter; whatever goes wrong ends in one message, with the image untouched."""
    try:
        return _paint(image, drawable, Given(values, gallery()))
    except Stopped:
        raise CancelError("cancelled")
    except Problem as problem:
        failure = problem
    except EnvironmentError as error:
        failure = problems.full_disk(error)
    except Exception as error:
        traceback.print_exc()
        failure = problems.filter_broken(error)
    gimp.message(utf8(failure.args[0]))
    raise CancelError(utf8(failure.args[0]))  # which gimpfu passes over; a script gets its own error


def _paint(image, drawable, given):
    part = Part(image, drawable)
    cancelled = watch_dialog()
    gimp.progress_init(utf8(_("Neural Style")))
    with Engine() as engine:
        methods = wait_for_methods(engine)
        request, size = prepare(engine, given, part.export, methods)
        work = Work(engine, request, keep_previews=given.get("result") == "steps")
        shown = 0.0
        while not work.poll(0.2):
            if cancelled:
                raise Stopped
            if monotonic() - shown > 0.2:  # GIMP draws each change
                show_progress(work)
                shown = monotonic()
        return insert(image, part, given.get("result"), names(given), work, size)


def show_progress(work):
    """Moves the dialog's bar, or that of GIMP's window."""
    gimp.pdb.gimp_progress_set_text(utf8(work.text))
    if work.fraction is None:
        gimp.pdb.gimp_progress_pulse()
    else:
        gimp.progress_update(work.fraction)


def watch_dialog():
    """Lets Cancel in gimpfu's dialog cancel, which gimpfu itself makes grey while a plug-in works.

    Returns:
        A list that fills when it is pressed.
    """
    pressed = []
    gtk = sys.modules["gtk"] if "gimpui" in sys.modules else None  # there if gimpfu showed a dialog
    for window in gtk.window_list_toplevels() if gtk else ():
        if isinstance(window, gtk.Dialog):
            window.set_response_sensitive(gtk.RESPONSE_CANCEL, True)
            window.connect("response", lambda *_args: pressed.append(True))
    return pressed


register(
    "python-fu-impasto-neural-style",
    utf8(_("Paint the layer in the style of another picture")),
    utf8(_("Paint the layer in the style of another picture")),
    "The Impasto developers",
    "The Impasto developers, MIT licence",
    "2026",
    utf8(_("_Neural Style…")),
    "*",
    [(PF_IMAGE, "image", "Image", None), (PF_DRAWABLE, "drawable", "Layer", None)] + arguments(gallery()),
    [(PF_LAYER, "layer", "The painted layer"), (PF_IMAGE, "result-image", "The image that it lies in")],
    paint,
    menu="<Image>/Filters/Artistic",
)

main()
