"""A batch of pictures on several worker processes, on one machine or many, by Dask's scheduler.

    with local_workers(["gpu:0", "gpu:1"]) as client:
        paint_on_workers(client, batch.tasks, batch.manner, on_done)

A worker gets a photograph's bytes and gives back the painted file's: it needs no shared disk, and
writes nothing, so that only whole pictures reach the folder. Where a worker dies, the scheduler gives
its picture to another.
"""

from __future__ import annotations

import contextlib
import os
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from .batch import Manner, Painted, Task, paint_bytes, read
from .errors import ImpastoError, UsageError
from .place import place

DEVICE = "IMPASTO_DEVICE"  # tells a worker process which device is its own

_one_at_a_time = threading.Lock()  # a network is not made for two paintings at once


def paint_here(source: bytes, manner: Manner) -> Painted:
    """Runs in a worker: paints with the worker's own device."""
    with _one_at_a_time, place(manner.settings, os.environ.get(DEVICE)):
        return paint_bytes(source, manner)


@contextlib.contextmanager
def connect(address: str) -> Iterator[Any]:
    """A client of a scheduler that runs already (`dask scheduler`), whose workers `dask worker` starts.

    Args:
        address: such as `tcp://192.168.1.10:8786`.

    Raises:
        UsageError: Dask is not installed, or nobody answers there.
    """
    distributed = _distributed()
    try:
        client = distributed.Client(address, timeout=10)
    except (OSError, ValueError) as error:
        raise UsageError(
            f"No Dask scheduler answers; start one with `dask scheduler`. Received: {address} "
            f"({' '.join(str(error).split())[:80]})"
        ) from None
    with client:
        yield client


@contextlib.contextmanager
def local_workers(devices: Sequence[str | None]) -> Iterator[Any]:
    """A client of worker processes on this machine, started for the block and ended with it.

    Args:
        devices: a worker is started for each: `cpu`, `gpu:1`, or None for the backend's own choice.
    """
    distributed = _distributed()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    threads = str(max(1, cores // len(devices)))
    shares = {"OMP_NUM_THREADS": threads, "TF_NUM_INTRAOP_THREADS": threads}
    workers = {
        number: {
            "cls": distributed.Nanny,
            "options": {
                "nthreads": 1,
                "memory_limit": 0,  # a painting's memory is the engine's to bound
                "env": shares | ({DEVICE: device} if device else {}),
            },
        }
        for number, device in enumerate(devices)
    }
    scheduler = {
        "cls": distributed.Scheduler,
        "options": {"host": "127.0.0.1", "port": 0, "dashboard_address": None},
    }
    with (
        distributed.SpecCluster(workers=workers, scheduler=scheduler) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


def paint_on_workers(
    client: Any,
    tasks: Sequence[Task],
    manner: Manner,
    on_done: Callable[[Task, bytes, Painted | Exception], None],
) -> None:
    """Paints tasks on a client's workers, few enough at a time that photographs do not fill the memory.

    Args:
        client: a `distributed.Client`.
        tasks: what to paint.
        manner: how.
        on_done: called here, in this thread, for each task as it ends, in whatever order: with the
            photograph's bytes, and the picture or why there is none.

    Raises:
        ImpastoError: no worker can paint at all.
    """
    distributed = _distributed()
    waiting = iter(tasks)
    running: dict[Any, tuple[Task, bytes]] = {}

    def submit(count: int) -> list[Any]:
        futures: list[Any] = []
        while len(futures) < count and (task := next(waiting, None)) is not None:
            try:
                source = read(task)
            except ImpastoError as error:
                on_done(task, b"", error)
                continue
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "Sending large graph")  # a photograph is what is sent
                future = client.submit(paint_here, source, manner, pure=False)
            running[future.key] = task, source
            futures.append(future)
        return futures

    workers = max(1, len(client.scheduler_info()["workers"]))
    done = distributed.as_completed(submit(2 * workers))  # the next picture is there when one ends
    for future in done:
        task, source = running.pop(future.key)
        on_done(task, source, future.exception() or future.result())
        future.release()
        done.update(submit(1))


def reason_of(error: Exception) -> str | None:
    """What to say of a picture whose workers died; None for any other error."""
    if type(error).__name__ != "KilledWorker":
        return None
    return (
        "Its worker died each time it was painted, perhaps of too little memory; choose a smaller --size. "
        f"Received: {' '.join(str(error).split())[:120]}"
    )


def _distributed() -> Any:
    try:
        import distributed
    except ImportError:
        raise UsageError(
            "Painting on several workers needs Dask's scheduler. Expected: pip install 'impasto[batch]'. "
            "Received: no module `distributed`"
        ) from None
    return distributed
