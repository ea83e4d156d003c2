"""Adam on the pixels, with a running average of the iterates."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from keras import ops

from .backend import Tensor, Tree, compile_function, to_numpy, to_tensor
from .optimizer_base import ObjectiveFunction, Optimizer, resize

# Another picture to go on from is taken to be nearer to the end: its gradients are so much smaller. Without
# this a refinement ends at a loss 3 % larger (three pictures of 512 pixels), with 0.25 at one 1 % smaller.
FURTHER = 0.5


class Adam(Optimizer):
    """Adam (Kingma & Ba 2015), which carries its moments from scale to scale.

    All defaults are crowsonkb/style-transfer-pytorch's. The result is a running average of the
    iterates, without the flicker of the last one.

    Args:
        image: Where to start, (1, height, width, 3) of 0-1.
        learning_rate: The size of a step, in pixels of 0-1.
        beta_1: Decay of the gradient's running mean.
        beta_2: Decay of the squared gradient's running mean.
        epsilon: Added to the root of the latter.
        average_decay: Decay of the iterates' running average; 0 shows the last iterate.
        clip: Keeps the iterates within 0-1.
    """

    def __init__(
        self,
        image: Any,
        learning_rate: float = 0.02,
        beta_1: float = 0.9,
        beta_2: float = 0.99,
        epsilon: float = 1e-8,
        average_decay: float = 0.99,
        clip: bool = True,
    ) -> None:
        super().__init__(image)
        self.learning_rate = learning_rate
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon
        self.average_decay = average_decay
        self.clip = clip
        self._first = ops.zeros_like(self.image)
        self._second = ops.zeros_like(self.image)
        self._zero = ops.zeros((), self.image.dtype)
        self._start_average()
        # A function that knows nothing of the optimiser: else both would hold each other, and with them
        # arrays of the picture's size, until Python happens to collect cycles.
        self._update = compile_function(_rule(beta_1, beta_2, average_decay, clip))

    def _start_average(self) -> None:
        self._average = (1 - self.average_decay) * self.image
        self._averaged = 1

    @property
    def result(self) -> Tensor:
        """The average of the iterates at this scale, corrected for its start, within 0-1."""
        average = self._average / (1 - self.average_decay**self._averaged)
        return ops.clip(average, 0.0, 1.0)

    def step(self, objective: ObjectiveFunction) -> float:
        """Takes one step; returns the loss of the picture before it."""
        value, self.parts, gradient = objective(self.image)
        self.evaluations += 1
        count = self.steps + 1
        root = math.sqrt(1 - self.beta_2**count)
        rate = self.learning_rate * root / (1 - self.beta_1**count)
        # Added to a zero that is on the device: a copy from the host would make PyTorch wait for a GPU.
        scalars = self._zero + rate, self._zero + self.epsilon * root
        *new, finite = self._update(self.image, gradient, self._first, self._second, self._average, scalars)
        # One number crosses to the host, once everything has been sent to the device.
        loss = float(ops.where(finite, value, value * float("nan")))
        if not math.isfinite(loss):
            self.reason = self._not_finite(loss)
            return loss
        self._previous = self.image
        self.image, self._first, self._second, self._average = new
        self.steps = count
        self._averaged += 1
        return loss

    def rescale(self, size: tuple[int, int], image: Any = None) -> None:
        """Goes on at another size with the moments resized; the average starts anew.

        Losses are means over a picture, so a pixel's share of the gradient falls as pixels become more, and
        the moments fall with it. Crowsonkb's losses are scaled until gradients are alike at all sizes; as
        they are, moments from a scale of half the pixels would make the first steps half as long.
        """
        share = self._share_at(size, image)
        super().rescale(size, image)
        self._first = to_tensor(share * resize(to_numpy(self._first), size))
        second = resize(to_numpy(self._second), size, "bilinear")
        self._second = to_tensor(share**2 * np.maximum(second, 0))
        self._start_average()

    def _share_at(self, size: tuple[int, int], image: Any) -> float:
        """How much smaller gradients are at another size and, where a picture is given, at that one."""
        share = math.prod(self.image.shape[1:3]) / math.prod(size)
        return share if image is None else FURTHER * share

    def state(self) -> dict[str, np.ndarray]:
        """As `Optimizer.state`, with the moments and the average."""
        return super().state() | {
            "first": to_numpy(self._first),
            "second": to_numpy(self._second),
            "average": to_numpy(self._average),
            "averaged": np.array(self._averaged),
        }

    def load_state(self, state: Mapping[str, np.ndarray]) -> None:
        """As `Optimizer.load_state`."""
        super().load_state(state)
        self._first, self._second, self._average = (
            to_tensor(np.asarray(state[name])) for name in ("first", "second", "average")
        )
        self._averaged = int(state["averaged"])


def _rule(beta_1: float, beta_2: float, average_decay: float, clip: bool) -> Callable[..., Tree]:
    """A step's arithmetic, as a function of the picture, its gradient and the optimiser's arrays."""

    def updated(
        image: Tensor,
        gradient: Tensor,
        first: Tensor,
        second: Tensor,
        average: Tensor,
        scalars: tuple[Tensor, Tensor],
    ) -> tuple[Tensor, ...]:
        rate, epsilon = scalars
        first = beta_1 * first + (1 - beta_1) * gradient
        second = beta_2 * second + (1 - beta_2) * ops.square(gradient)
        image = image - rate * first / (ops.sqrt(second) + epsilon)
        if clip:
            image = ops.clip(image, ops.zeros_like(rate), ops.ones_like(rate))
        average = average_decay * average + (1 - average_decay) * image
        return image, first, second, average, ops.all(ops.isfinite(gradient))

    return updated
