"""Distillation: a small teacher, a few pictures, a few steps, and the real command line."""

import contextlib
import json
from dataclasses import replace

import h5py
import keras
import numpy as np
import pytest
from PIL import Image

from impasto.core.cli import main
from impasto.core.cli.distill import _tap, _teacher
from impasto.core.crops import Folder, crop_batch
from impasto.core.distill import (
    Checkpoint,
    DistillSettings,
    check_same_run,
    distill,
    held_out_crops,
    learning_rate,
    plot_log,
    read_log,
)
from impasto.core.distiller import (
    MEANS,
    SPREAD,
    SQUEEZENET_TAPS,
    VGG_TAPS,
    Distiller,
    Tap,
    normalised_weights,
    write_half_precision,
)
from impasto.core.errors import ImpastoError, UsageError, WeightsError
from impasto.models.register import NETWORKS, find_network
from impasto.models.vgg_mini import build_vgg_mini
from impasto.models.weights import check_weights, read_weights

TAPS = (Tap("block1_conv2", "first"), Tap("block2_conv2", "second"), Tap("block2_conv2", "third", 2))
WORDS = ("relu1_2=first", "relu2_2=second", "relu2_2=third@2")
# No fall of the learning rate, so that a run may be lengthened at any step.
SETTINGS = DistillSettings(
    steps=6, batch=2, side=32, held_out=2, decay=0, precision="float32", evaluate_every=100, warmup=4
)


pytestmark = pytest.mark.usefixtures("own_policy")


@pytest.fixture(scope="module")
def teacher():
    """Three convolutions at the resolutions 1, 1/2 and 1/4."""
    keras.utils.set_random_seed(5)
    x = picture = keras.Input((None, None, 3))
    for name, channels in (("first", 4), ("second", 6), ("third", 5)):
        x = keras.layers.Conv2D(channels, 3, padding="same", activation="relu", name=name)(x)
        x = keras.layers.AveragePooling2D(2)(x)
    model = keras.Model(picture, x)
    model.trainable = False
    return model


@pytest.fixture(scope="module")
def teacher_file(teacher, tmp_path_factory):
    path = tmp_path_factory.mktemp("teacher") / "teacher.keras"
    teacher.save(path)
    return path


def make(teacher, photos, settings=SETTINGS):
    """A fresh distiller and what it is trained and tested on, as the command line makes them."""
    keras.utils.set_random_seed(settings.seed)
    keras.mixed_precision.set_global_policy(settings.precision)
    training, held_out = Folder.read(photos).split(settings.held_out, settings.seed)
    sample = crop_batch([(training, 1.0)], 16, settings.side, settings.seed, 1 << 42)
    return Distiller(build_vgg_mini(), teacher, TAPS, sample), [(training, 1.0)], held_out


def arrays(path):
    with np.load(path) as file:
        return {name: file[name] for name in file.files}


# ---------------------------------------------------------------- the schedule


def test_the_learning_rate_rises_stays_and_falls():
    settings = DistillSettings(steps=1000, warmup=100, decay=0.4, learning_rate=2.0)
    rates = [learning_rate(settings, step) for step in range(1000)]
    assert rates[:100] == pytest.approx([2 * (step + 1) / 100 for step in range(100)])
    assert rates[100:600] == [2.0] * 500
    assert rates[600:] == pytest.approx([2 * (1000 - step) / 400 for step in range(600, 1000)])
    assert rates[-1] == pytest.approx(2 / 400)


def test_before_the_fall_the_length_of_the_run_does_not_matter():
    short, long = DistillSettings(steps=1000), DistillSettings(steps=5000)
    assert [learning_rate(short, s) for s in range(600)] == [learning_rate(long, s) for s in range(600)]


def test_without_decay_nothing_falls():
    assert {learning_rate(replace(SETTINGS, steps=50), step) for step in range(4, 50)} == {4e-3}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("steps", 0), ("batch", 0), ("held_out", 0), ("held_out", -1), ("seed", -1), ("evaluate_every", 0),
        ("learning_rate", float("nan")), ("learning_rate", 0), ("decay", -0.1), ("decay", 1.5),
    ],
)  # fmt: skip
def test_settings_out_of_range_are_refused(name, value):
    with pytest.raises(UsageError, match=rf"^{name} lies between .*Received: "):
        replace(SETTINGS, **{name: value})


