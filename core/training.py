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
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
from PIL import Image

from impasto.models.painters import PainterFacts, build_painter, encode_painter
from impasto.models.transformer import start_at_palettes

from . import curves
from .backend import describe_device
from .crops import Folder, crop_batch
from .curves import Yardstick, middles, plot_curves
from .distribution import Distribution
from .errors import Cancelled
from .images import Picture, save_picture
from .painter import Painter, noises
from .picture_writing import write_file
from .progress import Clock, Progress
from .sheet import sheet
from .styles import Style
from .trainer import PictureLosses, Trainer, resolved
from .training_run import Checkpoint, RunLog, compare_notes, learning_rate, require_finite
from .training_settings import TrainSettings, differing

FIRST_SHEETS = (100, 300)  # an early look: a run that goes astray shows it soon
SHEET_SIDE = 256  # of the pictures painted for a sheet


@dataclass(frozen=True)
class Material:
    """What a run trains on.

    Attributes:
        styles: to learn, of different names.
        photographs: to paint; None for textures.
        held_out: photographs for the curves and the sheets.
        words: the same for the model card.
    """

    styles: list[Style]
    photographs: Folder | None = None
    held_out: tuple[Image.Image, ...] = ()
    words: str = ""


def batch_at(step: int, material: Material, settings: TrainSettings) -> dict[str, np.ndarray]:
    """All that a step sees, by the painter's inputs; pictures as 8-bit."""
    count, side, styles = settings.batch, settings.side, len(material.styles)
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


def train(
    material: Material,
    output: Path,
    settings: TrainSettings,
    *,
    devices: int = 1,
    on_progress: Callable[[Progress], None] = lambda _: None,
    notice: Callable[[str], None] = lambda _: None,
) -> PainterFacts:
    """Trains, or goes on training.

    Args:
        material: what to train on.
        output: folder for everything that is written; it exists.
        settings: how to train.
        devices: how many devices share each batch; 0 is all that there are.
        on_progress: called after each step; `Cancelled` raised in it stops the run, resumably.
        notice: takes lines for the user.

    Returns:
        The trained network's facts; it lies in the folder as `painter.npz`.

    Raises:
        UsageError: the folder holds another run; the network lacks a layer; the devices cannot share a batch.
        WeightsError: the checkpoint is another network's, or the loss network's weights are not here.
        PictureError: a file could not be written; the last checkpoint is kept.
        ImpastoError: the loss is no number any more.
    """
    network, told = resolved(settings)
    settings = replace(settings, network=network.name)
    settings.losses(network)  # of layers that it has not, before anything is written
    before = keras.mixed_precision.dtype_policy()
    distribution = Distribution(devices, settings.batch)
    try:
        check_same_run(output, settings, [style.name for style in material.styles])
        if told:
            notice(told)
        return _train(material, output, settings, distribution, on_progress)
    finally:
        keras.mixed_precision.set_dtype_policy(before)
        distribution.close()


def _train(
    material: Material,
    output: Path,
    settings: TrainSettings,
    distribution: Distribution,
    on_progress: Callable[[Progress], None],
) -> PainterFacts:
    looks = Looks(material, output, settings)
    keras.mixed_precision.set_dtype_policy(settings.precision)
    with distribution.scope():
        keras.utils.set_random_seed(settings.seed)  # here: a network built before would use up numbers
        painter = build_painter(looks.facts)
        if settings.skip:
            start_at_palettes(painter, [style.at(settings.style_side) for style in material.styles])
        content = material.photographs is not None
        losses = PictureLosses(
            settings.losses(resolved(settings)[0]), material.styles, settings.style_side, content
        )
        model = Trainer(painter, losses)
        weights = np.array(losses.weights, "float32")
        rooted = np.array([settings.style_root and kind == "style" for kind in losses.kinds])
        model.compile(
            optimizer=_optimizer(settings),
            loss=lambda _, parts: keras.ops.sum(_rooted(parts, rooted) * weights, axis=-1),
            jit_compile=False,
        )
        model({name: np.asarray(array) for name, array in batch_at(0, material, settings).items()})
        model.optimizer.build(model.trainable_variables)
    checkpoint = Checkpoint(output / "checkpoint.npz", model)
    start = checkpoint.load()
    looks.begin(painter, start)
    nothing = np.zeros((settings.batch, len(weights)), "float32")
    device = describe_device()
    clock, saved, recent = Clock([1] * settings.steps), time.monotonic(), []
    done = start
    try:
        for step in range(start, settings.steps):
            model.optimizer.learning_rate = learning_rate(settings, step)  # type: ignore[arg-type]
            loss = distribution.train(model, batch_at(step, material, settings), nothing)
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


