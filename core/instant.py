"""Any style in one pass: `--method instant`.

    from impasto.core.instant import instant_painter
    instant_painter().paint(photograph, [painting])  # (height, width, 3) of 0-1

The bundled network looks at the picture and at the style. At several depths the least change is found that
gives the picture's features the style's mean and covariance (`transport.py`), and a decoder that was trained
once for all styles (`models/instant.py`) changes the picture accordingly. That is one pass; a few of them,
coarse to fine (`instant_scales.py`), paint.

Distant parts of the picture share nothing but those statistics. So a large one is painted in tiles without
seams: the statistics are added up over all tiles first, and each tile sees as far as the whole would.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from keras import ops

from impasto.models.instant import GATES, LEVELS, load_instant

from .backend import Tensor, Tree, compile_function, to_numpy, to_tensor
from .features import Extractor
from .instant_maps import (
    CONTENT_WEIGHT,
    Moments,
    Sums,
    added,
    blended,
    changes,
    moments_from,
    smoothing,
    weighted_sums,
)
from .instant_scales import DETAIL, joined, reduced, schedule
from .ways import in_way

STRIDE = 8  # pixels of the picture to a position of the deepest level
TILE = 1088  # longest side, in pixels, of what is painted in one piece; it is looked at once, tiles twice
HALO = 80  # how far beyond a tile a pixel in it can see, in pixels; tests/core/test_instant.py measures it
WHOLE = 0.5  # the strength of one whole pass; beyond it the painting is painted once more
LEAST_REGION = 256.0  # pixels; a smaller region has no statistics of its own and takes the picture's

Window = tuple[slice, slice]
Sight = Callable[[Window], Tree]


@dataclass(frozen=True)
class InstantPainter:
    """The encoder and the decoder, loaded.

    Attributes:
        extractor: the bundled network, cut above the deepest level.
        decoder: see `models/instant.py`.
        tile: longest side of what is painted in one piece, in pixels, a multiple of `STRIDE`.
    """

    extractor: Extractor
    decoder: Any
    tile: int = TILE
    _see: Callable[..., Tree] = field(init=False, repr=False)
    _sum: Callable[..., Tree] = field(init=False, repr=False)
    _draw: Callable[..., Tree] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_see", compile_function(self._levels))
        object.__setattr__(self, "_sum", compile_function(self._level_sums))
        object.__setattr__(self, "_draw", compile_function(self._decoded))

    def paint(
        self,
        content: np.ndarray,
        styles: Sequence[np.ndarray],
        *,
        blend: Sequence[float] | None = None,
        strength: float = WHOLE,
        masks: Sequence[np.ndarray] | None = None,
        on_tile: Callable[[int, int, np.ndarray], None] = lambda done, tiles, picture: None,
    ) -> np.ndarray:
        """Paints a photograph.

        Args:
            content: (height, width, 3) float32 of 0-1, 16 pixels a side or more.
            styles: such arrays of any size, each with its strokes as large as they are to be.
            blend: a weight for each style, summing to 1; equal by default.
            strength: 0 leaves the photograph, 0.5 goes all the way to the style; above that the painting
                is painted once more, at 1 as strongly as the first time.
            masks: where each style goes, (height, width) of 0-1, of the content's size. Statistics are
                taken in each region apart. What no mask covers stays a photograph.
            on_tile: called after each tile with (tiles done, tiles in all, the picture so far); may raise.

        Returns:
            (height, width, 3) float32 of 0-1.
        """
        weights = list(blend or [1 / len(styles)] * len(styles))
        shares = [share for share in (min(1.0, strength / WHOLE), strength / WHOLE - 1) if share > 0] or [0.0]
        regions = None if masks is None else _regions(masks, weights)
        plan = schedule(*content.shape[:2])
        targets = []
        for shrink, _ in plan:
            each = [self.statistics(reduced(style, shrink)) for style in styles]
            targets.append([blended(each, weights)] if regions is None else each)
        tiles = len(shares) * sum(passes * self._tiles(reduced(content, shrink)) for shrink, passes in plan)
        done, picture = 0, content
        for share in shares:
            photograph, before = picture, None
            for (shrink, passes), aims in zip(plan, targets, strict=True):
                small = reduced(photograph, shrink)
                kept = self._kept(regions, shrink, share)
                picture = small if before is None else joined(small, *before, kept)
                where = None if regions is None else _padded(reduced(regions, shrink))
                wanted = self._wanted(small)
                for _ in range(passes):
                    picture = _padded(picture)
                    painted = picture.copy()
                    for window, pixels in self._pass(picture, wanted, aims, where, share):
                        painted[window], done = np.clip(pixels, 0, 1), done + 1
                        so_far = painted[: small.shape[0], : small.shape[1]]
                        shown = so_far if shrink == 1 else joined(photograph, small, so_far, 1.0)
                        on_tile(done, tiles, shown)
                    picture = painted[: small.shape[0], : small.shape[1]]
                before = small, picture
        return picture

    def statistics(
        self, picture: np.ndarray, weights: np.ndarray | None = None, sight: Sight | None = None
    ) -> list[Moments]:
        """A picture's statistics at each level, its colours first.

        Args:
            picture: (height, width, 3) of 0-1.
            weights: (height, width, 1), how much each pixel counts; all alike by default.
            sight: `_sight` of the picture, where there is one already.
        """
        picture = _padded(picture)
        sight = sight or self._sight(picture)
        weights = np.ones((*picture.shape[:2], 1), "float32") if weights is None else _padded(weights)
        sums: Sums | None = None
        for inner, outer in self._windows(picture):
            sums = added(sums, self._sum(sight(outer), self._place(weights, inner, outer)))
        return moments_from(sums or [])

    @staticmethod
    def _kept(regions: np.ndarray | None, shrink: int, share: float) -> Any:
        """How much of the photograph's detail stays, at each pixel."""
        painted = 1.0 if regions is None else reduced(regions, shrink).sum(axis=-1, keepdims=True)
        return 1 - (1 - DETAIL) * share * painted

    def _wanted(self, photograph: np.ndarray) -> tuple[Sight, float]:
        """The photograph's own content, and how much it counts: by its energy, as in the loss."""
        photograph = _padded(photograph)
        sight = self._sight(photograph)
        energy = 0.0
        for inner, outer in self._windows(photograph):
            own = [slice((i.start - o.start) // STRIDE, (i.stop - o.start) // STRIDE)
                   for i, o in zip(inner, outer, strict=True)]  # fmt: skip
            energy += float(np.sum(np.square(to_numpy(sight(outer)[len(LEVELS)])[0][tuple(own)])))
        mean = energy * STRIDE**2 / (photograph.shape[0] * photograph.shape[1])
        return lambda window: sight(window)[len(LEVELS)], CONTENT_WEIGHT / (mean + 1e-8)

    def _pass(
        self,
        picture: np.ndarray,
        wanted: tuple[Sight, float],
        targets: list[list[Moments]],
        regions: np.ndarray | None,
        share: float,
    ) -> Iterator[tuple[Window, np.ndarray]]:
        """Paints tile by tile: (where in the picture, pixels)."""
        sight = self._sight(picture)
        own, maps = self.statistics(picture, sight=sight), []
        for i, target in enumerate(targets):
            source = own
            if regions is not None and regions[..., i].sum() >= LEAST_REGION:
                source = self.statistics(picture, regions[..., i : i + 1], sight)
            maps.append(changes(source, target, share))
        tensors = [[tuple(map(to_tensor, one)) for one in level] for level in zip(*maps, strict=True)]
        for inner, outer in self._windows(picture):
            where = [] if regions is None else [_tensor(regions[outer])]
            content = (wanted[0](outer), to_tensor(np.float32(wanted[1])), to_tensor(np.float32(share)))
            pixels = to_numpy(self._draw(sight(outer), tensors, where, content))[0]
            top, left = inner[0].start - outer[0].start, inner[1].start - outer[1].start
            height, width = inner[0].stop - inner[0].start, inner[1].stop - inner[1].start
            yield inner, pixels[top : top + height, left : left + width]

    def _tiles(self, picture: np.ndarray) -> int:
        return len(list(self._windows(_padded(picture))))

    def _sight(self, picture: np.ndarray) -> Sight:
        """A function from windows to the levels there; a picture of one window is looked at once."""

        def see(outer: Window) -> Tree:
            return self._see(_tensor(picture[outer]))

        windows = list(self._windows(picture))
        if len(windows) > 1:
            return see
        levels = see(windows[0][1])
        return lambda outer: levels

    def _windows(self, picture: np.ndarray) -> Iterator[tuple[Window, Window]]:
        """For each tile where it lies, and where what it sees lies: cut off at the picture's border only."""
        axes = []
        for length in picture.shape[:2]:
            count = -(-length // self.tile)
            side = -(-length // count // STRIDE) * STRIDE
            starts = range(0, length, side)
            axes.append(
                [
                    (slice(s, min(s + side, length)), slice(max(0, s - HALO), min(s + side + HALO, length)))
                    for s in starts
                ]
            )
        for (rows, outer_rows), (columns, outer_columns) in product(*axes):
            yield (rows, columns), (outer_rows, outer_columns)

    def _place(self, weights: np.ndarray, inner: Window, outer: Window) -> Tensor:
        """A tile's weights, nothing beyond its own border."""
        own = np.zeros_like(weights[outer])
        top, left = inner[0].start - outer[0].start, inner[1].start - outer[1].start
        part = weights[inner]
        own[top : top + part.shape[0], left : left + part.shape[1]] = part
        return _tensor(own)

    # ------------------------------------------------------------ compiled

    def _levels(self, picture: Tensor) -> list[Tensor]:
        features = self.extractor(picture)
        return [picture, *(ops.cast(features[layer], picture.dtype) for layer in (*LEVELS, *GATES))]

    def _level_sums(self, levels: Tree, weights: Tensor) -> Tree:
        moved = levels[: len(LEVELS) + 1]
        return [weighted_sums(level, own) for level, own in zip(moved, _pyramid(weights), strict=True)]

    def _decoded(self, levels: Tree, maps: Tree, regions: Tree, content: Tree) -> Tensor:
        own, gates = levels[: len(LEVELS) + 1], levels[len(LEVELS) + 1 :]
        every, wanted = _pyramid(regions[0]) if regions else [None] * len(own), []
        for level, affine, where in zip(own, maps, every, strict=True):
            change = [_mapped(level, *one) for one in affine]
            wanted.append(
                change[0]
                if where is None
                else sum(where[..., i : i + 1] * one for i, one in enumerate(change))
            )
        target, weight, share = content
        smooth = share * smoothing(own[0])
        if regions:
            smooth = smooth * ops.sum(regions[0], axis=-1, keepdims=True)
        wanted[-1] = wanted[-1] + weight * (target - own[-1])
        return self.decoder([own[0], *gates, *own[1:], smooth, *wanted], training=False)


def _mapped(level: Tensor, matrix: Tensor, offset: Tensor) -> Tensor:
    """x A + b at every position: as one matrix product, which is quicker than one for each row."""
    rows = ops.reshape(level, (-1, level.shape[-1]))
    return ops.reshape(ops.matmul(rows, matrix) + offset, ops.shape(level))


def _pyramid(weights: Tensor) -> list[Tensor]:
    """Weights (1, height, width, n) at the picture's resolution and at each level's."""
    levels = [weights, weights]  # the first block does not pool
    while len(levels) <= len(LEVELS):
        levels.append(ops.average_pool(levels[-1], 2))
    return levels


def _tensor(array: np.ndarray) -> Tensor:
    return to_tensor(np.ascontiguousarray(array[None], "float32"))


def _padded(array: np.ndarray) -> np.ndarray:
    """Mirrors the last rows and columns until both sides are multiples of `STRIDE`."""
    beyond = [(0, -side % STRIDE) for side in array.shape[:2]]
    return np.pad(array, (*beyond, (0, 0)), mode="symmetric") if any(map(any, beyond)) else array


def _regions(masks: Sequence[np.ndarray], weights: Sequence[float]) -> np.ndarray:
    """Each style's share of every pixel, (height, width, styles); where masks overlap, by the blend."""
    regions = np.stack(
        [mask * weight * len(weights) for mask, weight in zip(masks, weights, strict=True)], axis=-1
    )
    return (regions / np.maximum(regions.sum(axis=-1, keepdims=True), 1)).astype("float32")


@lru_cache(maxsize=2)
def instant_painter(weights: Path | None = None, way: str = "direct") -> InstantPainter:
    """The painter, loaded once a process.

    Args:
        weights: the decoder's file; by default the bundled one.
        way: how both networks' convolutions are computed, see `ways.in_way`; statistics and the maps
            between them are in float32 in any.

    Raises:
        WeightsError: the weights are missing or damaged, or were trained with another encoder.
    """
    extractor = Extractor("vgg_mini", (*GATES, *LEVELS), first_padding="replicate")
    return InstantPainter(extractor.in_way(way), in_way(load_instant(weights), way))
