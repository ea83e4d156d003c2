"""Winograd's convolution against the direct one, and a whole gradient against one in float64."""

import keras
import numpy as np
import pytest

from impasto.core import backend
from impasto.core.ways import in_way
from impasto.core.winograd import INPUT, KERNEL, OUTPUT, WinogradConv2D, suits

needs_tensorflow = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="TensorFlow's own")


def convolution(channels, filters, **changes):
    settings = {"padding": "same", "activation": "relu", "dtype": "float32"} | changes
    layer = keras.layers.Conv2D(filters, 3, **settings)
    layer.build((None, None, None, channels))
    random = np.random.default_rng(0)
    kernel = random.standard_normal((3, 3, channels, filters)) * (2 / 9 / channels) ** 0.5
    layer.set_weights([kernel, random.standard_normal(filters) * 0.1][: len(layer.weights)])
    return layer


def network(dtype="float32", first="same"):
    """Four convolutions of 3, 128 and 128 channels with a pooling between: two suit Winograd's method."""
    picture = keras.Input((None, None, 3), dtype=dtype)
    x = convolution(3, 128, padding=first, dtype=dtype, name="one")(picture)
    x = convolution(128, 128, dtype=dtype, name="two")(x)
    x = keras.ops.average_pool(x, 2)
    x = convolution(128, 128, dtype=dtype, name="three")(x)
    model = keras.Model(picture, x)
    for layer, seed in zip((m for m in model.layers if m.weights), (1, 2, 3), strict=True):
        kernel, bias = layer.get_weights()
        random = np.random.default_rng(seed)
        layer.set_weights([random.standard_normal(kernel.shape) * np.std(kernel), bias])
    return model


def gradient(function, x, weights):
    step = backend.compile_value_and_grad(lambda x, w: (keras.ops.sum(function(x) * w), {}))
    return backend.to_numpy(step(backend.to_tensor(x), backend.to_tensor(weights))[2])


def relative(found, expected):
    return np.linalg.norm(found - expected) / np.linalg.norm(expected)


def test_matrices_in_closed_form():
    """Six values and a kernel of three give the four sums of products, exactly as the definition."""
    values, kernel = np.array([3.0, 1, -4, 1, 5, 9]), np.array([2.0, -6, 5])
    expected = [sum(values[i + j] * kernel[j] for j in range(3)) for i in range(4)]
    np.testing.assert_allclose(OUTPUT @ ((INPUT @ values) * (KERNEL @ kernel)), expected, rtol=1e-12)


@needs_tensorflow
@pytest.mark.parametrize("lean", [False, True])
@pytest.mark.parametrize("size", [(8, 8), (13, 22), (1, 3)])
def test_a_layer_and_its_gradient(size, lean):
    layer = convolution(5, 7)
    other = WinogradConv2D(layer, lean)
    random = np.random.default_rng(3)
    x = random.standard_normal((1, *size, 5), "float32")
    weights = random.standard_normal((1, *size, 7), "float32")
    direct, found = (
        backend.to_numpy(backend.compile_function(f)(backend.to_tensor(x))) for f in (layer, other)
    )
    assert found.shape == direct.shape and (found >= 0).all() and (found == 0).any()
    assert relative(found, direct) < 1e-5
    assert relative(gradient(other, x, weights), gradient(layer, x, weights)) < 1e-5


@needs_tensorflow
@pytest.mark.parametrize("first", ["same", "valid"])
def test_a_network_is_as_exact_as_the_direct_way(first):
    """Against float64: the error is that of float32, whichever way is taken."""
    random = np.random.default_rng(4)
    x = random.standard_normal((1, 18, 27, 3))
    model = network(first=first)
    fast = in_way(model, "winograd")
    kinds = [type(layer).__name__ for layer in fast.layers if isinstance(layer, keras.layers.Layer)]
    assert kinds.count("WinogradConv2D") == 2 and kinds.count("Conv2D") == 1
    weights = random.standard_normal(backend.to_numpy(model(x.astype("float32"))).shape)
    exact = gradient(network("float64", first), x, weights)
    single = [gradient(m, x.astype("float32"), weights.astype("float32")) for m in (model, fast)]
    errors = [relative(found, exact) for found in single]
    assert errors[1] < max(4 * errors[0], 1e-4)
    assert not np.array_equal(*single)


@needs_tensorflow
def test_which_layers_it_stands_in_for():
    assert suits(convolution(4, 6), 4)
    assert not suits(convolution(4, 6), 5)
    for changes in (
        {"padding": "valid"},
        {"strides": 2},
        {"activation": "linear"},
        {"use_bias": False},
        {"dtype": "float64"},
    ):
        assert not suits(convolution(4, 6, **changes), 1), changes
    assert not suits(keras.layers.ReLU(), 1)
