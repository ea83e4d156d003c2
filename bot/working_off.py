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
            if is_passing(error):
                log.warning("job %s: %s %s; tried again", job.id, type(error).__name__, error)
                await context.do(context.jobs.later, job, PASSING_PAUSE, counted=False)
            else:
                context.faults += 1
                log.exception("job %s: a fault", job.id)
                await context.do(context.jobs.later, job, FAULT_PAUSE)
        finally:
            busy.discard(job.id)

    async with asyncio.TaskGroup() as group:
        while True:
            for job in await context.do(due):
                if job.id not in busy:
                    busy.add(job.id)
                    group.create_task(one(job))
            await context.sleep(look)
