"""Ends this process, with a traceback in its log, once nothing was heard of it for too long.

The clock is a thread of C's (faulthandler), which no hanging library and no lock of Python's holds up.
"""

from __future__ import annotations

import faulthandler
import time

OFTEN = 1.0  # seconds between two windings


class Watchdog:
    """A clock that must be wound.

    Args:
        seconds: of silence that end the process; 0 for none.
    """

    def __init__(self, seconds: float = 0):
        self.seconds, self.wound = seconds, 0.0

    def wind(self) -> None:
        """Says that the process is alive."""
        now = time.monotonic()
        if self.seconds and now - self.wound >= OFTEN:
            self.wound = now
            faulthandler.dump_traceback_later(self.seconds, exit=True)

    def stop(self) -> None:
        """No silence ends the process any more."""
        if self.seconds:
            faulthandler.cancel_dump_traceback_later()
