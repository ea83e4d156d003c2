"""Runs programs in the Debian root that holds GIMP, each in a mount namespace of its own.

The root sees the host's /tmp, this repository at its own path, and the whole host at /host: files have
the same path on both sides, and a plug-in in the root starts an engine of the host's through chroot.
"""

import json
import os
import shlex
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
PLUG_IN = REPOSITORY / "plugin" / "gimp3" / "impasto"
ENTER = """
set -e
root=$1; repository=$2; shift 2
mount --rbind /tmp "$root/tmp"
mkdir -p "$root$repository" "$root/host"
mount --bind "$repository" "$root$repository"
mount --rbind / "$root/host"
mount --rbind /dev "$root/dev"
mount -t proc proc "$root/proc" 2>/dev/null || mount --rbind /proc "$root/proc"
exec chroot "$root" "$@"
"""
# What GIMP asks of its environment; nothing of the test's own, such as a virtual environment, comes along.
ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
    "HOME": "/root",
    "LANG": "C.UTF-8",
    "GSETTINGS_BACKEND": "memory",
    "NO_AT_BRIDGE": "1",
}
# Runs inside GIMP: does what comes over a socket, a JSON text a line, until that is closed.
SERVE = """
import json, socket, traceback
import gi
gi.require_version("Gimp", "3.0")
gi.require_version("Gegl", "0.4")
from gi.repository import Gegl, Gimp, Gio, GLib
Gegl.init(None)
near = socket.socket(socket.AF_UNIX)
near.connect({path!r})
names = dict(globals())
for line in near.makefile("rb"):
    names.update(json.loads(line)["names"])
    names["result"] = None
    try:
        exec(json.loads(line)["code"], names)
        answer = {{"result": names["result"]}}
    except Exception:
        answer = {{"failure": traceback.format_exc()}}
    near.sendall(json.dumps(answer).encode() + b"\\n")
"""


class Root:
    """A root with GIMP in it.

    Args:
        folder: where `make_gimp_root.sh` made it.

    Attributes:
        version: GIMP's, such as `3.0.4`, once it has been asked for.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.version = ""

    def command(self, *words: object) -> list[str]:
        """The words that run a program inside."""
        enter = ["unshare", "--mount", "--propagation", "private", "sh", "-c", ENTER, "enter"]
        return [*enter, str(self.folder), str(REPOSITORY), *map(str, words)]

    def start(self, *words: object, environment: dict[str, str] | None = None, **options) -> subprocess.Popen:
        """Starts a program inside."""
        return subprocess.Popen(
            self.command(*words), env=ENVIRONMENT | (environment or {}), cwd="/", **options
        )

    def run(self, *words: object, environment: dict[str, str] | None = None, timeout: float = 1500):
        """Runs a program inside; its output is text."""
        return subprocess.run(
            self.command(*words),
            env=ENVIRONMENT | (environment or {}),
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
        )


class Session:
    """A process that runs pieces of Python which come over a socket, a JSON text a line.

    Args:
        folder: for the socket and the log.
        start: starts it: `start(path of the socket, log file)` returns the process.
    """

    def __init__(self, folder, start):
        self.folder = Path(folder)
        path = str(self.folder / "socket")
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        listener.listen(1)
        listener.settimeout(1500)  # the first start builds caches; a busy machine takes long
        self.log = open(self.folder / "log", "w+")  # noqa: SIM115
        self.process = start(path, self.log)
        self.far, _ = listener.accept()
        self.far.settimeout(1500)
        self.lines = self.far.makefile("rb")
        listener.close()

    def tell(self, code: str, /, **names) -> None:
        """Starts a piece of Python; `answer` waits for its end."""
        self.far.sendall(json.dumps({"code": code, "names": names}).encode() + b"\n")

    def answer(self):
        """What the piece of Python that was started left in `result`; its exception is this one's."""
        line = self.lines.readline()
        assert line, f"GIMP ended: {self.output()}"
        answer = json.loads(line)
        assert "failure" not in answer, answer["failure"]
        return answer["result"]

    def do(self, code: str, /, **names):
        """Runs a piece of Python in GIMP; returns its `result`."""
        self.tell(code, **names)
        return self.answer()

    def output(self) -> str:
        """All that GIMP and the plug-in printed."""
        return (self.folder / "log").read_text()

    def close(self) -> None:
        """Ends GIMP."""
        self.far.close()
        self.lines.close()
        try:
            self.process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()


