"""bfloat16 convolutions, and which way a painting takes."""

import json

import keras
import numpy as np
import pytest

from impasto.core import backend, trial
from impasto.core.errors import UsageError
from impasto.core.features import Extractor
from impasto.core.recipes import settings_for
from impasto.core.stylize import stylize
from impasto.core.trial import Trials, choose_ways
from impasto.models.register import NETWORKS

MINI, VGG = NETWORKS["vgg_mini"], NETWORKS["vgg19"]
LARGE = [(128, 128, 50), (512, 384, 100)]


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("TF_XLA_FLAGS", "")
    return tmp_path / "impasto"


@pytest.fixture
def measured(monkeypatch):
    """A machine whose trials come out as the test says; counts them."""
    taken = []
    seconds = {
        "bfloat16": {"direct": 0.2, "bfloat16": 0.1},
        "winograd": {"direct": 0.1, "winograd": 0.05, "compiling": 5.0},
    }

    def measure(name):
        taken.append(name)
        return seconds[name]

    monkeypatch.setattr(trial, "measure_bfloat16", lambda: measure("bfloat16"))
    monkeypatch.setattr(trial, "measure_winograd", lambda: measure("winograd"))
    monkeypatch.setattr(trial, "has_bfloat16", lambda: True)
    monkeypatch.setattr(trial, "_on_processor", lambda: True)
    return taken, seconds


def choose(scales=LARGE, network=MINI, **changes):
    return choose_ways(settings_for(**changes), network, "relu5_1", scales)


def test_bfloat16_gives_nearly_the_same_features_in_float32_statistics():
    extractor = Extractor("vgg_mini", ["relu1_1", "relu4_2"], first_padding="replicate")
    picture = backend.to_tensor(np.random.default_rng(0).random((1, 33, 40, 3), "float32"))
    exact, rough = (e(picture) for e in (extractor, extractor.in_way("bfloat16")))
    for layer in extractor.layers:
        assert backend.dtype_of(rough[layer]) == "bfloat16"
        one, other = backend.to_numpy(exact[layer]), backend.to_numpy(keras.ops.cast(rough[layer], "float32"))
        error = np.linalg.norm(one - other) / np.linalg.norm(one)
        assert 1e-5 < error < 0.03


def test_a_painting_in_bfloat16_reaches_the_same_loss():
    photograph = np.random.default_rng(0).random((48, 64, 3), "float32")
    ends = {}
    for precision in ("float32", "bfloat16"):
        settings = settings_for(size=64, steps=12, network="vgg_mini", precision=precision)
        result = stylize(photograph, ["starry_night"], settings=settings)
        assert result.picture.pixels.dtype == np.float32
        ends[precision] = result.history[-1][3]
    assert ends["bfloat16"] != ends["float32"]
    assert ends["bfloat16"] == pytest.approx(ends["float32"], rel=0.02)


def test_small_paintings_are_not_worth_a_trial(measured, cache):
    assert choose([(64, 64, 20)]) == ["direct"]
    assert measured[0] == [] and not cache.exists()


def test_bfloat16_where_it_was_shown_to_be_as_good_and_is_faster(measured):
    taken, _ = measured
    assert choose() == ["bfloat16"] * 2
    assert choose() == ["bfloat16"] * 2 and taken == ["bfloat16"]  # measured once
    assert "bfloat16" not in choose(pooling="average")
    assert "bfloat16" not in choose(optimizer="sgd")
    assert "bfloat16" not in choose(gram_scaling="paper")
    assert "bfloat16" not in choose(precision="float32")
    assert "bfloat16" not in choose(network=VGG)
    assert "bfloat16" not in choose(recipe="classic")
    assert choose(network=VGG, precision="bfloat16") == ["bfloat16"] * 2


def test_not_bfloat16_where_it_is_slower_or_not_there(measured, monkeypatch):
    taken, seconds = measured
    seconds["bfloat16"] = {"direct": 0.1, "bfloat16": 0.1}
    assert "bfloat16" not in choose()
    monkeypatch.setattr(trial, "has_bfloat16", lambda: False)
    Trials().path.unlink()
    taken.clear()
    assert "bfloat16" not in choose() and "bfloat16" not in taken


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="TensorFlow's own")
def test_winograd_where_compiling_pays(measured, monkeypatch):
    taken, seconds = measured
    assert choose(network=VGG, steps=100) == ["direct", "winograd"]  # fifty steps of 128 pixels are cheap
    assert taken == ["winograd"]
    once = [(512, 512, 7)]
    assert choose(once, VGG) == ["direct"]  # ten seconds saved, thirty of compiling
    monkeypatch.setenv("TF_XLA_FLAGS", "--tf_xla_persistent_cache_directory=/somewhere")
    assert choose([(512, 512, 100)], VGG) == ["winograd"]
    assert choose(once, VGG) == ["winograd"]  # compiled now
    seconds["winograd"]["winograd"] = 0.1
    Trials().path.unlink()
    assert choose(network=VGG) == ["direct"] * 2


def test_the_user_has_the_last_word(measured):
    assert choose(convolution="direct") == ["direct"] * 2
    if keras.backend.backend() == "tensorflow":
        assert choose([(8, 8, 1)], convolution="winograd") == ["winograd"]
    else:
        with pytest.raises(UsageError, match="Received: winograd"):
            choose(convolution="winograd")


def test_a_graphics_card_is_left_alone(measured, monkeypatch):
    monkeypatch.setattr(trial, "_on_processor", lambda: False)
    assert choose() == choose(network=VGG) == ["direct"] * 2


def test_trials_with_onednn_and_without_are_two(cache, monkeypatch):
    keys = set()
    for plain in (False, True):
        monkeypatch.setattr(trial, "plain_tensorflow", lambda plain=plain: plain)
        keys.add(Trials().key)
    assert len(keys) == 2


@pytest.mark.parametrize("content", ["", "[1]", '{"KEY": 5}', '{"KEY": {"bfloat16": {"direct": -1}}}'])
def test_a_damaged_file_is_measured_anew(measured, cache, content):
    cache.mkdir()
    Trials().path.write_text(content.replace("KEY", Trials().key))
    assert choose() == ["bfloat16"] * 2
    assert json.loads(Trials().path.read_text())[Trials().key]["bfloat16"]["direct"] == 0.2


def test_no_folder_to_write_to(measured, cache):
    cache.write_text("a file where the folder should be")
    assert choose() == ["bfloat16"] * 2


def test_the_trials_themselves(cache):
    """The real ones, once: what they measure is positive and comes back from the file."""
    found = Trials().get("bfloat16", trial.measure_bfloat16)
    assert set(found) == {"direct", "bfloat16"} and min(found.values()) > 0
    assert Trials().get("bfloat16", lambda: pytest.fail("measured twice")) == found
    if keras.backend.backend() == "tensorflow":
        found = trial.measure_winograd()
        assert set(found) == {"direct", "winograd", "compiling"} and min(found.values()) > 0
