"""Gradient descent with momentum, as MXNet's neural-art example has it."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from keras import ops

from .backend import Tensor, compile_function, dtype_of, to_numpy, to_tensor
from .optimizer_base import ObjectiveFunction, Optimizer, resize


class SGD(Optimizer):
    """Momentum, or Nesterov's momentum, with a schedule, weight decay and gradient clipping.

    Defaults are those of MXNet's ``run.py``, but for the learning rate, which its tutorial puts at .1
    to .3; the later ``nstyle.py`` takes Nesterov's momentum, .95, and a decay of 1e-4. All of them
    refer to pixels of 0-255 minus a mean colour, and so does the arithmetic here (see `scale`).

    Args:
        image: Where to start, (1, height, width, 3) of 0-1.
        learning_rate: Times the gradient by pixels of 0-255 is a step in such pixels.
        momentum: The share of the last step that is kept.
        nesterov: Looks ahead by the momentum.
        weight_decay: Pulls pixels towards `centre`.
        clip: The gradient's norm may be this many times the number of values, 3·height·width; 0 for any.
        schedule_every: Steps until the learning rate is multiplied by the next `schedule_factor`; 0 for none.
        schedule_factor: See above.
        scale: What 1 stands for in the units of all the above.
        centre: The mean colour, 0-1: Caffe's, red first.
    """

    def __init__(
        self,
        image: Any,
        learning_rate: float = 0.1,
        momentum: float = 0.9,
        nesterov: bool = False,
        weight_decay: float = 5e-4,
        clip: float = 1.0,
        schedule_every: int = 80,
        schedule_factor: float = 0.9,
        scale: float = 255.0,
        centre: tuple[float, ...] = (123.68 / 255, 116.779 / 255, 103.939 / 255),
    ) -> None:
        super().__init__(image)
        self.learning_rate, self.momentum, self.nesterov = learning_rate, momentum, nesterov
        self.weight_decay, self.clip = weight_decay, clip
        self.schedule_every, self.schedule_factor = schedule_every, schedule_factor
        self.scale, self.centre = scale, centre
        self._velocity = ops.zeros_like(self.image)  # in units of `scale`
        self._update = compile_function(self._updated)

    @property
    def current_learning_rate(self) -> float:
        """The learning rate of the next step, after the schedule."""
        drops = self.steps // self.schedule_every if self.schedule_every else 0
        return self.learning_rate * self.schedule_factor**drops

    def step(self, objective: ObjectiveFunction) -> float:
        """Takes one step; returns the loss of the picture before it."""
        loss, gradient = self._evaluate(objective, self.image)
        rate = to_tensor(np.asarray(self.current_learning_rate, dtype_of(self.image)))
        image, velocity, finite = self._update(self.image, gradient, self._velocity, rate)
        if not (math.isfinite(loss) and bool(finite)):
            self.reason = self._not_finite(loss)
            return loss
        self._previous = self.image
        self.image, self._velocity = image, velocity
        self.steps += 1
        return loss

    def _updated(self, image: Tensor, gradient: Tensor, velocity: Tensor, rate: Tensor) -> tuple[Tensor, ...]:
        gradient = gradient / self.scale
        norm = ops.sqrt(ops.sum(ops.square(gradient)))
        if self.clip:
            shape = ops.shape(image)
            longest = self.clip * ops.cast(shape[1] * shape[2] * shape[3], image.dtype)
            gradient = gradient * (longest / ops.maximum(norm, longest))
        if self.weight_decay:
            centre = ops.convert_to_tensor(self.centre, dtype=image.dtype)
            gradient = gradient + self.weight_decay * self.scale * (image - centre)
        if self.nesterov:  # MXNet's NAG keeps the rate out of the velocity, its SGD keeps it in
            velocity = self.momentum * velocity + gradient
            step = -rate * (gradient + self.momentum * velocity)
        else:
            step = velocity = self.momentum * velocity - rate * gradient
        return image + step / self.scale, velocity, ops.isfinite(norm)

    def rescale(self, size: tuple[int, int], image: Any = None) -> None:
        """Goes on at another size with the velocity resized."""
        super().rescale(size, image)
        self._velocity = to_tensor(resize(to_numpy(self._velocity), size))

    def state(self) -> dict[str, np.ndarray]:
        """As `Optimizer.state`, with the velocity."""
        return super().state() | {"velocity": to_numpy(self._velocity)}

    def load_state(self, state: Mapping[str, np.ndarray]) -> None:
        """As `Optimizer.load_state`."""
        super().load_state(state)
        self._velocity = to_tensor(np.asarray(state["velocity"]))
