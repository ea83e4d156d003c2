"""The buttons for what is a person's own: settings, styles, all that is kept of them."""

from __future__ import annotations

from functools import partial
from typing import Any

from telegram import CallbackQuery, InlineKeyboardMarkup

from . import keyboards
from .callbacks import Tap
from .commands import settings_text
from .context import Context
from .job import Job
from .tapped import make_edit, own_number
from .texts import LANGUAGES, language_for, text


async def _set(context: Context, query: CallbackQuery, tap: Tap) -> str:
    person = query.from_user.id
    name, _, value = tap.word.partition(":")
    language = await _language(context, query)
    if name == "strength" and value in {str(one) for one in keyboards.STRENGTHS}:
        await context.do(context.people.set, person, name, float(value))
    elif (name == "colours" and value in ("style", "keep")) or (name == "language" and value in LANGUAGES):
        await context.do(context.people.set, person, name, value)
    else:
        return text(language, "stale")
    language = await _language(context, query)
    words = await settings_text(context, person, language)
    await _rewrite(context, query, words, keyboards.settings_keyboard(language, person))
    return text(language, "saved")


async def _drop(context: Context, query: CallbackQuery, tap: Tap) -> str:
    people = context.people
    person, language = query.from_user.id, await _language(context, query)
    number = own_number(tap.word)
    key = await context.do(people.drop_style, person, number) if number is not None else None
    if key is None:
        return text(language, "stale")
    await context.do(context.pictures.delete, key)
    own = await context.do(people.styles, person)
    words = text(language, "mystyles" if own else "mystyles_none")
    await _rewrite(context, query, words, keyboards.own_styles_keyboard(own, person))
    return text(language, "style_forgotten")


async def _erase(context: Context, query: CallbackQuery, _: Tap) -> str:
    person, language = query.from_user.id, await _language(context, query)
    under_way = await context.do(context.jobs.of_person, person)
    await context.do(context.people.forget, person)
    await context.do(context.pictures.delete, str(person))
    await context.do(context.database.scrub)
    context.wake.set()
    await _rewrite(context, query, text(language, "deleted"), None)
    for job in under_way:  # nothing follows what they say any more
        await _end_waiting(context, job, text(language, "erased"))
    return text(language, "deleted")


async def _end_waiting(context: Context, job: Job, words: str) -> None:
    place: dict[str, Any] = {"chat_id": job.chat, "message_id": job.status_message}
    if job.kind == "full":
        edit = partial(context.bot.edit_message_text, words, **place)
    else:
        edit = partial(context.bot.edit_message_caption, caption=words, **place)
    if job.status_message is not None:
        await make_edit(context, job.chat, edit)


async def _language(context: Context, query: CallbackQuery) -> str:
    person = await context.do(context.people.get, query.from_user.id)
    return person.language or language_for(query.from_user.language_code)


async def _rewrite(
    context: Context, query: CallbackQuery, words: str, markup: InlineKeyboardMarkup | None
) -> None:
    message = query.message
    if message is not None:
        edit = partial(
            context.bot.edit_message_text,
            words,
            message.chat.id,
            message.message_id,
            parse_mode="HTML",
            reply_markup=markup,
        )
        await make_edit(context, message.chat.id, edit)


OWN_BUTTONS = {"set": _set, "drop": _drop, "erase": _erase}
