"""The exact loss and gradient of a picture that does not fit into memory: segment by segment, tile by tile.

A style loss is a function of sums over positions, so its gradient by the features of a tile depends on the
other tiles only through those sums. First the network is run forward, without gradients, and the sums are
added up in float64; then the fixed slopes by the sums are sent back, tile by tile, and the overlapping
gradients by the picture are added. Nothing is approximated: the result is that of `Objective`, to
rounding.

The network is cut at some of its poolings (`segments.py`). The small maps there are kept between the two
passes, so that a tile needs the halo of its own segment only, and the last segment, where it fits into
memory as a whole, is run once, forward and backward. `tile_plan.py` decides where to cut.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import keras
import numpy as np

from . import stores
from .backend import Tensor, Tree, compile_function, gradient, to_numpy, to_tensor
from .banded_losses import BandedLosses
from .losses import Loss
from .objective import ImageLoss
from .segments import cut
from .summed_losses import Sums, summed
from .tile_forward import Job, Mapper, run_forward, run_here
from .tile_functions import FUNCTIONS, Address, SegmentFunctions
from .tile_grid import Tile, grid
from .tile_plan import Plan
from .tile_targets import arguments_for, content_maps
from .tile_windows import own_only, window


class TiledObjective:
    """An `Objective` in fixed memory: the same call, targets and weights.

    Args:
        extractor: an `Extractor`.
        losses: on features; see `summed_losses.SUMMED`.
        image_losses: `TotalVariation`, or none.
        mapper: calls a function for each of many (tile, arguments) and gives the results as they come, each
            with its tile; by default one after the other, here.

    Raises:
        UsageError: a loss cannot be taken apart; the message says why.
    """

    def __init__(
        self,
        extractor: Any,
        losses: Sequence[Loss],
        image_losses: Sequence[ImageLoss] = (),
        mapper: Mapper = run_here,
    ) -> None:
        self.extractor, self.losses, self.image_losses = extractor, list(losses), list(image_losses)
        self.mapper = mapper
        self._summed = {loss.name: summed(loss) for loss in self.losses}
        every: list[Any] = [*self.losses, *self.image_losses]
        self.weights: dict[str, float] = {loss.name: loss.weight for loss in every}
        self._parts_of: dict[tuple[tuple[int, ...], str], list[SegmentFunctions]] = {}
        self._targets: dict[str, Any] | None = None
        self._maps: dict[str, np.ndarray] = {}
        self._slopes = compile_function(self._compared)
        self._bands = BandedLosses(self.image_losses)

    def arrange(self, plan: Plan) -> None:
        """Sets where the network is cut, and into how many tiles each segment; drops the targets."""
        self.plan = plan
        self.let_go()
        self._parts = self._parts_for(plan)

    def let_go(self) -> None:
        """Drops the targets, which at print sizes take as much as the picture."""
        self._targets, self._maps = None, {}

    def _parts_for(self, plan: Plan) -> list[SegmentFunctions]:
        key = plan.points, plan.way
        if key not in self._parts_of:
            segments = cut(self.extractor, *key)
            self._parts_of[key] = [SegmentFunctions(segment, self._summed) for segment in segments]
        return self._parts_of[key]

    @property
    def targets(self) -> dict[str, Any] | None:
        """As `Objective.targets`; maps stay arrays on the host, or on the disk."""
        return self._targets

    @targets.setter
    def targets(self, targets: Mapping[str, Any]) -> None:
        missing = [loss.name for loss in self.losses if loss.name not in targets]
        if missing:
            raise ValueError(f"Losses without a target. Expected all. Missing: {missing}")
        whole = self._parts[-1] if self.plan.last_is_whole else None
        self._targets, self._maps = {}, {}
        for part in self._parts:
            for name, one in part.summed.items():
                target = targets[name]
                if one.has_map and part is not whole:
                    self._maps[name] = target if isinstance(target, np.ndarray) else to_numpy(target)
                    self._targets[name] = {"channels": np.float32(target.shape[-1])}
                else:
                    self._targets[name] = keras.tree.map_structure(to_tensor, one.loss.prepare(target))

    def __call__(self, image: Any) -> tuple[Any, dict[str, Any], Any]:
        """Evaluates the loss and its gradient; see `Objective.__call__`.

        Args:
            image: (1, height, width, 3) of 0-1: a tensor, or an array on the host.

        Returns:
            The loss; each loss's weighted part; the gradient by the picture, a tensor for a tensor and an
            array for an array.
        """
        if self._targets is None:
            raise ValueError("The objective has no targets. Expected `objective.targets = ...` first.")
        on_host = isinstance(image, np.ndarray)
        picture = image if on_host else to_numpy(image)
        maps, sums = self._forward(self.plan, picture, self._maps)
        parts, gradient = self._backward(picture, maps, sums)
        parts |= self._bands(picture, gradient, self.weights, self.plan.band_values)
        loss = sum(parts.values())
        return loss, parts, gradient if on_host else to_tensor(gradient)

    def address(self, function: Callable[..., Any]) -> Address:
        """Where a function that the mapper is given stands, for another process that has the like."""
        return next(
            Address(*key, number, name)
            for key, parts in self._parts_of.items()
            for number, part in enumerate(parts)
            for name in FUNCTIONS
            if getattr(part, name) is function
        )

    def function(self, address: Address) -> Callable[..., Any]:
        """The function that stands there."""
        parts = self._parts_for(Plan(address.points, ((1, 1),), way=address.way))
        return getattr(parts[address.segment], address.name)

    def _grids(self, plan: Plan, picture: np.ndarray) -> list[list[Tile]]:
        """Each segment's tiles."""
        grids, size = [], picture.shape[1:3]
        for part, counts in zip(self._parts_for(plan), plan.tiles, strict=True):
            grids.append(grid(size, counts, part.segment.stride, part.segment.halo))
            size = size[0] // part.segment.stride, size[1] // part.segment.stride
        return grids

    def _forward(
        self,
        plan: Plan,
        picture: np.ndarray,
        targets: Mapping[str, np.ndarray],
        only: Sequence[str] | None = None,
    ) -> tuple[list[np.ndarray], dict[str, Sums]]:
        parts, grids = self._parts_for(plan), self._grids(plan, picture)
        return run_forward(parts, grids, plan, picture, targets, self.mapper, only)

    # ------------------------------------------------------------ backward

    def _compared(self, arguments: Any) -> tuple[dict[str, Tensor], dict[str, Sums]]:
        """Weighted losses, and their slopes by the sums; without the weight where it is normalised away."""
        values, slopes = {}, {}
        for loss in self.losses:
            if loss.name in arguments["sums"]:
                one = self._summed[loss.name]
                weight, target = arguments["weights"][loss.name], arguments["targets"][loss.name]
                sums = arguments["sums"][loss.name]
                values[loss.name] = weight * one.compare(sums, target)
                factor = 1.0 if loss.normalise_gradient else weight

                def weighted(x: Any, one: Any = one, target: Any = target, factor: Any = factor) -> Tensor:
                    return factor * one.compare(x, target)

                slopes[loss.name] = gradient(weighted, sums)
        return values, slopes

    def _scalars(self, dtype: Any) -> dict[str, Tensor]:
        return {name: to_tensor(np.asarray(weight, dtype)) for name, weight in self.weights.items()}

    def _backward(
        self, picture: np.ndarray, maps: list[np.ndarray], sums: dict[str, Sums]
    ) -> tuple[dict[str, Any], np.ndarray]:
        """Sends the losses' slopes back; empties `maps` on the way.

        Returns:
            Each weighted loss; the gradient by the picture.
        """
        dtype = "float64" if picture.dtype == np.float64 else "float32"
        weights, grids = self._scalars(dtype), self._grids(self.plan, picture)
        parts: dict[str, Any] = {}
        upstream: np.ndarray | None = None
        targets_of = self._targets or {}
        still = keras.tree.map_structure(lambda value: to_tensor(np.asarray(value, dtype)), sums)
        slopes: dict[str, Sums] = {}
        if still:
            targets = {name: keras.tree.map_structure(to_tensor, targets_of[name]) for name in still}
            parts, slopes = self._slopes({"sums": still, "targets": targets, "weights": weights})
        for number in reversed(range(len(self._parts))):
            part = self._parts[number]
            if number == len(self._parts) - 1 and self.plan.last_is_whole:
                own = {name: targets_of[name] for name in part.summed}
                _, found, slope = part.evaluate(to_tensor(maps.pop()), {"targets": own, "weights": weights})
                parts |= found
                upstream = to_numpy(slope)
                continue
            source = maps.pop() if number else picture
            names = list(part.summed)
            if upstream is None and not names:
                continue
            known = {
                "sums": {name: still[name] for name in names},
                "slopes": {name: slopes[name] for name in names},
                "weights": weights,
            }
            known["norms"] = self._norms(part, grids[number], source, known)
            upstream = self._pull_back(part, grids[number], source, upstream, known)
        if upstream is None:
            upstream = np.zeros_like(picture)
        return parts, upstream

    def _norms(
        self, part: SegmentFunctions, tiles: Sequence[Tile], source: np.ndarray, known: dict[str, Any]
    ) -> dict[str, Tensor]:
        """The L1 norm over all tiles of the slopes that are to be normalised: one more run forward."""
        names = [name for name, one in part.summed.items() if one.loss.normalise_gradient]
        if not names:
            return {}
        jobs = (
            (
                tile,
                (
                    window(source, tile),
                    arguments_for(part, tile, source, self._maps, list(part.summed)) | known,
                ),
            )
            for tile in tiles
        )
        total: dict[str, float] = dict.fromkeys(names, 0.0)
        for _, found in self.mapper(part.norms, jobs):
            total = {name: total[name] + float(found[name]) for name in names}
        dtype = "float64" if source.dtype == np.float64 else "float32"
        return {name: to_tensor(np.asarray(norm, dtype)) for name, norm in total.items()}

    def _pull_back(
        self,
        part: SegmentFunctions,
        tiles: Sequence[Tile],
        source: np.ndarray,
        upstream: np.ndarray | None,
        known: dict[str, Any],
    ) -> np.ndarray:
        """The gradient by a segment's input."""
        result = stores.make(
            source.shape,
            upstream.dtype if upstream is not None else source.dtype,
            on_disk=self.plan.picture_on_disk if part.segment.is_first else self.plan.maps_on_disk,
        )

        def job(tile: Tile) -> Job:
            arguments = arguments_for(part, tile, source, self._maps, list(part.summed)) | known
            if upstream is not None:
                arguments["upstream"] = to_tensor(own_only(upstream, tile, part.segment.stride, source.shape))
                stores.release(upstream)
            return tile, (window(source, tile), arguments)

        for tile, (_, _, slope) in self.mapper(part.pull, map(job, tiles)):
            result[tile.window] += to_numpy(slope)
            stores.release(result)
            del slope  # before the next tile is computed
        return result

    # ------------------------------------------------------------ targets

    def style_targets(self, picture: np.ndarray, plan: Plan) -> dict[str, Tree]:
        """The targets of all losses but content, from a style's picture; blendable.

        Args:
            picture: (1, height, width, 3) of 0-1.
            plan: how to divide it.
        """
        names = [name for name, one in self._summed.items() if not one.has_map]
        _, sums = self._forward(plan, picture, {}, names)
        return {
            name: keras.tree.map_structure(
                lambda value: value.astype(picture.dtype), self._summed[name].target(sums[name])
            )
            for name in names
        }

    def content_targets(self, picture: np.ndarray) -> dict[str, np.ndarray]:
        """The content losses' targets, from the photograph, computed directly; on the host or the disk."""
        plan = replace(self.plan, way="direct")
        grids = self._grids(plan, picture)
        return content_maps(self._parts_for(plan), grids, plan, picture, self.mapper)
