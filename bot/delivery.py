"""Hands out what was painted, by editing the job's status message: done twice it is done once."""

from __future__ import annotations

import logging
from typing import Any

from telegram import InlineKeyboardMarkup, InputMediaDocument, InputMediaPhoto

from .context import Context
from .job import Job
from .keyboards import gallery_keyboard, result_caption, result_keyboard, styles_title
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
    if job.tries < REFUSALS and job.state != "painted" and job.before:
        await context.do(context.jobs.shown_again, job, job.before)
    elif job.tries >= REFUSALS and job.state == "painted":
        await context.do(context.jobs.undelivered, job)
    else:
        await context.do(context.jobs.told, job)
    log.info("job %s, round %s: %s", job.id, job.round, job.state)


async def _edit_for(context: Context, job: Job) -> Any:
    """The edit that tells of a job's end; its pictures are read once, however often it is tried.

    Where nothing came of a later round, the picture that is shown gets its own buttons back.
    """
    own = await context.do(context.people.styles, job.person)
    place: dict[str, Any] = {"chat_id": job.chat, "message_id": job.status_message}
    is_new = job.state == "painted"
    shown = job if is_new else job.before
    if shown is None or job.tries >= REFUSALS:
        return _words_for(context, job, place, own, _words(context, job))
    try:
        data = await context.do(context.pictures.get, shown.result or "")
    except FileNotFoundError:
        words = text(job.language, "expired") if is_new else _words(context, job)
        return _words_for(context, job, place, own, words)
    still = f"{_words(context, job)}\n\n{styles_title(shown, own)}"
    caption = result_caption(shown, own) if is_new else still
    markup: InlineKeyboardMarkup | None = None
    if job.kind == "full":
        name = f"impasto.{(shown.result or '').rpartition('.')[2]}"
        media: Any = InputMediaDocument(data, caption=caption, filename=name)
    else:
        media = InputMediaPhoto(data, caption=caption)
        markup = result_keyboard(shown)
    return lambda: context.bot.edit_message_media(
        media, **place, reply_markup=markup, write_timeout=3 * context.settings.send_seconds
    )


def _words(context: Context, job: Job) -> str:
    """What became of a job of which there is no new picture."""
    if job.state == "cancelled":
        return text(job.language, "cancelled")
    megabytes = context.settings.max_bytes // 10**6
    error = "undelivered" if job.state == "painted" else job.error or "crash"
    reason = text(job.language, f"reason_{error}", megabytes=megabytes)
    return text(job.language, "failed", reason=reason)


def _words_for(context: Context, job: Job, place: dict[str, Any], own: list[Any], words: str) -> Any:
    if job.kind == "full":
        return lambda: context.bot.edit_message_text(words, **place)
    markup = gallery_keyboard(job, context.gallery, own)
    return lambda: context.bot.edit_message_caption(caption=words, **place, reply_markup=markup)
