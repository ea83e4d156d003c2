"""The picture of `convergence.py`: loss against seconds, a line for each run."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

# Colours that people with any colour vision can tell apart (Okabe & Ito; the dark red is Tol's). Whole
# lines make their own objective small; dashed ones (Adam) and dotted ones (L-BFGS) the loop's.
LOOKS: dict[str, tuple[str, str, float]] = {
    "plain loop": ("#000000", "-", 2.6),
    "quality": ("#D55E00", "-", 2.2),
    "draft": ("#E69F00", "-", 2.2),
    "quality path, loop's objective": ("#0072B2", "--", 1.8),
    "draft path, loop's objective": ("#56B4E9", "--", 1.8),
    "quality path, loop's objective, L-BFGS": ("#0072B2", ":", 2.2),
    "draft path, loop's objective, L-BFGS": ("#56B4E9", ":", 2.2),
    "full size, loop's objective, L-BFGS": ("#882255", ":", 2.6),
    "classic": ("#009E73", "-", 1.4),
    "mxnet": ("#CC79A7", "-", 1.4),
}


def plot(runs: dict[str, dict[str, Any]], target: float, path: Path, title: str) -> None:
    """Draws and writes the plot, beside first and then renamed.

    Args:
        runs: by name, each with `judged`: lines of (step, seconds, loss, ...).
        target: the loss to reach, drawn as a level.
        path: a .png file.
        title: what was painted, and by what.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot
    from matplotlib.ticker import LogLocator, NullFormatter

    figure, axes = pyplot.subplots(figsize=(9.5, 5.6), dpi=140, layout="constrained")
    for name, run in runs.items():
        colour, dashes, width = LOOKS[name]
        seconds, losses = [line[1] for line in run["judged"]], [line[2] for line in run["judged"]]
        axes.plot(seconds, losses, dashes, color=colour, linewidth=width, label=name)
        axes.plot(seconds[-1:], losses[-1:], "o", color=colour, markersize=5)
    axes.axhline(target, color="#666666", linewidth=0.8, linestyle=":")
    axes.annotate(
        f"the loop's lowest: {target:.3g}",
        (0.99, target),
        xycoords=("axes fraction", "data"),
        xytext=(0, -3),
        textcoords="offset points",
        ha="right",
        va="top",
        fontsize=9,
        color="#444444",
    )
    axes.set(xscale="log", yscale="log", title=f"Loss against time: {title}")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_major_formatter("{x:g}")
        axis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("seconds since the libraries were imported (network, compilation and targets included)")
    axes.set_ylabel("the plain loop's objective at the final size")
    axes.grid(True, which="major", color="#dddddd", linewidth=0.8)
    axes.grid(True, which="minor", color="#eeeeee", linewidth=0.4)
    axes.legend(fontsize=9, framealpha=0.95)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".part")
    figure.savefig(temporary, format="png")
    pyplot.close(figure)
    os.replace(temporary, path)
