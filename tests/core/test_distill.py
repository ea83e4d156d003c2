"""Distillation: a small teacher, a few pictures, a few steps, and the real command line."""

import contextlib
import json
from dataclasses import replace

import h5py
import keras
import numpy as np
import pytest
from PIL import Image

from impasto.core.channel_pruning import prune_into
from impasto.core.cli import main
from impasto.core.crops import Folder, crop_batch
from impasto.core.distill import (
    Checkpoint,
    DistillSettings,
    begin_pruned,
    check_same_run,
    distill,
    held_out_crops,
    learning_rate,
    plot_log,
    read_log,
    sample_crops,
    step_crops,
)
from impasto.core.distiller import (
    EMPHASIS,
    MEANS,
    SPREAD,
    Distiller,
    components_in,
    write_components,
    write_half_precision,
)
from impasto.core.errors import ImpastoError, UsageError, WeightsError
from impasto.models.register import find_network, keras_spelling
from impasto.models.vgg_mini import Head, build_vgg_mini
from impasto.models.weights import check_weights, read_weights

BLOCKS = ((6, 5), (8,))  # of the student
HEADS = {
    "relu1_1": Head("block1_conv1", 3, 8),
    "relu1_2": Head("block1_conv2", 4, 8),
    "relu2_1": Head("block2_conv1", 5, 12),
}
# No fall of the learning rate, so that a run may be lengthened at any step.
SETTINGS = DistillSettings(
    steps=6,
    batch=4,
    side=32,
    held_out=2,
    decay=0,
    precision="float32",
    evaluate_every=100,
    warmup=4,
    prune_from=16,
)


pytestmark = pytest.mark.usefixtures("own_policy")


@pytest.fixture(scope="module")
def teacher():
    """A wider network of the student's shape."""
    keras.utils.set_random_seed(5)
    model = build_vgg_mini(blocks=((8, 8), (12,)))
    for layer in model.layers:  # channels of many sizes, as a trained network has
        if layer.weights:
            kernel, bias = layer.get_weights()
            layer.set_weights([kernel * np.linspace(0.2, 1.5, kernel.shape[-1]), bias + 0.1])
    model.trainable = False
    return model


def make(teacher, photos, settings=SETTINGS, pruned=False):
    """A fresh distiller and what it is trained and tested on, as the command line makes them."""
    keras.utils.set_random_seed(settings.seed)
    keras.mixed_precision.set_global_policy(settings.precision)
    training, held_out = Folder.read(photos).split(settings.held_out, settings.seed)
    sources = [(training, 1.0)]
    distiller = Distiller(build_vgg_mini(blocks=BLOCKS), teacher, sample_crops(sources, settings), HEADS)
    if pruned:
        begin_pruned(distiller, sources, settings)
    return distiller, sources, held_out


def arrays(path):
    with np.load(path) as file:
        return {name: file[name] for name in file.files}


def shown(model, layer, crops, divisor=1.0):
    """A convolution's activations of crops."""
    picture = (crops[..., ::-1].astype("float32") - np.array(MEANS, "float32")) / divisor
    return np.asarray(keras.Model(model.input, model.get_layer(layer).output)(picture))


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
    assert {learning_rate(replace(SETTINGS, steps=50), step) for step in range(4, 50)} == {
        SETTINGS.learning_rate
    }


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


# ---------------------------------------------------------------- what is learnt


def test_components_are_the_leading_ones_of_the_second_moment(teacher, photos):
    distiller, training, _ = make(teacher, photos)
    crops = sample_crops(training, SETTINGS)
    for layer, head in HEADS.items():
        rows = shown(teacher, keras_spelling(layer), crops).reshape(
            -1, head.channels if layer != "relu2_1" else 12
        )
        rows = rows.astype("float64")
        values = np.linalg.eigvalsh(rows.T @ rows / len(rows))[::-1]
        found = distiller.components[layer]
        np.testing.assert_allclose(found.energies, values[: head.components], rtol=1e-3)
        assert found.total == pytest.approx(np.square(rows).sum(1).mean(), rel=1e-4)
        np.testing.assert_allclose(found.directions.T @ found.directions, np.eye(head.components), atol=1e-8)
        np.testing.assert_allclose(np.square(rows @ found.directions).mean(0), found.energies, rtol=1e-3)
        assert (np.diff(found.shares) <= 0).all() and found.shares.sum() <= 1 + 1e-6


