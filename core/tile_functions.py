"""What is computed of one tile of a segment: its sums, the slopes' norms, its gradient.

Every function takes the tile's window and a tree of arguments, tensors all, and gives tensors: nothing in
here knows of other tiles, so tiles may be computed anywhere, in any order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from keras import ops

from .backend import Tensor, compile_function, compile_value_and_grad
from .losses import Features, full_precision
from .segments import NEXT, Segment
from .summed_losses import SummedLoss, unit_slope

FUNCTIONS = ("measure", "features", "pull", "norms", "evaluate")


class Address(NamedTuple):
    """Which function of which segment: the plan's `points` and `way`, the segment's number, its name."""

    points: tuple[int, ...]
    way: str
    segment: int
    name: str


class SegmentFunctions:
    """A segment with its losses, compiled.

    Args:
        segment: the segment.
        losses: by name, of which those on its layers are taken.

    Attributes:
        segment: the segment.
        summed: those on its layers, by name.
        measure, features, norms: see the methods of these names; compiled without a gradient.
        pull, evaluate: likewise, compiled with the gradient by their first argument.
    """

    def __init__(self, segment: Segment, losses: Mapping[str, SummedLoss]):
        self.segment = segment
        self.summed = {name: one for name, one in losses.items() if one.loss.layer in segment.layers}
        self.measure = compile_function(self._measure)
        self.features = compile_function(self._features)
        self.pull = compile_value_and_grad(self._pull)
        self.norms = compile_function(self._norms)
        self.evaluate = compile_value_and_grad(self._evaluate)

    def _measure(self, x: Tensor, arguments: Any) -> dict[str, Any]:
        """A tile's sums by loss, and what the next segment takes."""
        features = self.segment(x)
        sums = {}
        for name, one in self.summed.items():
            if name in arguments["masks"]:
                layer = full_precision(features[one.loss.layer])
                sums[name] = one.measure(layer, _mask(arguments, name), arguments["maps"].get(name))
        return {"sums": sums} | ({NEXT: full_precision(features[NEXT])} if NEXT in features else {})

    def _features(self, x: Tensor) -> Features:
        """A tile's features in the layers whose targets are maps, and what the next segment takes."""
        wanted = {one.loss.layer for one in self.summed.values() if one.has_map} | {NEXT}
        return {layer: found for layer, found in self.segment(x).items() if layer in wanted}

    def _slopes(self, features: Features, arguments: Any) -> Iterator[tuple[str, Tensor, Tensor]]:
        for name, one in self.summed.items():
            layer = full_precision(features[one.loss.layer])
            still = ops.stop_gradient(layer)
            target = arguments["maps"].get(name)
            sums, slopes = arguments["sums"][name], arguments["slopes"][name]
            yield name, layer, one.slope(still, _mask(arguments, name), target, sums, slopes)

    def _norms(self, x: Tensor, arguments: Any) -> dict[str, Tensor]:
        """A tile's share in the L1 norm of each loss's slope by its layer."""
        slopes = self._slopes(self.segment(x), arguments)
        return {name: ops.sum(ops.abs(slope)) for name, _, slope in slopes}

    def _pull(self, x: Tensor, arguments: Any) -> tuple[Tensor, dict[str, Tensor]]:
        """A number whose gradient by the tile is the objective's."""
        features = self.segment(x)
        total = ops.sum(x[:, :1, :1]) * 0
        if "upstream" in arguments:
            total = total + ops.sum(full_precision(features[NEXT]) * arguments["upstream"])
        for name, layer, slope in self._slopes(features, arguments):
            if name in arguments["norms"]:
                slope = unit_slope(slope, arguments["norms"][name])
                slope = slope * arguments["weights"][name]
            total = total + ops.sum(layer * ops.stop_gradient(slope))
        return total, {}

    def _evaluate(self, x: Tensor, arguments: Any) -> tuple[Tensor, dict[str, Tensor]]:
        """The weighted losses of the segment as a whole."""
        features = self.segment(x)
        parts = {
            name: arguments["weights"][name] * one.loss(features, arguments["targets"][name])
            for name, one in self.summed.items()
        }
        return sum(parts.values(), ops.sum(x[:, :1, :1]) * 0), parts


def _mask(arguments: Any, name: str) -> Tensor:
    rows, columns = arguments["masks"][name]
    return rows * columns
