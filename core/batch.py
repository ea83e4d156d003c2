"""Several photographs in one manner: which file each is painted into, and what is done already.

    batch = plan(["a.jpg", "b.jpg"], ["starry_night"], "painted", settings)
    for task in batch.tasks:
        source = read(task)
        painted = paint_bytes(source, batch.manner)
        batch.keep(task, source, painted.data)  # painted/a_starry_night.png

`impasto stylize` with several photographs and `impasto batch` both come here; they differ in where
`paint_bytes` runs. Nothing here imports Keras before a picture is painted.
"""

from __future__ import annotations

import glob
import hashlib
import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import ImpastoError, PictureError, UsageError
from .failures import kind_of
from .images import check_output
from .inputs import load_inputs
from .interrupted import fingerprint
from .picture_formats import pictures_in
from .picture_writing import encode_picture, extensions, make_folder, saving_notices, write_file
from .recipes import Settings
from .styles import Style, gallery_names

if TYPE_CHECKING:
    import numpy as np

    from .result import Step

MANIFEST = "impasto-batch.jsonl"


@dataclass(frozen=True)
class Manner:
    """How every picture of a batch is painted; it can be sent to another process.

    Attributes:
        styles: the styles, read.
        settings: the settings, the network named.
        blend: a weight for each style; None for equal ones.
        extension: of the pictures written, such as `.png`.
    """

    styles: list[Style]
    settings: Settings
    blend: Sequence[float] | None = None
    extension: str = ".png"

    @cached_property
    def identity(self) -> dict[str, Any]:
        """All that decides what is painted, but the photograph."""
        return fingerprint(None, self.styles, self.blend, self.settings)


@dataclass(frozen=True)
class Task:
    """A photograph, and the file that it is painted into."""

    content: Path
    output: Path


@dataclass(frozen=True)
class Painted:
    """What `paint_bytes` gives.

    Attributes:
        data: the picture's file; empty after an interruption.
        network: the network that was used.
        seconds: how long it took, reading and encoding included.
        notices: what the user should know, a sentence each.
        state: of an interrupted run, for `resume`; empty otherwise.
    """

    data: bytes
    network: str
    seconds: float
    notices: tuple[str, ...] = ()
    state: dict[str, np.ndarray] = field(default_factory=dict, repr=False)


def paint_bytes(
    source: bytes,
    manner: Manner,
    *,
    on_progress: Callable[[Step], None] | None = None,
    resume: dict[str, np.ndarray] | None = None,
) -> Painted:
    """Paints a photograph: a file's bytes in, a file's bytes out.

    Args:
        source: the photograph.
        manner: how.
        on_progress, resume: as `stylize`'s.

    Raises:
        ImpastoError: as `stylize` and `encode_picture`.
    """
    from .stylize import stylize

    began = time.perf_counter()
    content, _ = load_inputs(source, [], manner.settings)
    result = stylize(
        content,
        manner.styles,
        settings=manner.settings,
        blend=manner.blend,
        on_progress=on_progress,
        resume=resume,
    )
    data = b"" if result.interrupted else encode_picture(result.picture, manner.extension)
    return Painted(
        data,
        result.network,
        time.perf_counter() - began,
        (*result.notices, *saving_notices(result.picture, manner.extension)),
        result.state,
    )


class Batch:
    """What there is to paint, and what is done.

    Beside the pictures lies a manifest, `impasto-batch.jsonl`: a line for each finished one with a
    digest of its photograph, the styles, the network and the settings. A picture counts as finished
    while its file is there and its digest is the one asked for.

    Attributes:
        tasks: all of them, in the order given.
        manner: how they are painted.
        manifest: the manifest's file.
    """

    def __init__(self, tasks: Sequence[Task], manner: Manner, folder: Path):
        self.tasks, self.manner, self.manifest = list(tasks), manner, folder / MANIFEST

    def finished(self) -> set[Task]:
        """The tasks that need not be painted again."""
        digests = self._digests()
        return {
            task
            for task in self.tasks
            if task.output.is_file()
            and task.content.is_file()
            and digests.get(task.output.name) == self._digest(read(task))
        }

    def keep(self, task: Task, source: bytes, data: bytes) -> None:
        """Writes a finished picture, whole or not at all, and then its line in the manifest.

        Args:
            task: which.
            source: the photograph's file, as it was painted.
            data: the picture's file.

        Raises:
            PictureError: one of the two could not be written.
        """
        write_file(task.output, data)
        line = {
            "output": task.output.name,
            "content": str(task.content),
            "digest": self._digest(source),
        }
        try:
            torn = self.manifest.is_file() and not self.manifest.read_bytes().endswith(b"\n")
            with open(self.manifest, "a", encoding="utf-8") as file:
                # A crash may have left half a line, which must not swallow this one.
                file.write("\n" * torn + json.dumps(line, ensure_ascii=False) + "\n")
        except OSError as error:
            raise PictureError(
                f"The list of finished pictures cannot be written ({error.strerror or error}). "
                f"Received: {self.manifest}"
            ) from error

    def _digests(self) -> dict[str, str]:
        """The latest digest by the output's name."""
        digests: dict[str, str] = {}
        if not self.manifest.is_file():
            return digests
        for line in self.manifest.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                entry = json.loads(line)
                digests[entry["output"]] = entry["digest"]
            except (ValueError, KeyError, TypeError):  # half a line: that picture is painted again
                continue
        return digests

    def _digest(self, source: bytes) -> str:
        manner = json.dumps([self.manner.identity, self.manner.extension], sort_keys=True)
        return hashlib.sha256(manner.encode() + hashlib.sha256(source).digest()).hexdigest()


