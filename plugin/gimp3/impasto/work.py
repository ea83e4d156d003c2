# -*- coding: utf-8 -*-
"""One painting being painted: the engine's events as they come, and where it stands."""

from __future__ import unicode_literals

import os

import problems
from words import _

# Events at a time, so that a window is drawn in between.
AT_ONCE = 200
# Interim pictures kept for the layer group: each is as large as the painting, and becomes a layer.
MOST = 12


class Work(object):
    """A `stylize` request and its answers.

    Args:
        engine: a ready engine.
        request: the keys of the request.
        keep_previews: whether to keep interim pictures, in `kept`: (step, path); of many, some that are
            evenly spread.
        others: called with events that answer other requests.

    Attributes:
        fraction: how much is done, 0–1; None before the first step.
        text: where it stands, for the progress bar.
        preview: path of the newest interim picture, or None; `previews` counts them.
        done: the `done` event once it has come.
    """

    def __init__(self, engine, request, keep_previews=False, others=None):
        self.engine, self.others = engine, others or (lambda event: None)
        self.fraction, self.text, self.preview, self.done = (
            None,
            _("Starting the painting engine…"),
            None,
            None,
        )
        self.previews, self.keep, self.kept = 0, keep_previews, []
        self.every, self.passed = 1, 0  # of the interim pictures one in so many is kept
        self.id = engine.send("stylize", **request)

    def poll(self, seconds=0.0):
        """Takes the events that have come, waiting so long for the first; returns whether it is done.

        Raises:
            Problem: the engine failed.
            Stopped: it was cancelled.
        """
        for _number in range(AT_ONCE):
            event = self.engine.next(seconds)
            if event is None or self.done:
                break
            seconds = 0
            if event.get("id") == self.id or (event["event"] == "error" and event.get("id") is None):
                self._take(event)
            else:
                self.others(event)
        return self.done is not None

    def cancel(self):
        """Asks the engine to stop; `poll` then raises Stopped."""
        self.engine.send("cancel", id=self.id)

    def _take(self, event):
        try:
            kind = event["event"]
            if kind == "started":
                self.text = _("Preparing the painting…")
            elif kind == "progress":
                self.fraction = min(1.0, float(event["step"]) / event["steps"])
                self.text = _in_words(event)
            elif kind == "preview":
                self._take_preview(event)
            elif kind == "done":
                self.done = event
            elif kind == "cancelled":
                raise problems.Stopped
            elif kind == "error":
                raise problems.from_event(event)
        except (AttributeError, KeyError, TypeError, ValueError, ZeroDivisionError) as error:
            raise problems.engine_lies("{} ({})".format(event, error))

    def _take_preview(self, event):
        path = os.path.join(self.engine.folder, event["path"])
        self.passed += 1
        if self.keep and self.passed % self.every == 0:
            path = self._keep(path, event["step"])
        if path:
            self.preview = path
            self.previews += 1

    def _keep(self, path, step):
        """Keeps an interim picture: the engine deletes its own after a while, but not under another name."""
        kept = os.path.join(self.engine.folder, "kept-{}-{}.png".format(self.id, self.passed))
        try:
            os.rename(path, kept)
        except OSError:
            return None
        self.kept.append((step, kept))
        if len(self.kept) > MOST:
            for _step, old in self.kept[:-1:2]:  # the last one is being looked at
                try:
                    os.remove(old)
                except OSError:
                    pass
            self.kept = self.kept[1::2]
            self.every *= 2
        return kept


def _in_words(event):
    step = _("Step {step} of {steps}").format(step=event["step"], steps=event["steps"])
    left = event.get("seconds_left")
    if left is None:
        return step
    minutes, seconds = divmod(int(left + 0.5), 60)
    return _("{step}, {minutes}:{seconds:02} left").format(step=step, minutes=minutes, seconds=seconds)


def wait_for_methods(engine):
    """What the engine can do, once it is ready."""
    while engine.folder is None:
        engine.next(0.2)
    number = engine.send("methods")
    while True:
        event = engine.next(0.2)
        if event and event.get("id") == number:
            return take_methods(event)


def take_methods(event):
    """The rows of a `methods` event."""
    rows = event.get("methods")
    if event["event"] == "error":
        raise problems.engine_too_old("?")
    if not isinstance(rows, list) or not all(isinstance(row, dict) and row.get("name") for row in rows):
        raise problems.engine_lies("{}".format(event)[:200])
    return rows