# ---------------------------------------------------------------- the errors


def test_errors_are_measured_as_promised(teacher, photos):
    distiller, _, held_out = make(teacher, photos)
    crops = held_out_crops(held_out, SETTINGS)
    assert crops.shape == (4, 32, 32, 3)
    picture = crops[..., ::-1].astype("float32") - np.array(MEANS, "float32")
    enlarged = keras.layers.UpSampling2D(2, interpolation="bilinear")(picture)
    expected = []
    for index, (tap, (mean, deviation)) in enumerate(zip(TAPS, distiller.statistics, strict=True)):
        watch = keras.Model(teacher.input, teacher.get_layer(tap.teacher).output)
        target = np.asarray(watch(enlarged if tap.zoom == 2 else picture))
        learner = keras.Model(distiller.student.input, distiller.student.get_layer(tap.student).output)
        adapter = [layer for layer in distiller.model.layers if layer.name.startswith("adapter")][index]
        # The first blocks are compared at every other position.
        feature, target = np.asarray(learner(picture / SPREAD))[:, ::2, ::2], target[:, ::2, ::2]
        error = np.asarray(adapter(feature)) - (target - mean) / deviation
        expected.append(np.mean(error**2))
    np.testing.assert_allclose(distiller.errors(crops), expected, rtol=1e-4)


def test_targets_are_standardised_over_the_sample(teacher, photos):
    distiller, training, _ = make(teacher, photos)
    sample = crop_batch(training, 16, 32, SETTINGS.seed, 1 << 42)
    picture = sample[..., ::-1].astype("float32") - np.array(MEANS, "float32")
    features = np.asarray(keras.Model(teacher.input, teacher.get_layer("first").output)(picture))
    mean, deviation = distiller.statistics[0]
    np.testing.assert_allclose(mean, features.mean((0, 1, 2)), rtol=1e-4)
    np.testing.assert_allclose(deviation, features.std((0, 1, 2)), rtol=1e-3)
    np.testing.assert_allclose(distiller.spread(sample), [1, 1, 1], rtol=1e-3)


def test_a_silent_teacher_channel_divides_by_nothing(photos):
    x = picture = keras.Input((None, None, 3))
    layer = keras.layers.Conv2D(3, 3, padding="same", activation="relu", name="first")
    mute = keras.Model(picture, layer(x))
    kernel, bias = layer.get_weights()
    layer.set_weights([kernel * (1, 0, 1), bias])
    mute.trainable = False
    training = Folder.read(photos)
    sample = crop_batch([(training, 1.0)], 8, 32, 0, 0)
    distiller = Distiller(build_vgg_mini(), mute, (Tap("block1_conv2", "first"),), sample)
    assert distiller.statistics[0][1][1] == 1 and np.isfinite(distiller.errors(sample)).all()


def test_only_the_student_and_its_adapters_learn(teacher, photos):
    distiller = make(teacher, photos)[0]
    student = {weight.path for weight in distiller.student.trainable_variables}
    learning = [variable.path for variable in distiller.model.trainable_variables]
    assert len([path for path in learning if path.startswith("adapter_")]) == 2 * len(TAPS)
    reached = [path for path in learning if not path.startswith("adapter_")]
    assert set(reached) < student and len(reached) == 8  # blocks 1 and 2: four kernels, four biases


@pytest.mark.parametrize(
    ("taps", "said"),
    [
        ((Tap("block1_conv2", "frist"),), r"no such layer; it has .*first.*Received: \['frist'\]"),
        ((Tap("block1_conv2", "first"),) * 2, "named twice"),
        ((Tap("block1_conv2", "second"),), "one resolution.*Received: relu1_2<-second, 32 and 16 high"),
        ((Tap("block2_conv2", "second", 2),), "one resolution.*16 and 32 high"),
    ],
)
def test_taps_that_cannot_be_learnt_are_refused(taps, said, teacher, photos):
    sample = crop_batch([(Folder.read(photos), 1.0)], 2, 32, 0, 0)
    with pytest.raises(UsageError, match=said):
        Distiller(build_vgg_mini(), teacher, taps, sample)


# ---------------------------------------------------------------- what is exported


