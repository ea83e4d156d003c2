"""A step with convolutions computed directly, by Winograd's method and in bfloat16, in turn.

    python benchmarks/ways.py                            VGG-19 and vgg_mini, 512 px: about 2 minutes
    python benchmarks/ways.py --size 64 --rounds 1 --networks vgg_mini --results /tmp/r    a trial run

One process holds all three ways of one network and takes a step of each in turn, so that whatever else
the machine does disturbs them alike; medians. Both the clock and the processor's own seconds are
written down: the latter stay comparable on a machine that is shared. The first step of a way compiles;
its time is given by itself. VGG-19 has random weights: the time does not depend on them.
"""

from __future__ import annotations

import json
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from common import in_child, other_work, parser, write_result
from step import prepare, read_inputs

WAYS = ("direct", "winograd", "bfloat16")


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--networks", nargs="+", default=["vgg19", "vgg_mini"])
    arguments.add_argument("--rounds", type=int, help="default: 4 of VGG's, 10 of vgg_mini's")
    arguments.add_argument("--child", nargs=2, metavar=("NETWORK", "FOLDER"), help="(for the script itself)")
    given = arguments.parse_args()
    if given.child:
        print(json.dumps(measure(given.child[0], Path(given.child[1]), given.rounds)))
        return
    busy, rows = other_work(), []
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = folder  # nothing is compiled yet
        for network in given.networks:
            prepare(Path(folder), network, given.content, given.size)
            rounds = given.rounds or (10 if network == "vgg_mini" else 4)
            facts = in_child(Path(__file__), "--child", network, folder, "--rounds", rounds)
            for way in WAYS:
                rows.append({"network": network, "way": way} | facts[way])
                print(f"{network:9} {way:9}", {k: round(v, 3) for k, v in facts[way].items()}, flush=True)
    write_result(
        "ways",
        {"settings": {"size": given.size, "content": given.content}, "rows": rows},
        given.results,
        busy,
    )


def measure(network: str, folder: Path, rounds: int) -> dict[str, dict[str, float]]:
    """Seconds of the first step and of later ones, by the clock and of the processor, for each way."""
    from impasto.core.assemble import make_optimizer, workbench
    from impasto.core.recipes import settings_for

    content, style = read_inputs(folder)
    settings = settings_for(
        "quality", method="optimise", network=network, weights=str(folder / f"{network}.npz")
    )
    bench = workbench(settings, content=True, style=True)
    targets = bench.content_targets(content) | bench.style_targets([style], [1.0])
    steps: dict[str, Any] = {}
    for way in WAYS:
        objective = bench.objective_in(way)
        objective.targets = targets
        steps[way] = (make_optimizer(settings, content), objective)
    times = [{way: timed(*steps[way]) for way in WAYS} for _ in range(1 + rounds)]
    return {
        way: {
            "first_seconds": times[0][way][0],
            "first_processor_seconds": times[0][way][1],
            "seconds": statistics.median(one[way][0] for one in times[1:]),
            "processor_seconds": statistics.median(one[way][1] for one in times[1:]),
        }
        for way in WAYS
    }


def timed(optimizer: Any, objective: Any) -> tuple[float, float]:
    began, spent = time.perf_counter(), time.process_time()
    optimizer.step(objective)  # returns the loss as a number, so it has been computed
    return time.perf_counter() - began, time.process_time() - spent


if __name__ == "__main__":
    main()
