"""What a tile is given beside its window; and content's targets, which are maps, made tile by tile."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from . import stores
from .backend import to_tensor
from .segments import NEXT
from .tile_functions import SegmentFunctions
from .tile_grid import Tile
from .tile_plan import Plan
from .tile_windows import StitchedMap, window


def arguments_for(
    part: SegmentFunctions,
    tile: Tile,
    source: np.ndarray,
    targets: Mapping[str, np.ndarray],
    names: Sequence[str],
) -> dict[str, Any]:
    """Masks and targets' windows for a tile, by loss."""
    masks, maps = {}, {}
    for name in names:
        stride = part.segment.layers[part.summed[name].loss.layer].stride
        inside = [
            span.at(stride, length)
            for span, length in zip((tile.rows, tile.columns), source.shape[1:3], strict=True)
        ]
        dtype = "float64" if source.dtype == np.float64 else "float32"
        rows, columns = (np.zeros(length, dtype) for _, length in inside)
        rows[inside[0][0]], columns[inside[1][0]] = 1, 1
        masks[name] = to_tensor(rows[None, :, None, None]), to_tensor(columns[None, None, :, None])
        if name in targets:
            place = tuple(
                slice(span.first // stride, span.first // stride + length)
                for span, (_, length) in zip((tile.rows, tile.columns), inside, strict=True)
            )
            target = np.ascontiguousarray(targets[name][:, place[0], place[1]])
            stores.release(targets[name])
            maps[name] = to_tensor(target)
    return {"masks": masks, "maps": maps}


def content_maps(
    parts: Sequence[SegmentFunctions],
    grids: Sequence[Sequence[Tile]],
    plan: Plan,
    picture: np.ndarray,
    mapper: Callable[..., Any],
) -> dict[str, np.ndarray]:
    """The content losses' targets, on the host or the disk.

    Args:
        parts: the segments.
        grids: tiles of each.
        plan: where maps are kept.
        picture: the photograph, (1, height, width, 3) of 0-1.
        mapper: as `TiledObjective`'s.
    """
    wanted = {name: one.loss.layer for part in parts for name, one in part.summed.items() if one.has_map}
    found: dict[str, StitchedMap] = {}
    source = picture
    for part, tiles in zip(parts, grids, strict=True):
        here = {name: layer for name, layer in wanted.items() if layer in part.segment.layers}
        if part.segment.is_last and not found and not here:
            break
        following = StitchedMap(source, part.segment.stride, plan.maps_on_disk)
        for name, layer in here.items():
            stride = part.segment.layers[layer].stride
            found[name] = StitchedMap(source, stride, plan.content_on_disk)
        jobs = ((tile, (window(source, tile),)) for tile in tiles)
        for tile, features in mapper(part.features, jobs):
            for name, layer in here.items():
                found[name].put(tile, features[layer])
            if NEXT in features:
                following.put(tile, features[NEXT])
            del features  # before the next tile is computed
        if len(found) == len(wanted) or following.array is None:
            break
        source = following.array
    return {name: stitched.array for name, stitched in found.items() if stitched.array is not None}
