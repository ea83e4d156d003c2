"""The one-pass networks in Keras, on whichever device its backend uses; see `instant.py`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from impasto.models.instant import GATES, LEVELS, LIGHT_LEVELS, gradient_model, load_instant

from .backend import Tensor, Tree, compile_function, free_memory, to_numpy, to_tensor
from .features import Extractor
from .instant_maps import changed, smoothing, weighted_sums
from .instant_runtime import Content, Maps
from .ways import in_way


class KerasRuntime:
    """The encoder and the decoders, compiled.

    Args:
        extractors: the bundled network with `LEVELS` and `GATES`, all and the first `LIGHT_LEVELS` of them.
        decoder, light: see `models/instant.py`.
        gradient: as `gradient_model` builds it.
    """

    def __init__(
        self,
        extractors: tuple[Extractor, Extractor],
        decoder: keras.Model,
        light: keras.Model,
        gradient: keras.Model,
    ):
        self.decoder, self.light, self.gradient = decoder, light, gradient
        self._see = {
            levels: compile_function(partial(self._levels, extractor, levels))
            for levels, extractor in zip((len(LEVELS), LIGHT_LEVELS), extractors, strict=True)
        }
        self._sum = compile_function(self._level_sums)
        self._draw = compile_function(self._painted)
        self._descend = compile_function(self._steepest)

    @classmethod
    def load(cls, way: str = "direct", weights: Path | None = None) -> KerasRuntime:
        """The trained networks; arguments and errors as `instant_painter`."""
        networks = load_instant(weights), load_instant(weights, light=True), gradient_model()
        whole, light = (one.in_way(way) for one in extractors())
        return cls((whole, light), *(in_way(network, way) for network in networks))

    def see(self, picture: np.ndarray, levels: int = len(LEVELS)) -> Tree:
        """As `Runtime.see`; the levels stay on the device."""
        return self._see[levels](to_tensor(picture[None]))

    def deepest(self, picture: np.ndarray) -> np.ndarray:
        """As `Runtime.deepest`."""
        return to_numpy(self.see(picture)[len(LEVELS)])

    def sums(self, seen: Tree, weights: Sequence[np.ndarray]) -> list[tuple[Any, np.ndarray, np.ndarray]]:
        """As `Runtime.sums`."""
        levels = self._sum(seen[: len(weights)], [to_tensor(own) for own in weights])
        return [(float(total), to_numpy(mean), to_numpy(centred)) for total, mean, centred in levels]

    def draw(
        self,
        seen: Tree,
        maps: Maps,
        regions: Sequence[np.ndarray] | None,
        content: Content | None,
        share: float,
    ) -> np.ndarray:
        """As `Runtime.draw`."""
        return to_numpy(self._draw(*_tensors(seen, maps, regions, content, share)))[0]

    def descent(
        self, seen: Tree, maps: Maps, regions: Sequence[np.ndarray] | None, content: Content, share: float
    ) -> np.ndarray:
        """As `Runtime.descent`."""
        return to_numpy(self._descend(*_tensors(seen, maps, regions, content, share)))[0].astype("float32")

    def let_go(self) -> None:
        """As `Runtime.let_go`."""
        free_memory()

    # ------------------------------------------------------------ compiled

    def _levels(self, extractor: Extractor, levels: int, picture: Tensor) -> list[Tensor]:
        features, layers = extractor(picture), (*LEVELS[:levels], *GATES[:levels])
        return [picture, *(ops.cast(features[layer], picture.dtype) for layer in layers)]

    def _level_sums(self, levels: Tree, weights: Tree) -> Tree:
        return [weighted_sums(level, own, ops) for level, own in zip(levels, weights, strict=True)]

    def _painted(self, *given: Tree) -> Tensor:
        decoder = self.decoder if len(given[1]) > LIGHT_LEVELS + 1 else self.light
        return decoder(self._wanted(*given), training=False)

    def _steepest(self, *given: Tree) -> Tensor:
        return self.gradient(self._wanted(*given), training=False)

    def _wanted(self, seen: Tree, maps: Tree, regions: Tree, content: Tree) -> list[Tensor]:
        """What both networks take."""
        picture, own, gates = seen[0], seen[1 : len(maps)], seen[len(maps) :]
        every = regions or [None] * len(maps)
        levels = zip([picture, *own], maps, every, strict=True)
        palette, *wanted = [changed(level, affine, where, ops) for level, affine, where in levels]
        share, *towards = content
        smooth = share * smoothing(picture, ops)
        if regions:
            smooth = smooth * ops.sum(regions[0], axis=-1, keepdims=True)
        if towards:
            target, weight = towards
            wanted[-1] = wanted[-1] + weight * (target - own[-1])
        return [picture, *gates, *own, smooth, palette, *wanted]


def extractors(weights: Path | None = None) -> tuple[Extractor, Extractor]:
    """The encoder of the whole decoder and of the light one; with the bundled weights, or a file's."""
    whole, light = (
        Extractor("instant_encoder", (*GATES[:n], *LEVELS[:n]), first_padding="replicate", weights=weights)
        for n in (len(LEVELS), LIGHT_LEVELS)
    )
    return whole, light


def _tensors(
    seen: Tree, maps: Maps, regions: Sequence[np.ndarray] | None, content: Content | None, share: float
) -> tuple[Tree, Tree, Tree, Tree]:
    tensors = [[tuple(map(to_tensor, one)) for one in level] for level in maps]
    where = [] if regions is None else [to_tensor(own) for own in regions]
    towards = [] if content is None else [to_tensor(content[0]), to_tensor(np.float32(content[1]))]
    return seen, tensors, where, [to_tensor(np.float32(share)), *towards]
