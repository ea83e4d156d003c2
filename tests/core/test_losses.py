"""Every loss against a float64 formula of its own, with a 1×1 convolution as the network."""

from functools import cache

import keras
import numpy as np
import pytest
from keras import ops

from impasto.core import backend
from impasto.core.errors import UsageError
from impasto.core.losses import ContentLoss, GramLoss, MeanLoss, blend
from impasto.core.moments import MomentsLoss
from impasto.core.objective import Objective, targets_from
from impasto.core.transport import distance

RANDOM = np.random.default_rng(0)
FEW, MANY = RANDOM.normal(size=(3, 4)), RANDOM.normal(size=(3, 24))  # 3 colours to 4 or 24 channels


def picture(height=4, width=5, seed=1):
    return np.random.default_rng(seed).random((1, height, width, 3))


class OneByOne:
    """A network of one 1×1 convolution with a known matrix."""

    def __init__(self, matrix):
        self.layers = ["layer"]
        convolution = keras.layers.Conv2D(matrix.shape[1], 1, use_bias=False)
        inputs = keras.Input((None, None, 3))
        self.model = keras.Model(inputs, convolution(inputs))
        convolution.set_weights([matrix[None, None].astype("float32")])

    def __call__(self, image):
        return {"layer": self.model(image)}


MATRICES = {"few": FEW, "many": MANY, "identity": np.eye(3)}


@cache  # one trace for all tests
def objective_for(kind, variant, matrix, normalise_gradient):
    loss = kind("layer", variant=variant, normalise_gradient=normalise_gradient)
    return Objective(OneByOne(MATRICES[matrix]), [loss])


def evaluate(kind, variant, matrix, image, target_image, normalise_gradient=False):
    objective = objective_for(kind, variant, matrix, normalise_gradient)
    features = objective.extractor(backend.to_tensor(target_image.astype("float32")))
    objective.targets = targets_from(objective.losses, features)
    value, _, gradient = objective(backend.to_tensor(image.astype("float32")))
    return float(value), backend.to_numpy(gradient)


def numeric_gradient(function, x, step=1e-5):
    gradient = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        moved = x.copy()
        moved[index] += step
        above = function(moved)
        moved[index] -= 2 * step
        gradient[index] = (above - function(moved)) / (2 * step)
    return gradient


# What each loss says, in NumPy and float64. F and P are rows of features, (positions, channels).


def raw_grams(F, P):
    return F.T @ F, P.T @ P


def paper(F, P):
    (G, A), (M, N) = raw_grams(F, P), F.shape
    return np.sum((G - A) ** 2) / (4 * N**2 * M**2)


def neural_style(F, P):
    (G, A), (M, C) = raw_grams(F, P), F.shape
    return np.mean((G / (C * M) - A / (C * M)) ** 2)


def mxnet(F, P):
    (G, A), (M, C) = raw_grams(F, P), F.shape
    return np.sum((G - A) ** 2) / (C * M * C)


def scaled(x, y):
    return np.sum((x - y) ** 2) / np.sum(np.abs(x - y))


def relative(x, y):
    return np.sum((x - y) ** 2) / np.sum(y**2)


def wasserstein(F, P):
    """By singular values: tr (SBS)^½ is the sum of those of X S / √M."""
    m, t = F.mean(0), P.mean(0)
    X, Y = (F - m) / np.sqrt(len(F)), (P - t) / np.sqrt(len(P))
    values, vectors = np.linalg.eigh(Y.T @ Y)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    cross = np.linalg.svd(X @ root, compute_uv=False).sum()
    return np.sum((m - t) ** 2) + np.sum(X**2) + np.sum(Y**2) - 2 * cross


def energy(P):
    return np.sum(P.mean(0) ** 2) + np.sum((P - P.mean(0)) ** 2) / len(P)


FORMULAS = {
    (ContentLoss, "mean"): lambda F, P: np.mean((F - P) ** 2),
    (ContentLoss, "sum"): lambda F, P: 0.5 * np.sum((F - P) ** 2),
    (ContentLoss, "squares"): lambda F, P: np.sum((F - P) ** 2),
    (ContentLoss, "scaled"): scaled,
    (ContentLoss, "normalised"): relative,
    (GramLoss, "paper"): paper,
    (GramLoss, "neural-style"): neural_style,
    (GramLoss, "mxnet"): mxnet,
    (GramLoss, "scaled"): lambda F, P: scaled(F.T @ F / len(F), P.T @ P / len(P)),
    (GramLoss, "normalised"): lambda F, P: relative(F.T @ F, P.T @ P),
    (MeanLoss, "mean"): lambda F, P: np.mean((F.mean(0) - P.mean(0)) ** 2),
    (MeanLoss, "normalised"): lambda F, P: relative(F.mean(0), P.mean(0)),
    (MomentsLoss, "mean"): lambda F, P: wasserstein(F, P) / F.shape[1],
    (MomentsLoss, "normalised"): lambda F, P: wasserstein(F, P) / energy(P),
}
EVERY = [pytest.param(kind, variant, id=f"{kind.kind}-{variant}") for kind, variant in FORMULAS]
# With more channels than positions the Wasserstein distance takes its other way.
WIDTHS = ["few", "many"]


