"""What `--method instant` paints of a training's crops: a network learns from it before the losses judge.

Under the losses of style and content alone a network for many styles first learns what all of them have in
common, an orange veil, say, or one hatching for all, and leaves that slowly. A painting to imitate has no
such traps: each style's colours, and the subjects, are there after some hundred steps.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from threadpoolctl import threadpool_limits

from .crops import crop_batch
from .instant import instant_painter
from .training_looks import Material
from .training_settings import TrainSettings

PAINTINGS = 1300  # that are made, when they are first wanted, and then shown again and again, also mirrored
STRENGTH = 1.0  # painted twice: more strokes than one painting has
FIRST = 1 << 40  # number of the first one's crop: far from those of the training


class Teacher:
    """Shows paintings of crops, each style's as often as the others'.

    Args:
        material: photographs and styles.
        settings: `side`, `style_side`, `batch` and `seed` count.
    """

    def __init__(self, material: Material, settings: TrainSettings):
        self.settings, self.photographs = settings, material.photographs
        self.styles = [style.at(settings.style_side) for style in material.styles]
        self.painter = instant_painter()
        self.painting = cache(self._painting)

    def __call__(self, step: int) -> dict[str, np.ndarray]:
        """What a step sees, which depends on the seed and its number alone.

        Returns:
            `picture` and `taught`, (batch, side, side, 3) uint8; `style`, (batch, styles), one 1 in a row.
        """
        random = np.random.default_rng((self.settings.seed, step, 3))
        numbers = random.integers(PAINTINGS, size=self.settings.batch)
        pairs = [self.painting(int(number)) for number in numbers]
        pairs = [pair[:, :, ::-1] if random.random() < 0.5 else pair for pair in pairs]
        pictures, taught = np.stack(pairs, axis=1)
        chosen = np.eye(len(self.styles), dtype="float32")[numbers % len(self.styles)]
        return {"picture": pictures, "taught": taught, "style": chosen}

    def _painting(self, number: int) -> np.ndarray:
        """A crop and its painting, (2, side, side, 3) uint8."""
        assert self.photographs is not None  # `TrainSettings` sees to it
        side, seed = self.settings.side, self.settings.seed
        picture = crop_batch([(self.photographs, 1.0)], 1, side, seed, FIRST + number)[0]
        style = self.styles[number % len(self.styles)]
        with threadpool_limits(1, user_api="blas"):  # as in instant_run.py
            painted = self.painter.paint(picture.astype("float32") / 255, [style], strength=STRENGTH)
        return np.stack([picture, np.uint8(np.rint(255 * painted))])
