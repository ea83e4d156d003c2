"""Trains the compact loss network to see what VGG-16 sees.

    impasto distill --photos PHOTOS --paintings PAINTINGS --teacher vgg16 --weights FILE -o RUN

`vgg_mini` begins as a channel-pruned VGG-16 (`channel_pruning.py`) and is trained on until its heads predict
the principal components of VGG-16's layers (`distiller.py`). Learning from another network's inner layers is
FitNets' idea (Romero et al. 2015, arXiv:1412.6550).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .ahead import ahead
from .channel_pruning import prune_into
from .crops import Folder, crop_batch
from .distiller import SPREAD, Distiller
from .plots import drawing
from .ranges import require_choices, require_ranges
from .training_run import (
    Checkpoint,
    RunLog,
    compare_notes,
    freed_memory_kept,
    jit_compiled,
    learning_rate,
    read_log,
    require_finite,
)

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class DistillSettings:
    """How to train.

    Attributes:
        steps: optimiser steps in all.
        batch: crops a step.
        side: a crop's side in pixels, a multiple of 16.
        large_every: every so many steps the crops have twice the side and are a quarter as many: what lies
            deep looks far, and on small crops sees much of their border. 0 is never.
        learning_rate: at its highest. It rises over the first `warmup` steps and falls linearly
            to nothing over the last `decay` share of all steps (Hu et al. 2024,
            arXiv:2404.06395), so that a run can be lengthened before the fall begins.
        painting_share: share of crops that come from the paintings.
        shuffle: probability that a crop's channels are exchanged: more palettes than nature's.
        contrast, noise: how far crops are varied, see `crop_batch`: an optimiser's pictures are noisy.
        held_out: photographs that are never trained on.
        prune_from: crops over which the teacher is pruned and its components are computed.
        precision: `"mixed_bfloat16"` halves the time on processors that have bfloat16.
        optimizer: `"muon"` (Jordan et al. 2024) or `"adamw"`.
        seed: draws crops and the held-out photographs.
        checkpoint_minutes: time between checkpoints.
        evaluate_every: steps between looks at the held-out photographs.
        first_crops: number of the first step's crops; a run that goes on from another one's weights
            passes over those that it has seen.
    """

    steps: int = 12_000
    batch: int = 8
    side: int = 128
    large_every: int = 3
    learning_rate: float = 1.5e-3
    warmup: int = 100
    decay: float = 0.4
    painting_share: float = 0.35
    shuffle: float = 0.2
    contrast: float = 0.3
    noise: float = 0.12
    held_out: int = 64
    prune_from: int = 160
    precision: str = "mixed_bfloat16"
    optimizer: str = "muon"
    seed: int = 0
    checkpoint_minutes: float = 3.0
    evaluate_every: int = 500
    first_crops: int = 0

    def __post_init__(self):
        require_ranges(self, _RANGES)
        require_choices(self, _CHOICES)


_CHOICES = {"precision": ("mixed_bfloat16", "float32"), "optimizer": ("muon", "adamw")}
_RANGES = (
    ("steps", 1, 100_000_000),
    ("batch", 1, 10_000),
    ("learning_rate", 1e-9, 10),
    ("decay", 0, 1),
    ("large_every", 0, 1_000_000),
    ("contrast", 0, 2),
    ("noise", 0, 1),
    ("prune_from", 1, 1_000_000),
    ("held_out", 1, 1_000_000),
    ("seed", 0, 2**32 - 1),
    ("checkpoint_minutes", 0, 100_000),
    ("evaluate_every", 1, 100_000_000),
    ("first_crops", 0, 100_000_000),
)


Sources = list[tuple[Folder, float]]


@freed_memory_kept()
def distill(
    distiller: Distiller,
    training: Sources,
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
        output: folder for `checkpoint.npz`, `log.csv`, and at each checkpoint and the end `vgg_mini.npz`.
        settings: how to train.
        on_progress: called after every step with (steps done, training loss, held-out errors or None).

    Returns:
        The held-out errors at the end, one for each layer, as shares of its energy.
    """
    model = distiller.model
    model.compile(
        optimizer=_optimizer(settings),
        loss=lambda _, errors: errors,
        jit_compile=jit_compiled(),
        auto_scale_loss=False,
    )
    model.optimizer.build(model.trainable_variables)
    checkpoint = Checkpoint(output / "checkpoint.npz", model)
    start = checkpoint.load()
    test = held_out_crops(held_out, settings)
    log = RunLog(output / "log.csv", list(distiller.layers), start)
    saved, losses, began = time.monotonic(), [], time.monotonic()
    for step, crops in ahead(lambda step: step_crops(training, settings, step), range(start, settings.steps)):
        model.optimizer.learning_rate = learning_rate(settings, step)
        nothing = np.zeros((len(crops), len(distiller.layers)), "float32")
        loss, done, errors = float(model.train_on_batch(crops, nothing)), step + 1, None
        losses.append(loss)
        if done % settings.evaluate_every == 0 or done == settings.steps:
            errors = distiller.errors(test)
        require_finite(done, loss, 0.0 if errors is None else errors)
        if errors is not None:
            log.write(done, time.monotonic() - began, float(np.mean(losses)), errors)
            losses = []
        if errors is not None or time.monotonic() - saved > 60 * settings.checkpoint_minutes:
            checkpoint.save(done)
            distiller.export(output / "vgg_mini.npz")
            saved = time.monotonic()
        on_progress(done, loss, errors)
    distiller.export(output / "vgg_mini.npz")
    return distiller.errors(test)


