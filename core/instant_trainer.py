"""The decoder between a frozen encoder and the quality recipe's objective: what `instant_training.py` trains.

The decoder learns to make small what the optimiser makes small: the Wasserstein-2 distance of means and
covariances at five layers, the content loss, total variation, with the weights of the recipe `quality`.
So no weight is new here but that of colours beyond black and white, which the optimiser simply cuts off.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from impasto.models.instant import LEVELS
from impasto.models.register import VGG_MINI

from .backend import Tensor
from .features import Extractor
from .recipes import QUALITY
from .transport import distance, moments, transported
from .variation import differences

STYLE_LAYERS = VGG_MINI.style_layers
CONTENT_LAYER = VGG_MINI.content_layers[0]
COLOURS_SHIFT = 1e-5  # a share of the colours' spectrum: three channels hold no noise to speak of
BEYOND = 1.0  # weight of squared values below 0 and above 1
PARTS = ("style", "content", "variation", "beyond")


class InstantTrainer(keras.Model):
    """From a batch of photographs and styles to the parts of the objective.

    Args:
        extractor: the bundled network with the quality recipe's layers.
        decoder: see `models/instant.py`.
    """

    def __init__(self, extractor: Extractor, decoder: keras.Model):
        super().__init__(name="instant_trainer")
        self.extractor, self.decoder = extractor, decoder
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
        count = pair[0].shape[0]
        both = ops.concatenate([ops.cast(picture, "float32") / 255 for picture in pair], axis=0)
        features = self._encoded(both)
        targets = {layer: moments(_rows(features[layer][count:])) for layer in STYLE_LAYERS}
        photographs, styles = both[:count], both[count:]
        moved = [_moved(photographs, moments(_rows(styles)), COLOURS_SHIFT)]
        moved += [_moved(features[layer][:count], targets[layer]) for layer in LEVELS]
        painted = ops.cast(self.decoder([ops.stop_gradient(x) for x in moved], training=training), "float32")
        seen = self._encoded(painted)
        style = sum(
            share * distance(_rows(seen[layer]), *targets[layer])
            for share, layer in zip(self.shares, STYLE_LAYERS, strict=True)
        )
        wanted = ops.cast(features[CONTENT_LAYER][:count], "float32")
        change = ops.cast(seen[CONTENT_LAYER], "float32") - wanted
        content = QUALITY.content_weight * _energy(change) / (_energy(wanted) + 1e-8)
        size = float(np.prod(painted.shape[1:]))
        variation = QUALITY.tv_weight * sum(map(_energy, differences(painted))) / size
        beyond = BEYOND * _energy(painted - ops.clip(painted, 0, 1)) / size
        return ops.stack([style, content, variation, beyond], axis=1), painted

    def _encoded(self, pictures: Tensor) -> dict[str, Tensor]:
        return self.extractor(pictures)


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
