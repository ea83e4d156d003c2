"""Keeps secrets out of every line that this process writes: logs, tracebacks, error reports."""

from __future__ import annotations

import logging
import re
import sys
import traceback
from types import TracebackType
from urllib.parse import urlsplit

# What a token looks like (Bot API, "Authorizing your bot"), should one come by another way.
_TOKEN = re.compile(r"(?<!\d)\d{3,}:[\w-]{20,}")


class Redactor:
    """Replaces secrets in text.

    Args:
        secrets: words that must never be written; empty ones are passed over.
    """

    def __init__(self, *secrets: str):
        self.secrets = sorted((secret for secret in secrets if secret), key=len, reverse=True)

    def __call__(self, text: str) -> str:
        """Returns the text with `<secret>` for each secret in it."""
        for secret in self.secrets:
            text = text.replace(secret, "<secret>")
        return _TOKEN.sub("<secret>", text)


class _Formatter(logging.Formatter):
    def __init__(self, redact: Redactor):
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")
        self.redact = redact

    def format(self, record: logging.LogRecord) -> str:
        return self.redact(super().format(record))  # with the traceback, which is part of it


def start_log(level: str, *secrets: str) -> Redactor:
    """Logs to stderr, and redacts there and in what an uncaught error prints.

    Args:
        level: of our own lines; libraries that log addresses are kept at WARNING.
        *secrets: tokens and passwords.
    """
    redact = Redactor(*secrets)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Formatter(redact))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in ("httpx", "httpcore", "telegram", "aiohttp.access", "asyncio"):
        logging.getLogger(name).setLevel(logging.WARNING)  # httpx names each URL, and the token in it

    def write(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        print(redact("".join(traceback.format_exception(kind, error, trace))), file=sys.stderr, end="")

    sys.excepthook = write
    return redact


def password_of(url: str) -> str:
    """The password in a database's URL, empty if there is none."""
    try:
        return urlsplit(url).password or ""
    except ValueError:
        return ""
