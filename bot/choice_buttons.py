"""The buttons that send a job into the queue, or take it out."""

from __future__ import annotations

import json
from typing import Any

from . import status
from .context import Context
from .job import ACTIVE
from .tapped import Tapped, own_number, remove
from .texts import text

STEP, LEAST, MOST = 0.15, 0.05, 0.95  # of strength


async def _style(context: Context, tapped: Tapped) -> str:
    return await _choose(context, tapped, [tapped.tap.word])


async def _with(context: Context, tapped: Tapped) -> str:
    first = tapped.job.style_list[:1]
    return await _choose(context, tapped, [*first, tapped.tap.word])


async def _softer(context: Context, tapped: Tapped) -> str:
    if tapped.job.strength <= LEAST and not tapped.is_stale:
        return text(tapped.job.language, "softest")
    return await _again(context, tapped, strength=max(LEAST, round(tapped.job.strength - STEP, 2)))


async def _stronger(context: Context, tapped: Tapped) -> str:
    if tapped.job.strength >= MOST and not tapped.is_stale:
        return text(tapped.job.language, "strongest")
    return await _again(context, tapped, strength=min(MOST, round(tapped.job.strength + STEP, 2)))


async def _colours(context: Context, tapped: Tapped) -> str:
    return await _again(context, tapped, colours="style" if tapped.job.colours == "keep" else "keep")


async def _choose(context: Context, tapped: Tapped, styles: list[str]) -> str:
    own = await context.do(context.people.styles, tapped.job.person)
    if any(name not in context.gallery and f"own:{own_number(name)}" != name for name in styles):
        return text(tapped.job.language, "stale")
    if any(
        name.startswith("own:") and own_number(name) not in {one.number for one in own} for name in styles
    ):
        return text(tapped.job.language, "reason_style_gone")
    return await _again(context, tapped, styles=styles)


async def _again(context: Context, tapped: Tapped, styles: list[str] | None = None, **choice: Any) -> str:
    """Sends the job into the queue with another choice."""
    job, language = tapped.job, tapped.job.language
    if styles is not None:
        choice["styles"] = json.dumps(styles)
    elif not job.style_list:
        return text(language, "stale")
    if job.round != tapped.tap.round:
        if tapped.tap.round == 0 and tapped.message != job.status_message:
            await remove(context, job.chat, tapped.message)  # a gallery that came once too often
        under_way = job.round == tapped.tap.round + 1 and job.state in ACTIVE
        return text(language, "queued" if under_way else "stale")  # a double tap, or a tap replayed
    former = job.status_message
    if former != tapped.message:
        if job.round > 0:
            return text(language, "stale")
        choice["status_message"] = tapped.message  # the gallery came twice; this one was tapped
    done = await context.do(context.jobs.choose, job, context.limits, **choice)
    if done != "queued":
        return _refusal(context, language, done)
    context.wake.set()
    if context.tickets and job.source:
        await context.do(context.tickets.defer)
    if former is not None and former != tapped.message:
        await remove(context, job.chat, former)
    await status.show(context, job.id)
    return text(language, "queued")


async def _full(context: Context, tapped: Tapped) -> str:
    """A job of its own: its status message becomes the document."""
    job = tapped.job
    if tapped.is_stale or job.state != "painted":
        return text(job.language, "stale")
    whole = await context.do(
        context.jobs.make,
        id=f"{job.id}:full:{job.round}",
        kind="full",
        **{
            name: getattr(job, name)
            for name in (
                *("chat", "message", "person", "is_group", "language", "media", "file_id"),
                *("source", "styles", "strength", "colours"),
            )
        },
    )
    if whole.state == "painted" or whole.state in ACTIVE:
        return text(job.language, "queued")
    if whole.status_message is None:
        message = await status.send_for_full(context, whole)
        await context.do(context.jobs.set_status_message, whole.id, message)
        again = await context.do(context.jobs.find, whole.id)
        whole = again or whole
    done = await context.do(context.jobs.choose, whole, context.limits)
    if done == "queued":
        context.wake.set()
        if context.tickets:
            await context.do(context.tickets.defer)
        return text(job.language, "queued")
    await context.do(context.jobs.forget, [whole.id])
    await remove(context, whole.chat, whole.status_message or 0)
    return _refusal(context, job.language, done)


def _refusal(context: Context, language: str, why: str) -> str:
    keys = {"waiting": "limit_waiting", "day": "limit_day"}
    number = {"waiting": context.limits.waiting, "day": context.limits.per_day}.get(why)
    return text(language, keys.get(why, why), number=number)


async def _cancel(context: Context, tapped: Tapped) -> str:
    if not await context.do(context.jobs.cancel, tapped.job.person, tapped.job.id):
        return text(tapped.job.language, "nothing_to_cancel")
    context.wake.set()
    return text(tapped.job.language, "stopping")


CHOICE_BUTTONS = {
    "style": _style,
    "with": _with,
    "softer": _softer,
    "stronger": _stronger,
    "colours": _colours,
    "full": _full,
    "cancel": _cancel,
}
