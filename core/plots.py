"""Plots: the loss of each step of a painting, scale by scale; and the axes of every other plot."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from .images import load_picture, save_picture

History = Sequence[tuple[int, int, float, float]]


def plot_loss(history: History, path: str | os.PathLike[str], title: str = "") -> None:
    """Draws the loss against the steps, with a line where the next scale begins.

    Args:
        history: (step, scale, seconds, loss) of each step, as `Result.history`.
        path: a picture file; its extension chooses the format, as for every picture.
        title: written above the plot.

    Raises:
        UsageError, PictureError: as `save_picture` does.
    """
    with drawing(path, xlabel="step", ylabel="loss", title=title) as axes:
        axes.grid(alpha=0.3)
        if history and all(loss > 0 for *_, loss in history):
            axes.set_yscale("log")
        axes.margins(x=0.02)
        for scale in dict.fromkeys(scale for _, scale, _, _ in history):
            rows = [(step, loss) for step, own, _, loss in history if own == scale]
            steps, losses = zip(*rows, strict=True)
            axes.plot(steps, losses, label=f"{scale} px", marker="." if len(rows) < 5 else "")
        if history:
            axes.legend()


@contextmanager
def drawing(path: str | os.PathLike[str], **labels: str) -> Iterator[Any]:
    """Gives Matplotlib axes to draw on, and writes them in the end, whole or not at all.

    Args:
        path: a picture file; its extension chooses the format.
        **labels: `xlabel`, `ylabel` and `title`.

    Raises:
        UsageError, PictureError: as `save_picture`.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5), dpi=120, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    yield figure.add_subplot(**labels)
    buffer = io.BytesIO()
    canvas.print_png(buffer)
    save_picture(load_picture(buffer.getvalue()), path)
