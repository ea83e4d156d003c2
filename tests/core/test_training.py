"""Training of one-pass networks: small networks, a few pictures, a few steps, real files."""

import json
import os
import subprocess
import sys
from dataclasses import replace

import keras
import numpy as np
import pytest
from PIL import Image

from impasto.core import assemble, teacher
from impasto.core.curves import Yardstick
from impasto.core.errors import Cancelled, ImpastoError, PictureError, UsageError, WeightsError
from impasto.core.painter import Painter
from impasto.core.photographs import open_photographs
from impasto.core.recipes import QUALITY, Settings
from impasto.core.styles import load_style
from impasto.core.teacher import Teacher
from impasto.core.trainer import PictureLosses, Trainer
from impasto.core.training import batch_at, train
from impasto.core.training_looks import Material
from impasto.core.training_recipes import RECIPES, training_settings
from impasto.core.training_run import read_log
from impasto.core.training_settings import TrainSettings
from impasto.models.painters import PainterFacts, build_painter, read_painter
from impasto.models.register import VGG16, VGG19, VGG_MINI

SMALL = {
    "width": 4, "blocks": 1, "steps": 4, "batch": 2, "side": 32, "style_side": 48, "held_out": 2,
    "style_layers": ("relu1_1", "relu2_1"), "content_layers": ("relu2_1",), "network": "vgg_mini",
    "evaluate_every": 100, "sheet_every": 100,
}  # fmt: skip
pytestmark = pytest.mark.usefixtures("small_looks")


@pytest.fixture
def material(photos, pictures):
    photographs, held_out = open_photographs([photos], 2)
    styles = [load_style(pictures / f"{name}.png") for name in ("dots", "lines")]
    return Material(styles, photographs, tuple(held_out), "six pictures")


@pytest.fixture
def real_networks():
    """The compact network with its own weights, which tests before and after put others in place of."""
    assemble.made_from.cache_clear()
    yield
    assemble.made_from.cache_clear()


@pytest.fixture
def settings(bundled):
    return training_settings(**SMALL)


def weights(folder):
    with np.load(folder / "checkpoint.npz") as file:
        return {name: file[name] for name in file.files}


# ---------------------------------------------------------------- settings


def test_papers_layers_under_every_network():
    johnson, ulyanov = RECIPES["johnson"], RECIPES["ulyanov"]
    assert johnson.losses(VGG16).style_layers == ("relu1_2", "relu2_2", "relu3_3", "relu4_3")
    assert johnson.losses(VGG16).content_layers == ("relu3_3",)
    assert johnson.losses(VGG_MINI).style_layers == ("relu1_1", "relu2_1", "relu3_1", "relu4_2")
    assert ulyanov.losses(VGG19).style_layers == tuple(f"relu{block}_1" for block in range(1, 6))
    assert ulyanov.losses(VGG19).content_layers == ("relu4_2",)


def test_quality_is_what_the_optimiser_makes_small():
    losses = training_settings("quality").losses(VGG_MINI)
    same = ("content_weight", "style_weight", "tv_weight", "style_layer_weights", "style_loss", "variation")
    assert {name: getattr(losses, name) for name in same} == {name: getattr(QUALITY, name) for name in same}
    assert not training_settings("quality").style_root
    other = training_settings("quality", style_layers=("relu1_1", "relu2_1"))
    assert other.losses(VGG_MINI).style_layer_weights is None
    with pytest.raises(UsageError, match=r"each style layer \(5\).*Received: 2 weights"):
        training_settings("quality", style_layer_weights=(1.0, 2.0)).losses(VGG_MINI)