def begin_pruned(distiller: Distiller, training: Sources, settings: DistillSettings) -> dict[str, float]:
    """Fills the student from the teacher, and fits its heads; returns each convolution's error."""
    crops = sample_crops(training, settings)
    errors = prune_into(distiller.student, distiller.teacher, crops, SPREAD, settings.seed)
    distiller.fit_heads(crops)
    return errors


def step_crops(training: Sources, settings: DistillSettings, step: int) -> np.ndarray:
    """The crops of a step; (batch, side, side, 3) uint8, or a quarter as many of twice the side."""
    s = settings
    large = s.large_every and step % s.large_every == s.large_every - 1
    count, side = (max(1, s.batch // 4), 2 * s.side) if large else (s.batch, s.side)
    number = s.first_crops + step
    return crop_batch(training, count, side, s.seed, number, s.shuffle, s.contrast, s.noise)


def sample_crops(training: Sources, settings: DistillSettings) -> np.ndarray:
    """The crops over which the teacher is pruned and its components are computed."""
    s = settings
    return crop_batch(training, s.prune_from, s.side, s.seed, 1 << 42, s.shuffle, s.contrast, s.noise)


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


def check_same_run(output: Path, settings: Any) -> None:
    """Notes the settings beside the checkpoint, or compares them with those noted there.

    Only the length and the fall of the learning rate may change between the parts of a run, and the
    times of checkpoints and looks.

    Args:
        output: the run's folder.
        settings: a dataclass with a default for each field.

    Raises:
        UsageError, PictureError: as `compare_notes`.
    """
    free = {"steps", "decay", "checkpoint_minutes", "evaluate_every", "sample_every"}
    now, defaults = asdict(settings), asdict(type(settings)())

    def differences(noted: dict[str, Any]) -> list[str]:
        before = defaults | noted
        return [f"{k} was {before[k]}" for k in now if k not in free and before[k] != now[k]]

    compare_notes(output, now, differences)


def plot_log(path: Path, image: Path) -> None:
    """Draws the held-out errors of `log.csv` against the steps, on logarithmic axes."""
    header, values = read_log(path)
    labels = {
        "xlabel": "steps",
        "ylabel": "held-out error, share of the layer's energy",
        "title": "Distillation",
    }
    with drawing(image, **labels) as axes:
        for column, title in enumerate(header[3:], 3):
            axes.loglog(values[:, 0], values[:, column], label=title)
        axes.grid(which="both", alpha=0.3)
        axes.legend(fontsize="small")
