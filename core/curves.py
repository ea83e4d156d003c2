"""Learning curves that compare across runs: fixed photographs, and losses in fixed units.

Whatever a run is trained by, its curve is drawn in one measure, under the bundled network: how much of
the photograph's features is lost (content), and how far the Gram matrices are from the painting's, the
mean over five layers (style), each as a share of the target's energy. Less is better; an untouched
photograph has content 0, and the painting itself has style 0.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from .plots import drawing
from .recipes import Settings
from .styles import Style
from .trainer import PictureLosses
from .training_run import read_log

SIDE = 192  # of the photographs' middles, in pixels; a multiple of 64
LOOKED_AT = 4  # photographs in each point of a curve, and pictures in a row of a sheet
STYLE_SIDE = 256

YARDSTICK = Settings(
    network="vgg_mini",
    content_loss="normalised",
    style_loss="gram",
    gram_scaling="normalised",
    style_layer_weights=None,
    tv_weight=0.0,
)


def middles(pictures: list[Image.Image], side: int = 0) -> np.ndarray:
    """The middle squares of the first photographs, resized: (up to `LOOKED_AT`, side, side, 3) uint8."""
    size = (side or SIDE, side or SIDE)
    squares = [ImageOps.fit(p, size, Image.Resampling.LANCZOS) for p in pictures[:LOOKED_AT]]
    return np.stack([np.asarray(square) for square in squares])


class Yardstick:
    """Measures a painter on fixed photographs.

    Args:
        styles: the painter's styles.
        photographs: (count, height, width, 3) float32, 0–1; None for textures.
    """

    def __init__(self, styles: list[Style], photographs: np.ndarray | None):
        self.styles, self.photographs = styles, photographs
        self.losses = PictureLosses(YARDSTICK, styles, STYLE_SIDE, content=photographs is not None)
        self._compiled: Any = None

    def measure(self, painted: list[np.ndarray]) -> np.ndarray:
        """Content (NaN for textures), mean style, and each style's: (2 + styles,).

        Args:
            painted: for each style (count, height, width, 3), 0–1.
        """
        from .backend import compile_function, to_numpy, to_tensor

        if self._compiled is None:
            self._compiled = compile_function(lambda a, b, c: self.losses(a, b, c))
        content, style = [], []
        kinds = np.array(self.losses.kinds)
        for number, pictures in enumerate(painted):
            row = np.eye(len(self.styles), dtype="float32")[[number]]
            for i, picture in enumerate(pictures):
                photograph = picture if self.photographs is None else self.photographs[i]
                arrays = (picture[None], photograph[None], row)
                values = to_numpy(self._compiled(*(to_tensor(a.astype("float32")) for a in arrays)))[0]
                content.append(values[kinds == "content"].mean() if self.photographs is not None else np.nan)
                style.append(values[kinds == "style"].mean())
        by_style = np.array(style).reshape(len(painted), -1).mean(axis=1)
        return np.array([np.mean(content), by_style.mean(), *by_style])


def plot_curves(log: Path, image: Path) -> None:
    """Draws `log.csv`: content and style bold, each style thin, on logarithmic axes."""
    header, values = read_log(log)
    labels = {"xlabel": "steps", "ylabel": "share of the target's energy", "title": "Held-out losses"}
    with drawing(image, **labels) as axes:
        for column, title in enumerate(header[3:], 3):
            bold = column < 5
            if len(values) and np.isfinite(values[:, column]).any() and (bold or len(header) > 6):
                look: dict[str, Any] = {"marker": "." if len(values) < 5 else "", "label": title}
                axes.plot(values[:, 0], values[:, column], lw=2.5 if bold else 0.8, **look)
        axes.set(xscale="log", yscale="log")
        axes.grid(which="both", alpha=0.3)
        if axes.lines:
            axes.legend(fontsize="x-small", ncols=2)
