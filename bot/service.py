"""The bot's process: polls, handles, fetches, shows, delivers, forgets, and keeps workers alive."""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any

from telegram import Bot, BotCommand
from telegram.error import BadRequest, InvalidToken, TelegramError
from telegram.request import HTTPXRequest

from impasto.core.errors import ImpastoError, UsageError

from .commands import COMMANDS
from .contained import warm_up
from .context import Context
from .database import Database, Unreachable
from .delivery import deliver_all
from .fetching import fetch_jobs
from .pictures import Pictures
from .retention import forget_for_ever
from .schema import make_tables
from .settings import BotSettings
from .status import keep_showing
from .supervisor import Workers
from .texts import LANGUAGES, text
from .updates import KINDS, Dispatcher, poll, watch
from .web import start_web

log = logging.getLogger("impasto.bot")

REAP_SECONDS = 2.0


def run_bot(settings: BotSettings, token: str) -> int:
    """Runs the bot until SIGTERM or SIGINT; returns the exit status.

    Raises:
        ImpastoError: the token was refused, or the database cannot be reached.
    """
    if settings.webhook_url and not (settings.webhook_secret and settings.address[1]):
        raise UsageError(
            "A webhook needs webhook_secret, which Telegram sends along, and listen with a port. "
            "Received: one of them is missing"
        )
    database = Database(settings.database_url)
    make_tables(database)
    warm_up("impasto.bot.preparing")
    context = Context(settings, _bot(settings, token), database, Pictures(settings.pictures_url))
    workers = Workers(settings)
    try:
        return asyncio.run(_serve(context, workers))
    finally:
        workers.stop()
        context.threads.shutdown(wait=False, cancel_futures=True)
        database.close()


def _bot(settings: BotSettings, token: str) -> Bot:
    def request(connections: int) -> HTTPXRequest:
        seconds = settings.send_seconds
        return HTTPXRequest(
            connection_pool_size=connections,
            connect_timeout=min(10.0, seconds),
            pool_timeout=30.0,
            read_timeout=seconds,
            write_timeout=seconds,
            media_write_timeout=3 * seconds,
        )

    base = settings.api_url.rstrip("/")
    return Bot(
        token,
        base_url=f"{base}/bot",
        base_file_url=f"{base}/file/bot",
        request=request(64),
        get_updates_request=request(1),
    )


async def _serve(context: Context, workers: Workers) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        with suppress(NotImplementedError):  # Windows
            loop.add_signal_handler(number, stop.set)
    main = asyncio.create_task(_run(context, workers))
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait({main, stopped}, return_when=asyncio.FIRST_COMPLETED)
    if stopped.done():
        log.info("stopping")
        main.cancel()
    stopped.cancel()
    (result,) = await asyncio.gather(main, return_exceptions=True)
    if isinstance(result, BaseExceptionGroup) and result.subgroup(InvalidToken):
        raise ImpastoError(
            "Telegram refuses the bot's token; get it from BotFather anew. Received: the token given"
        )
    if result is not None and not isinstance(result, asyncio.CancelledError):
        raise result
    return 0


async def _run(context: Context, workers: Workers) -> None:
    if context.database.is_postgres:
        from .tickets import Tickets

        context.tickets = await context.do(Tickets, context.settings.database_url)
    dispatcher = Dispatcher(context)
    context.polled = time.monotonic()
    web = await start_web(context, dispatcher)
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(_supervised("workers", workers.keep_alive))
            group.create_task(_supervised("lost leases", partial(_reap, context)))
            await _introduce(context)
            # What a crash left goes first; only then come new updates.
            dispatcher.take(await context.do(context.inbox.waiting))
            for name, work in (
                ("fetching", fetch_jobs),
                ("status", keep_showing),
                ("delivery", deliver_all),
                ("retention", forget_for_ever),
            ):
                group.create_task(_supervised(name, partial(work, context), context))
            updates = (
                partial(watch, context)
                if context.settings.webhook_url
                else partial(poll, context, dispatcher)
            )
            group.create_task(_supervised("updates", updates, context))
            log.info("running as @%s", context.username)
    finally:
        await context.files.aclose()
        if web is not None:
            await web.cleanup()


async def _supervised(name: str, work: Callable[[], Awaitable[None]], context: Context | None = None) -> None:
    """Runs a task for ever: one that fails is started again; only a revoked token ends the bot."""
    pause = 0.5
    while True:
        began = time.monotonic()
        try:
            await work()
        except (asyncio.CancelledError, InvalidToken):
            raise
        except Unreachable as error:
            log.error("%s: %s; started again", name, error)
        except Exception:
            log.exception("%s: a fault; started again", name)
            if context is not None:
                context.faults += 1
        pause = 0.5 if time.monotonic() - began > 60 else min(30.0, 2 * pause)
        await asyncio.sleep(pause)


async def _introduce(context: Context) -> None:
    """Learns the bot's name, sets or removes the webhook, names the commands; waits out an outage."""
    context.username = (await _insisted(context.bot.get_me)).username or ""
    settings = context.settings
    if settings.webhook_url:
        secret = settings.webhook_secret.get_secret_value() if settings.webhook_secret else None
        set_hook = partial(
            context.bot.set_webhook, settings.webhook_url, allowed_updates=KINDS, secret_token=secret
        )
        await _insisted(set_hook)
    else:
        await _insisted(context.bot.delete_webhook)
    for language in LANGUAGES:
        commands = [BotCommand(name, text(language, f"command_{name}")) for name in COMMANDS]
        code = None if language == "en" else language
        with suppress(TelegramError):  # the menu is a nicety
            await context.bot.set_my_commands(commands, language_code=code)


async def _insisted(call: Callable[[], Awaitable[Any]]) -> Any:
    pause = 0.5
    while True:
        try:
            return await call()
        except (InvalidToken, BadRequest):
            raise
        except TelegramError as error:
            log.warning("Telegram cannot be reached: %s", type(error).__name__)
        await asyncio.sleep(pause)
        pause = min(30.0, 2 * pause)


async def _reap(context: Context) -> None:
    while True:
        reaped = await context.do(context.queue.reap)
        if reaped:
            log.warning("%s jobs of workers that fell silent were put back", reaped)
        if context.tickets:
            counts = await context.do(context.jobs.counts)
            await context.do(context.tickets.top_up, counts.get("waiting", 0))
        await asyncio.sleep(REAP_SECONDS)
