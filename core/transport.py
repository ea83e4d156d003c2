"""Gives features another picture's mean and covariance, moving them no further than that takes.

Of all maps that carry one Gaussian into another the optimal one moves least: x → A (x − m) + t with
A = S (SBS)^-½ S, where B is the covariance of what is moved and S the root of the target's. Lu et al.
(2019, arXiv:1906.00668, "A closed-form solution to universal style transfer") showed it to keep more of
the photograph than whitening and colouring does. It is also where the Wasserstein-2 loss of
`moments.py` points: moving all the way along that loss's gradient is this map.

Everything here takes a batch: (pictures, positions, channels), each with statistics of its own.
"""

from __future__ import annotations

from keras import ops

from .backend import Tensor, dtype_of
from .instant_maps import SHIFT
from .moments import OVERLAP, SHIFTS, TINY, frobenius, inverse_root


def moments(rows: Tensor) -> tuple[Tensor, Tensor]:
    """The mean (pictures, 1, channels) of rows, and the covariance (pictures, channels, channels)."""
    mean = ops.mean(rows, axis=1, keepdims=True)
    return mean, _products(rows - mean)


def _products(centred: Tensor) -> Tensor:
    return ops.matmul(_turned(centred), centred) / ops.cast(ops.shape(centred)[1], centred.dtype)


def _turned(matrix: Tensor) -> Tensor:
    return ops.swapaxes(matrix, -1, -2)


def root(matrix: Tensor) -> Tensor:
    """X^½ of symmetric matrices (..., n, n) without negative eigenvalues."""
    inverse, norm = _scaled_inverse(matrix, SHIFTS[dtype_of(matrix)])
    return ops.matmul(matrix / norm, inverse) * ops.sqrt(norm)


def _scaled_inverse(matrix: Tensor, shift: float, most: Tensor | float = 0.0) -> tuple[Tensor, Tensor]:
    """(X / norm + shift)^-½ and the norm, (..., 1, 1); of a product, whose norm is `most` at most."""
    least = OVERLAP * SHIFTS[dtype_of(matrix)] / shift * most  # see `OVERLAP`
    norm = ops.maximum(frobenius(matrix), least) + TINY
    return inverse_root(matrix / norm, shift), norm


def transported(
    centred: Tensor, target: Tensor, shift: float = SHIFT, rooted: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Moves centred rows to a target covariance, by whichever of the two formulas is cheaper.

    X A with A as above equals (X T Xᵀ / M)^-½ X T / M of M positions (see
    `moments.trace_of_root`), which needs no root of the target T.

    Args:
        centred: (pictures, positions, channels).
        target: T, (pictures, channels, channels).
        shift: see `SHIFT`.
        rooted: T's root where it is known.

    Returns:
        The rows moved, and tr (SBS)^½ of each picture, which the Wasserstein-2 distance takes.
    """
    positions, channels = centred.shape[1:]
    most = frobenius(target) * (ops.sum(ops.square(centred), axis=(1, 2), keepdims=True) / positions)
    if positions < channels:
        moved = ops.matmul(centred, target) / positions
        product = ops.matmul(moved, _turned(centred))
        inverse, norm = _scaled_inverse(product, shift, most)
        rows = ops.matmul(inverse, moved) * (positions / ops.sqrt(norm))
    else:
        turned = root(target) if rooted is None else rooted
        product = ops.matmul(ops.matmul(turned, _products(centred)), turned)
        inverse, norm = _scaled_inverse(product, shift, most)
        rows = ops.matmul(centred, ops.matmul(ops.matmul(turned, inverse), turned)) / ops.sqrt(norm)
    trace = ops.sum(product * inverse, axis=(-2, -1)) / ops.sqrt(norm[..., 0, 0])
    return rows, trace


def distance(rows: Tensor, mean: Tensor, covariance: Tensor, rooted: Tensor | None = None) -> Tensor:
    """The Wasserstein-2 distance of rows' Gaussian from a target, as a share of the target's energy.

    As `moments.MomentsLoss`, for a batch; the gradient by the rows is known in closed form, so nothing
    is differentiated through the root.

    Args:
        rows: (pictures, positions, channels).
        mean, covariance: the target's, (pictures, 1, channels) and (pictures, channels, channels).
        rooted: the covariance's root where it is known.

    Returns:
        (pictures,).
    """
    own = ops.mean(rows, axis=1, keepdims=True)
    centred = rows - own
    still = ops.stop_gradient(centred)
    moved, trace = transported(still, covariance, SHIFTS[dtype_of(rows)], rooted)
    size = ops.cast(ops.shape(rows)[1], rows.dtype)
    trace = (
        ops.stop_gradient(trace) + ops.sum(ops.stop_gradient(moved) * (centred - still), axis=(1, 2)) / size
    )
    energy = ops.trace(covariance, axis1=-2, axis2=-1)
    total = (
        ops.sum(ops.square(own - mean), axis=(1, 2))
        + energy
        + ops.sum(ops.square(centred), axis=(1, 2)) / size
        - 2 * trace
    )
    return total / (ops.sum(ops.square(mean), axis=(1, 2)) + energy + TINY)
