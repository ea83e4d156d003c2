"""Keeps from stderr what a C library prints there of a damaged file, which is said in one line of ours."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def silenced() -> Iterator[None]:
    """Sends the process's stderr nowhere, for the moment of a decoder's work.

    libtiff takes no such wish through Pillow. No temporary folder is needed; a closed stderr stays closed.
    """
    try:
        before = os.dup(2)
    except OSError:
        yield
        return
    with suppress(Exception):  # a program may have put any object there
        sys.stderr.flush()
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 2)
        os.close(nowhere)
        yield
    finally:
        os.dup2(before, 2)
        os.close(before)