@pytest.fixture(scope="module")
def exported(photos):
    """A student with uneven channels, pictures, and its normalised weights."""
    keras.utils.set_random_seed(3)
    student = build_vgg_mini()
    random = np.random.default_rng(0)
    for layer in student.layers:
        if layer.weights:
            kernel, bias = layer.get_weights()
            bias = random.normal(0, 0.1, bias.shape)
            loudness = random.uniform(0.3, 3, kernel.shape[-1])
            loudness[0], bias[0] = 0, -1  # a channel that never speaks
            layer.set_weights([kernel * loudness, bias])
    crops = crop_batch([(Folder.read(photos), 1.0)], 12, 32, 0, 0)
    return student, crops, normalised_weights(student, crops)


def features_of(model, picture):
    names = [layer.name for layer in model.layers if "_conv" in layer.name]
    outputs = keras.Model(model.input, [model.get_layer(name).output for name in names])(picture)
    return dict(zip(names, map(np.asarray, outputs), strict=True))


def test_exported_features_are_the_students_but_for_a_factor(exported):
    student, crops, weights = exported
    check_weights(find_network("vgg_mini"), weights, "exported")
    finished = build_vgg_mini()
    for layer in finished.layers:
        if layer.weights:
            layer.set_weights([weights[f"{layer.name}/kernel"], weights[f"{layer.name}/bias"]])
    picture = crops[..., ::-1].astype("float32") - np.array(MEANS, "float32")
    before, after = features_of(student, picture / SPREAD), features_of(finished, picture)
    for name, old in before.items():
        means = old.mean((0, 1, 2))
        factors = np.maximum(means, means.mean() / 20)
        np.testing.assert_allclose(after[name] * factors, old, rtol=2e-3, atol=1e-4 * old.max(), err_msg=name)
        loud = means > means.mean() / 20
        assert loud.mean() > 0.8 and not loud[0]
        np.testing.assert_allclose(after[name].mean((0, 1, 2))[loud], 1, rtol=1e-3, err_msg=name)
        assert (after[name].mean((0, 1, 2))[~loud] < 1).all()


def test_a_dead_student_is_exported_finite(photos):
    student = build_vgg_mini()
    for layer in student.layers:
        if layer.weights:
            kernel, bias = layer.get_weights()
            layer.set_weights([kernel * 0, bias - 1])
    weights = normalised_weights(student, crop_batch([(Folder.read(photos), 1.0)], 2, 32, 0, 0))
    assert all(np.isfinite(array).all() for array in weights.values())


def test_weights_are_written_in_half_precision(exported, tmp_path):
    write_half_precision(exported[2], tmp_path / "mini.npz")
    assert {array.dtype.name for array in arrays(tmp_path / "mini.npz").values()} == {"float16"}
    assert [path.name for path in tmp_path.iterdir()] == ["mini.npz"]
    assert (tmp_path / "mini.npz").stat().st_size < 5e6
    for name, array in read_weights(tmp_path / "mini.npz").items():
        np.testing.assert_allclose(array, exported[2][name], rtol=1e-3, atol=1e-6)
    write_half_precision({"a": np.array([-1e9, 1, 1e6])}, tmp_path / "large.npz")
    assert arrays(tmp_path / "large.npz")["a"].tolist() == [-65504, 1, 65504]


# ---------------------------------------------------------------- training


class Killed(Exception):
    pass


def test_a_resumed_training_ends_where_an_uninterrupted_one_does(teacher, photos, tmp_path):
    # Checkpoints after every step; the fall of the learning rate is part of what must be gone on with.
    settings = replace(SETTINGS, steps=5, precision="mixed_bfloat16", decay=0.6, checkpoint_minutes=0)

    def train(name, kill=0):
        distiller, training, held_out = make(teacher, photos, settings)
        told = []

        def watch(done, loss, errors):
            told.append((done, loss))
            if done == kill:
                raise Killed

        (tmp_path / name).mkdir(exist_ok=True)
        with contextlib.suppress(Killed):
            distill(distiller, training, held_out, tmp_path / name, settings, watch)
        return told

    whole = train("whole")
    assert [done for done, _ in whole] == [1, 2, 3, 4, 5]
    before = train("parts", kill=2)
    assert not (tmp_path / "parts" / "vgg_mini.npz").exists()
    after = train("parts")
    assert [done for done, _ in before] == [1, 2] and [done for done, _ in after] == [3, 4, 5]
    for name in ("checkpoint.npz", "vgg_mini.npz"):
        ones, others = (arrays(tmp_path / run / name) for run in ("whole", "parts"))
        assert ones.keys() == others.keys()
        for key in ones:
            np.testing.assert_array_equal(ones[key], others[key], err_msg=key)
    assert read_log(tmp_path / "parts" / "log.csv")[1][-1][0] == 5


