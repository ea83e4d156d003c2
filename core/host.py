"""The computer that the process runs on: its processor and its memory. Nothing here imports Keras."""

import contextlib
import ctypes
import os
import sys

_MMAP_THRESHOLD = -3  # glibc's M_MMAP_THRESHOLD, of malloc.h


def describe_processor(runtime: str) -> str:
    """Says in words that the processor works, for what runs there: ``"CPU, 2 cores (TensorFlow)"``."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return f"CPU, {cores} {'core' if cores == 1 else 'cores'} ({runtime})"


def give_back_at_once() -> None:
    """Lets arrays of a megabyte and more go back to the system when they are freed, for the process's life.

    glibc keeps freed ones of up to 32 MB for later ones, which seldom fit: tiles of many shapes would hold
    half as much again as they use. Where there is no glibc, nothing happens.
    """
    if not sys.platform.startswith("linux"):
        return
    with contextlib.suppress(OSError, AttributeError):
        library = ctypes.CDLL(None)
        library.mallopt(_MMAP_THRESHOLD, 1 << 20)
        library.malloc_trim(0)


def resident_memory() -> float:
    """Bytes that this process holds on the host; 0 where that is unknown."""
    try:
        import psutil

        return float(psutil.Process().memory_info().rss)
    except (ImportError, OSError):
        return 0.0


def free_memory_of_host() -> float | None:
    """Bytes that programs may still take without others being swapped out; None where that is unknown."""
    try:
        import psutil

        return float(psutil.virtual_memory().available)
    except (ImportError, OSError):
        return None


def peak_memory() -> int | None:
    """The most memory this process has held on the host so far, in bytes; None where that is unknown."""
    if sys.platform == "win32":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # macOS counts bytes, Linux kibibytes
