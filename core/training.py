"""Trains a one-pass network: one style or many, photographs or textures.

    impasto train starry_night --photos PHOTOS -o RUN

The run's folder gets `checkpoint.npz`, `painter.npz` (what `impasto apply` takes, from the first look on),
`log.csv`, `log.png` and `sheet_*.jpg`. Step n's pictures, styles and noise depend on the seed and on n
alone: a run that is gone on with ends with the very weights of one that was not interrupted.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from impasto.models.painters import (
    PainterFacts,
    build_painter,
    find_painter,
    for_styles,
    read_painter,
)
from impasto.models.transformer import start_at_palettes

from .ahead import ahead
from .backend import describe_device
from .crops import crop_batch
from .distribution import Distribution
from .errors import Cancelled, UsageError
from .painter import noises
from .progress import Clock, Progress
from .teacher import Teacher
from .trainer import PictureLosses, Trainer, resolved
from .training_looks import Looks, Material
from .training_run import (
    Checkpoint,
    compare_notes,
    freed_memory_kept,
    jit_compiled,
    learning_rate,
    require_finite,
)
from .training_settings import TrainSettings, differing

FIRST_SHEETS = (100, 300)  # an early look: a run that goes astray shows it soon


def batch_at(
    step: int, material: Material, settings: TrainSettings, teacher: Teacher | None = None
) -> dict[str, np.ndarray]:
    """All that a step sees, by the painter's inputs; pictures as 8-bit, a teacher's with its paintings."""
    count, side, styles = settings.batch, settings.side, len(material.styles)
    if teacher:
        batch = teacher(step)
    else:
        chosen = [_style_at(step * count + i, styles, settings.seed) for i in range(count)]
        batch = {"style": np.eye(styles, dtype="float32")[chosen]}
        if material.photographs is not None:
            batch["picture"] = crop_batch([(material.photographs, 1.0)], count, side, settings.seed, step)
    if settings.architecture == "generator":
        random = np.random.default_rng((settings.seed, step, 2))
        batch |= noises(random, count, side, side, settings.scales)
    return batch


def _style_at(number: int, styles: int, seed: int) -> int:
    """The style of the run's picture of that number: in each round every style once, shuffled."""
    turn, place = divmod(number, styles)
    return int(np.random.default_rng((seed, turn, 1)).permutation(styles)[place])


@freed_memory_kept()
def train(
    material: Material,
    output: Path,
    settings: TrainSettings,
    *,
    devices: int = 1,
    begin: str | Path | None = None,
    on_progress: Callable[[Progress], None] = lambda _: None,
    notice: Callable[[str], None] = lambda _: None,
) -> PainterFacts:
    """Trains, or goes on training.

    Args:
        material: what to train on.
        output: folder for everything that is written; it exists.
        settings: how to train.
        devices: how many devices share each batch; 0 is all that there are.
        begin: a trained network, as `find_painter` takes it, whose weights a new run begins with; styles
            that it does not know begin as the mean of its own. By default with random ones.
        on_progress: called after each step; `Cancelled` raised in it stops the run, resumably.
        notice: takes lines for the user.

    Returns:
        The trained network's facts; it lies in the folder as `painter.npz`.

    Raises:
        UsageError: the folder holds another run; the network lacks a layer; the devices cannot share a batch;
            the network to begin with is of another kind or width.
        WeightsError: the checkpoint is another network's, the network to begin with is damaged, or the loss
            network's weights are not here.
        PictureError: a file could not be written; the last checkpoint is kept.
        ImpastoError: the loss is no number any more.
    """
    network, told = resolved(settings)
    settings = replace(settings, network=network.name)
    settings.losses(network)  # of layers that it has not, before anything is written
    weights = None if begin is None else _begun(begin, settings, [style.name for style in material.styles])
    before = keras.mixed_precision.dtype_policy()
    distribution = Distribution(devices, settings.batch)
    try:
        check_same_run(output, settings, [style.name for style in material.styles])
        if told:
            notice(told)
        return _train(material, output, settings, distribution, weights, on_progress)
    finally:
        keras.mixed_precision.set_dtype_policy(before)
        distribution.close()


