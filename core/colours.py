"""Colours of the content, strokes of the style: after painting, or before it.

`keep_colours` puts the content's colours back under the painting's light and dark; `match_colours`
gives the style the content's colours before its statistics are taken. Both are Gatys, Bethge,
Hertzmann and Shechtman's (2016, arXiv:1606.05897, section 3).
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import PictureError, UsageError

# Luma of ITU-R BT.601, which neural-style's `-original_colors` uses (Torch's `image.rgb2yuv`).
LUMA = np.array([0.299, 0.587, 0.114], np.float32)

# A direction of colour in which a style varies by less than two 8-bit steps (standard deviation) holds
# rounding and noise, not colour: it is not blown up to the content's range. Ours, not the paper's.
LEAST_VARIANCE = (2 / 255) ** 2

AT_ONCE = 1 << 20  # pixels

Floats = NDArray[np.float32]


def keep_colours(painted: ArrayLike, content: ArrayLike) -> Floats:
    """Takes luma from the painted picture and chroma from the content.

    In YUV each of R, G and B is the luma plus a function of U and V alone, so replacing Y is adding
    its difference to all three channels.

    Args:
        painted: (height, width, 3), 0–1.
        content: (height, width, 3), 0–1, of the same size.

    Returns:
        (height, width, 3) float32, clipped to 0–1.

    Raises:
        PictureError: the sizes differ, or one is no picture.
    """
    painted, content = _pixels(painted), _pixels(content)
    if painted.shape != content.shape:
        raise PictureError(
            "The painted picture and the content must have one size to share colours; resize one. Received: "
            f"{painted.shape[1]}×{painted.shape[0]} and {content.shape[1]}×{content.shape[0]}"
        )
    kept = np.empty(content.shape, np.float32)
    for rows in _bands(content):
        difference = painted[rows] @ LUMA - content[rows] @ LUMA  # (rows, width)
        np.clip(content[rows] + difference[..., None], 0, 1, out=kept[rows])
    return kept


def match_colours(style: ArrayLike, content: ArrayLike, method: Literal["pca", "cholesky"] = "pca") -> Floats:
    """Gives the style's colours the mean and the covariance of the content's.

    Each colour x becomes A (x − style's mean) + content's mean. With Σ = LLᵀ, `"cholesky"` is
    A = L_content L_style⁻¹; `"pca"` takes symmetric square roots in place of L, which keeps nearer
    to the colours' own axes (the paper finds both good, PCA the better before painting).

    Args:
        style: (height, width, 3), 0–1.
        content: (height, width, 3), 0–1, of any size.
        method: `"pca"` or `"cholesky"`.

    Returns:
        (style's height, style's width, 3) float32, clipped to 0–1; of one colour where the style is.

    Raises:
        UsageError: the method is unknown.
        PictureError: one of the two is no picture.
    """
    roots = {"pca": _symmetric_root, "cholesky": _triangular_root}
    if method not in roots:
        raise UsageError(f"Colours are matched by pca or cholesky. Received: {method}")
    root = roots[method]
    style, content = _pixels(style), _pixels(content)
    style_mean, style_covariance = _moments(style)
    content_mean, content_covariance = _moments(content)
    inverse = np.linalg.inv(root(_floored(style_covariance)))
    matrix = root(content_covariance) @ inverse  # (3, 3)
    shift = content_mean - matrix @ style_mean
    turned, shift = matrix.T.astype(np.float32), shift.astype(np.float32)
    matched = np.empty(style.shape, np.float32)
    for rows in _bands(style):
        np.clip(style[rows] @ turned + shift, 0, 1, out=matched[rows])
    return matched


def _bands(pixels: Floats) -> list[slice]:
    """Rows that are worked on at once: a print's copies in float64 would be gigabytes."""
    rows = max(1, AT_ONCE // pixels.shape[1])
    return [slice(start, start + rows) for start in range(0, pixels.shape[0], rows)]


def _pixels(picture: ArrayLike) -> Floats:
    pixels = np.asarray(picture, dtype=np.float32)
    if pixels.ndim != 3 or pixels.shape[-1] != 3 or 0 in pixels.shape:
        raise PictureError(f"Pixels have the shape (height, width, 3). Received: {pixels.shape}")
    return pixels


def _moments(pixels: Floats) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    count, mean, products = pixels.shape[0] * pixels.shape[1], np.zeros(3), np.zeros((3, 3))
    for rows in _bands(pixels):
        mean += pixels[rows].astype(np.float64).sum(axis=(0, 1)) / count
    for rows in _bands(pixels):
        colours = pixels[rows].reshape(-1, 3) - mean  # float64
        products += colours.T @ colours
    return mean, products / count


def _floored(covariance: NDArray[np.float64]) -> NDArray[np.float64]:
    variances, axes = np.linalg.eigh(covariance)
    return (axes * np.maximum(variances, LEAST_VARIANCE)) @ axes.T


def _symmetric_root(covariance: NDArray[np.float64]) -> NDArray[np.float64]:
    variances, axes = np.linalg.eigh(covariance)
    return (axes * np.sqrt(np.maximum(variances, 0))) @ axes.T


def _triangular_root(covariance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Cholesky's factor, also of a singular matrix: with Σ = RRᵀ and Rᵀ = QU it is Uᵀ."""
    upper = np.linalg.qr(_symmetric_root(covariance)).R
    return (upper * np.where(np.diag(upper) < 0, -1, 1)[:, None]).T
