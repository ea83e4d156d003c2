"""The one-pass networks as ONNX graphs, built straight from their weights.

    session = onnxruntime.InferenceSession(encoder_graph(weights))

ONNX Runtime is ready in a tenth of a second where importing a backend of Keras takes several, and that is
most of what one picture costs. `onnx` writes the graphs: converting the Keras models would need Keras first.
The networks are `build_vgg_mini` up to the levels and `build_instant`; tests hold their outputs together.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from .instant import GAINS, GATES, LEVELS, STEEPNESS, STEP, UNIT
from .register import MEANS, VGG_MINI, keras_spelling

OPSET, IR_VERSION = 17, 9  # of 2022: what ONNX Runtime 1.20 reads, and any later one
CHANNELS_FIRST, CHANNELS_LAST = [0, 3, 1, 2], [0, 2, 3, 1]

Weights = Mapping[str, np.ndarray]


def encoder_graph(weights: Weights, layers: Sequence[str] = (*GATES, *LEVELS)) -> bytes:
    """`vgg_mini` cut above the deepest of some layers, the first convolution repeating the border.

    Args:
        weights: `{"block1_conv1/kernel": (3, 3, 3, 32), ...}`, as in its weight file.
        layers: canonical names.

    Returns:
        A serialised graph from `picture` (1, height, width, 3), red-green-blue, 0–1, to the layers'
        activations (1, about height / stride, about width / stride, channels), under their names.
    """
    graph = _Graph(weights)
    x = graph.node("Transpose", ["picture"], perm=CHANNELS_FIRST)
    x = graph.node("Gather", [x, graph.constant(np.array([2, 1, 0]))], axis=1)
    x = graph.node("Mul", [x, graph.constant(np.float32(255))])
    x = graph.node("Sub", [x, graph.constant(np.array(MEANS, "float32").reshape(1, 3, 1, 1))])
    outputs: list[Any] = []
    for block, widths in enumerate(VGG_MINI.blocks, 1):
        for n, channels in enumerate(widths, 1):
            layer = f"relu{block}_{n}"
            x = graph.convolution(x, keras_spelling(layer), "edge" if layer == "relu1_1" else None)
            x = graph.node("Relu", [x])
            if layer in layers:
                graph.node("Transpose", [x], layer, perm=CHANNELS_LAST)
                outputs.append(_described(layer, channels))
            if len(outputs) == len(layers):
                return graph.serialised([_described("picture", 3)], outputs)
        x = graph.node("AveragePool", [x], kernel_shape=[2, 2], strides=[2, 2])
    raise ValueError(f"vgg_mini has these layers: {', '.join(VGG_MINI.layers)}. Received: {list(layers)}")


def decoder_graph(weights: Weights) -> bytes:
    """The decoder.

    Args:
        weights: `{"level4_conv2/kernel": ..., ...}`, as in `instant.npz`.

    Returns:
        A serialised graph from the inputs of `build_instant` by their names, channels last, to `painted`
        (1, height, width, 3).
    """
    graph = _Graph(weights)
    names = ["picture", *GATES, *LEVELS, "smooth", "palette", *(f"{layer}_change" for layer in LEVELS)]
    given = {name: graph.node("Transpose", [name], perm=CHANNELS_FIRST) for name in names}
    twice, nothing = graph.constant(np.array([1, 1, 2, 2], "float32")), graph.constant(np.float32(0))

    def gate(x: str, layer: str) -> str:
        return graph.node("Where", [graph.node("Greater", [given[layer], nothing]), x, nothing])

    def scaled(x: str, factor: float) -> str:
        return graph.node("Mul", [x, graph.constant(np.float32(factor))])

    x = given[f"{LEVELS[-1]}_change"]
    for n in range(len(LEVELS), 0, -1):
        x = graph.convolution(gate(x, LEVELS[n - 1]), f"level{n}_conv2")
        x = gate(x, GATES[n - 1])
        if n > 1:
            x = graph.convolution(x, f"level{n}_conv1", factor=math.prod(GAINS[n - 1]))
            # `floor` and `asymmetric`: each position doubled, as Keras's UpSampling2D
            x = graph.node(
                "Resize",
                [x, "", twice],
                mode="nearest",
                nearest_mode="floor",
                coordinate_transformation_mode="asymmetric",
            )
            x = graph.node("Add", [x, given[f"{LEVELS[n - 2]}_change"]])
    gradient = graph.convolution(x, "level1_conv1", factor=STEEPNESS * 255 / UNIT * math.prod(GAINS[0]))
    step = graph.node("Tanh", [graph.node("Add", [gradient, scaled(given["smooth"], STEEPNESS)])])
    x = graph.node("Concat", [x, step, given["palette"]], axis=1)
    x = graph.node("Relu", [graph.convolution(x, "over1", "reflect")])
    x = graph.node("Add", [graph.convolution(x, "over2", "reflect"), step])
    x = graph.node("Add", [scaled(x, STEP), graph.convolution(given["palette"], "palette_share")])
    graph.node("Transpose", [graph.node("Add", [x, given["picture"]])], "painted", perm=CHANNELS_LAST)
    inputs = [_described(name, _channels(name)) for name in names]
    return graph.serialised(inputs, [_described("painted", 3)])


def _channels(name: str) -> int:
    layer = name.removesuffix("_change")
    return VGG_MINI.shapes[f"{keras_spelling(layer)}/bias"][0] if layer in VGG_MINI.layers else 3


def _described(name: str, channels: int) -> Any:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, None, None, channels])


class _Graph:
    """Collects nodes; what flows between them has channels first, as ONNX has it."""

    def __init__(self, weights: Weights):
        self.weights = weights
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, array: np.ndarray | np.generic) -> str:
        name = f"constant{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def node(self, kind: str, inputs: list[str], name: str = "", **attributes: Any) -> str:
        name = name or f"{kind.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], **attributes))
        return name

    def convolution(self, x: str, layer: str, border: str | None = None, factor: float = 1.0) -> str:
        """A layer of the weights, of stride 1 and unchanged size.

        Args:
            x: its input.
            layer: its name in the weights; without a bias there, it has none.
            border: `edge` or `reflect` (ONNX's words); None for zeros.
            factor: what its kernel is multiplied by.
        """
        kernel = self.weights[f"{layer}/kernel"].astype("float32") * np.float32(factor)
        kernel = np.ascontiguousarray(kernel.transpose(3, 2, 0, 1))
        reach = kernel.shape[-1] // 2
        pads = [reach] * 4
        if border and reach:
            around = self.constant(np.array([0, 0, reach, reach] * 2))
            x, pads = self.node("Pad", [x, around], mode=border), [0] * 4
        inputs = [x, self.constant(kernel)]
        if (bias := self.weights.get(f"{layer}/bias")) is not None:
            inputs.append(self.constant(bias.astype("float32")))
        return self.node("Conv", inputs, pads=pads)

    def serialised(self, inputs: list[Any], outputs: list[Any]) -> bytes:
        graph = helper.make_graph(self.nodes, "impasto", inputs, outputs, self.constants)
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
            producer_name="impasto",
        )
        return model.SerializeToString()
