"""The engine's temporary folder: named after its process, and swept by the next where that died."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

from .errors import ImpastoError

PREFIX = "impasto-engine-"


def make_folder() -> Path:
    """Makes a folder that only this user can read, after sweeping those of dead engines.

    Raises:
        ImpastoError: there is no place for it.
    """
    try:
        sweep()
        return Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
    except OSError as error:
        raise ImpastoError(
            f"The temporary folder cannot be made ({error.strerror or error}); free space, or set TMPDIR to "
            f"a folder that can be written. Received: {tempfile.tempdir}"
        ) from error


def sweep(prefix: str = PREFIX) -> None:
    """Deletes this user's folders whose process does not live any more.

    Args:
        prefix: of their names; the process's number follows it, then a hyphen.
    """
    for folder in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
        pid = folder.name.removeprefix(prefix).partition("-")[0]
        if not pid.isdecimal() or folder.is_symlink() or is_alive(int(pid)):
            continue
        try:
            own = not hasattr(os, "getuid") or folder.stat().st_uid == os.getuid()
        except OSError:
            continue
        if own:
            delete(folder)


def delete(folder: Path) -> None:
    """Deletes a folder with all that is in it, as far as that can be done."""
    shutil.rmtree(folder, ignore_errors=True)


def is_alive(pid: int) -> bool:
    """Whether there is a process of that number."""
    if sys.platform == "win32":  # there, signal 0 would end the process
        import ctypes

        windows = ctypes.windll.kernel32
        handle = windows.OpenProcess(0x1000, False, pid)  # PROCESS_QUERY_LIMITED_INFORMATION
        if handle:
            windows.CloseHandle(handle)
        return bool(handle)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
