"""Ways to compute the same convolutions: directly, by Winograd's method, or in bfloat16.

    faster = in_way(model, "winograd")

Which of them a painting takes is chosen in `trial.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import keras

from impasto.models.register import Network

from .winograd import STEP, TILE, WinogradConv2D, suits

# Below, the transforms cost as much as the multiplications save (measured: docs/performance.md).
LEAST_CHANNELS = 128
LEAN = "lean winograd"  # in tiles: see `WinogradConv2D`
FLOAT = 4  # bytes
# XLA's compiler and what it compiles, in bytes: fitted to the peaks of vgg_mini and VGG-19 at 256, 512 and
# 1024 pixels, which hold 20 to 160 MB more than the arrays below account for.
COMPILER = 100e6


def in_way(model: keras.Model, way: str) -> keras.Model:
    """A model of the same function whose convolutions are computed in another way.

    Args:
        model: a functional model.
        way: `"direct"`: the model itself. `"winograd"`: 3×3 convolutions of many channels in float32 with
            fewer multiplications; TensorFlow only. `"lean winograd"`: the same in less memory, for large
            tiles. `"bfloat16"`: convolutions, their results and
            their gradients with 8 significant bits; statistics are computed in float32 all the same.

    Returns:
        The model, frozen.
    """
    if way == "direct":
        return model

    def replaced(layer: Any) -> Any:
        if way in ("winograd", LEAN) and suits(layer, LEAST_CHANNELS):
            return WinogradConv2D(layer, lean=way == LEAN)
        changes: dict[str, Any] = {}
        if isinstance(layer, keras.layers.Conv2D):
            changes = {"kernel_initializer": "zeros"}  # overwritten below
            if way == "bfloat16":
                changes["dtype"] = "bfloat16"
        return type(layer).from_config(layer.get_config() | changes)

    copy = keras.models.clone_model(model, clone_function=replaced)
    for layer in model.layers:
        if layer.weights and (twin := copy.get_layer(layer.name)).weights:
            twin.set_weights(layer.get_weights())
    copy.trainable = False
    return copy


class Convolution(NamedTuple):
    """A 3×3 convolution of a network at some size of the picture: its map's size, and its channels."""

    height: int
    width: int
    channels: int
    filters: int

    @property
    def gflop(self) -> float:
        """Its arithmetic and that of its gradient by the input."""
        return 2 * 2 * 9e-9 * self.height * self.width * self.channels * self.filters

    @property
    def suits_winograd(self) -> bool:
        """Whether it has channels enough."""
        return min(self.channels, self.filters) >= LEAST_CHANNELS


def convolutions(network: Network, deepest: str, height: int, width: int) -> list[Convolution]:
    """A network's convolutions down to a layer such as `"relu4_2"`, for a picture of (height, width)."""
    found: list[Convolution] = []
    incoming = 3
    for block, widths in enumerate(network.blocks, 1):
        for number, filters in enumerate(widths, 1):
            found.append(Convolution(height, width, incoming, filters))
            incoming = filters
            if f"relu{block}_{number}" == deepest:
                return found
        height, width = height // 2, width // 2
    return found


def kernel_bytes(layers: Sequence[Convolution]) -> float:
    """What Winograd's method holds for a network of these layers, whatever the picture's size.

    The transformed kernels, one forward and one backward, and what compiles the transforms.
    """
    products = sum(layer.channels * layer.filters for layer in layers if layer.suits_winograd)
    return 2 * FLOAT * TILE**2 * products + COMPILER * bool(products)


def lean_kernel_bytes(layers: Sequence[Convolution]) -> float:
    """The same of the lean way: all kernels as they are, and one turned and transformed at a time."""
    products = [layer.channels * layer.filters for layer in layers if layer.suits_winograd]
    return FLOAT * (9 * sum(products) + (9 + TILE**2) * max(products, default=0)) + COMPILER * bool(products)


def tile_bytes(layers: Sequence[Convolution]) -> float:
    """What it holds in a step beside the layers' own maps: the largest layer's tiles and their products."""
    numbers = [
        layer.height * layer.width * (layer.channels + layer.filters) * (TILE / STEP) ** 2
        for layer in layers
        if layer.suits_winograd
    ]
    return FLOAT * max(numbers, default=0.0)
