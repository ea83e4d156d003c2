"""At which sizes a picture is painted, coarse to fine."""

from __future__ import annotations

import math

from .images import MIN_SIDE
from .recipes import Settings


def scales_for(settings: Settings, height: int, width: int) -> tuple[int, ...]:
    """The longest sides, in pixels, at which a picture of this size is painted, coarse to fine."""
    # Every scale must leave the network a picture that it can take, however thin.
    least = math.ceil(MIN_SIDE * max(height, width) / min(height, width))
    return settings.scales(max(height, width), least)


def size_at(scale: int, height: int, width: int) -> tuple[int, int]:
    """(height, width) in pixels of a picture of this size when its longest side is `scale`."""
    longest = max(height, width)
    return max(1, round(height * scale / longest)), max(1, round(width * scale / longest))
