"""Losses on the picture itself, such as total variation, one band of rows after the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from . import stores
from .backend import Function, Tensor, Tree, compile_value_and_grad, to_numpy, to_tensor


class BandedLosses:
    """Losses that a sum over bands of rows makes up.

    Args:
        losses: `TotalVariation`s: each has a `name`, and `part` for a band's share.
    """

    def __init__(self, losses: Sequence[Any]):
        self.functions: dict[str, Callable[..., Any]] = {
            loss.name: compile_value_and_grad(_share(loss)) for loss in losses
        }

    def __call__(
        self, picture: np.ndarray, gradient: np.ndarray, weights: Mapping[str, float], band_values: int
    ) -> dict[str, float]:
        """Evaluates the losses and adds their gradients.

        Args:
            picture: (1, height, width, 3) of 0-1, on the host.
            gradient: of the same shape; changed in place.
            weights: by loss.
            band_values: numbers in a band, about.

        Returns:
            Each loss, weighted.
        """
        height, dtype = picture.shape[1], picture.dtype
        rows = max(1, band_values // (picture.shape[2] * picture.shape[3]))
        parts = dict.fromkeys(self.functions, 0.0)
        for name, function in self.functions.items():
            known = {
                "values": to_tensor(np.asarray(picture.size, dtype)),
                "weight": to_tensor(np.asarray(weights[name], dtype)),
            }
            for start in range(0, height, rows):
                band = np.ascontiguousarray(picture[:, start : start + rows + 1])  # and the row below it
                own = np.zeros((1, band.shape[1], 1, 1), dtype)
                own[:, :rows] = 1
                value, _, slope = function(to_tensor(band), known | {"own": to_tensor(own)})
                parts[name] += float(value)
                gradient[:, start : start + band.shape[1]] += to_numpy(slope)
                stores.release(gradient)
                stores.release(picture)
        return parts


def _share(loss: Any) -> Function:
    def share(band: Tensor, arguments: Tree) -> tuple[Tensor, dict[str, Tensor]]:
        return arguments["weight"] * loss.part(band, arguments["own"], arguments["values"]), {}

    return share