def test_every_variant_has_a_formula():
    for kind in (ContentLoss, GramLoss, MeanLoss, MomentsLoss):
        assert {variant for other, variant in FORMULAS if other is kind} == set(kind.variants)


@pytest.mark.parametrize("matrix", WIDTHS)
@pytest.mark.parametrize(("kind", "variant"), EVERY)
def test_value_and_gradient(kind, variant, matrix):
    x, y = picture(seed=1), picture(seed=2)
    P = y.reshape(-1, 3) @ MATRICES[matrix]

    def formula(image):
        return FORMULAS[kind, variant](image.reshape(-1, 3) @ MATRICES[matrix], P)

    value, gradient = evaluate(kind, variant, matrix, x, y)
    expected = numeric_gradient(formula, x)
    np.testing.assert_allclose(value, formula(x), rtol=2e-3 if kind is MomentsLoss else 1e-4)
    largest = np.abs(expected).max()
    np.testing.assert_allclose(gradient, expected, atol=(5e-3 if kind is MomentsLoss else 1e-4) * largest)


@pytest.mark.parametrize("matrix", WIDTHS)
@pytest.mark.parametrize(("kind", "variant"), EVERY)
def test_zero_at_the_target(kind, variant, matrix):
    x = picture()
    value, gradient = evaluate(kind, variant, matrix, x, x)
    elsewhere, slope = evaluate(kind, variant, matrix, picture(seed=3), x)
    assert abs(value) < 1e-3 * elsewhere
    if variant != "scaled":  # whose gradient keeps its size down to the last bit
        assert np.abs(gradient).max() < 2e-2 * np.abs(slope).max()


@pytest.mark.parametrize(("kind", "variant"), EVERY)
def test_constant_pictures_stay_finite(kind, variant):
    flat = [np.full((1, 4, 5, 3), value) for value in (0.0, 0.5, 1.0)]
    for image, target in [
        *((x, picture()) for x in flat),
        *((picture(), y) for y in flat),
        (flat[0], flat[0]),
    ]:
        for normalise in (False, True):
            value, gradient = evaluate(kind, variant, "few", image, target, normalise)
            assert np.isfinite(value) and np.all(np.isfinite(gradient))


@pytest.mark.parametrize("rows", [2, 3, 200])
def test_covariances_that_hardly_overlap(rows):
    """What is left of their product is rounding, which has no root."""
    random = np.random.default_rng(rows)
    turned = np.linalg.qr(random.normal(size=(32, 32)))[0]
    x, y = (
        300 * random.normal(size=(rows, 16)) @ turned[:16],
        300 * random.normal(size=(90, 16)) @ turned[16:],
    )
    loss = MomentsLoss("layer", 1.0, "normalised")
    features, target = (backend.to_tensor(z[None, None].astype("float32")) for z in (x, y))
    target = loss.prepare(loss.statistics(target))
    expected = wasserstein(x, y) / energy(y)
    np.testing.assert_allclose(loss({"layer": features}, target), expected, rtol=2e-3)
    own = loss.statistics(features)
    np.testing.assert_allclose(loss.compare(own["mean"], own["covariance"], target), expected, rtol=2e-3)
    mean, covariance = target["mean"][None, None], target["covariance"][None]
    np.testing.assert_allclose(distance(features[0], mean, covariance)[0], expected, rtol=2e-3)


@pytest.mark.parametrize(("kind", "variant"), EVERY)
def test_normalised_gradients_have_unit_l1_norm_and_the_same_value(kind, variant):
    x, y = picture(seed=1), picture(seed=2)
    plain, slope = evaluate(kind, variant, "identity", x, y)
    value, gradient = evaluate(kind, variant, "identity", x, y, normalise_gradient=True)
    np.testing.assert_allclose(value, plain, rtol=1e-5)
    np.testing.assert_allclose(np.abs(gradient).sum(), 1, rtol=1e-3)
    np.testing.assert_allclose(gradient, slope / np.abs(slope).sum(), atol=1e-5)


