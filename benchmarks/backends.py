"""A step on each of Keras's backends that is installed here, a process each, in turns.

    python benchmarks/backends.py                                      vgg_mini at 512 px: some minutes
    python benchmarks/backends.py --networks vgg19 --size 256
    python benchmarks/backends.py --size 64 --rounds 1 --results /tmp/r     a trial run

The quality recipe's objective and optimiser, convolutions in float32 as the backend computes them, random
weights. A round is a process for each backend; medians over the rounds. The processor's own seconds, all
cores together, stay comparable on a machine that others use too. The first step compiles; its time is
given by itself.
"""

from __future__ import annotations

import json
import os
import statistics
import tempfile
from importlib.util import find_spec
from pathlib import Path

from common import in_child, other_work, parser, write_result
from step import prepare, read_inputs
from ways import timed

BACKENDS = ("tensorflow", "jax", "torch")  # as their packages are called


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--networks", nargs="+", default=["vgg_mini"])
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--steps", type=int, default=4, help="after the first; default: 4")
    arguments.add_argument("--child", nargs=2, metavar=("NETWORK", "FOLDER"), help="(for the script itself)")
    given = arguments.parse_args()
    if given.child:
        print(json.dumps(measure(given.child[0], Path(given.child[1]), given.steps)))
        return
    busy, rows = other_work(), []
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = folder
        for network in given.networks:
            prepare(Path(folder), network, given.content, given.size)
            found: dict[str, list[dict[str, float]]] = {}
            for _ in range(given.rounds):
                for backend in filter(find_spec, BACKENDS):
                    os.environ["KERAS_BACKEND"] = backend
                    words = ["--child", network, folder, "--steps", given.steps]
                    found.setdefault(backend, []).append(in_child(Path(__file__), *words))
            for backend, runs in found.items():
                medians = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
                rows.append({"network": network, "backend": backend} | medians)
                told = "  ".join(f"{name} {value:.2f}" for name, value in medians.items())
                print(f"{network:9} {backend:11} {told}", flush=True)
    settings = {"size": given.size, "content": given.content, "rounds": given.rounds}
    write_result("backends", {"settings": settings, "rows": rows}, given.results, busy)


def measure(network: str, folder: Path, steps: int) -> dict[str, float]:
    """Seconds of the first step and of later ones, by the clock and of the processor."""
    from impasto.core.assemble import make_optimizer, workbench
    from impasto.core.recipes import settings_for

    content, style = read_inputs(folder)
    settings = settings_for(
        "quality", method="optimise", network=network, weights=str(folder / f"{network}.npz")
    )
    bench = workbench(settings, content=True, style=True)
    bench.objective.targets = bench.content_targets(content) | bench.style_targets([style], [1.0])
    optimizer = make_optimizer(settings, content)
    first, *later = (timed(optimizer, bench.objective) for _ in range(1 + steps))
    return {
        "first_seconds": first[0],
        "seconds": statistics.median(clock for clock, _ in later),
        "processor_seconds": statistics.median(processor for _, processor in later),
    }


if __name__ == "__main__":
    main()
