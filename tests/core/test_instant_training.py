"""Training the one-pass decoder: a few pictures, a few steps, and the real command line."""

import contextlib
import json
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

from impasto.core import instant, instant_run, instant_trainer
from impasto.core.assemble import workbench
from impasto.core.backend import to_numpy, to_tensor
from impasto.core.crops import Folder
from impasto.core.errors import ImpastoError, UsageError
from impasto.core.features import Extractor
from impasto.core.images import load_picture
from impasto.core.instant_keras import KerasRuntime, extractors
from impasto.core.instant_tiles import padded, unpadded
from impasto.core.instant_trainer import PARTS, SEEN, InstantTrainer
from impasto.core.instant_training import InstantSettings, export, held_out_pairs, look, train_instant
from impasto.core.recipes import Settings
from impasto.core.style_crops import StyleSource
from impasto.core.stylize import stylize
from impasto.core.training_run import read_log
from impasto.models.instant import (
    LIGHT_LEVELS,
    begin,
    build_instant,
    gradient_model,
    load_instant,
    named_weights,
)
from impasto.models.register import MEANS

SETTINGS = InstantSettings(
    steps=4, batch=2, side=32, held_out=2, decay=0, precision="float32", evaluate_every=100, warmup=1, fine=1
)


pytestmark = pytest.mark.usefixtures("own_policy")


@pytest.fixture(scope="module")
def folders(tmp_path_factory, blobs):
    """Photographs of large shapes, paintings of small ones."""
    made = []
    for name, cells in (("photos", 5), ("paintings", 25)):
        folder = tmp_path_factory.mktemp(name)
        for i in range(5):
            Image.fromarray(np.uint8(blobs(60, 80, i, cells) * 255)).save(folder / f"{i}.png")
        made.append(folder)
    return made


@pytest.fixture
def make(folders, mini_weights, encoder_weights):
    """A fresh trainer and what it is trained and looked at on, as the command line makes them."""

    def make(settings=SETTINGS):
        keras.utils.set_random_seed(settings.seed)
        keras.mixed_precision.set_global_policy(settings.precision)
        photographs, held_out = Folder.read(folders[0]).split(settings.held_out, settings.seed)
        paintings = Folder.read(folders[1])
        extractor = Extractor("instant_encoder", SEEN, first_padding="replicate", weights=encoder_weights)
        judge = Extractor("vgg_mini", first_padding="replicate", weights=mini_weights)
        decoders = build_instant(), build_instant(light=True)
        for decoder in decoders:
            begin(decoder, Path(encoder_weights))
        descent = gradient_model(Path(encoder_weights))
        trainer = InstantTrainer(extractor, judge, *decoders, descent, settings.coarse, settings.fine)
        return trainer, StyleSource(photographs, paintings), held_out, paintings

    return make


def arrays(path):
    with np.load(path) as file:
        return {name: file[name] for name in file.files}


class Killed(Exception):
    pass


# ---------------------------------------------------------------- what it is shown


def test_a_steps_pairs_depend_on_seed_and_step_alone(make):
    _, source, _, _ = make()
    contents, styles = source.batch(6, 32, seed=1, step=5)
    assert contents.shape == styles.shape == (6, 32, 32, 3) and contents.dtype == styles.dtype == np.uint8
    for one, two in zip((contents, styles), source.batch(6, 32, seed=1, step=5), strict=True):
        np.testing.assert_array_equal(one, two)
    assert (source.batch(6, 32, seed=1, step=6)[1] != styles).any()
    assert (source.batch(6, 32, seed=2, step=5)[1] != styles).any()


def test_styles_are_many(make):
    _, source, _, _ = make()
    contents, styles = source.batch(200, 32, seed=0, step=0)
    same = (contents == styles).all(axis=(1, 2, 3))
    assert 5 <= same.sum() <= 40  # a tenth is the photograph itself
    roughness = np.abs(np.diff(styles[~same].astype(float), axis=2)).mean(axis=(1, 2, 3))
    smooth = np.abs(np.diff(contents.astype(float), axis=2)).mean()
    assert (roughness < 1.3 * smooth).sum() > 15 and (roughness > 1.5 * smooth).sum() > 60


# ---------------------------------------------------------------- what is made small


def test_the_loss_is_the_quality_recipes(make, mini_weights, blobs):
    trainer, _, _, _ = make()
    pair = [np.uint8(255 * np.stack([blobs(64, 64, s, c) for s in (1, 2)])) for c in (5, 25)]
    parts, painted = map(to_numpy, trainer.parts_and_pictures(pair))
    bench = workbench(Settings(network="vgg_mini", weights=mini_weights), content=True, style=True)
    for i in range(2):
        content, style = (array[i] / np.float32(255) for array in pair)
        bench.objective.targets = bench.content_targets(content) | bench.style_targets([style], [1.0])
        _, expected, _ = bench.objective(to_tensor(painted[i : i + 1]))
        by_kind = dict.fromkeys(("gram", "content", "variation"), 0.0)
        for name, value in expected.items():
            by_kind[name.split(":")[0]] += float(value)
        np.testing.assert_allclose(parts[i, :3], list(by_kind.values()), rtol=5e-3)


