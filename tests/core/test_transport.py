"""Optimal maps between Gaussians, against closed forms and against the loss that they serve."""

import numpy as np
import pytest

from impasto.core.backend import gradient, to_numpy, to_tensor
from impasto.core.instant_maps import (
    Moments,
    added,
    affine_map,
    blended,
    changes,
    moments_from,
    weighted_sums,
)
from impasto.core.moments import MomentsLoss
from impasto.core.transport import distance, moments, root, transported


def rows(count, channels, seed, pictures=2):
    """Correlated rows about some mean, (pictures, count, channels)."""
    random = np.random.default_rng(seed)
    mixing = np.eye(channels) + 0.3 * random.normal(size=(pictures, channels, channels))
    return (random.normal(size=(pictures, count, channels)) @ mixing + random.normal(size=channels)).astype(
        "float32"
    )


def centred(array):
    return array - array.mean(axis=1, keepdims=True)


@pytest.mark.parametrize("shift", [1e-6, 1e-4])
def test_moved_rows_have_the_targets_covariance(shift):
    x, target = centred(rows(300, 6, 1)), to_numpy(moments(rows(200, 6, 2))[1])
    moved = to_numpy(transported(to_tensor(x), to_tensor(target), shift)[0])
    reached = np.swapaxes(moved, 1, 2) @ moved / 300
    np.testing.assert_allclose(reached, target, atol=0.02 * np.abs(target).max())


def test_rows_are_moved_no_further_than_the_distance_of_their_gaussians():
    x, y = centred(rows(400, 5, 1)), centred(rows(400, 5, 2))
    covariance = to_numpy(moments(y)[1])
    moved, trace = map(to_numpy, transported(to_tensor(x), to_tensor(covariance), 1e-6))
    own = to_numpy(moments(x)[1])
    energies = np.trace(own, axis1=1, axis2=2) + np.trace(covariance, axis1=1, axis2=2)
    np.testing.assert_allclose(np.square(moved - x).sum(axis=2).mean(axis=1), energies - 2 * trace, rtol=1e-2)


def test_rows_that_are_there_already_stay():
    x = centred(rows(400, 5, 1))
    np.testing.assert_allclose(transported(to_tensor(x), moments(x)[1], 1e-6)[0], x, atol=2e-2)


def test_both_formulas_are_one():
    few, target = centred(rows(7, 8, 1)), moments(rows(90, 8, 2))[1]
    by_positions = transported(to_tensor(few), target)
    # The same rows thirty times over have the same statistics, and are more than there are channels.
    by_channels = transported(to_tensor(np.tile(few, (1, 30, 1))), target)
    scale = np.abs(by_positions[0]).max()
    np.testing.assert_allclose(by_channels[0][:, :7], by_positions[0], atol=1e-2 * scale)
    np.testing.assert_allclose(by_channels[1], by_positions[1], rtol=1e-2)


def test_the_root_squared_is_the_matrix():
    matrix = to_numpy(moments(rows(200, 6, 3))[1])
    half = to_numpy(root(to_tensor(matrix)))
    np.testing.assert_allclose(half @ half, matrix, atol=2e-3 * np.abs(matrix).max())


@pytest.mark.parametrize("count", [9, 200])
def test_the_distance_is_the_quality_recipes(count):
    x, y = rows(count, 12, 1), rows(150, 12, 2)
    mean, covariance = moments(to_tensor(y))
    loss = MomentsLoss("layer", 1.0, "normalised")
    values = to_numpy(distance(to_tensor(x), mean, covariance))
    for i in range(2):
        target = loss.prepare({"mean": to_numpy(mean)[i, 0], "covariance": to_numpy(covariance)[i]})
        features = to_tensor(x[i].reshape(1, count, 1, 12))
        assert values[i] == pytest.approx(float(loss.distance(features, target)), rel=1e-3)
        expected = gradient(lambda f, target=target: loss.distance(f, target), features)
        own = gradient(
            lambda f, i=i: distance(f[..., 0, :], mean[i : i + 1], covariance[i : i + 1])[0], features
        )
        np.testing.assert_allclose(own, expected, atol=2e-3 * np.abs(expected).max())


# ---------------------------------------------------------------- once a picture, in float64


def test_the_map_of_a_picture_is_the_batchs():
    x, y = rows(300, 6, 1, pictures=1), rows(300, 6, 2, pictures=1)
    mean, covariance = map(to_numpy, moments(to_tensor(y)))
    expected = to_numpy(transported(to_tensor(centred(x)), to_tensor(covariance))[0]) + mean
    own = [Moments(a[0].mean(axis=0), np.cov(a[0].T, bias=True)) for a in (x, y)]
    matrix, offset = affine_map(*own)
    np.testing.assert_allclose(x @ matrix + offset, expected, atol=1e-2 * np.abs(expected).max())
    np.testing.assert_allclose(matrix, matrix.T, atol=1e-5)


def test_a_share_of_the_way_is_a_share_of_the_change():
    own, style = (
        [Moments(a[0].mean(axis=0), np.cov(a[0].T, bias=True)) for a in (rows(99, 4, s), rows(99, 4, s + 1))]
        for s in (1, 3)
    )
    own, style = [*own, *own, own[0]], [*style, *style, style[0]]  # five levels
    whole, half, none = (changes(own, style, share) for share in (1, 0.5, 0))
    for one, two, three in zip(whole, half, none, strict=True):
        for a, b, c in zip(one, two, three, strict=True):
            np.testing.assert_allclose(b, a / 2, rtol=1e-6)
            assert not c.any()
    x = rows(10, 4, 5)[0]
    matrix, offset = affine_map(own[0], style[0])
    np.testing.assert_allclose(x + x @ whole[0][0] + whole[0][1], x @ matrix + offset, atol=1e-5)


def test_sums_of_parts_are_the_sums_of_the_whole():
    features = np.random.default_rng(0).normal(3, 1, (1, 8, 6, 4)).astype("float32")
    sums = None
    for part in (features[:, :3], features[:, 3:]):
        sums = added(
            sums, [weighted_sums(to_tensor(part), to_tensor(np.ones((*part.shape[:3], 1), "float32")))]
        )
    (found,) = moments_from(sums)
    flat = features.reshape(-1, 4)
    np.testing.assert_allclose(found.mean, flat.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(found.covariance, np.cov(flat.T, bias=True), atol=1e-4)


def test_positions_count_by_their_weight():
    features = np.random.default_rng(0).normal(size=(1, 4, 4, 2)).astype("float32")
    weights = np.zeros((1, 4, 4, 1), "float32")
    weights[:, :2] = 0.5
    (found,) = moments_from(added(None, [weighted_sums(to_tensor(features), to_tensor(weights))]))
    np.testing.assert_allclose(found.mean, features[:, :2].mean(axis=(0, 1, 2)), atol=1e-5)


def test_blended_styles_lie_between():
    one, two = ([Moments(np.full(2, v), np.eye(2) * v)] for v in (1.0, 3.0))
    (found,) = blended([one, two], [0.25, 0.75])
    np.testing.assert_allclose(found.mean, 2.5)
    np.testing.assert_allclose(found.covariance, 2.5 * np.eye(2))
