"""Paints one picture with Impasto, keeping snapshots and times; `convergence.py` runs it as a process.

    python benchmarks/paint_recipe.py INPUTS.npz WEIGHTS SNAPSHOTS.npz --style starry_night
        --recipe quality --network vgg_mini --settings '{"steps": 100}'

INPUTS.npz holds `content`, (height, width, 3) float32 of 0-1. The last line printed is JSON. Seconds
count from the call of `stylize` with its libraries imported: loading the network, targets and
compilation are in, looking at snapshots is out.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace

from common import peak_megabytes

LIBRARIES_FROM = time.perf_counter()

import numpy as np  # noqa: E402

from impasto.core.errors import Cancelled  # noqa: E402
from impasto.core.recipes import settings_for  # noqa: E402
from impasto.core.styles import load_style  # noqa: E402
from impasto.core.stylize import Step, stylize  # noqa: E402

IMPORT_SECONDS = time.perf_counter() - LIBRARIES_FROM


class Watch:
    """Takes snapshots of a painting and stops it when its time is over.

    Args:
        limit: seconds after which the painting is stopped.
        ends: steps at which a scale ends; there is always a snapshot.
    """

    def __init__(self, limit: float, ends: set[int]) -> None:
        self.limit, self.ends = limit, ends
        self.began, self.paused = time.perf_counter(), 0.0
        self.next = 1
        self.pictures: dict[str, np.ndarray] = {}
        self.snapshots: list[tuple[int, float]] = []
        self.own: list[tuple[int, int, float]] = []
        self.seconds = 0.0

    def __call__(self, step: Step) -> None:
        """Is called after each step."""
        now = time.perf_counter()
        self.seconds = now - self.began - self.paused
        over = self.seconds > self.limit
        if step.step >= self.next or step.step in self.ends or over:
            self.next = max(step.step + 1, round(step.step * 1.13))
            self.pictures[f"{step.step:05d}"] = step.picture()
            self.snapshots.append((step.step, self.seconds))
            self.own.append((step.step, step.scale, step.loss))
            self.paused += time.perf_counter() - now
        if over and step.step < step.steps:
            raise Cancelled("The time is over.")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    arguments.add_argument("inputs")
    arguments.add_argument("weights")
    arguments.add_argument("snapshots")
    arguments.add_argument("--style", required=True)
    arguments.add_argument("--recipe", required=True)
    arguments.add_argument("--network", required=True)
    arguments.add_argument("--settings", type=json.loads, default={})
    arguments.add_argument("--seconds", type=float, default=float("inf"))
    given = arguments.parse_args()
    with np.load(given.inputs) as file:
        content = file["content"]
    changes = {"method": "optimise"} | {
        name: tuple(value) if isinstance(value, list) else value for name, value in given.settings.items()
    }
    shares = changes.pop("style_layer_weights", 0)
    settings = settings_for(
        given.recipe, size=max(content.shape), network=given.network, weights=given.weights, **changes
    )
    if shares is None:  # which `settings_for` takes for "not given"
        settings = replace(settings, style_layer_weights=None)
    budgets = settings.steps_per_scale(len(settings.scales(max(content.shape))))
    watch = Watch(given.seconds, {int(end) for end in np.cumsum(budgets)})
    result = stylize(content, [load_style(given.style)], settings=settings, on_progress=watch)
    np.savez(given.snapshots, **watch.pictures)  # type: ignore[arg-type]
    facts = {
        "snapshots": watch.snapshots,
        "own": watch.own,  # (step, scale, the loss that the optimiser itself reported)
        "import_seconds": IMPORT_SECONDS,
        "seconds": watch.seconds,
        "steps": watch.snapshots[-1][0],
        "steps_planned": settings.steps,
        "interrupted": result.interrupted,
        "reason": result.reason,
        "peak_mb": peak_megabytes(),
    }
    print(json.dumps(facts))


if __name__ == "__main__":
    main()
