"""Muon for convolutions: Keras's Muon, which takes matrices only, shown each kernel as a matrix.

A (height, width, in, out) kernel is orthogonalised as a (height·width·in, out) matrix, as the
original implementation flattens it (Jordan et al. 2024, "Muon"); scaling by the root of the
longer side times 0.2 is Moonlight's (Liu et al. 2025, arXiv:2502.16982) and Keras's default.
"""

import keras
from keras import ops


class ConvolutionMuon(keras.optimizers.Muon):
    """Muon on every kernel, AdamW on the biases."""

    def _should_use_adamw(self, variable):
        return len(variable.shape) != 4

    def zeropower_via_newtonschulz5(self, x, steps: int):
        """The orthogonalised update, in the kernel's own shape."""
        matrix = ops.cast(
            ops.reshape(x, (-1, x.shape[-1])), "bfloat16"
        )  # as the original: exact enough, twice as fast
        update = super().zeropower_via_newtonschulz5(matrix, steps)
        return ops.cast(ops.reshape(update, x.shape), x.dtype)

    def lr_adjust(self, x):
        """Scales the update for the kernel seen as a matrix."""
        if self.rms_rate is None:
            return x
        longer = max(x.shape[0] * x.shape[1] * x.shape[2], x.shape[3])
        return x * (longer**0.5 * self.rms_rate)