def test_errors_are_measured_as_promised(teacher, photos):
    distiller, _, held_out = make(teacher, photos)
    crops = held_out_crops(held_out, SETTINGS)
    assert crops.shape == (4, 32, 32, 3)
    shares, weighted = [], []
    for layer, head in HEADS.items():
        found = distiller.components[layer]
        kernel, bias = distiller.model.get_layer(f"head_{layer}").get_weights()
        predicted = shown(distiller.student, head.tap, crops, SPREAD) @ kernel[0, 0] + bias
        wanted = shown(teacher, keras_spelling(layer), crops) @ found.directions / np.sqrt(found.energies)
        every = (
            2 if layer in ("relu1_1", "relu2_1") else 1
        )  # fine layers are compared at every other position
        squares = np.square(predicted - wanted)[:, ::every, ::every].mean((0, 1, 2))
        shares.append(squares @ found.shares)
        emphasis = found.shares**EMPHASIS
        weighted.append(squares @ emphasis / emphasis.sum())
    np.testing.assert_allclose(distiller.errors(crops), shares, rtol=1e-3)
    np.testing.assert_allclose(distiller.model.predict_on_batch(crops).mean(0), weighted, rtol=1e-3)


def test_a_silent_teacher_channel_divides_by_nothing(photos):
    mute = build_vgg_mini(blocks=((3,),))
    kernel, bias = mute.get_layer("block1_conv1").get_weights()
    mute.get_layer("block1_conv1").set_weights([kernel * (1, 0, 1), bias])
    mute.trainable = False
    sample = crop_batch([(Folder.read(photos), 1.0)], 8, 32, 0, 0)
    distiller = Distiller(
        build_vgg_mini(blocks=((3,),)), mute, sample, {"relu1_1": Head("block1_conv1", 3, 3)}
    )
    assert np.isfinite(distiller.errors(sample)).all()


def test_only_the_student_and_its_heads_learn(teacher, photos):
    distiller = make(teacher, photos)[0]
    learning = {variable.path for variable in distiller.model.trainable_variables}
    heads = {path for path in learning if path.startswith("head_")}
    assert len(heads) == 2 * len(HEADS)
    assert learning - heads == {weight.path for weight in distiller.student.trainable_variables}


def test_a_layer_that_the_teacher_lacks_is_refused(teacher, photos):
    sample = crop_batch([(Folder.read(photos), 1.0)], 2, 32, 0, 0)
    with pytest.raises(UsageError, match=r"no such layer; it has .*block1_conv1.*Received: \['relu9_9'\]"):
        Distiller(build_vgg_mini(blocks=BLOCKS), teacher, sample, {"relu9_9": Head("block1_conv1", 3, 8)})


def test_some_steps_take_larger_crops(photos):
    sources = [(Folder.read(photos), 1.0)]
    settings = replace(SETTINGS, large_every=3)
    shapes = [step_crops(sources, settings, step).shape for step in range(4)]
    assert shapes == [(4, 32, 32, 3), (4, 32, 32, 3), (1, 64, 64, 3), (4, 32, 32, 3)]
    assert {step_crops(sources, replace(settings, large_every=0), s).shape for s in range(4)} == {
        (4, 32, 32, 3)
    }


# ---------------------------------------------------------------- the pruned teacher


def test_a_student_as_wide_as_its_teacher_is_the_teacher(teacher, photos):
    """Least squares finds the teacher's own kernels where nothing is left out."""
    student = build_vgg_mini(blocks=((8, 8), (12,)))
    crops = crop_batch([(Folder.read(photos), 1.0)], 16, 32, 0, 0)
    errors = prune_into(student, teacher, crops, SPREAD)
    assert list(errors) == ["block1_conv1", "block1_conv2", "block2_conv1"] and max(errors.values()) < 1e-3
    other = crop_batch([(Folder.read(photos), 1.0)], 4, 32, 0, 1)
    mine, theirs = shown(student, "block2_conv1", other, SPREAD), shown(teacher, "block2_conv1", other)
    assert np.mean(np.square(mine)) == pytest.approx(
        1, rel=0.3
    )  # of about one size, whatever the teacher's is
    factor = (mine * theirs).sum() / (mine * mine).sum()
    assert np.square(mine * factor - theirs).sum() < 5e-3 * np.square(theirs).sum()


