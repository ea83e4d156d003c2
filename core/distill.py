"""Trains the compact loss network to see what a large ImageNet-trained network sees.

    impasto distill --photos PHOTOS --paintings PAINTINGS --teacher TEACHER.h5 -o RUN

`vgg_mini`'s block ends must predict, each through a 1×1 linear adapter that is thrown away
afterwards, the teacher's standardised activations at the same resolution. Some are taken on the
picture enlarged twice: a strided teacher then shows its features at the finer grid. The idea of
learning from another network's inner layers is FitNets' (Romero et al. 2015, arXiv:1412.6550).
"""

from __future__ import annotations

import csv
import io
import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from impasto.models.weights import one_line

from .crops import Folder, crop_batch
from .distiller import Distiller, Tap
from .errors import ImpastoError, UsageError, WeightsError
from .growing import grow
from .picture_writing import write_file

if TYPE_CHECKING:
    import keras


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
        first_crops: number of the first step's crops; a run that goes on from another one's weights
            passes over those that it has seen.
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
    first_crops: int = 0

    def __post_init__(self):
        for name, least, most in _RANGES:
            value = getattr(self, name)
            if not least <= value <= most:  # also refuses NaN
                raise UsageError(f"{name} lies between {least:.10g} and {most:.10g}. Received: {value}")


_RANGES = (
    ("steps", 1, 100_000_000),
    ("batch", 1, 10_000),
    ("learning_rate", 1e-9, 10),
    ("decay", 0, 1),
    ("held_out", 1, 1_000_000),
    ("seed", 0, 2**32 - 1),
    ("checkpoint_minutes", 0, 100_000),
    ("evaluate_every", 1, 100_000_000),
    ("first_crops", 0, 100_000_000),
)


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
        packed = io.BytesIO()
        np.savez(packed, step=np.array(step), **arrays)  # type: ignore[arg-type]
        write_file(self.path, packed.getvalue())

    def load(self) -> int:
        """Restores everything; returns the step to go on from, 0 without a file."""
        if not self.path.exists():
            return 0
        try:
            with np.load(self.path) as file:
                for name, variable in self._variables().items():
                    variable.assign(file[name])
                return int(file["step"])
        except Exception as error:  # damage makes NumPy and zipfile raise half a dozen kinds
            raise WeightsError(
                f"The checkpoint belongs to another network or is damaged; remove it or choose another "
                f"output folder. Received: {self.path} ({one_line(error)})"
            ) from None


def distill(
    distiller: Distiller,
    training: list[tuple[Folder, float]],
    held_out: Folder,
    output: Path,
    settings: DistillSettings,
    on_progress: Callable[[int, float, np.ndarray | None], None] = lambda *_: None,
    grow_from: Path | None = None,
) -> np.ndarray:
    """Trains, or goes on training, and writes everything into the output folder.

    Args:
        distiller: what to train.
        training: folders with the share of crops that each gives.
        held_out: photographs for the held-out errors.
        output: folder for `checkpoint.npz`, `log.csv`, and at the end `vgg_mini.npz`.
        settings: how to train.
        on_progress: called after every step with (steps done, training loss, held-out errors or None).
        grow_from: a narrower network's checkpoint to begin with, where the folder has none yet.

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
    if grow_from and not start:
        grow([*model.trainable_variables, *model.optimizer.variables], grow_from)
    test = held_out_crops(held_out, settings)
    nothing = np.zeros((settings.batch, len(distiller.taps)), "float32")
    log = _Log(output / "log.csv", distiller.taps, start)
    saved, losses, began = time.monotonic(), [], time.monotonic()
    for step in range(start, settings.steps):
        model.optimizer.learning_rate = learning_rate(settings, step)
        number = settings.first_crops + step
        crops = crop_batch(training, settings.batch, settings.side, settings.seed, number, settings.shuffle)
        loss, done, errors = float(model.train_on_batch(crops, nothing)), step + 1, None
        losses.append(loss)
        if done % settings.evaluate_every == 0 or done == settings.steps:
            errors = distiller.errors(test)
        if not (math.isfinite(loss) and np.isfinite(0 if errors is None else errors).all()):
            raise ImpastoError(
                "The training diverged; the last checkpoint is kept. Choose a lower --learning-rate and "
                f"another output folder. Received: a loss of {loss:g} at step {done}"
            )
        if errors is not None:
            log.write(done, time.monotonic() - began, float(np.mean(losses)), errors)
            losses = []
        if errors is not None or time.monotonic() - saved > 60 * settings.checkpoint_minutes:
            checkpoint.save(done)
            saved = time.monotonic()
        on_progress(done, loss, errors)
    errors = distiller.errors(test)
    sample = crop_batch(training, 256, settings.side, settings.seed, 1 << 41)
    distiller.export(output / "vgg_mini.npz", sample)
    return errors


def held_out_crops(held_out: Folder, settings: DistillSettings) -> np.ndarray:
    """The crops that every look at the held-out photographs takes: two for each photograph."""
    return crop_batch([(held_out, 1.0)], 2 * len(held_out.pictures), settings.side, settings.seed, 1 << 40)


def _optimizer(settings: DistillSettings) -> keras.optimizers.Optimizer:
    import keras

    # Names of their own, or Keras numbers them, and a checkpoint is known by its variables' names.
    if settings.optimizer == "adamw":
        return keras.optimizers.AdamW(settings.learning_rate, weight_decay=1e-4, name="adam_w")
    from .muon import ConvolutionMuon

    return ConvolutionMuon(
        settings.learning_rate, weight_decay=1e-2, adam_weight_decay=None, name="convolution_muon"
    )


class _Log:
    """`log.csv`: a line at each evaluation; lines past the step resumed from are dropped."""

    def __init__(self, path: Path, taps: tuple[Tap, ...], start: int):
        self.path = path
        header = ["step", "seconds", "training", *(tap.title for tap in taps)]
        rows = list(csv.reader(path.open()))[1:] if path.exists() else []
        with path.open("w", newline="") as file:
            csv.writer(file).writerows([header, *(row for row in rows if _before(row, header, start))])

    def write(self, step: int, seconds: float, training: float, errors: np.ndarray) -> None:
        with self.path.open("a", newline="") as file:
            csv.writer(file).writerow(
                [step, f"{seconds:.0f}", f"{training:.5f}", *(f"{e:.5f}" for e in errors)]
            )


def _before(row: list[str], header: list[str], start: int) -> bool:
    """Whether a line is whole and of a step that the run still has behind it."""
    return len(row) == len(header) and int(row[0]) <= start


def check_same_run(output: Path, settings: Any) -> None:
    """Notes the settings beside the checkpoint, or compares them with those noted there.

    Only the length and the fall of the learning rate may change between the parts of a run, and the
    times of checkpoints and looks.

    Raises:
        UsageError: the folder holds a run of other settings.
    """
    free = {"steps", "decay", "checkpoint_minutes", "evaluate_every", "sample_every"}
    file, now = output / "settings.json", asdict(settings)
    if (output / "checkpoint.npz").exists() and file.exists():
        try:
            before = asdict(type(settings)()) | json.loads(file.read_text())
        except (ValueError, TypeError, OSError) as error:
            raise UsageError(
                f"The notes on the run in this folder are damaged; choose another folder. Received: {file} "
                f"({one_line(error)})"
            ) from None
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
