"""A row of the table of jobs.

    choosing → fetching → waiting → running → painted | failed | cancelled   (then told = 1)

A result's buttons send the same job round again, with `round` one higher: a tap that carries an
older round is stale. If that round fails or is cancelled, the message still shows the picture of the
one before: once that is told the job is `painted` again, as `shown` has it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

# As Python writes a tuple of words SQL reads a list.
ACTIVE = ("fetching", "waiting", "running")
ENDED = ("painted", "failed", "cancelled")
# What a later round may change of a picture that is shown.
SHOWN = ("styles", "strength", "colours", "notice", "result", "circle")


@dataclass(frozen=True)
class Job:
    """A row of the table; `id` is `chat:message` of the photograph."""

    id: str
    kind: str
    chat: int
    message: int
    person: int
    is_group: int
    language: str
    state: str
    told: int
    round: int
    status_message: int | None
    media: str
    file_id: str | None
    source: str | None
    styles: str
    strength: float
    colours: str
    turn: int
    queued: float | None
    worker: str | None
    lease: float | None
    attempts: int
    losses: int
    cancel: int
    progress: float | None
    seconds_left: float | None
    result: str | None
    circle: str | None
    shown: str | None
    notice: str
    error: str | None
    retry_at: float
    tries: int
    created: float
    changed: float

    @property
    def folder(self) -> str:
        """Where its pictures are kept: under the person's, so that all of theirs can go at once."""
        return f"{self.person}/{self.chat}_{self.message}"

    @property
    def before(self) -> Job | None:
        """As it was when the picture that its message still shows was painted; None if it shows none."""
        return replace(self, state="painted", **json.loads(self.shown)) if self.shown else None

    @property
    def style_list(self) -> list[str]:
        """Names of gallery styles, or `own:N` for the person's own."""
        return list(json.loads(self.styles))
