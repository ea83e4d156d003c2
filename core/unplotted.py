"""Imports Keras without Matplotlib, which its plotting helpers would load: half a second of every start."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

HIDDEN = ("matplotlib", "matplotlib.pyplot")


@contextmanager
def unplotted() -> Iterator[None]:
    """Makes importing Matplotlib fail for a while, which Keras takes as "not installed".

    Only `keras.visualization` goes without it then. Where Matplotlib is loaded already nothing is hidden;
    afterwards it can be imported as ever.
    """
    hidden = [name for name in HIDDEN if name not in sys.modules]
    if len(hidden) == len(HIDDEN):
        sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in hidden:
            if sys.modules.get(name, name) is None:
                del sys.modules[name]
