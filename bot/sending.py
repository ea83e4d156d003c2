"""Calls to the Bot API that wait for one another where they must, and fail in ways that are told apart.

Telegram allows about 30 messages a second overall, one a second in a chat and twenty a minute in a
group; a flood wait in one chat holds up that chat alone.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

import httpx
from aiolimiter import AsyncLimiter
from telegram.error import BadRequest, ChatMigrated, Forbidden, InvalidToken, NetworkError, RetryAfter

T = TypeVar("T")

log = logging.getLogger("impasto.bot.sending")

OVERALL = 30  # messages a second, Bot API's FAQ
CHATS_REMEMBERED = 10_000
_UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)


class Unsent(Exception):
    """The call was certainly not carried out, though it was tried for as long as was allowed."""


class Unknown(Exception):
    """The call was sent and its answer lost: it may have been carried out or not."""


class Refusal(Exception):
    """Telegram refused the call; `gone` if there is no such message, `blocked` if the person left."""

    def __init__(self, text: str, *, gone: bool = False, blocked: bool = False, same: bool = False):
        super().__init__(text)
        self.gone, self.blocked, self.same = gone, blocked, same


class _Chat:
    def __init__(self) -> None:
        self.lock, self.held_until, self.edited = asyncio.Lock(), 0.0, 0.0


class Sending:
    """The gate that all calls go through."""

    def __init__(self) -> None:
        self.overall = AsyncLimiter(OVERALL, 1)
        self.chats: OrderedDict[int, _Chat] = OrderedDict()
        self.counts = {"sent": 0, "flood": 0, "network": 0, "refused": 0}

    def chat(self, number: int) -> _Chat:
        """What is known of a chat's pace; the longest unused of many chats are forgotten."""
        chat = self.chats.setdefault(number, _Chat())
        self.chats.move_to_end(number)
        if len(self.chats) > CHATS_REMEMBERED:
            oldest, state = next(iter(self.chats.items()))
            if not state.lock.locked() and state.held_until < time.monotonic():
                del self.chats[oldest]
        return chat

    def free_to_edit(self, number: int, pause: float) -> bool:
        """Whether a progress edit may be made now: not too soon after the last, and nothing under way."""
        chat, now = self.chat(number), time.monotonic()
        return not chat.lock.locked() and now >= chat.held_until and now - chat.edited >= pause

    async def call(
        self,
        number: int,
        method: Callable[[], Awaitable[T]],
        *,
        repeatable: bool,
        patience: float = 60.0,
    ) -> T:
        """Makes a call, again after flood waits and failures that leave no doubt.

        Args:
            number: the chat; its calls are made one at a time.
            method: makes the call; may be called several times.
            repeatable: carried out twice it would do no more than once (an edit, an answer, a deletion).
            patience: seconds to try for.

        Raises:
            Unsent: not carried out.
            Unknown: the answer was lost, and the call is not repeatable.
            Refusal: Telegram will not do it.
            InvalidToken: the token was revoked.
        """
        chat = self.chat(number)
        deadline, pause = time.monotonic() + patience, 0.3
        async with chat.lock:
            while True:
                wait = chat.held_until - time.monotonic()
                if wait > 0:
                    if time.monotonic() + wait > deadline:
                        raise Unsent("flood wait")
                    await asyncio.sleep(wait)
                try:
                    async with self.overall:
                        chat.edited = time.monotonic()
                        result = await method()
                    self.counts["sent"] += 1
                    return result
                except RetryAfter as error:
                    self.counts["flood"] += 1
                    chat.held_until = time.monotonic() + flood_seconds(error)
                    continue
                except (InvalidToken, BadRequest, Forbidden, ChatMigrated) as error:
                    if isinstance(error, InvalidToken):
                        raise
                    self.counts["refused"] += 1
                    raise _refusal(error) from None
                except NetworkError as error:
                    self.counts["network"] += 1
                    if not repeatable and not was_unsent(error):
                        raise Unknown(type(error).__name__) from None
                if time.monotonic() + pause > deadline:
                    raise Unsent("network") from None
                await asyncio.sleep(pause)
                pause = min(10.0, pause * 2)


def was_unsent(error: NetworkError) -> bool:
    """Whether a failed call was certainly not carried out: no connection, or an error as its answer."""
    cause = error.__cause__
    return cause is None or not isinstance(cause, httpx.HTTPError) or isinstance(cause, _UNSENT)


def flood_seconds(error: RetryAfter) -> float:
    """How long Telegram wants to be left alone."""
    wait = error.retry_after
    return wait.total_seconds() if isinstance(wait, timedelta) else float(wait)


def _refusal(error: Exception) -> Refusal:
    text = str(error)
    low = text.lower()
    return Refusal(
        text,
        same="not modified" in low,
        gone=any(words in low for words in ("to edit not found", "can't be edited", "message_id_invalid")),
        blocked=isinstance(error, Forbidden) or "chat not found" in low or "user is deactivated" in low,
    )
