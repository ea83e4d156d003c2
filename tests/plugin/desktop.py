"""GIMP with its windows, on a screen of its own in the root, and somebody who looks and types."""

import itertools
import os
import re
import subprocess
from pathlib import Path

from gimp_root import make_profile, wait_for

NUMBERS = itertools.count(100 + os.getpid() % 5000, 5000)  # of screens; other processes have others
SHORT = 600  # seconds for what a program answers by itself
MANAGER = "_NET_SUPPORTING_WM_CHECK"  # what a window manager that is ready leaves on the screen


class Desktop:
    """A screen with a GIMP that has opened a picture.

    Args:
        root: where GIMP is.
        folder: for GIMP's own folder and the log.
        engine: the words that start the engine, as seen inside.
        picture: to open.
        environment: more variables for GIMP.
        program: Python that GIMP runs once it is there.
    """

    def __init__(self, root, folder, engine, picture, environment=None, program=None):
        self.root, self.folder = root, Path(folder)
        profile = make_profile(self.folder / "gimp", engine, version=root.version)
        self.number = next(NUMBERS)
        self.environment = {"DISPLAY": f":{self.number}", "GIMP3_DIRECTORY": str(profile)} | (
            environment or {}
        )
        self.log = open(self.folder / "log", "w")  # noqa: SIM115
        self.started = []
        # Without -noreset the screen starts anew when its last program leaves it, as xdpyinfo does, and a
        # window manager that comes at that moment finds no screen.
        screen = ["-screen", "0", "1280x960x24", "-noreset", "-nolisten", "tcp"]
        self._start("Xvfb", f":{self.number}", *screen)
        wait_for(lambda: self.run("xdpyinfo").returncode == 0, every=0.5)
        self._start("openbox")
        wait_for(lambda: "window id" in self.run("xprop", "-root", MANAGER).stdout, every=0.5)
        batch = ["--batch-interpreter=python-fu-eval", "-b", program] if program else []
        self.gimp = self._start("gimp", "--no-splash", *batch, str(picture))
        wait_for(lambda: self.windows(Path(picture).stem), every=0.5)

    def _start(self, *words):
        process = self.root.start(
            *words,
            environment=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=subprocess.STDOUT,
        )
        self.started.append(process)
        return process

    def run(self, *words):
        """Runs a program on the screen."""
        return self.root.run(*words, environment=self.environment, timeout=SHORT)

    def windows(self, title):
        """Numbers of the visible windows with this in their title."""
        found = self.run("xdotool", "search", "--onlyvisible", "--name", re.escape(title))
        return found.stdout.split()

    def titles(self):
        """Titles of all visible windows."""
        found = self.run("xdotool", "search", "--onlyvisible", "--name", ".").stdout.split()
        return [self.run("xdotool", "getwindowname", number).stdout.strip() for number in found]

    def focus(self, title):
        """Brings a window to the front."""
        window = wait_for(lambda: self.windows(title), every=0.5)[-1]
        self.run("xdotool", "windowactivate", "--sync", window)
        return window

    def press(self, title, *keys):
        """Presses keys in a window."""
        self.focus(title)
        self.run("xdotool", "key", "--clearmodifiers", "--delay", "100", *keys)

    def call(self, title, action):
        """Calls a menu entry by its name, through GIMP's own search (the key /)."""
        self.press(title, "slash")
        wait_for(lambda: self.windows("Search Actions"), every=0.5)
        self.run("xdotool", "type", "--delay", "60", action)
        self.run("sleep", "1.5")
        self.run("xdotool", "key", "Return")

    def picture(self, path, window="root"):
        """Saves a picture of a window, or of the whole screen."""
        self.run("import", "-window", window, str(path))
        return path

    def close(self):
        """Ends everything on the screen."""
        for process in reversed(self.started):
            process.terminate()
        for process in self.started:
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.log.close()
