"""Hands out what was painted, by editing the job's status message: done twice it is done once."""

from __future__ import annotations

import logging
from typing import Any

from telegram import InlineKeyboardMarkup, InputMediaDocument, InputMediaPhoto

from .context import Context
from .job import Job
from .keyboards import gallery_keyboard, result_caption, result_keyboard
from .sending import Refusal
from .texts import text
from .working_off import work_off

log = logging.getLogger("impasto.bot.delivery")

AT_ONCE = 16
REFUSALS = 4  # of a result, outages not counted; then the person is told instead


async def deliver_all(context: Context) -> None:
    """Tells people for ever what became of their jobs."""
    await work_off(context, context.jobs.to_tell, _deliver, at_once=AT_ONCE, look=0.2)


async def _deliver(context: Context, job: Job) -> None:
    edit = await _edit_for(context, job)
    try:
        patience = 1.5 * context.settings.send_seconds
        await context.sending.call(job.chat, edit, repeatable=True, patience=patience)
    except Refusal as refusal:
        if refusal.blocked:
            await context.do(context.jobs.cancel_left, job)
        elif not refusal.gone and not refusal.same and job.tries < REFUSALS:
            log.warning("job %s: its result was refused: %s", job.id, refusal)
            await context.do(context.jobs.later, job, 2.0**job.tries)
            return
    await context.do(context.jobs.told, job)
    log.info("job %s, round %s: %s", job.id, job.round, job.state)


async def _edit_for(context: Context, job: Job) -> Any:
    """The edit that tells of a job's end; its pictures are read once, however often it is tried."""
    own = await context.do(context.people.styles, job.person)
    place: dict[str, Any] = {"chat_id": job.chat, "message_id": job.status_message}
    if job.state == "painted" and job.tries < REFUSALS:
        try:
            data = await context.do(context.pictures.get, job.result or "")
        except FileNotFoundError:
            return _words_for(context, job, place, own, text(job.language, "expired"))
        markup: InlineKeyboardMarkup | None = None
        if job.kind == "full":
            name = f"impasto.{(job.result or '').rpartition('.')[2]}"
            media: Any = InputMediaDocument(data, caption=result_caption(job, own), filename=name)
        else:
            media = InputMediaPhoto(data, caption=result_caption(job, own))
            markup = result_keyboard(job)
        return lambda: context.bot.edit_message_media(
            media, **place, reply_markup=markup, write_timeout=3 * context.settings.send_seconds
        )
    if job.state == "cancelled":
        words = text(job.language, "cancelled")
    else:
        megabytes = context.settings.max_bytes // 10**6
        error = "undelivered" if job.state == "painted" else job.error or "crash"
        reason = text(job.language, f"reason_{error}", megabytes=megabytes)
        words = text(job.language, "failed", reason=reason)
    return _words_for(context, job, place, own, words)


def _words_for(context: Context, job: Job, place: dict[str, Any], own: list[Any], words: str) -> Any:
    if job.kind == "full":
        return lambda: context.bot.edit_message_text(words, **place)
    markup = gallery_keyboard(job, context.gallery, own)
    return lambda: context.bot.edit_message_caption(caption=words, **place, reply_markup=markup)
