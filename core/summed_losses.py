"""Losses that are functions of sums over positions, taken apart so that the sums can be had tile by tile.

A loss here knows four things: what a tile adds (`measure`), how two tiles' sums become one (`merge`), the
distance that all of them together make (`compare`), and, that distance's slope by the sums once known, its
slope by any tile's features (`slope`). The last needs no other tile, which is what makes tiles exact.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops

from .backend import Tensor, Tree
from .errors import UsageError
from .losses import TINY, ContentLoss, GramLoss, Loss, MeanLoss, positions
from .moments import MomentsLoss

Sums = dict[str, Any]


class SummedLoss:
    """What a loss is to tiles.

    Args:
        loss: the loss.
    """

    has_map = False  # whether the target is a map, of which each tile is shown its window

    def __init__(self, loss: Any):
        self.loss = loss

    def measure(self, features: Tensor, mask: Tensor, target: Tree) -> Sums:
        """What a tile adds.

        Args:
            features: of the tile's window, (1, height, width, channels).
            mask: 1 for the tile's own positions and 0 for its halo, (1, height, width, 1).
            target: the target's window, for a loss that `has_map`.

        Returns:
            Tensors by name, with the number of positions as `count`.
        """
        raise NotImplementedError

    def merge(self, total: Sums | None, part: Sums) -> Sums:
        """Adds a tile's sums, arrays now, to those so far, in float64."""
        part = {name: np.asarray(value, "float64") for name, value in part.items()}
        return part if total is None else {name: total[name] + part[name] for name in part}

    def compare(self, sums: Sums, target: Tree) -> Tensor:
        """The distance from a prepared target, of the sums over all tiles; without the weight."""
        raise NotImplementedError

    def slope(self, features: Tensor, mask: Tensor, target: Tree, sums: Sums, slopes: Sums) -> Tensor:
        """The distance's slope by a tile's features, of their shape; 0 in the halo.

        Args:
            features, mask, target: as for `measure`.
            sums: over all tiles.
            slopes: of the distance by each of `sums`.
        """
        raise NotImplementedError

    def target(self, sums: Sums) -> Tree:
        """The sums over a style's tiles in the form that `Loss.target` gives."""
        raise NotImplementedError


class SummedGram(SummedLoss):
    """Gram matrices: F'F added up."""

    def measure(self, features: Tensor, mask: Tensor, target: Tree) -> Sums:
        """Channel products and the number of positions."""
        rows = positions(features * mask)
        return {"products": ops.matmul(ops.transpose(rows), rows), "count": ops.sum(mask)}

    def compare(self, sums: Sums, target: Tree) -> Tensor:
        """The scaled squared error of Gram matrices."""
        return self.loss.compare(sums["products"] / sums["count"], target, sums["count"])

    def slope(self, features: Tensor, mask: Tensor, target: Tree, sums: Sums, slopes: Sums) -> Tensor:
        """F (D + D') for D the slope by F'F."""
        both = slopes["products"] + ops.transpose(slopes["products"])
        return ops.matmul(features * mask, both)

    def target(self, sums: Sums) -> Tree:
        """The Gram matrix."""
        return sums["products"] / sums["count"]


class SummedMean(SummedLoss):
    """Channel means: features added up."""

    def measure(self, features: Tensor, mask: Tensor, target: Tree) -> Sums:
        """Sums of channels and the number of positions."""
        return {"values": ops.sum(features * mask, axis=(0, 1, 2)), "count": ops.sum(mask)}

    def compare(self, sums: Sums, target: Tree) -> Tensor:
        """The scaled squared error of channel means."""
        return self.loss.compare(sums["values"] / sums["count"], target)

    def slope(self, features: Tensor, mask: Tensor, target: Tree, sums: Sums, slopes: Sums) -> Tensor:
        """The same at every position."""
        return mask * slopes["values"]

    def target(self, sums: Sums) -> Tree:
        """The channel means."""
        return sums["values"] / sums["count"]


