"""The parts that the one-pass networks are made of: padded convolution, conditional normalisation."""

from typing import Any

import keras
from keras import ops

PADDINGS = ("reflect", "circular")


def pad(x: Any, amount: int, mode: str) -> Any:
    """Pads height and width by reflection, or circularly, as on a torus: then the picture tiles.

    Args:
        x: (batch, height, width, channels), sides longer than `amount`.
        amount: positions added on each side.
        mode: `"reflect"` or `"circular"`.
    """
    if not amount:
        return x
    if mode == "reflect":
        return ops.pad(x, ((0, 0), (amount, amount), (amount, amount), (0, 0)), mode="reflect")
    x = ops.concatenate([x[:, -amount:], x, x[:, :amount]], axis=1)
    return ops.concatenate([x[:, :, -amount:], x, x[:, :, :amount]], axis=2)


def convolve(
    x: Any, channels: int, side: int, name: str, padding: str, stride: int = 1, zeros: bool = False
) -> Any:
    """A convolution whose padding is no zeros, which would draw a frame (Johnson et al., supplement)."""
    x = pad(x, side // 2, padding)
    initializer = "zeros" if zeros else "glorot_uniform"
    return keras.layers.Conv2D(channels, side, strides=stride, kernel_initializer=initializer, name=name)(x)


def as_picture(x: Any) -> Any:
    """The last layer's output as colours, 0–1: a scaled tanh, as Johnson et al. end their network."""
    return 0.5 + 0.5 * ops.tanh(ops.cast(x, "float32"))


RATE = 4.0


@keras.saving.register_keras_serializable(package="impasto")
class ConditionalInstanceNormalization(keras.layers.Layer):
    """Instance normalisation with a scale and a shift of its own for each style.

    Each picture's channels are brought to mean 0 and deviation 1 over positions (Ulyanov et al. 2016,
    arXiv:1607.08022), then scaled and shifted by what the styles, weighted, have learnt (Dumoulin et
    al. 2016, arXiv:1610.07629). With one style this is plain instance normalisation. What is stored are
    departures from a scale of 1 and a shift of 0, divided by `RATE`: under Adam, whose steps are of one
    size, they are then learnt so many times as fast as kernels. A style is seen in a fraction of the steps.

    Call with (pictures (batch, height, width, channels), style weights (batch, styles) that sum to 1).
    """

    def __init__(self, epsilon: float = 1e-5, **options: Any):
        super().__init__(**options)
        self.epsilon = epsilon

    def build(self, shapes: Any) -> None:
        """Makes a row of scales and a row of shifts for each style."""
        (*_, channels), (*_, styles) = shapes
        self.scale = self.add_weight(shape=(styles, channels), initializer="zeros", name="scale")
        self.shift = self.add_weight(shape=(styles, channels), initializer="zeros", name="shift")

    def call(self, inputs: Any) -> Any:
        """Normalises in float32: sums over a picture round badly in 16 bits."""
        x, styles = inputs
        full = ops.cast(x, "float32")
        styles = ops.cast(styles, "float32")
        mean = ops.mean(full, axis=(1, 2), keepdims=True)
        variance = ops.mean(ops.square(full - mean), axis=(1, 2), keepdims=True)
        scale = 1 + RATE * ops.matmul(styles, ops.cast(self.scale, "float32"))[:, None, None]
        shift = RATE * ops.matmul(styles, ops.cast(self.shift, "float32"))[:, None, None]
        factor = scale * ops.rsqrt(variance + self.epsilon)
        return ops.cast(full * factor + (shift - mean * factor), self.compute_dtype)

    def compute_output_shape(self, shapes: Any) -> Any:
        """The pictures' own."""
        return shapes[0]

    def get_config(self) -> dict[str, Any]:
        """For Keras's own files."""
        return super().get_config() | {"epsilon": self.epsilon}
