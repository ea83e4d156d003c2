"""`impasto bot run|worker`: the Telegram bot. Its code is `impasto.bot`, which needs `impasto[bot]`."""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path
from typing import Any

from ..errors import UsageError
from .common import Whole


def add_parser(commands: Any) -> None:
    """Adds the command to `impasto`'s."""
    parser = commands.add_parser(
        "bot",
        help="the Telegram bot: run it, or work for one",
        description="A Telegram bot that paints profile pictures. docs/bot.md has its settings, all of which "
        "can also be given as environment variables IMPASTO_BOT_….",
    )
    parser.set_defaults(run=run)
    actions = parser.add_subparsers(dest="action", metavar="run|worker", required=True)
    bot = actions.add_parser("run", help="run the bot and its workers")
    worker = actions.add_parser("worker", help="paint for a bot that runs on this or another machine")
    bot.add_argument("--token-file", type=Path, metavar="FILE", help="file that holds BotFather's token")
    bot.add_argument("--workers", type=Whole(0), metavar="N", help="worker processes to start (1)")
    bot.add_argument("--admins", metavar="ID,ID", help="people who may use /stats, /ban, /pause")
    bot.add_argument("--listen", metavar="HOST:PORT", help="serve /health, /metrics and a webhook there")
    for one in (bot, worker):
        one.add_argument("--data", type=Path, metavar="FOLDER", help="of database and pictures (impasto-bot)")
        one.add_argument("--database", metavar="URL", help="postgresql://… instead of SQLite")
        one.add_argument("--pictures", metavar="URL", help="shared folder, or s3://… with s3fs installed")
        one.add_argument("--method", metavar="NAME", help="auto, instant, refine or optimise")
        one.add_argument("--device", metavar="WHERE", help="cpu, gpu or gpu:1")


def run(arguments: argparse.Namespace) -> int:
    """Runs the command; returns the exit status."""
    try:
        main = importlib.import_module("impasto.bot.main")
    except ImportError as error:
        raise UsageError(
            f'The bot needs packages of its own; run `pip install "impasto[bot]"`. Received: {error}'
        ) from None
    return main.run_command(arguments)