def plan(
    contents: Sequence[str],
    styles: Sequence[Any],
    folder: Path | str,
    settings: Settings,
    *,
    blend: Sequence[float] | None = None,
    extension: str = ".png",
) -> Batch:
    """Finds out what is to be painted into which file, before any work.

    Args:
        contents: photographs; folders, which stand for the pictures in them; patterns such as `*.jpg`.
        styles: as `load_style` takes them.
        folder: where the pictures go; it is made where it is missing.
        settings: how to paint. Its network is settled here, for all pictures alike.
        blend: a weight for each style.
        extension: of the pictures to write.

    Returns:
        The batch; each picture is called `CONTENT_STYLE` and the extension, a second of that name
        `CONTENT-2_STYLE`.

    Raises:
        UsageError: nothing to paint, an output that is an input, a folder
            that cannot be made.
        PictureError: a style cannot be read, or the folder not be written to.
        WeightsError: the network's weights are missing or damaged.
    """
    from impasto.models.weights import choose

    extension = extension.lower() if extension.startswith(".") else f".{extension.lower()}"
    if extension not in extensions():
        raise UsageError(f"A picture is saved as one of {', '.join(extensions())}. Received: {extension}")
    folder = Path(folder)
    _, loaded = load_inputs(None, styles, settings)
    network = choose(settings.network, settings.weights).network.name
    manner = Manner(loaded, replace(settings, network=network), blend, extension)
    tasks = [
        Task(path, folder / output_name(str(path), [str(style) for style in styles], extension))
        for path in gather(contents)
    ]
    tasks = _one_file_each(tasks)
    _require_no_input_replaced(tasks, [*styles, settings.init, settings.weights])
    make_folder(folder)
    for task in tasks:
        check_output(task.output)
    return Batch(tasks, manner, folder)


def output_name(content: str | None, styles: Sequence[str], extension: str = ".png") -> str:
    """`photo_starry_night.png`; a texture is called `starry_night_texture.png`."""
    painting = "+".join(Path(style).stem for style in styles)
    if content is None:
        return f"{painting}_texture{extension}"
    return f"{Path(content).stem}_{painting or 'content'}{extension}"


def gather(contents: Sequence[str]) -> list[Path]:
    """Photographs from files, folders and patterns, each once; a file that is not there stays in the list.

    Raises:
        UsageError: no photograph at all, or a style's name in a photograph's place.
    """
    found: list[Path] = []
    for word in contents:
        path = Path(word)
        if path.is_dir():
            found += pictures_in(path)
        elif not path.exists() and glob.has_magic(word):  # a shell that leaves patterns to programs
            found += sorted(map(Path, glob.glob(word)))
        elif not path.exists() and word in gallery_names():
            raise UsageError(
                f"With --style every other word is a photograph; give this as --style {word}. "
                f"Received: {word}"
            )
        else:
            found.append(path)
    unique: dict[str, Path] = {}
    for path in found:
        unique.setdefault(os.path.realpath(path), path)
    if not unique:
        raise UsageError(f"There is no photograph to paint. Received: {' '.join(contents)}")
    return list(unique.values())


def _one_file_each(tasks: Sequence[Task]) -> list[Task]:
    """Numbers the outputs of photographs with one name: `IMG_1.JPG` beside `IMG_1.PNG` is `IMG_1-2_STYLE`."""
    taken: set[str] = set()
    numbered = []
    for task in tasks:
        output, number = task.output, 1
        while output.name.casefold() in taken:  # some systems take A and a for one name
            number += 1
            stem = task.content.stem
            output = task.output.with_name(f"{stem}-{number}{task.output.name.removeprefix(stem)}")
        taken.add(output.name.casefold())
        numbered.append(replace(task, output=output))
    return numbered


def _require_no_input_replaced(tasks: Sequence[Task], others: Sequence[Any]) -> None:
    read = {os.path.realpath(task.content) for task in tasks}
    read |= {os.path.realpath(other) for other in others if isinstance(other, (str, os.PathLike))}
    for task in tasks:
        if os.path.realpath(task.output) in read:
            raise UsageError(
                f"The output would replace an input; name another folder. Received: {task.output}"
            )


def read(task: Task) -> bytes:
    """The photograph's file.

    Raises:
        PictureError: it cannot be read.
    """
    try:
        return task.content.read_bytes()
    except OSError as error:
        raise PictureError(
            f"The photograph cannot be read ({error.strerror or error}); check its name. "
            f"Received: {task.content}"
        ) from None


def failure(error: BaseException) -> str | None:
    """What to say of a picture that failed; None where the others would fail like it (a full disk)."""
    kind = kind_of(error)
    if kind == "memory" and not isinstance(error, ImpastoError):
        return f"There is not enough memory for it; choose a smaller --size. Received: {type(error).__name__}"
    return str(error) if kind in ("picture", "memory") else None
