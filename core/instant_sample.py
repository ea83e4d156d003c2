"""A sheet of held-out photographs as the decoder paints them now: photograph, style, painted."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .backend import to_numpy
from .images import Picture, save_picture
from .sheet import sheet

if TYPE_CHECKING:
    from .instant_trainer import InstantTrainer


def write_sample(
    trainer: InstantTrainer, pairs: tuple[np.ndarray, np.ndarray], batch: int, path: Path
) -> None:
    """Writes the sheet.

    Args:
        trainer: what paints.
        pairs: photographs and styles, (pairs, side, side, 3) uint8 each.
        batch: how many are painted at once.
        path: where to.
    """
    contents, styles = pairs
    rows = [[("", picture / np.float32(255)) for picture in some] for some in (contents, styles)]
    painted: list[np.ndarray] = []
    for start in range(0, len(contents), batch):
        pair = contents[start : start + batch], styles[start : start + batch]
        painted += list(np.clip(to_numpy(trainer.parts_and_pictures(pair)[1]), 0, 1))
    rows.append([("", picture) for picture in painted])
    save_picture(Picture(sheet(rows, height=contents.shape[1])), path)
