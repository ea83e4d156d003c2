"""Keeps secrets out of every line that this process writes: logs, tracebacks, error reports."""

from __future__ import annotations

import logging
import re
import sys
import threading
import traceback
from types import TracebackType
from typing import TextIO
from urllib.parse import parse_qs, unquote, urlsplit

# What a token looks like (Bot API, "Authorizing your bot"), should one come by another way.
_TOKEN = re.compile(r"(?<!\d)\d{3,}:[\w-]{20,}")

# httpx names each URL, and the token in it; those of object stores name signed requests.
TALKATIVE = (
    *("httpx", "httpcore", "telegram", "aiohttp.access", "asyncio"),
    *("botocore", "aiobotocore", "s3fs", "fsspec", "urllib3"),
)


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


class _Handler(logging.StreamHandler[TextIO]):
    def handleError(self, record: logging.LogRecord) -> None:
        """Says that a line is missing; logging itself would print its arguments as they are."""
        print(f"a line of {record.name} could not be logged", file=sys.stderr)


def start_log(level: str, *secrets: str) -> Redactor:
    """Logs to stderr, and redacts there and in what an uncaught error prints.

    Args:
        level: of our own lines; libraries that log addresses are kept at WARNING.
        *secrets: tokens and passwords.
    """
    redact = Redactor(*secrets)
    handler = _Handler(sys.stderr)
    handler.setFormatter(_Formatter(redact))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)

    def write(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        print(redact("".join(traceback.format_exception(kind, error, trace))), file=sys.stderr, end="")

    def write_of_thread(failed: threading.ExceptHookArgs) -> None:
        write(failed.exc_type, failed.exc_value or failed.exc_type(), failed.exc_traceback)

    sys.excepthook, threading.excepthook = write, write_of_thread
    return redact


def passwords_of(*urls: str) -> list[str]:
    """The passwords in URLs of a database or a picture store, as they are written and as they are meant."""
    found: list[str] = []
    for url in urls:
        try:
            parts = urlsplit(url)
            found += [parts.password or "", *parse_qs(parts.query).get("password", [])]
        except ValueError:
            continue
    return [word for one in found if one for word in (one, unquote(one))]
