"""What every part of the running bot shares."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httpx
from telegram import Bot

from impasto.core.styles import gallery_names

from .albums import Albums
from .allowance import Allowance
from .database import Database
from .inbox import Inbox
from .jobs import Jobs
from .people import People
from .pictures import Pictures
from .queue import Queue
from .sending import Sending
from .settings import BotSettings
from .turns import Limits

T = TypeVar("T")


@dataclass
class Context:
    """The bot's parts, opened once."""

    settings: BotSettings
    bot: Bot
    database: Database
    pictures: Pictures
    sending: Sending = field(default_factory=Sending)
    albums: Albums = field(default_factory=Albums)
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    username: str = ""
    tickets: Any = None  # wakes workers on other machines, where the database is PostgreSQL
    polled: float = 0.0  # time.monotonic() of the last answer from Telegram
    handled: int = 0
    faults: int = 0

    def __post_init__(self) -> None:
        self.allowance = Allowance(self.settings.download_bytes)
        self.looking = asyncio.Semaphore(1)  # files looked at in processes of their own
        seconds = self.settings.send_seconds
        self.files = httpx.AsyncClient(timeout=httpx.Timeout(seconds, pool=None))
        self.inbox, self.jobs, self.people = Inbox(self.database), Jobs(self.database), People(self.database)
        self.queue = Queue(self.database, self.settings.lease_seconds)
        self.limits = Limits(self.settings.waiting_per_person, self.settings.per_day)
        self.gallery = gallery_names()
        # Threads of their own for the tables: a slow disk or database must not stop the loop.
        self.threads = ThreadPoolExecutor(4, thread_name_prefix="tables")

    async def do(self, function: Callable[..., T], *args: Any, **keys: Any) -> T:
        """Runs what touches tables or files in a thread."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.threads, lambda: function(*args, **keys))

    async def sleep(self, seconds: float) -> None:
        """Waits so long, or until something was put into the queue."""
        try:
            await asyncio.wait_for(self.wake.wait(), seconds)
            self.wake.clear()
        except TimeoutError:
            pass
