"""The engine process, from the plug-in's side: found, started, spoken to, and surely ended.

All files of a painting lie in the engine's own temporary folder, which the engine deletes when its stdin
ends: that happens even where GIMP kills this plug-in, whose own `finally` then never runs.
"""

from __future__ import annotations

import json
import os
import queue
import shlex
import shutil
import subprocess
import threading
import time
from collections import deque
from contextlib import suppress
from pathlib import Path

import problems

HERE = Path(__file__).parent
CONFIGURATION = "impasto.json"  # written by `impasto gimp install`
VARIABLE = "IMPASTO_ENGINE"
PROTOCOL = 1  # docs/engine.md
PATIENCE = 90.0  # seconds without a word, ten times what a cold start took on two busy cores
GRACE = 1.9  # seconds to end by itself; the engine takes at most 1.5
# GIMP's own libraries and modules, which another Python must not load.
FOREIGN = ("PYTHON", "GI_", "GIO_", "GDK_PIXBUF_", "GEGL_", "BABL_", "GIMP", "LD_LIBRARY_PATH", "DYLD_")


def find():
    """The words that start the engine, more environment for it, and how long to wait for it.

    Looks at the installer's configuration, then at IMPASTO_ENGINE (a program, or a command line), then
    for `impasto` on the PATH.

    Raises:
        Problem: there is none.
    """
    with suppress(OSError, ValueError, AttributeError):
        found = json.loads((HERE / CONFIGURATION).read_text("utf-8"))
        words = [str(word) for word in found["engine"]]
        if words and shutil.which(words[0]):
            return words, dict(found.get("environment") or {}), float(found.get("patience") or PATIENCE)
    if given := os.environ.get(VARIABLE):
        words = [given, "engine"] if os.path.exists(given) else shlex.split(given)
        if words and shutil.which(words[0]):
            return words, {}, PATIENCE
    if program := shutil.which("impasto"):
        return [program, "engine"], {}, PATIENCE
    raise problems.engine_missing()


class Engine:
    """An engine process. Ends with `close`, with this process, or with the `with` block.

    Attributes:
        folder: the engine's temporary folder; known after `wait_until_ready`.
    """

    def __init__(self):
        self.command, more, self.patience = find()
        environment = {k: v for k, v in os.environ.items() if not k.upper().startswith(FOREIGN)}
        self.folder, self.number, self.asked, self.heard = None, 0, False, time.monotonic()
        self.events, self.last_words = queue.SimpleQueue(), deque(maxlen=20)
        try:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=environment | more,
                cwd=HERE,
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        except OSError as error:
            raise problems.engine_broken(self.command, error) from error
        threading.Thread(target=self._read, daemon=True).start()
        threading.Thread(target=self._read_errors, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _read(self):
        with suppress(OSError, ValueError):
            for line in self.process.stdout:
                self.events.put(line)
        self.events.put(None)

    def _read_errors(self):
        with suppress(OSError, ValueError):
            for line in self.process.stderr:
                self.last_words.append(line.decode("utf-8", "replace").rstrip())

    def send(self, command, **facts):
        """Writes a request; returns its id."""
        self.number += 1
        line = json.dumps({"id": self.number, "command": command, **facts}) + "\n"
        try:
            self.process.stdin.write(line.encode())
            self.process.stdin.flush()
        except (OSError, ValueError):
            raise self._death() from None
        return self.number

    def next(self, seconds):
        """The next event, or None if none came within so many seconds.

        Raises:
            Problem: the engine ended, talks nonsense, or has been silent for too long.
        """
        try:
            line = self.events.get(timeout=seconds) if seconds else self.events.get_nowait()
        except queue.Empty:
            self._mind_silence()
            return None
        if line is None:
            raise self._death()
        try:
            event = json.loads(line)
            event["event"]
        except (ValueError, TypeError, KeyError):
            raise problems.engine_lies(line[:200].decode("utf-8", "replace").strip()) from None
        self.heard, self.asked = time.monotonic(), False
        if event["event"] == "ready":
            self._take_ready(event)
        return event

    def _take_ready(self, event):
        folder = event.get("folder")
        if event.get("protocol") != PROTOCOL or not folder:
            raise problems.engine_too_old(event.get("version", "?"))
        if not os.path.isdir(folder):
            raise problems.engine_lies(f"folder {folder}")
        self.folder = Path(folder)

    def _mind_silence(self):
        """A step may take minutes, but a ping is answered even then."""
        silent = time.monotonic() - self.heard
        if silent > self.patience:
            raise problems.engine_silent(silent)
        if silent > self.patience / 2 and self.folder and not self.asked:
            self.asked = True
            self.send("ping")

    def _death(self):
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=GRACE)
        said = next((words for words in reversed(self.last_words) if words.strip()), "")
        if self.folder is None:
            return problems.engine_broken(self.command, said)
        return problems.engine_ended(said if (self.process.poll() or 0) > 0 else "")

    def close(self):
        """Ends the engine, within two seconds, and sees to it that its folder is gone."""
        with suppress(OSError, ValueError):
            self.process.stdin.close()
        try:
            self.process.wait(timeout=GRACE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.folder and self.folder.name.startswith("impasto-engine-"):
            shutil.rmtree(self.folder, ignore_errors=True)
