"""What is done with a tap: looked up, checked against its job, carried out, answered."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from telegram import CallbackQuery, InlineKeyboardMarkup, InputMediaPhoto

from . import keyboards, status
from .callbacks import Tap, read_tap
from .commands import settings_text
from .context import Context
from .jobs import Job
from .people import People
from .sending import Refusal, Unsent
from .texts import LANGUAGES, language_for, text

log = logging.getLogger("impasto.bot.buttons")

STEP, LEAST, MOST = 0.15, 0.05, 0.95  # of strength


@dataclass(frozen=True)
class Tapped:
    """A tap on a button of a job's: the job is the tapper's own."""

    chat: int
    message: int
    tap: Tap
    job: Job


async def on_tap(context: Context, query: CallbackQuery) -> None:
    """Answers a tap; whatever it carries, it can only reach what is the tapper's own."""
    tap, message = read_tap(query.data), query.message
    person = await context.do(context.people.get, query.from_user.id)
    language = person.language or language_for(query.from_user.language_code)
    if tap is None or message is None:
        return await _answer(context, query, text(language, "stale"))
    if await context.do(context.people.is_banned, person.person):
        return await _answer(context, query, text(language, "banned"))
    if tap.action in _OWN:
        answer = await _OWN[tap.action](context, query, tap)
        return await _answer(context, query, answer)
    word = f":{tap.word}" if tap.action == "cancel" and tap.word else ""
    job = await context.do(context.jobs.find, f"{message.chat.id}:{tap.message}{word}")
    if job is None:
        return await _answer(context, query, text(language, "expired"), alert=True)
    if job.person != person.person:
        return await _answer(context, query, text(language, "not_yours"), alert=True)
    tapped = Tapped(message.chat.id, message.message_id, tap, job)
    answer = await _JOBS[tap.action](context, tapped)
    await _answer(context, query, answer, alert=tap.action == "how")


async def _answer(context: Context, query: CallbackQuery, words: str, *, alert: bool = False) -> None:
    chat = query.message.chat.id if query.message else query.from_user.id
    try:
        answer = partial(query.answer, words[:200] or None, show_alert=alert)
        await context.sending.call(chat, answer, repeatable=True, patience=10)
    except (Refusal, Unsent) as error:  # too old, or answered before a crash
        log.info("a tap was not answered: %s", error)


# ------------------------------------------------------------ a job's buttons


async def _style(context: Context, tapped: Tapped) -> str:
    return await _choose(context, tapped, [tapped.tap.word])


async def _with(context: Context, tapped: Tapped) -> str:
    first = tapped.job.style_list[:1]
    return await _choose(context, tapped, [*first, tapped.tap.word])


async def _softer(context: Context, tapped: Tapped) -> str:
    return await _again(context, tapped, strength=max(LEAST, round(tapped.job.strength - STEP, 2)))


async def _stronger(context: Context, tapped: Tapped) -> str:
    return await _again(context, tapped, strength=min(MOST, round(tapped.job.strength + STEP, 2)))


async def _colours(context: Context, tapped: Tapped) -> str:
    return await _again(context, tapped, colours="style" if tapped.job.colours == "keep" else "keep")


async def _choose(context: Context, tapped: Tapped, styles: list[str]) -> str:
    own = await context.do(context.people.styles, tapped.job.person)
    if any(name not in context.gallery and f"own:{_number(name)}" != name for name in styles):
        return text(tapped.job.language, "stale")
    if any(name.startswith("own:") and _number(name) not in {one.number for one in own} for name in styles):
        return text(tapped.job.language, "reason_style_gone")
    return await _again(context, tapped, styles=styles)


async def _again(context: Context, tapped: Tapped, styles: list[str] | None = None, **choice: Any) -> str:
    """Sends the job into the queue with another choice."""
    job, language = tapped.job, tapped.job.language
    if styles is not None:
        choice["styles"] = json.dumps(styles)
    elif not job.style_list:
        return text(language, "stale")
    if job.round != tapped.tap.round:
        under_way = job.round == tapped.tap.round + 1 and job.state in ("fetching", "waiting", "running")
        return text(language, "queued" if under_way else "stale")  # a double tap, or a tap replayed
    former = job.status_message
    if former != tapped.message:
        if job.round > 0:
            return text(language, "stale")
        choice["status_message"] = tapped.message  # the gallery came twice; this one was tapped
    done = await context.do(context.jobs.choose, job, context.limits, **choice)
    if done != "queued":
        keys = {"waiting": "limit_waiting", "day": "limit_day"}
        number = {"waiting": context.limits.waiting, "day": context.limits.per_day}.get(done)
        return text(language, keys.get(done, done), number=number)
    context.wake.set()
    if context.tickets and job.source:
        await context.do(context.tickets.defer)
    if former is not None and former != tapped.message:
        await _remove(context, job.chat, former)
    await status.show(context, job.id)
    return text(language, "queued")


async def _remove(context: Context, chat: int, message: int) -> None:
    try:
        delete = partial(context.bot.delete_message, chat, message)
        await context.sending.call(chat, delete, repeatable=True, patience=5)
    except (Refusal, Unsent) as error:
        log.info("a second gallery could not be removed: %s", error)


async def _other(context: Context, tapped: Tapped) -> str:
    return await _show_gallery(context, tapped, "style")


async def _mix(context: Context, tapped: Tapped) -> str:
    return await _show_gallery(context, tapped, "with")


