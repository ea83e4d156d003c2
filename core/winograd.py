"""3×3 convolutions with fewer multiplications, for TensorFlow on a processor: Winograd's F(4×4, 3×3).

    layer = WinogradConv2D(convolution)   # computes what the Keras layer computes, 1.7 times faster

Lavin & Gray 2016 (arXiv:1509.09308): tiles of 6×6 values are transformed, multiplied with the transformed
kernel (36 products for 16 results, where the direct way takes 144), and transformed back. Each transform
along one axis is an XLA function of its own, within a plain `tf.function`; one batched matrix product
stands between. In one XLA function, or operation by operation, it is slower than direct convolution.
The weights are frozen, so the only gradient is the one by the input: the same thing with the kernel
flipped and its channels exchanged.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import keras
import numpy as np

Tensor = Any

# Lavin & Gray's matrices for the points 0, 1, -1, 2, -2 and infinity.
INPUT = np.array(
    [
        [4, 0, -5, 0, 1, 0],
        [0, -4, -4, 1, 1, 0],
        [0, 4, -4, -1, 1, 0],
        [0, -2, -1, 2, 1, 0],
        [0, 2, -1, -2, 1, 0],
        [0, 4, 0, -5, 0, 1],
    ]
)
KERNEL = np.array(
    [
        [1 / 4, 0, 0],
        [-1 / 6, -1 / 6, -1 / 6],
        [-1 / 6, 1 / 6, -1 / 6],
        [1 / 24, 1 / 12, 1 / 6],
        [1 / 24, -1 / 12, 1 / 6],
        [0, 0, 1],
    ]
)
OUTPUT = np.array([[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]])
STEP, TILE = 4, 6


def suits(layer: Any, least_channels: int) -> bool:
    """Whether a Keras layer is a convolution that `WinogradConv2D` can stand in for, and it pays."""
    return (
        isinstance(layer, keras.layers.Conv2D)
        and tuple(layer.kernel_size) == (3, 3)
        and {*layer.strides, *layer.dilation_rate, layer.groups} == {1}
        and layer.padding == "same"
        and layer.data_format == "channels_last"
        and layer.use_bias
        and layer.activation is keras.activations.relu
        and layer.compute_dtype == "float32"
        and min(layer.kernel.shape[2:]) >= least_channels
    )


def transform_kernel(kernel: np.ndarray) -> np.ndarray:
    """A kernel (3, 3, channels, filters) as (36, channels, filters), computed in float64."""
    transformed = np.einsum("ai,bj,ijcf->abcf", KERNEL, KERNEL, kernel.astype("float64"))
    return transformed.reshape(TILE * TILE, *kernel.shape[2:]).astype("float32")


def transformed(kernel: Tensor) -> Tensor:
    """The same of a tensor, in its own precision: one product with a matrix of 36×9."""
    import tensorflow as tf

    channels, filters = kernel.shape[2:]
    matrix = tf.constant(np.kron(KERNEL, KERNEL), kernel.dtype)
    return tf.reshape(tf.matmul(matrix, tf.reshape(kernel, [9, -1])), [TILE * TILE, channels, filters])


def _turned(kernel: np.ndarray) -> np.ndarray:
    """The kernel of the gradient: flipped, its channels exchanged."""
    return kernel[::-1, ::-1].swapaxes(2, 3)


def _turned_tensor(kernel: Tensor) -> Tensor:
    import tensorflow as tf

    return tf.transpose(tf.reverse(kernel, [0, 1]), [0, 1, 3, 2])


class WinogradConv2D(keras.layers.Layer):
    """Stands in for a frozen 3×3 convolution with bias and ReLU (see `suits`).

    Args:
        convolution: the layer, built; its weights are taken over.
        lean: whether kernels are transformed anew each time, which spares 7 times the kernel's memory; large
            tiles hide its time.
    """

    def __init__(self, convolution: keras.layers.Conv2D, lean: bool = False):
        super().__init__(trainable=False, name=convolution.name, dtype=convolution.dtype_policy)
        # Not Keras weights: a copy of the model would count and save them.
        kernel = keras.ops.convert_to_numpy(convolution.kernel)
        self._kernel = keras.ops.convert_to_tensor(kernel) if lean else None
        if not lean:
            self._forward = keras.ops.convert_to_tensor(transform_kernel(kernel))
            self._backward = keras.ops.convert_to_tensor(transform_kernel(_turned(kernel)))
        self._bias = keras.ops.convert_to_tensor(keras.ops.convert_to_numpy(convolution.bias))
        self.built = True

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """That of the input with other channels."""
        return (*input_shape[:-1], self._bias.shape[0])

    def compute_output_spec(self, inputs: Any) -> keras.KerasTensor:
        """Without tracing anything."""
        return keras.KerasTensor(self.compute_output_shape(inputs.shape), inputs.dtype)

    def call(self, inputs: Tensor) -> Tensor:
        """relu(inputs ∗ kernel + bias) of (1, height, width, channels)."""
        import tensorflow as tf

        @tf.custom_gradient
        def convolution(x: Tensor) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
            lean = self._kernel
            forward = self._forward if lean is None else transformed(lean)
            result = convolve(x, forward, self._bias)

            def gradient(by_result: Tensor) -> Tensor:
                backward = self._backward if lean is None else transformed(_turned_tensor(lean))
                return convolve_gradient(by_result, result, backward)

            return result, gradient

        return convolution(inputs)


def convolve(x: Tensor, kernel: Tensor, bias: Tensor) -> Tensor:
    """relu(x ∗ kernel + bias), zeros around x.

    Args:
        x: (1, height, width, channels) float32.
        kernel: a transformed kernel (36, channels, filters).
        bias: (filters,).

    Returns:
        (1, height, width, filters).
    """
    import tensorflow as tf

    steps = _steps()
    product = tf.matmul(steps["rows"](steps["columns"](x)), kernel)  # (36, tiles, filters)
    result = steps["back_columns_relu"](steps["back_rows"](product, x), bias, x)
    result.set_shape((*x.shape[:3], kernel.shape[2]))  # the functions forget the number of channels
    return result


def convolve_gradient(gradient: Tensor, result: Tensor, kernel: Tensor) -> Tensor:
    """The gradient of `convolve` by its input.

    Args:
        gradient: the gradient by its result, (1, height, width, filters).
        result: that result.
        kernel: the flipped kernel with its channels exchanged, transformed: (36, filters, channels).

    Returns:
        (1, height, width, channels).
    """
    import tensorflow as tf

    steps = _steps()
    product = tf.matmul(steps["rows"](steps["columns_where"](gradient, result)), kernel)
    by_input = steps["back_columns"](steps["back_rows"](product, result), result)
    by_input.set_shape((*result.shape[:3], kernel.shape[2]))
    return by_input


@cache
def _steps() -> dict[str, Callable[..., Tensor]]:
    """The 1-D transforms, an XLA function each, which compiles for each size that it meets.

    An argument `like` only lends its height and width.
    """
    import tensorflow as tf

    def combine(matrix: np.ndarray, parts: list[Tensor]) -> list[Tensor]:
        """The rows of a small matrix as sums of tensors."""
        return [sum(part * float(w) for w, part in zip(row, parts, strict=True) if w) for row in matrix]

    def padded(x: Tensor, axis: int) -> Tensor:
        """One zero before, and after as many as whole tiles take."""
        size = tf.shape(x)[axis]
        after = STEP * _tiles(size) + 1 - size
        return tf.pad(x, [[1, after] if i == axis else [0, 0] for i in range(len(x.shape))])

    def columns(x: Tensor) -> Tensor:  # (1, h, w, c) → (h, 6, tiles across, c)
        last = STEP * (_tiles(tf.shape(x)[2]) - 1) + 1
        x = padded(x[0], 1)
        return tf.stack(combine(INPUT, [x[:, j : j + last : STEP] for j in range(TILE)]), axis=1)

    def columns_where(x: Tensor, result: Tensor) -> Tensor:
        return columns(tf.where(result > 0, x, 0.0))

    def rows(x: Tensor) -> Tensor:  # (h, 6, tiles across, c) → (36, tiles, c)
        last = STEP * (_tiles(tf.shape(x)[0]) - 1) + 1
        channels = tf.shape(x)[3]
        x = padded(x, 0)
        parts = combine(INPUT, [x[i : i + last : STEP] for i in range(TILE)])
        turned = [tf.transpose(part, [1, 0, 2, 3]) for part in parts]
        return tf.reshape(tf.stack(turned), [TILE * TILE, -1, channels])

    def back_rows(x: Tensor, like: Tensor) -> Tensor:  # (36, tiles, f) → (tiles down, 4, 6, tiles across, f)
        down, across = _tiles(tf.shape(like)[1]), _tiles(tf.shape(like)[2])
        x = tf.reshape(x, [TILE, TILE, down, across, tf.shape(x)[2]])
        parts = combine(OUTPUT, [x[i] for i in range(TILE)])
        return tf.stack([tf.transpose(part, [1, 0, 2, 3]) for part in parts], axis=1)

    def back_columns(x: Tensor, like: Tensor) -> Tensor:  # that → (1, h, w, f)
        height, width = tf.shape(like)[1], tf.shape(like)[2]
        down, across, filters = tf.shape(x)[0], tf.shape(x)[3], tf.shape(x)[4]
        y = tf.stack(combine(OUTPUT, [x[:, :, k] for k in range(TILE)]), axis=3)
        return tf.reshape(y, [1, STEP * down, STEP * across, filters])[:, :height, :width]

    def back_columns_relu(x: Tensor, bias: Tensor, like: Tensor) -> Tensor:
        return tf.nn.relu(back_columns(x, like) + bias)

    made = (columns, columns_where, rows, back_rows, back_columns, back_columns_relu)
    return {
        f.__name__: tf.function(f, autograph=False, jit_compile=True, reduce_retracing=True) for f in made
    }


def _tiles(size: Tensor) -> Tensor:
    return (size + STEP - 1) // STEP
