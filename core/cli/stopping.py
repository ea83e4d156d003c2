"""Ctrl-C and SIGTERM: the first lets the current step end, the second stops at once."""

from __future__ import annotations

import signal
from types import FrameType
from typing import Any

from ..errors import Cancelled
from .common import tell


class Stop:
    """Catches the two signals within a `with` block; call `check` after each step.

    Args:
        picture: whether the work leaves a picture when it is stopped, for what is said.

    Attributes:
        asked: whether one of the signals came.
    """

    SIGNALS = (signal.SIGINT, signal.SIGTERM)

    def __init__(self, picture: bool = True) -> None:
        self.asked, self.picture = False, picture
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Stop:
        try:
            self._before = {number: signal.signal(number, self._caught) for number in self.SIGNALS}
        except ValueError:  # not the main thread: whoever owns that also owns the signals
            self._before = {}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def check(self) -> None:
        """Ends the work.

        Raises:
            Cancelled: a signal came.
        """
        if self.asked:
            raise Cancelled("interrupted")

    def _caught(self, number: int, _: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
        without = ", without a picture" if self.picture else ""
        tell(f"stopping after this step; once more stops at once{without}")
