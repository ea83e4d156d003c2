"""The filter's dialog: settings, a preview, and the painting as it grows."""

from __future__ import annotations

import gi

gi.require_version("GimpUi", "3.0")
gi.require_version("Gtk", "3.0")
import problems  # noqa: E402
from arguments import Given  # noqa: E402
from engine_client import Engine  # noqa: E402
from filter import insert  # noqa: E402
from gallery import THUMBNAIL, StyleChooser  # noqa: E402
from gi.repository import Gimp, GimpUi, GLib, GObject, Gtk  # noqa: E402
from problems import Problem, Stopped  # noqa: E402
from request import prepare  # noqa: E402
from rows import MethodRow, align, choice_row  # noqa: E402
from view import View  # noqa: E402
from words import _  # noqa: E402
from work import Work, take_methods  # noqa: E402

PICTURES = {"thumbnails": 2 * THUMBNAIL}  # of the gallery's, longest side in pixels
EVERY = 60  # milliseconds between two looks at the engine's events


def paint_by_dialog(procedure, image, part, config):
    """Shows the dialog and paints.

    Returns:
        The new layer, and the image that it lies in.

    Raises:
        Problem: it failed; the image is as it was.
        Stopped: the user cancelled.
    """
    GimpUi.init("impasto")
    with Engine() as engine:
        window = Window(engine, procedure, part, config)
        try:
            if not window.run():
                raise window.problem or Stopped
            work, size = window.paint()
            layer, result = insert(image, part, window.given, work, size)
        finally:
            window.close()
    return layer, result


