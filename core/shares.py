"""How several styles share a picture."""

from __future__ import annotations

from collections.abc import Sequence

from .errors import UsageError


def blend_weights(count: int, blend: Sequence[float] | None) -> list[float]:
    """Weights that sum to 1, one for each of `count` styles; equal ones where none are given.

    Raises:
        UsageError: If there is another number of weights, a negative one, or none above 0.
    """
    if blend is None:
        return [1 / count] * count if count else []
    if len(blend) != count:
        raise UsageError(f"Give one blend weight for each style ({count}). Received: {len(blend)} weights")
    total = sum(blend)
    if not (all(weight >= 0 for weight in blend) and 0 < total < float("inf")):
        raise UsageError(f"Blend weights are 0 or more, finite, and one is above 0. Received: {list(blend)}")
    return [weight / total for weight in blend]
