"""The computer that the process runs on: its processor and its memory. Nothing here imports Keras."""

import os
import sys


def describe_processor(runtime: str) -> str:
    """Says in words that the processor works, for what runs there: ``"CPU, 2 cores (TensorFlow)"``."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return f"CPU, {cores} {'core' if cores == 1 else 'cores'} ({runtime})"


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
