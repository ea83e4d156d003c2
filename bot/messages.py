"""What is done with a message: a photograph becomes a job, a style is kept, a command answered."""

from __future__ import annotations

import re

from telegram import Message

from . import commands
from .attachments import Attachment, attachment_of, check
from .context import Context
from .own_styles import keep_style, refusal_words, style_name
from .people import Person
from .refused import Refused
from .replies import ask_for_style, say
from .texts import language_for, text

FOR_THE_BANNED = ("privacy", "delete")  # what is kept of them remains theirs


async def on_message(context: Context, message: Message) -> None:
    """Answers a message, or passes it over: in groups only what is addressed to the bot is answered."""
    sender = message.from_user
    if sender is None or sender.is_bot:
        return
    if message.text is None and message.effective_attachment is None:
        return  # no message of a person's: somebody pinned one, joined, changed the chat's picture
    words = (message.text or message.caption or "").strip()
    follows = bool(message.media_group_id) and not words
    words = context.albums.words_of(message, words)
    in_group = message.chat.type != "private"
    command, target, rest = _command(words) if message.text else ("", "", "")
    if in_group and not _addressed(context, words, command, target):
        return
    person = await context.do(context.people.get, sender.id)
    language = person.language or language_for(sender.language_code)
    if command not in FOR_THE_BANNED and await context.do(context.people.is_banned, sender.id):
        if not in_group:
            await say(context, message.chat_id, text(language, "banned"))
        return
    words = re.sub(rf"@{re.escape(context.username)}\b", "", words, flags=re.IGNORECASE).strip()
    style = style_name(words)
    if command and style is None:
        if not target or target.lower() == context.username.lower():
            await commands.on_command(context, message, sender.id, language, command, rest)
        return
    source = message if attachment_of(message, context.settings) else message.reply_to_message
    attachment = attachment_of(source, context.settings)
    if source is None or attachment is None:
        key = "style_of_what" if style is not None else "group_how" if in_group else "not_a_picture"
        await say(context, message.chat_id, text(language, key), reply_to=message.message_id)
    elif style is not None:
        name = "" if follows else style  # an album's pictures do not all bear one name
        await keep_style(context, message, attachment, person, language, name)
    elif source is not message and not in_group:
        await say(context, message.chat_id, text(language, "not_a_picture"))
    else:
        await _begin_job(context, message, attachment, person, language)


def _command(words: str) -> tuple[str, str, str]:
    """Splits `/ban@the_bot 17` into command, bot and the rest."""
    match = re.match(r"/(\w+)(?:@(\w+))?(?:\s+(.*))?$", words, flags=re.DOTALL)
    return (match[1].lower(), match[2] or "", (match[3] or "").strip()) if match else ("", "", "")


def _addressed(context: Context, words: str, command: str, target: str) -> bool:
    if target:
        return target.lower() == context.username.lower()
    if re.search(rf"@{re.escape(context.username)}\b", words, flags=re.IGNORECASE):
        return True
    return command in commands.COMMANDS


async def _begin_job(
    context: Context, message: Message, attachment: Attachment, person: Person, language: str
) -> None:
    try:
        check(attachment, context.settings)
    except Refused as refused:
        words = refusal_words(context, language, refused)
        await say(context, message.chat_id, words, reply_to=message.message_id)
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
