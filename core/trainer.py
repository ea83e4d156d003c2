"""What a training makes small: a painter, the loss network behind it, and each picture's losses.

The losses are the engine's own (`losses.py`, `variation.py`), each taken picture by picture: statistics
of a batch as a whole would let one picture make up for another.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from impasto.models.weights import choose

from .assemble import Workbench, workbench
from .backend import to_tensor
from .features import Extractor
from .losses import Loss
from .objective import ImageLoss, targets_from
from .recipes import Settings
from .recomputed import InParts, Recomputed
from .styles import Style

TAUGHT = "taught"  # in a batch: paintings (batch, height, width, 3) of 0–255 to imitate; see `teacher.py`
LARGE = 100.0  # their squared distance is multiplied by it, lest slopes vanish in 16 bits
CELL = 16  # pixels: imitation beside the losses compares means of features in squares of this side

# A photograph whose values deviate by less teaches nothing: of one colour, each normalisation on the way
# back multiplies the gradient by up to 300, and twelve of them leave no number.
PLAIN = 0.01

# Weight of squared values below 0 and above 1. Under `TrainSettings.skip` the network may leave that range,
# which a picture cannot: the losses see it cut off, as it will be, and this brings back what has no gradient.
BEYOND = 10.0


class PictureLosses:
    """Content, style and variation of painted pictures, under one network and for several styles.

    Args:
        settings: the losses, in the words of a painting's settings.
        styles: whose statistics are the targets.
        style_side: longest side of the paintings, in pixels.
        content: whether pictures are compared with photographs.
        recompute, imitation: see `TrainSettings`.

    Attributes:
        names: the losses' names, content first, then style, then variation, then imitation where it counts.
        weights: a weight for each, in that order.
        kinds: `"content"`, `"style"`, `"variation"` or `"imitation"` for each.
    """

    def __init__(
        self,
        settings: Settings,
        styles: list[Style],
        style_side: int,
        content: bool,
        recompute: bool = False,
        imitation: float = 0.0,
    ):
        bench: Workbench = workbench(settings, content=content, style=True)
        self.network, self.model = bench.extractor.name, bench.extractor.model
        self.extractor = Recomputed(bench.extractor) if recompute else bench.extractor
        self.content, self.style = bench.content_losses, bench.style_losses
        self.variation = bench.objective.image_losses
        everything: list[Loss | ImageLoss] = [*self.content, *self.style, *self.variation]
        self.names = [loss.name for loss in everything]
        self.weights = [float(bench.objective.weights[name]) for name in self.names]
        self.kinds = ["content"] * len(self.content) + ["style"] * len(self.style)
        self.kinds += ["variation"] * len(self.variation)
        if imitation:
            self.names, self.kinds = [*self.names, "imitation"], [*self.kinds, "imitation"]
            self.weights.append(imitation)
        # The photograph itself need not go as deep as the style's layers do.
        self.photograph = (
            Extractor(
                self.network,
                [loss.layer for loss in self.content],
                pooling=settings.pooling,
                first_padding=settings.first_padding,
                weights=settings.weights,
            )
            if content
            else None
        )
        each = [self._targets(bench, style.at(style_side)) for style in styles]
        self.targets = keras.tree.map_structure(lambda *leaves: np.stack(leaves), *each)

    def _targets(self, bench: Workbench, pixels: np.ndarray) -> dict[str, Any]:
        features = bench.features(to_tensor(pixels[None]))
        prepared = {
            name: loss.prepare(target)
            for loss in self.style
            for name, target in targets_from([loss], features).items()
        }
        return keras.tree.map_structure(
            lambda leaf: np.asarray(ops.convert_to_numpy(leaf), "float32"), prepared
        )

    def __call__(self, painted: Any, photographs: Any, styles: Any, taught: Any = None) -> Any:
        """Each picture's losses, without the weights.

        Args:
            painted: (batch, height, width, 3), 0–1; the batch's size is known.
            photographs: of the same shape; anything where there is no content.
            styles: (batch, styles), one 1 in each row.
            taught: paintings to imitate, of the pictures' shape, where imitation counts.

        Returns:
            (batch, losses), in the order of `names`.
        """
        features = self.extractor(painted)
        losses = self._of_each(features, painted, photographs, styles)
        if "imitation" not in self.kinds:
            return losses
        return ops.concatenate([losses, self._unlike(features, taught)], axis=1)

    def _of_each(self, features: Any, painted: Any, photographs: Any, styles: Any) -> Any:
        """All losses but imitation."""
        wanted = {} if self.photograph is None else self.photograph(photographs)
        if keras.backend.backend() == "jax":  # traced once, where the others trace each picture anew
            return ops.vectorized_map(lambda one: self._of_one(*one), (features, wanted, painted, styles))
        each = [
            self._of_one(*keras.tree.map_structure(lambda x, i=i: x[i], (features, wanted, painted, styles)))
            for i in range(painted.shape[0])
        ]
        return ops.stack(each)

    def _unlike(self, features: Any, taught: Any) -> Any:
        """How far pictures are from paintings, (batch, 1): by what is seen in each place, not where it lies.

        Strokes that lie elsewhere than the teacher's are as good: of each style layer the means in squares of
        `CELL` pixels are compared, as a share of the painting's; the mean over layers.
        """
        wanted, shares = self.extractor(taught), []
        for layer in [loss.layer for loss in self.style]:
            side = CELL * features[layer].shape[1] // taught.shape[1]
            own, aim = (
                ops.average_pool(ops.cast(x[layer], "float32"), side, side, data_format="channels_last")
                for x in (features, wanted)
            )
            aim = ops.stop_gradient(aim)
            apart = ops.sum(ops.square(own - aim), axis=(1, 2, 3))
            shares.append(apart / (ops.sum(ops.square(aim), axis=(1, 2, 3)) + 1e-8))
        return ops.mean(ops.stack(shares), axis=0)[:, None]

    def _of_one(self, features: Any, wanted: Any, painted: Any, style: Any) -> Any:
        """The losses (losses,) of one picture; arguments as a batch's, without its axis."""
        own = {layer: x[None] for layer, x in features.items()}
        parts = [
            loss(own, ops.stop_gradient(ops.cast(wanted[loss.layer][None], "float32")))
            for loss in self.content
        ]
        for loss in self.style:
            target = keras.tree.map_structure(lambda x: _of_style(x, style), self.targets[loss.name])
            parts.append(loss(own, target))
        parts += [loss(painted[None]) for loss in self.variation]
        return ops.stack([ops.cast(part, "float32") for part in parts])


