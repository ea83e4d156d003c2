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
import time
import traceback
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NoReturn

from impasto.models.register import NETWORKS
from impasto.models.weights import choose, how_to_get, locate

from .engine_folder import delete, make_folder
from .engine_requests import StylizeRequest, read_request, read_stylize
from .errors import Cancelled, PictureError, UsageError
from .failures import kind_of
from .hushed import hushed
from .images import Picture, check_output, save_picture
from .inputs import load_inputs
from .styles import gallery_names, load_style
from .version import version

if TYPE_CHECKING:
    from .stylize import Result, Step

PROTOCOL = 1
GRACE = 1.5  # seconds for a step to end once the engine is told to; then it ends all the same

ADVICE = {
    "usage": "Correct the request.",
    "picture": "Give another picture.",
    "weights": "Choose another network, or fetch its weights with `impasto models download`.",
    "memory": "Choose a smaller size.",
    "disk": "Free space, or choose another folder.",
    "internal": "This is a fault of Impasto; its stderr has the details.",
}


class Job:
    """A painting asked for, waiting or being painted."""

    def __init__(self, number: Any, request: StylizeRequest):
        self.id, self.request = number, request
        self.cancelled = threading.Event()


class Engine:
    """Serves one client.

    Args:
        requests: file descriptor to read from.
        events: where events are written; nothing else may be.
        device: `cpu`, `gpu`, `gpu:1`, or None for the backend's own choice.
    """

    def __init__(self, requests: int, events: IO[str], device: str | None = None):
        self.requests, self.events, self.device = requests, events, device
        self.jobs: queue.Queue[Job | None] = queue.Queue()
        self.waiting: list[Job] = []  # with the one being painted
        self.lock = threading.Lock()
        self.closing = threading.Event()
        self.status = 0
        self.rates: dict[tuple[str, str], float] = {}  # seconds a step and pixel, by network and optimiser
        self.previews: list[Path] = []
        self.folder = make_folder()

    def serve(self) -> int:
        """Serves until stdin ends or a signal comes; returns the exit status."""
        try:
            self._catch_signals()
            self.tell("ready", protocol=PROTOCOL, version=version())
            threading.Thread(target=self._read, daemon=True).start()
            _import_keras()
            while (job := self.jobs.get()) is not None:
                self._work(job)
        finally:
            delete(self.folder)
        return self.status

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
        side, rows = request.get("thumbnails") or 0, []
        for name in gallery_names():
            style = load_style(name)
            row = style.describe()
            if side:
                row["thumbnail"] = str(self.folder / f"thumbnail-{side}-{name}.png")
                if not os.path.exists(row["thumbnail"]):
                    save_picture(style.picture.resized(side), row["thumbnail"])
            rows.append(row)
        self.tell("styles", id=number, styles=rows)

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
            self._paint(job)
        except Cancelled:
            self.tell("cancelled", id=job.id)
        except Exception as error:
            self._tell_error(job.id, error)
        finally:
            self.waiting.remove(job)

    def _paint(self, job: Job) -> None:
        from .backend import select_device
        from .stylize import stylize

        if job.cancelled.is_set():
            raise Cancelled("cancelled while it waited")
        request, began = job.request, time.perf_counter()
        check_output(request.output)
        content, styles = load_inputs(request.content, request.styles, request.settings)
        work = self._tell_started(job, content)
        watcher = _Watcher(self, job)
        with select_device(self.device):
            result = stylize(
                content,
                styles,
                settings=request.settings,
                blend=request.blend,
                on_progress=watcher.after_step,
            )
        if result.interrupted:
            raise Cancelled("cancelled while it was painted")
        notices = [*result.notices, *save_picture(result.picture, request.output)]
        self._remember_rate(result, work)
        self.tell(
            "done",
            id=job.id,
            output=os.path.abspath(request.output),
            width=result.picture.width,
            height=result.picture.height,
            network=result.network,
            steps=result.history[-1][0],
            seconds=time.perf_counter() - began,
            reason=result.reason,
            notices=notices,
        )

    def _tell_started(self, job: Job, content: Picture | None) -> float:
        """Tells what will be done; returns how much that is, in pixels times steps."""
        from .backend import describe_device
        from .stylize import scales_for

        settings = job.request.settings
        height, width = (content.height, content.width) if content else (settings.size or 512,) * 2
        scales = scales_for(settings, height, width)
        steps = settings.steps_per_scale(len(scales))
        pixels = [height * width * (scale / max(height, width)) ** 2 for scale in scales]
        work = sum(size * count for size, count in zip(pixels, steps, strict=True))
        network = choose(settings.network, settings.weights).network.name
        rate = self.rates.get((network, settings.optimizer))
        self.tell(
            "started",
            id=job.id,
            device=describe_device(self.device),
            network=network,
            steps=sum(steps),
            scales=scales,
            width=width,
            height=height,
            seconds=rate and rate * work,
        )
        return work

    def _remember_rate(self, result: Result, work: float) -> None:
        """For the next estimate. The first step, which compiles, counts as one like the others."""
        if len(result.history) > 1 and not result.reason:
            (_, _, first, _), (_, _, last, _) = result.history[0], result.history[-1]
            self.rates[result.network, result.settings.optimizer] = (last - first) / work

    def _tell_error(self, number: Any, error: Exception) -> None:
        kind = kind_of(error)
        if kind == "internal":
            traceback.print_exception(error)
        message = " ".join(str(error).split()) or type(error).__name__
        self.tell("error", id=number, kind=kind, message=message, advice=ADVICE[kind])


class _Watcher:
    """What happens after each step of a painting: progress, previews, cancelling."""

    def __init__(self, engine: Engine, job: Job):
        self.engine, self.job = engine, job
        self.last = time.perf_counter()

    def after_step(self, step: Step) -> None:
        if self.job.cancelled.is_set():
            raise Cancelled("cancelled")
        self.engine.tell(
            "progress",
            id=self.job.id,
            step=step.step,
            steps=step.steps,
            scale=step.scale,
            loss=step.loss,
            seconds=step.seconds,
            seconds_left=step.seconds_left,
        )
        every = self.job.request.preview_seconds
        if every and time.perf_counter() - self.last >= every and step.step < step.steps:
            self._preview(step)
            self.last = time.perf_counter()

    def _preview(self, step: Step) -> None:
        previews = self.engine.previews
        path = self.engine.folder / f"preview-{len(previews)}.png"
        try:
            save_picture(step.painted(), path)
        except PictureError as error:  # a full disk, say: the painting itself may still be saved
            print(f"impasto: a preview is left out: {error}", file=sys.stderr)
            return
        previews.append(path)
        if len(previews) > 2:  # a client may still be reading the last but one
            previews[-3].unlink(missing_ok=True)
        self.engine.tell("preview", id=self.job.id, path=str(path), step=step.step)


def serve_stdin(device: str | None = None) -> NoReturn:
    """Serves whoever started this process, and ends it.

    Args:
        device: as for `Engine`.
    """
    events = os.fdopen(os.dup(1), "w", encoding="utf-8", newline="\n")
    os.dup2(2, 1)  # whatever any library prints must not come between the events
    sys.stdout = sys.stderr
    _die_with_parent()
    status = Engine(0, events, device).serve()
    os._exit(status)  # all is tidied up; taking TensorFlow down in good order can take seconds


def _die_with_parent() -> None:
    """On Linux, asks for SIGTERM when the parent dies, should something else hold our stdin open."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG, prctl(2)


def _import_keras() -> None:
    with hushed():
        from . import stylize  # noqa: F401


def _plain(value: Any) -> Any:
    """JSON knows neither NaN nor infinity."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
