"""Any style in one pass: `--method instant`.

    from impasto.core.instant import instant_painter
    instant_painter().paint(photograph, [painting])  # (height, width, 3) of 0-1

The bundled network looks at the picture and at the style. At several depths the least change is found that
gives the picture's features the style's mean and covariance (`transport.py`), and a decoder that was trained
once for all styles (`models/instant.py`) changes the picture accordingly. That is one pass. A picture gets
its first strokes small (`instant_strokes.py`) and then one pass at each size, coarse to fine, the last of a
lighter decoder (`instant_scales.py`).

Distant parts of the picture share nothing but those statistics. So a large one is painted in tiles without
seams: the statistics are added up over all tiles first, and each tile sees as far as the whole would.

The two networks run in ONNX Runtime (`instant_onnx.py`) or in Keras (`instant_keras.py`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from impasto.models.instant import LEVELS, LIGHT_LEVELS

from .instant_maps import CONTENT_WEIGHT, Moments, Sums, added, blended, changes, moments_from, pyramid
from .instant_runtime import Content, Maps, Runtime, Seen
from .instant_scales import DETAIL, finer, joined, reduced, schedule, with_detail
from .instant_strokes import LEARNING_RATE, LEAST_REGION, STEPS, STROKES_A_MAP, recoloured, strokes
from .instant_tiles import MARGIN, STRIDE, Window, inside, padded, placed, unpadded, windows

# Longest side in pixels of what is painted in one piece, with its margin; it is looked at once, tiles twice.
TILE = 1088 + 2 * MARGIN
WHOLE = 0.5  # the strength of one whole pass; beyond it the painting is painted once more
KNOWN = 40  # statistics of styles that are kept, 2.7 MB each: thirteen styles at three sizes
# The last pass goes this much further than the decoder says (over-relaxation, Young 1954): trained to be
# right on the mean over all styles, it is cautious. docs/instant.md has what other numbers give.
RELAXATION = 1.2

Sight = Callable[[Window], Seen]
# Called with: tiles done, tiles in all, and what makes the picture so far, as it is when that is called.
OnTile = Callable[[int, int, Callable[[], np.ndarray]], None]


@dataclass(frozen=True)
class InstantPainter:
    """Paints with an encoder and a decoder that are loaded.

    Attributes:
        runtime: what runs them.
        tile: longest side of what is painted in one piece, in pixels, a multiple of `STRIDE`.
        known: statistics of the latest styles: whoever paints many pictures comes back to the same few.
    """

    runtime: Runtime
    tile: int = TILE
    known: dict[tuple[bytes, int, int, int], list[Moments]] = field(default_factory=dict, repr=False)

    def paint(
        self,
        content: np.ndarray,
        styles: Sequence[np.ndarray],
        *,
        blend: Sequence[float] | None = None,
        strength: float = WHOLE,
        masks: Sequence[np.ndarray] | None = None,
        begun: tuple[np.ndarray, np.ndarray] | None = None,
        on_tile: OnTile = lambda done, tiles, look: None,
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
            begun: the photograph at a smaller size, and a painting of it there, by whomever: the passes at
                the full size go on from that one, up to the strength of a whole pass.
            on_tile: called after each tile; may raise.

        Returns:
            (height, width, 3) float32 of 0-1.
        """
        weights = list(blend or [1 / len(styles)] * len(styles))
        shares = [share for share in (min(1.0, strength / WHOLE), strength / WHOLE - 1) if share > 0] or [0.0]
        regions = None if masks is None else _regions(masks, weights)
        plan = schedule(*content.shape[:2])
        if begun is not None:
            plan, shares = plan[-1:], shares[:1]
        levels = [len(LEVELS)] * len(plan)
        if len(plan) > 1:  # a third of the work; a painting of somebody else's has no pass before it
            levels[-1] = LIGHT_LEVELS
        seen = [self._of_style(style, plan, levels) for style in styles]
        each = [list(some) for some in zip(*seen, strict=True)]
        targets = each if regions is not None else [[blended(some, weights)] for some in each]
        photographs = [reduced(content, shrink) for shrink in plan]
        places = [None if regions is None else reduced(regions, shrink) for shrink in plan]
        done, photograph = 0, content
        # The first strokes count as one tile.
        tiles = len(shares) * (sum(map(self._tiles, photographs)) + (begun is None))
        for share in shares:
            if done:  # the painting is painted once more
                photographs = [reduced(photograph, shrink) for shrink in plan]
            before = begun
            for at, (shrink, small, place) in enumerate(zip(plan, photographs, places, strict=True)):
                aims, where = targets[at], None if place is None else padded(place)
                told = self._contents(small, levels[at])
                if before is None:
                    picture = self._strokes(place, small, told, aims, where, share)
                    done += 1
                    on_tile(done, tiles, partial(_shown, photograph, small, picture))
                else:
                    detail, kept = finer(small, before[0]), _kept(place, share)
                    picture = with_detail(before[1], detail, kept)
                further = RELAXATION if shrink == 1 else 1.0
                picture = padded(picture)
                painted, sight = picture.copy(), self._sight(picture, levels[at])
                maps = self._maps(sight, picture, small, aims, where, share)
                task = self.runtime.draw, sight, picture, maps, told, where, share
                for window, pixels in self._drawn(*task):
                    own = picture[window]
                    painted[window], done = np.clip(own + further * (pixels - own), 0, 1), done + 1
                    so_far = unpadded(painted, small)
                    on_tile(done, tiles, partial(_shown, photograph, small, so_far))
                before = small, unpadded(painted, small)
            photograph = unpadded(painted, small)
        return photograph

    def _strokes(
        self,
        place: np.ndarray | None,
        small: np.ndarray,
        contents: Sequence[Content | None],
        targets: list[list[Moments]],
        regions: np.ndarray | None,
        share: float,
    ) -> np.ndarray:
        """The photograph in the style's colours and with the first strokes."""
        maps: Maps = ()
        step = 0

        def descent(picture: np.ndarray) -> np.ndarray:
            nonlocal maps, step
            picture = padded(picture)
            sight = self._sight(picture, len(LEVELS))
            if step % STROKES_A_MAP == 0:
                maps = self._maps(sight, picture, small, targets, regions, share)
            step, found = step + 1, np.empty_like(picture)
            task = self.runtime.descent, sight, picture, maps, contents, regions, share
            for window, values in self._drawn(*task):
                found[window] = values
            return unpadded(found, small)

        # Adam's steps are of one size however small the gradient: nothing is painted where no mask lies.
        covered = 1.0 if place is None else place.sum(axis=-1, keepdims=True)
        picture = recoloured(small, [levels[0] for levels in targets], place, share)
        return strokes(picture, descent, LEARNING_RATE * share * covered, STEPS)

    def _of_style(
        self, style: np.ndarray, shrinks: Sequence[int], levels: Sequence[int]
    ) -> list[list[Moments]]:
        """A style's statistics at some sizes, of so many levels each; the latest are remembered."""
        digest = hashlib.blake2b(repr(style.shape).encode())
        digest.update(np.ascontiguousarray(style).data)
        found = []
        for shrink, depth in zip(shrinks, levels, strict=True):
            # Those that were added up in other tiles differ by rounding.
            key = digest.digest(), shrink, depth, self.tile
            if key not in self.known:
                self.known[key] = self.statistics(reduced(style, shrink), levels=depth)
            found.append(self.known.pop(key))
            self.known[key] = found[-1]  # the latest
        while len(self.known) > KNOWN:
            del self.known[next(iter(self.known))]
        return found

    def statistics(
        self, picture: np.ndarray, weights: np.ndarray | None = None, levels: int = len(LEVELS)
    ) -> list[Moments]:
        """A picture's statistics at each level, its colours first.

        Args:
            picture: (height, width, 3) of 0-1.
            weights: (height, width, 1), how much each pixel counts; all alike by default.
            levels: how many, as `Runtime.see`.
        """
        if weights is None:
            weights = np.ones((*picture.shape[:2], 1), "float32")
        picture = padded(picture)
        return self._statistics(picture, padded(weights, "constant"), levels, self._sight(picture, levels))

    def _statistics(
        self, picture: np.ndarray, weights: np.ndarray, levels: int, sight: Sight
    ) -> list[Moments]:
        """The same of a padded picture, with weights that are nothing in the margin."""
        sums: Sums | None = None
        for inner, outer in windows(picture, self.tile):
            own = pyramid(placed(weights, inner, outer), levels)
            sums = added(sums, self.runtime.sums(sight(outer), own))
        return moments_from(sums or [])

    def _contents(self, photograph: np.ndarray, depth: int) -> Sequence[Content | None]:
        """The photograph's own content in each tile, which counts by its energy, as in the loss.

        The decoder of so many levels has none where it is the light one.
        """
        if depth < len(LEVELS):
            return [None] * self._tiles(photograph)
        photograph = padded(photograph)
        levels, energy = [], 0.0
        for inner, outer in windows(photograph, self.tile):
            levels.append(self.runtime.deepest(np.ascontiguousarray(photograph[outer], "float32")))
            energy += float(np.sum(np.square(levels[-1][0][inside(inner, outer, STRIDE)])))
        mean = energy * STRIDE**2 / (photograph.shape[0] * photograph.shape[1])
        return [(level, CONTENT_WEIGHT / (mean + 1e-8)) for level in levels]

    def _tiles(self, picture: np.ndarray) -> int:
        return len(list(windows(padded(picture), self.tile)))

    def _maps(
        self,
        sight: Sight,
        picture: np.ndarray,
        small: np.ndarray,
        targets: list[list[Moments]],
        regions: np.ndarray | None,
        share: float,
    ) -> Maps:
        """For each level of a padded picture what brings it to each target's statistics."""
        levels = len(targets[0]) - 1  # the colours are none
        every = padded(np.ones((*small.shape[:2], 1), "float32"), "constant")
        own, maps = self._statistics(picture, every, levels, sight), []
        for i, target in enumerate(targets):
            source = own
            if regions is not None and (weights := every * regions[..., i : i + 1]).sum() >= LEAST_REGION:
                source = self._statistics(picture, weights, levels, sight)
            maps.append(changes(source, target, share))
        return list(zip(*maps, strict=True))

    def _drawn(
        self,
        network: Callable[..., np.ndarray],
        sight: Sight,
        picture: np.ndarray,
        maps: Maps,
        contents: Sequence[Content | None],
        regions: np.ndarray | None,
        share: float,
    ) -> Iterator[tuple[Window, np.ndarray]]:
        """What `Runtime.draw` or `descent` makes of a padded picture, by tiles: (where in it, values)."""
        for (inner, outer), content in zip(windows(picture, self.tile), contents, strict=True):
            where = None if regions is None else pyramid(regions[outer], len(maps) - 1)
            values = network(sight(outer), maps, where, content, share)
            yield inner, values[inside(inner, outer)]

    def _sight(self, picture: np.ndarray, levels: int) -> Sight:
        """A function from windows to the levels there; a picture of one window is looked at once."""

        def see(outer: Window) -> Seen:
            return self.runtime.see(np.ascontiguousarray(picture[outer], "float32"), levels)

        where = list(windows(picture, self.tile))
        if len(where) > 1:
            return see
        seen = see(where[0][1])
        return lambda outer: seen


