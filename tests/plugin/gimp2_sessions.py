"""Python 2.7 with the filter for GIMP 2.10: in GIMP itself, or in a stand-in with real pixels."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from gimp_root import Session, configure

from impasto.plugin.folders import Gimp
from impasto.plugin.installer import copy_filter

PYTHON2 = Path(__file__).parent / "python2"


def find_python2():
    """A Python 2.7, from the PATH or pyenv's; None where there is none."""
    kept = sorted((Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions").glob("2.7.*"))
    places = ["python2.7", "python2", *(str(folder / "bin" / "python2.7") for folder in kept)]
    for place in places:
        if program := shutil.which(place):
            seen = subprocess.run(
                [program, "-c", "import sys, zlib; print(sys.version_info[:2])"], capture_output=True
            )
            if seen.stdout.strip() == b"(2, 7)":  # pyenv's shims are there without one
                return program
    return None


def installed(folder, engine, patience=300):
    """GIMP 2.10's own folder, with the filter in it."""
    gimp = Gimp(Path(folder) / "gimp", "2.10")
    gimp.plug_in.parent.mkdir(parents=True)
    copy_filter(gimp, gimp.plug_in)
    configure(
        gimp.folder, engine, patience, gallery=[["starry_night", "The Starry Night"], ["udnie", "Udnie"]]
    )
    return gimp.folder


class StandIn(Session):
    """The filter in Python 2.7 with a stand-in for GIMP's modules.

    Args:
        folder: for GIMP's own folder, the socket and the log.
        engine: the words that start the engine; None writes no configuration.
        environment: more variables.
    """

    real = False

    def __init__(self, folder, engine, environment=None):
        self.profile = installed(folder, engine)
        script = self.profile / "plug-ins" / "impasto" / "impasto.py"

        def start(path, log):
            return subprocess.Popen(
                [find_python2(), str(PYTHON2 / "serve.py"), path, str(script)],
                env={k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "IMPASTO_ENGINE")}
                | {"LANG": "C.UTF-8", "PATH": "/usr/bin:/bin"}  # without an `impasto`
                | (environment or {}),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

        super().__init__(folder, start)


class OldGimp(Session):
    """GIMP 2.10 without a window.

    Args:
        root: where it is.
        folder: for GIMP's own folder, the socket and the log.
        engine: the words that start the engine, as seen inside; None writes no configuration.
    """

    real = True

    def __init__(self, root, folder, engine):
        self.profile = installed(folder, engine)
        server = self.profile / "plug-ins" / "serve" / "serve.py"
        server.parent.mkdir()
        text = (PYTHON2 / "serve.py").read_text()
        server.write_text("#!/usr/bin/env python2\n" + text)
        shutil.copy(PYTHON2 / "helpers.py", server.parent)
        server.chmod(0o755)

        def start(path, log):
            return root.start(
                *["gimp-console-2.10", "-i", "-b", f'(python-fu-serve RUN-NONINTERACTIVE "{path}")'],
                *["-b", "(gimp-quit 0)"],
                environment={"GIMP2_DIRECTORY": str(self.profile)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

        super().__init__(folder, start)


def engine_words(notes, *fault, python=sys.executable):
    """The words that start a small engine."""
    return [str(python), str(Path(__file__).with_name("small_engine.py")), str(notes), *fault]
