"""Arrays too large for memory: in a file without a name that goes with the process, however it ends."""

from __future__ import annotations

import math
import mmap
import os
import sys
import tempfile
from contextlib import suppress
from typing import Any

import numpy as np

from .errors import ImpastoError


def folder() -> str:
    """Where such files are put: `TMPDIR` or, as /tmp is memory on many systems, /var/tmp."""
    if "TMPDIR" not in os.environ and os.path.isdir("/var/tmp") and os.access("/var/tmp", os.W_OK):
        return "/var/tmp"
    return tempfile.gettempdir()


def make(shape: tuple[int, ...], dtype: Any = "float32", *, on_disk: bool = False) -> np.ndarray:
    """An array of zeros.

    Args:
        shape, dtype: its own.
        on_disk: whether it is a file's memory map; see `release`.

    Raises:
        ImpastoError: the disk has too little space.
    """
    if not on_disk:
        return np.zeros(shape, dtype)
    size = max(math.prod(shape), 1) * np.dtype(dtype).itemsize
    try:
        with tempfile.TemporaryFile(dir=folder(), prefix="impasto-") as file:  # nameless from the start
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, size)  # a full disk is an error here, a crash later
            return np.memmap(file, dtype=dtype, mode="w+", shape=shape)
    except OSError as error:
        raise ImpastoError(
            f"The temporary folder has no room for {size / 1e9:.1f} GB; free some, or set TMPDIR to another"
            f" folder. Received: {folder()} ({error.strerror or error})"
        ) from error


def release(array: np.ndarray) -> None:
    """Takes a file's array out of this process's memory; it stays in the file, and comes back when used."""
    if isinstance(array, np.memmap) and sys.platform != "win32":
        with suppress(AttributeError, ValueError, OSError):
            array._mmap.madvise(mmap.MADV_DONTNEED)  # type: ignore[attr-defined]
