"""A network grown from a narrower one's checkpoint begins where that one stood."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest

from impasto.core.errors import UsageError, WeightsError
from impasto.core.growing import grow
from impasto.core.training_run import Checkpoint

PICTURE = np.random.default_rng(0).normal(0, 1, (2, 9, 11, 3)).astype("float32")


def network(inner, outer, seed):
    """Two convolutions and an adapter, with momentum from a step of training."""
    keras.utils.set_random_seed(seed)
    layers = [
        keras.layers.Conv2D(inner, 3, padding="same", activation="relu", name="a"),
        keras.layers.Conv2D(outer, 3, padding="same", activation="relu", name="b"),
        keras.layers.Conv2D(4, 1, name="adapter"),
    ]
    model = keras.Sequential([keras.Input((None, None, 3)), *layers], name="net")
    model.compile(keras.optimizers.SGD(0.01, momentum=0.9, name="sgd"), "mse")
    model.train_on_batch(PICTURE, np.ones((2, 9, 11, 4), "float32"))
    return model


def variables(model):
    return [*model.trainable_variables, *model.optimizer.variables]


@pytest.fixture
def narrow(tmp_path):
    model = network(5, 6, 1)
    Checkpoint(tmp_path / "narrow.npz", model).save(17)
    return SimpleNamespace(model=model, file=tmp_path / "narrow.npz")


@pytest.mark.parametrize("inner, outer", [(5, 6), (8, 6), (5, 9), (7, 10)])
def test_a_grown_network_predicts_what_the_narrow_one_did(inner, outer, narrow):
    wide = network(inner, outer, 2)
    before = wide.predict(PICTURE, verbose=0)
    grow(variables(wide), narrow.file)
    wanted = narrow.model.predict(PICTURE, verbose=0)
    assert np.abs(before - wanted).max() > 0.1
    np.testing.assert_allclose(wide.predict(PICTURE, verbose=0), wanted, atol=1e-5)


def test_new_channels_speak_and_can_be_heard(narrow):
    wide = network(8, 9, 2)
    fresh = [np.asarray(v.value) for v in wide.trainable_variables]
    grow(variables(wide), narrow.file)
    first, _, second, _, adapter, _ = (np.asarray(v.value) for v in wide.trainable_variables)
    np.testing.assert_array_equal(first[..., 5:], fresh[0][..., 5:])  # they see the picture
    assert np.abs(second[..., 6:]).min(axis=(0, 1, 2)).max() > 0 and not second[:, :, 5:, :6].any()
    assert not adapter[:, :, 6:].any()
    wide.train_on_batch(PICTURE, np.ones((2, 9, 11, 4), "float32"))
    assert np.asarray(wide.get_layer("adapter").kernel.value)[:, :, 6:].any()  # one step later they are


def test_momentum_is_carried(narrow):
    wide = network(8, 9, 2)
    grow(variables(wide), narrow.file)
    mine = {v.path: np.asarray(v.value) for v in wide.optimizer.variables}
    for v in narrow.model.optimizer.variables:
        values = np.asarray(v.value)
        np.testing.assert_array_equal(mine[v.path][tuple(map(slice, values.shape))], values)


def test_a_wider_network_does_not_shrink(narrow):
    with pytest.raises(UsageError, match=r"none wider\. Received: .*narrow\.npz \(net/a/kernel|a/kernel"):
        grow(variables(network(4, 6, 2)), narrow.file)


@pytest.mark.parametrize("content", [b"", b"PK damaged", None])
def test_a_file_that_is_no_checkpoint(content, tmp_path):
    if content is not None:
        (tmp_path / "x.npz").write_bytes(content)
    with pytest.raises(WeightsError, match=r"Expected a checkpoint of impasto distill\. Received: "):
        grow(variables(network(4, 6, 2)), tmp_path / "x.npz")
