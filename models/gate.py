"""Lets through where another layer's activations are above nothing: as a gradient passes a ReLU."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("impasto")
class Gate(keras.layers.Layer):
    """Takes [what passes, the activations], of one shape."""

    def call(self, inputs: Any) -> Any:
        """What passes."""
        x, activations = inputs
        return ops.where(activations > 0, x, ops.zeros_like(x))

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shape of what passes."""
        return input_shape[0]
