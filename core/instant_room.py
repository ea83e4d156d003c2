"""How much memory one pass takes, and so how large its tiles are; see `instant.py`."""

from __future__ import annotations

import math

from .errors import NotEnoughMemory
from .host import free_memory_of_host, resident_memory
from .instant import TILE
from .instant_tiles import HALO, MARGIN, STRIDE
from .recipes import Settings, parse_memory

# Bytes, fitted to runs at 512 and 1024 pixels in ONNX Runtime: both networks and what runs them, the
# maps of each pixel of a piece, and the arrays of the picture's own size, of which the photograph is one.
SESSIONS, PIECE, PICTURE = 6.5e7, 1780.0, 110.0
SHARE = 0.9  # of the free memory, which others may want some of
LEAST_TILE = 256  # pixels; below, a tile is mostly what it shares with its neighbours


def tile_for(settings: Settings, height: int, width: int) -> int:
    """The longest side, in pixels, of what is painted in one piece.

    Args:
        settings: of which `memory` is looked at.
        height, width: of the picture, in pixels.

    Raises:
        NotEnoughMemory: not even small tiles fit.
    """
    free = free_memory_of_host()
    held = resident_memory()
    limit = parse_memory(settings.memory) or (math.inf if free is None else SHARE * (free + held))
    spare = limit - held - SESSIONS - PICTURE * height * width
    tile = TILE
    while PIECE * _piece(tile, height, width) > spare:
        tile -= STRIDE
        if tile < LEAST_TILE:
            needed = limit - spare + PIECE * _piece(LEAST_TILE, height, width)
            raise NotEnoughMemory(
                f"A picture of {width}×{height} takes about {needed / 1e9:.1f} GB of memory in one pass at "
                f"the least; choose a smaller size, or allow more memory. Received: {limit / 1e9:.1f} GB"
            )
    return tile


def room_for(settings: Settings, height: int, width: int) -> tuple[float, bool]:
    """Most bytes that the process will hold, and whether the picture is painted in tiles.

    Raises:
        NotEnoughMemory: as `tile_for`.
    """
    tile = tile_for(settings, height, width)
    memory = resident_memory() + SESSIONS + PICTURE * height * width + PIECE * _piece(tile, height, width)
    return memory, max(height, width) + 2 * MARGIN > tile


def _piece(tile: int, height: int, width: int) -> float:
    """Pixels of the largest piece, what it sees of its neighbours among them."""
    whole = [side + 2 * MARGIN for side in (height, width)]
    counts = [-(-side // tile) for side in whole]
    sides = [side / n + 2 * HALO * (n > 1) for side, n in zip(whole, counts, strict=True)]
    return math.prod(sides)
