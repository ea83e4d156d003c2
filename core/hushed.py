"""Keeps TensorFlow's start-up lines from the user's terminal."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def hushed() -> Iterator[None]:
    """Keeps from stderr what TensorFlow prints there, in C++ and unasked, while it is imported.

    `TF_CPP_MIN_LOG_LEVEL=0` shows it. Where the import fails, all of it is shown.
    """
    if os.environ.get("TF_CPP_MIN_LOG_LEVEL") == "0":
        yield
        return
    sys.stderr.flush()
    with tempfile.TemporaryFile() as words:
        before = os.dup(2)
        os.dup2(words.fileno(), 2)
        try:
            yield
        except Exception:
            os.dup2(before, 2)
            words.seek(0)
            os.write(2, words.read())
            raise
        finally:
            os.dup2(before, 2)
            os.close(before)
