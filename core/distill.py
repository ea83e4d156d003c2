"""Trains the compact loss network to see what a large ImageNet-trained network sees.

    impasto distill --photos PHOTOS --paintings PAINTINGS --teacher TEACHER.h5 -o RUN

`vgg_mini`'s block ends must predict, each through a 1×1 linear adapter that is thrown away
afterwards, the teacher's standardised activations at the same resolution. Some are taken on the
picture enlarged twice: a strided teacher then shows its features at the finer grid. The idea of
learning from another network's inner layers is FitNets' (Romero et al. 2015, arXiv:1412.6550).
"""

from __future__ import annotations

import csv
import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .crops import Folder, crop_batch
from .errors import UsageError, WeightsError

if TYPE_CHECKING:
    import keras

MEANS = (103.939, 116.779, 123.68)  # blue, green, red: Caffe's, as every network here takes them
SPREAD = 64.0  # about the deviation of a photograph's pixels; divided out while training, folded in at export


class Tap(NamedTuple):
    """One thing to learn: a student layer predicts a teacher layer on the picture enlarged `zoom` times."""

    student: str
    teacher: str
    zoom: int = 1

    @property
    def title(self) -> str:
        """For logs and tables, such as `relu3_2<-fire5@2`."""
        b, c = self.student.removeprefix("block").split("_conv")
        return f"relu{b}_{c}<-{self.teacher}" + (f"@{self.zoom}" if self.zoom != 1 else "")


SQUEEZENET_TAPS = (
    Tap("block1_conv2", "conv1", 2),
    Tap("block2_conv2", "conv1"),
    Tap("block2_conv2", "fire3", 2),
    Tap("block3_conv2", "fire3"),
    Tap("block3_conv2", "fire5", 2),
    Tap("block4_conv2", "fire5"),
    Tap("block4_conv2", "fire9", 2),
    Tap("block5_conv1", "fire9"),
    Tap("block5_conv1", "fire7"),
)
# At fine resolutions every other row and column tells as much: neighbouring errors are alike.
THINNED = ("block1_conv2", "block2_conv2")
VGG_TAPS = tuple(
    Tap(s, t)
    for s, t in (
        ("block1_conv2", "block1_conv2"),
        ("block2_conv2", "block2_conv2"),
        ("block3_conv2", "block3_conv4"),
        ("block4_conv2", "block4_conv2"),
        ("block4_conv2", "block4_conv4"),
        ("block5_conv1", "block5_conv1"),
    )
)


@dataclass(frozen=True)
class DistillSettings:
    """How to train.

    Attributes:
        steps: optimiser steps in all.
        batch: crops a step.
        side: a crop's side in pixels, a multiple of 16.
        learning_rate: at its highest. It rises over the first `warmup` steps and falls linearly
            to nothing over the last `decay` share of all steps (Hu et al. 2024,
            arXiv:2404.06395), so that a run can be lengthened before the fall begins.
        painting_share: share of crops that come from the paintings.
        shuffle: probability that a crop's channels are exchanged: more palettes than nature's.
        held_out: photographs that are never trained on.
        precision: `"mixed_bfloat16"` halves the time on processors that have bfloat16.
        optimizer: `"muon"` (Jordan et al. 2024) or `"adamw"`.
        seed: draws weights, crops and the held-out photographs.
        checkpoint_minutes: time between checkpoints.
        evaluate_every: steps between looks at the held-out photographs.
    """

    steps: int = 12_000
    batch: int = 8
    side: int = 128
    learning_rate: float = 4e-3
    warmup: int = 200
    decay: float = 0.4
    painting_share: float = 0.3
    shuffle: float = 0.2
    held_out: int = 128
    precision: str = "mixed_bfloat16"
    optimizer: str = "muon"
    seed: int = 0
    checkpoint_minutes: float = 3.0
    evaluate_every: int = 500


