"""What a worker does with one job: prepare the photograph, have the engine paint it, make the files."""

from __future__ import annotations

import errno
import io
import logging
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from impasto.core.images import load_picture

from .avatar import circle_preview, encode_jpeg
from .contained import Bounds, run_contained
from .disk import FOLDERS
from .engine_client import ENDS, Engine, EngineDied
from .job import Job
from .people import People
from .pictures import Pictures
from .preparing import prepare
from .refused import Refused
from .settings import BotSettings

log = logging.getLogger("impasto.bot.painting")

PHOTO_BYTES = 10_000_000  # Bot API: the largest photo; a document may have 50 MB
DOCUMENT_BYTES = 50_000_000
CANCEL_SECONDS = 1.2  # for the engine to stop by itself; the whole of a cancel is to take 2 seconds
BEAT_SECONDS = 0.4
TRUSTED_STEP = 3  # the first whose estimate of the time left is told
STYLE_SIDE = 1024  # pixels of an own style's longest side, at most

Beat = Callable[[float | None, float | None], str]


class Stopped(Exception):
    """The job is not wanted any more; `why` is `cancel`, `lost` or `stopping`."""

    def __init__(self, why: str):
        super().__init__(why)
        self.why = why


class Files(NamedTuple):
    """Keys of what was painted, and a notice's key."""

    result: str
    circle: str | None
    notice: str