class SummedMoments(SummedLoss):
    """Mean and covariance. Each tile is centred by its own mean, so that nothing cancels.

    Tiles are put together as Chan, Golub & LeVeque 1979, "Updating formulae and a pairwise algorithm for
    computing sample variances", have it.
    """

    def measure(self, features: Tensor, mask: Tensor, target: Tree) -> Sums:
        """The tile's mean, its centred products, and the number of positions."""
        count = ops.sum(mask)
        mean = ops.sum(features * mask, axis=(0, 1, 2)) / count
        rows = positions((features - mean) * mask)
        return {"mean": mean, "products": ops.matmul(ops.transpose(rows), rows), "count": count}

    def merge(self, total: Sums | None, part: Sums) -> Sums:
        """Moves both to their common mean."""
        part = {name: np.asarray(value, "float64") for name, value in part.items()}
        if total is None:
            return part
        count = total["count"] + part["count"]
        apart = part["mean"] - total["mean"]
        share = part["count"] / count
        products = total["products"] + part["products"]
        products += np.outer(apart, apart) * (total["count"] * share)
        return {"mean": total["mean"] + apart * share, "products": products, "count": count}

    def compare(self, sums: Sums, target: Tree) -> Tensor:
        """The scaled Wasserstein-2 distance."""
        return self.loss.compare(sums["mean"], sums["products"] / sums["count"], target)

    def slope(self, features: Tensor, mask: Tensor, target: Tree, sums: Sums, slopes: Sums) -> Tensor:
        """By the mean, the same at every position; by the products, as for a Gram matrix."""
        both = slopes["products"] + ops.transpose(slopes["products"])
        centred = features - sums["mean"]
        return mask * (slopes["mean"] / sums["count"] + ops.matmul(centred, both))

    def target(self, sums: Sums) -> Tree:
        """The mean and the covariance."""
        return {"mean": sums["mean"], "covariance": sums["products"] / sums["count"]}


class SummedContent(SummedLoss):
    """Content: errors added up; each tile is shown its window of the target."""

    has_map = True

    def measure(self, features: Tensor, mask: Tensor, target: Tree) -> Sums:
        """The sums that the variant needs, and the number of positions."""
        return self.loss.sums(features * mask, target * mask) | {"count": ops.sum(mask)}

    def compare(self, sums: Sums, target: Tree) -> Tensor:
        """The scaled squared error."""
        sums = dict(sums)
        return self.loss.compare(
            sums, sums.pop("count") * ops.cast(target["channels"], sums["squares"].dtype)
        )

    def slope(self, features: Tensor, mask: Tensor, target: Tree, sums: Sums, slopes: Sums) -> Tensor:
        """By the squares 2 (F - T), by their absolute values the sign."""
        difference = (features - target) * mask
        slope = 2 * slopes["squares"] * difference
        if "absolutes" in slopes:
            slope = slope + slopes["absolutes"] * ops.sign(difference)
        return slope


SUMMED: dict[type[Loss], type[SummedLoss]] = {
    ContentLoss: SummedContent,
    GramLoss: SummedGram,
    MeanLoss: SummedMean,
    MomentsLoss: SummedMoments,
}


def summed(loss: Loss) -> SummedLoss:
    """What a loss is to tiles.

    Raises:
        UsageError: it is no function of sums over positions, as far as is known here.
    """
    for kind, adapter in SUMMED.items():
        if type(loss) is kind:
            return adapter(loss)
    known = ", ".join(kind.kind for kind in SUMMED)
    raise UsageError(
        f"Tiles need losses that are sums over positions ({known}); paint a smaller size."
        f" Received: {loss.kind}"
    )


def unit_slope(slope: Tensor, norm: Tensor) -> Tensor:
    """A slope divided by its L1 norm over all tiles, as `losses.with_unit_gradient` does for a layer."""
    return slope / (norm + TINY)