def _rooted(parts: Any, rooted: np.ndarray) -> Any:
    """The roots of some losses; 1e-4 keeps the slope finite where one is nothing."""
    return keras.ops.where(rooted, keras.ops.sqrt(parts + 1e-4), parts)


class Looks:
    """What a run shows of itself: curves, sheets, and the network as it stands.

    Attributes:
        facts: of the network.
    """

    def __init__(self, material: Material, output: Path, settings: TrainSettings):
        self.output, self.material, self.seed = output, material, settings.seed
        names = tuple(style.name for style in material.styles)
        self.facts = PainterFacts(
            settings.architecture,
            settings.options,
            names,
            batch=settings.batch,
            side=settings.side,
            style_side=settings.style_side,
            network=settings.network,
            data=material.words,
        )
        self.photographs = None
        if material.photographs is not None:
            self.photographs = middles(list(material.held_out)).astype("float32") / 255
        self.yardstick = Yardstick(material.styles, self.photographs)

    def begin(self, painter: keras.Model, start: int) -> None:
        """Takes the network that is being trained, and the step it stands at."""
        self.painter = Painter(self.facts, painter)
        columns = ["content", "style", *self.facts.styles]
        self.log = RunLog(self.output / "log.csv", columns, start)

    def measure(self, step: int, seconds: float, training: float) -> None:
        """Adds a point to the curves."""
        painted = [self._painted(number, curves.SIDE) for number in range(len(self.facts.styles))]
        self.log.write(step, seconds, training, self.yardstick.measure(painted))
        plot_curves(self.output / "log.csv", self.output / "log.png")

    def _painted(self, number: int, side: int) -> np.ndarray:
        weights = np.eye(len(self.facts.styles), dtype="float32")[number]
        if self.photographs is not None:
            pictures = middles(list(self.material.held_out), side).astype("float32") / 255
            return np.concatenate([self.painter.paint_pixels(p[None], weights, seed=1) for p in pictures])
        return np.stack([self.painter.texture(side, side, weights, seed) for seed in range(curves.LOOKED_AT)])

    def picture(self) -> np.ndarray:
        """The sample sheet: each style beside what is painted in it; (height, width, 3) of 0–1."""
        rows: list[list[tuple[str, np.ndarray]]] = []
        if self.photographs is not None:
            pictures = middles(list(self.material.held_out), SHEET_SIDE).astype("float32") / 255
            rows.append([("", np.full_like(pictures[0], 0.97)), *(("", picture) for picture in pictures)])
        for number, style in enumerate(self.material.styles):
            painting = np.asarray(style.picture.pixels)
            short = min(painting.shape[:2])
            rows.append(
                [
                    (style.name, painting[:short, :short]),
                    *(("", p) for p in self._painted(number, SHEET_SIDE)),
                ]
            )
        return sheet(rows, height=SHEET_SIDE, gap=4)

    def show(self, step: int) -> None:
        """Writes the sample sheet, and the network as it stands."""
        save_picture(Picture(self.picture()), self.output / f"sheet_{step:06d}.jpg", quality=88)
        self.save(step)

    def save(self, step: int) -> None:
        """Writes the network."""
        write_file(
            self.output / "painter.npz", encode_painter(replace(self.facts, steps=step), self.painter.model)
        )


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
