"""What a training is given, and what it shows of itself: curves, sample sheets, the network as it stands."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import keras
import numpy as np
from PIL import Image

from impasto.models.painters import PainterFacts, encode_painter

from . import curves
from .crops import Folder
from .curves import Yardstick, middles, plot_curves
from .images import Picture, save_picture
from .painter import Painter
from .picture_writing import write_file
from .sheet import sheet
from .styles import Style
from .training_run import RunLog
from .training_settings import TrainSettings

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
