"""What Python 2.7, in which GIMP 2.10 runs its plug-ins, has by another name or not at all.

The modules that both filters share, this one among them, are written for either Python: `words`,
`problems`, `engine_client`, `work`, `parameters` and `request`.
"""

from __future__ import unicode_literals

import sys
import time

try:
    from queue import Empty, Queue
    from shutil import which
    from time import monotonic
except ImportError:
    from distutils.spawn import find_executable as which
    from time import time as monotonic

    from Queue import Empty, Queue

__all__ = ["Empty", "Queue", "ended_within", "monotonic", "native", "text", "which"]


def native(text):
    """A text as the system's calls want it; bytes in Python 2."""
    if isinstance(text, str):
        return text
    return text.encode(sys.getfilesystemencoding() or "utf-8")


def text(thing):
    """Anything as a text, whatever bytes Python 2 has in it."""
    if isinstance(thing, bytes):
        return thing.decode("utf-8", "replace")
    try:
        return "{}".format(thing)
    except UnicodeError:
        return str(thing).decode("utf-8", "replace")


def ended_within(process, seconds):
    """Waits for a process; returns whether it ended in time."""
    end = monotonic() + seconds
    while process.poll() is None:
        if monotonic() > end:
            return False
        time.sleep(0.02)
    return True
