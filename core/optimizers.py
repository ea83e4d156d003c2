"""The optimisers by name, behind one interface: see `Optimizer`."""

from collections.abc import Callable
from functools import partial
from typing import Any

from .adam import Adam
from .errors import UsageError
from .lbfgs import LBFGS
from .optimizer_base import ObjectiveFunction, Optimizer, resize
from .scipy_lbfgs import ScipyLBFGS
from .sgd import SGD

__all__ = [
    "LBFGS",
    "OPTIMIZERS",
    "SGD",
    "Adam",
    "ObjectiveFunction",
    "Optimizer",
    "ScipyLBFGS",
    "create_optimizer",
    "resize",
]

OPTIMIZERS: dict[str, Callable[..., Optimizer]] = {
    "adam": Adam,
    "lbfgs": LBFGS,
    "sgd": SGD,
    "nesterov": partial(SGD, nesterov=True),
    "scipy": ScipyLBFGS,
}


def create_optimizer(name: str, image: Any, **settings: Any) -> Optimizer:
    """Makes an optimiser by its name on the command line.

    Args:
        name: A key of `OPTIMIZERS`.
        image: Where to start, (1, height, width, 3) of 0-1.
        **settings: The optimiser's own arguments.

    Returns:
        The optimiser.

    Raises:
        UsageError: If there is no optimiser of that name.
    """
    if name not in OPTIMIZERS:
        raise UsageError(f"Unknown optimiser. Expected one of {', '.join(OPTIMIZERS)}. Received: {name!r}")
    return OPTIMIZERS[name](image, **settings)