def test_a_texture_and_a_generator_have_settings_of_their_own():
    texture = training_settings(texture=True, steps=5)
    assert (texture.architecture, texture.width, texture.scales, texture.steps) == ("generator", 8, 5, 5)
    assert texture.options == {"channels": 8, "scales": 5, "content": False}
    generator = training_settings(architecture="generator")
    assert (generator.width, generator.scales, generator.options["content"]) == (8, 6, True)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"side": 66}, "multiple of 4"), ({"steps": 0}, "steps lies between"),
        ({"architecture": "easel"}, "is one of"), ({"learning_rate": float("nan")}, "learning_rate lies"),
        ({"texture": True, "side": 72}, "multiple of 16"),
        ({"texture": True, "side": 32}, "coarsest noise"), ({"recipe": "jonson"}, "Did you mean 'johnson'"),
        ({"texture": True, "taught": 5}, "no photographs to be taught on"), ({"wide": 3}, "no such setting"),
        ({"precision": "float8"}, "is one of"), ({"imitation": -1}, "imitation lies between"),
        ({"texture": True, "imitation": 0.5}, "no photographs to be taught on.*imitation 0.5"),
        ({"imitation": 0.5, "taught": 5}, "not both. Received: taught 5, imitation 0.5"),
        ({"imitation": 0.5, "side": 72}, "multiple of 16 pixels"),
    ],
)  # fmt: skip
def test_settings_out_of_range_are_refused(changes, words):
    with pytest.raises(UsageError, match=words):
        training_settings(**changes)


# ---------------------------------------------------------------- what a step sees


def test_a_steps_batch_depends_on_seed_and_step_alone(material, settings):
    first, again, other = (batch_at(step, material, settings) for step in (3, 3, 4))
    for name in ("picture", "style"):
        np.testing.assert_array_equal(first[name], again[name])
    assert (first["picture"] != other["picture"]).any()
    assert first["picture"].shape == (2, 32, 32, 3) and first["picture"].dtype == np.uint8


def test_every_style_comes_once_in_each_round(material, settings):
    chosen = np.concatenate([batch_at(step, material, settings)["style"] for step in range(8)])
    np.testing.assert_array_equal(chosen.reshape(8, 2, 2).sum(1), np.ones((8, 2)))
    assert len({tuple(row) for row in chosen[::2]}) == 2  # and not always in one order


def test_losses_are_each_pictures_own(bundled, pictures, blobs):
    """A batch of two gives what its pictures give alone, each against its own style."""
    styles = [load_style(pictures / f"{name}.png") for name in ("dots", "lines")]
    losses = PictureLosses(training_settings(**SMALL).losses(VGG_MINI), styles, 48, content=True)
    painted, photographs = (np.stack([blobs(32, 32, i + j) for i in range(2)]) for j in (0, 5))
    rows = np.eye(2, dtype="float32")
    both = keras.ops.convert_to_numpy(losses(painted, photographs, rows))
    for i in range(2):
        alone = losses(painted[i : i + 1], photographs[i : i + 1], rows[i : i + 1])
        np.testing.assert_allclose(both[i], keras.ops.convert_to_numpy(alone)[0], rtol=1e-4)
    assert losses.kinds == ["content", "style", "style", "variation"]
    swapped = keras.ops.convert_to_numpy(losses(painted, photographs, rows[::-1].copy()))
    assert (abs(swapped - both)[:, 1:3] > 1e-3).all() and np.allclose(swapped[:, 0], both[:, 0])


def test_imitation_sees_what_is_painted_where_and_not_how_strokes_lie(bundled, pictures):
    """Strokes a little aside are near the painting; the same strokes in another quarter are not."""
    styles = [load_style(pictures / "dots.png")]
    losses = PictureLosses(training_settings(**SMALL).losses(VGG_MINI), styles, 48, True, imitation=2.0)
    assert (losses.names[-1], losses.kinds[-1], losses.weights[-1]) == ("imitation", "imitation", 2.0)
    stripes = np.tile(np.repeat([0.2, 0.8], 2), 16)[None, :, None]
    painting = np.full((1, 64, 64, 3), 0.5, "float32")
    painting[0, :32, :32] = stripes[:, :32]
    aside, elsewhere = painting.copy(), painting[:, :, ::-1].copy()
    aside[0, :32, :32] = 1 - stripes[:, :32]

    def unlike(picture):
        found = keras.ops.convert_to_numpy(losses(picture, painting, np.eye(1, dtype="float32"), painting))
        return float(found[0, -1])

    assert unlike(painting) == 0
    assert unlike(aside) < 0.1 * unlike(elsewhere)
    assert unlike(painting + 0.1) > 0.01


