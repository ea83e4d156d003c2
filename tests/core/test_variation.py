"""Total variation against the tools that each order comes from."""

import numpy as np
import pytest

from impasto.core import backend
from impasto.core.errors import UsageError
from impasto.core.variation import TotalVariation


def evaluate(loss, image):
    compiled = backend.compile_value_and_grad(lambda x, _: (loss(x), {}))
    value, _, gradient = compiled(backend.to_tensor(image.astype("float32")), {})
    return float(value), backend.to_numpy(gradient)


def picture(height=5, width=6):
    return np.random.default_rng(0).random((1, height, width, 3))


def replicated(image):
    return np.pad(image, ((0, 0), (0, 1), (0, 1), (0, 0)), mode="edge")


def test_l2_is_the_mean_of_squares_with_a_repeated_border():
    x = picture()
    padded = replicated(x)
    across, down = padded[:, :-1, 1:] - x, padded[:, 1:, :-1] - x
    value, _ = evaluate(TotalVariation(), x)
    np.testing.assert_allclose(value, np.mean(across**2 + down**2), rtol=1e-5)


def test_l1_is_the_mean_of_absolute_differences():
    x = picture()
    padded = replicated(x)
    value, _ = evaluate(TotalVariation(order="l1"), x)
    expected = np.mean(np.abs(padded[:, :-1, 1:] - x) + np.abs(padded[:, 1:, :-1] - x))
    np.testing.assert_allclose(value, expected, rtol=1e-5)


def test_neural_style_has_that_tools_gradient():
    x = picture() * 255
    across = x[:, :-1, :-1] - x[:, :-1, 1:]
    down = x[:, :-1, :-1] - x[:, 1:, :-1]
    expected = np.zeros_like(x)  # as its backward pass accumulates it
    expected[:, :-1, :-1] += across + down
    expected[:, :-1, 1:] -= across
    expected[:, 1:, :-1] -= down
    _, gradient = evaluate(TotalVariation(order="neural-style", scale=255), x / 255)
    np.testing.assert_allclose(gradient / 255, expected, atol=1e-3)  # by pixels of 0-255, as there


def test_laplacian_has_mxnets_gradient_inside_and_no_frame():
    x = picture() * 255
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge")
    neighbours = padded[:, :-2, 1:-1] + padded[:, 2:, 1:-1] + padded[:, 1:-1, :-2] + padded[:, 1:-1, 2:]
    _, gradient = evaluate(TotalVariation(order="laplacian", scale=255), x / 255)
    np.testing.assert_allclose(gradient / 255, (4 * x - neighbours) / 8, atol=1e-3)


@pytest.mark.parametrize("order", TotalVariation.orders)
def test_gradient_against_finite_differences(order):
    loss, x, step = TotalVariation(order=order), picture(4, 3), 1e-2
    _, gradient = evaluate(loss, x)
    for index in [(0, 0, 0, 0), (0, 1, 1, 1), (0, 3, 2, 2), (0, 3, 0, 1), (0, 0, 2, 0)]:
        above, below = x.copy(), x.copy()
        above[index] += step
        below[index] -= step
        numeric = (evaluate(loss, above)[0] - evaluate(loss, below)[0]) / (2 * step)
        np.testing.assert_allclose(gradient[index], numeric, rtol=2e-3, atol=1e-3 * np.abs(gradient).max())


@pytest.mark.parametrize("order", TotalVariation.orders)
@pytest.mark.parametrize("size", [(4, 5), (1, 5), (1, 1)])
def test_flat_pictures_have_none(order, size):
    value, gradient = evaluate(TotalVariation(order=order, scale=255), np.full((1, *size, 3), 0.5))
    assert value == 0 and not np.any(gradient)


@pytest.mark.parametrize(("order", "power"), [("l1", 1), ("l2", 2), ("neural-style", 2), ("laplacian", 2)])
def test_scale_multiplies_the_pixels(order, power):
    plain, _ = evaluate(TotalVariation(order=order), picture())
    large, _ = evaluate(TotalVariation(order=order, scale=255), picture())
    np.testing.assert_allclose(large, plain * 255**power, rtol=1e-4)


def test_unknown_orders():
    with pytest.raises(UsageError, match=r"l2.*Received: 'l3'"):
        TotalVariation(order="l3")
