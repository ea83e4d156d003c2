"""Keeps worker processes alive: each that ends is started anew, the sooner the longer it lived."""

from __future__ import annotations

import asyncio
import logging
import os
import shlex
import signal
import subprocess
import sys
import time
from contextlib import suppress
from typing import Any

from pydantic import SecretStr

from .settings import BotSettings

log = logging.getLogger("impasto.bot.supervisor")

LONGEST_PAUSE = 30.0
STEADY = 60.0  # a worker that lived so long did not fail at its start
GRACE = 15.0  # seconds for workers to put their jobs back


class Workers:
    """The workers that this process started."""

    def __init__(self, settings: BotSettings):
        self.settings = settings
        self.environment = environment_for(settings)
        self.processes: list[subprocess.Popen[bytes]] = []

    async def keep_alive(self) -> None:
        """Starts workers for ever."""
        await asyncio.gather(*(self._keep_one() for _ in range(self.settings.workers)))

    async def _keep_one(self) -> None:
        pause = 1.0
        while True:
            began = time.monotonic()
            try:
                process = self._start()
            except OSError as error:  # no memory, too many processes: the other workers go on
                log.error("a worker could not be started (%s); again in %.0f s", error, pause)
                await asyncio.sleep(pause)
                pause = min(LONGEST_PAUSE, 2 * pause)
                continue
            self.processes.append(process)
            while process.poll() is None:
                await asyncio.sleep(0.25)
            self.processes.remove(process)
            pause = 1.0 if time.monotonic() - began > STEADY else min(LONGEST_PAUSE, 2 * pause)
            log.error("worker %s ended with %s; another in %.0f s", process.pid, process.returncode, pause)
            await asyncio.sleep(pause)

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "impasto.bot", "worker", str(os.getpid())],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )

    def stop(self) -> None:
        """Ends all workers: they put their jobs back and go."""
        for process in self.processes:
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + GRACE
        for process in self.processes:
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def environment_for(settings: BotSettings) -> dict[str, str]:
    """A worker's environment: all settings but the token, which it has no use for.

    Passwords go this way too: an argument list is shown to every user of the machine.
    """
    values = {name: value for name, value in os.environ.items() if not name.startswith("IMPASTO_BOT_")}
    for name in BotSettings.model_fields:
        value: Any = getattr(settings, name)
        if value is None or name.startswith(("token", "webhook")):
            continue
        if isinstance(value, SecretStr):
            value = value.get_secret_value()
        elif name == "engine_command":
            value = shlex.join(value)
        elif isinstance(value, list):
            value = ",".join(map(str, value))
        elif name == "data":
            value = value.absolute()
        values[f"IMPASTO_BOT_{name.upper()}"] = value if isinstance(value, str) else str(value)
    return values