def _train(
    material: Material,
    output: Path,
    settings: TrainSettings,
    distribution: Distribution,
    weights: dict[str, np.ndarray] | None,
    on_progress: Callable[[Progress], None],
) -> PainterFacts:
    looks = Looks(material, output, settings)
    keras.mixed_precision.set_dtype_policy(settings.precision)
    with distribution.scope():
        keras.utils.set_random_seed(settings.seed)  # here: a network built before would use up numbers
        painter = build_painter(looks.facts, weights)
        if settings.skip and weights is None:
            start_at_palettes(painter, [style.at(settings.style_side) for style in material.styles])
        content = material.photographs is not None
        losses = PictureLosses(
            settings.losses(resolved(settings)[0]),
            material.styles,
            settings.style_side,
            content,
            settings.recompute,
            settings.imitation,
        )
        model = Trainer(painter, losses, settings.style_root, settings.recompute)
        model.compile(_optimizer(settings), loss=lambda _, losses: losses, jit_compile=jit_compiled())
        model.built = True  # of built networks; a call to build it would run operation by operation
        model.optimizer.build(model.trainable_variables)
    checkpoint = Checkpoint(output / "checkpoint.npz", model)
    start = checkpoint.load()
    looks.begin(painter, start)
    shown = settings.steps if settings.imitation else settings.taught  # steps with paintings to imitate
    teacher = Teacher(material, settings) if start < shown else None
    nothing = np.zeros((settings.batch, 1), "float32")
    device = describe_device()
    clock, saved, recent = Clock([1] * settings.steps), time.monotonic(), []
    done = start
    try:
        batches = ahead(
            lambda step: batch_at(step, material, settings, teacher if step < shown else None),
            range(start, settings.steps),
            threads=1 if teacher else None,
        )
        for step, batch in batches:
            if 0 < step == settings.taught:
                _forget(model.optimizer)
            model.optimizer.learning_rate = learning_rate(settings, step)  # type: ignore[arg-type]
            loss = distribution.train(model, batch, nothing)
            require_finite(step + 1, loss)
            done = step + 1
            recent.append(loss)
            clock.tick(done)
            if done % settings.evaluate_every == 0 or done == settings.steps:
                looks.measure(done, clock.seconds, float(np.mean(recent)))
                recent, saved = [], -math.inf
            if done % settings.sheet_every == 0 or done == settings.steps or done in FIRST_SHEETS:
                looks.show(done)
            if time.monotonic() - saved > 60 * settings.checkpoint_minutes:
                checkpoint.save(done)
                saved = time.monotonic()
            on_progress(_event(done, settings, loss, clock, device, looks))
    except Cancelled:
        checkpoint.save(done)
        raise
    looks.save(settings.steps)
    return replace(looks.facts, steps=settings.steps)


def _begun(file: str | Path, settings: TrainSettings, styles: list[str]) -> dict[str, np.ndarray]:
    """The weights of a network to begin with, for the run's styles."""
    facts, arrays = read_painter(find_painter(file))
    kind = {"architecture": settings.architecture} | settings.options
    received = {"architecture": facts.architecture} | facts.options
    if received != kind:
        raise UsageError(
            f"The network to begin with must be of the run's kind: {_listed(kind)}. "
            f"Received: {file}, {_listed(received)}"
        )
    return for_styles(facts, arrays, styles)


def _listed(kind: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in kind.items())


def _forget(optimizer: keras.optimizers.Optimizer) -> None:
    """Makes an optimiser as new: what it remembers is of the teacher's slopes, which are far smaller."""
    for variable in optimizer.variables:
        variable.assign(np.zeros(variable.shape, variable.dtype))


def _event(
    done: int, settings: TrainSettings, loss: float, clock: Clock, device: str, looks: Looks
) -> Progress:
    return Progress(
        step=done,
        steps=settings.steps,
        scale=settings.side,
        scales=(settings.side,),
        loss=loss,
        parts={},
        seconds=clock.seconds,
        step_seconds=clock.step_seconds,
        seconds_left=clock.seconds_left(done),
        device=device,
        picture=looks.picture,
    )


def _optimizer(settings: TrainSettings) -> keras.optimizers.Optimizer:
    # Names of their own, or Keras numbers them, and a checkpoint is known by its variables' names.
    if settings.optimizer == "adam":
        return keras.optimizers.Adam(settings.learning_rate, name="adam")
    from .muon import ConvolutionMuon

    return ConvolutionMuon(
        settings.learning_rate, weight_decay=None, adam_weight_decay=None, name="convolution_muon"
    )


def check_same_run(output: Path, settings: TrainSettings, styles: list[str]) -> None:
    """Notes settings and styles beside the checkpoint, or compares them with those noted there.

    Raises:
        UsageError: the folder holds a run of other settings or styles.
    """

    def differences(noted: dict[str, Any]) -> list[str]:
        others = [] if noted["styles"] == styles else [f"the styles were {', '.join(noted['styles'])}"]
        return differing(noted["settings"], settings) + others

    compare_notes(output, {"settings": asdict(settings), "styles": styles}, differences)