class Window:
    """The dialog, and the engine behind it, which wakes while the user chooses.

    Attributes:
        problem: what ended the dialog by itself, if anything did.
    """

    def __init__(self, engine, procedure, part, config):
        self.engine, self.part, self.config, self.given = engine, part, config, Given(config)
        self.methods, self.work, self.problem, self.asked = None, None, None, {}
        self.painting, self.loop = False, None
        self.dialog = GimpUi.ProcedureDialog.new(procedure, config, _("Neural Style"))
        self.dialog.set_ok_label(_("_Paint"))
        if button := self.dialog.get_widget_for_response(Gtk.ResponseType.HELP):
            button.set_no_show_all(True)
            button.hide()  # GIMP's handbook has no page on this filter
        self.preview_button = Gtk.Button.new_with_mnemonic(_("Pre_view"))
        self.preview_button.set_tooltip_text(_("Paint a small version now"))
        self.preview_button.set_sensitive(False)
        self.preview_button.connect("clicked", lambda *_args: self.start_preview())
        self.view, self.bar = View(part), Gtk.ProgressBar(show_text=True)
        self.bar.set_text(_("Starting the painting engine…"))
        self.controls, self.numbers = self._controls(), self._numbers()
        self._lay_out()
        self.timer = GLib.timeout_add(EVERY, self._look)

    # ------------------------------------------------------------ how it looks

    def _lay_out(self):
        left = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=6)
        left.pack_start(self.view, True, True, 0)
        left.pack_start(self.numbers, False, False, 0)
        left.pack_start(self.bar, False, False, 0)
        left.pack_start(self.preview_button, False, False, 0)
        both = Gtk.Box(orientation=Gtk.Orientation.HORIZONTAL, spacing=12, border_width=12)
        both.pack_start(left, False, False, 0)
        both.pack_start(self.controls, True, True, 0)
        self.dialog.get_content_area().pack_start(both, True, True, 0)
        both.show_all()
        for chooser in self.choosers:
            chooser._switch()
        self._make_room()

    def _controls(self):
        self.choosers = [StyleChooser(self.config, name) for name in ("style", "second")]
        self.mix = self.dialog.get_scale_entry("mix", 1)
        self.config.connect("notify::second-from", lambda *_args: self._make_room())
        rows = [self.mix, *(self.dialog.get_scale_entry(name, 1) for name in ("strength", "style-scale"))]
        self.method = MethodRow(self.config, self.given)
        rows += [choice_row(self.config, "colours"), self.method, choice_row(self.config, "result")]
        box = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=6)
        box.pack_start(self.choosers[0], True, True, 0)
        box.pack_start(self.choosers[1], False, True, 0)
        labels = Gtk.SizeGroup(mode=Gtk.SizeGroupMode.HORIZONTAL)
        labels.add_widget(self.method.gap)
        for row in rows:
            box.pack_start(row, False, False, 0)
        align((*(chooser.kind for chooser in self.choosers), *rows), labels)
        return box

    def _numbers(self):
        """What few will change stands below the view, so that the dialog fits on a small screen."""
        box = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=6)
        rows = [self.dialog.get_widget(name, GObject.TYPE_NONE) for name in ("size-limit", "steps", "seed")]
        for row in rows:
            box.pack_start(row, False, False, 0)
        align(rows, Gtk.SizeGroup(mode=Gtk.SizeGroupMode.HORIZONTAL))
        return box

    def _make_room(self):
        """Two galleries have half of the height each."""
        second = self.config.get_property("second-from")
        self.mix.set_visible(second != "none")
        for chooser in self.choosers:
            chooser.gallery.set_rows(1 if second == "gallery" else 2)

    # ------------------------------------------------------------ what it does

    def run(self):
        """Lets the user choose; returns whether to paint."""
        return self.dialog.run() and self.problem is None

    def close(self):
        """Takes the dialog away."""
        if self.timer:
            GLib.source_remove(self.timer)
            self.timer = None
        self.dialog.destroy()

    def start_preview(self):
        """Paints a small version, in place of one that is still being painted."""
        if self.methods is None:
            return
        try:
            if self.work is not None:
                self.work.cancel()
            request, _size = prepare(self.engine, self.given, self.part.export, self.methods, preview=True)
            self.work, self.shown = Work(self.engine, request, others=self._take_other), 0
        except Problem as problem:  # a file not yet chosen, say: the dialog stays
            self.work = None
            self.bar.set_text(str(problem).splitlines()[0])

    def paint(self):
        """Paints in full size, with the dialog showing how it goes.

        Returns:
            The finished work, and the (width, height) that the painting should have.
        """
        self.painting = True
        for controls in (self.controls, self.numbers):
            controls.set_sensitive(False)
        self.preview_button.set_sensitive(False)
        self.dialog.set_response_sensitive(Gtk.ResponseType.OK, False)
        self.dialog.show()
        Gimp.progress_init(_("Neural Style"))
        if self.work is not None:
            self.work.cancel()
            self.work = None
        self.loop = GLib.MainLoop()
        handler = self.dialog.connect("response", self._stop)
        if self.methods is not None:
            self._start()
        if self.problem is None:
            self.loop.run()
        self.dialog.disconnect(handler)
        if self.problem is not None:
            raise self.problem
        return self.work, self.size

    def _start(self):
        try:
            request, self.size = prepare(self.engine, self.given, self.part.export, self.methods)
            steps = self.given.get("result") == "steps"
            self.work, self.shown = Work(self.engine, request, steps, self._take_other), 0
        except (Problem, OSError) as problem:
            self._end(problem)

    def _stop(self, *_args):
        self._end(Stopped())

    def _end(self, problem=None):
        if isinstance(problem, OSError):
            problem = problems.full_disk(problem)
        self.problem = problem
        if self.loop is not None:
            self.loop.quit()
        elif problem is not None:
            self.dialog.response(Gtk.ResponseType.CANCEL)

    def _look(self):
        """Looks at what the engine has said; called by the main loop's timer."""
        try:
            if self.methods is None or self.work is None:
                self._wake()
            else:
                self._advance()
        except (Problem, Stopped, OSError) as problem:
            self._trouble(problem)
        return GLib.SOURCE_CONTINUE if self.problem is None else self._stopped()

    def _stopped(self):
        self.timer = None
        return GLib.SOURCE_REMOVE

    def _trouble(self, problem):
        """A preview that fails does not end the dialog, as long as the engine lives."""
        if self.painting or self.engine.process.poll() is not None or self.methods is None:
            self._end(problem)
            return
        self.work = None
        self.bar.set_text("" if isinstance(problem, Stopped) else str(problem).splitlines()[0])
        self.bar.set_fraction(0)

    def _wake(self):
        """Waits for the engine, then asks what it can do and what is in its gallery."""
        event = self.engine.next(0)
        if self.methods is None:
            self.bar.pulse()
        if event is None:
            return
        if event["event"] == "ready":
            self.asked = {
                self.engine.send("methods"): self._take_methods,
                self.engine.send("styles", **PICTURES, previews=PICTURES["thumbnails"]): self._take_styles,
            }
        else:
            self._take_other(event)

    def _take_other(self, event):
        if take := self.asked.pop(event.get("id"), None):
            take(event)

    def _take_methods(self, event):
        self.methods = take_methods(event)
        self.method.take(self.methods)
        self.preview_button.set_sensitive(not self.painting)
        self.bar.set_fraction(0)
        self.bar.set_text("")
        if self.painting:
            self._start()

    def _take_styles(self, event):
        if event["event"] == "error":  # an engine without painted previews
            self.asked[self.engine.send("styles", **PICTURES)] = self._fill_gallery
        else:
            self._fill_gallery(event)

    def _fill_gallery(self, event):
        for chooser in self.choosers:
            chooser.gallery.fill(event.get("styles") or [])

    def _advance(self):
        done = self.work.poll()
        if self.work.fraction is None:
            self.bar.pulse()
        else:
            self.bar.set_fraction(self.work.fraction)
        self.bar.set_text(self.work.text)
        if self.painting and self.work.fraction is not None:
            Gimp.progress_update(self.work.fraction)
        if self.work.previews != self.shown:
            self.shown = self.work.previews
            self.view.show_file(self.work.preview)
        if done:
            self.view.show_file(self.work.done["output"])
            if self.painting:
                self._end()
            else:
                self.work = None
                self.bar.set_text(_("Preview"))
