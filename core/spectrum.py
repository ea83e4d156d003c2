"""A preconditioner for pictures: coarse structure gets longer steps than fine structure.

A picture's detail shrinks as its spatial frequency f grows (about as 1/f: Field 1987), while the gradient
of a network's features dwells on the finest. Lucid therefore optimises the Fourier coefficients scaled
by 1/f (Olah et al. 2017, "Feature Visualization", on preconditioning); here the same idea is a linear
map of the gradient, symmetric and positive, so that quasi-Newton methods can begin from it.
"""

import numpy as np
from keras import ops

from .backend import Tensor


def spectrum(height: int, width: int, power: float = 1.0) -> np.ndarray:
    """By what each spatial frequency is multiplied.

    Args:
        height, width: Of the picture, in pixels.
        power: Frequencies count by f to the minus this power; 0 leaves all as they are.

    Returns:
        Shape (1, height, width, 1), float64, in the order of a Fourier transform: 1 at half a cycle a
        pixel, the finest along an axis, and the most at the mean and at one cycle over the longer side.
    """
    rows, columns = np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)[None]
    frequency = np.maximum(np.hypot(rows, columns), 1 / max(height, width))
    return ((frequency / 0.5) ** -power)[None, ..., None]


def precondition(image: Tensor, factors: Tensor) -> Tensor:
    """Multiplies each spatial frequency of each channel.

    Args:
        image: Shape (1, height, width, 3).
        factors: Of `spectrum`, as a tensor of the image's dtype.

    Returns:
        A tensor like `image`; the borders wrap around, which a preconditioner may do.
    """
    planes = ops.transpose(image, (0, 3, 1, 2))
    red, green, blue = planes[:, 0:1], planes[:, 1:2], planes[:, 2:3]
    # Two real channels travel as one complex picture: the factors are real and even, and keep them apart.
    real, imaginary = ops.concatenate([red, blue], 1), ops.concatenate([green, ops.zeros_like(blue)], 1)
    real, imaginary = ops.fft2((real, imaginary))
    factors = ops.transpose(factors, (0, 3, 1, 2))
    real, imaginary = ops.ifft2((real * factors, imaginary * factors))
    planes = ops.concatenate([real[:, 0:1], imaginary[:, 0:1], real[:, 1:2]], 1)
    return ops.transpose(planes, (0, 2, 3, 1))