def test_a_run_that_imitates_nears_what_the_teacher_paints(real_networks, material, tmp_path, monkeypatch):
    """Interrupted or not; and its paintings are judged by the losses, too."""
    monkeypatch.setattr(teacher, "PAINTINGS", 8)
    settings = training_settings(**SMALL, imitation=3.0, checkpoint_minutes=0, learning_rate=5e-3)
    log = {}
    for folder, lengths in (("whole", (4,)), ("parts", (1, 4))):
        (tmp_path / folder).mkdir()
        for length in lengths:
            train(material, tmp_path / folder, replace(settings, steps=length))
        log[folder] = weights(tmp_path / folder)
    for name, array in log["whole"].items():
        np.testing.assert_array_equal(log["parts"][name], array, err_msg=name)
    shown = batch_at(0, material, settings, Teacher(material, settings))
    losses = PictureLosses(settings.losses(VGG_MINI), material.styles, 48, True, imitation=3.0)

    def parts():
        painter, photographs = Painter.load(tmp_path / "whole"), shown["picture"].astype("float32") / 255
        pairs = zip(photographs, shown["style"], strict=True)
        painted = np.concatenate([painter.paint_pixels(one[None], style) for one, style in pairs])
        found = losses(painted, photographs, shown["style"], shown["taught"].astype("float32") / 255)
        return keras.ops.convert_to_numpy(found).mean(axis=0)

    before = parts()
    train(material, tmp_path / "whole", replace(settings, steps=40))
    after = parts()
    assert after[-1] < 0.8 * before[-1]
    assert after[1:3].sum() < before[1:3].sum()


def test_a_painting_has_no_distance_from_itself(bundled, pictures):
    style = load_style(pictures / "dots.png")
    yardstick = Yardstick([style], style.at(64)[None])
    content, mean, own = yardstick.measure([style.at(64)[None]])
    assert content == pytest.approx(0, abs=1e-6) and mean == own == pytest.approx(0, abs=1e-6)


# ---------------------------------------------------------------- runs


def test_a_photograph_of_one_colour_counts_for_nothing(material, settings):
    painter = build_painter(PainterFacts("transformer", settings.options, ("dots", "lines")))
    losses = PictureLosses(settings.losses(VGG_MINI), material.styles, settings.style_side, content=True)
    trainer, batch = Trainer(painter, losses, rooted=False), batch_at(0, material, settings)
    assert (np.asarray(trainer(batch)) > 0).all()
    batch["picture"] = batch["picture"].copy()
    batch["picture"][0] = (40, 90, 200)
    plain, other = np.asarray(trainer(batch))
    assert plain == 0 and other > 0


def test_what_a_picture_cannot_show_is_seen_cut_off_and_brought_back(material, settings):
    options = settings.options | {"skip": True}
    painter = build_painter(PainterFacts("transformer", options, ("dots", "lines")))
    losses = PictureLosses(settings.losses(VGG_MINI), material.styles, settings.style_side, content=True)
    trainer, batch = Trainer(painter, losses, rooted=False), batch_at(0, material, settings)
    shift = painter.get_layer("skip_norm").shift
    given, totals = [], []
    for white in (2.0, 3.0):  # half of it, and half, is white: everything, and further and further beyond
        shift.assign(np.full(shift.shape, (white * 2 + 3) / 4))
        given.append(np.asarray(painter([batch["picture"] / 255, batch["style"]])))
        totals.append(np.asarray(trainer(batch))[:, 0])
    assert min(painted.min() for painted in given) > 1
    beyond = [10 * np.mean((painted - 1) ** 2, axis=(1, 2, 3)) for painted in given]
    np.testing.assert_allclose(totals[0] - beyond[0], totals[1] - beyond[1], rtol=1e-3)


