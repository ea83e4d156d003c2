"""The status messages: place in the queue, progress, time left, edited no oftener than Telegram likes."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import Any

from telegram import ReplyParameters

from .context import Context
from .database import Row
from .job import ACTIVE, Job
from .keyboards import cancel_keyboard, percent
from .pace import seconds_until_done
from .sending import Refusal, Unknown, Unsent
from .texts import text

log = logging.getLogger("impasto.bot.status")

GROUP_PAUSE = 4.0  # seconds between edits in a group: Telegram allows twenty messages a minute there
ANSWER_SECONDS = 8.0  # a progress edit is not worth waiting longer for


async def keep_showing(context: Context) -> None:
    """Shows for ever how jobs stand."""
    shown: dict[str, tuple[int, str]] = {}
    async with asyncio.TaskGroup() as group:
        while True:
            rows = await context.do(context.jobs.under_way)
            known = await context.do(context.people.paces) if rows else {}
            is_paused = bool(rows) and await context.do(context.people.flag, "paused") == "1"
            workers = _workers(context, rows)
            shown = {row["id"]: shown[row["id"]] for row in rows if row["id"] in shown}
            for row in rows:
                job = Job(**{name: value for name, value in row.items() if name != "before"})
                seconds = seconds_until_done(rows, job.id, known, workers)
                words = status_words(job, row["before"], seconds, is_paused=is_paused)
                pause = max(context.settings.progress_seconds, GROUP_PAUSE if job.is_group else 0)
                if shown.get(job.id) != (job.round, words) and context.sending.free_to_edit(job.chat, pause):
                    shown[job.id] = (job.round, words)
                    group.create_task(_edit(context, job, words))
            await asyncio.sleep(0.5)


def _workers(context: Context, rows: list[Row]) -> int:
    """How many paint at once; of workers on other machines only those at work are known."""
    return max(1, context.settings.workers, sum(row["state"] == "running" for row in rows))


def status_words(job: Job, before: int, seconds: float, *, is_paused: bool = False) -> str:
    """What the status message says.

    Args:
        job: in the queue or at work.
        before: how many come first.
        seconds: until it is done; 0 if unknown.
        is_paused: whether an admin had painting paused.
    """
    if job.state == "fetching":
        return text(job.language, "fetching")
    if job.state == "running":
        if not job.progress:
            return text(job.language, "begun")
        left = "" if job.seconds_left is None or job.progress >= 1 else _left(job.language, job.seconds_left)
        return text(job.language, "running", percent=percent(job.language, job.progress), left=left)
    if is_paused:
        return text(job.language, "paused")
    left = _left(job.language, seconds) if seconds else ""
    return text(job.language, "waiting" if before else "next", before=before, left=left)


def _left(language: str, seconds: float) -> str:
    if seconds >= 90:
        return text(language, "left_minutes", number=round(seconds / 60))
    return text(language, "left_seconds", number=max(1, round(seconds)))


async def show(context: Context, number: str) -> None:
    """Shows at once how a job stands that was just put into the queue."""
    is_paused = await context.do(context.people.flag, "paused") == "1"
    for row in await context.do(context.jobs.under_way):
        before = row.pop("before")
        if row["id"] == number:
            job = Job(**row)
            await _edit(context, job, status_words(job, before, 0, is_paused=is_paused))


async def _edit(context: Context, job: Job, words: str) -> None:
    async def edit() -> Any:
        # Looked up when it is this chat's turn: what was delivered meanwhile must not be written over.
        now = await context.do(context.jobs.find, job.id)
        if now is None or now.round != job.round or now.state not in ACTIVE:
            return None
        bot = context.bot
        place: dict[str, Any] = {"chat_id": job.chat, "message_id": job.status_message}
        options: dict[str, Any] = {"reply_markup": cancel_keyboard(job), "read_timeout": ANSWER_SECONDS}
        if job.kind == "full":
            return await bot.edit_message_text(words, **place, **options)
        return await bot.edit_message_caption(caption=words, **place, **options)

    try:
        await context.sending.call(job.chat, edit, repeatable=True, patience=0)
    except Unsent:
        pass  # the next one will say more
    except Refusal as refusal:
        if refusal.blocked:
            await context.do(context.jobs.cancel_left, job)
        elif refusal.gone:  # whoever deletes the message does not want the picture
            await context.do(context.jobs.cancel, job.person, job.id)
        elif not refusal.same:
            log.warning("job %s: its status was refused: %s", job.id, refusal)


async def send_for_full(context: Context, job: Job) -> int:
    """Sends the message that will become the document; returns its id.

    Raises:
        Unsent: it could not be sent now.
    """
    send = partial(
        context.bot.send_message,
        job.chat,
        text(job.language, "full_status"),
        reply_parameters=ReplyParameters(job.message, allow_sending_without_reply=True),
    )
    for _ in range(3):
        try:
            return (await context.sending.call(job.chat, send, repeatable=False)).message_id
        except Unknown:
            continue
        except Refusal as refusal:
            raise Unsent(str(refusal)) from None
    raise Unsent("three answers lost")
