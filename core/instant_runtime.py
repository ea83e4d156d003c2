"""What runs the networks of `instant.py`: ONNX Runtime (`instant_onnx.py`) or Keras (`instant_keras.py`).

The whole decoder takes all of `LEVELS`, the light one the first `LIGHT_LEVELS`; how many levels are given
says which is wanted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from impasto.models.instant import LEVELS

Seen = Any  # the levels of a picture, as a runtime holds them
Maps = Sequence[Sequence[tuple[np.ndarray, np.ndarray]]]
# The photograph's deepest level, and how much it counts; the light decoder has none.
Content = tuple[np.ndarray, float]


class Runtime(Protocol):
    """What runs the two networks; a level is the picture itself, or a layer of `LEVELS`."""

    def see(self, picture: np.ndarray, levels: int = len(LEVELS)) -> Seen:
        """What is seen of a picture (height, width, 3) of 0-1, whose sides are multiples of `STRIDE`.

        Args:
            picture: it.
            levels: `len(LEVELS)` or `LIGHT_LEVELS`.
        """

    def deepest(self, picture: np.ndarray) -> np.ndarray:
        """The deepest level of a picture alone, (1, height / STRIDE, width / STRIDE, channels)."""

    def sums(self, seen: Seen, weights: Sequence[np.ndarray]) -> Sequence[tuple[Any, np.ndarray, np.ndarray]]:
        """`weighted_sums` of each level; `weights` has an array for each."""

    def draw(
        self,
        seen: Seen,
        maps: Maps,
        regions: Sequence[np.ndarray] | None,
        content: Content | None,
        share: float,
    ) -> np.ndarray:
        """The picture (height, width, 3), each level changed by its maps, the deepest towards the content.

        With maps of all levels this is the whole decoder's, with those of fewer the light one's.
        """

    def descent(
        self, seen: Seen, maps: Maps, regions: Sequence[np.ndarray] | None, content: Content, share: float
    ) -> np.ndarray:
        """The losses' gradient by the picture (height, width, 3), times a negative number."""

    def let_go(self) -> None:
        """Gives back memory that is kept for further pictures."""
