"""How updates come in: stored first, confirmed then, handled after; each chat's in their order.

python-telegram-bot's own polling keeps updates in memory while the next request confirms them to
Telegram, so a kill loses them. Here the offset moves only over what is in the inbox.
"""

from __future__ import annotations

import asyncio
import logging
import time
import warnings
from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar

from telegram import Update
from telegram.error import Conflict, InvalidToken, NetworkError, RetryAfter, TelegramError
from telegram.warnings import PTBUserWarning

from .apology import apologise
from .buttons import on_tap
from .context import Context
from .database import Unreachable
from .inbox import Letter
from .messages import on_message
from .passing import is_passing
from .sending import Refusal, flood_seconds

T = TypeVar("T")

log = logging.getLogger("impasto.bot.updates")

KINDS = ["message", "callback_query", "my_chat_member"]
AT_ONCE = 64  # chats handled side by side
LONGEST_PAUSE = 60.0
CONFLICT_SECONDS = 600.0  # between two lines about the same conflict


class Dispatcher:
    """Handles letters: chats side by side, one chat's updates one after the other."""

    def __init__(self, context: Context):
        self.context = context
        self.chats: dict[int, deque[Letter]] = {}
        self.places = asyncio.Semaphore(AT_ONCE)
        self.tasks: set[asyncio.Task[None]] = set()

    def take(self, letters: list[Letter]) -> None:
        """Puts letters behind their chats' others."""
        for letter in letters:
            if letter.chat in self.chats:
                self.chats[letter.chat].append(letter)
            else:
                self.chats[letter.chat] = deque([letter])
                task = asyncio.get_running_loop().create_task(self._chat(letter.chat))
                self.tasks.add(task)
                task.add_done_callback(self.tasks.discard)

    async def _chat(self, chat: int) -> None:
        letters, pause = self.chats[chat], 0.5
        while letters:
            try:
                async with self.places:
                    done = await self._handle(letters[0])
            except Exception:  # of which nobody would hear: this task is what the chat is answered by
                self.context.faults += 1
                log.exception("update %s: what became of it could not be noted; later", letters[0].update_id)
                done = False
            if done:
                letters.popleft()
                pause = 0.5
            else:
                await asyncio.sleep(pause)
                pause = min(LONGEST_PAUSE, 2 * pause)
        del self.chats[chat]

    async def _handle(self, letter: Letter) -> bool:
        """Handles an update; returns whether it need not be tried again."""
        context = self.context
        try:
            await handle(context, letter.body)
        except InvalidToken:
            return False  # polling will find out
        except Exception as error:
            if is_passing(error):
                log.warning("update %s: %s %s; later", letter.update_id, type(error).__name__, error)
                return False
            context.faults += 1
            log.exception("update %s: a fault", letter.update_id)
            again = await self._noted(context.inbox.failed, letter)
            if not again:
                await apologise(context, letter.body)
            return not again
        context.handled += 1
        await self._noted(context.inbox.done, letter)
        return True

    async def _noted(self, note: Callable[[int], T], letter: Letter) -> T:
        """Writes down what became of an update, however long the database is out of reach."""
        while True:
            try:
                return await self.context.do(note, letter.update_id)
            except Unreachable as error:
                log.warning("update %s: %s", letter.update_id, error)


async def handle(context: Context, body: dict[str, Any]) -> None:
    """Handles one update, as it came; what is of no kind of ours is passed over."""
    try:
        update = Update.de_json(body, context.bot)
    except Exception as error:  # a shape that no Telegram sends, and nothing that a repeat would mend
        log.warning("an update could not be read: %s", type(error).__name__)
        return
    try:
        if update.callback_query:
            await on_tap(context, update.callback_query)
        elif update.message:
            await on_message(context, update.message)
        elif update.my_chat_member:
            change = update.my_chat_member
            if change.new_chat_member.status in ("kicked", "left"):  # blocked, or sent out of a group
                if change.chat.type == "private":
                    await context.do(context.jobs.cancel, change.from_user.id)
                else:
                    await context.do(context.jobs.cancel_in, change.chat.id)
    except Refusal as refusal:
        log.info("an answer was refused: %s", refusal)


async def poll(context: Context, dispatcher: Dispatcher) -> None:
    """Fetches updates for ever.

    Raises:
        InvalidToken: the token is none, or was revoked.
    """
    offset = await context.do(context.inbox.offset)
    pause, conflict_told = 1.0, -CONFLICT_SECONDS
    while True:
        try:
            updates = await _get_updates(context, offset)
        except InvalidToken:
            raise
        except RetryAfter as error:
            await asyncio.sleep(flood_seconds(error))
        except Conflict:
            if time.monotonic() - conflict_told >= CONFLICT_SECONDS:
                conflict_told = time.monotonic()
                log.error(
                    "another process polls with this bot's token, or a webhook is set: Telegram hands "
                    "updates to one alone. End the other; this one keeps trying"
                )
            await asyncio.sleep(pause)
            pause = min(LONGEST_PAUSE, 2 * pause)
        except (NetworkError, TelegramError) as error:
            log.warning("no updates: %s", type(error).__name__)
            await asyncio.sleep(pause)
            pause = min(LONGEST_PAUSE, 2 * pause)
        else:
            context.polled, pause = time.monotonic(), 1.0
            if updates:
                new = await receive(context, dispatcher, updates)
                # Lower than before where Telegram numbers anew, as it does after a week without updates.
                offset = await context.do(context.inbox.offset)
                if not new:
                    await asyncio.sleep(1)  # repeats, or what has no number and cannot be confirmed


async def watch(context: Context) -> None:
    """Asks Telegram for ever who we are: behind a webhook nothing else tells of an outage or a lost token.

    Raises:
        InvalidToken: the token was revoked.
    """
    while True:
        try:
            await context.bot.get_me()
            context.polled = time.monotonic()
        except InvalidToken:
            raise
        except TelegramError as error:
            log.warning("Telegram cannot be reached: %s", type(error).__name__)
        await asyncio.sleep(max(1, context.settings.poll_seconds))


async def receive(context: Context, dispatcher: Dispatcher, updates: list[Any]) -> int:
    """Stores updates, then has them handled; returns how many were new."""
    new = await context.do(context.inbox.keep, updates)
    dispatcher.take(new)
    return len(new)


async def _get_updates(context: Context, offset: int) -> list[Any]:
    seconds = context.settings.poll_seconds
    with warnings.catch_warnings():
        # As they came: one that the library cannot read must not keep the others from us.
        warnings.simplefilter("ignore", PTBUserWarning)
        answer: Any = await context.bot.do_api_request(
            "getUpdates",
            {"offset": offset, "timeout": seconds, "limit": 100, "allowed_updates": KINDS},
            read_timeout=seconds + context.settings.send_seconds,
        )
    return answer if isinstance(answer, list) else []