class Distiller:
    """Student, adapters and teacher in one Keras model whose output is the errors themselves.

    Args:
        student: model whose layers the taps name.
        teacher: model whose layers the taps name; not trained.
        taps: what to learn.
        sample: (n, side, side, 3) uint8 crops over which the teacher's channels are standardised.
    """

    def __init__(self, student: keras.Model, teacher: keras.Model, taps: tuple[Tap, ...], sample: np.ndarray):
        import keras

        self.taps, self.student = taps, student
        known = {layer.name for layer in teacher.layers}
        if missing := [tap.teacher for tap in taps if tap.teacher not in known]:
            raise UsageError(
                f"The teacher has no such layer; it has {', '.join(sorted(known))}. Received: {missing}"
            )
        crops = keras.Input((None, None, 3), dtype="uint8", name="crops")
        picture = _Preprocess(name="preprocess")(crops)
        targets = self._targets(keras, teacher, picture)
        statistics = _channel_statistics(keras.Model(crops, targets), sample)

        # A fresh functional graph over the student's own layers, so that bfloat16 casts apply to it.
        features = keras.Model(student.input, [student.get_layer(t.student).output for t in taps])(
            keras.layers.Rescaling(1 / SPREAD)(picture)
        )
        errors = []
        for tap, feature, target, (mean, deviation) in zip(taps, features, targets, statistics, strict=True):
            name = tap.title.replace("<-", "_").replace("@", "_x")
            adapter = keras.layers.Conv2D(len(mean), 1, name=f"adapter_{name}")
            if tap.student in THINNED:
                feature, target = feature[:, ::2, ::2], target[:, ::2, ::2]
            errors.append(_StandardisedError(mean, deviation, name=name)([adapter(feature), target]))
        self.model = keras.Model(crops, keras.layers.Concatenate(dtype="float32")(errors))

    def _targets(self, keras: Any, teacher: keras.Model, picture: Any) -> list:
        """The teacher's activations for each tap, symbolic."""
        by_zoom = {}
        for zoom in sorted({tap.zoom for tap in self.taps}):
            names = [tap.teacher for tap in self.taps if tap.zoom == zoom]
            enlarge = keras.layers.UpSampling2D(zoom, interpolation="bilinear", name=f"enlarge_{zoom}")
            outputs = keras.Model(teacher.input, [teacher.get_layer(n).output for n in names])(
                enlarge(picture) if zoom > 1 else picture
            )
            outputs = outputs if isinstance(outputs, (list, tuple)) else [outputs]
            by_zoom |= {(name, zoom): output for name, output in zip(names, outputs, strict=True)}
        return [by_zoom[tap.teacher, tap.zoom] for tap in self.taps]

    def errors(self, crops: np.ndarray) -> np.ndarray:
        """Mean standardised error of each tap over the crops; (taps,)."""
        return self.model.predict(crops, batch_size=8, verbose=0).mean(axis=0)

    def export(self, path: Path, sample: np.ndarray) -> None:
        """Writes the student in half precision, each channel's mean activation scaled to 1.

        Gatys et al. (2015) normalise VGG so; with ReLU and linear pooling it changes no
        activation but by a factor, and lets one set of loss weights serve every layer.
        """
        write_half_precision(normalised_weights(self.student, sample), path)


def _layers() -> tuple[type, type]:
    """The two layers of the distiller; defined on first use, for importing Keras is slow."""
    import keras
    from keras import ops

    class Preprocess(keras.layers.Layer):
        """RGB bytes to Caffe's blue-green-red floats."""

        def __init__(self, **kwargs):
            super().__init__(dtype="float32", autocast=False, **kwargs)

        def call(self, crops):
            return ops.cast(crops, "float32")[..., ::-1] - ops.convert_to_tensor(MEANS, "float32")

    class StandardisedError(keras.layers.Layer):
        """Mean squared error in units of the target's own variance; (batch, 1)."""

        def __init__(self, mean, deviation, **kwargs):
            super().__init__(dtype="float32", **kwargs)
            self.mean, self.deviation = mean, deviation

        def call(self, pair):
            prediction, target = pair
            height, width = ops.shape(prediction)[1], ops.shape(prediction)[2]
            wanted = (target[:, :height, :width] - self.mean) / self.deviation
            return ops.mean(ops.square(prediction - wanted), axis=(1, 2, 3))[:, None]

    return Preprocess, StandardisedError


def _Preprocess(**kwargs):
    return _layers()[0](**kwargs)


def _StandardisedError(*args, **kwargs):
    return _layers()[1](*args, **kwargs)


