"""What `--method instant` paints of a training's crops: a network learns from it before the losses judge.

Under the losses of style and content alone a network for many styles first learns what all of them have in
common, an orange veil, say, or grey, and leaves that slowly. A painting to imitate has no such traps: each
style's colours, and the subjects, are there after some hundred steps. The losses then have strokes to teach.
"""

from __future__ import annotations

import numpy as np

from .instant import instant_painter
from .styles import Style

STRENGTH = 1.0  # painted twice: nearer to the style than one painting is, and the losses take it from there


class Teacher:
    """Paints crops in some styles.

    Args:
        styles: in the order of the network's.
        side: longest side of their pictures, in pixels.
    """

    def __init__(self, styles: list[Style], side: int):
        self.painter, self.paintings = instant_painter(), [style.at(side) for style in styles]

    def __call__(self, pictures: np.ndarray, styles: np.ndarray) -> np.ndarray:
        """The paintings.

        Args:
            pictures: (batch, height, width, 3) uint8.
            styles: (batch, styles), one 1 in each row.

        Returns:
            (batch, height, width, 3) float32, 0-1.
        """
        pixels = pictures.astype("float32") / 255
        chosen = styles.argmax(axis=1)
        return np.stack(
            [
                self.painter.paint(picture, [self.paintings[number]], strength=STRENGTH)
                for picture, number in zip(pixels, chosen, strict=True)
            ]
        )
