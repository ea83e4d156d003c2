"""A trained one-pass network as something that paints: pictures in, pictures out, any size.

painter = Painter.load("thirteen")
painter.paint(load_picture("photo.jpg"), painter.weights(["starry_night", "udnie"], [3, 1]))
Painter.load("wave").texture(512, 512, seed=1, tile=True)
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from impasto.models.generator import noise_sides
from impasto.models.painters import PainterFacts, build_painter, find_painter, read_painter
from impasto.models.register import did_you_mean

from .backend import compile_function, to_numpy, to_tensor
from .errors import UsageError
from .images import Picture
from .shares import blend_weights

if TYPE_CHECKING:
    import keras

LEAST = 16  # the least side that the networks take, in pixels


class Painter:
    """A network with the facts of its file.

    Args:
        facts: what it is.
        model: the network, of `impasto.models.painters.build_painter`.
    """

    def __init__(self, facts: PainterFacts, model: keras.Model):
        self.facts, self.model = facts, model

    @classmethod
    def load(cls, name: str | os.PathLike[str], padding: str | None = None) -> Painter:
        """Loads a bundled network or a file.

        Args:
            name: a bundled network's name, or a path.
            padding: `"reflect"` or `"circular"`, by default the architecture's own.

        Raises:
            UsageError: there is neither.
            WeightsError: the file is damaged or no network's.
        """
        facts, arrays = read_painter(find_painter(name))
        return cls(facts, build_painter(facts, arrays, padding))

    @cached_property
    def _run(self) -> Any:
        return compile_function(lambda *inputs: self.model(list(inputs), training=False))

    def weights(self, names: Sequence[str] = (), blend: Sequence[float] | None = None) -> np.ndarray:
        """The weight of each of the network's styles: (styles,), summing to 1.

        Args:
            names: styles to paint in; none is the network's only one.
            blend: a weight for each of them; None is equal ones.

        Raises:
            UsageError: there is no such style, or weights and styles do not go together.
        """
        own = self.facts.styles
        if not names and len(own) > 1:
            raise UsageError(f"Say which style: --style {' or '.join(own)}. Received: none")
        names = list(names) or [own[0]]
        for name in names:
            if name not in own:
                raise UsageError(
                    f"The network has no such style.{did_you_mean(name, own)} Expected one of "
                    f"{', '.join(own)}. Received: {name}"
                )
        weights = np.zeros(len(own), "float32")
        for name, share in zip(names, blend_weights(len(names), blend), strict=True):
            weights[own.index(name)] += share
        return weights

    def paint(self, picture: Picture, weights: np.ndarray, seed: int = 0) -> Picture:
        """Paints a picture at its own size; transparency and depth stay.

        Args:
            picture: to paint.
            weights: of the styles, as `weights` gives them.
            seed: of the noise that a generator takes.

        Raises:
            UsageError: the network makes textures.
        """
        if not self.facts.takes_picture:
            raise UsageError(
                f"The network makes textures and takes no photograph; use `impasto texture`. "
                f"Received: {self.facts.title or ', '.join(self.facts.styles)}"
            )
        return picture.with_pixels(self.paint_pixels(picture.pixels[None], weights, seed)[0])

    def paint_pixels(self, pictures: np.ndarray, weights: np.ndarray, seed: int = 0) -> np.ndarray:
        """Paints pictures (batch, height, width, 3) of 0–1 of any size, in a style or a blend."""
        _, height, width, _ = pictures.shape
        padded = _enlarged(pictures.astype("float32"), self.facts.multiple)
        return self._paint(padded, padded.shape[1:3], len(padded), weights, seed)[:, :height, :width]

    def texture(
        self, height: int, width: int, weights: np.ndarray | None = None, seed: int = 0, tile: bool = False
    ) -> np.ndarray:
        """Makes a texture (height, width, 3) of 0–1 from noise.

        Args:
            height, width: in pixels; for one that tiles, multiples of the network's `multiple`.
            weights: of the styles; the network's only one by default.
            seed: of the noise.
            tile: whether its borders fit each other.

        Raises:
            UsageError: the network paints photographs, or the size cannot tile.
        """
        if self.facts.takes_picture:
            raise UsageError(
                f"The network paints photographs; use `impasto apply`. "
                f"Received: {', '.join(self.facts.styles)}"
            )
        multiple = self.facts.multiple
        least = max(LEAST, 2 * multiple)
        if tile and (height % multiple or width % multiple or min(height, width) < least):
            raise UsageError(
                f"A texture that tiles has sides that are multiples of {multiple}, {least} or more. "
                f"Received: {width}×{height}"
            )
        size = [max(-(-side // multiple) * multiple, least) for side in (height, width)]
        weights = self.weights() if weights is None else weights
        return self._paint(None, (size[0], size[1]), 1, weights, seed)[0, :height, :width]

    def example(self, height: int, width: int) -> dict[str, np.ndarray]:
        """An input of each kind by name, for a picture of that size: a grey ramp in the first style."""
        ramp = np.linspace(0, 1, height * width * 3, dtype="float32").reshape(1, height, width, 3)
        return self._inputs(ramp, (height, width), 1, np.eye(len(self.facts.styles), dtype="float32")[0], 0)

    def _paint(
        self, pictures: np.ndarray | None, size: Sequence[int], count: int, weights: np.ndarray, seed: int
    ) -> np.ndarray:
        inputs = self._inputs(pictures, size, count, weights, seed)
        arrays = [inputs[tensor.name] for tensor in self.model.inputs]
        return np.clip(to_numpy(self._run(*map(to_tensor, arrays))).astype("float32"), 0, 1)

    def _inputs(
        self, pictures: np.ndarray | None, size: Sequence[int], count: int, weights: np.ndarray, seed: int
    ) -> dict[str, np.ndarray]:
        inputs = {"style": np.repeat(weights[None].astype("float32"), count, axis=0)}
        if pictures is not None and self.facts.takes_picture:
            inputs["picture"] = pictures
        if self.facts.architecture == "generator":
            height, width = size
            random = np.random.default_rng(seed)
            inputs |= noises(random, count, height, width, self.facts.options["scales"])
        return inputs


def noises(
    random: np.random.Generator, count: int, height: int, width: int, scales: int
) -> dict[str, np.ndarray]:
    """A generator's noise by input, uniform on 0–1 (Ulyanov et al. 2016, section 4.2)."""
    return {
        f"noise{i}": random.random((count, *sides, 3), "float32")
        for i, sides in enumerate(noise_sides(height, width, scales))
    }


def _enlarged(pictures: np.ndarray, multiple: int) -> np.ndarray:
    """Reflects pictures beyond their lower and right borders until the network can take them."""
    widths = [(0, 0)]
    for side in pictures.shape[1:3]:
        wanted = max(-(-side // multiple) * multiple, LEAST, 2 * multiple)
        widths.append((0, wanted - side))
    # NumPy reflects as often as need be; a single row or column has nothing to reflect.
    mode: Any = "symmetric" if min(pictures.shape[1:3]) == 1 else "reflect"
    return np.pad(pictures, [*widths, (0, 0)], mode)
