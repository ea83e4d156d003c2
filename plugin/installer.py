"""Copies the filter into GIMP's folders, tells it where the engine is, and takes it out again."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sys
from pathlib import Path
from typing import Any

from impasto.core.errors import ImpastoError
from impasto.core.picture_writing import write_file
from impasto.core.styles import gallery_names, load_style

from .folders import FLATPAK, Gimp, gimps, named, others

HERE = Path(__file__).parent
CONFIGURATION = "impasto.json"
# GIMP 3's files that GIMP 2.10's Python 2.7 reads as well.
SHARED = [
    f"{name}.py" for name in ("engine_client", "older", "parameters", "problems", "request", "words", "work")
]
MARK = "impasto.py"  # a folder without it is not ours to delete


def places(folder: Path | None = None) -> list[Gimp]:
    """The GIMPs to install into.

    Args:
        folder: a GIMP's own folder that the user names; None to look for all.

    Raises:
        ImpastoError: there is none.
    """
    if folder:
        if gimp := named(folder):
            return [gimp]
        raise ImpastoError(
            "There is no such folder; name GIMP's own, such as ~/.config/GIMP/3.0, which GIMP makes at its "
            f"first start. Received: {folder}"
        )
    found = gimps()
    if not found and (unfit := others()):
        raise ImpastoError(
            "The filter needs GIMP 3, or GIMP 2.10 with Python; install one and start it once. "
            f"Received: GIMP {', '.join(unfit)}"
        )
    if not found:
        raise ImpastoError(
            "No GIMP was found; start GIMP once so that it makes its folder, or name "
            "that folder with --folder (GIMP shows it under Edit, Preferences, Folders, Plug-ins). "
            f"Received: home folder {Path.home()}"
        )
    return found


def engine_words(gimp: Gimp, given: str | None = None) -> list[str]:
    """The words that start the engine from within this GIMP.

    Args:
        gimp: the GIMP.
        given: a command line of the user's.
    """
    if given:
        return shlex.split(given)
    # -E and -P: neither GIMP's variables nor its folder may lead this Python astray.
    words = [sys.executable, "-E", "-P", "-m", "impasto.core.cli", "engine"]
    if gimp.packing == "flatpak":  # its own /usr hides the system's Python
        temporary = Path.home() / ".var" / "app" / FLATPAK / "cache"
        return ["flatpak-spawn", "--host", f"--env=TMPDIR={temporary}", *words]
    return words


def copy_filter(gimp: Gimp, target: Path) -> None:
    """Copies the filter's files for this GIMP into a new folder."""
    names = shutil.ignore_patterns("__pycache__", "*.pyc")
    if gimp.is_old:
        shutil.copytree(HERE / "gimp2", target, ignore=names)
        for name in SHARED:
            shutil.copy(HERE / "gimp3" / "impasto" / name, target)
        shutil.copytree(HERE / "gimp3" / "impasto" / "locale", target / "locale", ignore=names)
    else:
        shutil.copytree(HERE / "gimp3" / "impasto", target, ignore=names)
    os.chmod(target / MARK, 0o755)


def install(gimp: Gimp, engine: str | None = None) -> Path:
    """Puts the filter into a GIMP, in place of an older one.

    Args:
        gimp: the GIMP.
        engine: a command line that starts the engine; by default this Python's.

    Returns:
        The plug-in's folder.

    Raises:
        ImpastoError: it cannot be written.
    """
    target = gimp.plug_in
    beside = target.with_name(f".{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(beside, ignore_errors=True)
        copy_filter(gimp, beside)
        settings: dict[str, Any] = {"engine": engine_words(gimp, engine)}
        if gimp.is_old:  # its dialog is made before there is an engine to ask
            settings["gallery"] = [[name, load_style(name).describe()["title"]] for name in gallery_names()]
        write_file(beside / CONFIGURATION, json.dumps(settings, indent=1).encode())
        uninstall(gimp)
        beside.replace(target)
    except ImpastoError:
        shutil.rmtree(beside, ignore_errors=True)
        raise
    except OSError as error:
        shutil.rmtree(beside, ignore_errors=True)
        raise ImpastoError(
            f"The filter cannot be copied ({error.strerror or error}); make the folder writable for you. "
            f"Received: {target.parent}"
        ) from error
    return target


def uninstall(gimp: Gimp) -> bool:
    """Takes the filter out of a GIMP; returns whether it was there.

    Raises:
        ImpastoError: something else is in its place, or it cannot be deleted.
    """
    target = gimp.plug_in
    if not target.exists() and not target.is_symlink():
        return False
    if target.is_symlink() or not (target / MARK).is_file():
        raise ImpastoError(
            f"There is something else in the filter's place; move it away first. Received: {target}"
        )
    try:
        shutil.rmtree(target)
    except OSError as error:
        raise ImpastoError(
            f"The filter cannot be deleted ({error.strerror or error}); make it writable for you, and end "
            f"GIMP. Received: {target}"
        ) from error
    return True
