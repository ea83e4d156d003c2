"""An engine process as a worker holds it: started, asked, cancelled, and put down when it hangs.

docs/engine.md has the protocol.
"""

from __future__ import annotations

import json
import logging
import queue
import subprocess
import threading
from contextlib import suppress
from typing import Any

log = logging.getLogger("impasto.bot.engine")

ENDS = ("done", "error", "cancelled")


class EngineDied(Exception):
    """The engine ended in the middle of a painting, or was put down for its silence."""


class Engine:
    """One engine process; start it from a thread that lives as long as it should.

    Args:
        command: words that start it.
        device: `cpu`, `gpu`, `gpu:1`, or None.
        load: what it loads while nothing is asked, `optimise` or `instant`; None for its own choice.
    """

    def __init__(self, command: list[str], device: str | None = None, load: str | None = None):
        words = [*command, *(["--device", device] if device else []), *(["--load", load] if load else [])]
        # In a session of its own: Ctrl-C in a terminal is for whoever holds the engine, not for it.
        self.process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
        )
        self.requests: Any = self.process.stdin
        self.events: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self.last_id = 0
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        with suppress(OSError, ValueError):
            for line in self.process.stdout or ():
                try:
                    event = json.loads(line)
                except ValueError:
                    log.warning("the engine wrote a line that is no event")
                    continue
                if isinstance(event, dict):
                    self.events.put(event)
        self.events.put(None)

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self.process.poll() is None

    def ask(self, command: str, **keys: Any) -> int:
        """Sends a request; returns its id.

        Raises:
            EngineDied: nobody reads.
        """
        self.last_id += 1
        self.send({"id": self.last_id, "command": command} | keys)
        return self.last_id

    def send(self, request: dict[str, Any]) -> None:
        """Writes a request as it is.

        Raises:
            EngineDied: nobody reads.
        """
        try:
            self.requests.write(json.dumps(request).encode() + b"\n")
            self.requests.flush()
        except (OSError, ValueError):
            raise EngineDied(f"exit status {self.process.poll()}") from None

    def event(self, number: int, seconds: float) -> dict[str, Any] | None:
        """The next event of a request; None if there was none for so many seconds.

        Raises:
            EngineDied: the process ended.
        """
        try:
            event = self.events.get(timeout=seconds)
        except queue.Empty:
            return None
        if event is None:
            self.events.put(None)  # whoever asks again is told the same
            raise EngineDied(f"exit status {self.process.wait()}")
        return event if event.get("id") == number else {}

    def close(self, patience: float = 2.0) -> None:
        """Ends the process: by the end of its stdin, after `patience` seconds by force."""
        with suppress(OSError, ValueError):
            self.requests.close()
        try:
            self.process.wait(timeout=patience)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
