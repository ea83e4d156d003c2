"""How a picture is divided for a given amount of memory, and what that will take: memory, and arithmetic.

The model of memory is one of large arrays only: what a segment's operations hold for the way back, the maps
between segments, the picture's own arrays. Its few factors were fitted to measured peaks
(`benchmarks/memory.py`, which also says how well it does).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .segments import Segment, cut_points, survey
from .tile_grid import window_side
from .winograd import STEP, TILE

FLOAT = 4  # bytes
# Of what an evaluation with its gradient holds, beside every operation's result: slopes on the way back,
# and the centred or masked copy of a layer that a style loss looks at.
SLOPES, COPIES = 2.0, 2.0
SCATTERED = 1.1  # what a picture's large arrays take more where the allocator finds no room between others
# What tiles take more than the arrays counted here: fitted to vgg_mini at 2048 and 8192 pixels and VGG-19 at
# 2048, which held 1.18 to 1.23 times as much. At 8192 it is still too little: see docs/large-pictures.md.
TILING = 1.2
# And what undivided evaluations, and tiles that keep memory, hold where convolutions are TensorFlow's own, of
# what they hold with oneDNN's: docs/large-pictures.md.
PLAIN, PLAIN_TILING = 1.65, 2.6
TRACING = 150e6  # graphs, the compiled functions' own buffers, and what the allocator keeps
LEAST_WINDOW = 96  # pixels: smaller windows are mostly halo
MOST_TILES = 4096
WINOGRAD_GAIN = 2.0  # of the layers that suit it; docs/performance.md: 1.5 to 2.9, by size and channels


@dataclass(frozen=True)
class Plan:
    """How a picture is divided.

    Attributes:
        points: where the network is cut, of `segments.cut_points`.
        tiles: rows and columns of tiles of each segment; a last segment of one tile is run once, forward
            and backward.
        maps_on_disk: whether the maps between segments are kept in files.
        content_on_disk: whether the content's target is.
        picture_on_disk: whether arrays of the picture's own size are.
        memory: bytes that an evaluation holds at most beside the picture, its gradient and the optimiser's
            own, as estimated.
        files: bytes of the maps and targets in files.
        work: multiplications.
        band_values: numbers in a band of rows, for losses on the picture itself.
        way: how convolutions are computed; see `ways.in_way`.
        keeps: whether memory that is freed is kept for the next arrays; see `allocator.py`. `memory` counts
            it, `work` does not.
    """

    points: tuple[int, ...]
    tiles: tuple[tuple[int, int], ...]
    maps_on_disk: bool = False
    content_on_disk: bool = False
    picture_on_disk: bool = False
    memory: float = 0.0
    files: float = 0.0
    work: float = 0.0
    band_values: int = 1 << 19
    way: str = "direct"
    keeps: bool = False

    @property
    def last_is_whole(self) -> bool:
        """Whether the last segment is run once."""
        return self.tiles[-1] == (1, 1)

    @property
    def divided(self) -> bool:
        """Whether it is more than an `Objective` does."""
        return len(self.tiles) > 1 or not self.last_is_whole


def held(segment: Segment, pixels: float, style: Sequence[str], way: str = "direct") -> float:
    """Bytes that an evaluation of a segment with its gradient holds, for a window of so many positions."""
    copies = max((segment.layer_floats[layer] for layer in style if layer in segment.layers), default=0.0)
    numbers = segment.floats + SLOPES * segment.widest + COPIES * copies + segment.channels_in
    if way == "winograd":
        numbers += segment.transformed * (TILE / STEP) ** 2
    return FLOAT * pixels * numbers


def arithmetic(segment: Segment, way: str) -> float:
    """A segment's multiplications for each position, in direct ones of the same time."""
    return segment.multiplications - (1 - 1 / WINOGRAD_GAIN) * segment.quick * (way == "winograd")


