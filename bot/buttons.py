"""What is done with a tap: looked up, checked against its job, carried out, answered."""

from __future__ import annotations

import logging
from functools import partial

from telegram import CallbackQuery

from .callbacks import read_tap
from .choice_buttons import CHOICE_BUTTONS
from .context import Context
from .own_buttons import OWN_BUTTONS
from .sending import Refusal, Unsent
from .tapped import Tapped
from .texts import language_for, text
from .view_buttons import VIEW_BUTTONS

log = logging.getLogger("impasto.bot.buttons")

JOB_BUTTONS = CHOICE_BUTTONS | VIEW_BUTTONS


async def on_tap(context: Context, query: CallbackQuery) -> None:
    """Answers a tap; whatever it carries, it can only reach what is the tapper's own."""
    tap, message = read_tap(query.data), query.message
    person = await context.do(context.people.get, query.from_user.id)
    language = person.language or language_for(query.from_user.language_code)
    if tap is None or message is None:
        return await _answer(context, query, text(language, "stale"))
    if tap.action != "erase" and await context.do(context.people.is_banned, person.person):
        return await _answer(context, query, text(language, "banned"))
    if tap.action in OWN_BUTTONS:
        if tap.message != person.person:
            return await _answer(context, query, text(language, "not_yours"), alert=True)
        answer = await OWN_BUTTONS[tap.action](context, query, tap)
        return await _answer(context, query, answer)
    word = f":{tap.word}" if tap.action == "cancel" and tap.word else ""
    job = await context.do(context.jobs.find, f"{message.chat.id}:{tap.message}{word}")
    if job is None:
        return await _answer(context, query, text(language, "expired"), alert=True)
    if job.person != person.person:
        return await _answer(context, query, text(language, "not_yours"), alert=True)
    tapped = Tapped(message.chat.id, message.message_id, tap, job)
    answer = await JOB_BUTTONS[tap.action](context, tapped)
    await _answer(context, query, answer, alert=tap.action == "how")


async def _answer(context: Context, query: CallbackQuery, words: str, *, alert: bool = False) -> None:
    chat = query.message.chat.id if query.message else query.from_user.id
    try:
        answer = partial(query.answer, words[:200] or None, show_alert=alert)
        await context.sending.call(chat, answer, repeatable=True, patience=10)
    except (Refusal, Unsent) as error:  # too old, or answered before a crash
        log.info("a tap was not answered: %s", error)
