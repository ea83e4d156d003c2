"""The engine as a process: requests as JSON lines on stdin, events as JSON lines on stdout.

    echo '{"id": 1, "command": "stylize", "content": "photo.jpg", "styles": ["starry_night"],
           "output": "out.png"}' | impasto engine        (on one line)

GIMP and whoever else does not want Keras in their own process speak to this one. It serves many
requests with the network kept loaded, and ends with its stdin. docs/engine.md has the protocol.

Three threads: this one paints; one reads stdin, so that a painting can be cancelled; one waits for
signals, which Python's own handlers would only see once a step of TensorFlow's has ended.
"""

from __future__ import annotations

import ctypes
import json
import math
import os
import queue
import signal
import sys
import threading
import traceback
from contextlib import suppress
from typing import IO, Any, NoReturn

from impasto.models.register import NETWORKS
from impasto.models.weights import how_to_get, locate

from .engine_folder import delete, make_folder
from .engine_painting import Job, Painter
from .engine_requests import read_request, read_stylize
from .errors import Cancelled, UsageError, WeightsError
from .failures import kind_of
from .hushed import hushed
from .images import Picture, save_picture
from .place import without_keras
from .recipes import CHOICES, Settings
from .styles import gallery_names, load_preview, load_style
from .unplotted import unplotted
from .version import version

PROTOCOL = 1
METHODS = [{"name": name, "styles": None} for name in CHOICES["method"]]  # the default first; docs/engine.md
IDLE = 1.0  # seconds without a request before anything is loaded unasked: most clients ask at once
GRACE = 1.5  # seconds for a step to end once the engine is told to; then it ends all the same

ADVICE = {
    "usage": "Correct the request.",
    "picture": "Give another picture.",
    "weights": "Choose another network, or fetch its weights with `impasto models download`.",
    "memory": "Choose a smaller size.",
    "disk": "Free space, or choose another folder.",
    "internal": "This is a fault of Impasto; its stderr has the details.",
}


