"""The principal components of a network's layers: the directions in which most of their energy lies.

The second moment is not centred: a Gram matrix is one too, so its leading directions are these.

    components = principal_components(model, crops, {"block4_conv1": 192})
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import keras


class Components(NamedTuple):
    """The leading components of one layer.

    Attributes:
        directions: (channels, components), orthonormal columns, the strongest first.
        energies: (components,), the mean square of each component over positions.
        total: the mean over positions of the squared norm of the whole layer.
    """

    directions: np.ndarray
    energies: np.ndarray
    total: float

    @property
    def shares(self) -> np.ndarray:
        """(components,), each one's share of the layer's energy."""
        return self.energies / self.total


def principal_components(
    model: keras.Model, crops: np.ndarray, counts: Mapping[str, int], batch: int = 8
) -> dict[str, Components]:
    """The components of a model's outputs over crops.

    Args:
        model: from (batch, side, side, 3) uint8 to a dict of outputs (batch, height, width, channels).
        crops: (n, side, side, 3) uint8.
        counts: for each output, how many components are wanted.
        batch: crops a pass.

    Returns:
        For each output its components. A sign is free; the largest entry of each direction is positive.
    """
    sums: dict[str, np.ndarray] = {}
    positions = dict.fromkeys(counts, 0)
    for start in range(0, len(crops), batch):
        outputs = model.predict_on_batch(crops[start : start + batch])
        for name in counts:
            rows = np.asarray(outputs[name], "float32").reshape(-1, outputs[name].shape[-1])
            sums[name] = sums.get(name, 0.0) + (rows.T @ rows).astype("float64")
            positions[name] += len(rows)
    return {name: _leading(sums[name] / positions[name], count) for name, count in counts.items()}


def _leading(moment: np.ndarray, count: int) -> Components:
    values, vectors = np.linalg.eigh(moment)
    values, vectors = values[::-1][:count], vectors[:, ::-1][:, :count]
    signs = np.sign(vectors[np.abs(vectors).argmax(axis=0), np.arange(count)])
    energies = np.maximum(
        values, 1e-12 * np.trace(moment)
    )  # a component that never speaks divides nothing by 0
    return Components(vectors * signs, energies, float(np.trace(moment)))
