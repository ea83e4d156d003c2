"""Sends a person something to read, and the picture of the gallery with its buttons."""

from __future__ import annotations

import logging
from functools import partial
from pathlib import Path
from typing import Any

from telegram import InputMediaPhoto, Message, ReplyParameters

from .context import Context
from .gallery_sheet import sheet_of
from .job import Job
from .keyboards import gallery_keyboard
from .sending import Refusal, Unknown, Unsent
from .texts import text

log = logging.getLogger("impasto.bot.replies")

EXAMPLES = Path(__file__).parent / "examples"
BEFORE_AFTER = (EXAMPLES / "portrait.jpg", EXAMPLES / "cat.jpg")


async def say(context: Context, chat: int, words: str, reply_to: int | None = None, **options: Any) -> None:
    """Sends a text, once: if the answer is lost it is not sent again."""
    send = partial(
        context.bot.send_message,
        chat,
        words,
        parse_mode="HTML",
        reply_parameters=_reply(reply_to),
        **options,
    )
    try:
        await context.sending.call(chat, send, repeatable=False)
    except Unknown as error:
        log.warning("a text may not have arrived: %s", error)
    except Refusal as error:
        log.info("a text was refused: %s", error)


async def ask_for_style(context: Context, job: Job) -> None:
    """Sends the gallery as an answer to the photograph: the message that will become the picture.

    Where an answer was lost the person sees the gallery twice; either's buttons work, and the tapped
    one becomes the picture.
    """
    own = await context.do(context.people.styles, job.person)
    message = await send_sheet(
        context,
        job.chat,
        text(job.language, "choose"),
        reply_to=job.message,
        reply_markup=gallery_keyboard(job, context.gallery, own),
    )
    if message is not None:
        await context.do(context.jobs.set_status_message, job.id, message.message_id)
    else:  # a group that lets nobody send pictures; who blocked the bot is not reached by this either
        await say(context, job.chat, text(job.language, "no_pictures_here"), reply_to=job.message)


async def send_sheet(
    context: Context, chat: int, caption: str, reply_to: int | None = None, **options: Any
) -> Message | None:
    """Sends the sheet of the gallery's styles; Telegram keeps it after the first time."""
    name, sheet = await context.do(sheet_of, context.gallery)

    async def send() -> Message:
        known = await context.do(context.people.flag, name)
        photo = known or sheet
        return await context.bot.send_photo(
            chat, photo, caption=caption, reply_parameters=_reply(reply_to), **options
        )

    for attempt in (1, 2, 3):
        try:
            message = await context.sending.call(chat, send, repeatable=False)
        except Unknown:
            if attempt == 3:
                raise Unsent("three answers lost") from None
            continue
        except Refusal as error:
            known = await context.do(context.people.flag, name)
            if known and "file" in str(error).lower():
                await context.do(context.people.set_flag, name, "")  # Telegram forgot it
                continue
            log.info("the gallery was refused: %s", error)
            return None
        known = await context.do(context.people.flag, name)
        if message.photo and not known:
            await context.do(context.people.set_flag, name, message.photo[-1].file_id)
        return message
    return None


async def send_examples(context: Context, chat: int, caption: str, reply_to: int | None = None) -> None:
    """Sends two pictures, before and after, in one album."""
    name = f"examples:{sum(path.stat().st_size for path in BEFORE_AFTER)}"
    flag = await context.do(context.people.flag, name)
    known = (flag or "").split()

    async def send() -> tuple[Message, ...]:
        media: list[Any] = list(known) or [path.read_bytes() for path in BEFORE_AFTER]
        first = InputMediaPhoto(media[0], caption=caption)
        rest = map(InputMediaPhoto, media[1:])
        return await context.bot.send_media_group(chat, [first, *rest], reply_parameters=_reply(reply_to))

    try:
        messages = await context.sending.call(chat, send, repeatable=False)
    except Unknown as error:
        log.warning("the examples may not have arrived: %s", error)
    except Refusal as error:
        log.info("the examples were refused: %s", error)
        await context.do(context.people.set_flag, name, "")
    else:
        if not known and all(message.photo for message in messages):
            files = " ".join(message.photo[-1].file_id for message in messages)
            await context.do(context.people.set_flag, name, files)


def _reply(message: int | None) -> ReplyParameters | None:
    return ReplyParameters(message, allow_sending_without_reply=True) if message else None
