"""What a painting takes: memory and time, said before any work begins.

    estimate(settings, height=4096, width=4096)   # an `Estimate`: bytes, seconds, tiles or not

The optimiser's part is reckoned in `room.py`, one pass in `instant_room.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

from .host import free_memory_of_host, resident_memory
from .instant_room import room_for
from .recipes import Settings
from .scales import scales_for, size_at


@dataclass(frozen=True)
class Estimate:
    """What a painting takes.

    Attributes:
        memory: most bytes that the process will hold; on a GPU, that the GPU will.
        free: bytes that there are for it, with what it holds already; None where that is unknown.
        seconds: about how long it takes; None where that is short.
        tiles: whether its finest scale is painted in tiles.
        files: bytes in temporary files.
    """

    memory: float
    free: float | None
    seconds: float | None
    tiles: bool
    files: float

    def __str__(self) -> str:
        words = [f"about {self.memory / 1e9:.1f} GB of memory"]
        words += [f"{self.free / 1e9:.1f} GB free"] if self.free else []
        words += [f"{self.files / 1e9:.1f} GB of temporary files"] if self.files > 1e8 else []
        words += [f"about {_duration(self.seconds)}"] if self.seconds else []
        return ", ".join(words) + (", in tiles" if self.tiles else "")


def estimate(
    settings: Settings, height: int, width: int, *, content: bool = True, style: bool = True
) -> Estimate:
    """What a painting takes.

    Args:
        settings: how to paint.
        height, width: of the finished picture, in pixels.
        content, style: whether there is a photograph, and a style.

    Raises:
        NotEnoughMemory: it does not fit.
        UsageError, WeightsError: as `workbench`.
    """
    settings = settings.settled(content=content, style=style)
    if settings.method == "instant":
        memory, tiles = room_for(settings, height, width)
        free = free_memory_of_host()
        return Estimate(memory, None if free is None else free + resident_memory(), None, tiles, 0.0)
    from .assemble import workbench
    from .room import Room

    scales = scales_for(settings, height, width)
    steps = settings.steps_per_scale(len(scales))
    room = Room(workbench(settings, content=content, style=style), settings)
    return room.estimate([size_at(scale, height, width) for scale in scales], steps)


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
