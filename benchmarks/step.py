"""Time per step and share of the machine's matrix-product peak, beside a plain PyTorch L-BFGS loop.

    python benchmarks/step.py                            VGG-19 and vgg_mini, 512 px: about 5 minutes
    python benchmarks/step.py --size 64 --steps 2 --results /tmp/r          a trial run

VGG-19 has random weights: the time does not depend on them. A step is one evaluation of the loss and
its gradient by the picture, and the optimiser's update; the median of the steps after two that warm
up. The arithmetic is counted from the layers' shapes (`arithmetic.py`). The peak is the faster of
TensorFlow's and PyTorch's float32 products of 2048² or 4096² matrices, measured in the same processes
just before the steps. Each measurement is a process of its own.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from arithmetic import step_gflop
from common import (
    in_child,
    matmul_peak,
    other_work,
    parser,
    peak_megabytes,
    photograph,
    require,
    write_result,
)

WARM_UP = 2
# name: what is measured; the recipe's objective with Adam, or the loop's objective on either side.
KINDS = {
    "chosen": "Impasto, quality recipe, convolutions and kept memory as it chooses",
    "kept": "Impasto, quality recipe, direct, memory kept",
    "quality": "Impasto, quality recipe, direct (mean + covariance, Adam)",
    "gram": "Impasto, the loop's objective, direct (Gram, Adam)",
    "loop": "plain PyTorch loop (Gram, L-BFGS)",
}


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--networks", nargs="+", default=["vgg19", "vgg_mini"])
    arguments.add_argument("--steps", type=int, help="timed steps; default: 6 of VGG's, 25 of vgg_mini's")
    arguments.add_argument(
        "--sides", nargs="+", type=int, default=[2048, 4096], help="of the matrices of the peak"
    )
    arguments.add_argument(
        "--child", nargs=3, metavar=("KIND", "NETWORK", "FOLDER"), help="(for the script itself)"
    )
    given = arguments.parse_args()
    if given.child:
        kind, network, folder = given.child
        measure = measure_loop if kind == "loop" else measure_impasto
        print(json.dumps(measure(kind, network, Path(folder), given.steps, given.sides)))
        return
    require("torch")
    busy = other_work()
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        for network in given.networks:
            prepare(Path(folder), network, given.content, given.size)
            steps = given.steps or (25 if network == "vgg_mini" else 6)
            for kind in KINDS:
                print(f"{network}: {KINDS[kind]} ...", file=sys.stderr, flush=True)
                facts = in_child(
                    Path(__file__),
                    "--child",
                    kind,
                    network,
                    folder,
                    "--steps",
                    steps,
                    "--sides",
                    *given.sides,
                )
                rows.append({"network": network, "kind": kind, "title": KINDS[kind]} | facts)
    peak = max(rate for row in rows for rate in row["matmul_gflops"].values())
    for row in rows:
        row["gflops"] = row["gflop"]["step"] / row["seconds"]
        row["share_of_peak"] = row["gflops"] / peak
        print(
            f"{row['network']:9} {row['title']:50} {row['seconds']:.3f} s, {100 * row['share_of_peak']:.0f} %"
        )
    facts = {"settings": {"size": given.size, "content": given.content}, "peak_gflops": peak, "rows": rows}
    write_result("step", facts, given.results, busy)


def prepare(folder: Path, network: str, content: str, size: int) -> None:
    """Writes the pictures and random weights that keep activations' size from layer to layer."""
    from impasto.core.images import load_picture
    from impasto.models.register import find_network

    pixels = load_picture(photograph(content), size=size).pixels
    style = load_picture(photograph("coffee"), size=size).pixels
    np.savez(folder / "inputs.npz", content=pixels, style=style)
    random = np.random.default_rng(0)
    arrays = {
        name: random.standard_normal(shape, "float32") * np.float32((2 / np.prod(shape[:-1])) ** 0.5)
        if name.endswith("kernel")
        else np.zeros(shape, "float32")
        for name, shape in find_network(network).shapes.items()
    }
    np.savez(folder / f"{network}.npz", **arrays)  # type: ignore[arg-type]


