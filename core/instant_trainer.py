"""The decoders between a frozen encoder and the losses of a network that judges, for `instant_training.py`.

They learn to make small what the optimiser makes small by the recipe `quality`: Gram matrices as shares of
the style's, content as a share of the photograph's, total variation, with that recipe's weights. The judge is
best VGG-16 itself, whose weights are needed in training only. So no weight is new here but that of colours
beyond black and white, which the optimiser simply cuts off.

They are trained as they paint (`instant.py`): first strokes and a pass at half the size, then passes at the
full size, of the whole decoder and, from the same start, one of the light one, which paints there. Each pass
learns to make the loss small from where the one before it ended.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from impasto.models.instant import GATES, LEVELS, LIGHT_LEVELS
from impasto.models.register import find_network

from .backend import Tensor
from .features import Extractor
from .instant_maps import (
    CONTENT_WEIGHT,
    SHIFT,
    WEIGHTS,
    smoothing,
)
from .instant_scales import DETAIL
from .instant_strokes import BETA_1, BETA_2, EPSILON, LEARNING_RATE, STEPS
from .recipes import QUALITY
from .transport import moments, root, transported
from .variation import differences

SEEN = tuple(dict.fromkeys((*GATES, *LEVELS)))  # what the extractor has to give
COLOURS_SHIFT = 1e-5  # a share of the colours' spectrum: three channels hold no noise to speak of
SKETCH = 0.5  # weight in training of the same loss at half the size: strokes of twice the size
MOST = 2.0  # a pair counts in training as if its loss, of two passes and a half, were no more than this
BEYOND = 1.0  # weight of squared values below 0 and above 1
TINY = 1e-8
PARTS = ("style", "content", "variation", "beyond")


class InstantTrainer(keras.Model):
    """From a batch of photographs and styles to the parts of the objective.

    Args:
        extractor: the encoder with the layers `SEEN`.
        judge: the network whose losses are made small, with its layers of style and content.
        decoder: see `models/instant.py`.
        light: the light decoder.
        descent: as `gradient_model` builds it, which makes first strokes.
        coarse: passes at half the size.
        fine: passes of the whole decoder at the full size after them, for practice.
    """

    def __init__(
        self,
        extractor: Extractor,
        judge: Extractor,
        decoder: keras.Model,
        light: keras.Model,
        descent: keras.Model,
        coarse: int = 1,
        fine: int = 1,
    ):
        super().__init__(name="instant_trainer")
        self.extractor, self.judge = extractor, judge
        self.decoder, self.light, self.descent = decoder, light, descent
        network = find_network(judge.name)
        self.style_layers, self.content_layer = network.style_layers, network.content_layers[0]
        self.coarse, self.fine = coarse, fine
        self.extractor.model.trainable = self.judge.model.trainable = False

    def call(self, pair: tuple[Tensor, Tensor], training: bool = False) -> Tensor:
        """The weighted parts of each pair's loss, (pairs, parts), in the order of `PARTS`.

        In training they are summed over all passes; otherwise they are those of the light decoder's pass.
        """
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
            aims = self._aims(*small)
            sketch = self._strokes(small[0], aims)
            for _ in range(self.coarse):
                sketch, more = self._pass(self.decoder, sketch, aims)
                parts.append(SKETCH * more)
            detail = photographs - _enlarged(small[0])
            start = ops.clip(_enlarged(sketch) + DETAIL * detail, 0, 1)
        aims = self._aims(photographs, styles)
        picture, last = self._pass(self.light, start, aims, LIGHT_LEVELS)
        if not training:
            return last, picture
        parts.append(last)
        whole = start
        for _ in range(self.fine):
            whole, last = self._pass(self.decoder, whole, aims)
            parts.append(last / self.fine)
        total = sum(parts)
        # A crop of almost one colour is hundreds of times as far from a style as others are.
        return total / ops.maximum(ops.stop_gradient(ops.sum(total, axis=1, keepdims=True)), MOST), picture

    def _strokes(self, photographs: Tensor, aims: Any) -> Tensor:
        """First strokes, `instant_strokes.py`, for a batch."""
        picture = ops.clip(_moved(photographs, aims[2], COLOURS_SHIFT), 0, 1)
        first = second = ops.zeros_like(picture)
        for step in range(1, STEPS + 1):
            towards = ops.cast(self.descent(self._inputs(picture, aims, len(LEVELS))), "float32")
            first = BETA_1 * first + (1 - BETA_1) * towards
            second = BETA_2 * second + (1 - BETA_2) * ops.square(towards)
            even = ops.sqrt(second / (1 - BETA_2**step)) + EPSILON
            change = LEARNING_RATE * (first / (1 - BETA_1**step)) / even
            picture = ops.stop_gradient(ops.clip(picture + change, 0, 1))
        return picture

    def _pass(
        self, decoder: keras.Model, picture: Tensor, aims: Any, levels: int = len(LEVELS)
    ) -> tuple[Tensor, Tensor]:
        """One pass of a decoder of so many levels, and its parts."""
        picture = ops.clip(ops.stop_gradient(picture), 0, 1)
        picture = decoder(self._inputs(picture, aims, levels))
        return picture, self._parts(picture, aims)

    def _parts(self, painted: Tensor, aims: Any) -> Tensor:
        """What the quality recipe's objective says of pictures, under the judge."""
        wanted, grams = aims[3]
        seen = self.judge(painted)
        style = sum(_energy(gram(seen[layer]) - own) / (_energy(own) + TINY) for layer, own in grams.items())
        style = QUALITY.style_weight * style / len(grams)
        change = ops.cast(seen[self.content_layer], "float32") - wanted
        content = QUALITY.content_weight * _energy(change) / (_energy(wanted) + TINY)
        size = float(np.prod(painted.shape[1:]))
        variation = QUALITY.tv_weight * sum(map(_energy, differences(painted))) / size
        beyond = BEYOND * _energy(painted - ops.clip(painted, 0, 1)) / size
        return ops.stack([style, content, variation, beyond], axis=1)

    def _aims(self, photographs: Tensor, styles: Tensor) -> tuple[Any, Any, Any, Any]:
        """Photographs' features, styles' statistics at each level, those of their colours, and targets.

        Statistics are means, covariances, and these' roots; targets the judge's content and Gram matrices.
        """
        count = photographs.shape[0]
        both = ops.concatenate([photographs, styles], axis=0)
        features, judged = self.extractor(both), self.judge(both)
        targets = {layer: _statistics(_rows(features[layer][count:])) for layer in LEVELS}
        own = {layer: value[:count] for layer, value in features.items()}
        grams = {layer: gram(judged[layer][count:]) for layer in self.style_layers}
        wanted = ops.cast(judged[self.content_layer][:count], "float32")
        return own, targets, _statistics(_rows(styles)), (wanted, grams)

    def _inputs(self, picture: Tensor, aims: Any, levels: int) -> list[Tensor]:
        """What a decoder of so many levels takes: what `InstantPainter` gives it, for a batch."""
        features, targets, palette, _ = aims
        seen = self.extractor(picture)
        changes = [smoothing(picture, ops), _moved(picture, palette, COLOURS_SHIFT) - picture]
        for layer, weight in zip(LEVELS[:levels], WEIGHTS, strict=False):
            now = ops.cast(seen[layer], "float32")
            mean, covariance, _ = targets[layer]
            energy = ops.sum(mean**2, axis=(1, 2)) + ops.trace(covariance, axis1=-2, axis2=-1)
            changes.append(_each(weight / (energy + 1e-8)) * (_moved(now, targets[layer]) - now))
        if levels == len(LEVELS):
            wanted = ops.cast(features[LEVELS[-1]], "float32")
            energy = _energy(wanted) / float(np.prod(wanted.shape[1:3]))
            changes[-1] = changes[-1] + _each(CONTENT_WEIGHT / (energy + 1e-8)) * (wanted - now)
        inputs = [*(seen[layer] for layer in (*GATES[:levels], *LEVELS[:levels])), *changes]
        return [picture, *map(ops.stop_gradient, inputs)]


def gram(features: Tensor) -> Tensor:
    """Gram matrices divided by positions, (pictures, channels, channels, 1), in full precision."""
    rows = _rows(features)
    products = ops.matmul(ops.transpose(rows, (0, 2, 1)), rows)
    return products[..., None] / rows.shape[1]


def _statistics(rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    mean, covariance = moments(rows)
    return mean, covariance, root(covariance)


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


def _moved(features: Tensor, target: tuple[Tensor, Tensor, Tensor], shift: float = SHIFT) -> Tensor:
    """Features with the target's statistics."""
    rows = _rows(features)
    centred = rows - ops.mean(rows, axis=1, keepdims=True)
    mean, covariance, rooted = target
    return ops.reshape(transported(centred, covariance, shift, rooted)[0] + mean, features.shape)


def _energy(x: Tensor) -> Tensor:
    return ops.sum(ops.square(x), axis=(1, 2, 3))
