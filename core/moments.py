"""Style as the mean and covariance of features, compared by the Wasserstein-2 distance of Gaussians.

The distance of (m, B) from a target (t, A) is |m - t|² + tr A + tr B - 2 tr (SBS)^½ with S = A^½. The
quality recipe uses it, after crowsonkb/style-transfer-pytorch. The matrix root is taken by a scaled
Newton-Schulz iteration: nothing but matrix products, quick on GPUs and CPUs alike, and finite where an
eigenvalue decomposition's gradient is not.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from keras import ops

from .backend import Tensor, dtype_of, shared, to_numpy, to_tensor
from .losses import Loss, count, positions

# Roots are resolved down to this share of the largest eigenvalue: about a float's rounding error.
SHIFTS = {"float32": 1e-6, "float64": 1e-13}
TINY = 1e-30  # keeps the quotients of an all-zero covariance finite
# What is left of a product of two covariances that hardly overlap is rounding, negative eigenvalues among it.
# Taken as a share of no less than this much of what the product might have been, they stay below the shift.
OVERLAP = 0.1


def mean_and_covariance(features: Tensor) -> dict[str, Tensor]:
    """The mean (channels,) and covariance (channels, channels) of features over positions.

    Centred before the product: exactly zero covariance for a constant layer, where the difference of
    raw moments would leave rounding errors of the size of the squared mean.
    """
    rows = positions(features)  # (M, C)
    mean = ops.mean(rows, axis=0)
    return {"mean": mean, "covariance": covariance_of(rows - mean)}


def covariance_of(centred: Tensor) -> Tensor:
    """XᵀX / M of centred rows (M, channels)."""
    return ops.matmul(ops.transpose(centred), centred) / count(centred)


@shared
def inverse_root(matrix: Tensor, shift: float | None = None) -> Tensor:
    """(X + sI)^-½ of a symmetric X without negative eigenvalues and of Frobenius norm at most 1.

    The coupled Newton-Schulz iteration, each step scaled by what is known of the spectrum (Chen & Chow
    2014, "A stable scaling of Newton-Schulz for improving the sign function computation"), which
    halves the number of steps. The shift s (see `SHIFTS`) bounds the spectrum from below.

    Args:
        matrix: Shape (..., n, n), float32 or float64.
        shift: s; by default the least that resolves roots, see `SHIFTS`.

    Returns:
        A matrix of the same shape.
    """
    shift = shift or SHIFTS[dtype_of(matrix)]
    low, steps = math.sqrt(shift), 0  # the roots of the eigenvalues lie between low and 1
    while low < 1 - 1e-7:
        _, low = _newton_schulz_scale(low)
        steps += 1
    identity = ops.eye(ops.shape(matrix)[-1], dtype=matrix.dtype)

    def step(_: Any, state: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        root, inverse, low = state
        scale, low = _newton_schulz_scale(low)
        factor = 1.5 * scale * identity - 0.5 * scale**3 * ops.matmul(inverse, root)
        return ops.matmul(root, factor), ops.matmul(factor, inverse), low

    start = (
        matrix + shift * identity,
        identity + ops.zeros_like(matrix),
        ops.zeros((), matrix.dtype) + math.sqrt(shift),  # made on the device
    )
    return ops.fori_loop(0, steps, step, start)[1]


def _newton_schulz_scale(low: Any) -> tuple[Any, Any]:
    """The best scale of a step when all roots lie between low and 1, and the lower bound after it."""
    scale = (3 / (1 + low + low * low)) ** 0.5
    return scale, 0.5 * scale * low * (3 - (scale * low) ** 2)


def frobenius(matrix: Tensor) -> Tensor:
    """The norms of matrices (..., n, n), as (..., 1, 1)."""
    return ops.sqrt(ops.sum(ops.square(matrix), axis=(-2, -1), keepdims=True))


def root_and_inverse(matrix: Tensor, most: Tensor) -> tuple[Tensor, Tensor]:
    """The trace of X^½, and X^-½, of a symmetric X without negative eigenvalues.

    Args:
        matrix: X, (n, n), a product of two covariances.
        most: a bound of its norm: the product of theirs.
    """
    norm = ops.maximum(frobenius(matrix)[0, 0], OVERLAP * most) + TINY
    matrix = matrix / norm
    inverse = inverse_root(matrix)
    return ops.sqrt(norm) * ops.sum(matrix * inverse), inverse / ops.sqrt(norm)


def trace_of_root(centred: Tensor, target: Tensor, target_root: Tensor) -> Tensor:
    """tr (SBS)^½ for the covariance B = XᵀX / M of centred features X, with its gradient by X.

    That trace is also tr (XAXᵀ / M)^½, of an M×M matrix: the smaller of the two is used, which
    matters for deep layers of small pictures. The gradient is known in closed form,
    X S (SBS)^-½ S / M = (XAXᵀ / M)^-½ X A / M, so nothing is differentiated through the iteration.

    Args:
        centred: X, shape (M, channels).
        target: A, the target's covariance (channels, channels).
        target_root: S, its root.

    Returns:
        A scalar.
    """
    still = ops.stop_gradient(centred)
    size = count(still)
    most = frobenius(target)[0, 0] * ops.sum(ops.square(still)) / size

    def by_channels() -> tuple[Tensor, Tensor]:
        product = ops.matmul(ops.matmul(target_root, covariance_of(still)), target_root)
        trace, inverse = root_and_inverse(product, most)
        return trace, ops.matmul(still, ops.matmul(ops.matmul(target_root, inverse / size), target_root))

    def by_positions() -> tuple[Tensor, Tensor]:
        moved = ops.matmul(still, target) / size  # (M, C)
        trace, inverse = root_and_inverse(ops.matmul(moved, ops.transpose(still)), most)
        return trace, ops.matmul(inverse, moved)

    fewer_positions = ops.shape(still)[0] < still.shape[1]
    if isinstance(fewer_positions, bool):
        trace, slope = by_positions() if fewer_positions else by_channels()
    else:  # a graph for any size
        trace, slope = ops.cond(fewer_positions, by_positions, by_channels)
    # The value is the trace; the product only carries the gradient.
    carried = ops.sum(ops.stop_gradient(slope) * centred)
    return ops.stop_gradient(trace - carried) + carried


def trace_of_covariance_root(covariance: Tensor, target: Tensor, target_root: Tensor) -> Tensor:
    """`trace_of_root` of a covariance B itself, with its gradient by B: S (SBS)^-½ S / 2.

    Args:
        covariance: B, shape (channels, channels).
        target: A, the target's, of the same shape.
        target_root: S, its root.

    Returns:
        A scalar.
    """
    still = ops.stop_gradient(covariance)
    most = frobenius(target)[0, 0] * ops.sum(ops.diagonal(still))
    trace, inverse = root_and_inverse(ops.matmul(ops.matmul(target_root, still), target_root), most)
    slope = ops.matmul(ops.matmul(target_root, inverse), target_root) / 2
    return ops.stop_gradient(trace) + ops.sum(ops.stop_gradient(slope) * (covariance - still))


class MomentsLoss(Loss):
    """Compares mean and covariance by the Wasserstein-2 distance of Gaussians.

    The target is ``{"mean": (channels,), "covariance": (channels, channels)}``; blending several
    styles blends both.

    Variants:
        ``"mean"``: the mean over channels of squared mean differences, plus the mean of the diagonal
            of A + B - 2 (SBS)^½, as crowsonkb/style-transfer-pytorch. Its features are about 57 times
            smaller than ours (pixels of 0-1 over a deviation of .225), and this distance goes with
            their square: divide its weights by 3,300. It adds 1e-4 to the covariances' diagonals
            before taking roots; here the iteration's shift (see `SHIFTS`) does that work.
        ``"normalised"``: the same as a share of the target's energy |t|² + tr A.
    """

    kind = "moments"
    variants = ("mean", "normalised")

    def statistics(self, features: Tensor) -> dict[str, Tensor]:
        """The mean and covariance over positions."""
        return mean_and_covariance(features)

    def prepare(self, target: Mapping[str, Any]) -> dict[str, Tensor]:
        """Adds the covariance's root.

        Args:
            target: ``mean`` and ``covariance``, tensors or arrays.

        Returns:
            What `distance` takes.
        """
        covariance = to_tensor(target["covariance"])
        # On the host, once a scale: in float32 PyTorch's decomposition may not converge where a small
        # picture leaves most eigenvalues zero, Apple's GPU has none, and the backends' roots would differ.
        matrix = to_numpy(covariance).astype("float64")
        values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
        values = np.maximum(values, 0.0)  # rounding, or half precision in a file, leaves some below
        root = (vectors * np.sqrt(values)) @ vectors.T
        tensors = [to_tensor(array.astype(dtype_of(covariance))) for array in (root @ root, root)]
        return {"mean": to_tensor(target["mean"]), "covariance": tensors[0], "root": tensors[1]}

    def distance(self, features: Tensor, target: Mapping[str, Tensor]) -> Tensor:
        """The scaled Wasserstein-2 distance from a prepared target."""
        rows = positions(features)  # (M, C)
        mean = ops.mean(rows, axis=0)
        # The gradient by centred rows sums to zero over positions: none of it passes through the mean.
        centred = rows - ops.stop_gradient(mean)
        spread = ops.sum(ops.square(centred)) / count(rows)
        return self._scaled(
            mean, spread, trace_of_root(centred, target["covariance"], target["root"]), target
        )

    def compare(self, mean: Tensor, covariance: Tensor, target: Mapping[str, Tensor]) -> Tensor:
        """The same from the mean and the covariance themselves."""
        return self._scaled(
            mean,
            ops.sum(ops.diagonal(covariance)),
            trace_of_covariance_root(covariance, target["covariance"], target["root"]),
            target,
        )

    def _scaled(self, mean: Tensor, spread: Tensor, mixed: Tensor, target: Mapping[str, Tensor]) -> Tensor:
        trace = ops.sum(ops.diagonal(target["covariance"]))
        total = ops.sum(ops.square(mean - target["mean"])) + trace + spread - 2 * mixed
        if self.variant == "mean":
            return total / mean.shape[-1]
        return total / (ops.sum(ops.square(target["mean"])) + trace + TINY)