@pytest.mark.parametrize(
    ("kind", "variant"), [(GramLoss, "paper"), (MeanLoss, "mean"), (MomentsLoss, "mean")]
)
def test_style_does_not_depend_on_size_or_place(kind, variant):
    x, y = picture(), picture(seed=2)
    once, _ = evaluate(kind, variant, "few", x, y)
    tiled, _ = evaluate(kind, variant, "few", x, np.tile(y[:, ::-1], (1, 2, 3, 1)))
    np.testing.assert_allclose(tiled, once, rtol=1e-3)


def test_wasserstein_of_a_stretched_picture():
    # Twice the contrast is four times the covariance: the distance is the trace of the smaller one.
    x = picture()
    middle = x.mean((0, 1, 2))
    value, _ = evaluate(MomentsLoss, "mean", "few", x, middle + 2 * (x - middle))
    centred = (x - middle).reshape(-1, 3) @ FEW
    np.testing.assert_allclose(value, np.sum(centred**2) / len(centred) / 4, rtol=2e-3)


def test_wasserstein_is_symmetric():
    x, y = picture(6, 6, seed=1), picture(5, 7, seed=2)
    there, _ = evaluate(MomentsLoss, "mean", "few", x, y)
    back, _ = evaluate(MomentsLoss, "mean", "few", y, x)
    np.testing.assert_allclose(there, back, rtol=2e-3)


def test_sixteen_bit_features_are_summed_in_full_precision():
    features = {"layer": ops.full((1, 64, 64, 3), 200.0, dtype="float16")}
    target = MeanLoss("layer").target(features)
    assert backend.dtype_of(target) == "float32"
    loss = ContentLoss("layer", variant="sum")
    value = float(loss(features, ops.zeros((1, 64, 64, 3))))  # 2.5e8: more than float16 holds
    np.testing.assert_allclose(value, 0.5 * 64 * 64 * 3 * 200**2, rtol=1e-3)


def test_names_and_unknown_variants():
    assert GramLoss("relu4_1").name == "gram:relu4_1"
    assert GramLoss("relu4_1", name="other").name == "other"
    with pytest.raises(UsageError, match=r"neural-style.*Received: 'gatys'"):
        GramLoss("relu4_1", variant="gatys")


def test_blending():
    one = {"gram": np.eye(3), "moments": {"mean": np.zeros(3), "covariance": np.eye(3)}}
    two = {"gram": 3 * np.eye(3), "moments": {"mean": np.ones(3), "covariance": 3 * np.eye(3)}}
    np.testing.assert_array_equal(blend([one, two])["gram"], 2 * np.eye(3))
    mixed = blend([one, two], [3, 1])
    np.testing.assert_allclose(mixed["moments"]["mean"], np.full(3, 0.25))
    np.testing.assert_allclose(mixed["moments"]["covariance"], 1.5 * np.eye(3))
    assert blend([one], [5]) is one
    np.testing.assert_array_equal(blend([one, two], [0, 2])["gram"], two["gram"])


@pytest.mark.parametrize("weights", [[1], [1, 2, 3], [0, 0], [-1, 2], [float("nan"), 1], [float("inf"), 1]])
def test_weights_that_cannot_blend(weights):
    with pytest.raises(UsageError, match="Received"):
        blend([np.eye(2), np.eye(2)], weights)


def test_a_blended_target_lies_between():
    x, y = picture(seed=1), picture(seed=2) ** 3
    loss = MomentsLoss("layer")
    objective = Objective(OneByOne(FEW), [loss])
    features = [objective.extractor(backend.to_tensor(image.astype("float32"))) for image in (x, y)]
    distances = []
    for share in (1.0, 0.5, 0.0):
        objective.targets = {loss.name: blend([loss.target(one) for one in features], [share, 1 - share])}
        distances.append(float(objective(backend.to_tensor(x.astype("float32")))[0]))
    assert distances[0] < distances[1] < distances[2]


@pytest.mark.parametrize("variant", ["neural-style", "paper", "mxnet"])
def test_a_wide_layer(variant):
    """256⁴ is more than 32 bits hold."""
    rows = np.random.default_rng(0).random((6, 256)).astype("float32")
    features = {"layer": backend.to_tensor(rows.reshape(1, 2, 3, 256))}
    loss = GramLoss("layer", 1.0, variant)
    value = float(loss(features, backend.to_tensor(np.zeros((256, 256), "float32"))))
    squares = np.sum((rows.T.astype("float64") @ rows / 6) ** 2)
    scale = {"neural-style": 256**-4, "paper": 256**-2 / 4, "mxnet": 6 * 256**-2}[variant]
    np.testing.assert_allclose(value, squares * scale, rtol=1e-4)