def read_inputs(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """(content, style), each (height, width, 3) float32."""
    with np.load(folder / "inputs.npz") as file:
        return file["content"], file["style"]


def measure_impasto(kind: str, network: str, folder: Path, steps: int, sides: list[int]) -> dict[str, Any]:
    """Times steps of Impasto's own objective and optimiser, the ones that `stylize` uses."""
    from dataclasses import replace

    import tensorflow as tf
    from loop_judge import LOOP_OBJECTIVE

    from impasto.core import allocator
    from impasto.core.assemble import make_optimizer, workbench
    from impasto.core.devices import plain_tensorflow
    from impasto.core.recipes import settings_for
    from impasto.core.trial import choose_ways
    from impasto.models.register import find_network

    rates = matmul_peak(sides, lambda one, two: tf.matmul(one, two)[0, 0].numpy(), tf.constant)
    content, style = read_inputs(folder)
    settings = settings_for(
        "quality", method="optimise", network=network, weights=str(folder / f"{network}.npz")
    )
    if kind == "gram":
        settings = replace(settings, **LOOP_OBJECTIVE)
    bench = workbench(settings, content=True, style=True)
    way, deepest = "direct", max(bench.extractor.layers)
    if kind == "chosen":
        [way] = choose_ways(settings, find_network(network), deepest, [(*content.shape[:2], settings.steps)])
    objective = bench.objective_in(way)
    objective.targets = bench.content_targets(content) | bench.style_targets([style], [1.0])
    optimizer = make_optimizer(settings, content)
    if kind == "kept" or (kind == "chosen" and plain_tensorflow()):  # as `stylize` does where there is enough
        allocator.keep()
    times = []
    for _ in range(WARM_UP + steps):
        began = time.perf_counter()
        optimizer.step(objective)  # returns the loss as a number, so it has been computed
        times.append(time.perf_counter() - began)
    if optimizer.reason:
        raise SystemExit(f"The optimiser stopped: {optimizer.reason}")
    layers = [loss.layer for loss in bench.style_losses]
    return facts_of(times, rates, network, content, layers, deepest) | {"way": way}


def measure_loop(kind: str, network: str, folder: Path, steps: int, sides: list[int]) -> dict[str, Any]:
    """Times evaluations in the plain loop, each with its share of L-BFGS's own work."""
    import plain_loop
    import torch

    from impasto.models.register import find_network

    with torch.no_grad():
        rates = matmul_peak(sides, lambda one, two: (one @ two)[0, 0].item(), torch.from_numpy)
    content, style = read_inputs(folder)
    with np.load(folder / f"{network}.npz") as file:
        model = plain_loop.VGG(dict(file), find_network(network).pooling)
    image = plain_loop.to_tensor(content)
    objective = plain_loop.Objective(model, image.clone(), plain_loop.to_tensor(style))
    history = plain_loop.paint(objective, image, WARM_UP + steps + 1, time.perf_counter())
    times = np.diff([seconds for _, seconds, _ in history]).tolist()
    return facts_of([float("nan"), *times], rates, network, content, plain_loop.STYLE_LAYERS, "relu5_1")


def facts_of(
    times: list[float], rates: dict[str, float], network: str, content: np.ndarray, layers: Any, deepest: str
) -> dict[str, Any]:
    """What is written down of one measurement."""
    from impasto.models.register import find_network

    timed, (height, width) = times[WARM_UP:], content.shape[:2]
    return {
        "seconds": statistics.median(timed),
        "fastest": min(timed),
        "slowest": max(timed),
        "steps": len(timed),
        "gflop": step_gflop(find_network(network).blocks, height, width, layers, deepest),
        "matmul_gflops": rates,
        "peak_mb": peak_megabytes(),
    }


if __name__ == "__main__":
    main()
