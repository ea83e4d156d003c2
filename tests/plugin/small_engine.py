"""An engine that paints nothing: it turns the content's colours round, at once, and notes the request.

Everything but the painting is the real engine's: its protocol, folder, signals and end. A word on the
command line makes it fail in one way, as `main` tells.

    python small_engine.py NOTES [FAULT]
"""

import json
import os
import signal
import sys
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np

from impasto.core import engine as engines
from impasto.core import engine_requests
from impasto.core.engine_painting import Painter
from impasto.core.errors import Cancelled, PictureError
from impasto.core.images import load_picture, save_picture

STEPS = 5


class SmallPainter(Painter):
    """Paints by turning colours round."""

    notes: Path
    fault: str
    method: str | None = None

    def paint(self, job):
        request, fault = job.request, self.fault
        content = load_picture(request.content)
        kept = {
            style: np.round(load_picture(style).pixels.mean((0, 1)), 3).tolist() for style in files(request)
        }
        note = {
            "pid": os.getpid(),
            "styles": request.styles,
            "blend": request.blend,
            "settings": asdict(request.settings),
            "method": self.method,
            "content": [content.width, content.height, content.bits, content.alpha is not None],
            "means": kept,
        }
        with open(self.notes, "a") as file:
            file.write(json.dumps(note) + "\n")
        content = load_picture(request.content, size=request.settings.size)
        turned = content.with_pixels(1 - content.pixels)
        size = {"width": content.width, "height": content.height}
        self.tell("started", id=job.id, device="none", network="none", steps=STEPS, scales=[1], **size)
        for step in range(1, STEPS + 1):
            if fault == "slow":
                time.sleep(1)
            if job.cancelled.is_set():
                raise Cancelled
            facts = {"step": step, "steps": STEPS, "scale": 1, "loss": 1.0, "seconds": 1.0}
            self.tell("progress", id=job.id, seconds_left=75.0 - step, **facts)
            if request.preview_seconds:
                path = self.folder / f"preview-{step}.png"
                save_picture(content.with_pixels(content.pixels * step / STEPS), path)
                self.tell("preview", id=job.id, path=str(path), step=step)
                time.sleep(0.05)
        misbehave(fault, self)
        if fault == "size":
            turned = turned.resized(max(turned.width, turned.height) // 2)
        if fault == "picture":
            request.output.write_text("this is no picture")
        elif fault != "nothing":
            save_picture(turned, request.output)
        self.tell("done", id=job.id, output=str(request.output), **size, notices=[], steps=STEPS)


def files(request):
    """The styles that are files."""
    return [style for style in request.styles if os.path.isfile(style)]


def misbehave(fault, painter):
    """What an engine should never do."""
    if fault == "nonsense":
        painter.events.write("Segmentation fault\n")
        painter.events.flush()
        time.sleep(30)
    if fault == "other json":
        painter.events.write('{"event": "progress", "id": 2, "step": "one"}\n')
        painter.events.flush()
        time.sleep(30)
    if fault == "dies":
        os.kill(os.getpid(), signal.SIGKILL)
    if fault == "memory":
        raise MemoryError
    if fault == "disk":
        raise PictureError("The file could not be written (No space left on device).") from OSError(28, "x")
    if fault == "crash":
        raise RuntimeError("something odd")


class SmallEngine(engines.Engine):
    """Serves with a SmallPainter; a `new` one has two methods more, and previews for the gallery."""

    def __init__(self, events, notes, fault):
        super().__init__(0, events)
        self.painter = SmallPainter(self.tell, self.folder, None)
        self.painter.events, self.painter.notes, self.painter.fault = events, notes, fault
        if fault == "full":  # a disk that takes nothing of what the plug-in writes
            for number in range(9):
                (self.folder / f"content-{number}.png").symlink_to("/dev/full")

    def _take_ping(self, number, request):
        if self.painter.fault != "frozen":
            super()._take_ping(number, request)

    def _take_stylize(self, number, request):
        self.painter.method = request.pop("method", None)
        if self.painter.fault != "frozen":
            super()._take_stylize(number, request)

    def tell(self, event, **facts):
        if event == "ready" and self.painter.fault == "old":
            facts.pop("folder")
        if event == "styles" and self.painter.fault == "new":
            for row in facts["styles"]:
                row["preview"] = self._preview(row["thumbnail"])
        super().tell(event, **facts)

    def _preview(self, thumbnail):
        picture, path = load_picture(thumbnail), thumbnail.replace("thumbnail", "preview")
        save_picture(picture.with_pixels(1 - picture.pixels), path)
        return path


METHODS = {
    "": [{"name": "optimise", "styles": None}],
    "new": [
        {"name": "instant", "styles": ["udnie"]},  # the first that can paint a style is "auto"
        {"name": "optimise", "styles": None},
        {"name": "refine", "styles": []},
    ],
}
KEYS = {"": {"stylize": (), "styles": ()}, "new": {"stylize": ("method",), "styles": ("previews",)}}
ALL_KEYS = {"method", "previews"}


def speak(kind):
    """Makes the protocol that of an engine with one method, or of a `new` one."""
    engines.METHODS = METHODS[kind]
    for command, keys in KEYS[kind].items():
        old = engine_requests.COMMANDS[command]
        engine_requests.COMMANDS[command] = (*(key for key in old if key not in ALL_KEYS), *keys)


def main():
    """Serves stdin."""
    events = os.fdopen(os.dup(1), "w", encoding="utf-8", newline="\n")
    os.dup2(2, 1)
    notes, fault = Path(sys.argv[1]), " ".join(sys.argv[2:])
    if fault == "absent":
        sys.exit("No module named impasto")
    speak("new" if fault == "new" else "")
    engines._import_keras = lambda: None
    engines._die_with_parent()
    os._exit(SmallEngine(events, notes, fault).serve())


if __name__ == "__main__":
    main()
