"""Forgets: pictures some time after delivery, photographs without a style, traces of nobody."""

from __future__ import annotations

import asyncio
import logging

from .context import Context

log = logging.getLogger("impasto.bot.retention")


async def forget_for_ever(context: Context) -> None:
    """Sweeps now and then; pictures go within a twentieth of their time after it."""
    pause = min(60.0, max(0.5, context.settings.retention_seconds / 20))
    strays = 0
    while True:
        await context.do(sweep, context)
        if strays == 0:
            await context.do(sweep_strays, context)
        strays = (strays + 1) % 60
        await asyncio.sleep(pause)


def sweep(context: Context) -> int:
    """Deletes the pictures and rows of jobs that are kept no longer; returns how many."""
    settings = context.settings
    if mended := context.jobs.mend_stamps():
        log.warning("the clock was put back: %s jobs were stamped anew", mended)
    jobs = context.jobs.outlived(settings.retention_seconds, settings.choosing_seconds)
    for folder in {job.folder for job in jobs}:
        context.pictures.delete(folder)
    # The rows go last: whatever is interrupted before is swept the next time.
    context.jobs.forget([job.id for job in jobs])
    context.inbox.sweep()
    context.database.scrub()
    return len(jobs)


def sweep_strays(context: Context) -> int:
    """Deletes folders that belong to no job: a worker may have painted for one that was deleted."""
    before = context.pictures.folders()
    known = context.jobs.known_folders()  # after the folders: a job's row is older than its folder
    strays = 0
    for folder in before:
        person, _, name = folder.partition("/")
        if folder in known or not person.lstrip("-").isdecimal():
            continue
        if name == "styles" and context.people.styles(int(person)):
            continue
        context.pictures.delete(folder)
        strays += 1
    return strays
