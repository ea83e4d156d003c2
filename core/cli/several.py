"""Paints several photographs for a command, one after the other, and tells how it went.

A picture that fails is reported and passed over. `report` is also `impasto batch`'s.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from ..batch import Batch, Painted, Task, failure, paint_bytes, read
from ..errors import ImpastoError, UsageError
from ..interrupted import fingerprint, load_state, save_state, state_path
from .common import tell

if TYPE_CHECKING:
    from ..images import Picture


class Report:
    """Tells of each picture as it is done, and sums up.

    Args:
        batch: what is painted.
        quiet: print nothing but errors.
        as_json: print a JSON object for each picture.
    """

    def __init__(self, batch: Batch, quiet: bool, as_json: bool):
        self.total, self.quiet, self.as_json = len(batch.tasks), quiet, as_json
        self.counts: Counter[str] = Counter()
        self.noticed: set[str] = set()

    def painted(self, task: Task, painted: Painted) -> None:
        """A picture is in its file."""
        for notice in painted.notices:
            if not self.quiet and notice not in self.noticed:
                tell(notice)
            self.noticed.add(notice)
        self._print(task, "painted", seconds=painted.seconds, network=painted.network)
        if not (self.quiet or self.as_json):
            print(f"{task.output}: {painted.seconds:.1f} s", flush=True)

    def passed_over(self, task: Task) -> None:
        """A picture was finished before."""
        self._print(task, "passed over")

    def failed(self, task: Task, reason: str) -> None:
        """A picture cannot be painted."""
        tell(f"{task.content}: {reason}")
        self._print(task, "failed", error=reason)

    def end(self) -> int:
        """Prints the sum; returns the exit status: 1 where a picture failed."""
        if not self.quiet:
            tell(self.sum())
        return 1 if self.counts["failed"] else 0

    def sum(self) -> str:
        """`12 pictures: 10 painted, 1 passed over, 1 failed`."""
        kinds = ("painted", "passed over", "failed")
        counts = ", ".join(f"{self.counts[kind]} {kind}" for kind in kinds if self.counts[kind])
        return f"{self.total} picture{'s' * (self.total != 1)}: {counts or 'none painted'}"

    def _print(self, task: Task, status: str, **facts: Any) -> None:
        self.counts[status] += 1
        if self.as_json:
            line = {"content": str(task.content), "output": str(task.output), "status": status} | facts
            print(json.dumps(line, ensure_ascii=False), flush=True)


def paint_several(
    batch: Batch, *, device: str | None, resume: bool, quiet: bool = False, as_json: bool = False
) -> int:
    """Paints a batch in this process, with the network kept loaded.

    Args:
        batch: what, from `plan`.
        device: as for `select_device`.
        resume: pass over what is finished, and go on with a picture that was interrupted.
        quiet, as_json: as `Report`'s.

    Returns:
        The exit status: 0, 1 where a picture failed, or 130 after an interruption.

    Raises:
        ImpastoError: what would end every picture alike: missing weights, a full disk, a wrong setting.
    """
    report = Report(batch, quiet, as_json)
    finished = batch.finished() if resume else set()
    from ..place import place
    from .bar import ProgressBar
    from .stopping import Stop

    with Stop(picture=False) as stop, place(batch.manner.settings, device) as words:
        for number, task in enumerate(batch.tasks, 1):
            if task in finished:
                report.passed_over(task)
                continue
            try:
                with ProgressBar(quiet, f"{words}, picture {number} of {report.total}") as bar:

                    def after_step(step: Any, bar: ProgressBar = bar) -> None:
                        bar.show(step)
                        stop.check()

                    source = read(task)
                    state = _state_of(batch, task) if resume else None
                    painted = paint_bytes(source, batch.manner, on_progress=after_step, resume=state)
            except Exception as error:
                reason = failure(error)
                if reason is None:
                    raise
                report.failed(task, reason)
                continue
            if painted.state:
                save_state(state_path(task.output), painted.state, _identity(batch, task))
                return _stopped(report)
            batch.keep(task, source, painted.data)
            state_path(task.output).unlink(missing_ok=True)
            report.painted(task, painted)
            if stop.asked:  # during a picture's last step
                return _stopped(report)
    return report.end()


def _stopped(report: Report) -> int:
    tell(f"stopped; {report.sum()}; to go on, give the same command with --resume")
    return 130


def _content(batch: Batch, task: Task) -> Picture:
    from ..images import load_picture, paintable

    size = batch.manner.settings.size
    return load_picture(read(task), size=size, check=paintable("content", size))


def _identity(batch: Batch, task: Task) -> dict[str, Any]:
    manner = batch.manner
    return fingerprint(_content(batch, task), manner.styles, manner.blend, manner.settings)


def _state_of(batch: Batch, task: Task) -> dict[str, Any] | None:
    """The state that an interruption left, if it is this picture's."""
    path = state_path(task.output)
    if not path.is_file():
        return None
    try:
        return load_state(path, _identity(batch, task))
    except UsageError:
        return None  # of other settings: the picture is begun anew
    except ImpastoError as error:
        tell(f"{task.content}: {error}")
        return None
