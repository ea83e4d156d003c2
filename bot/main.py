"""What `impasto bot run|worker` does, once its words are parsed."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from typing import Any

from impasto.core.errors import ImpastoError, UsageError

from .redaction import passwords_of, start_log
from .settings import BotSettings, read_settings

log = logging.getLogger("impasto.bot")

OPTIONS = ("token_file", "data", "database", "pictures", "workers", "method", "device", "listen", "admins")


def run_command(arguments: argparse.Namespace) -> int:
    """Runs `impasto bot run` or `impasto bot worker`.

    Raises:
        ImpastoError: the settings, the token, the database or the log's place are wrong.
    """
    given: dict[str, Any] = {name: getattr(arguments, name, None) for name in OPTIONS}
    settings = read_settings(**given)
    return run(settings, arguments.action)


def run(settings: BotSettings, action: str, parent: int | None = None) -> int:
    """Runs the bot, or a worker that ends with its parent if it has one; returns the exit status."""
    passwords = passwords_of(settings.database_url, settings.pictures_url)
    if action == "worker":
        from .worker import run_worker

        redact = start_log(settings.log_level, *passwords)
        try:
            return run_worker(settings, parent)
        except ImpastoError as error:
            raise type(error)(redact(str(error))) from None
    token = settings.read_token()
    for name in ("TOKEN", "WEBHOOK_SECRET"):  # they were read; processes of ours have no use for them
        os.environ.pop(f"IMPASTO_BOT_{name}", None)
    secret = settings.webhook_secret.get_secret_value() if settings.webhook_secret else ""
    redact = start_log(settings.log_level, token, token.partition(":")[2], secret, *passwords)
    try:
        from .service import run_bot
    except ImportError as error:
        raise UsageError(
            f'The bot needs packages of its own; run `pip install "impasto[bot]"`. Received: {error}'
        ) from None
    try:
        return run_bot(settings, token)
    except ImpastoError as error:
        raise type(error)(redact(str(error))) from None
    except Exception as error:  # its traceback goes through the log, which redacts
        log.exception("the bot ended by a fault")
        raise ImpastoError(
            f"The bot ended by a fault; its log has the details. Received: {type(error).__name__}"
        ) from None


def main(words: list[str]) -> int:
    """Runs a worker for `python -m impasto.bot`, with settings from the environment alone."""
    try:
        return run(read_settings(), "worker", int(words[1]))
    except ImpastoError as error:
        print(f"impasto: {error}", file=sys.stderr)
        return error.exit_status
