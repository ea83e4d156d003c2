"""The commands: each a function from a message to an answer."""

from __future__ import annotations

import html
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from telegram import Message

from . import keyboards
from .context import Context
from .job import Job
from .replies import say, send_examples, send_sheet
from .texts import span, text

LINES = 20  # of a person's pictures that /queue names


@dataclass(frozen=True)
class Asked:
    """A command that came: where, from whom, in which language, with which words behind it.

    In groups it is answered by a reply, so that everybody sees whose answer it is, and in whose topic.
    """

    chat: int
    person: int
    language: str
    rest: str
    reply_to: int | None = None

    def text(self, key: str, **fields: object) -> str:
        """A text in the asker's language."""
        return text(self.language, key, **fields)


async def answer(context: Context, asked: Asked, words: str, **options: Any) -> None:
    """Says something to whoever asked."""
    await say(context, asked.chat, words, reply_to=asked.reply_to, **options)


async def start(context: Context, asked: Asked) -> None:
    """Two examples and a sentence."""
    await send_examples(context, asked.chat, asked.text("start"), asked.reply_to)


async def help_(context: Context, asked: Asked) -> None:
    """The gallery's sheet, and how everything is done."""
    await send_sheet(
        context, asked.chat, keyboards.gallery_list(context.gallery, asked.language), asked.reply_to
    )
    settings = context.settings
    await answer(
        context,
        asked,
        asked.text(
            "help",
            megabytes=settings.max_bytes // 10**6,
            megapixels=settings.max_pixels // 10**6,
            per_day=settings.per_day,
        ),
    )


async def styles(context: Context, asked: Asked) -> None:
    """The gallery's sheet, with the styles' names."""
    caption = f"{asked.text('styles')}\n\n{keyboards.gallery_list(context.gallery, asked.language)}"
    await send_sheet(context, asked.chat, caption, asked.reply_to)


async def my_styles(context: Context, asked: Asked) -> None:
    """The person's own styles."""
    own = await context.do(context.people.styles, asked.person)
    if own:
        markup = keyboards.own_styles_keyboard(own, asked.person)
        await answer(context, asked, asked.text("mystyles"), reply_markup=markup)
    else:
        await answer(context, asked, asked.text("mystyles_none"))


async def settings(context: Context, asked: Asked) -> None:
    """Strength, colours, language."""
    words = await settings_text(context, asked.person, asked.language)
    await answer(
        context, asked, words, reply_markup=keyboards.settings_keyboard(asked.language, asked.person)
    )


async def settings_text(context: Context, person: int, language: str) -> str:
    """A person's settings, in words."""
    known = await context.do(context.people.get, person)
    colours = text(language, f"colours_{known.colours}")
    return text(language, "settings", strength=keyboards.percent(language, known.strength), colours=colours)


async def queue(context: Context, asked: Asked) -> None:
    """Where the person's pictures stand."""
    rows = await context.do(context.jobs.under_way)
    own = await context.do(context.people.styles, asked.person)
    lines = []
    for row in rows:
        before = row.pop("before")
        job = Job(**row)
        if job.person == asked.person:
            done = keyboards.percent(asked.language, job.progress or 0)
            state = done if job.state == "running" else asked.text("queue_waits")
            style = html.escape(keyboards.styles_title(job, own), quote=False)
            lines.append(asked.text("queue_line", position=before + 1, style=style, state=state))
    if len(lines) > LINES:
        lines[LINES:] = ["…"]
    if not lines:
        lines = [asked.text("queue_empty", others=len(rows))]
    if await context.do(context.people.flag, "paused") == "1":
        lines.append(asked.text("paused"))
    await answer(context, asked, "\n".join(lines))


async def cancel(context: Context, asked: Asked) -> None:
    """Stops all of the person's pictures."""
    stopped = await context.do(context.jobs.cancel, asked.person)
    context.wake.set()
    key = "cancelled_number" if stopped else "nothing_to_cancel"
    await answer(context, asked, asked.text(key, number=len(stopped)))


async def privacy(context: Context, asked: Asked) -> None:
    """What is kept, and for how long."""
    kept = span(asked.language, context.settings.retention_seconds)
    choosing = span(asked.language, context.settings.choosing_seconds)
    await answer(context, asked, asked.text("privacy", kept=kept, choosing=choosing))


async def delete(context: Context, asked: Asked) -> None:
    """Asks once more."""
    markup = keyboards.delete_keyboard(asked.language, asked.person)
    await answer(context, asked, asked.text("delete_sure"), reply_markup=markup)


async def stats(context: Context, asked: Asked) -> None:
    """For admins: people, pictures, the queue."""
    counts = await context.do(context.jobs.counts)
    people = await context.do(context.people.count)
    painted = await context.do(context.people.flag, "painted") or 0
    seconds = (await context.do(context.people.paces)).get("avatar", "–")
    states = ", ".join(f"{state} {number}" for state, number in sorted(counts.items()))
    await answer(
        context,
        asked,
        f"people {people}\npainted {painted}, {seconds} s each\njobs: {states}",
    )


async def ban(context: Context, asked: Asked) -> None:
    """For admins: shuts a person out and cancels what is theirs."""
    await _ban(context, asked, True)


async def unban(context: Context, asked: Asked) -> None:
    """For admins: lets a person in again."""
    await _ban(context, asked, False)


async def _ban(context: Context, asked: Asked, banned: bool) -> None:
    if not asked.rest.isascii() or not asked.rest.isdecimal() or len(asked.rest) > 15:
        await answer(context, asked, "/ban ID, /unban ID")
        return
    person = int(asked.rest)
    await context.do(context.people.ban, person, banned)
    if banned:
        await context.do(context.jobs.cancel, person)
    await answer(context, asked, f"{'banned' if banned else 'unbanned'} {person}")


async def pause(context: Context, asked: Asked) -> None:
    """For admins: workers take no more jobs."""
    await context.do(context.people.set_flag, "paused", "1")
    await answer(context, asked, "paused")


async def resume(context: Context, asked: Asked) -> None:
    """For admins: workers go on."""
    await context.do(context.people.set_flag, "paused", "0")
    await answer(context, asked, "resumed")


Command = Callable[[Context, Asked], Awaitable[None]]

COMMANDS: dict[str, Command] = {
    "start": start,
    "help": help_,
    "styles": styles,
    "mystyles": my_styles,
    "settings": settings,
    "queue": queue,
    "cancel": cancel,
    "privacy": privacy,
    "delete": delete,
}
ADMIN_COMMANDS: dict[str, Command] = {
    "stats": stats,
    "ban": ban,
    "unban": unban,
    "pause": pause,
    "resume": resume,
}


async def on_command(
    context: Context, message: Message, person: int, language: str, name: str, rest: str
) -> None:
    """Runs a command; one that is not known (or not the person's to give) gets the help."""
    known = dict(COMMANDS)
    if person in context.settings.admins and message.chat.type == "private":
        known |= ADMIN_COMMANDS
    command = known.get(name, help_)
    if command is help_ and message.chat.type != "private" and name != "help":
        return
    reply_to = message.message_id if message.chat.type != "private" else None
    await command(context, Asked(message.chat_id, person, language, rest, reply_to))
