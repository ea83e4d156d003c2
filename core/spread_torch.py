"""A picture's tiles over several devices on PyTorch: a process for each, in a group of `torch.distributed`.

The painting process is the group's first and computes on the first device. It scatters tiles with all that
is needed for them, computes its own, and gathers the others' results; sums and gradients are added up where
they are with one device. What goes to and fro is on the host (Gloo), so any device will do.
`spread_worker.py` is what the other processes run.
"""

from __future__ import annotations

import atexit
import contextlib
import datetime
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import keras

from .backend import to_numpy
from .errors import ImpastoError, UsageError
from .tile_forward import Job, Mapper

# A worker waits for its next tile as long as the painting process lives: an engine may be idle for weeks.
PATIENCE = datetime.timedelta(days=3650)
LOOPBACK = {"linux": "lo", "darwin": "lo0"}  # nobody from outside is to join the group


def with_torch(
    devices: Sequence[str], address: Callable[[Callable[..., Any]], tuple[Any, ...]] | None
) -> Mapper:
    """As `spread.spread`, with all its arguments.

    Raises:
        UsageError: PyTorch was built without `torch.distributed`, or the process has a group of its own.
    """
    if address is None:
        raise ValueError("PyTorch's processes find a function by its address. Received: None")
    _require_distributed(devices)

    def mapper(function: Callable[..., Any], jobs: Iterable[Job]) -> Iterator[tuple[Any, Any]]:
        where, waiting = address(function), iter(jobs)
        while group := list(islice(waiting, len(devices))):
            (_, own), *others = group
            works = [(*where, keras.tree.map_structure(to_numpy, arguments)) for _, arguments in others]
            results = group_on(devices).compute(partial(function, *own), works)
            yield from zip((tile for tile, _ in group), results, strict=True)

    return mapper


class Answer(NamedTuple):
    """What became of a tile: a result on the host, or why there is none."""

    result: Any = None
    failure: str = ""
    out_of_memory: bool = False


class Group:
    """The processes beside this one, from when they have started until `close`.

    Args:
        devices: one for each process, this one's first.

    Raises:
        ImpastoError: a process did not start.
    """

    def __init__(self, devices: Sequence[str]):
        self.devices = tuple(devices)
        self.workers: list[subprocess.Popen[bytes]] = []
        self._folder = tempfile.TemporaryDirectory(prefix="impasto-")
        meeting = str(Path(self._folder.name) / "meeting")
        try:
            for rank, device in enumerate(self.devices):
                if rank:
                    self.workers.append(_started(meeting, rank, len(self.devices), device))
            join(meeting, 0, len(self.devices), self._check)
        except BaseException:
            self.close()
            raise

    def compute(self, own: Callable[[], Any], works: list[Any]) -> list[Any]:
        """Computes a tile on each device.

        Args:
            own: computes this process's.
            works: for the others: `Ingredients`, an `Address`'s parts, and arguments on the host; there may
                be fewer than devices.

        Returns:
            The results in the devices' order, the others' on the host.

        Raises:
            MemoryError: memory ran out in another process.
            ImpastoError: another process ended, or failed.
        """
        import torch.distributed as dist

        error, mine = None, None
        given = [None, *works, *[None] * (len(self.devices) - 1 - len(works))]
        answers: list[Any] = [None] * len(self.devices)
        try:
            dist.scatter_object_list([None], given, src=0)
            try:
                mine = own()
            except Exception as failure:  # raised when the others have answered, and wait for what comes next
                error = failure
            dist.gather_object(None, answers, dst=0)
        except RuntimeError as failure:
            self.close()
            raise ImpastoError(f"A process that computes tiles has ended. Received: {failure}") from failure
        except BaseException:
            self.close()
            raise
        if error is not None:
            raise error
        for device, answer in zip(self.devices, answers, strict=True):
            if answer is not None and answer.failure:
                kind = MemoryError if answer.out_of_memory else ImpastoError
                raise kind(f"A tile failed on {device}. Received: {answer.failure}")
        return [mine, *(answer.result for answer in answers[1 : 1 + len(works)])]

    def close(self) -> None:
        """Ends the processes."""
        import torch.distributed as dist

        global _current
        if _current is self:
            _current = None
        for worker in self.workers:
            worker.kill()
            worker.wait()
        if self.workers and dist.is_initialized():
            with contextlib.suppress(RuntimeError):
                dist.destroy_process_group()
        self.workers = []
        self._folder.cleanup()

    def _check(self) -> None:
        for device, worker in zip(self.devices[1:], self.workers, strict=True):
            if worker.poll() is not None:
                raise ImpastoError(
                    f"The process that computes tiles on {device} did not start; its own words are above. "
                    f"Received: exit status {worker.returncode}"
                )


_current: Group | None = None


def group_on(devices: Sequence[str]) -> Group:
    """The group of these devices. There is one at a time, which is started when it is first needed."""
    global _current
    if _current is not None and _current.devices != tuple(devices):
        _current.close()
    if _current is None:
        _require_distributed(devices)
        _current = Group(devices)
    return _current


@atexit.register
def _close() -> None:
    if _current is not None:
        _current.close()


def _require_distributed(devices: Sequence[str]) -> None:
    import torch.distributed as dist

    if not dist.is_available() or not dist.is_gloo_available():
        raise UsageError(
            "This PyTorch was built without torch.distributed and Gloo, by which devices share a picture; "
            f"expected one device. Received: {', '.join(devices)}"
        )
    if _current is None and dist.is_initialized():
        raise UsageError(
            "This process is in a group of torch.distributed already, and can be in one only; expected one "
            f"device. Received: {', '.join(devices)}"
        )


def _started(meeting: str, rank: int, size: int, device: str) -> subprocess.Popen[bytes]:
    paths = os.pathsep.join(path for path in sys.path if path)
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "impasto.core.spread_worker", meeting, str(rank), str(size), device],
        env=os.environ | {"KERAS_BACKEND": "torch", "PYTHONPATH": paths},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,  # the engine's own is a protocol
        start_new_session=True,  # Ctrl-C is for the painting process
    )


def join(meeting: str, rank: int, size: int, check: Callable[[], None] = lambda: None) -> None:
    """Joins the group, when all are there.

    Args:
        meeting: a file that all know.
        rank, size: this process's number, and how many there are.
        check: is called again and again while others are waited for; may raise.
    """
    import torch.distributed as dist

    store = dist.FileStore(meeting, size)
    store.set(f"ready {rank}", "")
    while not all(store.check([f"ready {other}"]) for other in range(size)):
        check()
        time.sleep(0.05)
    before = os.environ.get("GLOO_SOCKET_IFNAME")
    if before is None and sys.platform in LOOPBACK:
        os.environ["GLOO_SOCKET_IFNAME"] = LOOPBACK[sys.platform]
    try:
        dist.init_process_group("gloo", store=store, rank=rank, world_size=size, timeout=PATIENCE)
    finally:
        if before is None:
            os.environ.pop("GLOO_SOCKET_IFNAME", None)
