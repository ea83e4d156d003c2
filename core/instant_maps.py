"""What `instant.py` knows of pictures at each depth: means and covariances, and the maps between them.

Statistics are sums over positions, added up in float64, so that those of a picture's tiles are those of
the picture. Functions of features take the library that computes them, NumPy or `keras.ops`, which call
by the same names what is needed here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from impasto.models.instant import LEVELS, UNIT
from impasto.models.register import INSTANT_ENCODER

Tensor = Any  # an array of NumPy's, or a tensor of Keras's backend
# Directions in which the photograph hardly varies hold rounding and noise. They are not blown up to
# the target's range: a shift of the spectrum by this share of its norm bounds the factor.
SHIFT = 1e-4

# The objective whose gradient the untrained decoder is: Wasserstein-2 distances under the encoder, these
# layers' shares, content at relu4_2, total variation. Chosen by eye for that encoder, before it was trained.
STYLE_SHARES = dict(zip(INSTANT_ENCODER.style_layers, (4 / 9, 2 / 9, 1 / 9, 1 / 9, 1 / 9), strict=True))
CONTENT_SHARE, VARIATION_SHARE = 0.17, 3.4
# How much a change at each of `LEVELS` counts: twice the way to go is the gradient; in the decoder's unit.
WEIGHTS = tuple(2 * UNIT * STYLE_SHARES[layer] for layer in LEVELS)
CONTENT_WEIGHT = 2 * UNIT * CONTENT_SHARE
VARIATION_WEIGHT = 2 * VARIATION_SHARE / 3  # of three channels

Sums = list[tuple[float, np.ndarray, np.ndarray]]  # of each level: weight, x, and x xᵀ


@dataclass(frozen=True)
class Moments:
    """The statistics of one level.

    Attributes:
        mean: (channels,).
        covariance: (channels, channels).
    """

    mean: np.ndarray
    covariance: np.ndarray

    @property
    def energy(self) -> float:
        """The mean of the squared features' sum over channels."""
        return float(np.sum(self.mean**2) + np.trace(self.covariance))

    @cached_property
    def root(self) -> np.ndarray:
        """The covariance's symmetric root."""
        return _power(self.covariance, 0.5, 0.0)


def weighted_sums(features: Tensor, weights: Tensor, ops: Any = np) -> tuple[Tensor, Tensor, Tensor]:
    """What statistics are made of, centred: raw products would round where means are large.

    Args:
        features: (1, height, width, channels).
        weights: (1, height, width, 1), how much each position counts.
        ops: NumPy, or `keras.ops`.

    Returns:
        Σw; the weighted mean m, (channels,); Σw(x − m)(x − m)ᵀ, (channels, channels).
    """
    rows, each = ops.reshape(features, (-1, features.shape[-1])), ops.reshape(weights, (-1, 1))
    total = ops.sum(each)
    mean = ops.sum(rows * each, axis=0) / ops.maximum(total, 1e-6)
    centred = rows - mean
    return total, mean, ops.matmul(ops.transpose(centred * each), centred)


def changed(
    features: Tensor, maps: Sequence[tuple[Tensor, Tensor]], regions: Tensor | None, ops: Any = np
) -> Tensor:
    """What an affine map, or one in each region, makes of one level's features.

    Args:
        features: (1, height, width, channels).
        maps: (A, b) of each region, as `changes` gives them for each level.
        regions: (1, height, width, maps), each map's share of every position, which sum to 1 at most; None
            where there is one map for all.
        ops: NumPy, or `keras.ops`.
    """
    if regions is None:
        return _mapped(features, *maps[0], ops)
    parts = [regions[..., i : i + 1] * _mapped(features, *one, ops) for i, one in enumerate(maps)]
    return sum(parts[1:], parts[0])


def smoothing(picture: Tensor, ops: Any = np) -> Tensor:
    """Down the gradient of total variation by a picture (pictures, height, width, 3), as it counts."""
    height, width = ops.shape(picture)[1:3]
    around = ops.pad(picture, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="symmetric")
    rows = around[:, :height, 1:-1] + around[:, 2 : height + 2, 1:-1]
    columns = around[:, 1:-1, :width] + around[:, 1:-1, 2 : width + 2]
    return VARIATION_WEIGHT * (rows + columns - 4 * picture)


