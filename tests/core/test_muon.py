"""Muon for convolutions against Keras's own Muon on the kernel seen as a matrix."""

import keras
import numpy as np
import pytest

from impasto.core.muon import ConvolutionMuon

SHAPES = [(3, 3, 8, 16), (1, 1, 12, 40), (3, 3, 2, 64)]
# bfloat16 has 8 bits of mantissa, and the Newton-Schulz steps, which do not converge, enlarge their rounding.
CLOSE = 0.08


class HalfPrecisionMuon(keras.optimizers.Muon):
    """Keras's Muon, its orthogonalisation in bfloat16."""

    def zeropower_via_newtonschulz5(self, x, steps):
        half = super().zeropower_via_newtonschulz5(keras.ops.cast(x, "bfloat16"), steps)
        return keras.ops.cast(half, x.dtype)


def variable(values):
    return keras.Variable(values.astype("float32"))


def run(optimizer, start, gradients):
    """The variable's values after each step."""
    own = variable(start)
    optimizer.build([own])
    path = []
    for gradient in gradients:
        optimizer.apply([keras.ops.convert_to_tensor(gradient.astype("float32"))], [own])
        path.append(np.array(own))
    return path


def distance(x, y):
    """How far x is from y, as a share of y, in the Frobenius norm."""
    return np.linalg.norm(x - y) / np.linalg.norm(y)


def draw(shape, count=3, seed=0):
    random = np.random.default_rng(seed)
    return random.normal(size=shape), [random.normal(size=shape) for _ in range(count)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("weight_decay", [0.0, 0.5])
def test_a_kernel_is_updated_as_its_matrix_is(shape, weight_decay):
    start, gradients = draw(shape)
    matrix = (-1, shape[-1])
    kernels = run(ConvolutionMuon(0.1, weight_decay=weight_decay), start, gradients)
    halves, wholes = (
        run(
            kind(0.1, weight_decay=weight_decay),
            start.reshape(matrix),
            [g.reshape(matrix) for g in gradients],
        )
        for kind in (HalfPrecisionMuon, keras.optimizers.Muon)
    )
    for kernel, half, whole in zip(kernels, halves, wholes, strict=True):
        assert kernel.shape == shape
        np.testing.assert_allclose(kernel.reshape(matrix), half, rtol=1e-5, atol=1e-6)
        assert distance((kernel - start).reshape(matrix), whole - start.reshape(matrix)) < CLOSE


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_an_update_is_nearly_orthogonal_whatever_the_gradient(shape):
    # A gradient of uneven singular values; Newton-Schulz's quintic leaves them between about 0.7 and 1.2.
    random = np.random.default_rng(1)
    rows, columns = int(np.prod(shape[:-1])), shape[-1]
    u, s, v = np.linalg.svd(random.normal(size=(rows, columns)), full_matrices=False)
    gradient = (u * np.geomspace(1, 0.05, len(s))) @ v
    (after,) = run(ConvolutionMuon(1.0, weight_decay=0.0), np.zeros(shape), [gradient.reshape(shape)])
    update = -after.reshape(rows, columns) / (0.2 * max(rows, columns) ** 0.5)
    values = np.linalg.svd(update, compute_uv=False)
    assert values.min() > 0.6 and values.max() < 1.3
    assert np.sum(update * gradient) > 0.6 * np.geomspace(1, 0.05, len(s)).sum()  # 1 for the exact UVᵀ


def test_the_size_of_the_gradient_does_not_matter():
    start, (gradient,) = draw((3, 3, 8, 16), count=1)
    steps = [
        run(ConvolutionMuon(0.1, weight_decay=0.0), start, [gradient * size])[0] - start
        for size in (1e-3, 1, 1e3)
    ]
    assert distance(steps[0], steps[1]) < CLOSE and distance(steps[2], steps[1]) < CLOSE


def test_without_a_rate_the_update_is_not_scaled():
    start, (gradient,) = draw((3, 3, 8, 16), count=1)
    plain = run(ConvolutionMuon(0.1, weight_decay=0.0, rms_rate=None), start, [gradient])[0] - start
    scaled = run(ConvolutionMuon(0.1, weight_decay=0.0), start, [gradient])[0] - start
    np.testing.assert_allclose(scaled, plain * 0.2 * 72**0.5, rtol=1e-3, atol=1e-5)


def test_biases_get_adamw():
    start, gradients = draw((24,))
    biases = run(ConvolutionMuon(0.01, weight_decay=0.5, adam_weight_decay=None), start, gradients)
    adam = run(keras.optimizers.Adam(0.01), start, gradients)
    np.testing.assert_allclose(biases, adam, rtol=1e-5, atol=1e-6)
    decayed = run(ConvolutionMuon(0.01, weight_decay=0.0, adam_weight_decay=0.5), start, gradients)
    adamw = run(keras.optimizers.AdamW(0.01, weight_decay=0.5), start, gradients)
    np.testing.assert_allclose(decayed, adamw, rtol=1e-5, atol=1e-6)


def test_a_zero_gradient_moves_nothing():
    start, _ = draw((3, 3, 4, 4))
    (after,) = run(ConvolutionMuon(0.1, weight_decay=0.0), start, [np.zeros_like(start)])
    np.testing.assert_array_equal(after, start.astype("float32"))


def test_it_trains_a_convolution():
    keras.utils.set_random_seed(0)
    random = np.random.default_rng(0)
    x = random.normal(size=(8, 12, 12, 3)).astype("float32")
    target = keras.layers.Conv2D(4, 3, activation="relu")
    y = np.asarray(target(x))
    model = keras.Sequential([keras.Input((12, 12, 3)), keras.layers.Conv2D(4, 3, activation="relu")])
    model.compile(ConvolutionMuon(0.02, weight_decay=0.0, adam_weight_decay=None), "mse")
    before = model.evaluate(x, y, verbose=0)
    model.fit(x, y, epochs=30, batch_size=8, verbose=0)
    assert model.evaluate(x, y, verbose=0) < 0.6 * before