def whole(extractor: Any, size: tuple[int, int], style: Sequence[str], content: Sequence[str]) -> Plan:
    """The plan that divides nothing: what an `Objective` does."""
    segment = survey(extractor, 0, len(extractor.model.operations))
    pixels = math.prod(size)
    targets = FLOAT * pixels * sum(segment.layer_floats[layer] for layer in content)
    return Plan(
        (),
        ((1, 1),),
        memory=SCATTERED * held(segment, pixels, style) + targets,
        work=2 * segment.multiplications * pixels,
    )


class Planner:
    """Finds plans for one network.

    Args:
        extractor: the network.
        style, content: layers with a style loss, and those with a content loss.
        way: how convolutions are computed; see `ways.in_way`.
        plain: whether direct ones are TensorFlow's own, so that plans keep memory; see `devices.py`.

    Raises:
        UsageError: the network cannot be divided.
    """

    def __init__(
        self,
        extractor: Any,
        style: Sequence[str],
        content: Sequence[str],
        way: str = "direct",
        plain: bool = False,
    ):
        self.extractor, self.style, self.content, self.way = extractor, style, content, way
        self.plain, self.tiling = plain, TILING * (PLAIN_TILING if plain else 1.0)
        points = cut_points(extractor)
        # Few cuts do: the finest and the coarsest maps are seldom both worth keeping.
        self.choices = [
            chosen
            for count in range(min(3, len(points)) + 1)
            for chosen in itertools.combinations(points, count)
        ]
        self.segments = {chosen: self._cut(chosen) for chosen in self.choices}

    def _cut(self, chosen: tuple[int, ...]) -> list[Segment]:
        ends = [*chosen, len(self.extractor.model.operations)]
        return [survey(self.extractor, first, end) for first, end in zip([0, *chosen], ends, strict=True)]

    def best(self, size: tuple[int, int], budget: float, *, content: bool = True) -> Plan | None:
        """The plan of least work whose `memory` stays within a budget; None where there is none.

        Args:
            size: (height, width) of the picture.
            budget: bytes.
            content: whether content's targets are to be held.
        """
        found = [plan for chosen in self.choices for plan in self._plans(chosen, size, budget, content)]
        # One tile is the undivided picture, with the optimiser and the memory of that.
        found = [plan for plan in found if plan.tiles != ((1, 1),)]
        return min(found, key=lambda plan: (plan.work, plan.memory), default=None)

    def smallest(self, size: tuple[int, int], *, content: bool = True) -> Plan:
        """The plan of least memory."""
        budget = 16e6
        while (plan := self.best(size, budget, content=content)) is None:
            budget *= 1.2
        return plan

    def _plans(
        self, chosen: tuple[int, ...], size: tuple[int, int], budget: float, content: bool
    ) -> Iterator[Plan]:
        segments = self.segments[chosen]
        inputs = _inputs(segments, size)
        for maps_on_disk, content_on_disk in ((False, False), (False, True), (True, True)):
            if maps_on_disk and len(segments) == 1:
                continue
            for last_whole in (True, False):
                plan = self._plan(
                    segments, inputs, chosen, budget, content, maps_on_disk, content_on_disk, last_whole
                )
                if plan:
                    yield plan

    def _plan(
        self,
        segments: list[Segment],
        inputs: list[tuple[int, int]],
        chosen: tuple[int, ...],
        budget: float,
        content: bool,
        maps_on_disk: bool,
        content_on_disk: bool,
        last_whole: bool,
    ) -> Plan | None:
        # Bytes of the maps between segments, and of the targets.
        maps = [0.0] + [
            FLOAT * math.prod(inputs[number]) * segment.channels_in
            for number, segment in enumerate(segments)
            if number
        ]
        targets = [
            FLOAT
            * math.prod(shape)
            * sum(segment.layer_floats[layer] for layer in self.content if layer in segment.layers)
            for segment, shape in zip(segments, inputs, strict=True)
        ]
        if not content:
            targets = [0.0] * len(targets)
        tiles, most, work = [], 0.0, 0.0
        budget /= self.tiling
        for number, segment in enumerate(segments):
            is_last = number == len(segments) - 1
            # On the way back all earlier maps are there, this segment's own, its gradient, and the one above.
            kept = [maps[earlier] for earlier in range(number + 1)]
            kept += [maps[number]] if number else []
            kept += [] if is_last else [maps[number + 1]]
            resident = 0.0 if maps_on_disk else sum(kept)
            # A target that is in a file takes no memory but its windows; a whole last segment holds its own.
            others = sum(t for n, t in enumerate(targets) if not (is_last and last_whole and n == number))
            resident += 0.0 if content_on_disk else others
            if is_last and last_whole:
                resident += targets[number]
                if maps_on_disk:
                    resident += 2 * maps[number]
            room = budget - resident
            pixels = math.prod(inputs[number])
            if is_last and last_whole:
                window, counts = float(pixels), (1, 1)
                if held(segment, pixels, self.style, self.way) > room:
                    return None
                work += 2 * arithmetic(segment, self.way) * pixels
            else:
                # What a tile brings with it from the host: the gradient from above, its window of the target.
                above = 0.0 if is_last else segments[number + 1].channels_in / segment.stride**2
                target = sum(segment.layer_floats[layer] for layer in self.content if layer in segment.layers)
                brought = FLOAT * (above + target * content)
                divided = self._divide(segment, inputs[number], room, brought, 2 if is_last else 1)
                if divided is None:
                    return None
                counts, window, area = divided
                work += 3 * arithmetic(segment, self.way) * area
                resident += brought * window
            most = max(most, resident + held(segment, window, self.style, self.way))
            tiles.append(counts)
        disk = sum(maps[1:]) if maps_on_disk else 0.0
        disk += sum(targets) if content_on_disk else 0.0
        # A byte to a file and back counts like some hundred multiplications: disks write about 1 GB/s.
        work += 400 * disk
        return Plan(
            tuple(chosen),
            tuple(tiles),
            maps_on_disk,
            content_on_disk,
            memory=self.tiling * most,
            files=disk,
            work=work,
            way=self.way,
            keeps=self.plain,
        )

    def _divide(
        self, segment: Segment, size: tuple[int, int], room: float, brought: float, at_least: int
    ) -> tuple[tuple[int, int], float, float] | None:
        """Counts of rows and columns of tiles, a window's positions, and all windows' together."""
        least = LEAST_WINDOW if segment.is_first else max(4 * segment.stride, 16)
        counts = [_counts(length, least) for length in size]
        sides = [
            np.array(
                [
                    min(
                        length, window_side(_own(length, count, segment.stride), segment.stride, segment.halo)
                    )
                    for count in own
                ],
                "float64",
            )
            for length, own in zip(size, counts, strict=True)
        ]
        windows = np.outer(sides[0], sides[1])
        tiles = np.outer(counts[0], counts[1])
        area = windows * tiles
        each = held(segment, 1.0, self.style, self.way) + brought
        fits = (tiles >= at_least) & (tiles <= MOST_TILES) & (each * windows <= room)
        if not fits.any():
            return None
        row, column = np.unravel_index(np.argmin(np.where(fits, area, np.inf)), area.shape)
        return (counts[0][row], counts[1][column]), float(windows[row, column]), float(area[row, column])


def _inputs(segments: Sequence[Segment], size: tuple[int, int]) -> list[tuple[int, int]]:
    sizes = [size]
    for segment in segments[:-1]:
        height, width = sizes[-1]
        sizes.append((height // segment.stride, width // segment.stride))
    return sizes


def _own(length: int, count: int, stride: int) -> int:
    """The most positions of an axis that one of so many tiles has."""
    return min(length, math.ceil(length / count / stride + (count > 1)) * stride) if count > 1 else length


def _counts(length: int, least: int) -> list[int]:
    """Numbers of tiles worth trying along an axis."""
    most = max(1, length // least)
    return sorted({min(most, max(1, round(2 ** (power / 4)))) for power in range(0, 40)})
