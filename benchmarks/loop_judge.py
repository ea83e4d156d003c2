"""Judges pictures by the plain loop's objective at the final size; `convergence.py` runs it as a process.

    python benchmarks/loop_judge.py INPUTS.npz WEIGHTS SNAPSHOTS.npz ... --network vgg_mini

The last line printed is JSON: for each file, by the snapshots' names, (loss, content's part, style's
part). The objective is built here from Impasto's own losses; `convergence.py` compares its value with
what the loop itself reports for the same picture.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from typing import Any

import numpy as np

# The plain loop's objective in Impasto's settings: see `plain_loop.py`.
LOOP_OBJECTIVE: dict[str, Any] = {
    "first_padding": "zero",
    "content_layers": ("relu4_2",),
    "style_layers": ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"),
    "content_weight": 1.0,
    "style_weight": 1e3,
    "tv_weight": 0.0,
    "style_layer_weights": None,
    "content_loss": "mean",
    "style_loss": "gram",
    "gram_scaling": "neural-style",  # the mean squared difference of Gram matrices by the channels squared
}


class Judge:
    """The plain loop's loss, for pictures of one size.

    Args:
        network: name of the network.
        weights: its weight file.
        content, style: (height, width, 3) float32 of 0-1.
    """

    def __init__(self, network: str, weights: str, content: np.ndarray, style: np.ndarray) -> None:
        from impasto.core.assemble import workbench
        from impasto.core.recipes import Settings

        settings = replace(Settings(method="optimise"), network=network, weights=weights, **LOOP_OBJECTIVE)
        self.bench = workbench(settings, content=True, style=True)
        targets = self.bench.content_targets(content) | self.bench.style_targets([style], [1.0])
        self.bench.objective.targets = targets

    def __call__(self, picture: np.ndarray) -> tuple[float, float, float]:
        """The loss of a picture (height, width, 3), and the parts of content and style."""
        from impasto.core.backend import to_tensor

        objective = self.bench.objective
        features = self.bench.features(to_tensor(np.clip(picture, 0, 1)[None].astype("float32")))
        parts = {
            loss.name: objective.weights[loss.name] * float(loss(features, objective.targets[loss.name]))
            for loss in objective.losses
        }
        content = sum(parts[loss.name] for loss in self.bench.content_losses)
        return sum(parts.values()), content, sum(parts.values()) - content


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    arguments.add_argument("inputs")
    arguments.add_argument("weights")
    arguments.add_argument("snapshots", nargs="+")
    arguments.add_argument("--network", required=True)
    given = arguments.parse_args()
    with np.load(given.inputs) as file:
        judge = Judge(given.network, given.weights, file["content"], file["style"])
    verdicts = {}
    for path in given.snapshots:
        with np.load(path) as file:
            verdicts[path] = {name: judge(file[name]) for name in file.files}
    print(json.dumps(verdicts))


if __name__ == "__main__":
    main()
