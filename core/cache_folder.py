"""Where Impasto keeps what it can make again: compiled functions and trials of speed.

`$XDG_CACHE_HOME/impasto`, or the system's own folder for such files. It may be deleted at any time.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

LEAST_FREE = 200_000_000  # bytes; on a fuller disk nothing is kept
MOST_ENTRIES = 2000  # compiled functions; about 20 kB each


def cache_folder() -> Path:
    """The folder, which need not exist."""
    if home := os.environ.get("XDG_CACHE_HOME"):
        return Path(home).expanduser() / "impasto"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "impasto"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home()) / "impasto" / "cache"
    return Path.home() / ".cache" / "impasto"


def machine_key(package: str) -> str:
    """A short name for this processor and this version of a package: what is compiled is for both."""
    return hashlib.sha256(f"{processor()} {package} {_version(package)}".encode()).hexdigest()[:16]


def processor() -> str:
    """The processor's name and its sets of instructions, as far as the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return f"{platform.machine()} {platform.processor()}"
    wanted = ("model name", "flags", "Features")
    return " ".join(dict.fromkeys(line for line in lines if line.startswith(wanted)))


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "unknown"


def keep_compiled(backend: str) -> Path | None:
    """Makes TensorFlow or JAX keep compiled functions on disk; before either is imported.

    TensorFlow fails where it cannot write, so it is asked to only where writing works now. Both write
    beside and rename, so several processes may share the folder. What the user's own environment
    says of such a folder stands.

    Args:
        backend: `"tensorflow"`, `"jax"` or another, for which nothing is done.

    Returns:
        The folder, or None.
    """
    flags = os.environ.get("TF_XLA_FLAGS", "")
    if backend not in ("tensorflow", "jax") or "persistent_cache" in flags:
        return None
    folder = cache_folder() / backend / machine_key(backend)
    if not _usable(folder):
        return None
    if backend == "jax":
        os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(folder))
    elif not any(character.isspace() for character in str(folder)):  # the flags are split at blanks
        _prune(folder)
        os.environ["TF_XLA_FLAGS"] = f"{flags} --tf_xla_persistent_cache_directory={folder}".strip()
    return folder


def _usable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return shutil.disk_usage(folder).free > LEAST_FREE
    except OSError:
        return False


def _prune(folder: Path) -> None:
    """Deletes damaged entries, which would end a run, and, of too many, the oldest half.

    What another process is writing just now ends in `.tmp`, and is left alone.
    """
    try:
        entries = sorted((entry.stat().st_mtime, entry) for entry in folder.iterdir())
        surplus = {entry for _, entry in entries[: len(entries) // 2] if len(entries) > MOST_ENTRIES}
        for _, entry in entries:
            if entry in surplus or (entry.suffix == ".pb" and not is_whole(entry)):
                entry.unlink(missing_ok=True)
    except OSError:  # another process cleans at the same time
        pass


def is_whole(entry: Path) -> bool:
    """Whether a function that TensorFlow compiled is in its file to the end.

    TensorFlow writes beside and renames, but waits for no disk: a crash of the system leaves files that
    are empty, cut short, or zeros from some place on. The file is a protocol buffer whose fields are all
    byte strings; the lengths must add up to the file's, and field 3, the machine code, must be among them.
    """
    filled, place, size = set(), 0, entry.stat().st_size
    with entry.open("rb") as file:
        while place < size:
            file.seek(place)
            tag, *rest = file.read(11)  # and a number of at most ten bytes
            if tag & 7 != 2:  # no byte string
                return False
            length, used = _number(rest)
            filled |= {tag >> 3} if length else set()
            place += 1 + used + length
        file.seek(max(size - 8, 0))
        return place == size and 3 in filled and any(file.read())


def _number(data: Sequence[int]) -> tuple[int, int]:
    """The number that bytes of a protocol buffer begin with, and how many of them it takes."""
    value = used = 0
    for used, byte in enumerate(data, 1):
        value |= (byte & 127) << 7 * (used - 1)
        if byte < 128:
            break
    return value, used
