"""What an optimiser makes small: a network, losses on its features, losses on the picture itself."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import keras
import numpy as np

from .backend import Tensor, Tree, compile_value_and_grad, dtype_of, to_tensor
from .losses import Features, Loss, blend

__all__ = ["Extractor", "ImageLoss", "Objective", "blend", "targets_from"]


class Extractor(Protocol):
    """Gives a picture's features by layer name."""

    @property
    def layers(self) -> Sequence[str]:
        """The layers whose features it gives."""

    def __call__(self, image: Tensor) -> Features:
        """Features (1, height, width, channels) by layer, of a picture (1, height, width, 3) of 0-1."""


class ImageLoss(Protocol):
    """A loss on the picture itself, such as `TotalVariation`."""

    name: str
    weight: float

    def __call__(self, image: Tensor) -> Tensor:
        """The loss of a picture (1, height, width, 3) of 0-1: a scalar."""


def targets_from(losses: Sequence[Loss], features: Features) -> dict[str, Tree]:
    """The targets of several losses from one picture's features, by loss name; blendable."""
    return {loss.name: loss.target(features) for loss in losses}


class Objective:
    """The weighted sum of losses, compiled with its gradient by the picture.

    Targets and weights are arguments of what is compiled, so new ones (another scale, style or
    strength) cost no new compilation.

    >>> objective = Objective(extractor, [ContentLoss("relu4_2", 5.0), GramLoss("relu1_1", 100.0)])
    >>> objective.targets = targets_from(objective.losses, features)
    >>> loss, parts, gradient = objective(image)

    Args:
        extractor: Gives features of a picture (1, height, width, 3) of 0-1.
        losses: On features; each needs a target, by its name, before the first call.
        image_losses: On the picture itself.

    Raises:
        ValueError: If two losses share a name.
    """

    def __init__(
        self, extractor: Extractor, losses: Sequence[Loss], image_losses: Sequence[ImageLoss] = ()
    ) -> None:
        self.extractor = extractor
        self.losses = list(losses)
        self.image_losses = list(image_losses)
        every: list[Loss | ImageLoss] = [*self.losses, *self.image_losses]
        names = [loss.name for loss in every]
        if len(set(names)) < len(names):
            raise ValueError(f"Two losses share a name. Expected a name for each. Received: {names}")
        self.weights = {loss.name: loss.weight for loss in every}
        self._targets: dict[str, Tree] | None = None
        self._function = compile_value_and_grad(self._evaluate)

    @property
    def targets(self) -> dict[str, Tree] | None:
        """Prepared targets by loss name; setting them prepares them and puts them on the device."""
        return self._targets

    @targets.setter
    def targets(self, targets: Mapping[str, Tree]) -> None:
        missing = [loss.name for loss in self.losses if loss.name not in targets]
        if missing:
            raise ValueError(f"Losses without a target. Expected all. Missing: {missing}")
        self._targets = {
            loss.name: keras.tree.map_structure(to_tensor, loss.prepare(targets[loss.name]))
            for loss in self.losses
        }

    @property
    def weights(self) -> dict[str, float]:
        """The weight of each loss by name; a weight of 0 leaves the loss in the parts."""
        return self._weights

    @weights.setter
    def weights(self, weights: Mapping[str, float]) -> None:
        self._weights = dict(weights)
        self._weight_tensors: dict[str, Tensor] = {}  # made at the first call, in the picture's dtype

    def __call__(self, image: Tensor) -> tuple[Tensor, dict[str, Tensor], Tensor]:
        """Evaluates the loss and its gradient.

        Args:
            image: The picture (1, height, width, 3), a tensor of 0-1.

        Returns:
            The loss, a scalar; each loss's weighted part of it, scalars by name; the gradient by the
            picture, of its shape. All on the device.

        Raises:
            ValueError: If there is no target for a loss.
        """
        if self._targets is None:
            if self.losses:
                raise ValueError("The objective has no targets. Expected `objective.targets = ...` first.")
            self._targets = {}
        if not self._weight_tensors:
            dtype = dtype_of(image)
            self._weight_tensors = {
                name: to_tensor(np.asarray(weight, dtype)) for name, weight in self._weights.items()
            }
        return self._function(to_tensor(image), {"targets": self._targets, "weights": self._weight_tensors})

    def _evaluate(self, image: Tensor, arguments: Any) -> tuple[Tensor, dict[str, Tensor]]:
        targets, weights = arguments["targets"], arguments["weights"]
        features = self.extractor(image) if self.losses else {}
        parts = {loss.name: loss(features, targets[loss.name]) for loss in self.losses}
        parts |= {loss.name: loss(image) for loss in self.image_losses}
        parts = {name: weights[name] * part for name, part in parts.items()}
        return sum(parts.values()), parts
