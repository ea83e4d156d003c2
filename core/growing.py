"""Goes on from a narrower network's checkpoint: what it knew stays, what is new begins beside it.

The idea is Net2Net's (Chen et al. 2016, arXiv:1511.05641), with one departure: new channels are not
copies of old ones. They begin at random, unheard by every layer after them, so that the grown network
predicts at first exactly what the narrow one did.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from impasto.models.weights import one_line

from .errors import UsageError, WeightsError


def grow(variables: Sequence[Any], path: Path) -> None:
    """Fills variables from a checkpoint of `impasto distill` whose layers are as wide or narrower.

    Args:
        variables: trainable variables of a model, then its optimiser's, freshly initialised.
        path: the checkpoint; read only.

    Raises:
        WeightsError: the file is no such checkpoint.
        UsageError: it lacks a layer, or has a wider one.
    """
    try:
        with np.load(path) as file:
            narrow = {name.split(" ", 1)[1]: file[name] for name in file.files if " " in name}
    except Exception as error:  # damage makes NumPy and zipfile raise half a dozen kinds
        raise WeightsError(
            f"Expected a checkpoint of impasto distill. Received: {path} ({one_line(error)})"
        ) from None
    for variable in variables:
        variable.assign(grown(variable.path, keras.ops.convert_to_numpy(variable), narrow, path))


def grown(name: str, fresh: np.ndarray, narrow: Mapping[str, np.ndarray], path: Path) -> np.ndarray:
    """One variable's values: the narrow ones in the first channels, and new ones beyond them."""
    old = narrow.get(name)
    if (
        old is None
        or old.ndim != fresh.ndim
        or any(a > b for a, b in zip(old.shape, fresh.shape, strict=True))
    ):
        raise UsageError(
            f"The checkpoint to grow from has another shape; it has every layer, none wider. "
            f"Received: {path} ({name}: {'missing' if old is None else old.shape}, here {fresh.shape})"
        )
    values = fresh.copy()
    if old.ndim == 4:  # (height, width, in, out): old outputs do not hear new inputs
        values[:, :, :, : old.shape[3]] = 0
    values[tuple(slice(length) for length in old.shape)] = old
    return values
