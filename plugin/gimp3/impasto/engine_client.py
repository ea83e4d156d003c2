"""The engine process, from the plug-in's side: found, started, spoken to, and surely ended.

All files of a painting lie in the engine's own temporary folder, which the engine deletes when its stdin
ends: that happens even where GIMP kills this plug-in, whose own `finally` then never runs.
"""

from __future__ import unicode_literals

import json
import os
import shlex
import shutil
import subprocess
import threading
from collections import deque

import problems
from older import Empty, Queue, ended_within, monotonic, native, which

HERE = os.path.dirname(os.path.abspath(__file__))
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
    configured = _configured()
    if configured:
        return configured
    given = os.environ.get(VARIABLE)
    if given:
        words = [given, "engine"] if os.path.exists(given) else shlex.split(given)
        if words and which(words[0]):
            return words, {}, PATIENCE
    program = which("impasto")
    if program:
        return [program, "engine"], {}, PATIENCE
    raise problems.engine_missing()


def _configured():
    try:
        with open(os.path.join(HERE, CONFIGURATION), "rb") as file:
            found = json.loads(file.read().decode("utf-8"))
        words = [native(word) for word in found["engine"]]
        environment = {native(key): native(word) for key, word in (found.get("environment") or {}).items()}
        patience = float(found.get("patience") or PATIENCE)
    except (EnvironmentError, ValueError, AttributeError, KeyError, TypeError):
        return None
    return (words, environment, patience) if words and which(words[0]) else None


class Engine(object):
    """An engine process. Ends with `close`, with this process, or with the `with` block.

    Attributes:
        folder: the engine's temporary folder; known after `wait_until_ready`.
    """

    def __init__(self):
        self.command, more, self.patience = find()
        environment = {k: v for k, v in os.environ.items() if not k.upper().startswith(FOREIGN)}
        environment.update(more)
        self.folder, self.number, self.asked, self.heard = None, 0, False, monotonic()
        self.events, self.last_words = Queue(), deque(maxlen=20)
        try:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=environment,
                cwd=HERE,
                close_fds=os.name == "posix",  # else the engine would keep GIMP's own pipes open
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0x08000000 if os.name == "nt" else 0),
            )
        except OSError as error:
            raise problems.engine_broken(self.command, error)
        for target in (self._read, self._read_errors):
            thread = threading.Thread(target=target)
            thread.daemon = True
            thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _read(self):
        try:
            for line in iter(self.process.stdout.readline, b""):
                self.events.put(line)
        except (EnvironmentError, ValueError):
            pass
        self.events.put(None)

    def _read_errors(self):
        try:
            for line in iter(self.process.stderr.readline, b""):
                self.last_words.append(line.decode("utf-8", "replace").rstrip())
        except (EnvironmentError, ValueError):
            pass

    def send(self, command, **facts):
        """Writes a request; returns its id."""
        self.number += 1
        line = json.dumps(dict(facts, id=self.number, command=command)) + "\n"
        try:
            self.process.stdin.write(line.encode("ascii"))
            self.process.stdin.flush()
        except (EnvironmentError, ValueError):
            raise self._death()
        return self.number

    def next(self, seconds):
        """The next event, or None if none came within so many seconds.

        Raises:
            Problem: the engine ended, talks nonsense, or has been silent for too long.
        """
        try:
            line = self.events.get(timeout=seconds) if seconds else self.events.get_nowait()
        except Empty:
            self._mind_silence()
            return None
        if line is None:
            raise self._death()
        try:
            event = json.loads(line.decode("utf-8"))
            event["event"]
        except (ValueError, TypeError, KeyError):
            raise problems.engine_lies(line[:200].decode("utf-8", "replace").strip())
        self.heard, self.asked = monotonic(), False
        if event["event"] == "ready":
            self._take_ready(event)
        return event

    def _take_ready(self, event):
        folder = event.get("folder")
        if event.get("protocol") != PROTOCOL or not folder:
            raise problems.engine_too_old(event.get("version", "?"))
        if not os.path.isdir(folder):
            raise problems.engine_lies("folder {}".format(folder))
        self.folder = folder

    def _mind_silence(self):
        """A step may take minutes, but a ping is answered even then."""
        silent = monotonic() - self.heard
        if silent > self.patience:
            raise problems.engine_silent(silent)
        if silent > self.patience / 2 and self.folder and not self.asked:
            self.asked = True
            self.send("ping")

    def _death(self):
        ended_within(self.process, GRACE)
        said = next((words for words in reversed(self.last_words) if words.strip()), "")
        if self.folder is None:
            return problems.engine_broken(self.command, said)
        return problems.engine_ended(said if (self.process.poll() or 0) > 0 else "")

    def close(self):
        """Ends the engine, within two seconds, and sees to it that its folder is gone."""
        try:
            self.process.stdin.close()
        except (EnvironmentError, ValueError):
            pass
        if not ended_within(self.process, GRACE):
            self.process.kill()
            self.process.wait()
        if self.folder and os.path.basename(self.folder).startswith("impasto-engine-"):
            shutil.rmtree(self.folder, ignore_errors=True)
