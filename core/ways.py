"""Ways to compute the same convolutions: directly, by Winograd's method, or in bfloat16.

    faster = in_way(model, "winograd")

Which of them a painting takes is chosen in `trial.py`.
"""

from __future__ import annotations

from typing import Any

import keras

from .winograd import WinogradConv2D, suits

WAYS = ("direct", "winograd", "bfloat16")
# Below, the transforms cost as much as the multiplications save (measured: docs/speed.md).
LEAST_CHANNELS = 128


def in_way(model: keras.Model, way: str) -> keras.Model:
    """A model of the same function whose convolutions are computed in another way.

    Args:
        model: a functional model.
        way: `"direct"`: the model itself. `"winograd"`: 3×3 convolutions of many channels in float32 with
            fewer multiplications; TensorFlow only. `"bfloat16"`: convolutions, their results and
            their gradients with 8 significant bits; statistics are computed in float32 all the same.

    Returns:
        The model, frozen.
    """
    if way == "direct":
        return model

    def replaced(layer: Any) -> Any:
        if way == "winograd" and suits(layer, LEAST_CHANNELS):
            return WinogradConv2D(layer)
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
