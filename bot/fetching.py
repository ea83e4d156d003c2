"""Gets photographs from Telegram into the picture store; only then may a worker have the job."""

from __future__ import annotations

from telegram.error import BadRequest, Forbidden, InvalidToken, NetworkError, RetryAfter

from .context import Context
from .decoding import Refused
from .job import Job
from .sending import Unsent
from .working_off import work_off

AT_ONCE = 4  # of up to 20 MB each
TRIES = 4  # for a file that Telegram says it does not have
FAULTS = 8  # of our own, or answers of Telegram's that nobody foresaw


async def fetch(context: Context, file_id: str) -> bytes:
    """A file's bytes.

    Raises:
        Unsent: Telegram cannot be reached now; try later.
        Refused: it will not hand the file out, or the file is too large.
    """
    timeout = context.settings.send_seconds
    try:
        file = await context.bot.get_file(file_id, read_timeout=timeout)
        if (file.file_size or 0) > context.settings.max_bytes:
            raise Refused("too_large_file")
        if not file.file_path:  # optional, says the Bot API; without it there is nothing to ask for
            raise Refused("unfetched")
        data = await file.download_as_bytearray(read_timeout=timeout)
    except (BadRequest, Forbidden, InvalidToken) as error:  # a 404 of the file server's is an InvalidToken
        reason = "too_large_file" if "too big" in str(error).lower() else "unfetched"
        raise Refused(reason) from None
    except (RetryAfter, NetworkError) as error:
        raise Unsent(type(error).__name__) from None
    if len(data) > context.settings.max_bytes:
        raise Refused("too_large_file")
    return bytes(data)


async def fetch_jobs(context: Context) -> None:
    """Fetches for ever what jobs wait for."""
    await work_off(context, context.jobs.to_fetch, _fetch_job, at_once=AT_ONCE, look=0.3)


async def _fetch_job(context: Context, job: Job) -> None:
    key = f"{job.folder}/source"
    if job.tries >= FAULTS:
        await context.do(context.jobs.end, job, "failed", "unfetched")
        return
    try:
        data = await fetch(context, job.file_id or "")
    except Refused as refused:
        if refused.reason == "unfetched" and job.tries < TRIES:
            await context.do(context.jobs.later, job, 0.5 * 2**job.tries)
        else:
            await context.do(context.jobs.end, job, "failed", refused.reason)
        return
    await context.do(context.pictures.put, key, data)
    if not await context.do(context.jobs.fetched, job, key) and not await context.do(
        context.jobs.find, job.id
    ):
        await context.do(context.pictures.delete, job.folder)  # /delete came between
        return
    if context.tickets:
        await context.do(context.tickets.defer)
