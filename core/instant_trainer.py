"""The decoder between a frozen encoder and the quality recipe's objective: what `instant_training.py` trains.

The decoder learns to make small what the optimiser makes small: the Wasserstein-2 distance of means and
covariances at five layers, the content loss, total variation, with the weights of the recipe `quality`.
So no weight is new here but that of colours beyond black and white, which the optimiser simply cuts off.

It is trained as it paints (`instant_scales.py`): some passes at half the size, then some at the full size.
Each pass learns to make the loss small from where the one before it ended.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from impasto.models.instant import GATES, LEVELS
from impasto.models.register import VGG_MINI

from .backend import Tensor
from .features import Extractor
from .instant_maps import CONTENT_WEIGHT, WEIGHTS, smoothing
from .instant_scales import DETAIL
from .recipes import QUALITY
from .transport import distance, moments, transported
from .variation import differences

STYLE_LAYERS = VGG_MINI.style_layers
CONTENT_LAYER = VGG_MINI.content_layers[0]
SEEN = tuple(dict.fromkeys((*GATES, *LEVELS, *STYLE_LAYERS)))  # what the extractor has to give
COLOURS_SHIFT = 1e-5  # a share of the colours' spectrum: three channels hold no noise to speak of
SKETCH = 0.5  # weight in training of the same loss at half the size: strokes of twice the size
MOST = 1.0  # a pair counts in training as if its loss were no more than this
BEYOND = 1.0  # weight of squared values below 0 and above 1
PARTS = ("style", "content", "variation", "beyond")


class InstantTrainer(keras.Model):
    """From a batch of photographs and styles to the parts of the objective.

    Args:
        extractor: the bundled network with the layers `SEEN`.
        decoder: see `models/instant.py`.
        coarse: passes at half the size.
        fine: passes at the full size after them.
    """

    def __init__(self, extractor: Extractor, decoder: keras.Model, coarse: int = 1, fine: int = 2):
        super().__init__(name="instant_trainer")
        self.extractor, self.decoder = extractor, decoder
        self.coarse, self.fine = coarse, fine
        self.extractor.model.trainable = False
        shares = np.array(QUALITY.style_layer_weights or [1.0] * len(STYLE_LAYERS))
        self.shares = QUALITY.style_weight * shares / shares.sum()

    def call(self, pair: tuple[Tensor, Tensor], training: bool = False) -> Tensor:
        """The weighted parts of each pair's loss, (pairs, parts), in the order of `PARTS`."""
        return self.parts_and_pictures(pair, training)[0]

    def parts_and_pictures(
        self, pair: tuple[Tensor, Tensor], training: bool = False
    ) -> tuple[Tensor, Tensor]:
        """The parts, and the painted pictures (pairs, side, side, 3)."""
        photographs, styles = (ops.cast(picture, "float32") / 255 for picture in pair)
        start = photographs
        parts: list[Tensor] = []
        if self.coarse:
            small = [ops.average_pool(x, 2, 2, data_format="channels_last") for x in (photographs, styles)]
            sketch, parts = self._passes(small[0], small[1], small[0], self.coarse)
            detail = photographs - _enlarged(small[0])
            start = ops.clip(_enlarged(sketch) + DETAIL * detail, 0, 1)
            parts = [SKETCH * part for part in parts]
        painted, more = self._passes(photographs, styles, start, self.fine)
        if not training:
            return more[-1], painted
        total = sum([*parts, *more]) / self.fine
        # A crop of almost one colour is hundreds of times as far from a style as others are.
        return total / ops.maximum(ops.stop_gradient(ops.sum(total, axis=1, keepdims=True)), MOST), painted

    def _passes(
        self, photographs: Tensor, styles: Tensor, start: Tensor, passes: int
    ) -> tuple[Tensor, list[Tensor]]:
        """The picture after some passes, and the objective's parts after each."""
        features, targets, palette = self._aims(photographs, styles)
        seen, picture, parts = features if start is photographs else self.extractor(start), start, []
        for _ in range(passes):
            picture = ops.clip(ops.stop_gradient(picture), 0, 1)
            picture = self._painted(picture, seen, features, targets, palette)
            seen = self.extractor(picture)
            parts.append(self._parts(picture, seen, features, targets))
        return picture, parts

    def _parts(self, painted: Tensor, seen: Any, features: Any, targets: Any) -> Tensor:
        """What the quality recipe's objective says of pictures."""
        style = sum(
            share * distance(_rows(seen[layer]), *targets[layer])
            for share, layer in zip(self.shares, STYLE_LAYERS, strict=True)
        )
        wanted = ops.cast(features[CONTENT_LAYER], "float32")
        change = ops.cast(seen[CONTENT_LAYER], "float32") - wanted
        content = QUALITY.content_weight * _energy(change) / (_energy(wanted) + 1e-8)
        size = float(np.prod(painted.shape[1:]))
        variation = QUALITY.tv_weight * sum(map(_energy, differences(painted))) / size
        beyond = BEYOND * _energy(painted - ops.clip(painted, 0, 1)) / size
        return ops.stack([style, content, variation, beyond], axis=1)

    def _aims(self, photographs: Tensor, styles: Tensor) -> tuple[Any, Any, Any]:
        """The photographs' features, the styles' statistics at each layer, those of their colours."""
        count = photographs.shape[0]
        features = self.extractor(ops.concatenate([photographs, styles], axis=0))
        targets = {layer: moments(_rows(features[layer][count:])) for layer in STYLE_LAYERS}
        own = {layer: value[:count] for layer, value in features.items()}
        return own, targets, moments(_rows(styles))

    def _painted(self, picture: Tensor, seen: Any, features: Any, targets: Any, palette: Any) -> Tensor:
        """One pass: what `InstantPainter` does, for a batch."""
        wanted = ops.cast(features[LEVELS[-1]], "float32")
        changes = [smoothing(picture, ops), _moved(picture, palette, COLOURS_SHIFT) - picture]
        for layer, weight in zip(LEVELS, WEIGHTS, strict=True):
            now = ops.cast(seen[layer], "float32")
            mean, covariance = targets[layer]
            energy = ops.sum(mean**2, axis=(1, 2)) + ops.trace(covariance, axis1=-2, axis2=-1)
            changes.append(_each(weight / (energy + 1e-8)) * (_moved(now, targets[layer]) - now))
        energy = _energy(wanted) / float(np.prod(wanted.shape[1:3]))
        changes[-1] = changes[-1] + _each(CONTENT_WEIGHT / (energy + 1e-8)) * (wanted - now)
        inputs = [*(seen[layer] for layer in (*GATES, *LEVELS)), *changes]
        return self.decoder([picture, *map(ops.stop_gradient, inputs)])


def _each(numbers: Tensor) -> Tensor:
    return ops.reshape(numbers, (-1, 1, 1, 1))


def _enlarged(small: Tensor) -> Tensor:
    height, width = small.shape[1:3]
    return ops.image.resize(
        small, (2 * height, 2 * width), interpolation="bilinear", data_format="channels_last"
    )


def _rows(features: Tensor) -> Tensor:
    """(pictures, height, width, channels) to (pictures, positions, channels), in full precision."""
    count, height, width, channels = features.shape
    return ops.reshape(ops.cast(features, "float32"), (count, height * width, channels))


def _moved(features: Tensor, target: tuple[Tensor, Tensor], shift: float | None = None) -> Tensor:
    """Features with the target's statistics."""
    rows = _rows(features)
    centred = rows - ops.mean(rows, axis=1, keepdims=True)
    options: dict[str, Any] = {} if shift is None else {"shift": shift}
    return ops.reshape(transported(centred, target[1], **options)[0] + target[0], features.shape)


def _energy(x: Tensor) -> Tensor:
    return ops.sum(ops.square(x), axis=(1, 2, 3))