class Gimp(Session):
    """A GIMP 3 without a window, in which a test runs pieces of Python.

    Args:
        root: where GIMP is.
        folder: for GIMP's own folder, the socket and the log.
        engine: the words that start the engine, as seen inside; None writes no configuration.
        environment: more variables for GIMP.
        patience: seconds that the plug-in waits for a silent engine.
    """

    def __init__(self, root, folder, engine=None, environment=None, patience=300):
        self.root = root
        self.profile = make_profile(Path(folder) / "gimp", engine, patience, root.version)

        def start(path, log):
            (self.folder / "serve.py").write_text(SERVE.format(path=path))
            return root.start(
                *["gimp-console", "-i", "--quit", "--batch-interpreter=python-fu-eval", "-b", "-"],
                environment={"GIMP3_DIRECTORY": str(self.profile)} | (environment or {}),
                stdin=open(self.folder / "serve.py"),
                stdout=log,
                stderr=subprocess.STDOUT,
            )

        super().__init__(folder, start)


def make_profile(folder: Path, engine: list[str] | None, patience: float = 300, version: str = "") -> Path:
    """A fresh folder of GIMP's, with the plug-in in it; GIMP's caches go by time alone.

    A GIMP that finds an older version's folder welcomes its user with a window.
    """
    target = folder / "plug-ins" / "impasto"
    shutil.copytree(PLUG_IN, target, ignore=shutil.ignore_patterns("__pycache__"))
    configure(folder, engine, patience)
    (folder / "gimprc").write_text(
        f'(show-welcome-dialog no)\n(check-updates no)\n(config-version "{version}")\n'
    )
    return folder


def configure(folder: Path, engine: list[str] | None, patience: float = 300, **more) -> None:
    """Tells the plug-in, before its next run, which engine to start and how long to wait for it."""
    path = folder / "plug-ins" / "impasto" / "impasto.json"
    path.unlink(missing_ok=True)
    if engine is not None:
        path.write_text(json.dumps({"engine": engine, "patience": patience, **more}))


def host_python(folder: Path, inside: bool = True) -> Path:
    """A program in `folder` that is this Python, with the Impasto that is tested.

    Inside the root a virtual environment's own Python would become the root's. PYTHONPATH, where the tests
    have one, comes along: the filter takes it from the engine's environment, and the engine would be
    another checkout's.

    Args:
        folder: where to write the program.
        inside: whether it is to be started inside the root.
    """
    path, words = Path(folder) / "python", [sys.executable]
    if inside:
        words = ["/usr/sbin/chroot", "/host", *words]
    if given := os.environ.get("PYTHONPATH"):
        words = ["/usr/bin/env", f"PYTHONPATH={given}", *words]
    path.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n')
    path.chmod(0o755)
    return path


def children(pid: int) -> list[int]:
    """The processes that one started, and those that these started."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                if int((entry / "stat").read_text().rpartition(")")[2].split()[1]) == pid:
                    found += [int(entry.name), *children(int(entry.name))]
            except (OSError, IndexError):
                continue
    return found


def running(words: str) -> list[int]:
    """The processes with these words in their command line."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and int(entry.name) != os.getpid():
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if words in line:
                found.append(int(entry.name))
    return found


def wait_for(what, seconds: float = 400, every: float = 0.05):
    """Waits until a function returns something true, and returns that."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := what():
            return found
        time.sleep(every)
    raise AssertionError(f"not within {seconds} s: {what}")
