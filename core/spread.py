"""The tiles of one picture over several devices, by the backend's own means.

    objective = TiledObjective(extractor, losses, mapper=spread(["gpu:0", "gpu:1"]))

TensorFlow runs a group of tiles, one for each device, under `tf.distribute.MirroredStrategy`. JAX is given
each tile on a device of its own (`jax.sharding`) and computes them as they come, since it does not wait for
one before it takes the next. On PyTorch a process for each device computes in a group of `torch.distributed`
(`spread_torch.py`). Sums are added up on the host, in the order of the tiles, so that the picture does not
depend on which device was the quicker.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import keras

from .tile_forward import Job, Mapper


def spread(
    devices: Sequence[str], address: Callable[[Callable[..., Any]], tuple[Any, ...]] | None = None
) -> Mapper:
    """Calls a compiled function for many tiles, on several devices at once.

    Args:
        devices: such as `["gpu:0", "gpu:1"]`, as `select_device` takes them.
        address: for PyTorch: says by which `Ingredients`, and where among what is made of them, another
            process finds the function.

    Returns:
        A function of a compiled function and (tile, arguments) pairs, which gives (tile, result) pairs in
        their order.

    Raises:
        UsageError: there is no such device, or PyTorch's processes cannot be had.
    """
    from .devices import split_name

    places = [split_name(device) for device in devices]
    name = keras.backend.backend()
    if name == "tensorflow":
        return _with_tensorflow(places)
    if name == "jax":
        return _with_jax(places)
    from .spread_torch import with_torch

    return with_torch(devices, address)


def _with_jax(places: Sequence[tuple[str, int]]) -> Mapper:
    import jax

    shardings = [jax.sharding.SingleDeviceSharding(jax.devices(kind)[index]) for kind, index in places]

    def mapper(function: Callable[..., Any], jobs: Iterable[Job]) -> Iterator[tuple[Any, Any]]:
        running: deque[tuple[Any, Any]] = deque()
        for number, (tile, arguments) in enumerate(jobs):
            if len(running) == len(shardings):  # no more at a time than there is memory for
                yield running.popleft()
            here = jax.device_put(arguments, shardings[number % len(shardings)])
            running.append((tile, function(*here)))
        yield from running

    return mapper


def _with_tensorflow(places: Sequence[tuple[str, int]]) -> Mapper:
    import tensorflow as tf

    strategy = tf.distribute.MirroredStrategy([f"{kind.upper()}:{index}" for kind, index in places])
    compiled: dict[Any, Any] = {}

    def step_for(function: Callable[..., Any]) -> Any:
        """One graph that computes a tile on each device; the tiles' own graphs are those of one device."""
        if function not in compiled:

            def step(arguments: Any) -> Any:
                return strategy.run(function, args=arguments)

            compiled[function] = tf.function(step, autograph=False, reduce_retracing=True)
        return compiled[function]

    def mapper(function: Callable[..., Any], jobs: Iterable[Job]) -> Iterator[tuple[Any, Any]]:
        waiting = iter(jobs)
        while group := list(islice(waiting, len(places))):

            def own(context: Any, group: list[Job] = group) -> tuple[Any, ...]:
                # The last group may be short: its last tile is computed again, and not counted.
                return group[min(context.replica_id_in_sync_group, len(group) - 1)][1]

            arguments = strategy.experimental_distribute_values_from_function(own)
            results = step_for(function)(arguments)
            for number, (tile, _) in enumerate(group):

                def local(value: Any, number: int = number) -> Any:
                    return strategy.experimental_local_results(value)[number]

                yield tile, tf.nest.map_structure(local, results)

    return mapper
