"""A convolution for PyTorch that spares Keras's copies."""

from __future__ import annotations

from typing import Any

import keras


class ViewingConv2D(keras.layers.Conv2D):
    """Keras's `Conv2D`, on PyTorch, over a view of its channels-last input.

    Keras copies each input to channels first and back to channels last before it convolves. PyTorch
    reads a channels-last tensor as it lies where it is given the permuted view; so does the gradient.
    """

    def convolution_op(self, inputs: Any, kernel: Any) -> Any:
        """Convolves (batch, height, width, channels) where PyTorch can pad by itself; else as Keras does."""
        from torch.nn import functional

        same = self.padding == "same"
        if same and (set(self.strides) != {1} or not all(side % 2 for side in self.kernel_size)):
            return super().convolution_op(inputs, kernel)
        rates = self.dilation_rate
        padding = [rate * (side // 2) * same for side, rate in zip(self.kernel_size, rates, strict=True)]
        outputs = functional.conv2d(
            inputs.permute(0, 3, 1, 2),
            keras.ops.convert_to_tensor(kernel).permute(3, 2, 0, 1),
            stride=self.strides,
            padding=padding,
            dilation=rates,
            groups=self.groups,
        )
        return outputs.permute(0, 2, 3, 1)
