"""The one-pass networks as ONNX graphs, built straight from their weights, and what lies between them.

    session = onnxruntime.InferenceSession(encoder_graph(weights))

ONNX Runtime is ready in a tenth of a second where importing a backend of Keras takes several, and that is
most of what one picture costs. `onnx` writes the graphs: converting the Keras models would need Keras first.
The networks are `build_vgg_mini` up to the levels and `build_instant`; tests hold their outputs together.

Pictures have their channels last, as everywhere; levels have them first, as ONNX Runtime computes them, so
that nothing turns them between one graph and the next.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .instant import GAINS, GATES, LEVELS, LIGHT_LEVELS, STEEPNESS, STEP, UNIT
from .onnx_graph import CHANNELS_FIRST, CHANNELS_LAST, Graph, Weights, described
from .register import INSTANT_ENCODER, MEANS, keras_spelling

SEEN = ("picture", *LEVELS)  # what has statistics and is changed
OPEN = 1e30  # times what a gate lets through is more than 1


def encoder_graph(weights: Weights, layers: Sequence[str] = (*GATES, *LEVELS)) -> bytes:
    """The encoder cut above the deepest of some layers, the first convolution repeating the border.

    Args:
        weights: `{"block1_conv1/kernel": (3, 3, 3, 32), ...}`, as in its weight file.
        layers: canonical names.

    Returns:
        A serialised graph from `picture` (1, height, width, 3), red-green-blue, 0–1, to the layers'
        activations (1, channels, about height / stride, about width / stride), under their names.

    Raises:
        ValueError: it has no such layers.
    """
    graph = Graph(weights)
    x = graph.node("Transpose", ["picture"], perm=CHANNELS_FIRST)
    x = graph.node("Gather", [x, graph.constant(np.array([2, 1, 0]))], axis=1)
    x = graph.scaled(x, 255)
    x = graph.node("Sub", [x, graph.constant(np.array(MEANS, "float32").reshape(1, 3, 1, 1))])
    outputs: list[Any] = []
    for block, widths in enumerate(INSTANT_ENCODER.blocks, 1):
        for n, channels in enumerate(widths, 1):
            layer = f"relu{block}_{n}"
            x = graph.convolution(x, keras_spelling(layer), "edge" if layer == "relu1_1" else None)
            x = graph.node("Relu", [x], layer)
            if layer in layers:
                outputs.append(described(layer, 1, channels, None, None))
            if len(outputs) == len(layers):
                return graph.serialised([_described("picture")], outputs)
        x = graph.node("AveragePool", [x], kernel_shape=[2, 2], strides=[2, 2])
    raise ValueError(
        f"the encoder has these layers: {', '.join(INSTANT_ENCODER.layers)}. Received: {list(layers)}"
    )


def sums_graph(levels: int = len(LEVELS)) -> bytes:
    """What statistics are made of, `weighted_sums` of `core/instant_maps.py` for each of `SEEN`.

    Args:
        levels: how many of `LEVELS`.

    Returns:
        A serialised graph from each of `SEEN` and its `.._weights` (1, height, width, 1) to `.._total`, a
        number, `.._mean` (channels, 1) and `.._centred` (channels, channels).
    """
    graph = Graph()
    inputs, outputs = [], []
    for name in SEEN[: levels + 1]:
        channels = _channels(name)
        rows = graph.constant(np.array([channels, -1]))
        level = graph.node("Transpose", [name], perm=CHANNELS_FIRST) if name == "picture" else name
        level = graph.node("Reshape", [level, rows])
        weights = graph.node("Reshape", [f"{name}_weights", graph.constant(np.array([-1, 1]))])
        total = graph.node("ReduceSum", [weights], f"{name}_total", keepdims=0)
        least = graph.node("Max", [total, graph.constant(np.float32(1e-6))])
        mean = graph.node("Div", [graph.node("MatMul", [level, weights]), least], f"{name}_mean")
        # Raw products would round where means are large.
        centred = graph.node("Sub", [level, mean])
        weighted = graph.node(
            "Mul", [centred, graph.node("Reshape", [weights, graph.constant(np.array([1, -1]))])]
        )
        turned = graph.node("Transpose", [centred], perm=[1, 0])
        graph.node("MatMul", [weighted, turned], f"{name}_centred")
        inputs += [_described(name), described(f"{name}_weights", 1, None, None, 1)]
        outputs += [
            described(f"{name}_total"),
            described(f"{name}_mean", channels, 1),
            described(f"{name}_centred", channels, channels),
        ]
    return graph.serialised(inputs, outputs)


def decoder_graph(weights: Weights, regions: int = 0) -> bytes:
    """The changes that are wanted, and the decoder, which makes the picture of them.

    Args:
        weights: `{"level4_conv2/kernel": ..., ...}`, as in `instant.npz`.
        regions: how many regions have maps of their own; 0 where one map is for all.

    Returns:
        A serialised graph to `painted` (1, height, width, 3) from `picture`, `GATES` and `LEVELS`; from
        `.._matrix0` (channels, channels) and `.._offset0` (channels,) of each of `SEEN`, the map
        x → A x + b, and those of further regions; with regions from `.._regions` (1, height, width,
        regions) of each of `SEEN`, their shares of every position; from `content`, the photograph's own
        deepest level, and the numbers `content_weight` and `smooth_weight`.
    """
    return _drawn(_Way(weights, regions, len(LEVELS)))


def light_graph(weights: Weights, regions: int = 0) -> bytes:
    """The same of the light decoder, which has no `content`."""
    return _drawn(_Way(weights, regions, LIGHT_LEVELS))


def _drawn(way: _Way) -> bytes:
    graph, (x, gradient) = way.graph, way.back()
    step = graph.node("Tanh", [gradient])
    palette = way.changed("picture")
    x = _laid_over(graph, x, graph.node("Concat", [step, palette], axis=1))
    x = graph.node("Add", [graph.convolution(x, "over2", "reflect"), step])
    x = graph.node("Add", [graph.scaled(x, STEP), graph.convolution(palette, "palette_share")])
    graph.node("Transpose", [graph.node("Add", [x, way.picture])], "painted", perm=CHANNELS_LAST)
    return graph.serialised(way.inputs, [described("painted", 1, None, None, 3)])


def descent_graph(weights: Weights, regions: int = 0) -> bytes:
    """The same up to the decoder's step: with `instant.turned` of the encoder, where the losses fall.

    Returns:
        A serialised graph from the inputs of `decoder_graph`, less the maps of `picture`, to `descent`
        (1, height, width, 3).
    """
    way = _Way(weights, regions, len(LEVELS))
    _, gradient = way.back()
    way.graph.node("Transpose", [gradient], "descent", perm=CHANNELS_LAST)
    return way.graph.serialised(way.inputs, [described("descent", 1, None, None, 3)])


class _Way:
    """A graph with its inputs, in which the changes of the levels are carried back to the pixels."""

    def __init__(self, weights: Weights, regions: int, levels: int):
        self.graph, self.regions, self.levels = Graph(weights), regions, levels
        seen = SEEN[: levels + 1]
        self.inputs = [_described(name) for name in (*seen, *GATES[:levels])]
        if levels == len(LEVELS):
            self.inputs += [described("content", 1, _channels(LEVELS[-1]), None, None)]
            self.inputs += [described("content_weight")]
        self.inputs += [described("smooth_weight")]
        self.picture = self.graph.node("Transpose", ["picture"], perm=CHANNELS_FIRST)
        self.where = {}
        if regions:
            for name in seen:
                self.inputs.append(described(f"{name}_regions", 1, None, None, regions))
                self.where[name] = self.graph.node("Transpose", [f"{name}_regions"], perm=CHANNELS_FIRST)

    def changed(self, name: str) -> str:
        """The change wanted of one level; a matrix product at every position is a 1×1 convolution."""
        graph, channels = self.graph, _channels(name)
        level, total = self.picture if name == "picture" else name, ""
        for i in range(max(1, self.regions)):
            self.inputs += [described(f"{name}_matrix{i}", channels, channels)]
            self.inputs += [described(f"{name}_offset{i}", channels)]
            matrix = graph.node("Unsqueeze", [f"{name}_matrix{i}", graph.constant(np.array([2, 3]))])
            part = graph.node("Conv", [level, matrix, f"{name}_offset{i}"])
            if self.regions:
                share = graph.node("Gather", [self.where[name], graph.constant(np.array([i]))], axis=1)
                part = graph.node("Mul", [part, share])
            total = graph.node("Add", [total, part]) if total else part
        return total

    def back(self) -> tuple[str, str]:
        """What arrives at the finest level, and at the pixels, with what smooths."""
        graph = self.graph
        x = self.changed(LEVELS[self.levels - 1])
        if self.levels == len(LEVELS):
            content = graph.node("Mul", ["content_weight", graph.node("Sub", ["content", LEVELS[-1]])])
            x = graph.node("Add", [x, content])
        for n in range(self.levels, 0, -1):
            x = graph.convolution(self.gate(x, LEVELS[n - 1]), f"level{n}_conv2")
            x = self.gate(x, GATES[n - 1])
            if n > 1:
                x = graph.convolution(x, f"level{n}_conv1", factor=math.prod(GAINS[n - 1]))
                x = graph.node("Add", [_doubled(graph, x), self.changed(LEVELS[n - 2])])
        gradient = graph.convolution(x, "level1_conv1", factor=STEEPNESS * 255 / UNIT * math.prod(GAINS[0]))
        smooth = graph.node("Mul", [_curvature(graph, self.picture), "smooth_weight"])
        if self.regions:
            covered = graph.node("ReduceSum", [self.where["picture"], graph.constant(np.array([1]))])
            smooth = graph.node("Mul", [smooth, covered])
        return x, graph.node("Add", [gradient, graph.scaled(smooth, STEEPNESS)])

    def gate(self, x: str, layer: str) -> str:
        # What opens it is 0 or more: a step, which is quicker than to compare and choose.
        step = self.graph.node("HardSigmoid", [layer], alpha=OPEN, beta=0.0)
        return self.graph.node("Mul", [x, step])


def _laid_over(graph: Graph, x: str, thin: str) -> str:
    """The layer `over1` of both, apart: ONNX Runtime is quick with 6 channels and with 32, not with 38."""
    kernel = graph.weights["over1/kernel"].astype("float32")
    deep = _channels(GATES[0])
    parts = [graph.convolved(x, kernel[:, :, :deep], border="reflect")]
    parts.append(graph.convolved(thin, kernel[:, :, deep:], border="reflect"))
    return graph.node("Relu", [graph.node("Add", parts)])


def _doubled(graph: Graph, x: str) -> str:
    """Each position twice each way: `floor` and `asymmetric`, as Keras's UpSampling2D."""
    return graph.node(
        "Resize",
        [x, "", graph.constant(np.array([1, 1, 2, 2], "float32"))],
        mode="nearest",
        nearest_mode="floor",
        coordinate_transformation_mode="asymmetric",
    )


def _curvature(graph: Graph, picture: str) -> str:
    """The sum of a pixel's four neighbours less four times itself, the border repeated."""
    cross = np.array([[0, 1, 0], [1, -4, 1], [0, 1, 0]], "float32")
    return graph.convolved(picture, cross[..., None, None] * np.eye(3, dtype="float32"), border="edge")


def _channels(name: str) -> int:
    return 3 if name == "picture" else INSTANT_ENCODER.shapes[f"{keras_spelling(name)}/bias"][0]


def _described(name: str) -> Any:
    if name == "picture":
        return described(name, 1, None, None, 3)
    return described(name, 1, _channels(name), None, None)
