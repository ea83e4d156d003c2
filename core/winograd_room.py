"""Where Winograd's method pays within the memory that there is: it takes some of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .errors import NotEnoughMemory
from .ways import kernel_bytes, lean_kernel_bytes

if TYPE_CHECKING:
    from .room import Room


def settle_winograd(room: Room, sizes: Sequence[tuple[int, int]]) -> None:
    """Counts the method's kernels in `held`; sets `ways` to direct where the method does not pay after all.

    Tiles transform kernels when they need them, one layer's at a time; undivided pictures keep all of them.

    Args:
        room: with `ways` as a trial has chosen them.
        sizes: (height, width) of each scale.

    Raises:
        NotEnoughMemory: the method was asked for and does not fit.
    """
    layers, before = room.convolutions(sizes[-1]), room.held
    made = "winograd" in room.bench.extractor.others  # then they are among what the process holds
    kernels, lean = (0.0, 0.0) if made else (kernel_bytes(layers), lean_kernel_bytes(layers))
    room.held, room.spared = before + lean, kernels - lean
    if room.settings.convolution == "auto":
        for size in [size for size in sizes if room.ways[size] == "winograd"]:
            if not _gains(room, size, before):
                room.ways[size] = "direct"
    quick = [size for size in sizes if room.ways[size] == "winograd"]
    if not quick:
        room.held = before
    elif not all(room.plan(size).divided for size in quick):
        room.held, room.spared = before + kernels, 0.0


def _gains(room: Room, size: tuple[int, int], held: float) -> bool:
    """Whether the method spares work at a size, and no dividing for its sake; `held` as it is without."""
    try:
        quick = room.plan(size)
    except NotEnoughMemory:
        return False
    if not quick.divided:
        return True
    with_it = room.held
    room.held, room.ways[size] = held, "direct"
    direct = room.plan(size)
    room.held, room.ways[size] = with_it, "winograd"
    return direct.divided and quick.work < direct.work
