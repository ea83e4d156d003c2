"""The forward pass over a picture in tiles: the maps between segments, and the losses' sums."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from . import allocator
from .backend import to_numpy
from .segments import NEXT
from .summed_losses import Sums
from .tile_functions import SegmentFunctions
from .tile_grid import Tile
from .tile_plan import Plan
from .tile_targets import arguments_for
from .tile_windows import StitchedMap, window

Job = tuple[Tile, tuple[Any, ...]]  # a tile, and the arguments of what is computed of it
Mapper = Callable[[Callable[..., Any], Iterable[Job]], Iterable[tuple[Tile, Any]]]


def run_here(function: Callable[..., Any], jobs: Iterable[Job]) -> Iterator[tuple[Tile, Any]]:
    """Calls the function for one tile after the other; of two tiles it never holds both."""
    for tile, arguments in jobs:
        found = function(*arguments)
        del arguments
        yield tile, found
        del found
        allocator.tidy()


def run_forward(
    parts: Sequence[SegmentFunctions],
    grids: Sequence[Sequence[Tile]],
    plan: Plan,
    picture: np.ndarray,
    targets: Mapping[str, np.ndarray],
    mapper: Mapper,
    only: Sequence[str] | None = None,
) -> tuple[list[np.ndarray], dict[str, Sums]]:
    """Runs the network forward, tile by tile, without gradients.

    Args:
        parts: the segments.
        grids: tiles of each.
        plan: whether the last segment is left to be run as a whole, and where maps are kept.
        picture: (1, height, width, 3) of 0-1, on the host.
        targets: content's, by loss, on the host.
        mapper: as `TiledObjective`'s.
        only: names of the losses whose sums are wanted; all by default.

    Returns:
        Each segment's input; each loss's sums, of all segments but a last one that is whole.
    """
    maps: list[np.ndarray] = [picture]
    sums: dict[str, Sums] = {}
    for part, tiles in zip(parts, grids, strict=True):
        if part.segment.is_last and plan.last_is_whole and only is None:
            break
        names = [name for name in part.summed if only is None or name in only]
        if part.segment.is_last and not names:
            break
        source = maps[-1]
        following = StitchedMap(source, part.segment.stride, plan.maps_on_disk)
        jobs = _jobs(part, tiles, source, targets, names)
        for tile, result in mapper(part.measure, jobs):
            for name, found in result["sums"].items():
                arrays = {key: to_numpy(value) for key, value in found.items()}
                sums[name] = part.summed[name].merge(sums.get(name), arrays)
            if NEXT in result:
                following.put(tile, result[NEXT])
            del result  # before the next tile is computed
        if following.array is not None:
            maps.append(following.array)
    return maps, sums


def _jobs(
    part: SegmentFunctions,
    tiles: Sequence[Tile],
    source: np.ndarray,
    targets: Mapping[str, np.ndarray],
    names: Sequence[str],
) -> Iterable[Job]:
    for tile in tiles:
        yield tile, (window(source, tile), arguments_for(part, tile, source, targets, names))