class Engine:
    """Serves one client.

    Args:
        requests: file descriptor to read from.
        events: where events are written; nothing else may be.
        device: `cpu`, `gpu`, `gpu:1`, or None for the backend's own choice.
        load: the method whose libraries and networks are loaded while nothing is asked, `optimise` or
            `instant`; None for neither.
    """

    def __init__(
        self, requests: int, events: IO[str], device: str | None = None, load: str | None = "optimise"
    ):
        self.requests, self.events, self.load = requests, events, load
        self.jobs: queue.Queue[Job | None] = queue.Queue()
        self.waiting: list[Job] = []  # with the one being painted
        self.lock = threading.Lock()
        self.closing = threading.Event()
        self.status = 0
        self.folder = make_folder()
        self.painter = Painter(self.tell, self.folder, device)

    def serve(self) -> int:
        """Serves until stdin ends or a signal comes; returns the exit status."""
        try:
            self._catch_signals()
            self.tell("ready", protocol=PROTOCOL, version=version(), folder=str(self.folder))
            threading.Thread(target=self._read, daemon=True).start()
            while (job := self._next_job()) is not None:
                self._work(job)
        finally:
            delete(self.folder)
        return self.status

    def _next_job(self) -> Job | None:
        """The next painting, None at the end; where none comes at once, what it may need is loaded."""
        if self.load:
            with suppress(queue.Empty):
                return self.jobs.get(timeout=IDLE)
            method, self.load = self.load, None
            LOADING[method]()
        return self.jobs.get()

    def tell(self, event: str, **facts: Any) -> None:
        """Writes an event."""
        line = json.dumps({"event": event} | {key: _plain(value) for key, value in facts.items()})
        try:
            with self.lock:
                self.events.write(line + "\n")
                self.events.flush()
        except (OSError, ValueError):  # nobody reads any more
            self.close()

    def close(self, status: int = 0) -> None:
        """Ends the engine from any thread: after the current step, or after `GRACE` seconds."""
        if self.closing.is_set():
            return
        self.status = status
        self.closing.set()
        for job in list(self.waiting):
            job.cancelled.set()
        self.jobs.put(None)
        watchdog = threading.Timer(GRACE, self._end_at_once)
        watchdog.daemon = True
        watchdog.start()

    def _end_at_once(self) -> None:
        delete(self.folder)
        os._exit(self.status)

    # ------------------------------------------------------------ what comes in

    def _catch_signals(self) -> None:
        if sys.platform == "win32" or threading.current_thread() is not threading.main_thread():
            return
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: None)  # so that the default does not end it; see below
        threading.Thread(target=self._wait_for_signal, args=(reader,), daemon=True).start()

    def _wait_for_signal(self, reader: int) -> None:
        number = os.read(reader, 1)[0]
        self.close(128 + number)

    def _read(self) -> None:
        rest = b""
        with suppress(OSError):
            while chunk := os.read(self.requests, 1 << 16):
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    self._take(line)
        self.close()

    def _take(self, line: bytes) -> None:
        """Answers a request, or puts it in the queue; a bad one is answered and passed over."""
        if not line.strip() or self.closing.is_set():
            return
        number = None
        try:
            request = read_request(line)
            number = request.get("id")
            getattr(self, f"_take_{request['command']}")(number, request)
        except Exception as error:
            self._tell_error(getattr(error, "id", number), error)

    def _take_stylize(self, number: Any, request: dict[str, Any]) -> None:
        job = Job(number, read_stylize(request))
        self.waiting.append(job)
        self.jobs.put(job)

    def _take_cancel(self, number: Any, _: dict[str, Any]) -> None:
        found = [job for job in list(self.waiting) if job.id == number]
        if not found:
            raise UsageError(
                f"There is no painting of that id to cancel; it may be done. Received: {number!r}"
            )
        for job in found:
            job.cancelled.set()

    def _take_ping(self, number: Any, _: dict[str, Any]) -> None:
        self.tell("pong", id=number)

    def _take_shutdown(self, _: Any, __: dict[str, Any]) -> None:
        self.close()

    def _take_styles(self, number: Any, request: dict[str, Any]) -> None:
        rows = []
        for name in gallery_names():
            style = load_style(name)
            row = style.describe()
            if side := request.get("thumbnails"):
                row["thumbnail"] = self._kept(f"thumbnail-{side}-{name}.png", style.picture, side)
            if side := request.get("previews"):
                preview = load_preview(name)
                row["preview"] = preview and self._kept(f"preview-{side}-{name}.png", preview, side)
            rows.append(row)
        self.tell("styles", id=number, styles=rows)

    def _kept(self, name: str, picture: Picture, side: int) -> str:
        """The path of a picture in our folder, written the first time."""
        path = self.folder / name
        if not path.exists():
            save_picture(picture.resized(side), path)
        return str(path)

    def _take_methods(self, number: Any, _: dict[str, Any]) -> None:
        self.tell("methods", id=number, methods=METHODS)

    def _take_networks(self, number: Any, _: dict[str, Any]) -> None:
        rows = []
        for network in NETWORKS.values():
            here = locate(network).state in ("bundled", "cache")
            get = None if here else how_to_get(network)
            rows.append({"name": network.name, "title": network.title, "here": here, "get": get})
        self.tell("networks", id=number, networks=rows)

    # ------------------------------------------------------------ the work

    def _work(self, job: Job) -> None:
        try:
            self.painter.paint(job)
        except Cancelled:
            self.tell("cancelled", id=job.id)
        except Exception as error:
            self._tell_error(job.id, error)
        finally:
            self.waiting.remove(job)

    def _tell_error(self, number: Any, error: Exception) -> None:
        kind = kind_of(error)
        if kind == "internal":
            traceback.print_exception(error)
        message = " ".join(str(error).split()) or type(error).__name__
        self.tell("error", id=number, kind=kind, message=message, advice=ADVICE[kind])


def serve_stdin(device: str | None = None, load: str = "optimise") -> NoReturn:
    """Serves whoever started this process, and ends it.

    Args:
        device, load: as for `Engine`.
    """
    events = os.fdopen(os.dup(1), "w", encoding="utf-8", newline="\n")
    os.dup2(2, 1)  # whatever any library prints must not come between the events
    sys.stdout = sys.stderr
    _die_with_parent()
    status = Engine(0, events, device, load).serve()
    os._exit(status)  # all is tidied up; taking TensorFlow down in good order can take seconds


def _die_with_parent() -> None:
    """On Linux, asks for SIGTERM when the parent dies, should something else hold our stdin open."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG, prctl(2)


def _load_optimiser() -> None:
    with hushed(), unplotted():
        from . import optimise_run  # noqa: F401


def _load_networks() -> None:
    """The one-pass networks; what is wrong with them is told to whoever asks for a picture."""
    from .instant_run import instant_painter

    if without_keras(Settings(method="instant")):
        with suppress(WeightsError):
            instant_painter()


LOADING = {"optimise": _load_optimiser, "instant": _load_networks}


def _plain(value: Any) -> Any:
    """JSON knows neither NaN nor infinity."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
