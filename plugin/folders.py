"""Where GIMP keeps a user's plug-ins, and where its programs are.

The folders are those of GIMP's handbook and of the Flatpak and Snap packages of it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

FLATPAK = "org.gimp.GIMP"
SERVED = re.compile(r"3\.\d*[02468]|2\.10")  # the versions that the filter is for: odd ones are unfinished


@dataclass(frozen=True)
class Gimp:
    """A GIMP's own folder.

    Attributes:
        folder: such as `~/.config/GIMP/3.0`.
        version: such as `3.0`.
        packing: empty, `flatpak` or `snap`.
    """

    folder: Path
    version: str
    packing: str = ""

    @property
    def is_old(self) -> bool:
        """Whether it is a GIMP 2, which has a filter of its own."""
        return self.version.startswith("2")

    @property
    def plug_in(self) -> Path:
        """The folder that the filter goes into."""
        return self.folder / "plug-ins" / "impasto"

    @property
    def title(self) -> str:
        """For the user: `GIMP 3.0 (Flatpak)`."""
        return f"GIMP {self.version}" + (f" ({self.packing.title()})" if self.packing else "")


def gimps(environment: Mapping[str, str] | None = None, platform: str | None = None) -> list[Gimp]:
    """The GIMPs of this user.

    Args:
        environment: instead of the process's own.
        platform: instead of `sys.platform`.

    Returns:
        Those whose folder is there, newest first. `GIMP3_DIRECTORY` and `GIMP2_DIRECTORY` go before all
        others, as in GIMP itself. A GIMP on the PATH that was never started counts as well.
    """
    environment = os.environ if environment is None else environment
    found = []
    if given := environment.get("GIMP3_DIRECTORY"):
        found.append(Gimp(Path(given), _version_of(Path(given), environment)))
    if given := environment.get("GIMP2_DIRECTORY"):
        found.append(Gimp(Path(given), "2.10"))
    if found:
        return found
    for base, packing in _bases(environment, platform or sys.platform):
        for folder in base.glob("*") if base.is_dir() else ():
            if SERVED.fullmatch(folder.name) and folder.is_dir():
                found.append(Gimp(folder, folder.name, packing))
    version = _version_on_path(environment)
    if not any(not gimp.packing for gimp in found) and version and SERVED.fullmatch(version):
        base = _bases(environment, platform or sys.platform)[0][0]
        found.append(Gimp(base / version, version))
    return sorted(found, key=lambda gimp: [int(part) for part in gimp.version.split(".")], reverse=True)


def others(environment: Mapping[str, str] | None = None, platform: str | None = None) -> list[str]:
    """Versions of this user's GIMPs that are too old for the filter, or unfinished, such as `2.8`."""
    environment = os.environ if environment is None else environment
    names = {"2.8"} if (_home(environment, platform or sys.platform) / ".gimp-2.8").is_dir() else set()
    for base, _packing in _bases(environment, platform or sys.platform):
        names |= {folder.name for folder in base.glob("*") if re.fullmatch(r"\d\.\d+", folder.name)}
    if version := _version_on_path(environment):
        names.add(version)
    return sorted(name for name in names if not SERVED.fullmatch(name))


def named(folder: Path) -> Gimp | None:
    """The GIMP whose own folder, or whose plug-ins' folder, a user names; None if there is none."""
    folder = folder.expanduser()
    if folder.name == "plug-ins":  # GIMP's preferences show that one
        folder = folder.parent
    if not folder.is_dir():
        return None
    known = [gimp for gimp in gimps() if gimp.folder.exists() and gimp.folder.samefile(folder)]
    return known[0] if known else Gimp(folder, _version_of(folder, os.environ))


def _version_of(folder: Path, environment: Mapping[str, str]) -> str:
    """The version whose folder this is, by its name, or else by the GIMP on the PATH."""
    if match := re.search(r"3\.\d+|2\.10", folder.name):
        return match[0]
    on_path = _version_on_path(environment) or ""
    return on_path if on_path.startswith("3") else "3.0"


def _bases(environment: Mapping[str, str], platform: str) -> list[tuple[Path, str]]:
    home = _home(environment, platform)
    if platform == "win32":
        return [(Path(environment.get("APPDATA") or home / "AppData" / "Roaming") / "GIMP", "")]
    if platform == "darwin":
        return [(home / "Library" / "Application Support" / "GIMP", "")]
    return [
        (Path(environment.get("XDG_CONFIG_HOME") or home / ".config") / "GIMP", ""),
        (home / ".var" / "app" / FLATPAK / "config" / "GIMP", "flatpak"),
        (home / "snap" / "gimp" / "current" / ".config" / "GIMP", "snap"),
    ]


def _home(environment: Mapping[str, str], platform: str) -> Path:
    return Path(environment.get("USERPROFILE" if platform == "win32" else "HOME") or Path.home())


def _version_on_path(environment: Mapping[str, str]) -> str | None:
    program = shutil.which("gimp", path=environment.get("PATH"))
    return program_version(program) if program else None


def program_version(program: str) -> str | None:
    """Version of a GIMP program without its last number, such as `3.0`; None if it does not tell."""
    try:
        said = subprocess.run(
            [program, "--version"], capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.search(r"version (\d+)\.(\d+)", said)
    return f"{match[1]}.{match[2]}" if match else None


def console(gimp: Gimp) -> list[str] | None:
    """The words that run a GIMP without a window; None where there is no such program."""
    if gimp.packing == "snap":  # it has no such program, and a GIMP on the PATH is another one
        return None
    if gimp.packing == "flatpak":
        program = shutil.which("flatpak")
        return [program, "run", "--command=gimp-console", FLATPAK] if program else None
    places = [f"gimp-console-{gimp.version}", "gimp-console"]
    if sys.platform == "win32":
        for base in (os.environ.get("PROGRAMFILES", ""), os.environ.get("LOCALAPPDATA", "") + r"\Programs"):
            places.append(rf"{base}\GIMP {gimp.version[0]}\bin\gimp-console-{gimp.version}.exe")
    if sys.platform == "darwin":
        places += [f"/Applications/GIMP{end}.app/Contents/MacOS/gimp-console" for end in ("", "-2.10")]
    for place in places:
        if (program := shutil.which(place)) and program_version(program) == gimp.version:
            return [program]
    return None
