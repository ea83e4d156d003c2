"""Batches made ahead: while the device works at a step, threads cut the crops of the next ones.

    for step, batch in ahead(batch_at, range(100, 200)):
        ...  # step 100's, and so on

On a processor one thread does; a GPU takes hundreds of crops a second, which one core does not cut.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Batch = TypeVar("Batch")


def ahead(
    make: Callable[[int], Batch], steps: range, threads: int | None = None
) -> Iterator[tuple[int, Batch]]:
    """Yields (step, make(step)) in order, the next batches under way.

    Args:
        make: gives a step's batch; of different steps it is called from several threads at once.
        steps: which.
        threads: how many; by default one for each two cores.

    Raises:
        Whatever `make` raises, when its batch's turn comes.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    threads = threads or max(1, cores // 2)
    with ThreadPoolExecutor(threads, thread_name_prefix="crops") as pool:
        waiting: deque = deque()
        try:
            for step in steps:
                while len(waiting) <= 2 * threads and step + len(waiting) in steps:
                    waiting.append(pool.submit(make, step + len(waiting)))
                yield step, waiting.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