def test_the_pruned_start_is_far_ahead_of_a_random_one(teacher, photos):
    random, pruned = make(teacher, photos)[0], make(teacher, photos, pruned=True)
    crops = held_out_crops(pruned[2], SETTINGS)
    assert (pruned[0].errors(crops) < 0.3 * random.errors(crops)).all()


def test_a_silent_channel_is_pruned_first(photos):
    wide = build_vgg_mini(blocks=((4,),))
    kernel, bias = wide.get_layer("block1_conv1").get_weights()
    wide.get_layer("block1_conv1").set_weights([kernel * (1, 0, 1, 1), bias * 0])
    student = build_vgg_mini(blocks=((3,),))
    crops = crop_batch([(Folder.read(photos), 1.0)], 16, 32, 0, 0)
    assert prune_into(student, wide, crops, SPREAD)["block1_conv1"] < 1e-4
    assert (shown(student, "block1_conv1", crops, SPREAD).max((0, 1, 2)) > 0).all()


# ---------------------------------------------------------------- what is exported


def test_exported_heads_predict_the_teachers_components_in_its_own_units(teacher, photos, tmp_path):
    distiller, training, _ = make(teacher, photos, pruned=True)
    crops = sample_crops(training, SETTINGS)
    distiller.export(tmp_path / "mini.npz")
    assert [path.name for path in tmp_path.iterdir()] == ["mini.npz"]
    found = arrays(tmp_path / "mini.npz")
    whole = {name for name, array in found.items() if array.dtype != "float16"}
    assert whole == {f"components/{layer}/{kind}" for layer in HEADS for kind in ("energies", "total")}
    finished = build_vgg_mini(blocks=BLOCKS)
    for layer in finished.layers:
        if layer.weights:
            layer.set_weights([found[f"{layer.name}/kernel"], found[f"{layer.name}/bias"]])
    for layer, head in HEADS.items():
        predicted = shown(finished, head.tap, crops) @ found[f"heads/{layer}/kernel"].astype("float32")
        predicted += found[f"heads/{layer}/bias"]
        wanted = shown(teacher, keras_spelling(layer), crops) @ found[f"components/{layer}/directions"]
        share = np.square(predicted - wanted).sum(-1).mean() / float(found[f"components/{layer}/total"])
        assert share < 0.3, layer
        every = 2 if layer in ("relu1_1", "relu2_1") else 1
        if every == 1:
            own = distiller.errors(crops)[list(HEADS).index(layer)]
            assert share == pytest.approx(own, rel=0.05)


def test_training_goes_on_from_an_exported_network(teacher, photos, tmp_path):
    distiller, training, held_out = make(teacher, photos, pruned=True)
    crops = held_out_crops(held_out, SETTINGS)
    distiller.export(tmp_path / "mini.npz")
    found = arrays(tmp_path / "mini.npz")
    keras.utils.set_random_seed(9)
    other = Distiller(
        build_vgg_mini(blocks=BLOCKS), teacher, sample_crops(training, SETTINGS), HEADS, components_in(found)
    )
    assert (other.errors(crops) > 2 * distiller.errors(crops)).all()
    other.begin(found, tmp_path / "mini.npz")
    np.testing.assert_allclose(other.errors(crops), distiller.errors(crops), rtol=0.05)
    del found["heads/relu2_1/kernel"]
    with pytest.raises(WeightsError, match=r"network of this shape.*mini\.npz"):
        other.begin(found, tmp_path / "mini.npz")


def test_components_are_kept_to_the_last_bit(teacher, photos, tmp_path):
    components = make(teacher, photos)[0].components
    write_components(components, tmp_path / "components.npz")
    for layer, found in components_in(arrays(tmp_path / "components.npz")).items():
        np.testing.assert_array_equal(found.directions, components[layer].directions)
        np.testing.assert_array_equal(found.energies, components[layer].energies)
        assert found.total == components[layer].total


def test_half_precision_is_cut_off_at_its_largest(tmp_path):
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
    assert header == ["step", "seconds", "training", *HEADS]
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
        if layer.name.startswith("head_"):
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


@pytest.fixture(scope="module")
def teacher_file(tmp_path_factory):
    """VGG-16 with random weights, as Keras publishes the real ones."""
    network, random = find_network("vgg16"), np.random.default_rng(3)
    path = tmp_path_factory.mktemp("teacher") / network.file
    names = list(dict.fromkeys(name.split("/")[0] for name in network.shapes))
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [name.encode() for name in names]
        for name in names:
            group, own = file.create_group(name), [f"{name}_W_1:0", f"{name}_b_1:0"]
            group.attrs["weight_names"] = [text.encode() for text in own]
            for text, kind in zip(own, ("kernel", "bias"), strict=True):
                shape = network.shapes[f"{name}/{kind}"]
                group[text] = random.normal(0, (2 / np.prod(shape[:-1])) ** 0.5, shape).astype("float32")
    return path


