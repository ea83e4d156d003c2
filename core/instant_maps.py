"""What `instant.py` knows of pictures at each depth: means and covariances, and the maps between them.

Statistics are sums over positions, added up in float64, so that those of a picture's tiles are those of
the picture. Functions of features take the library that computes them, NumPy or `keras.ops`, which call
by the same names what is needed here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Tensor = Any  # an array of NumPy's, or a tensor of Keras's backend
# Directions in which the photograph hardly varies hold rounding and noise. They are not blown up to
# the target's range: a shift of the spectrum by this share of its norm bounds the factor.
SHIFT = 1e-4

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


def moved(
    features: Tensor, maps: Sequence[tuple[Tensor, Tensor]], regions: Tensor | None, ops: Any = np
) -> Tensor:
    """One level's features, moved by an affine map, or by one in each region.

    Args:
        features: (1, height, width, channels).
        maps: (A, b) of each region, as `affine_map` gives them.
        regions: (1, height, width, maps), each map's share of every position, which sum to 1 at most: what
            is left stays as it is; None where there is one map for all.
        ops: NumPy, or `keras.ops`.
    """
    if regions is None:
        return _mapped(features, *maps[0], ops)
    total = features * (1 - ops.sum(regions, axis=-1, keepdims=True))
    for i, one in enumerate(maps):
        total = total + regions[..., i : i + 1] * _mapped(features, *one, ops)
    return total


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
    return [
        Moments(
            sum(w * own.mean for own, w in zip(level, weights, strict=True)),
            sum(w * own.covariance for own, w in zip(level, weights, strict=True)),
        )
        for level in zip(*styles, strict=True)
    ]


def affine_map(content: Moments, style: Moments, share: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """The optimal map from one level's statistics to another's: x → x A + b.

    As `transport.map_between`, in float64 through eigenvalues: this is done once a picture.

    Args:
        content, style: statistics, of what is moved and of where to.
        share: how far to go, 0 to 1.

    Returns:
        A of shape (channels, channels), symmetric, and b of shape (channels,); float32.
    """
    root = _power(style.covariance, 0.5, 0.0)
    product = root @ content.covariance @ root
    matrix = root @ _power(product, -0.5, SHIFT * np.sqrt(np.sum(product**2)) + 1e-30) @ root
    offset = style.mean - content.mean @ matrix
    matrix = share * matrix + (1 - share) * np.eye(len(matrix))
    return matrix.astype("float32"), (share * offset).astype("float32")


def _power(matrix: np.ndarray, exponent: float, shift: float) -> np.ndarray:
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    return (vectors * (np.maximum(values, 0) + shift) ** exponent) @ vectors.T