class Studio:
    """Paints jobs on one engine, which it starts anew when it died."""

    def __init__(self, settings: BotSettings, pictures: Pictures, people: People):
        self.settings, self.pictures, self.people = settings, pictures, people
        self.engine: Engine | None = None
        # Whether the engine had painted before: the first painting loads the network and compiles.
        self.was_warm = False
        self.painted_on: Engine | None = None

    def ready(self) -> Engine:
        """The engine, started if there is none."""
        if self.engine is None or not self.engine.alive:
            self.close()
            load = "instant" if self.settings.method == "instant" else None
            self.engine = Engine(self.settings.engine_command, self.settings.device, load)
        return self.engine

    def close(self, patience: float = 2.0) -> None:
        """Ends the engine."""
        if self.engine is not None:
            self.engine.close(patience)
            self.engine = None

    def paint(self, job: Job, beat: Beat) -> Files:
        """Paints and stores a job's pictures.

        Args:
            job: claimed by this worker.
            beat: told the share done and the seconds left; says whether to go on.

        Raises:
            Stopped: the job was cancelled or lost, or this worker is to end.
            Refused: the picture cannot be painted.
            EngineDied: the engine did.
        """
        with tempfile.TemporaryDirectory(prefix=f"{FOLDERS}{os.getpid()}-") as name:
            folder = Path(name)
            square = job.kind == "avatar"
            side = self.settings.paint_size or self.settings.avatar_size
            try:
                notice, size = self._prepare(
                    job.source or "",
                    folder / "photo.png",
                    side if square else self.settings.full_size,
                    beat,
                    square=square,
                )
            except FileNotFoundError:
                raise Refused("expired") from None
            painted = self._painted(job, folder, size, beat)
            # A large video and a moving sticker are stood for by a still, which shows nothing of it.
            return self._store(job, painted, notice or ("first_frame" if job.media == "video" else ""))

    def _prepare(
        self, key: str, target: Path, size: int, beat: Beat, *, square: bool = False
    ) -> tuple[str, int]:
        """Has a stored file decoded, in a process that can harm nothing; returns notice and longest side."""
        source, settings = target.with_suffix(".source"), self.settings
        self.pictures.get_file(key, source)

        def keep_lease() -> None:
            if (word := beat(None, None)) != "go":
                raise Stopped(word)

        bounds = Bounds(settings.decode_bytes, settings.decode_seconds)
        limits = (settings.max_pixels, settings.max_ratio)
        words = (str(source), str(target), size, square, *limits)
        notice, longest = run_contained(prepare, *words, bounds=bounds, beat=keep_lease)
        source.unlink()
        return str(notice), int(longest)

    def _painted(self, job: Job, folder: Path, size: int, beat: Beat) -> Image.Image:
        request = {
            "content": str(folder / "photo.png"),
            "styles": self._styles(job, folder, beat),
            "output": str(folder / "painted.png"),
        }
        wishes = {"size": size, "strength": job.strength, "colours": job.colours}
        if self.settings.method != "auto":  # which leaves the choice to the engine
            request["method"] = self.settings.method
        if self.settings.method != "instant":
            wishes |= {"recipe": self.settings.recipe, "network": self.settings.network}
        return self._taken(self._ask(request | {"settings": wishes}, beat), folder)

    def _taken(self, end: dict[str, Any], folder: Path) -> Image.Image:
        if end["event"] == "error":
            kind = end.get("kind")
            log.error("the engine refused a painting: %s: %s", kind, end.get("message"))
            if kind == "disk":
                raise OSError(errno.EIO, "the engine could not write its picture")
            if kind in ("picture", "memory"):
                raise Refused("too_large_to_paint" if kind == "memory" else "damaged")
            raise EngineDied(f"{kind} error")
        pixels = load_picture(str(folder / "painted.png")).pixels
        return Image.fromarray(np.round(pixels * 255).astype("uint8"))

    def _ask(self, request: dict[str, Any], beat: Beat) -> dict[str, Any]:
        """Has the engine paint, keeping the lease meanwhile; returns the last event."""
        engine = self.ready()
        self.was_warm, self.painted_on = engine is self.painted_on, engine
        number = engine.ask("stylize", **request)
        heard = beaten = time.monotonic()
        progress = left = None
        while True:
            event = engine.event(number, BEAT_SECONDS / 2)
            now = time.monotonic()
            if event:
                heard = now
                if event["event"] in ENDS:
                    return event
                if event["event"] == "progress":
                    progress = event["step"] / event["steps"]
                    # A median of fewer steps is the first one's, which compiles.
                    left = event["seconds_left"] if event["step"] >= TRUSTED_STEP else None
            elif now - heard > self.settings.engine_seconds:
                self.close(0)
                raise EngineDied("silence")
            if now - beaten >= BEAT_SECONDS:
                beaten = now
                if (word := beat(progress, left)) != "go":
                    self._stop(engine, number)
                    raise Stopped(word)

    def _stop(self, engine: Engine, number: int) -> None:
        deadline = time.monotonic() + CANCEL_SECONDS
        try:
            engine.send({"id": number, "command": "cancel"})
            while time.monotonic() < deadline:
                event = engine.event(number, 0.1)
                if event and event["event"] in ENDS:
                    return
        except EngineDied:
            pass
        self.close(0)  # a step longer than that, or Keras still being imported

    def _styles(self, job: Job, folder: Path, beat: Beat) -> list[str]:
        own = {style.number: style.picture for style in self.people.styles(job.person)}
        styles: list[str] = []
        for name in job.style_list:
            if name.startswith("own:"):
                key = own.get(int(name.removeprefix("own:")))
                if key is None:
                    raise Refused("style_gone")
                path = folder / f"style-{len(styles)}.png"
                self._own_style(key, path, beat)
                name = str(path)
            styles.append(name)
        return styles

    def _own_style(self, key: str, path: Path, beat: Beat) -> None:
        """Makes a person's own style ready; what is wrong with it is not said of the photograph."""
        try:
            self._prepare(key, path, STYLE_SIDE, beat)
        except FileNotFoundError:
            raise Refused("style_gone") from None
        except Refused:
            raise Refused("style_unreadable") from None

    def _store(self, job: Job, painted: Image.Image, notice: str) -> Files:
        claim = (job.worker or "").rpartition("/")[2]
        key = f"{job.folder}/{job.round}-{claim}"
        if job.kind == "full":
            data = _encode_png(painted)
            extension = "png" if len(data) <= DOCUMENT_BYTES else "jpg"
            result = f"{key}-full.{extension}"
            self.pictures.put(result, data if extension == "png" else encode_jpeg(painted, DOCUMENT_BYTES))
            return Files(result, None, notice)
        side = self.settings.avatar_size
        avatar = painted.resize((side, side), Image.Resampling.LANCZOS)
        files = Files(f"{key}.jpg", f"{key}-circle.jpg", notice)
        self.pictures.put(files.result, encode_jpeg(avatar, PHOTO_BYTES))
        self.pictures.put(files.circle or "", encode_jpeg(circle_preview(avatar), PHOTO_BYTES))
        return files


def _encode_png(image: Image.Image) -> bytes:
    data = io.BytesIO()
    image.save(data, "PNG")
    return data.getvalue()
