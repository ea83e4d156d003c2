"""Writes an ONNX graph node by node; what flows between them has channels first, as ONNX has it.

graph = Graph(weights)
x = graph.node("Transpose", ["picture"], perm=CHANNELS_FIRST)
graph.node("Relu", [graph.convolution(x, "block1_conv1")], "relu1_1")
session = onnxruntime.InferenceSession(graph.serialised([described("picture", 1, None, None, 3)], ...))
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

OPSET, IR_VERSION = 17, 9  # of 2022: what ONNX Runtime 1.20 reads, and any later one
CHANNELS_FIRST, CHANNELS_LAST = [0, 3, 1, 2], [0, 2, 3, 1]

Weights = Mapping[str, np.ndarray]


def described(name: str, *shape: int | None) -> Any:
    """An input or output of floats; a length of None may be any."""
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


class Graph:
    """Collects nodes.

    Args:
        weights: of the convolutions: `{"block1_conv1/kernel": (height, width, in, out), ...}`.
    """

    def __init__(self, weights: Weights | None = None):
        self.weights = weights or {}
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, array: np.ndarray | np.generic) -> str:
        """A constant's name."""
        name = f"constant{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def node(self, kind: str, inputs: Sequence[str], name: str = "", **attributes: Any) -> str:
        """Adds a node of one output, and returns the output's name.

        Args:
            kind: the operator, in ONNX's words.
            inputs: names of inputs, constants or other nodes' outputs.
            name: of its output; made up by default.
            **attributes: the operator's.
        """
        name = name or f"{kind.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], **attributes))
        return name

    def scaled(self, x: str, factor: float) -> str:
        """x times a number."""
        return self.node("Mul", [x, self.constant(np.float32(factor))])

    def convolution(self, x: str, layer: str, border: str | None = None, factor: float = 1.0) -> str:
        """A layer of the weights, of stride 1 and unchanged size.

        Args:
            x: its input.
            layer: its name in the weights; without a bias there, it has none.
            border: `edge` or `reflect` (ONNX's words); None for zeros.
            factor: what its kernel is multiplied by.
        """
        kernel = self.weights[f"{layer}/kernel"].astype("float32") * np.float32(factor)
        return self.convolved(x, kernel, self.weights.get(f"{layer}/bias"), border)

    def convolved(
        self, x: str, kernel: np.ndarray, bias: np.ndarray | None = None, border: str | None = None
    ) -> str:
        """As `convolution`, by a kernel (height, width, in, out)."""
        kernel = np.ascontiguousarray(kernel.transpose(3, 2, 0, 1))
        reach = kernel.shape[-1] // 2
        pads = [reach] * 4
        if border and reach:
            around = self.constant(np.array([0, 0, reach, reach] * 2))
            x, pads = self.node("Pad", [x, around], mode=border), [0] * 4
        inputs = [x, self.constant(kernel)]
        if bias is not None:
            inputs.append(self.constant(bias.astype("float32")))
        return self.node("Conv", inputs, pads=pads)

    def serialised(self, inputs: Sequence[Any], outputs: Sequence[Any]) -> bytes:
        """The model; inputs and outputs as `described`."""
        graph = helper.make_graph(self.nodes, "impasto", inputs, outputs, self.constants)
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
            producer_name="impasto",
        )
        return model.SerializeToString()
