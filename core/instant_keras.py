"""The one-pass networks in Keras, on whichever device its backend uses; see `instant.py`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from impasto.models.instant import LEVELS, load_instant

from .backend import Tensor, Tree, compile_function, to_numpy, to_tensor
from .features import Extractor
from .instant import Maps
from .instant_maps import moved, weighted_sums
from .ways import in_way


class KerasRuntime:
    """The encoder and the decoder, compiled.

    Args:
        extractor: the bundled network, cut above the deepest level.
        decoder: see `models/instant.py`.
    """

    def __init__(self, extractor: Extractor, decoder: keras.Model):
        self.extractor, self.decoder = extractor, decoder
        self._see = compile_function(self._levels)
        self._sum = compile_function(self._level_sums)
        self._draw = compile_function(self._decoded)

    @classmethod
    def load(cls, way: str = "direct", weights: Path | None = None) -> KerasRuntime:
        """The trained networks; arguments and errors as `instant_painter`."""
        extractor = Extractor("vgg_mini", LEVELS, first_padding="replicate")
        return cls(extractor.in_way(way), in_way(load_instant(weights), way))

    def see(self, picture: np.ndarray) -> Tree:
        """As `Runtime.see`; the levels stay on the device."""
        return self._see(to_tensor(picture[None]))

    def sums(self, seen: Tree, weights: Sequence[np.ndarray]) -> list[tuple[Any, np.ndarray, np.ndarray]]:
        """As `Runtime.sums`."""
        levels = self._sum(seen, [to_tensor(own) for own in weights])
        return [(float(total), to_numpy(mean), to_numpy(centred)) for total, mean, centred in levels]

    def draw(self, seen: Tree, maps: Maps, regions: Sequence[np.ndarray] | None) -> np.ndarray:
        """As `Runtime.draw`."""
        tensors = [[tuple(map(to_tensor, one)) for one in level] for level in maps]
        where = [] if regions is None else [to_tensor(own) for own in regions]
        return to_numpy(self._draw(seen, tensors, where))[0]

    # ------------------------------------------------------------ compiled

    def _levels(self, picture: Tensor) -> list[Tensor]:
        features = self.extractor(picture)
        return [picture, *(ops.cast(features[layer], picture.dtype) for layer in LEVELS)]

    def _level_sums(self, levels: Tree, weights: Tree) -> Tree:
        return [weighted_sums(level, own, ops) for level, own in zip(levels, weights, strict=True)]

    def _decoded(self, levels: Tree, maps: Tree, regions: Tree) -> Tensor:
        every = regions or [None] * len(levels)
        parts = zip(levels, maps, every, strict=True)
        return self.decoder([moved(level, own, where, ops) for level, own, where in parts], training=False)
