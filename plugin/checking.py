"""Proves that the filter works: its files, its engine with a tiny picture, and GIMP with the filter."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from PIL import Image

from impasto.core.errors import ImpastoError

from .folders import Gimp, console
from .installer import CONFIGURATION, MARK

PATIENCE = 600  # seconds for a cold start on a busy machine
# Runs inside GIMP; the file tells what came of it, since GIMP's exit status does not.
PROGRAM = """
import gi
gi.require_version("Gimp", "3.0")
from gi.repository import Gimp
said = "GIMP did not load the filter"
procedure = Gimp.get_pdb().lookup_procedure("impasto-neural-style")
if procedure:
    image = Gimp.Image.new(32, 32, Gimp.ImageBaseType.RGB)
    layer = Gimp.Layer.new(image, "tiny", 32, 32, Gimp.ImageType.RGB_IMAGE, 100, Gimp.LayerMode.NORMAL)
    image.insert_layer(layer, None, 0)
    config = procedure.create_config()
    config.set_property("run-mode", Gimp.RunMode.NONINTERACTIVE)
    config.set_property("image", image)
    config.set_core_object_array("drawables", [layer])
    config.set_property("size-limit", 32)
    config.set_property("steps", 2)
    status = procedure.run(config).index(0)
    said = "fine" if status == Gimp.PDBStatusType.SUCCESS else Gimp.get_pdb().get_last_error()
open({path!r}, "w").write(said)
"""
# The same in GIMP 2.10, by Script-Fu: Debian's and others' have no Python, and then no such procedure.
OLD_PROGRAM = """
(let* ((image (car (gimp-image-new 32 32 RGB)))
       (layer (car (gimp-layer-new image 32 32 RGB-IMAGE "tiny" 100 LAYER-MODE-NORMAL))))
  (gimp-image-insert-layer image layer 0 0)
  (python-fu-impasto-neural-style RUN-NONINTERACTIVE image layer
    0 0 "" -1 -1 0 0 "" -1 -1 50 50 1 0 0 32 2 0 0)
  (let ((said (open-output-file "{path}"))) (display "fine" said) (close-output-port said)))
"""


def check_files(gimp: Gimp) -> list[str]:
    """Looks at what is installed.

    Returns:
        The words that start the engine.

    Raises:
        ImpastoError: what is wrong, and what to do.
    """
    script, configuration = gimp.plug_in / MARK, gimp.plug_in / CONFIGURATION
    if not script.is_file():
        raise ImpastoError(
            f"The filter is not installed in {gimp.title}; run `impasto gimp install`. "
            f"Received: {gimp.plug_in}"
        )
    if not os.access(script, os.X_OK):
        raise ImpastoError(
            f"The filter's file is not executable, so GIMP passes over it; run `impasto gimp install` again. "
            f"Received: {script}"
        )
    try:
        words = json.loads(configuration.read_text("utf-8"))["engine"]
        return [str(word) for word in words]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ImpastoError(
            f"The filter does not know its engine; run `impasto gimp install` again. Received: {error}"
        ) from None


def check_engine(words: list[str]) -> str:
    """Paints a tiny picture with the engine, as the filter would.

    Returns:
        The engine's version.

    Raises:
        ImpastoError: it does not start, or does not paint.
    """
    try:
        engine = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
    except OSError as error:
        raise ImpastoError(
            f"The engine does not start ({error.strerror}); run `impasto gimp install` from the Python that "
            f"has Impasto. Received: {' '.join(words)}"
        ) from error
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()

    def read() -> None:
        for line in engine.stdout or ():
            lines.put(line)
        lines.put("")

    threading.Thread(target=read, daemon=True).start()
    try:
        return _paint(engine, lines, words)
    finally:
        engine.kill()
        engine.wait()


def _paint(engine: subprocess.Popen[str], lines: queue.SimpleQueue[str], words: list[str]) -> str:
    version, end = "", time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            event = json.loads(lines.get(timeout=max(0.1, end - time.monotonic())))
        except queue.Empty:
            break
        except ValueError:
            raise ImpastoError(
                "The engine ended, or says what is not its protocol; run `impasto engine` to see why. "
                f"Received: {' '.join(words)}"
            ) from None
        kind = event.get("event")
        if kind == "ready":
            version = event.get("version", "")
            _ask(engine, event.get("folder"))
        elif kind == "error":
            raise ImpastoError(f"The engine cannot paint: {event.get('message')}")
        elif kind == "done":
            with Image.open(event["output"]) as painting:
                if painting.size != (32, 24):
                    raise ImpastoError(
                        f"The engine's picture should be 32×24 pixels. Received: {painting.size}"
                    )
            return version
    raise ImpastoError(f"The engine said nothing more for {PATIENCE} s. Received: {' '.join(words)}")


def _ask(engine: subprocess.Popen[str], folder: str | None) -> None:
    if not folder or not os.path.isdir(folder) or engine.stdin is None:
        raise ImpastoError(
            "The engine is too old for the filter, or its temporary folder is out of reach; upgrade Impasto. "
            f"Received: folder {folder}"
        )
    content = os.path.join(folder, "content.png")
    Image.linear_gradient("L").convert("RGB").resize((32, 24)).save(content)
    request = {
        "id": 1,
        "command": "stylize",
        "content": content,
        "styles": ["starry_night"],
        "output": os.path.join(folder, "painting.png"),
        "settings": {"size": 32, "steps": 2},
    }
    engine.stdin.write(json.dumps(request) + "\n")
    engine.stdin.flush()


def check_gimp(gimp: Gimp) -> bool:
    """Runs the filter in GIMP itself, without a window.

    Returns:
        False where there is no GIMP program to run.

    Raises:
        ImpastoError: GIMP does not load the filter, or the filter fails.
    """
    words = console(gimp)
    if words is None:
        return False
    with tempfile.TemporaryDirectory(prefix="impasto-check-", dir=_shared(gimp)) as folder:
        path = os.path.join(folder, "said")
        try:
            given = ["--batch-interpreter=python-fu-eval", "-b", "-"]
            if gimp.is_old:
                given = ["-b", OLD_PROGRAM.format(path=path.replace("\\", "/")), "-b", "(gimp-quit 0)"]
            subprocess.run(
                [*words, "-i", *([] if gimp.is_old else ["--quit"]), *given],
                input=None if gimp.is_old else PROGRAM.format(path=path),
                text=True,
                capture_output=True,
                timeout=PATIENCE,
                env=_environment(gimp),
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ImpastoError(f"GIMP does not run without a window. Received: {error}") from error
        said = Path(path).read_text() if os.path.exists(path) else "nothing"
    if said != "fine" and gimp.is_old:
        raise ImpastoError(
            f"{gimp.title} cannot run the filter: most Linux packages of it lack Python 2; take GIMP 3. "
            f"Received: {' '.join(words)}"
        )
    if said != "fine":
        raise ImpastoError(
            f"{gimp.title} cannot run the filter; see docs/gimp.md. Received: {' '.join(said.split())}"
        )
    return True


def _environment(gimp: Gimp) -> dict[str, str]:
    """This process's, and the folder that was named, which need not be GIMP's usual one."""
    if gimp.packing:
        return dict(os.environ)
    return os.environ | {f"GIMP{gimp.version[0]}_DIRECTORY": str(gimp.folder.absolute())}


def _shared(gimp: Gimp) -> str | None:
    """A folder that a packed GIMP sees under the same path."""
    return str(gimp.folder) if gimp.packing else None