@pytest.fixture(scope="module")
def trained(teacher, photos, tmp_path_factory):
    """A run of 30 steps in a folder that holds a stale log: (folder, errors before and after, events)."""
    output = tmp_path_factory.mktemp("run")
    (output / "log.csv").write_text("step,seconds,training,a,b,c\n3,1,1,1,1,1\n9,1,1,1,1,1\n12,1,")
    settings = replace(SETTINGS, steps=30, warmup=1, learning_rate=0.01, evaluate_every=12)
    distiller, training, held_out = make(teacher, photos, settings)
    before, told = distiller.errors(held_out_crops(held_out, settings)), []
    after = distill(distiller, training, held_out, output, settings, lambda *event: told.append(event))
    return output, before, after, told


def test_training_makes_the_errors_smaller(trained):
    _, before, after, _ = trained
    assert (after < 0.8 * before).all()


def test_every_look_is_a_line_of_the_log(trained):
    output, _, after, told = trained
    header, values = read_log(output / "log.csv")
    assert header == ["step", "seconds", "training", "relu1_2<-first", "relu2_2<-second", "relu2_2<-third@2"]
    assert values[:, 0].tolist() == [12, 24, 30]  # and the stale lines are gone
    np.testing.assert_allclose(values[-1][3:], after, atol=1e-5)
    assert [done for done, _, errors in told if errors is not None] == [12, 24, 30]
    assert [done for done, _, _ in told] == list(range(1, 31))


def test_the_logged_training_loss_is_the_mean_since_the_last_line(trained):
    output, _, _, told = trained
    values = read_log(output / "log.csv")[1]
    losses = np.array([loss for _, loss, _ in told])
    for line, (start, end) in zip(values, ((0, 12), (12, 24), (24, 30)), strict=True):
        assert line[2] == pytest.approx(losses[start:end].mean(), abs=1e-5)


def test_a_diverging_training_stops_and_keeps_its_checkpoint(teacher, photos, tmp_path):
    distiller, training, held_out = make(teacher, photos)
    for layer in distiller.model.layers:
        if layer.name.startswith("adapter_"):
            layer.set_weights([np.full_like(array, np.nan) for array in layer.get_weights()])
    with pytest.raises(ImpastoError, match=r"diverged.*Received: a loss of nan at step 1"):
        distill(distiller, training, held_out, tmp_path, SETTINGS)
    assert not (tmp_path / "checkpoint.npz").exists() and not (tmp_path / "vgg_mini.npz").exists()


def test_the_log_is_plotted(tmp_path):
    (tmp_path / "log.csv").write_text("step,seconds,training,a,b\n100,1,.9,.8,.7\n200,2,.5,.4,.3\n")
    plot_log(tmp_path / "log.csv", tmp_path / "log.png")
    with Image.open(tmp_path / "log.png") as image:
        assert image.format == "PNG" and len(set(image.convert("L").getdata())) > 20


