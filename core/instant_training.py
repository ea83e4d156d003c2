"""Trains the decoder of `--method instant` on any style.

    impasto train-instant --photos PHOTOS --paintings PAINTINGS -o RUN

Seeded, checkpointed, and resumed to the bit as `distill.py`, whose parts it uses. The folder gets
`checkpoint.npz`, `log.csv`, `log.png`, `sample.jpg` and at the end `instant.npz`.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .ahead import ahead
from .crops import Folder
from .errors import UsageError
from .plots import drawing
from .ranges import require_choices, require_ranges
from .style_crops import StyleSource
from .training_run import (
    Checkpoint,
    RunLog,
    freed_memory_kept,
    jit_compiled,
    learning_rate,
    read_log,
    require_finite,
)

if TYPE_CHECKING:
    from .instant_trainer import InstantTrainer

LOOK = 16  # held-out pairs at each look
FIRST_LOOK = 1 << 40  # number of their first step: far from those of the training


@dataclass(frozen=True)
class InstantSettings:
    """How to train.

    Attributes:
        steps: optimiser steps in all.
        batch: pairs of a photograph and a style a step.
        side: a crop's side in pixels, a multiple of 16.
        coarse: passes at half the side, see `instant_trainer.py`.
        fine: passes of the whole decoder at the whole side; the light one makes one.
        learning_rate: of Adam at its highest; rise and fall as in `DistillSettings`.
        warmup, decay: see there.
        held_out: photographs that are never trained on; the same as the distillation's for the same seed.
        precision: `mixed_bfloat16` or `float32`.
        seed: draws weights, crops and the held-out photographs.
        checkpoint_minutes: time between checkpoints.
        evaluate_every: steps between looks at the held-out photographs.
        sample_every: steps between sample sheets.
    """

    steps: int = 20_000
    batch: int = 4
    side: int = 256
    coarse: int = 1
    fine: int = 1
    learning_rate: float = 4e-5
    warmup: int = 50
    decay: float = 0.6
    held_out: int = 128
    precision: str = "mixed_bfloat16"
    seed: int = 0
    checkpoint_minutes: float = 3.0
    evaluate_every: int = 100
    sample_every: int = 500

    def __post_init__(self):
        require_ranges(self, _RANGES)
        if self.side % 16:
            raise UsageError(f"A crop's side is a multiple of 16. Received: {self.side}")
        require_choices(self, {"precision": ("mixed_bfloat16", "float32")})


_RANGES = (
    ("steps", 1, 100_000_000),
    ("batch", 1, 10_000),
    ("side", 32, 4096),
    ("coarse", 0, 16),
    ("fine", 0, 16),
    ("learning_rate", 1e-9, 10),
    ("decay", 0, 1),
    ("held_out", 1, 1_000_000),
    ("seed", 0, 2**32 - 1),
    ("checkpoint_minutes", 0, 100_000),
    ("evaluate_every", 1, 100_000_000),
    ("sample_every", 1, 100_000_000),
)


@freed_memory_kept()
def train_instant(
    trainer: InstantTrainer,
    source: StyleSource,
    held_out: Folder,
    paintings: Folder,
    output: Path,
    settings: InstantSettings,
    on_progress: Callable[[int, float, np.ndarray | None], None] = lambda *_: None,
) -> np.ndarray:
    """Trains, or goes on training from the checkpoint in the output folder.

    Args:
        trainer: what to train.
        source: of photographs and styles.
        held_out: photographs for the looks, each painted after one of the paintings.
        paintings: for the looks.
        output: folder for the files.
        settings: how to train.
        on_progress: called after every step with (steps done, training loss, held-out parts or None).

    Returns:
        The held-out parts at the end, as `PARTS`.
    """
    import keras

    from .instant_sample import write_sample
    from .instant_trainer import PARTS

    test = held_out_pairs(held_out, paintings, settings)
    trainer.built = True  # of built networks; a call to build it would run operation by operation
    # What every weight is multiplied with are eight others: steps of Muon's evenness overshoot (measured).
    adam = keras.optimizers.Adam(settings.learning_rate, beta_2=0.99, clipnorm=1.0, name="adam")
    trainer.compile(adam, loss=lambda _, parts: parts, jit_compile=jit_compiled(), auto_scale_loss=False)
    trainer.optimizer.build(trainer.trainable_variables)
    checkpoint = Checkpoint(output / "checkpoint.npz", trainer)
    start = checkpoint.load()
    log = RunLog(output / "log.csv", ("held_out", *PARTS), start)
    if not start:  # where the decoder changes nothing yet
        first = look(trainer, test, settings.batch)
        log.write(0, 0, sum(first), [sum(first), *first])
    nothing = np.zeros((settings.batch, len(PARTS)), "float32")
    saved = began = time.monotonic()
    losses: list[float] = []
    batches = ahead(
        lambda step: source.batch(settings.batch, settings.side, settings.seed, step),
        range(start, settings.steps),
    )
    for step, pair in batches:
        trainer.optimizer.learning_rate = learning_rate(settings, step)
        # Keras reports the mean over parts; the loss is their sum.
        loss, done, parts = float(trainer.train_on_batch(pair, nothing)) * len(PARTS), step + 1, None
        losses.append(loss)
        last = done == settings.steps
        if done % settings.evaluate_every == 0 or last:
            parts = look(trainer, test, settings.batch)
        require_finite(done, loss, 0.0 if parts is None else parts)
        if parts is not None:
            log.write(done, time.monotonic() - began, float(np.mean(losses)), [sum(parts), *parts])
            losses = []
        if last or time.monotonic() - saved > 60 * settings.checkpoint_minutes:
            checkpoint.save(done)
            saved = time.monotonic()
        if done % settings.sample_every == 0 or last:
            write_sample(trainer, test, settings.batch, output / "sample.jpg")
        on_progress(done, loss, parts)
    return look(trainer, test, settings.batch)


def held_out_pairs(
    held_out: Folder, paintings: Folder, settings: InstantSettings
) -> tuple[np.ndarray, np.ndarray]:
    """The pairs that every look takes: plain crops of held-out photographs and of paintings."""
    from .crops import crop_batch

    count = max(LOOK // settings.batch, 1) * settings.batch
    return (
        crop_batch([(held_out, 1.0)], count, settings.side, settings.seed, FIRST_LOOK),
        crop_batch([(paintings, 1.0)], count, settings.side, settings.seed, FIRST_LOOK + 1),
    )


def look(trainer: InstantTrainer, pairs: tuple[np.ndarray, np.ndarray], batch: int) -> np.ndarray:
    """The mean parts of the loss over pairs."""
    starts = range(0, len(pairs[0]), batch)
    parts = [trainer.predict_on_batch([array[i : i + batch] for array in pairs]) for i in starts]
    return np.concatenate(parts).mean(axis=0)


def plot_log(path: Path, image: Path) -> None:
    """Draws the losses of `log.csv` against the steps."""
    header, values = read_log(path)
    labels = {"xlabel": "steps", "ylabel": "loss of the quality recipe", "title": "Any style in one pass"}
    with drawing(image, **labels) as axes:
        for column in range(2, len(header)):
            axes.plot(values[:, 0], values[:, column], label=header[column].replace("_", " "))
        axes.set_yscale("log")
        axes.grid(which="both", alpha=0.3)
        axes.legend(fontsize="small")


def export(trainer: InstantTrainer, encoder: Path, path: Path) -> None:
    """Writes the decoders in half precision, with the hash of the encoder that it was trained with.

    Args:
        trainer: holds the decoders.
        encoder: the encoder's weight file.
        path: where to.
    """
    import keras

    from impasto.models.instant import ENCODER_HASH, both_weights

    from .distiller import write_half_precision

    weights = both_weights(trainer.decoder, trainer.light)
    arrays = {name: keras.ops.convert_to_numpy(variable) for name, variable in weights.items()}
    write_half_precision(
        arrays, path, {ENCODER_HASH: np.array(hashlib.sha256(encoder.read_bytes()).hexdigest())}
    )
