"""A picture that a person sends as a style of their own: looked at, kept, and said so."""

from __future__ import annotations

import asyncio
import hashlib
import html
import re
from functools import partial
from pathlib import Path

from telegram import Message

from .attachments import Attachment, check
from .contained import Bounds, run_contained
from .context import Context
from .fetching import fetched
from .people import Person
from .preparing import look_at
from .refused import Refused
from .replies import say
from .texts import STYLE_WORDS, text

LONGEST_NAME = 24  # letters; a button of a telephone shows hardly more
_WORD = "|".join(STYLE_WORDS)
# The word alone, or a name behind a colon or a command: "Style me like Van Gogh!" is no name.
_STYLE = re.compile(rf"(?:/(?:{_WORD})\s+|/?(?:{_WORD})\s*(?:[:：]|[.!。！]*$))(.*)", flags=re.I | re.S)


def style_name(words: str) -> str | None:
    """The name in `style: Name` or `/стиль Name`, perhaps empty; None for words that make no style."""
    match = _STYLE.fullmatch(words)
    return match[1].strip() if match else None


async def keep_style(
    context: Context, message: Message, attachment: Attachment, person: Person, language: str, name: str
) -> None:
    """Keeps a picture as a style, or says why not.

    Args:
        context: of the bot.
        message: that asked for it.
        attachment: the picture.
        person: whose style it will be.
        language: to answer in.
        name: of the style; empty for a number.
    """
    settings = context.settings
    own = await context.do(context.people.styles, person.person)
    most, number = settings.styles_per_person, style_number(message.chat_id, message.message_id)
    name = name[:LONGEST_NAME].strip() or text(language, "own_style", number=len(own) + 1)
    key = f"{person.person}/styles/{number}"
    try:
        check(attachment, settings)
        if len(own) >= most and all(style.number != number for style in own):
            words = text(language, "style_full", number=most)
        else:
            async with fetched(context, attachment.file_id, attachment.bytes) as path:
                notice = await _looked_at(context, path)
                await context.do(context.pictures.put_file, key, path)
            await context.do(context.people.add_style, person.person, number, name, key, most)
            words = text(language, "style_kept", name=html.escape(name, quote=False))
            if notice or attachment.media == "video":
                words += f" {text(language, 'style_first_frame')}"
    except Refused as refused:
        words = refusal_words(context, language, refused)
    await say(context, message.chat_id, words, reply_to=message.message_id)


async def _looked_at(context: Context, path: Path) -> str:
    """The key of a notice about a file; one after another, each in a process that can harm nothing."""
    settings = context.settings
    bounds = Bounds(settings.decode_bytes, settings.decode_seconds)
    words = (str(path), settings.max_pixels, settings.max_ratio)
    async with context.looking:
        return str(await asyncio.to_thread(partial(run_contained, look_at, *words, bounds=bounds)))


def style_number(chat: int, message: int) -> int:
    """A number of its own for a style: messages are numbered anew in each group."""
    if chat > 0:
        return message
    return int.from_bytes(hashlib.sha256(f"{chat}:{message}".encode()).digest()[:6])


def refusal_words(context: Context, language: str, refused: Refused) -> str:
    """Why a picture is not taken, in words."""
    megabytes = context.settings.max_bytes // 10**6
    reason = text(language, f"reason_{refused.reason}", megabytes=megabytes)
    return text(language, "failed", reason=reason)
