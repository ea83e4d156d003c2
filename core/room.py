"""How much memory a painting takes, how much there is, and so how it is divided: before any work begins.

`estimate.py` asks this for the optimiser's part.

What is counted: what the process holds already, the network's work on a picture or its tiles
(`tile_plan.py`), the picture's own arrays, the optimiser's among them, and what Winograd's method takes
(`ways.py`). Where they do not fit, the picture is painted in tiles; where those do not fit, arrays go into
files; where that is not enough, it is refused.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from impasto.models.register import find_network

from .allocator import can_keep
from .assemble import Workbench
from .backend import to_tensor
from .devices import current_devices, free_gpu_memory, plain_tensorflow
from .errors import NotEnoughMemory
from .estimate import Estimate
from .host import free_memory_of_host, resident_memory
from .recipes import Settings, parse_memory
from .segments import survey
from .tile_plan import PLAIN, TRACING, Plan, Planner, arithmetic, whole
from .trial import choose_ways
from .ways import Convolution, convolutions, tile_bytes
from .winograd_room import settle_winograd

if TYPE_CHECKING:
    from collections.abc import Callable

SHARE = 0.9  # of the free memory, which others may want some of
MARGIN = 0.93  # of the limit, for which pictures are divided: estimates are not exact
# And of the limit, from which on what tiles freed is given back: the next may take another tenth, since it
# does not fit into the pieces. With .93 VGG-19 held 4.12 GB at 4096 pixels, where 4 were allowed.
KEEP = 0.8
# Arrays of the picture's size that a step holds on the device: Adam's new and old ones and the gradient;
# SGD's; L-BFGS's beside two for each pair that it remembers.
ARRAYS = {"adam": 10, "sgd": 6, "nesterov": 6, "lbfgs": 8, "scipy": 12}
SPECTRAL_ARRAYS = 4  # L-BFGS's Fourier transforms: 3.6 were measured at 2048 pixels
LARGE_ARRAYS = 5  # Adam's, changed in place on the host, and the gradient
FINISHED = 1.75  # arrays of the finished picture, and of its 8 bits a colour while a file is made of them
# What an evaluation by TensorFlow's own convolutions holds where freed memory is kept for the next arrays
# (`allocator.py`), in pieces that the larger ones do not fit, of what it holds with oneDNN's: up to 512
# pixels, and from 1024 on. Measured: docs/large-pictures.md.
KEEPING = (1.75, 2.3)
# How many times as long an undivided evaluation takes there whose memory is given back: VGG-19 at 512 pixels
# 1.25, vgg_mini 1.47 (`benchmarks/step.py`).
UNKEPT = 1.25
LEAST_SHARE = 192  # pixels along the divided axis: below, a tile is mostly what it shares with its neighbour
LONG = 3e12  # multiplications from which on a trial tells how long they take
SPEED = 0.6  # of the matrix product's, which a step reaches


class Room:
    """Divides pictures to fit.

    Args:
        bench: the network and the losses.
        settings: of which `memory`, the optimiser, `precision` and `convolution` count.

    Attributes:
        held: bytes that the process holds whatever is painted; 0 where a GPU's memory is what counts.
        limit: most bytes that the process, or the GPU, may hold; infinite where nothing is known.
        ways: how convolutions are computed, by (height, width); see `choose_ways`.
        later: bytes of the picture's arrays on the host that come while the allocator still keeps what a
            scale's evaluations took.
        spared: bytes of kernels for Winograd's method that `held` leaves out, since tiles do without.
    """

    def __init__(self, bench: Workbench, settings: Settings):
        self.bench, self.settings = bench, settings
        self.network = find_network(bench.extractor.name)
        self.deepest = max(bench.extractor.layers, key=self.network.layers.index)
        self.style = [loss.layer for loss in bench.style_losses]
        self.content = [loss.layer for loss in bench.content_losses]
        self.ways: dict[tuple[int, int], str] = {}
        self.later = self.spared = 0.0
        self._planners: dict[str, Planner] = {}
        on_gpu = free_gpu_memory()
        self._counts_host = on_gpu is None
        self._plain = self._counts_host and plain_tensorflow()
        self.held = 0.0 if on_gpu is not None else resident_memory() + TRACING
        free = on_gpu if on_gpu is not None else free_memory_of_host()
        self.free = None if free is None else free + (0.0 if on_gpu is not None else resident_memory())
        asked = parse_memory(settings.memory)
        self.limit = asked or (math.inf if self.free is None else SHARE * self.free)

    def choose_ways(self, sizes: Sequence[tuple[int, int]], steps: Sequence[int]) -> None:
        """Sets `ways` for the sizes that a picture is painted at, with so many steps each.

        Winograd's method takes memory of its own: where it was not asked for, a size is painted directly
        if that spares dividing the picture, or smaller tiles that cost more than it gains.

        Raises:
            NotEnoughMemory: the largest does not fit, however convolutions are computed.
            UsageError: Winograd's method is asked for where it is not there.
        """
        self.later = 12.0 * math.prod(sizes[-1]) * FINISHED * self._counts_host
        plan = self.plan(sizes[-1])
        if self._on_host(plan):
            self.later = max(self.later, self.arrays(sizes[-1], plan))
        scales = [(*size, count) for size, count in zip(sizes, steps, strict=True)]
        chosen = choose_ways(self.settings, self.network, self.deepest, scales)
        self.ways = dict(zip(sizes, chosen, strict=True))
        if "winograd" in chosen:
            settle_winograd(self, sizes)

    def convolutions(self, size: tuple[int, int]) -> list[Convolution]:
        """Those that are computed of a picture of this size."""
        return convolutions(self.network, self.deepest, *size)

    def _undivided(self, size: tuple[int, int]) -> Plan:
        plan = whole(self.bench.extractor, size, self.style, self.content)
        if self.ways.get(size) == "winograd":
            plan = replace(plan, memory=plan.memory + tile_bytes(self.convolutions(size)) + self.spared)
        return plan

    def arrays(self, size: tuple[int, int], plan: Plan) -> float:
        """Bytes of the picture's own arrays in memory."""
        if plan.picture_on_disk:
            count = 0.0
        elif self._on_host(plan):
            count = LARGE_ARRAYS
        else:
            name, history = self.settings.optimizer_for(plan.divided), 2 * self.settings.history
            count = ARRAYS[name] + (history if name in ("lbfgs", "scipy") else 0)
            count += SPECTRAL_ARRAYS if name == "lbfgs" and self.settings.spectrum else 0
        return 12.0 * math.prod(size) * count

    def _on_host(self, plan: Plan) -> bool:
        """Whether a picture's arrays are changed in place on the host, or in files: `LargeAdam`."""
        return plan.divided and self._adam_in_tiles

    @property
    def _adam_in_tiles(self) -> bool:
        return self.settings.optimizer_for(divided=True) == "adam"

    def _beside(self, size: tuple[int, int], plan: Plan) -> float:
        """Bytes of all arrays of a picture's size that are there with what the evaluations took.

        TensorFlow's allocator for oneDNN never gives back to the system what it had once, so that this is
        still there when a finer scale's arrays, or the finished picture's, come. What tiles keep by
        `allocator.py` is given back before.
        """
        arrays = self.arrays(size, plan)
        if not self._on_host(plan):
            return arrays + self.later
        return arrays if self._plain else max(arrays, self.later)

    def memory(self, size: tuple[int, int], plan: Plan) -> float:
        """Most bytes that are held, from a step at this size to the finished picture, as estimated."""
        return self.held + max(plan.memory + self._beside(size, plan), self.later)

    def plan(self, size: tuple[int, int]) -> Plan:
        """The plan of least work that fits.

        Raises:
            NotEnoughMemory: none does.
        """
        undivided = self._undivided(size)
        options = self._kept_and_not(size, undivided)
        fitting = [option for option in options if self.memory(size, option) <= MARGIN * self.limit]
        if fitting and not fitting[0].keeps and (tiles := self._kept_in_tiles(size, undivided)):
            return tiles
        if fitting or not self._divisible():
            return self._checked(size, self._shared(size, [*fitting, options[-1]][0]))
        for on_disk in (False, True) if self._adam_in_tiles else (False,):
            if plan := self._tiled(size, undivided, on_disk):
                return self._checked(size, plan)
        smallest = self._planner(self.ways.get(size, "direct")).smallest(size)
        return self._checked(size, replace(smallest, picture_on_disk=self._adam_in_tiles))

    def _tiled(self, size: tuple[int, int], undivided: Plan, on_disk: bool = False) -> Plan | None:
        """The tiles of least work that fit; `on_disk`: with the picture's own arrays in files."""
        spare = replace(undivided, points=(), tiles=((2, 1),), picture_on_disk=on_disk)
        budget = MARGIN * self.limit - self.held - self._beside(size, spare)
        plan = self._planner(self.ways.get(size, "direct")).best(size, budget)
        return plan and replace(plan, picture_on_disk=on_disk)

    def _kept_in_tiles(self, size: tuple[int, int], undivided: Plan) -> Plan | None:
        """Tiles that keep memory, where their further work costs less than giving it back does."""
        if not (self._plain and can_keep() and self._divisible()):
            return None
        plan = self._tiled(size, undivided)
        work = 2 * self._arithmetic(size) * math.prod(size)  # of the whole: forward and back
        return plan if plan and plan.work < UNKEPT * work else None

    def _arithmetic(self, size: tuple[int, int]) -> float:
        """Multiplications for each pixel, once forward, in the way that is taken at this size."""
        segment = survey(self.bench.extractor, 0, len(self.bench.extractor.model.operations))
        return arithmetic(segment, self.ways.get(size, "direct"))

    def _kept_and_not(self, size: tuple[int, int], plan: Plan) -> list[Plan]:
        """A plan with freed memory kept, where that is faster, and without."""
        if not self._plain:
            return [plan]
        unkept = replace(plan, memory=PLAIN * plan.memory)
        doublings = 0.5 * math.log2(math.prod(size) / 512**2)
        kept = float(np.interp(doublings, (0, 1), KEEPING)) * plan.memory
        return [replace(plan, keeps=True, memory=kept), unkept] if can_keep() else [unkept]

    def _shared(self, size: tuple[int, int], undivided: Plan) -> Plan:
        """A tile for each device that shares the work, side by side along the longer axis."""
        count = min(len(current_devices()), max(size) // LEAST_SHARE)
        if count < 2 or not self._divisible():
            return undivided
        return replace(
            undivided,
            tiles=((count, 1) if size[0] == max(size) else (1, count),),
            work=3 * self._arithmetic(size) * math.prod(size) / count,  # of each device
            way=self.ways.get(size, "direct"),
        )

    def style_plan(self, size: tuple[int, int], beside: float = 0.0) -> Plan | None:
        """How to take a style's statistics; None for all at once.

        Args:
            size: (height, width) of the style's picture.
            beside: bytes that the picture that is painted holds meanwhile.
        """
        undivided = whole(self.bench.extractor, size, self.style, ())
        room = MARGIN * self.limit - self.held - beside
        if undivided.memory <= room or not self._divisible():
            return None
        planner = self._planner("direct")  # statistics are computed directly
        return planner.best(size, room, content=False) or planner.smallest(size, content=False)

    def _planner(self, way: str) -> Planner:
        if way not in self._planners:
            self._planners[way] = Planner(self.bench.extractor, self.style, self.content, way, self._plain)
        return self._planners[way]

    def _divisible(self) -> bool:
        return self.bench.undivided_because is None

    def _checked(self, size: tuple[int, int], plan: Plan) -> Plan:
        needed = self.memory(size, plan)
        if needed <= self.limit:
            return plan
        because = self.bench.undivided_because
        raise NotEnoughMemory(
            f"A picture of {size[1]}×{size[0]} takes about {needed / 1e9:.1f} GB of memory"
            + (f", since it cannot be divided ({because})" if because else " at the least")
            + "; choose a smaller size or network, "
            + ("" if self._adam_in_tiles else "the optimiser adam, ")
            + f"or allow more memory. Received: {self.limit / 1e9:.1f} GB"
        )

    def shrink(self, size: tuple[int, int], plan: Plan) -> bool:
        """After memory ran out all the same: takes that much for the limit, and less; whether it can."""
        fixed = self.held + self.later
        limit = fixed + 0.5 * (min(self.memory(size, plan), self.limit) - fixed)
        before, self.limit = self.limit, limit
        try:
            return self.plan(size) != plan
        except NotEnoughMemory:
            self.limit = before
            return False

    def estimate(self, sizes: Sequence[tuple[int, int]], steps: Sequence[int]) -> Estimate:
        """What painting takes, of so many steps at each of these sizes.

        Raises:
            NotEnoughMemory: it does not fit.
            UsageError: as `choose_ways`.
        """
        self.choose_ways(sizes, steps)
        plans = [self.plan(size) for size in sizes]
        work = sum(plan.work * count for plan, count in zip(plans, steps, strict=True))
        last = plans[-1]
        files = last.files + (60.0 * math.prod(sizes[-1]) if last.picture_on_disk else 0.0)
        return Estimate(
            max(self.memory(size, plan) for size, plan in zip(sizes, plans, strict=True)),
            self.free,
            2 * work / (SPEED * arithmetic_per_second()) if work > LONG else None,
            last.divided,
            files,
        )


@cache
def arithmetic_per_second() -> float:
    """Multiplications and additions a second in a product of float32 matrices here: a trial of about .1 s."""
    side = 1024
    matrix = to_tensor(np.random.default_rng(0).standard_normal((side, side), "float32"))
    multiply: Callable[[], object] = lambda: float((matrix @ matrix)[0, 0])  # noqa: E731
    multiply()
    began = time.perf_counter()
    for _ in range(3):
        multiply()
    return 3 * 2 * side**3 / (time.perf_counter() - began)
