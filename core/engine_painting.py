"""What the engine process does with one painting: tells what it will do, paints, tells how it goes."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from impasto.models.weights import choose

from .engine_requests import StylizeRequest
from .errors import Cancelled, PictureError
from .estimate import estimate
from .images import Picture, check_output, save_picture
from .inputs import load_inputs
from .place import place
from .scales import scales_for

if TYPE_CHECKING:
    from .result import Result, Step


class Job:
    """A painting asked for, waiting or being painted.

    Attributes:
        id: the request's.
        request: what to paint.
        cancelled: set, from any thread, to stop it.
    """

    def __init__(self, number: Any, request: StylizeRequest):
        self.id, self.request = number, request
        self.cancelled = threading.Event()


class Painter:
    """Paints one job after the other, with the network kept loaded.

    Args:
        tell: writes an event; called with its name and facts.
        folder: where previews are put.
        device: `cpu`, `gpu`, `gpu:1`, or None for the backend's own choice.
    """

    def __init__(self, tell: Callable[..., None], folder: Path, device: str | None):
        self.tell, self.folder, self.device = tell, folder, device
        self.rates: dict[tuple[str, str], float] = {}  # seconds a step and pixel, by network and optimiser
        self.previews: list[Path] = []

    def paint(self, job: Job) -> None:
        """Paints, telling how it goes; the last event is `done`.

        Raises:
            Cancelled: the job was cancelled; nothing is written.
            ImpastoError: as `stylize` and `save_picture`.
        """
        from .stylize import stylize

        if job.cancelled.is_set():
            raise Cancelled("cancelled while it waited")
        request, began = job.request, time.perf_counter()
        check_output(request.output)
        content, styles = load_inputs(request.content, request.styles, request.settings)
        watcher = _Watcher(self, job)
        with place(request.settings, self.device) as where:
            work = self._tell_started(job, content, where)
            result = stylize(
                content,
                styles,
                settings=request.settings,
                blend=request.blend,
                masks=request.masks,
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

    def _tell_started(self, job: Job, content: Picture | None, where: str) -> float:
        """Tells what will be done; returns how much that is, in pixels times steps."""
        request = job.request
        settings = request.settings.settled(content=content is not None, style=bool(request.styles))
        height, width = (content.height, content.width) if content else (settings.size or 512,) * 2
        scales = scales_for(settings, height, width)
        steps = settings.steps_per_scale(len(scales))
        pixels = [height * width * (scale / max(height, width)) ** 2 for scale in scales]
        work = sum(size * count for size, count in zip(pixels, steps, strict=True))
        instant = settings.method == "instant"  # which has a network of its own
        network = "vgg_mini" if instant else choose(settings.network, settings.weights).network.name
        rate = self.rates.get((network, settings.optimizer))
        found = estimate(settings, height, width, content=content is not None, style=bool(job.request.styles))
        self.tell(
            "started",
            id=job.id,
            device=where,
            network=network,
            steps=sum(steps),
            scales=scales,
            width=width,
            height=height,
            seconds=rate * work if rate else found.seconds,
            memory=round(found.memory),
            free_memory=found.free and round(found.free),
            tiles=found.tiles,
        )
        return work

    def _remember_rate(self, result: Result, work: float) -> None:
        """For the next estimate; the time of the first step, which compiles, is left out."""
        if len(result.history) > 1 and not result.reason:
            (_, _, first, _), (_, _, last, _) = result.history[0], result.history[-1]
            self.rates[result.network, result.settings.optimizer] = (last - first) / work


class _Watcher:
    """What happens after each step of a painting: progress, previews, cancelling."""

    def __init__(self, painter: Painter, job: Job):
        self.painter, self.job = painter, job
        self.last = time.perf_counter()

    def after_step(self, step: Step) -> None:
        if self.job.cancelled.is_set():
            raise Cancelled("cancelled")
        self.painter.tell(
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
        previews = self.painter.previews
        path = self.painter.folder / f"preview-{len(previews)}.png"
        try:
            save_picture(step.painted(), path)
        except PictureError as error:  # a full disk, say: the painting itself may still be saved
            print(f"impasto: a preview is left out: {error}", file=sys.stderr)
            return
        previews.append(path)
        if len(previews) > 2:  # a client may still be reading the last but one
            previews[-3].unlink(missing_ok=True)
        self.painter.tell("preview", id=self.job.id, path=str(path), step=step.step)
