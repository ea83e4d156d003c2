"""What is said to a person whose message or tap could not be handled, however often it was tried."""

from __future__ import annotations

import logging
from typing import Any

from telegram import Update

from .context import Context
from .replies import say
from .texts import language_for, text

log = logging.getLogger("impasto.bot.updates")


async def apologise(context: Context, body: dict[str, Any]) -> None:
    """Says that something went wrong, once, to whoever sent an update; in groups only to who tapped."""
    try:
        update = Update.de_json(body, context.bot)
        sender, query = update.effective_user, update.callback_query
        if sender is None or sender.is_bot:
            return
        person = await context.do(context.people.get, sender.id)
        words = text(person.language or language_for(sender.language_code), "fault")
        if query is not None:
            await query.answer(words, show_alert=True)
        elif update.message is not None and update.message.chat.type == "private":
            await say(context, update.message.chat_id, words)
    except Exception as error:  # what broke the handling may break this too
        log.warning("nobody could be told of a fault: %s", type(error).__name__)
