"""A network cut at its poolings into segments, and what of the input each layer of them sees.

Behind a pooling a picture's features are small: four times fewer positions. Where they are kept, what
comes before need not be computed again for what comes after, and a tile of a segment needs a halo of a
few pixels only, not the whole network's: 6 rows for two convolutions and a pooling, against 80.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import keras

from .backend import Tensor
from .errors import UsageError
from .losses import Features
from .ways import LEAN, LEAST_CHANNELS
from .winograd import suits

# Operations that work on each position by itself.
POINTWISE = {
    "Abs",
    "Activation",
    "Add",
    "BatchNormalization",
    "Dropout",
    "ELU",
    "GaussianNoise",
    "InputLayer",
    "LeakyReLU",
    "Maximum",
    "Minimum",
    "Multiply",
    "PReLU",
    "ReLU",
    "Relu",
    "Sqrt",
    "Square",
    "Subtract",
}
NEXT = "next"  # the output that the following segment takes


@dataclass(frozen=True)
class Reach:
    """Which positions of a segment's input a layer's position p depends on: p·stride - before to
    p·stride + after, both included, along either axis.
    """

    stride: int = 1
    before: int = 0
    after: int = 0

    def through(self, side: int, stride: int, padded: bool) -> Reach:
        """The reach behind a window of `side` positions moved by `stride`, centred if padded."""
        first = (side - 1) // 2 if padded else 0
        return Reach(
            self.stride * stride,
            self.before + first * self.stride,
            self.after + (side - 1 - first) * self.stride,
        )


@dataclass(frozen=True)
class Segment:
    """The operations between two cuts.

    Attributes:
        extractor: whose network this is a part of.
        first, last: the operations, by their place among the network's, both included.
        layers: reach of each layer in it that the extractor gives.
        stride: positions of its input, along an axis, for one of its output; of the deepest layer if
            it is the last segment.
        halo: positions of the input that a tile needs before and after it, along either axis.
        floats: numbers that its operations' results hold for each position of its input.
        widest: the same of the largest result.
        layer_floats: the same of each layer that the extractor gives.
        multiplications: in its convolutions, for each position of its input.
        channels_in: of its input.
        quick: of `multiplications`, those of layers that suit Winograd's method.
        transformed: numbers of the largest such layer's input and result, for each position of its input.
    """

    extractor: Any = field(repr=False)
    first: int
    last: int
    layers: dict[str, Reach]
    stride: int
    halo: tuple[int, int]
    floats: float
    widest: float
    layer_floats: dict[str, float]
    multiplications: float
    channels_in: int
    quick: float = 0.0
    transformed: float = 0.0

    @property
    def is_first(self) -> bool:
        """Whether its input is the picture."""
        return self.first == 0

    @property
    def is_last(self) -> bool:
        """Whether no other follows."""
        return self.last == len(self.extractor.model.operations) - 1

    @cached_property
    def _model(self) -> keras.Model:
        operations = self.extractor.model.operations
        model = self.extractor.model
        outputs = {layer: model.output[layer] for layer in self.layers}
        if not self.is_last:
            outputs[NEXT] = operations[self.last].output
        start = model.inputs[0] if self.is_first else _source(operations[self.first])
        return keras.Model(start, outputs)

    def __call__(self, x: Tensor) -> Features:
        """Features by layer, and `NEXT`, of a picture (1, height, width, 3) of 0-1 or of the input's map."""
        if self.is_first:
            x = self.extractor.preprocessed(x)
        found = self._model(x, training=False)
        return {
            layer: features if layer == NEXT else self.extractor.predicted(layer, features)
            for layer, features in found.items()
        }


def cut_points(extractor: Any) -> list[int]:
    """Where the network can be cut: the places, among its operations, of the first behind each pooling.

    Raises:
        UsageError: the network is none that can be painted in tiles; the message says why.
    """
    operations = extractor.model.operations
    _require_chain(extractor.model)
    points, pooled = [], False
    for place, operation in enumerate(operations):
        if _kind(operation) == "conv" and pooled:
            points.append(place)
            pooled = False
        pooled = pooled or _kind(operation) == "pool"
    return points


def cut(extractor: Any, points: Sequence[int], way: str = "direct") -> list[Segment]:
    """The network's segments.

    Args:
        extractor: an `Extractor`.
        points: some of `cut_points`, ascending; none for one segment.
        way: of `ways.in_way`, in which they compute their convolutions.
    """
    ends = [*points, len(extractor.model.operations)]
    segments = [survey(extractor, first, end) for first, end in zip([0, *points], ends, strict=True)]
    if way == "direct":
        return segments
    other = extractor.in_way(
        LEAN if way == "winograd" else way
    )  # its operations are the same ones, in the same places
    return [replace(segment, extractor=other) for segment in segments]