def _channel_statistics(model: keras.Model, sample: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """(mean, deviation) of each output's channels; channels that never speak count as deviation 1."""
    sums: list = []
    for start in range(0, len(sample), 8):
        outputs = model.predict_on_batch(sample[start : start + 8])
        outputs = outputs if isinstance(outputs, (list, tuple)) else [outputs]
        moments = [
            np.stack([o.mean((0, 1, 2)), np.square(o, dtype="float64").mean((0, 1, 2))]) for o in outputs
        ]
        sums.append(moments)
    means = [np.mean(column, axis=0) for column in zip(*sums, strict=True)]
    result = []
    for first, second in means:
        deviation = np.sqrt(np.maximum(second - first**2, 0))
        deviation[deviation < 1e-3 * deviation.max()] = 1
        result.append((first.astype("float32"), deviation.astype("float32")))
    return result


def normalised_weights(student: keras.Model, sample: np.ndarray) -> dict[str, np.ndarray]:
    """The student's weights, scaled so that each channel's mean activation over the sample is 1.

    Channels that are almost silent are not raised above a twentieth of their layer's mean: their
    noise would be heard instead.

    Args:
        student: `vgg_mini`.
        sample: (n, side, side, 3) uint8 crops.

    Returns:
        `{"block1_conv1/kernel": ..., "block1_conv1/bias": ...}` in float32.
    """
    import keras

    names = [layer.name for layer in student.layers if "_conv" in layer.name]
    features = keras.Model(student.input, [student.get_layer(name).output for name in names])
    picture = (sample[..., ::-1].astype("float32") - np.array(MEANS, "float32")) / SPREAD
    batches = [features.predict_on_batch(picture[i : i + 8]) for i in range(0, len(picture), 8)]
    weights, previous = {}, np.full(3, 1 / SPREAD, "float32")
    for i, name in enumerate(names):
        mean = np.mean([np.asarray(batch[i], "float32").mean((0, 1, 2)) for batch in batches], axis=0)
        mean = np.maximum(mean, mean.mean() / 20)
        kernel, bias = student.get_layer(name).get_weights()
        weights[f"{name}/kernel"] = kernel * previous[:, None] / mean
        weights[f"{name}/bias"] = bias / mean
        previous = mean
    return weights


def write_half_precision(weights: dict[str, np.ndarray], path: Path) -> None:
    """Writes arrays as float16 to an .npz, beside it first and then renamed."""
    temporary = path.with_name(path.name + ".part")
    with open(temporary, "wb") as file:
        np.savez_compressed(file, **{name: array.astype("float16") for name, array in weights.items()})  # type: ignore[arg-type]
    os.replace(temporary, path)


def learning_rate(settings: DistillSettings, step: int) -> float:
    """The rate of a step (0-based): rise, plateau, linear fall."""
    rise = min(1.0, (step + 1) / max(settings.warmup, 1))
    fall = (settings.steps - step) / max(settings.decay * settings.steps, 1)
    return settings.learning_rate * min(rise, fall, 1.0)


class Checkpoint:
    """Model, optimiser and step in one file, replaced whole: an interrupted write leaves the old one."""

    def __init__(self, path: Path, model: keras.Model):
        self.path, self.model = path, model

    def _variables(self) -> dict[str, Any]:
        variables = [*self.model.trainable_variables, *self.model.optimizer.variables]
        return {f"{i:04d} {variable.path}": variable for i, variable in enumerate(variables)}

    def save(self, step: int) -> None:
        """Writes the file."""
        arrays = {name: np.asarray(variable.value) for name, variable in self._variables().items()}
        temporary = self.path.with_name(self.path.name + ".part")
        with open(temporary, "wb") as file:
            np.savez(file, step=step, **arrays)
        os.replace(temporary, self.path)

    def load(self) -> int:
        """Restores everything; returns the step to go on from, 0 without a file."""
        if not self.path.exists():
            return 0
        try:
            with np.load(self.path) as file:
                for name, variable in self._variables().items():
                    variable.assign(file[name])
                return int(file["step"])
        except (OSError, KeyError, ValueError) as error:
            raise WeightsError(
                f"The checkpoint belongs to another network or is damaged; remove it or choose another "
                f"output folder. Received: {self.path} ({error})"
            ) from None


def distill(
    distiller: Distiller,
    training: list[tuple[Folder, float]],
    held_out: Folder,
    output: Path,
    settings: DistillSettings,
    on_progress: Callable[[int, float, np.ndarray | None], None] = lambda *_: None,
) -> np.ndarray:
    """Trains, or goes on training, and writes everything into the output folder.

    Args:
        distiller: what to train.
        training: folders with the share of crops that each gives.
        held_out: photographs for the held-out errors.
        output: folder for `checkpoint.npz`, `log.csv`, and at the end `vgg_mini.npz`.
        settings: how to train.
        on_progress: called after every step with (steps done, training loss, held-out errors or None).

    Returns:
        The held-out errors at the end, one for each tap.
    """
    model = distiller.model
    model.compile(
        optimizer=_optimizer(settings),
        loss=lambda _, errors: errors,
        jit_compile=False,
        auto_scale_loss=False,
    )
    model.optimizer.build(model.trainable_variables)
    checkpoint = Checkpoint(output / "checkpoint.npz", model)
    start = checkpoint.load()
    test = crop_batch([(held_out, 1.0)], 2 * len(held_out.pictures), settings.side, settings.seed, 1 << 40)
    nothing = np.zeros((settings.batch, len(distiller.taps)), "float32")
    log = _Log(output / "log.csv", distiller.taps, start)
    saved, losses, began = time.monotonic(), [], time.monotonic()
    for step in range(start, settings.steps):
        model.optimizer.learning_rate = learning_rate(settings, step)
        crops = crop_batch(training, settings.batch, settings.side, settings.seed, step, settings.shuffle)
        losses.append(float(model.train_on_batch(crops, nothing)))
        done = step + 1
        errors = None
        if done % settings.evaluate_every == 0 or done == settings.steps:
            errors = distiller.errors(test)
            log.write(done, time.monotonic() - began, float(np.mean(losses)), errors)
            losses = []
        if errors is not None or time.monotonic() - saved > 60 * settings.checkpoint_minutes:
            checkpoint.save(done)
            saved = time.monotonic()
        on_progress(done, losses[-1] if losses else float("nan"), errors)
    errors = distiller.errors(test)
    sample = crop_batch(training, 256, settings.side, settings.seed, 1 << 41)
    distiller.export(output / "vgg_mini.npz", sample)
    return errors


def _optimizer(settings: DistillSettings) -> keras.optimizers.Optimizer:
    import keras

    if settings.optimizer == "adamw":
        return keras.optimizers.AdamW(settings.learning_rate, weight_decay=1e-4)
    from .muon import ConvolutionMuon

    return ConvolutionMuon(settings.learning_rate, weight_decay=1e-2, adam_weight_decay=None)


class _Log:
    """`log.csv`: a line at each evaluation; lines past the step resumed from are dropped."""

    def __init__(self, path: Path, taps: tuple[Tap, ...], start: int):
        self.path = path
        header = ["step", "seconds", "training", *(tap.title for tap in taps)]
        rows = list(csv.reader(path.open()))[1:] if path.exists() else []
        with path.open("w", newline="") as file:
            csv.writer(file).writerows([header, *(row for row in rows if int(row[0]) <= start)])

    def write(self, step: int, seconds: float, training: float, errors: np.ndarray) -> None:
        with self.path.open("a", newline="") as file:
            csv.writer(file).writerow(
                [step, f"{seconds:.0f}", f"{training:.5f}", *(f"{e:.5f}" for e in errors)]
            )


def check_same_run(output: Path, settings: DistillSettings) -> None:
    """Notes the settings beside the checkpoint, or compares them with those noted there.

    Only the length and the fall of the learning rate may change between the parts of a run, and the
    times of checkpoints and looks.

    Raises:
        UsageError: the folder holds a run of other settings.
    """
    free = {"steps", "decay", "checkpoint_minutes", "evaluate_every"}
    file, now = output / "settings.json", asdict(settings)
    if (output / "checkpoint.npz").exists() and file.exists():
        before = json.loads(file.read_text())
        if other := [f"{k} was {before.get(k)}" for k in now if k not in free and before.get(k) != now[k]]:
            raise UsageError(
                f"The folder holds a run of other settings; give the same ones to go on with it, or "
                f"choose another folder. Received: {output} ({', '.join(other)})"
            )
    file.write_text(json.dumps(now, indent=1) + "\n")


def read_log(path: Path) -> tuple[list[str], np.ndarray]:
    """A run's `log.csv`: the column names and the values, (lines, columns)."""
    rows = list(csv.reader(path.open()))
    return rows[0], np.array(rows[1:], float).reshape(-1, len(rows[0]))


def plot_log(path: Path, image: Path) -> None:
    """Draws the held-out errors of `log.csv` against the steps, on logarithmic axes."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    header, values = read_log(path)
    figure, axes = pyplot.subplots(figsize=(8, 5), layout="constrained")
    for column, title in enumerate(header[3:], 3):
        axes.loglog(values[:, 0], values[:, column], label=title)
    axes.set(xlabel="steps", ylabel="held-out error / the target's variance", title="Distillation")
    axes.grid(which="both", alpha=0.3)
    axes.legend(fontsize="small")
    figure.savefig(image, dpi=110)
    pyplot.close(figure)
