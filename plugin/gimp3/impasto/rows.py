"""Rows of the dialog that GIMP 3.0 and 3.2 make alike: a label, and a list to choose from."""

from __future__ import annotations

import gi

gi.require_version("GimpUi", "3.0")
gi.require_version("Gtk", "3.0")
from gi.repository import Gimp, GimpUi, GLib, Gtk  # noqa: E402
from request import able  # noqa: E402
from words import _  # noqa: E402


def choice_row(config, name):
    """A list of a choice argument's values; the dialog's own would be buttons in 3.2 and a list in 3.0."""
    spec = config.find_property(name)
    row = GimpUi.LabelStringWidget.new(spec.nick, GimpUi.prop_choice_combo_box_new(config, name))
    row.set_tooltip_text(spec.blurb)
    return row


def align(rows, labels):
    """Makes the rows' labels of one width, to the left.

    Args:
        rows: with `get_label`.
        labels: the group of those of one width.
    """
    for row in rows:
        label = row.get_label()
        label.set_xalign(0)
        labels.add_widget(label)


class MethodRow(Gtk.Box):
    """The list of methods; those that the engine does not have for the chosen styles are grey.

    Args:
        config: the arguments.
        given: the same, as the request reads them.
    """

    def __init__(self, config, given):
        super().__init__(orientation=Gtk.Orientation.VERTICAL, spacing=2)
        self.config, self.given, self.methods = config, given, None
        self.row = choice_row(config, "method")
        self.gap = Gtk.Label()  # as wide as the labels, so that the hint stands below the list
        self.hint = Gtk.Box(spacing=6, no_show_all=True)
        text = Gtk.Label(xalign=0, wrap=True)
        words = GLib.markup_escape_text(_("The engine cannot paint this style by the methods in grey."))
        text.set_markup(f"<small><i>{words}</i></small>")
        for widget in (self.gap, text):
            widget.show()
            self.hint.pack_start(widget, False, False, 0)
        self.pack_start(self.row, False, False, 0)
        self.pack_start(self.hint, False, False, 0)
        config.connect("notify", lambda _config, spec: spec.name != "method" and self.offer())

    def get_label(self):
        """The label, as of GIMP's own rows."""
        return self.row.get_label()

    def take(self, methods):
        """What the engine can do, from its `methods` event."""
        self.methods = methods
        self.offer()

    def offer(self):
        """Makes the methods sensitive that can paint the styles chosen now."""
        if self.methods is None:
            return
        kinds = [(name, self.given.get(f"{name}-from")) for name in ("style", "second")]
        styles = [
            self.given.get(f"{name}-name") if kind == "gallery" else ""
            for name, kind in kinds
            if kind != "none"
        ]
        there = {"auto", "optimise", *able(self.methods, styles)}
        choice = Gimp.param_spec_choice_get_choice(self.config.find_property("method"))
        if self.given.get("method") not in there:
            self.config.set_property("method", "auto")
        for name in choice.list_nicks():
            choice.set_sensitive(name, name in there)
        self.hint.set_visible(not there.issuperset(choice.list_nicks()))