def survey(extractor: Any, first: int, end: int) -> Segment:
    """Follows a network's operations, and sums up what they hold and compute.

    Args:
        extractor: an `Extractor` whose network `cut_points` took.
        first, end: places among its operations: the segment's first, and the one behind its last.
    """
    model = extractor.model
    operations = model.operations[first:end]
    wanted = {id(tensor): layer for layer, tensor in model.output.items()}
    reach: dict[int, Reach] = {}
    layers: dict[str, Reach] = {}
    floats = widest = multiplications = quick = transformed = 0.0
    layer_floats: dict[str, float] = {}
    start = model.inputs[0] if first == 0 else _source(operations[0])
    reach[id(start)] = Reach()
    for operation in operations:
        inputs = inputs_of(operation)
        if not inputs:
            continue
        seen = [reach[id(tensor)] for tensor in inputs]
        here = Reach(seen[0].stride, max(one.before for one in seen), max(one.after for one in seen))
        kind, channels = _kind(operation), operation.output.shape[-1]
        if kind == "conv":
            side = max(operation.kernel_size)
            here = here.through(side, 1, padded=True)
            incoming = inputs[0].shape[-1]
            own = math.prod(operation.kernel_size) * incoming * channels / here.stride**2
            multiplications += own
            if suits(operation, LEAST_CHANNELS):
                quick, transformed = (
                    quick + own,
                    max(transformed, (incoming + channels) / here.stride**2),
                )
        elif kind == "pool":
            here = here.through(max(_pair(operation.pool_size)), max(_pair(operation.strides)), padded=False)
        reach[id(operation.output)] = here
        held = channels / here.stride**2
        if kind != "border":
            floats, widest = floats + held, max(widest, held)
        if layer := wanted.get(id(operation.output)):
            layers[layer] = here
            layer_floats[layer] = extractor.layer_channels[layer] / here.stride**2
            if layer_floats[layer] != held:  # a head's result is held beside what it was made of
                floats += layer_floats[layer]
    ends = list(layers.values()) + ([here] if end < len(model.operations) else [])
    stride = max(one.stride for one in ends)
    before, after = max(one.before for one in ends), max(one.after - one.stride + 1 for one in ends)
    return Segment(
        extractor,
        first,
        end - 1,
        layers,
        stride,
        (before, max(after, 0)),
        floats,
        widest,
        layer_floats,
        multiplications,
        start.shape[-1],
        quick,
        transformed,
    )


def inputs_of(operation: Any) -> list[Any]:
    """The symbolic tensors that an operation of a functional model takes."""
    return list(operation._inbound_nodes[0].input_tensors)


def _source(operation: Any) -> Any:
    return inputs_of(operation)[0]


def _pair(value: Any) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else tuple(value)


def _kind(operation: Any) -> str:
    """`conv`, `pool`, `border` (what repeats the border before the first convolution), `point` or ``."""
    name = type(operation).__name__
    if isinstance(operation, keras.layers.Conv2D) and name != "Conv2DTranspose":
        return "conv"
    if hasattr(operation, "pool_size") and ("Max" in name or "Average" in name) and "Global" not in name:
        return "pool"
    if name == "Pad":
        return "border"
    return "point" if name in POINTWISE else ""


def _require_chain(model: keras.Model) -> None:
    """Refuses what tiles cannot be cut from."""
    bordered = False
    for operation in model.operations:
        kind, name = _kind(operation), getattr(operation, "name", "?")
        if not kind:
            raise _refusal(f"a layer {type(operation).__name__}", name)
        if kind == "conv":
            padded = operation.padding == "same" or (operation.padding == "valid" and bordered)
            if not padded or set(operation.strides) != {1}:
                raise _refusal("a convolution that shrinks its picture", name)
            bordered = False
        if kind == "pool" and (
            operation.padding != "valid" or _pair(operation.pool_size) != _pair(operation.strides)
        ):
            raise _refusal("a pooling that overlaps or is padded", name)
        bordered = bordered or kind == "border"
    # A cut is sound where nothing behind it looks at anything before it.
    convolutions = [place for place, one in enumerate(model.operations) if _kind(one) == "conv"]
    for place in convolutions:
        earlier = {id(one.output) for one in model.operations[:place]}
        here = id(_source(model.operations[place]))
        for later in model.operations[place:]:
            if any(id(tensor) in earlier and id(tensor) != here for tensor in inputs_of(later)):
                raise _refusal("branches", later.name)
    if not convolutions:
        raise _refusal("no convolution", model.name)


def _refusal(what: str, name: str) -> UsageError:
    return UsageError(
        "Tiles need a plain chain of convolutions of stride 1 and poolings that do not overlap; paint a"
        f" smaller size. Received: {what} ({name})"
    )
