"""SciPy's L-BFGS-B in float64: the Lasagne notebook's way, and the reference for our own L-BFGS."""

from typing import Any

import numpy as np

from .backend import dtype_of, to_numpy, to_tensor
from .errors import UsageError
from .optimizer_base import ObjectiveFunction, Optimizer


class ScipyLBFGS(Optimizer):
    """L-BFGS-B on the host, in float64, around an objective in its own precision.

    A step is a round of several evaluations, as the Lasagne notebook's 8 rounds of 40; each round
    starts with an empty memory, since SciPy keeps none.

    Args:
        image: Where to start, (1, height, width, 3) of 0-1.
        history: Pairs of steps and gradient changes to keep.
        evaluations_per_step: About how many evaluations a round takes.
    """

    def __init__(self, image: Any, history: int = 10, evaluations_per_step: int = 40) -> None:
        super().__init__(image)
        self.history = history
        self.evaluations_per_step = evaluations_per_step

    def step(self, objective: ObjectiveFunction) -> float:
        """Takes one round; returns the loss of the picture after it."""
        try:
            from scipy.optimize import fmin_l_bfgs_b
        except ImportError as error:
            raise UsageError(
                "The optimiser 'scipy' needs SciPy. Expected an installed SciPy: pip install scipy."
                " Received: none"
            ) from error
        shape, dtype = self.image.shape, dtype_of(self.image)
        losses = []

        def evaluate(values: np.ndarray) -> tuple[float, np.ndarray]:
            image = to_tensor(values.reshape(shape).astype(dtype))
            loss, gradient = self._evaluate(objective, image)
            losses.append(loss)
            return loss, to_numpy(gradient).astype("float64").ravel()

        values, loss, facts = fmin_l_bfgs_b(
            evaluate,
            to_numpy(self.image).astype("float64").ravel(),
            m=self.history,
            maxfun=self.evaluations_per_step,
            factr=10.0,
            pgtol=0.0,
        )
        if not np.isfinite(loss) or not np.all(np.isfinite(values)):
            self.reason = self._not_finite(float(loss))
            return float(loss)
        if loss >= losses[0]:
            self.reason = f"A round of SciPy's L-BFGS-B found no loss below {loss:g}."
        elif facts["warnflag"] != 1:  # 1: the round's evaluations are used up
            self.reason = f"SciPy's L-BFGS-B stopped at a loss of {loss:g}: {facts['task']}."
        self._previous = self.image
        self.image = to_tensor(values.reshape(shape).astype(dtype))
        self.steps += 1
        return float(loss)
