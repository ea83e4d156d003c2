"""What the loops that fetch and deliver share: each job that is due is done, side by side, for ever."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from .context import Context
from .job import Job
from .passing import is_passing

log = logging.getLogger("impasto.bot.jobs")

PASSING_PAUSE = 2.0  # seconds until what was out of reach is tried again
FAULT_PAUSE = 5.0


async def work_off(
    context: Context,
    due: Callable[[], list[Job]],
    work: Callable[[Context, Job], Awaitable[None]],
    *,
    at_once: int,
    look: float,
) -> None:
    """Does what is due, for ever; a job that fails is tried again later and holds up no other.

    Args:
        context: of the bot.
        due: looks up the jobs.
        work: does one; what it raises is not lost.
        at_once: jobs side by side.
        look: seconds between two looks.
    """
    busy: set[str] = set()
    places = asyncio.Semaphore(at_once)

    async def one(job: Job) -> None:
        try:
            async with places:
                await work(context, job)
        except Exception as error:
            await put_off(job, error)
        finally:
            busy.discard(job.id)

    async def put_off(job: Job, error: Exception) -> None:
        passing = is_passing(error)
        if passing:
            log.warning("job %s: %s %s; tried again", job.id, type(error).__name__, error)
        else:
            context.faults += 1
            log.error("job %s: a fault", job.id, exc_info=error)
        pause = PASSING_PAUSE if passing else FAULT_PAUSE
        try:
            await context.do(context.jobs.later, job, pause, counted=not passing)
        except Exception:  # it must not end the others, which are under way
            log.exception("job %s: that it waits could not be noted", job.id)
            await asyncio.sleep(pause)

    async with asyncio.TaskGroup() as group:
        while True:
            for job in await context.do(due):
                if job.id not in busy:
                    busy.add(job.id)
                    group.create_task(one(job))
            await context.sleep(look)
