"""Losses on a network's features: content, Gram matrices, channel means, and what they share.

A loss looks at one layer. `Loss.target` takes from a picture's features what is to be matched;
`Loss.__call__` gives the distance of other features from such a target. Both are pure functions of
tensors, so they differentiate and compile on every backend. Mean and covariance (Wasserstein-2) is in
`moments.py`, total variation in `variation.py`.

Statistics are averages over positions, so a painting of one size can be the target of a picture of
another. Networks take pixels of 0-255 minus Caffe's means, so features, and with them every number
here, are on the scale that neural-style's recipe expects.
"""

import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from . import backend
from .backend import Tensor, Tree
from .errors import UsageError
from .shares import blend_weights

Features = dict[str, Tensor]

TINY = 1e-8  # keeps quotients finite where a target or a difference is all zeros


def full_precision(features: Tensor) -> Tensor:
    """Features as at least float32: sums over a picture overflow and round badly in 16 bits."""
    half = backend.dtype_of(features) in ("float16", "bfloat16")
    return ops.cast(features, "float32") if half else features


def positions(features: Tensor) -> Tensor:
    """Flattens (1, height, width, channels) to one row for each position."""
    return ops.reshape(features, (-1, features.shape[-1]))


def gram(features: Tensor) -> Tensor:
    """Channel products averaged over positions: FᵀF / M, shape (channels, channels)."""
    rows = positions(features)  # (M, C)
    return ops.matmul(ops.transpose(rows), rows) / count(rows)


def _values(x: Tensor) -> Any:
    """How many values there are; `ops.size` would make a tensor of them."""
    return math.prod(ops.shape(x))


def channel_means(features: Tensor) -> Tensor:
    """Each channel's mean over positions, shape (channels,)."""
    return ops.mean(positions(features), axis=0)


def count(rows: Tensor) -> Tensor | float:
    """The number of rows."""
    return as_number(ops.shape(rows)[0], rows.dtype)


def as_number(size: Any, dtype: Any) -> Tensor | float:
    """A size to reckon with: a scalar of that dtype where TensorFlow knows it only at run time.

    Elsewhere it stays a number: PyTorch would stop for each one that is brought to a GPU.
    """
    return float(size) if isinstance(size, int) else ops.cast(size, dtype)


def absolute(x: Tensor) -> Tensor:
    """|x|, with a gradient of 0 at 0 on every backend (JAX has 1 there)."""
    return x * ops.stop_gradient(ops.sign(x))


def squared_error(x: Tensor, target: Tensor) -> Tensor:
    """The sum of squared differences."""
    return ops.sum(ops.square(x - target))


def gradient_scaled_error(x: Tensor, target: Tensor) -> Tensor:
    """Squared error over absolute error, whose gradient has an L1 norm of about 1.

    From crowsonkb/style-transfer-pytorch (its scaled MSE): the weight then says how hard a layer
    pulls, whatever its size and the scale of its features.
    """
    difference = x - target
    return ops.sum(ops.square(difference)) / (ops.sum(absolute(difference)) + TINY)


def relative_error(x: Tensor, target: Tensor) -> Tensor:
    """Squared error as a share of the target's energy: 1 for features that are all zeros."""
    return squared_error(x, target) / (ops.sum(ops.square(target)) + TINY)


def with_unit_gradient(function: Any, x: Tensor) -> Tensor:
    """The value of ``function(x)`` with its gradient by ``x`` divided by that gradient's L1 norm.

    This is neural-style's ``-normalize_gradients``. The value is exact: the last term is zero and
    only carries the gradient.
    """
    slope = backend.gradient(function, x)
    slope = slope / (ops.sum(ops.abs(slope)) + TINY)
    still = ops.stop_gradient(x)
    return ops.stop_gradient(function(still)) + ops.sum(slope * (x - still))


class Loss:
    """A distance between one layer's features and a target.

    Args:
        layer: The layer's canonical name, a key of the features: ``"relu4_2"``.
        weight: The factor of this loss in an `Objective`; calling the loss itself leaves it out.
        variant: How differences are scaled; each loss lists its own.
        normalise_gradient: Divides the gradient by the layer's features by its L1 norm, as
            neural-style's ``-normalize_gradients``.
        name: Names the loss among the parts of an objective; ``"kind:layer"`` by default.
    """

    kind = "loss"
    variants: tuple[str, ...] = ()

    def __init__(
        self,
        layer: str,
        weight: float = 1.0,
        variant: str | None = None,
        *,
        normalise_gradient: bool = False,
        name: str | None = None,
    ) -> None:
        self.layer = layer
        self.weight = weight
        self.variant = variant if variant is not None else self.variants[0]
        self.normalise_gradient = normalise_gradient
        self.name = name or f"{self.kind}:{layer}"
        if self.variant not in self.variants:
            raise UsageError(
                f"Unknown scaling of the {self.kind} loss. Expected one of {', '.join(self.variants)}."
                f" Received: {variant!r}"
            )

    def target(self, features: Features) -> Tree:
        """What is to be matched, from the features of the picture to match; blendable."""
        return self.statistics(full_precision(features[self.layer]))

    def prepare(self, target: Tree) -> Tree:
        """Computes once what the distance needs of a target at every step. An `Objective` calls it."""
        return target

    def __call__(self, features: Features, target: Tree) -> Tensor:
        """The distance of features from a prepared target, without the weight: a scalar."""
        layer = full_precision(features[self.layer])
        if self.normalise_gradient:
            return with_unit_gradient(lambda x: self.distance(x, target), layer)
        return self.distance(layer, target)

    def statistics(self, features: Tensor) -> Tree:
        """What this loss compares, from one layer's features (1, height, width, channels)."""
        raise NotImplementedError

    def distance(self, features: Tensor, target: Tree) -> Tensor:
        """The scaled distance of one layer's features from a target: a scalar."""
        raise NotImplementedError


