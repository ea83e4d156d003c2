"""Plots of a run: the loss of each step, scale by scale."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence

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
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5), dpi=120, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_subplot(xlabel="step", ylabel="loss", title=title)
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
    buffer = io.BytesIO()
    canvas.print_png(buffer)
    save_picture(load_picture(buffer.getvalue()), path)
