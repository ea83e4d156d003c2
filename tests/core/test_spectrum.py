"""The preconditioner against NumPy's Fourier transform."""

import numpy as np
import pytest

from impasto.core import backend
from impasto.core.spectrum import precondition, spectrum


def preconditioned(image, power):
    factors = spectrum(*image.shape[1:3], power).astype(image.dtype)
    return backend.to_numpy(precondition(backend.to_tensor(image), backend.to_tensor(factors)))


@pytest.mark.parametrize("size", [(8, 8), (7, 12), (13, 5), (1, 6)])
def test_each_channel_is_filtered_alone(size):
    image = np.random.default_rng(0).normal(size=(1, *size, 3))
    factors = spectrum(*size, 1.0)
    expected = np.fft.ifft2(np.fft.fft2(image, axes=(1, 2)) * factors, axes=(1, 2))
    assert np.abs(expected.imag).max() < 1e-9
    np.testing.assert_allclose(preconditioned(image.astype("float32"), 1.0), expected.real, atol=1e-5)


def test_it_is_symmetric_and_positive():
    x, y = (np.random.default_rng(seed).normal(size=(1, 9, 14, 3)).astype("float32") for seed in (0, 1))
    np.testing.assert_allclose(
        np.vdot(x, preconditioned(y, 1.5)), np.vdot(preconditioned(x, 1.5), y), rtol=1e-4
    )
    assert spectrum(9, 14, 1.5).min() > 0


def test_a_wave_counts_by_its_frequency():
    rows = np.arange(16)[:, None, None]
    for cycles, factor in ((8, 1.0), (4, 2.0), (1, 8.0), (0, 8.0)):
        wave = np.broadcast_to(np.cos(2 * np.pi * cycles * rows / 16), (16, 16, 3))[None].astype("float32")
        np.testing.assert_allclose(preconditioned(wave, 1.0), factor * wave, atol=1e-5)
    np.testing.assert_array_equal(spectrum(5, 6, 0.0), 1)
