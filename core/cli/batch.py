"""`impasto batch`: many photographs on several worker processes, on this machine or on many."""

from __future__ import annotations

import argparse
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ImpastoError, UsageError
from .common import Whole, add_settings, numbers, settings_from, tell
from .stylize import add_batch_options

if TYPE_CHECKING:
    from ..batch import Batch, Painted, Task

EPILOG = """\
examples:
  impasto batch photos/ --style starry_night -o painted/ --devices gpu:0,gpu:1
  impasto batch photos/ --style starry_night -o painted/ --scheduler tcp://192.168.1.10:8786

On each further machine: dask worker --nthreads 1 tcp://192.168.1.10:8786
"""


def add_parser(commands: Any) -> None:
    """Adds the command to `impasto`'s."""
    parser = commands.add_parser(
        "batch",
        help="paint many photographs on several workers or machines",
        description="Paints many photographs in one manner on several worker processes: its own, or those of "
        "a Dask scheduler. Where a worker dies, another paints its picture.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "contents", metavar="CONTENT", nargs="+", help="photographs, folders of them, patterns"
    )
    add_batch_options(parser, required=True)
    parser.add_argument(
        "-o", "--output", type=Path, default=Path(), metavar="FOLDER", help="by default the current folder"
    )
    parser.add_argument(
        "--blend", type=numbers, metavar="3,7", help="a weight for each style; equal by default"
    )
    add_settings(parser)
    running = parser.add_argument_group("running")
    running.add_argument(
        "--workers", type=Whole(1), metavar="N", help="worker processes to start here; default: 2"
    )
    running.add_argument(
        "--devices", metavar="A,B", help="start one worker here for each device, such as gpu:0,gpu:1"
    )
    running.add_argument(
        "--scheduler", metavar="ADDRESS", help="use the workers of this Dask scheduler instead"
    )
    running.add_argument("--resume", action="store_true", help="pass over what is finished")
    running.add_argument("--json", action="store_true", help="print a JSON object for each picture")
    running.add_argument("--quiet", action="store_true", help="print nothing but errors")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs the command; returns the exit status."""
    from ..batch import plan
    from .several import Report

    if sum(map(bool, (arguments.workers, arguments.devices, arguments.scheduler))) > 1:
        raise UsageError(
            "Workers are this machine's (--workers or --devices) or a scheduler's (--scheduler); give one of "
            f"the three. Received: {arguments.workers or arguments.devices}, and another"
        )
    batch = plan(
        arguments.contents,
        arguments.style,
        arguments.output,
        settings_from(arguments),
        blend=arguments.blend,
        extension=arguments.format,
    )
    report = Report(batch, arguments.quiet, arguments.json)
    finished = batch.finished() if arguments.resume else set()
    for task in batch.tasks:
        if task in finished:
            report.passed_over(task)
    if len(finished) == len(batch.tasks):
        return report.end()
    try:
        _paint(arguments, batch, [task for task in batch.tasks if task not in finished], report)
    except KeyboardInterrupt:  # only whole pictures were ever written
        tell(f"stopped; {report.sum()}; to go on, give the same command with --resume")
        return 130
    return report.end()


def _paint(arguments: argparse.Namespace, batch: Batch, tasks: list[Task], report: Any) -> None:
    from ..batch import failure
    from ..fleet import connect, local_workers, paint_on_workers, reason_of

    def on_done(task: Task, source: bytes, outcome: Painted | Exception) -> None:
        if not isinstance(outcome, Exception):
            batch.keep(task, source, outcome.data)
            report.painted(task, outcome)
            return
        reason = reason_of(outcome) or failure(outcome)
        if reason is None:
            raise outcome if isinstance(outcome, ImpastoError) else _unable(outcome)
        report.failed(task, reason)

    devices = [word.strip() for word in (arguments.devices or "").split(",") if word.strip()]
    with ExitStack() as stack:
        if arguments.scheduler:
            client = stack.enter_context(connect(arguments.scheduler))
        else:
            client = stack.enter_context(local_workers(devices or [None] * (arguments.workers or 2)))
        paint_on_workers(client, tasks, batch.manner, on_done)


def _unable(error: Exception) -> ImpastoError:
    words = " ".join(str(error).split())[:160]
    return ImpastoError(
        "The workers cannot paint; install the same Impasto, backend and Dask on each. "
        f"Received: {type(error).__name__}: {words}"
    )