class ContentLoss(Loss):
    """Compares features position by position, so the target must be of the picture's size.

    Variants:
        ``"mean"``: mean squared error, neural-style's.
        ``"sum"``: half the sum of squared errors, Gatys et al. 2015 (arXiv:1508.06576), equation 1.
        ``"squares"``: the whole sum, MXNet's example.
        ``"scaled"``: a gradient of L1 norm about 1, crowsonkb/style-transfer-pytorch's.
        ``"normalised"``: as a share of the target's energy.
    """

    kind = "content"
    variants = ("mean", "sum", "squares", "scaled", "normalised")

    def statistics(self, features: Tensor) -> Tensor:
        """The features themselves."""
        return features

    def distance(self, features: Tensor, target: Tensor) -> Tensor:
        """The scaled squared error."""
        return self.compare(self.sums(features, target), as_number(_values(features), features.dtype))

    def sums(self, features: Tensor, target: Tensor) -> dict[str, Tensor]:
        """What this variant's `compare` needs, each a sum over positions and channels: a scalar."""
        difference = features - target
        sums = {"squares": ops.sum(ops.square(difference))}
        if self.variant == "scaled":
            sums["absolutes"] = ops.sum(absolute(difference))
        if self.variant == "normalised":
            sums["energy"] = ops.sum(ops.square(target))
        return sums

    def compare(self, sums: dict[str, Tensor], values: Tensor | float) -> Tensor:
        """The scaled squared error, from `sums` and the number of values that were summed."""
        if self.variant == "mean":
            return sums["squares"] / values
        if self.variant == "sum":
            return 0.5 * sums["squares"]
        if self.variant == "squares":
            return sums["squares"]
        return sums["squares"] / (sums["absolutes" if self.variant == "scaled" else "energy"] + TINY)


class GramLoss(Loss):
    """Compares Gram matrices: which channels fire together, wherever in the picture.

    With C channels, M positions and the matrices G and A averaged over positions, the variants are

        ``"neural-style"``: Σ(G - A)² / C⁴, the mean over C×C of differences of gram/(C·H·W).
        ``"paper"``: Σ(G - A)² / 4C², which is Gatys et al.'s 1/(4N²M²) Σ(G - A)² for pictures of one
            size, and stays meaningful where the painting has another.
        ``"mxnet"``: M Σ(G - A)² / C², that example's sum over raw matrices divided by C·H·W·C, for a
            painting of the picture's size, as there.
        ``"scaled"``: a gradient by G of L1 norm about 1, crowsonkb/style-transfer-pytorch's (its Gram
            matrices are averages over positions too).
        ``"normalised"``: Σ(G - A)² / ΣA², as a share of the target's energy.
    """

    kind = "gram"
    variants = ("neural-style", "paper", "mxnet", "scaled", "normalised")

    def statistics(self, features: Tensor) -> Tensor:
        """The Gram matrix (channels, channels), averaged over positions."""
        return gram(features)

    def distance(self, features: Tensor, target: Tensor) -> Tensor:
        """The scaled squared error of Gram matrices."""
        return self.compare(gram(features), target, count(positions(features)))

    def compare(self, matrix: Tensor, target: Tensor, size: Tensor) -> Tensor:
        """The scaled squared error of a Gram matrix that was averaged over so many positions."""
        channels = float(matrix.shape[-1])  # its fourth power is beyond the whole numbers that JAX takes
        if self.variant == "neural-style":
            return squared_error(matrix, target) / channels**4
        if self.variant == "paper":
            return squared_error(matrix, target) / (4 * channels**2)
        if self.variant == "mxnet":
            return squared_error(matrix, target) * (size / channels**2)
        if self.variant == "scaled":
            return gradient_scaled_error(matrix, target)
        return relative_error(matrix, target)


class MeanLoss(Loss):
    """Compares channel means, the simplest style statistic (the Lasagne notebook's third experiment).

    Variants: ``"mean"``, the mean squared difference; ``"normalised"``, as a share of the target's energy.
    """

    kind = "means"
    variants = ("mean", "normalised")

    def statistics(self, features: Tensor) -> Tensor:
        """The channel means (channels,)."""
        return channel_means(features)

    def distance(self, features: Tensor, target: Tensor) -> Tensor:
        """The scaled squared error of channel means."""
        return self.compare(channel_means(features), target)

    def compare(self, means: Tensor, target: Tensor) -> Tensor:
        """The scaled squared error of means."""
        if self.variant == "mean":
            return ops.mean(ops.square(means - target))
        return relative_error(means, target)


def blend(targets: Sequence[Tree], weights: Sequence[float] | None = None) -> Tree:
    """Blends the targets of several styles into one.

    Gram matrices and channel means become weighted sums, as in neural-style's
    ``-style_blend_weights``; for mean and covariance both are summed, and the square root is taken
    of the blended covariance.

    Args:
        targets: Targets of one loss, or dicts of targets by loss name, one for each style.
        weights: One for each style, 0 or more; they need not sum to 1. None blends equally.

    Returns:
        A tree like each of ``targets``.

    Raises:
        UsageError: If the numbers of targets and weights differ, or the weights cannot be used.
    """
    shares = blend_weights(len(targets), weights)
    if len(targets) == 1:
        return targets[0]
    return keras.tree.map_structure(
        lambda *leaves: sum(share * leaf for share, leaf in zip(shares, leaves, strict=True)), *targets
    )