@pytest.mark.parametrize("damage", ["cut", "empty", "text", "other"])
def test_a_damaged_checkpoint_is_one_clear_line(damage, teacher, photos, tmp_path):
    path = tmp_path / "checkpoint.npz"
    model = make(teacher, photos)[0].model
    model.compile("sgd")
    Checkpoint(path, model).save(7)
    whole = path.read_bytes()
    path.write_bytes(
        {"cut": whole[: len(whole) // 2], "empty": b"", "text": b"hello", "other": whole}[damage]
    )
    if damage == "other":
        with np.load(path) as file:
            contents = {name: file[name].ravel()[:1] for name in file.files if name != "step"}
        np.savez(path, step=7, **contents)
    with pytest.raises(WeightsError, match=r"damaged; remove it.*Received: .*checkpoint\.npz") as caught:
        Checkpoint(path, model).load()
    assert "\n" not in str(caught.value)


def test_a_whole_checkpoint_is_restored(teacher, photos, tmp_path):
    model = make(teacher, photos)[0].model
    model.compile("sgd")
    checkpoint = Checkpoint(tmp_path / "checkpoint.npz", model)
    assert checkpoint.load() == 0
    before = [np.array(variable) for variable in model.trainable_variables]
    checkpoint.save(7)
    for variable in model.trainable_variables:
        variable.assign(variable + 1)
    assert checkpoint.load() == 7
    for variable, value in zip(model.trainable_variables, before, strict=True):
        np.testing.assert_array_equal(variable, value)
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.npz"]


def test_a_folder_belongs_to_one_run(tmp_path):
    check_same_run(tmp_path, SETTINGS)
    (tmp_path / "checkpoint.npz").touch()
    check_same_run(tmp_path, replace(SETTINGS, steps=99, decay=0.5, checkpoint_minutes=1, evaluate_every=7))
    for change in ({"batch": 3}, {"seed": 1}, {"optimizer": "adamw"}, {"side": 48}, {"shuffle": 0.5}):
        with pytest.raises(UsageError, match=rf"other settings.*{next(iter(change))} was "):
            check_same_run(tmp_path, replace(SETTINGS, **change))
    (tmp_path / "settings.json").write_text("{")
    with pytest.raises(UsageError, match=r"damaged.*settings\.json"):
        check_same_run(tmp_path, SETTINGS)


# ---------------------------------------------------------------- the command


@pytest.fixture
def command(photos, teacher_file, tmp_path):
    """Runs `impasto distill` into `tmp_path/run`."""

    def run(*words, taps=WORDS, teacher=teacher_file, output=tmp_path / "run"):
        fixed = ["--side", "32", "--batch", "2", "--held-out", "2", "--precision", "float32", "--decay", "0"]
        fixed += ["--optimizer", "adamw"]
        named = ["--taps", *taps] if taps else []
        try:
            return main(
                [
                    "distill",
                    "--photos",
                    str(photos),
                    "--teacher",
                    str(teacher),
                    *named,
                    *fixed,
                    "-o",
                    str(output),
                    *map(str, words),
                ]
            )
        except SystemExit as end:
            return end.code

    return run


def test_the_command_trains_and_goes_on(command, tmp_path, capsys):
    assert command("--steps", 2) == 0
    run = tmp_path / "run"
    assert {path.name for path in run.iterdir()} == {
        "checkpoint.npz", "log.csv", "log.png", "settings.json", "vgg_mini.npz",
    }  # fmt: skip
    check_weights(find_network("vgg_mini"), read_weights(run / "vgg_mini.npz"), run)
    assert {array.dtype.name for array in arrays(run / "vgg_mini.npz").values()} == {"float16"}
    assert json.loads((run / "settings.json").read_text())["steps"] == 2
    with Image.open(run / "log.png") as image:
        assert min(image.size) > 300
    printed = capsys.readouterr().out
    assert all(title in printed for title in ("relu1_2<-first", "relu2_2<-second", "relu2_2<-third@2"))

    assert command("--steps", 4) == 0  # goes on
    assert command("--steps", 4, output=tmp_path / "whole") == 0
    for name, array in arrays(run / "vgg_mini.npz").items():
        np.testing.assert_array_equal(array, arrays(tmp_path / "whole" / "vgg_mini.npz")[name])
    assert read_log(run / "log.csv")[1][:, 0].tolist() == [2, 4]

    assert command("--steps", 6, "--batch", 3) == 2
    assert "other settings" in capsys.readouterr().err
    (run / "checkpoint.npz").write_bytes(b"hello")
    assert command("--steps", 6) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "checkpoint.npz" in error


@pytest.mark.parametrize(
    ("words", "options", "said"),
    [
        (("--side", "40"), {}, "multiple of 16"),
        (("--steps", "0"), {}, "steps lies between"),
        (("--held-out", "6"), {}, "More photographs"),
        (("--precision", "float8"), {}, "precision is"),
        (("--optimizer", "sdg"), {}, "optimizer is"),
        ((), {"taps": ("relu9_9=first",)}, "STUDENT=TEACHER"),
        ((), {"taps": ("relu1_2=first@3",)}, "STUDENT=TEACHER"),
        ((), {"taps": ()}, "--taps"),
        (("--photos", "/nowhere"), {}, "folder of pictures"),
    ],
)
def test_wrong_requests_are_one_line_and_leave_nothing(words, options, said, command, capsys, tmp_path):
    assert command(*words, **options) == 2
    error = capsys.readouterr().err
    assert said in error and error.startswith("impasto: ") and error.count("\n") == 1
    assert not (tmp_path / "run" / "checkpoint.npz").exists()


def test_a_teacher_that_is_none_is_refused(command, capsys, tmp_path, teacher_file):
    for name in ("missing.keras", "text.keras", "text.h5", "cut.keras"):
        if name.startswith("text"):
            (tmp_path / name).write_text("hello")
        elif name.startswith("cut"):
            (tmp_path / name).write_bytes(teacher_file.read_bytes()[:-3000])
        assert command(teacher=tmp_path / name) == 1
        error = capsys.readouterr().err
        assert name in error and error.count("\n") == 1


def test_an_output_that_is_a_file_is_refused(command, capsys, tmp_path):
    (tmp_path / "run").write_text("")
    assert command("--steps", 1) == 2
    assert "folder to write into" in capsys.readouterr().err


def test_taps_are_read_in_both_spellings():
    assert _tap("relu3_2=fire5@2") == _tap("block3_conv2=fire5@2") == Tap("block3_conv2", "fire5", 2)
    assert _tap("relu5_1=conv") == Tap("block5_conv1", "conv", 1)
    assert Tap("block3_conv2", "fire5", 2).title == "relu3_2<-fire5@2"
    assert Tap("block3_conv2", "fire5").title == "relu3_2<-fire5"


# ---------------------------------------------------------------- the usual teachers


def test_vgg_teaches_through_layers_that_it_has(tmp_path, monkeypatch):
    network = find_network("vgg16")
    monkeypatch.setitem(NETWORKS, "vgg16", replace(network, md5=None))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    (tmp_path / "models").mkdir()
    names = list(dict.fromkeys(name.split("/")[0] for name in network.shapes))
    with h5py.File(tmp_path / "models" / network.file, "w") as file:
        file.attrs["layer_names"] = [name.encode() for name in names]
        for name in names:
            group, own = file.create_group(name), [f"{name}_W_1:0", f"{name}_b_1:0"]
            group.attrs["weight_names"] = [text.encode() for text in own]
            for text, kind in zip(own, ("kernel", "bias"), strict=True):
                group[text] = np.zeros(network.shapes[f"{name}/{kind}"], "float32")
    teacher, taps = _teacher("vgg16", None)
    assert {tap.teacher for tap in taps} <= {layer.name for layer in teacher.layers}
    assert not teacher.trainable_variables and len(taps) == len(VGG_TAPS)


def test_vgg_without_weights_says_how_to_get_them(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    with pytest.raises(WeightsError, match=r"impasto models download vgg19"):
        _teacher("vgg19", None)


def test_every_usual_tap_has_one_resolution(tmp_path, photos):
    from impasto.models.squeezenet import FIRES

    with h5py.File(tmp_path / "teacher.h5", "w") as file:
        channels = 64
        file["conv1/kernel"], file["conv1/bias"] = np.full((3, 3, 3, 64), 1e-3), np.zeros(64)
        for n, (squeeze, expand) in FIRES.items():
            shapes = {"squeeze1x1": (1, 1, channels, squeeze), "expand1x1": (1, 1, squeeze, expand)}
            for name, shape in (shapes | {"expand3x3": (3, 3, squeeze, expand)}).items():
                group = file.create_group(f"fire{n}/{name}")
                group["kernel"], group["bias"] = np.full(shape, 0.01), np.zeros(shape[-1])
            channels = 2 * expand
    teacher, taps = _teacher(str(tmp_path / "teacher.h5"), None)
    assert taps == SQUEEZENET_TAPS
    sample = crop_batch([(Folder.read(photos), 1.0)], 2, 64, 0, 0)
    distiller = Distiller(build_vgg_mini(), teacher, taps, sample)
    assert distiller.errors(sample).shape == (9,) and np.isfinite(distiller.errors(sample)).all()
