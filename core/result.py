"""What a painting tells at each step, and what it gives in the end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from .images import Picture, save_picture
from .progress import Progress
from .recipes import Settings


@dataclass(frozen=True)
class Step(Progress):
    """A step of a painting, as `stylize` reports it.

    Attributes:
        painted: call it for the picture as it would be saved now, with the photograph's alpha.
        state: call it for what `resume` needs to go on after this step.
    """

    painted: Callable[[], Picture] = field(repr=False)
    state: Callable[[], dict[str, np.ndarray]] = field(repr=False)


@dataclass(frozen=True)
class Result:
    """What a run gives.

    Attributes:
        picture: the painted picture, with the photograph's alpha and depth.
        history: a line for each step: (step, scale, seconds, loss).
        network: the network that was used.
        settings: the settings that were used.
        reason: why the optimiser stopped before its last step; empty if it did not.
        interrupted: whether the run was stopped from outside; then `state` goes on from there.
        state: arrays for `resume`; empty after a finished run.
        notices: what the user should know, a sentence each.
    """

    picture: Picture
    history: list[tuple[int, int, float, float]]
    network: str
    settings: Settings
    reason: str = ""
    interrupted: bool = False
    state: dict[str, np.ndarray] = field(default_factory=dict, repr=False)
    notices: tuple[str, ...] = ()

    def save(self, path: Path | str) -> None:
        """Writes the picture; the format follows from the extension."""
        save_picture(self.picture, path)
