"""The styles that `impasto train-instant` shows: few paintings, made into many styles.

A network that is to paint in any style must see many. Each step's styles depend on the seed and on the
step alone, as its photographs do (`crops.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .colours import match_colours
from .crops import Folder, random_crop

# How often a style is what: itself the photograph (nothing to do, so the decoder learns to keep), a crop
# of another photograph, two paintings mixed; otherwise a crop of a painting.
SELF, PHOTOGRAPH, MIXED = 0.1, 0.25, 0.1
# How often its colours are changed: channels exchanged, or another picture's palette.
EXCHANGED, REPAINTED = 0.15, 0.2


@dataclass(frozen=True)
class StyleSource:
    """Where photographs and styles come from.

    Attributes:
        photographs: content, and style now and then.
        paintings: paintings, textures, anything with strokes.
    """

    photographs: Folder
    paintings: Folder

    def batch(self, count: int, side: int, seed: int, step: int) -> tuple[np.ndarray, np.ndarray]:
        """The photographs and the styles of one step.

        Args:
            count: pairs.
            side: of every crop, in pixels.
            seed, step: all that they depend on.

        Returns:
            Two arrays (count, side, side, 3) uint8.
        """
        random = np.random.default_rng((seed, step))
        contents = np.stack([self._crop(self.photographs, side, random) for _ in range(count)])
        styles = np.stack([self._style(content, side, random) for content in contents])
        return contents, styles

    def _style(self, content: np.ndarray, side: int, random: np.random.Generator) -> np.ndarray:
        kind = random.random()
        if kind < SELF:
            return content
        if kind < SELF + PHOTOGRAPH:
            style = self._crop(self.photographs, side, random)
        else:
            style = self._crop(self.paintings, side, random)
            if kind < SELF + PHOTOGRAPH + MIXED:
                share = random.uniform(0.3, 0.7)
                style = _bytes(share * style + (1 - share) * self._crop(self.paintings, side, random))
        if random.random() < 0.5:
            style = np.rot90(style)  # crops are mirrored already
        change = random.random()
        if change < EXCHANGED:
            style = style[..., random.permutation(3)]
        elif change < EXCHANGED + REPAINTED:
            other = self._crop(self.photographs, side, random)
            style = _bytes(255 * match_colours(style / np.float32(255), other / np.float32(255)))
        return style

    @staticmethod
    def _crop(folder: Folder, side: int, random: np.random.Generator) -> np.ndarray:
        return random_crop(folder.pictures[random.integers(len(folder.pictures))], side, random)


def _bytes(pixels: np.ndarray) -> np.ndarray:
    return np.clip(np.round(pixels), 0, 255).astype("uint8")
