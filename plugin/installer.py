"""Copies the filter into GIMP's folders, tells it where the engine is, and takes it out again."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sys
from pathlib import Path

from impasto.core.errors import ImpastoError
from impasto.core.picture_writing import write_file

from .folders import FLATPAK, Gimp, gimps

HERE = Path(__file__).parent
CONFIGURATION = "impasto.json"
MARK = "impasto.py"  # a folder without it is not ours to delete


def places(folder: Path | None = None) -> list[Gimp]:
    """The GIMPs to install into.

    Args:
        folder: a GIMP's own folder that the user names; None to look for all.

    Raises:
        ImpastoError: there is none.
    """
    found = [Gimp(folder, "3.2" if folder.name == "3.2" else "3.0")] if folder else gimps()
    old, found = [g for g in found if g.is_old], [g for g in found if not g.is_old]
    if old and not found:
        raise ImpastoError(
            f"The filter needs GIMP 3.0 or newer; install that and start it once. Received: {old[0].title}"
        )
    if not found:
        raise ImpastoError(
            "No GIMP 3 was found; start GIMP once so that it makes its folder, or name "
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
    source = HERE / "gimp3" / "impasto"
    target = gimp.plug_in
    beside = target.with_name(f".{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(beside, ignore_errors=True)
        shutil.copytree(source, beside, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
        os.chmod(beside / MARK, 0o755)
        settings = {"engine": engine_words(gimp, engine)}
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