async def _show_gallery(context: Context, tapped: Tapped, action: str) -> str:
    own = await context.do(context.people.styles, tapped.job.person)
    markup = keyboards.gallery_keyboard(tapped.job, context.gallery, own, action, back=True)
    return await _markup(context, tapped, markup, "choose" if action == "style" else "choose_mix")


async def _back(context: Context, tapped: Tapped) -> str:
    return await _markup(context, tapped, keyboards.result_keyboard(tapped.job), "choose")


async def _markup(context: Context, tapped: Tapped, markup: InlineKeyboardMarkup, key: str) -> str:
    if _is_stale(tapped):
        return text(tapped.job.language, "stale")
    edit = partial(context.bot.edit_message_reply_markup, tapped.chat, tapped.message, reply_markup=markup)
    await _edit(context, tapped.chat, edit)
    return text(tapped.job.language, key)


async def _circle(context: Context, tapped: Tapped) -> str:
    return await _show(context, tapped, tapped.job.circle, circle=True)


async def _square(context: Context, tapped: Tapped) -> str:
    return await _show(context, tapped, tapped.job.result, circle=False)


async def _show(context: Context, tapped: Tapped, key: str | None, *, circle: bool) -> str:
    job = tapped.job
    if _is_stale(tapped) or key is None:
        return text(job.language, "stale")
    try:
        data = await context.do(context.pictures.get, key)
    except FileNotFoundError:
        return text(job.language, "expired")
    own = await context.do(context.people.styles, job.person)
    media = InputMediaPhoto(data, caption=text(job.language, "done", style=keyboards.styles_title(job, own)))
    markup = keyboards.result_keyboard(job, circle=circle)

    async def edit() -> Any:
        return await context.bot.edit_message_media(media, tapped.chat, tapped.message, reply_markup=markup)

    await _edit(context, tapped.chat, edit)
    return ""


async def _full(context: Context, tapped: Tapped) -> str:
    """A job of its own: its status message becomes the document."""
    job = tapped.job
    if _is_stale(tapped) or job.state != "painted":
        return text(job.language, "stale")
    whole = await context.do(
        context.jobs.make,
        id=f"{job.id}:full:{job.round}",
        kind="full",
        **{
            name: getattr(job, name)
            for name in (
                *("chat", "message", "person", "is_group", "language", "media", "file_id"),
                *("source", "styles", "strength", "colours"),
            )
        },
    )
    if whole.state != "choosing":
        return text(job.language, "queued")
    if whole.status_message is None:
        message = await status.send_for_full(context, whole)
        await context.do(context.jobs.set_status_message, whole.id, message)
        whole = await context.do(context.jobs.find, whole.id) or whole
    done = await context.do(context.jobs.choose, whole, context.limits)
    if done == "queued":
        context.wake.set()
        if context.tickets:
            await context.do(context.tickets.defer)
        return text(job.language, "queued")
    await context.do(context.jobs.forget, [whole.id])
    await _remove(context, whole.chat, whole.status_message or 0)
    keys = {"waiting": "limit_waiting", "day": "limit_day"}
    number = {"waiting": context.limits.waiting, "day": context.limits.per_day}.get(done)
    return text(job.language, keys.get(done, done), number=number)


async def _how(context: Context, tapped: Tapped) -> str:
    return text(tapped.job.language, "how")


async def _cancel(context: Context, tapped: Tapped) -> str:
    if not await context.do(context.jobs.cancel, tapped.job.person, tapped.job.id):
        return text(tapped.job.language, "nothing_to_cancel")
    context.wake.set()
    return text(tapped.job.language, "stopping")


def _is_stale(tapped: Tapped) -> bool:
    job = tapped.job
    return (
        job.round != tapped.tap.round
        or job.status_message != tapped.message
        or job.state in ("fetching", "waiting", "running")
    )


async def _edit(context: Context, chat: int, edit: Callable[[], Awaitable[Any]]) -> None:
    try:
        await context.sending.call(chat, edit, repeatable=True, patience=15)
    except (Refusal, Unsent) as error:
        log.info("an edit was not made: %s", error)


def _number(name: str) -> int | None:
    digits = name.removeprefix("own:")
    return int(digits) if digits.isascii() and digits.isdecimal() and len(digits) < 16 else None


# ------------------------------------------------------------ a person's own settings


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
    await _rewrite(context, query, words, keyboards.settings_keyboard(language))
    return text(language, "saved")


async def _drop(context: Context, query: CallbackQuery, tap: Tap) -> str:
    people: People = context.people
    person, language = query.from_user.id, await _language(context, query)
    number = _number(tap.word)
    key = await context.do(people.drop_style, person, number) if number is not None else None
    if key is None:
        return text(language, "stale")
    await context.do(context.pictures.delete, key)
    own = await context.do(people.styles, person)
    words = text(language, "mystyles" if own else "mystyles_none")
    await _rewrite(context, query, words, keyboards.own_styles_keyboard(own))
    return text(language, "style_forgotten")


async def _erase(context: Context, query: CallbackQuery, _: Tap) -> str:
    person, language = query.from_user.id, await _language(context, query)
    await context.do(context.people.forget, person)
    await context.do(context.pictures.delete, str(person))
    await _rewrite(context, query, text(language, "deleted"), None)
    return text(language, "deleted")


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
        await _edit(context, message.chat.id, edit)


_OWN = {"set": _set, "drop": _drop, "erase": _erase}
_JOBS = {
    "style": _style,
    "with": _with,
    "softer": _softer,
    "stronger": _stronger,
    "colours": _colours,
    "other": _other,
    "mix": _mix,
    "back": _back,
    "circle": _circle,
    "square": _square,
    "full": _full,
    "how": _how,
    "cancel": _cancel,
}
