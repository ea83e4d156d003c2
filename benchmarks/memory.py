"""Peak memory of a step, whole and in tiles, beside what was estimated before it.

    python benchmarks/memory.py                            vgg_mini at 512 and 1024 px: minutes
    python benchmarks/memory.py --network vgg19 --sizes 2048 --memory auto 2.5GB --steps 2
    python benchmarks/memory.py --sizes 512 --memory auto --convolutions direct winograd
    python benchmarks/memory.py --sizes 256 --memory auto --results /tmp/r         a trial run

Each size and limit is a process of its own; rows of earlier calls stay in the file unless measured anew.
Memory is the most that the process held resident (`getrusage`): the pictures, the targets, steps of the
quality recipe with its optimiser, at one scale, and the file that is written. Weights are random: neither
time nor memory depends on them. Seconds are the last step's; processor seconds count all cores, and little
of what else the machine does.
"""

from __future__ import annotations

import json
import tempfile
import time
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from common import in_child, other_work, parser, peak_megabytes, write_result
from sections import memory_cells
from step import prepare

KEYS = ("network", "size", "memory", "convolution")  # what a row is known by


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--network", default="vgg_mini")
    arguments.add_argument("--sizes", nargs="+", default=["512", "1024"], help="1024, or 1024x1536")
    arguments.add_argument("--memory", nargs="+", default=["auto", "1GB"], help="limits to try at each size")
    arguments.add_argument("--convolutions", nargs="+", default=["auto"], help="auto, direct, winograd")
    arguments.add_argument("--steps", type=int, default=2)
    arguments.add_argument("--child", nargs=5, metavar=("NETWORK", "FOLDER", "SIZE", "MEMORY", "CONVOLUTION"))
    given = arguments.parse_args()
    if given.child:
        print(json.dumps(measure(*given.child, given.steps)))
        return
    busy, rows = other_work(), []
    with tempfile.TemporaryDirectory() as folder:
        prepare(Path(folder), given.network, given.content, 256)
        for size, memory, convolution in product(given.sizes, given.memory, given.convolutions):
            words = ["--child", given.network, folder, size, memory, convolution, "--steps", given.steps]
            row = {"network": given.network, "size": size, "memory": memory, "convolution": convolution}
            rows.append(row | {"busy_before": busy} | in_child(Path(__file__), *words))
            print(*memory_cells(rows[-1]), sep=" | ", flush=True)
    path = given.results / f"memory_{given.network}.json"
    write_result(path.stem, {"rows": with_earlier(rows, path)}, given.results, busy)


def with_earlier(rows: list[dict[str, Any]], path: Path) -> list[dict[str, Any]]:
    """These rows and those of earlier calls in the file, but for the ones that were measured anew."""
    try:
        earlier = json.loads(path.read_text())["rows"]
    except (OSError, ValueError, KeyError):
        earlier = []
    new = {tuple(row[key] for key in KEYS) for row in rows}
    return [row for row in earlier if tuple(row.get(key, "auto") for key in KEYS) not in new] + rows


def measure(
    network: str, folder: str, size: str, memory: str, convolution: str, steps: int
) -> dict[str, Any]:
    """Steps of a painting of one scale, through what `stylize` itself does."""
    from PIL import Image

    from impasto.core.estimate import estimate
    from impasto.core.images import load_picture
    from impasto.core.recipes import settings_for
    from impasto.core.stylize import stylize

    sides = [int(side) for side in size.split("x")]
    height, width = sides[0], sides[-1]
    with np.load(Path(folder) / "inputs.npz") as file:
        small, style = np.round(file["content"] * 255).astype("uint8"), file["style"]
    # A file, as a user has: an array would be a second copy of the photograph.
    photograph = Path(folder) / f"{size}.png"
    repeats = -(-height // small.shape[0]), -(-width // small.shape[1]), 1
    Image.fromarray(np.tile(small, repeats)[:height, :width]).save(photograph, compress_level=1)
    settings = settings_for(
        "quality",
        method="optimise",
        network=network,
        weights=str(Path(folder) / f"{network}.npz"),
        size=0,
        first_scale=0,
        steps=steps,
        memory=memory,
        convolution=convolution,
        prime_colours=False,
    )
    content = load_picture(photograph)  # as the command line does, which holds it when it estimates
    found = estimate(settings, height, width)
    times: list[tuple[float, float]] = []
    result = stylize(
        content,
        [style],
        settings=settings,
        on_progress=lambda step: times.append((step.seconds, time.process_time())),
    )
    result.save(Path(folder) / "painted.png")
    before, after = times[-2] if len(times) > 1 else (0.0, 0.0), times[-1]
    return {
        "estimated_mb": found.memory / 1e6,
        "tiles": found.tiles,
        "peak_mb": peak_megabytes(),
        "seconds": after[0] - before[0],
        "processor_seconds": after[1] - before[1],
    }


if __name__ == "__main__":
    main()