@pytest.fixture
def command(photos, teacher_file, tmp_path):
    """Runs `impasto distill` into `tmp_path/run`."""

    def run(*words, weights=teacher_file, output=tmp_path / "run"):
        fixed = ["--side", "32", "--batch", "2", "--held-out", "2", "--precision", "float32", "--decay", "0"]
        fixed += ["--optimizer", "adamw", "--prune-from", "2", "--large-every", "0"]
        own = ["--photos", photos, "--weights", weights, *fixed, "-o", output, *words]
        try:
            return main(["distill", *map(str, own)])
        except SystemExit as end:
            return end.code

    return run


def test_the_command_trains_and_goes_on(command, tmp_path, capsys):
    assert command("--steps", 2) == 0
    run = tmp_path / "run"
    assert {path.name for path in run.iterdir()} == {
        "checkpoint.npz", "components.npz", "log.csv", "log.png", "settings.json", "vgg_mini.npz",
    }  # fmt: skip
    check_weights(find_network("vgg_mini"), read_weights(run / "vgg_mini.npz"), run)
    assert json.loads((run / "settings.json").read_text())["steps"] == 2
    with Image.open(run / "log.png") as image:
        assert min(image.size) > 300
    printed = capsys.readouterr().out
    assert "pruned block5_conv1" in printed and all(layer in printed for layer in ("relu1_1", "relu5_1"))

    assert command("--steps", 4) == 0  # goes on
    assert "pruned" not in capsys.readouterr().out
    assert command("--steps", 4, output=tmp_path / "whole") == 0
    for name, array in arrays(run / "vgg_mini.npz").items():
        np.testing.assert_array_equal(array, arrays(tmp_path / "whole" / "vgg_mini.npz")[name])
    assert read_log(run / "log.csv")[1][:, 0].tolist() == [2, 4]
    capsys.readouterr()

    assert command("--steps", 1, "--begin", run / "vgg_mini.npz", output=tmp_path / "begun") == 0
    assert "pruned" not in capsys.readouterr().out

    assert command("--steps", 6, "--batch", 3) == 2
    assert "other settings" in capsys.readouterr().err
    (run / "checkpoint.npz").write_bytes(b"hello")
    assert command("--steps", 6) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "checkpoint.npz" in error


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--side", "40"), "multiple of 16"),
        (("--steps", "0"), "steps lies between"),
        (("--held-out", "6"), "More photographs"),
        (("--precision", "float8"), "precision is"),
        (("--optimizer", "sdg"), "optimizer is"),
        (("--teacher", "vgg91"), "vgg16"),
        (("--photos", "/nowhere"), "folder of pictures"),
    ],
)
def test_wrong_requests_are_one_line_and_leave_nothing(words, said, command, capsys, tmp_path):
    assert command(*words) == 2
    error = capsys.readouterr().err
    assert said in error and error.startswith("impasto: ") and error.count("\n") == 1
    assert not (tmp_path / "run" / "checkpoint.npz").exists()


def test_weights_that_are_none_are_refused(command, capsys, tmp_path, teacher_file):
    for name in ("missing.h5", "text.h5", "cut.h5"):
        if name.startswith("text"):
            (tmp_path / name).write_text("hello")
        elif name.startswith("cut"):
            (tmp_path / name).write_bytes(teacher_file.read_bytes()[:-3000])
        assert command(weights=tmp_path / name) == 1
        error = capsys.readouterr().err
        assert name in error and error.count("\n") == 1


def test_a_teacher_without_weights_says_how_to_get_them(photos, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    words = [
        "distill",
        "--photos",
        str(photos),
        "--held-out",
        "2",
        "-o",
        str(tmp_path / "run"),
        "--teacher",
        "vgg19",
    ]
    assert main(words) == 1
    assert "impasto models download vgg19" in capsys.readouterr().err


def test_an_output_that_is_a_file_is_refused(command, capsys, tmp_path):
    (tmp_path / "run").write_text("")
    assert command("--steps", 1) == 2
    assert "folder to write into" in capsys.readouterr().err