@pytest.mark.parametrize(("steps", "most"), [(0, 0.05), (3, 0.5)])
def test_what_is_trained_is_what_paints(steps, most, make, encoder_weights, blobs, monkeypatch):
    """Both decoders' passes, and first strokes with the whole one's: those go by signs, which may turn."""
    monkeypatch.setattr(instant, "RELAXATION", 1.0)
    monkeypatch.setattr(instant, "STEPS", steps)
    monkeypatch.setattr(instant_trainer, "STEPS", steps)
    trainer, *_ = make(replace(SETTINGS, coarse=0))
    pair = [np.uint8(255 * np.stack([blobs(64, 64, s, c) for s in (1, 2)])) for c in (5, 25)]
    photographs, styles = (array / np.float32(255) for array in pair)
    aims = trainer._aims(*map(to_tensor, (photographs, styles)))
    whole = trainer._pass(trainer.decoder, trainer._strokes(to_tensor(photographs), aims), aims)[0]
    light = trainer.parts_and_pictures(pair)[1]
    led_on = trainer._pass(trainer.decoder, to_tensor(photographs), aims)[0]
    networks = trainer.decoder, trainer.light, gradient_model(encoder_weights)
    painter = instant.InstantPainter(KerasRuntime(extractors(encoder_weights), *networks))
    for n, (content, style) in enumerate(zip(photographs, styles, strict=True)):
        for trained, painted, bound in (
            (light, last_pass(painter, content, style), 0.05),
            (led_on, painter.paint(content, [style], begun=(content, content)), 0.05),
            (whole, painter.paint(content, [style]), most),
        ):
            difference = np.abs(painted - np.clip(to_numpy(trained)[n], 0, 1)).mean()
            assert difference < bound * np.abs(painted - content).mean()


def last_pass(painter, picture, style):
    """What the light decoder makes of a picture."""
    aims, outer = [painter.statistics(style, levels=LIGHT_LEVELS)], padded(picture)
    sight = painter._sight(outer, LIGHT_LEVELS)
    maps = painter._maps(sight, outer, picture, aims, None, 1.0)
    ((_, drawn),) = painter._drawn(painter.runtime.draw, sight, outer, maps, [None], None, 1.0)
    return np.clip(unpadded(drawn, picture), 0, 1)


def test_a_sketch_changes_what_is_painted_and_counts_in_training(make, blobs):
    pair = [np.uint8(255 * np.stack([blobs(64, 64, s, c) for s in (1, 2)])) for c in (5, 25)]
    plain, sketched = (make(replace(SETTINGS, coarse=n, fine=1))[0] for n in (0, 1))
    pictures = [to_numpy(one.parts_and_pictures(pair)[1]) for one in (plain, sketched)]
    assert np.abs(pictures[0] - pictures[1]).mean() > 1e-3
    assert (to_numpy(sketched(pair, training=True)) > to_numpy(sketched(pair)))[:, 0].all()


def test_no_pair_counts_for_more_than_one(make, blobs):
    trainer, *_ = make(replace(SETTINGS, coarse=0, fine=1))
    noise = np.random.default_rng(0).integers(0, 256, (1, 32, 32, 3), "uint8")
    mean = np.round(MEANS[::-1]).astype("uint8")  # of which the network sees next to nothing
    pair = [noise, np.broadcast_to(mean + np.uint8(1), noise.shape)]
    assert to_numpy(trainer(pair)).sum() > 1.5
    np.testing.assert_allclose(to_numpy(trainer(pair, training=True)).sum(), 1, rtol=1e-4)


def test_training_makes_the_loss_smaller(make, tmp_path, monkeypatch):
    settings = replace(SETTINGS, steps=25, learning_rate=0.0003, coarse=0)
    trainer, source, held_out, paintings = make(settings)
    pairs, told = held_out_pairs(held_out, paintings, settings), []
    before, pair = look(trainer, pairs, 2).sum(), source.batch(2, 32, 0, 3)
    at_first = look(trainer, pair, 2).sum()
    monkeypatch.setattr(StyleSource, "batch", lambda *_: pair)  # so little can be learnt in so few steps
    after = train_instant(
        trainer, source, held_out, paintings, tmp_path, settings, lambda *event: told.append(event)
    )
    header, values = read_log(tmp_path / "log.csv")
    assert header == ["step", "seconds", "training", "held_out", *PARTS]
    assert values[:, 0].tolist() == [0, 25]
    np.testing.assert_allclose(values[:, 3], [before, after.sum()], atol=1e-4)
    assert load_picture(tmp_path / "sample.jpg").height > 3 * 32
    assert look(trainer, pair, 2).sum() < at_first
    assert [done for done, *_ in told] == list(range(1, 26))


