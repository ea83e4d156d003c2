"""Gets photographs from Telegram into the picture store; only then may a worker have the job."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from telegram.error import BadRequest, Forbidden, InvalidToken, NetworkError, RetryAfter

from .context import Context
from .disk import FOLDERS
from .job import Job
from .refused import Refused
from .sending import Unsent
from .working_off import work_off

AT_ONCE = 4
PIECE = 1 << 16  # bytes
TRIES = 4  # for a file that Telegram says it does not have
FAULTS = 8  # of our own, or answers of Telegram's that nobody foresaw


@asynccontextmanager
async def fetched(context: Context, file_id: str, expected: int = 0) -> AsyncIterator[Path]:
    """Fetches a file and lends it for as long as the block runs.

    Args:
        context: of the bot.
        file_id: Telegram's.
        expected: bytes, where they are known.

    Raises:
        Unsent: Telegram cannot be reached now; try later.
        Refused: it will not hand the file out, or the file is too large.
    """
    most = context.settings.max_bytes
    async with context.allowance.of(expected or most):
        with tempfile.TemporaryDirectory(prefix=f"{FOLDERS}{os.getpid()}-") as folder:
            path = Path(folder) / "file"
            await _fetch(context, file_id, path, expected or most)
            yield path


async def _fetch(context: Context, file_id: str, path: Path, most: int) -> None:
    timeout = context.settings.send_seconds
    try:
        file = await context.bot.get_file(file_id, read_timeout=timeout)
    except (BadRequest, Forbidden, InvalidToken) as error:
        reason = "too_large_file" if "too big" in str(error).lower() else "unfetched"
        raise Refused(reason) from None
    except (RetryAfter, NetworkError) as error:
        raise Unsent(type(error).__name__) from None
    if not file.file_path:  # optional, says the Bot API; without it there is nothing to ask for
        raise Refused("unfetched")
    if (file.file_size or 0) > most:
        raise Refused("too_large_file")
    if Path(file.file_path).is_file():  # a Bot API server of one's own, on this machine
        await context.do(shutil.copyfile, file.file_path, path)
        return
    try:
        async with context.files.stream("GET", file.file_path) as answer:
            answer.raise_for_status()
            await _write(answer, path, most)
    except httpx.HTTPStatusError as error:
        status = error.response.status_code
        if status == 429 or status >= 500:
            raise Unsent(f"status {status}") from None
        raise Refused("unfetched") from None
    except httpx.HTTPError as error:
        raise Unsent(type(error).__name__) from None


async def _write(answer: httpx.Response, path: Path, most: int) -> None:
    got = 0
    with path.open("wb") as file:
        async for piece in answer.aiter_bytes(PIECE):
            got += len(piece)
            if got > most:
                raise Refused("too_large_file")
            file.write(piece)


async def fetch_jobs(context: Context) -> None:
    """Fetches for ever what jobs wait for."""
    await work_off(context, context.jobs.to_fetch, _fetch_job, at_once=AT_ONCE, look=0.3)


async def _fetch_job(context: Context, job: Job) -> None:
    key = f"{job.folder}/source"
    if job.tries >= FAULTS:
        await context.do(context.jobs.end, job, "failed", "unfetched")
        return
    try:
        async with fetched(context, job.file_id or "") as path:
            await context.do(context.pictures.put_file, key, path)
    except Refused as refused:
        if refused.reason == "unfetched" and job.tries < TRIES:
            await context.do(context.jobs.later, job, 0.5 * 2**job.tries)
        else:
            await context.do(context.jobs.end, job, "failed", refused.reason)
        return
    if not await context.do(context.jobs.fetched, job, key) and not await context.do(
        context.jobs.find, job.id
    ):
        await context.do(context.pictures.delete, job.folder)  # /delete came between
        return
    if context.tickets:
        await context.do(context.tickets.defer)