def _mapped(features: Tensor, matrix: Tensor, offset: Tensor, ops: Any) -> Tensor:
    """x A + b at every position: as one matrix product, which is quicker than one for each row."""
    rows = ops.reshape(features, (-1, features.shape[-1]))
    return ops.reshape(ops.matmul(rows, matrix) + offset, ops.shape(features))


def pyramid(weights: np.ndarray, levels: int) -> list[np.ndarray]:
    """Weights of pixels at the picture's resolution, and at those of so many levels.

    Args:
        weights: (height, width, n), the sides multiples of the deepest level's stride.
        levels: how many; the first has the picture's resolution, each further one half of the last one's.

    Returns:
        (1, height / stride, width / stride, n) for the picture and for each level.
    """
    result = [weights[None], weights[None]]  # the first block does not pool
    while len(result) <= levels:
        _, height, width, n = result[-1].shape
        result.append(result[-1].reshape(1, height // 2, 2, width // 2, 2, n).mean(axis=(2, 4)))
    return result


def added(sums: Sums | None, more: Sequence[tuple[Any, np.ndarray, np.ndarray]]) -> Sums:
    """Adds a tile's sums, level by level, to those of the tiles before it."""
    new = []
    for own, centre, centred in more:
        weight, mean = float(own), centre.astype("float64")
        new.append((weight, weight * mean, centred + weight * np.outer(mean, mean)))
    if sums is None:
        return new
    return [(a + d, b + e, c + f) for (a, b, c), (d, e, f) in zip(sums, new, strict=True)]


def moments_from(sums: Sums) -> list[Moments]:
    """Means and covariances of each level."""
    result = []
    for weight, first, second in sums:
        mean = first / max(weight, 1e-12)
        covariance = second / max(weight, 1e-12) - np.outer(mean, mean)
        result.append(Moments(mean, (covariance + covariance.T) / 2))
    return result


def blended(styles: Sequence[list[Moments]], weights: Sequence[float]) -> list[Moments]:
    """One style between several: their statistics, weighted, as the losses blend them."""
    if len(styles) == 1:
        return styles[0]  # which may know its covariances' roots already
    return [
        Moments(
            sum(w * own.mean for own, w in zip(level, weights, strict=True)),
            sum(w * own.covariance for own, w in zip(level, weights, strict=True)),
        )
        for level in zip(*styles, strict=True)
    ]


def affine_map(content: Moments, style: Moments) -> tuple[np.ndarray, np.ndarray]:
    """The optimal map from one level's statistics to another's: x → x A + b.

    As `transport.transported`, in float64 through eigenvalues: this is done once a picture.

    Args:
        content, style: statistics, of what is moved and of where to.

    Returns:
        A of shape (channels, channels), symmetric, and b of shape (channels,); float64.
    """
    root = style.root
    product = root @ content.covariance @ root
    matrix = root @ _power(product, -0.5, SHIFT * np.sqrt(np.sum(product**2)) + 1e-30) @ root
    return matrix, style.mean - content.mean @ matrix


def changes(
    content: Sequence[Moments], style: Sequence[Moments], share: float
) -> list[tuple[np.ndarray, np.ndarray]]:
    """What the optimal maps change, as the decoder takes it: the colours, and each level as it counts.

    Args:
        content, style: statistics of the colours and of each of `LEVELS`, or of the first ones.
        share: how far to go, 0 to 1.

    Returns:
        For each, A and b of x → x A + b; float32.
    """
    result = []
    for own, target, weight in zip(content, style, (None, *WEIGHTS)[: len(content)], strict=True):
        matrix, offset = affine_map(own, target)
        factor = share * (1.0 if weight is None else weight / (target.energy + 1e-8))
        change = factor * (matrix - np.eye(len(matrix)))
        result.append((change.astype("float32"), (factor * offset).astype("float32")))
    return result


def _power(matrix: np.ndarray, exponent: float, shift: float) -> np.ndarray:
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    return (vectors * (np.maximum(values, 0) + shift) ** exponent) @ vectors.T
