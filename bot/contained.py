"""A function run in a process of its own, with limits of memory and time: no file harms more than that.

Each call is a fork of a small server that has imported what is needed, so it costs milliseconds.
"""

from __future__ import annotations

import errno
import multiprocessing
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from typing import Any

import psutil

from impasto.core.failures import out_of_memory

from .disk import is_of_the_disk
from .refused import Refused

LOOK_SECONDS = 0.2  # between two beats
TOO_SLOW, TOO_LARGE = "too_slow_to_read", "too_large_to_paint"

# A Unix socket's whole name has at most 103 bytes (macOS; Linux 107), and multiprocessing adds two names.
LONGEST_FOLDER = 103 - len("/pymp-12345678/listener-12345678")

# Windows has no fork: a process is started anew there, and its memory is not limited.
_context: Any = multiprocessing.get_context("forkserver" if hasattr(os, "fork") else "spawn")


@dataclass(frozen=True)
class Bounds:
    """Bytes of memory beyond what the empty process holds, and seconds."""

    memory: int
    seconds: float


def warm_up(*modules: str) -> None:
    """Starts the server, with modules that later calls need not import."""
    if hasattr(os, "fork"):
        _context.set_forkserver_preload(list(modules))
        _start_server()


def _start_server() -> None:
    """Starts the server; its socket lies in the temporary folder, or in /tmp where that name is too long."""
    chosen = tempfile.tempdir
    if len(tempfile.gettempdir()) > LONGEST_FOLDER:
        tempfile.tempdir = "/tmp"
    try:
        forkserver.ensure_running()
    finally:
        tempfile.tempdir = chosen


def run_contained(
    function: Callable[..., Any], *arguments: Any, bounds: Bounds, beat: Callable[[], None] = lambda: None
) -> Any:
    """Calls a function in a process of its own; returns what it returns.

    Args:
        function: of a module, so that it is found there too.
        *arguments: what can be pickled.
        bounds: beyond which the process is ended.
        beat: called while it runs; what it raises ends the process.

    Raises:
        Refused: by the function; or it took too long, too much memory, or its process ended.
        OSError: the disk refused.
        RuntimeError: any other exception of the function's.
    """
    if hasattr(os, "fork"):
        _start_server()
    mine, its = _context.Pipe(duplex=False)
    process = _context.Process(target=_work, args=(its, function, arguments, bounds), daemon=True)
    process.start()
    its.close()
    deadline = time.monotonic() + bounds.seconds
    try:
        while not mine.poll(LOOK_SECONDS):
            beat()
            if time.monotonic() > deadline:
                raise Refused(TOO_SLOW)
        kind, value = mine.recv()
    except EOFError:
        process.join(5)
        raise Refused(_why(process.exitcode)) from None
    finally:
        mine.close()
        process.kill()
        process.join()
        process.close()
    if kind == "refused":
        raise Refused(value)
    if kind == "disk":
        raise OSError(*value)
    if kind == "fault":
        raise RuntimeError(value)
    return value


def _why(exit_code: int | None) -> str:
    if exit_code == -getattr(signal, "SIGXCPU", 0):
        return TOO_SLOW
    return TOO_LARGE if exit_code == -signal.SIGABRT else "damaged"  # C++ aborts where memory ends


def _work(answer: Connection, function: Callable[..., Any], arguments: Any, bounds: Bounds) -> None:
    _limit(bounds)
    try:
        told: tuple[str, Any] = ("done", function(*arguments))
    except Refused as refused:
        told = ("refused", refused.reason)
    except Exception as error:
        if out_of_memory(error):
            told = ("refused", TOO_LARGE)
        elif is_of_the_disk(error):
            cause = error if isinstance(error, OSError) else error.__cause__
            told = ("disk", (getattr(cause, "errno", None) or errno.EIO, str(error)))
        else:
            told = ("fault", f"{type(error).__name__}: {error}")
    answer.send(told)


def _limit(bounds: Bounds) -> None:
    if sys.platform == "win32":
        return
    import resource

    there = psutil.Process().memory_info().vms
    seconds = int(bounds.seconds) + 1
    for what, most in (
        (resource.RLIMIT_AS, there + bounds.memory),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_CORE, 0),
    ):
        with suppress(ValueError, OSError):  # a lower one is in force
            resource.setrlimit(what, (most, most if what != resource.RLIMIT_CPU else seconds + 5))
