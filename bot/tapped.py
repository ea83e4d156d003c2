"""A tap on a job's buttons, and what all that follow one share."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from .callbacks import Tap
from .context import Context
from .job import ACTIVE, Job
from .sending import Refusal, Unsent

log = logging.getLogger("impasto.bot.buttons")


@dataclass(frozen=True)
class Tapped:
    """A tap on a button of a job's: the job is the tapper's own."""

    chat: int
    message: int
    tap: Tap
    job: Job

    @property
    def is_stale(self) -> bool:
        """Whether the job has gone on since the buttons were made, or is going on now."""
        job = self.job
        return job.round != self.tap.round or job.status_message != self.message or job.state in ACTIVE


async def make_edit(context: Context, chat: int, edit: Callable[[], Awaitable[Any]]) -> None:
    """Makes an edit; one that cannot be made is not worth more than a line in the log."""
    try:
        await context.sending.call(chat, edit, repeatable=True, patience=15)
    except (Refusal, Unsent) as error:
        log.info("an edit was not made: %s", error)


async def remove(context: Context, chat: int, message: int) -> None:
    """Deletes a message of ours."""
    try:
        delete = partial(context.bot.delete_message, chat, message)
        await context.sending.call(chat, delete, repeatable=True, patience=5)
    except (Refusal, Unsent) as error:
        log.info("a message could not be removed: %s", error)


def own_number(name: str) -> int | None:
    """The number of `own:N` or `N`; None for what is none."""
    digits = name.removeprefix("own:")
    return int(digits) if digits.isascii() and digits.isdecimal() and len(digits) < 16 else None
