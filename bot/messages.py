"""What is done with a message: a photograph becomes a job, a style is kept, a command answered."""

from __future__ import annotations

import logging
import re

from telegram import Message

from . import commands
from .attachments import attachment_of, check
from .context import Context
from .decoding import Refused
from .fetching import fetch
from .people import Person
from .replies import ask_for_style, say
from .texts import STYLE_WORDS, language_for, text

log = logging.getLogger("impasto.bot.messages")


async def on_message(context: Context, message: Message) -> None:
    """Answers a message, or passes it over: in groups only what is addressed to the bot is answered."""
    sender = message.from_user
    if sender is None or sender.is_bot:
        return
    words = (message.text or message.caption or "").strip()
    in_group = message.chat.type != "private"
    command, target, rest = _command(words)
    if in_group and not _addressed(context, message, words, target):
        return
    person = await context.do(context.people.get, sender.id)
    language = person.language or language_for(sender.language_code)
    if await context.do(context.people.is_banned, sender.id):
        if not in_group:
            await say(context, message.chat_id, text(language, "banned"))
        return
    if command and message.text:
        if target and target.lower() != context.username.lower():
            return
        await commands.on_command(context, message, sender.id, language, command, rest)
        return
    words = re.sub(rf"@{re.escape(context.username)}\b", "", words, flags=re.IGNORECASE).strip()
    source = message if attachment_of(message, context.settings) else message.reply_to_message
    is_style = words.partition(" ")[0].lower() in STYLE_WORDS
    if source is None or attachment_of(source, context.settings) is None:
        if not in_group or is_style:
            key = "style_of_what" if is_style else "not_a_picture"
            await say(context, message.chat_id, text(language, key), reply_to=message.message_id)
    elif source is not message and not (is_style or in_group):
        await say(context, message.chat_id, text(language, "not_a_picture"))
    elif is_style:
        await _keep_style(context, message, source, person, language, words.partition(" ")[2].strip())
    else:
        await _begin_job(context, message, source, person, language)


def _command(words: str) -> tuple[str, str, str]:
    """Splits `/ban@the_bot 17` into command, bot and the rest."""
    match = re.match(r"/(\w+)(?:@(\w+))?(?:\s+(.*))?$", words, flags=re.DOTALL)
    return (match[1].lower(), match[2] or "", (match[3] or "").strip()) if match else ("", "", "")


def _addressed(context: Context, message: Message, words: str, target: str) -> bool:
    if target:
        return target.lower() == context.username.lower()
    if re.search(rf"@{re.escape(context.username)}\b", words, flags=re.IGNORECASE):
        return True
    return words.startswith("/") and _command(words)[0] in commands.COMMANDS


async def _begin_job(
    context: Context, message: Message, source: Message, person: Person, language: str
) -> None:
    attachment = attachment_of(source, context.settings)
    if attachment is None:
        return
    try:
        check(attachment, context.settings)
    except Refused as refused:
        await say(context, message.chat_id, _refusal(context, language, refused), reply_to=message.message_id)
        return
    job = await context.do(
        context.jobs.make,
        id=f"{message.chat_id}:{message.message_id}",
        chat=message.chat_id,
        message=message.message_id,
        person=person.person,
        is_group=int(message.chat.type != "private"),
        language=language,
        media=attachment.media,
        file_id=attachment.file_id,
        strength=person.strength,
        colours=person.colours,
    )
    if job.state == "choosing" and job.status_message is None:
        await ask_for_style(context, job)


async def _keep_style(
    context: Context, message: Message, source: Message, person: Person, language: str, name: str
) -> None:
    attachment = attachment_of(source, context.settings)
    if attachment is None:
        return
    own = await context.do(context.people.styles, person.person)
    most = context.settings.styles_per_person
    number = message.message_id
    name = name[:24] or text(language, "own_style", number=len(own) + 1)
    key = f"{person.person}/styles/{number}"
    try:
        check(attachment, context.settings)
        if len(own) >= most and all(style.number != number for style in own):
            words = text(language, "style_full", number=most)
        else:
            data = await fetch(context, attachment.file_id)
            await context.do(context.pictures.put, key, data)
            await context.do(context.people.add_style, person.person, number, name, key, most)
            words = text(language, "style_kept", name=_escaped(name))
    except Refused as refused:
        words = _refusal(context, language, refused)
    await say(context, message.chat_id, words, reply_to=message.message_id)


def _refusal(context: Context, language: str, refused: Refused) -> str:
    megabytes = context.settings.max_bytes // 10**6
    reason = text(language, f"reason_{refused.reason}", megabytes=megabytes)
    return text(language, "failed", reason=reason)


def _escaped(words: str) -> str:
    return words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
