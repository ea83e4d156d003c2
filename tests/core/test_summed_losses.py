"""Losses taken apart: their sums over tiles and their slopes, against the whole layer's, in float64."""

from itertools import pairwise

import numpy as np
import pytest
from keras import ops

from impasto.core.backend import gradient, to_numpy, to_tensor
from impasto.core.errors import UsageError
from impasto.core.losses import ContentLoss, GramLoss, Loss, MeanLoss
from impasto.core.moments import MomentsLoss
from impasto.core.summed_losses import SUMMED, summed, unit_slope

CASES = [(kind, variant) for kind in SUMMED for variant in kind.variants]
EDGES = (0, 3, 8, 9)  # columns of three tiles


def layer(seed, channels=4):
    return np.random.default_rng(seed).normal(1, 1, (1, 7, 9, channels)) + np.arange(channels)


def tiles():
    """Windows of all columns with one column more on each side, and the masks of what is the tile's own."""
    for start, stop in pairwise(EDGES):
        first, last = max(0, start - 1), min(9, stop + 1)
        mask = np.zeros((1, 7, last - first, 1))
        mask[:, :, start - first : stop - first] = 1
        yield slice(first, last), to_tensor(mask)


def through_tiles(loss, features, target):
    """The distance and its slope by the features, tile by tile."""
    one, prepared, sums = summed(loss), loss.prepare(target), None
    window = (lambda columns: to_tensor(target[:, :, columns])) if one.has_map else lambda _: None
    for columns, mask in tiles():
        part = one.measure(to_tensor(features[:, :, columns]), mask, window(columns))
        sums = one.merge(sums, {name: to_numpy(value) for name, value in part.items()})
    still = {name: to_tensor(value) for name, value in sums.items()}
    prepared = {"channels": np.float64(features.shape[-1])} if one.has_map else prepared
    slopes = gradient(lambda x: one.compare(x, prepared), still)
    total, norm = np.zeros_like(features), 0.0
    for columns, mask in tiles():
        slope = one.slope(to_tensor(features[:, :, columns]), mask, window(columns), still, slopes)
        total[:, :, columns] += to_numpy(slope)
        norm += float(ops.sum(ops.abs(slope)))
    return float(one.compare(still, prepared)), total, norm, one, sums


@pytest.mark.parametrize(("kind", "variant"), CASES, ids=lambda value: getattr(value, "kind", value))
def test_tiles_give_the_whole_layers_distance_and_slope(kind, variant):
    loss, features, other = kind("layer", 1.0, variant), layer(1), layer(2) ** 2 / 4
    target = {
        ContentLoss: lambda: other,
        GramLoss: lambda: to_numpy(loss.target({"layer": to_tensor(other)})),
        MeanLoss: lambda: to_numpy(loss.target({"layer": to_tensor(other)})),
        MomentsLoss: lambda: loss.target({"layer": to_tensor(other)}),
    }[kind]()
    prepared = to_tensor(target) if kind is ContentLoss else loss.prepare(target)
    value, slope, norm, one, sums = through_tiles(loss, features, target)
    whole = lambda x: loss({"layer": x}, prepared)  # noqa: E731
    np.testing.assert_allclose(value, float(whole(to_tensor(features))), rtol=1e-9)
    expected = to_numpy(gradient(whole, to_tensor(features)))
    np.testing.assert_allclose(slope, expected, rtol=1e-6, atol=1e-9 * np.abs(expected).max())

    loss.normalise_gradient = True
    unit = to_numpy(gradient(whole, to_tensor(features)))
    np.testing.assert_allclose(to_numpy(unit_slope(to_tensor(slope), norm)), unit, rtol=1e-6, atol=1e-12)
    if not one.has_map:
        made, whole_target = one.target(sums), loss.target({"layer": to_tensor(features)})
        for name in made if isinstance(made, dict) else [...]:
            np.testing.assert_allclose(made[name], to_numpy(whole_target[name]), rtol=1e-9, atol=1e-12)


def test_moments_do_not_cancel_in_float32():
    one, features = summed(MomentsLoss("layer")), (1000 + 1e-2 * layer(3)).astype("float32")
    sums = None
    for columns, mask in tiles():
        part = one.measure(to_tensor(features[:, :, columns]), ops.cast(mask, "float32"), None)
        sums = one.merge(sums, {name: to_numpy(value) for name, value in part.items()})
    rows = features.reshape(-1, 4).astype("float64")
    np.testing.assert_allclose(
        one.target(sums)["covariance"], np.cov(rows.T, bias=True), rtol=1e-2, atol=1e-7
    )


def test_another_loss_is_refused():
    class Other(Loss):
        kind, variants = "other", ("only",)

    with pytest.raises(UsageError, match=r"sums over positions .*Received: other"):
        summed(Other("layer"))