def test_a_run_begins_with_a_trained_network(material, settings, tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir(), second.mkdir()
    train(material, first, replace(settings, steps=2, learning_rate=0.01))
    other = replace(material, styles=[material.styles[1], replace(material.styles[0], name="new")])
    train(other, second, replace(settings, steps=1, learning_rate=1e-9), begin=first)
    (_, before), (facts, after) = (read_painter(folder / "painter.npz") for folder in (first, second))
    assert facts.styles == ("lines", "new") and facts.steps == 1
    for name, own in before.items():
        if name.endswith(("/scale", "/shift")):
            own = np.stack([own[1], own.mean(axis=0)])  # "lines" keeps its own
        np.testing.assert_allclose(after[name], own, atol=2e-3, err_msg=name)
    third = tmp_path / "third"
    third.mkdir()
    with pytest.raises(UsageError, match=r"width 6.*Received: .*width 4"):
        train(material, third, replace(settings, width=6), begin=first)
    with pytest.raises(UsageError, match=r"Received: nowhere"):
        train(material, third, settings, begin="nowhere")
    assert not list(third.iterdir())


def test_training_makes_the_loss_smaller(material, settings, tmp_path):
    settings = replace(
        settings, steps=60, learning_rate=5e-3, evaluate_every=20, tv_weight=0.0, content_weight=0.01
    )
    facts = train(material, tmp_path, settings)
    header, log = read_log(tmp_path / "log.csv")
    assert header == ["step", "seconds", "training", "content", "style", "dots", "lines"]
    assert log[-1, 2] < 0.7 * log[0, 2]
    assert (tmp_path / "log.png").stat().st_size > 1000
    assert Image.open(tmp_path / "sheet_000060.jpg").width > 2 * 64
    saved, _ = read_painter(tmp_path / "painter.npz")
    assert saved == facts and saved.steps == 60 and saved.styles == ("dots", "lines")


def test_an_interrupted_run_ends_with_the_same_weights(material, settings, tmp_path):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    whole.mkdir(), parts.mkdir()
    train(material, whole, replace(settings, checkpoint_minutes=0))

    def stop(event):
        if event.step == 2:
            raise Cancelled("interrupted")

    with pytest.raises(Cancelled):
        train(material, parts, settings, on_progress=stop)
    assert int(weights(parts)["step"]) == 2
    train(material, parts, replace(settings, checkpoint_minutes=0))
    expected, got = weights(whole), weights(parts)
    assert expected.keys() == got.keys()
    for name in expected:
        np.testing.assert_array_equal(got[name], expected[name], err_msg=name)


def test_a_folder_of_another_run_is_refused(material, settings, tmp_path):
    train(material, tmp_path, replace(settings, steps=1))
    for changed, words in (
        (replace(settings, side=64), "side was 32"),
        (replace(settings, width=6), "width was 4"),
        (replace(settings, content_weight=3.0), "content_weight was 1"),
    ):
        with pytest.raises(UsageError, match=words):
            train(material, tmp_path, changed)
    with pytest.raises(UsageError, match="the styles were dots, lines"):
        train(replace(material, styles=material.styles[:1]), tmp_path, settings)
    (tmp_path / "settings.json").unlink()
    with pytest.raises(WeightsError, match="another network"):
        train(material, tmp_path, replace(settings, width=6))
    (tmp_path / "settings.json").write_text("{")
    with pytest.raises(UsageError, match="damaged"):
        train(material, tmp_path, settings)


def test_a_full_disk_leaves_the_last_checkpoint(material, settings, tmp_path, monkeypatch):
    train(material, tmp_path, replace(settings, steps=1))
    before = (tmp_path / "checkpoint.npz").read_bytes()

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    monkeypatch.setattr("impasto.core.training.check_same_run", lambda *_: None)
    with pytest.raises(PictureError, match=r"No space left.*Received: .*checkpoint\.npz"):
        train(material, tmp_path, replace(settings, steps=20, checkpoint_minutes=0))
    assert (tmp_path / "checkpoint.npz").read_bytes() == before
    assert not [path for path in tmp_path.iterdir() if "part" in path.name]


def test_a_run_that_diverges_ends_with_a_word(material, settings, tmp_path):
    train(material, tmp_path, replace(settings, steps=1))
    spoilt = {
        name: array * np.nan if "out/kernel" in name else array for name, array in weights(tmp_path).items()
    }
    np.savez(tmp_path / "checkpoint.npz", **spoilt)
    before = (tmp_path / "checkpoint.npz").read_bytes()
    with pytest.raises(ImpastoError, match=r"diverged.*Received: a loss of nan at step 2"):
        train(material, tmp_path, replace(settings, steps=2))
    assert (tmp_path / "checkpoint.npz").read_bytes() == before


def test_mixed_precision_trains_and_leaves_the_policy_alone(material, settings, tmp_path):
    before = keras.mixed_precision.dtype_policy().name
    train(material, tmp_path, replace(settings, steps=2, precision="mixed_bfloat16"))
    assert keras.mixed_precision.dtype_policy().name == before
    assert {array.dtype.name for name, array in weights(tmp_path).items() if "kernel" in name} == {"float32"}


def test_a_teacher_shows_paintings_of_crops(material):
    settings = replace(training_settings(**SMALL), batch=8)
    show = Teacher(material, settings)
    seen = show(7)
    assert seen["picture"].shape == seen["taught"].shape == (8, 32, 32, 3)
    assert seen["picture"].dtype == seen["taught"].dtype == np.uint8
    for name, array in Teacher(material, settings)(7).items():
        np.testing.assert_array_equal(seen[name], array)
    assert (show(8)["picture"] != seen["picture"]).any()
    assert (seen["style"].sum(axis=1) == 1).all() and set(seen["style"].argmax(axis=1)) == {0, 1}
    for picture, taught, style in zip(seen["picture"], seen["taught"], seen["style"], strict=True):
        painting = show.styles[style.argmax()]
        own, aim = picture.mean((0, 1)) / 255, painting.mean((0, 1))
        painted = taught.mean((0, 1)) / 255  # not recoloured alone, but that can be measured
        assert np.abs(painted - aim).sum() < np.abs(own - aim).sum() + 0.02


def test_a_taught_network_comes_near_what_the_teacher_paints(material, tmp_path, monkeypatch):
    monkeypatch.setattr(teacher, "PAINTINGS", 24)
    settings = replace(
        training_settings(**SMALL), skip=True, steps=40, taught=40, learning_rate=0.01, batch=4
    )
    shown = Teacher(material, settings)(0)

    def distance(steps):
        train(material, tmp_path, replace(settings, steps=steps))
        painter, photographs = Painter.load(tmp_path), shown["picture"].astype("float32") / 255
        pairs = zip(photographs, shown["style"], strict=True)
        painted = np.concatenate([painter.paint_pixels(one[None], style) for one, style in pairs])
        return float(np.mean((painted - shown["taught"] / 255) ** 2))

    first = distance(1)
    assert distance(40) < 0.7 * first


def test_what_is_taught_ends_and_the_losses_begin(material, tmp_path):
    """At the very step, whether the run was interrupted or not; the optimiser begins anew."""
    settings = replace(training_settings(**SMALL), taught=2, checkpoint_minutes=0)
    log = {}
    for folder, lengths in (("whole", (4,)), ("parts", (1, 2, 4))):
        (tmp_path / folder).mkdir()
        for length in lengths:
            train(material, tmp_path / folder, replace(settings, steps=length))
        log[folder] = weights(tmp_path / folder)
    assert int(log["whole"]["step"]) == 4
    (iterations,) = [array for name, array in log["whole"].items() if name.endswith("iteration")]
    assert int(iterations) == 2
    for name, array in log["whole"].items():
        np.testing.assert_array_equal(log["parts"][name], array, err_msg=name)


def test_a_network_computed_once_more_learns_the_same(material, settings, tmp_path):
    learnt = []
    for recompute in (False, True):
        (folder := tmp_path / str(recompute)).mkdir()
        train(material, folder, replace(settings, steps=2, recompute=recompute))
        learnt.append(weights(folder))
    moments = [name for name in learnt[0] if "kernel_momentum" in name]
    assert len(moments) >= 5
    for name in moments:
        scale = abs(learnt[0][name]).max()
        np.testing.assert_allclose(learnt[1][name], learnt[0][name], atol=1e-4 * scale, err_msg=name)


# ---------------------------------------------------------------- two devices

PROGRAM = """
import sys, numpy as np, keras
if keras.backend.backend() == "tensorflow":
    import tensorflow as tf
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from pathlib import Path
from impasto.core.photographs import open_photographs
from impasto.core.styles import load_style
from impasto.core.training import train
from impasto.core.training_looks import Material
from impasto.core.training_recipes import training_settings
import json
from impasto.core import curves, training_looks
curves.SIDE = curves.STYLE_SIDE = training_looks.SHEET_SIDE = 64
photos, pictures, weights, changes = sys.argv[1:5]
photographs, held_out = open_photographs([photos], 2)
styles = [load_style(Path(pictures) / f"{name}.png") for name in ("dots", "lines")]
settings = training_settings(**json.loads(changes), weights=weights)
for devices in (1, 2):
    folder = Path(f"devices{devices}")
    folder.mkdir()
    train(Material(styles, photographs, tuple(held_out)), folder, settings, devices=devices)
"""


@pytest.mark.parametrize(("backend", "recompute"), [("tensorflow", False), ("jax", True)])
def test_two_devices_train_as_one(backend, recompute, photos, pictures, mini_weights, quick_xla, tmp_path):
    pytest.importorskip(backend)
    # Steps of one size whatever the gradient's, as Adam's first are, would hide a wrong scale of it.
    changes = json.dumps(SMALL | {"steps": 2, "blocks": 0, "checkpoint_minutes": 0, "recompute": recompute})
    environment = os.environ | {
        "KERAS_BACKEND": backend,
        "XLA_FLAGS": f"--xla_force_host_platform_device_count=2 {quick_xla}",
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    words = [sys.executable, "-c", PROGRAM, str(photos), str(pictures), mini_weights, changes]
    done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-3000:]
    one, two = weights(tmp_path / "devices1"), weights(tmp_path / "devices2")
    # A bias before a normalisation has no slope, only rounding.
    moments = [name for name in one if "kernel_momentum" in name]
    assert len(moments) >= 5
    for name in moments:
        np.testing.assert_allclose(
            two[name], one[name], rtol=0.02, atol=1e-3 * abs(one[name]).max(), err_msg=name
        )


def test_a_texture_is_trained_without_photographs(bundled, pictures, tmp_path):
    settings = training_settings(texture=True, **SMALL | {"scales": 3, "steps": 2, "content_layers": None})
    facts = train(Material([load_style(pictures / "dots.png")]), tmp_path, settings)
    assert not facts.takes_picture and facts.options["content"] is False
    _, log = read_log(tmp_path / "log.csv")
    assert np.isnan(log[-1, 3]) and log[-1, 4] > 0


def test_a_generator_learns_to_paint_photographs(material, settings, tmp_path):
    """Ulyanov's other network: with the photograph at each scale beside the noise."""
    small = SMALL | {"architecture": "generator", "scales": 3, "steps": 3, "checkpoint_minutes": 0}
    settings = training_settings("ulyanov", **small)
    facts = train(material, tmp_path, settings)
    assert facts.takes_picture and facts.architecture == "generator"
    with pytest.raises(UsageError, match="scales was 3"):
        train(material, tmp_path, replace(settings, scales=2))
    photograph = np.asarray(material.held_out[0], "float32")[None, :33, :41] / 255
    painter = Painter.load(tmp_path)
    painted = [painter.paint_pixels(photograph, painter.weights(["dots"]), seed=seed) for seed in (1, 1, 2)]
    assert painted[0].shape == (1, 33, 41, 3)
    np.testing.assert_array_equal(painted[0], painted[1])
    assert np.abs(painted[0] - painted[2]).max() > 1e-4  # the noise counts


def test_defaults_are_johnsons():
    assert (TrainSettings().width, TrainSettings().blocks, TrainSettings().steps) == (32, 5, 40_000)
    assert (TrainSettings().batch, TrainSettings().learning_rate, TrainSettings().side) == (4, 1e-3, 256)
    assert isinstance(TrainSettings().losses(VGG_MINI), Settings)