def _shown(photograph: np.ndarray, small: np.ndarray, painted: np.ndarray) -> np.ndarray:
    """The picture so far, at its full size."""
    return painted if painted.shape == photograph.shape else joined(photograph, small, painted, 1.0)


def _kept(regions: np.ndarray | None, share: float) -> Any:
    """How much of the photograph's detail stays, at each pixel."""
    painted = 1.0 if regions is None else regions.sum(axis=-1, keepdims=True)
    return 1 - (1 - DETAIL) * share * painted


def _regions(masks: Sequence[np.ndarray], weights: Sequence[float]) -> np.ndarray:
    """Each style's share of every pixel, (height, width, styles); where masks overlap, by the blend."""
    regions = np.stack(
        [mask * weight * len(weights) for mask, weight in zip(masks, weights, strict=True)], axis=-1
    )
    return (regions / np.maximum(regions.sum(axis=-1, keepdims=True), 1)).astype("float32")


@lru_cache(maxsize=2)
def instant_painter(way: str = "onnx", weights: Path | None = None) -> InstantPainter:
    """The painter, loaded once a process.

    Args:
        way: `onnx`: in ONNX Runtime, on the processor, in float32. Anything else in Keras, where its backend
            runs: how both networks' convolutions are computed, see `ways.in_way`; statistics and the maps
            between them are in float32 in any.
        weights: the decoder's file; by default the bundled one.

    Raises:
        WeightsError: the weights are missing or damaged, or were trained with another encoder.
    """
    if way == "onnx":
        from .instant_onnx import OnnxRuntime

        return InstantPainter(OnnxRuntime.load(weights))
    from .instant_keras import KerasRuntime

    return InstantPainter(KerasRuntime.load(way, weights))
