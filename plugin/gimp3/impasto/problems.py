"""What can go wrong, in a painter's words."""

from __future__ import unicode_literals

from older import text as as_text
from words import _

INSTALL = "impasto gimp install"


class Stopped(Exception):
    """The user pressed Cancel."""


class Problem(Exception):
    """Ends in GIMP's own error dialog; its text is one that a painter understands."""


def engine_missing():
    """No engine was found."""
    return Problem(
        _(
            "The painting engine was not found. Type this in a terminal to install it, then start GIMP "
            "again:\n\n{command}"
        ).format(command="pip install impasto\n" + INSTALL)
    )


def nothing_to_see():
    """What is to be painted is transparent all over."""
    return Problem(
        _(
            "There is nothing to paint: the layer is empty here. Select a layer, or a part of one, with a "
            "picture on it."
        )
    )


def empty_style():
    """What the style is to come from is transparent all over, or has no visible layer."""
    return Problem(_("The layer or image that was chosen as the style is empty: there is nothing to see."))


def engine_broken(command, detail):
    """The engine's program is there but does not come up."""
    return Problem(
        _(
            "The painting engine does not start. Type this in a terminal to find out why:\n\n{command}\n\n"
            "It was started as {words} and said: {detail}"
        ).format(
            command="impasto gimp check",
            words=" ".join(map(as_text, command)),
            detail=as_text(detail or _("nothing")),
        )
    )


def engine_too_old(version):
    """The engine lacks what this plug-in needs."""
    return Problem(
        _(
            "The painting engine is too old for this filter (version {version}). Type this in a terminal "
            "and start GIMP again:\n\n{command}"
        ).format(version=version, command="pip install --upgrade impasto\n" + INSTALL)
    )


def engine_ended(detail):
    """The engine ended in the middle, killed or crashed."""
    text = _(
        "The painting engine stopped unexpectedly, perhaps because the computer ran out of memory. Your "
        "image is untouched. Try again with a smaller size limit."
    )
    return Problem(_joined(text, detail))


def engine_silent(seconds):
    """The engine has not answered for long."""
    return Problem(
        _(
            "The painting engine has not answered for {seconds} seconds and was stopped. Your image is "
            "untouched. Close other programs and try again."
        ).format(seconds=round(seconds))
    )


def engine_lies(what):
    """The engine said something that makes no sense."""
    return Problem(
        _(
            "The painting engine gave an answer that makes no sense. Your image is untouched. Install "
            "Impasto anew; if that does not help, please report it.\n\n{what}"
        ).format(what=as_text(what))
    )


def from_event(event):
    """The problem that an `error` event of the engine tells of."""
    sentences = {
        "memory": _(
            "There is not enough memory for a painting of this size. Choose a smaller size limit, or close "
            "other programs."
        ),
        "disk": _disk(),
        "picture": _("One of the pictures cannot be used for painting."),
        "weights": _("The files of the neural network are missing or damaged. Install Impasto anew."),
        "usage": _("The engine cannot paint with these settings."),
    }
    kind = event.get("kind")
    text = sentences.get(kind, _("The painting engine failed. Your image is untouched."))
    return Problem(text if kind == "memory" else _joined(text, event.get("message")))


def full_disk(error):
    """A file of the plug-in's own could not be written or read."""
    return Problem(_joined(_disk(), error))


def filter_broken(error):
    """A fault of the plug-in's own; its stderr has the traceback."""
    return Problem(
        _joined(
            _("The filter failed because of an error in it. Please report this."),
            "{}: {}".format(type(error).__name__, as_text(error)),
        )
    )


def _disk():
    return _(
        "The disk is full or cannot be written to, so the painting was not saved. Free some space and try "
        "again."
    )


def _joined(sentence, detail):
    return "{}\n\n{}".format(sentence, as_text(detail)) if detail else sentence