def test_a_resumed_training_ends_where_an_uninterrupted_one_does(make, tmp_path):
    settings = replace(SETTINGS, precision="mixed_bfloat16", decay=0.6, checkpoint_minutes=0, coarse=0)

    def train(name, kill=0):
        told = []

        def watch(done, loss, parts):
            told.append(done)
            if done == kill:
                raise Killed

        (tmp_path / name).mkdir(exist_ok=True)
        with contextlib.suppress(Killed):
            train_instant(*make(settings), tmp_path / name, settings, watch)
        return told

    assert train("whole") == [1, 2, 3, 4]
    assert train("parts", kill=2) == [1, 2] and train("parts") == [3, 4]
    ones, others = (arrays(tmp_path / run / "checkpoint.npz") for run in ("whole", "parts"))
    assert ones.keys() == others.keys()
    for key in ones:
        np.testing.assert_array_equal(ones[key], others[key], err_msg=key)


def test_a_diverging_training_stops_and_keeps_its_checkpoint(make, tmp_path):
    trainer, *rest = make()
    for variable in trainer.decoder.trainable_variables:
        variable.assign(variable * np.nan)
    with pytest.raises(ImpastoError, match="diverged"):
        train_instant(trainer, *rest, tmp_path, SETTINGS)
    assert not (tmp_path / "checkpoint.npz").exists()


def test_settings_out_of_range_are_refused():
    for change in (
        {"side": 40},
        {"steps": 0},
        {"coarse": -1},
        {"fine": -1},
        {"precision": "float8"},
        {"learning_rate": float("nan")},
    ):
        with pytest.raises(UsageError, match=next(iter(change))[:4] + r"|crop's side"):
            replace(SETTINGS, **change)


# ---------------------------------------------------------------- the command


def test_the_command_trains_what_then_paints(
    folders, bundled, mini_decoder, impasto, tmp_path, capsys, monkeypatch, blobs
):
    words = [
        "--photos",
        folders[0],
        "--paintings",
        folders[1],
        "-o",
        tmp_path / "run",
        "--precision",
        "float32",
    ]
    words += ["--batch", 2, "--side", 32, "--held-out", 2, "--decay", 0, "--evaluate-every", 1]
    words += ["--coarse", 0, "--fine", 1, "--begin", tmp_path / "begin.npz"]
    given = arrays(mini_decoder)
    given["over2/kernel"] = np.random.default_rng(0).normal(0, 0.01, given["over2/kernel"].shape)
    np.savez(tmp_path / "begin.npz", **given)
    assert impasto("train-instant", *words, "--steps", 2) == 0
    run = tmp_path / "run"
    assert {path.name for path in run.iterdir()} == {
        "checkpoint.npz", "instant.npz", "log.csv", "log.png", "sample.jpg", "settings.json",
    }  # fmt: skip
    assert json.loads((run / "settings.json").read_text())["steps"] == 2
    trained = arrays(run / "instant.npz")
    np.testing.assert_allclose(trained["over2/kernel"], given["over2/kernel"], atol=1e-3)
    kinds = {array.dtype.name for name, array in trained.items() if "/" in name}
    assert kinds == {"float16"} and (run / "instant.npz").stat().st_size < 6e6
    assert "step 2: held-out" in capsys.readouterr().out

    assert impasto("train-instant", *words, "--steps", 3) == 0  # goes on
    assert read_log(run / "log.csv")[1][:, 0].tolist() == [0, 1, 2, 3]
    assert impasto("train-instant", *words, "--steps", 4, "--seed", 1) == 2
    assert "other settings" in capsys.readouterr().err

    painter = instant.instant_painter(weights=run / "instant.npz")
    monkeypatch.setattr(instant_run, "instant_painter", lambda way: painter)
    photo = blobs(48, 64, 1)
    settings = Settings(method="instant", size=0)
    painted = stylize(photo, [blobs(48, 48, 2, 20)], settings=settings).picture.pixels
    assert painted.shape == photo.shape and np.abs(painted - photo).max() > 0.05


def test_what_is_exported_is_read_back(make, bundled, encoder_weights, tmp_path):
    trainer, *_ = make()
    export(trainer, Path(encoder_weights), tmp_path / "instant.npz")
    loaded = named_weights(load_instant(tmp_path / "instant.npz"))
    light = named_weights(load_instant(tmp_path / "instant.npz", light=True))
    for found, model in ((loaded, trainer.decoder), (light, trainer.light)):
        for name, variable in named_weights(model).items():
            np.testing.assert_allclose(found[name], np.asarray(variable), rtol=1e-3, atol=1e-4, err_msg=name)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--side", "40"), "multiple of 16"),
        (("--steps", "0"), "steps lies between"),
        (("--held-out", "6"), "More photographs"),
        (("--paintings", "/nowhere"), "folder of pictures"),
    ],
)
def test_wrong_requests_are_one_line_and_leave_nothing(words, said, folders, impasto, capsys, tmp_path):
    fixed = ["--photos", folders[0], "--paintings", folders[1], "-o", tmp_path / "run", "--held-out", "2"]
    assert impasto("train-instant", *fixed, *words) == 2
    error = capsys.readouterr().err
    assert said in error and error.startswith("impasto: ") and error.count("\n") == 1
    assert not (tmp_path / "run").exists()
