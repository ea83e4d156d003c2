"""A process that computes tiles for another, on PyTorch; `spread_torch.py` starts it.

    python -m impasto.core.spread_worker MEETING RANK SIZE DEVICE

It makes the network and the losses of its own accord, from `Ingredients`, and keeps nothing else from one
tile to the next. It ends with the painting process, whose end closes the connection.
"""

from __future__ import annotations

import os
import sys
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from .failures import out_of_memory
from .hushed import hushed
from .unplotted import unplotted

if TYPE_CHECKING:
    from .assemble import Ingredients
    from .spread_torch import Answer
    from .tiles import TiledObjective


@lru_cache(maxsize=4)
def objective(parts: Ingredients) -> TiledObjective:
    """The objective that the painting process has, without targets."""
    from .assemble import made_from
    from .tiles import TiledObjective

    with hushed():  # Keras looks for TensorFlow when it copies a layer
        bench = made_from(parts)
    return TiledObjective(bench.extractor, bench.objective.losses)


def computed(work: Any) -> Answer | None:
    """Computes a tile.

    Args:
        work: `Ingredients`, an `Address`'s parts, and arguments on the host; None for nothing to do.
    """
    if work is None:
        return None
    import keras

    from .backend import to_numpy, to_tensor
    from .spread_torch import Answer
    from .tile_functions import Address

    parts, *address, arguments = work
    try:
        function = objective(parts).function(Address(*address))
        found = function(*keras.tree.map_structure(to_tensor, arguments))
        return Answer(keras.tree.map_structure(to_numpy, found))
    except Exception as error:
        words = " ".join(f"{type(error).__name__}: {error}".split())
        return Answer(failure=words, out_of_memory=out_of_memory(error))


def main(meeting: str, rank: int, size: int, device: str) -> None:
    """Computes tiles until the painting process ends."""
    with hushed(), unplotted():
        import torch
        import torch.distributed as dist

        from . import assemble  # noqa: F401 - here, since importing Keras prints
        from .devices import repeatable_arithmetic, select_device
        from .spread_torch import join

    if device.startswith("cpu"):
        torch.set_num_threads(max(1, (os.cpu_count() or 1) // size))
    join(meeting, rank, size)
    with select_device(device):
        repeatable_arithmetic()
        while True:
            received: list[Any] = [None]
            try:
                dist.scatter_object_list(received, None, src=0)
                dist.gather_object(computed(received[0]), None, dst=0)
            except RuntimeError:  # the connection is closed: the painting process has ended
                os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
