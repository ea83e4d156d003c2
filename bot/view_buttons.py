"""The buttons that show something else at a result: other buttons, the circle, what to do with it."""

from __future__ import annotations

from functools import partial
from typing import Any

from telegram import InlineKeyboardMarkup, InputMediaPhoto

from . import keyboards
from .context import Context
from .tapped import Tapped, make_edit
from .texts import text


async def _other(context: Context, tapped: Tapped) -> str:
    return await _show_gallery(context, tapped, "style")


async def _mix(context: Context, tapped: Tapped) -> str:
    return await _show_gallery(context, tapped, "with")


async def _show_gallery(context: Context, tapped: Tapped, action: str) -> str:
    own = await context.do(context.people.styles, tapped.job.person)
    markup = keyboards.gallery_keyboard(tapped.job, context.gallery, own, action, tapped.tap.word)
    return await _markup(context, tapped, markup, "choose" if action == "style" else "choose_mix")


async def _back(context: Context, tapped: Tapped) -> str:
    markup = keyboards.result_keyboard(tapped.job, circle=tapped.tap.word == "circle")
    return await _markup(context, tapped, markup, "")


async def _markup(context: Context, tapped: Tapped, markup: InlineKeyboardMarkup, key: str) -> str:
    if tapped.is_stale:
        return text(tapped.job.language, "stale")
    edit = partial(context.bot.edit_message_reply_markup, tapped.chat, tapped.message, reply_markup=markup)
    await make_edit(context, tapped.chat, edit)
    return text(tapped.job.language, key) if key else ""


async def _circle(context: Context, tapped: Tapped) -> str:
    return await _show(context, tapped, tapped.job.circle, circle=True)


async def _square(context: Context, tapped: Tapped) -> str:
    return await _show(context, tapped, tapped.job.result, circle=False)


async def _show(context: Context, tapped: Tapped, key: str | None, *, circle: bool) -> str:
    job = tapped.job
    if tapped.is_stale or key is None:
        return text(job.language, "stale")
    try:
        data = await context.do(context.pictures.get, key)
    except FileNotFoundError:
        return text(job.language, "expired")
    own = await context.do(context.people.styles, job.person)
    media = InputMediaPhoto(data, caption=keyboards.result_caption(job, own))
    markup = keyboards.result_keyboard(job, circle=circle)

    async def edit() -> Any:
        return await context.bot.edit_message_media(media, tapped.chat, tapped.message, reply_markup=markup)

    await make_edit(context, tapped.chat, edit)
    return ""


async def _how(context: Context, tapped: Tapped) -> str:
    return text(tapped.job.language, "how")


VIEW_BUTTONS = {
    "other": _other,
    "mix": _mix,
    "back": _back,
    "circle": _circle,
    "square": _square,
    "how": _how,
}
