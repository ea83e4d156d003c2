"""The optimisers by name, behind one interface: see `Optimizer`."""

from typing import Any

from .adam import Adam
from .errors import UsageError
from .optimizer_base import ObjectiveFunction, Optimizer, resize

__all__ = ["OPTIMIZERS", "Adam", "ObjectiveFunction", "Optimizer", "create_optimizer", "resize"]

OPTIMIZERS: dict[str, type[Optimizer]] = {"adam": Adam}


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