def _of_style(stacked: np.ndarray, style: Any) -> Any:
    """One style's target of several (styles, ...), the style as a row (styles,) with one 1."""
    flat = ops.convert_to_tensor(stacked.reshape(len(stacked), -1))
    return ops.reshape(ops.matmul(ops.cast(style, "float32")[None], flat), stacked.shape[1:])


class Trainer(keras.Model):
    """A painter with its losses: from a batch to each picture's loss.

    Args:
        painter: the network to train.
        losses: what it is trained by; frozen.
        rooted: whether of each style layer's loss the root is taken; see `TrainSettings.style_root`.
        recompute: see there too.
    """

    def __init__(self, painter: keras.Model, losses: PictureLosses, rooted: bool, recompute: bool = False):
        super().__init__(name="trainer")
        self.painter, self.picture_losses = painter, losses
        self.paint = InParts(painter) if recompute else painter
        self.extractors = [losses.model, *([losses.photograph.model] if losses.photograph else [])]
        self.weights_of_parts = np.array(losses.weights, "float32")
        self.rooted = np.array([rooted and kind == "style" for kind in losses.kinds])

    def call(self, batch: dict[str, Any]) -> Any:
        """From the painter's inputs by name (pictures as 0–255), and `TAUGHT` or not, to (batch, 1)."""
        batch = dict(batch)
        if "picture" in batch:
            batch["picture"] = ops.cast(batch["picture"], "float32") / 255
        painted = self.paint([batch[tensor.name] for tensor in self.painter.inputs])
        taught = ops.cast(batch[TAUGHT], "float32") / 255 if TAUGHT in batch else None
        if taught is not None and "imitation" not in self.picture_losses.kinds:
            return LARGE * ops.mean(ops.square(painted - taught), axis=(1, 2, 3))[:, None]
        within = ops.clip(painted, 0, 1)
        beyond = ops.mean(ops.square(painted - within), axis=(1, 2, 3))[:, None]
        parts = self.picture_losses(within, batch.get("picture"), batch["style"], taught)
        if self.rooted.any():  # 1e-4 keeps the slope finite where a loss is nothing, or by rounding less
            rooted = ops.sqrt(ops.maximum(parts, 0.0) + 1e-4)
            parts = ops.where(ops.convert_to_tensor(self.rooted), rooted, parts)
        weights = ops.convert_to_tensor(self.weights_of_parts)
        total = ops.sum(parts * weights, axis=-1, keepdims=True) + BEYOND * beyond
        if "picture" in batch:
            deviation = ops.max(ops.std(batch["picture"], axis=(1, 2)), axis=-1, keepdims=True)
            total = ops.where(deviation > PLAIN, total, ops.zeros_like(total))
        return total


def resolved(settings: Any) -> tuple[Any, str | None]:
    """The loss network that `auto` takes here, and the notice for the user."""
    network, _, notice = choose(settings.network, settings.weights)
    return network, notice
