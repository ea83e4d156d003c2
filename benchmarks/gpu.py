"""What one GPU does with JAX and with PyTorch: steps, whole runs, batches, memory. For NVIDIA's cards.

    KERAS_BACKEND=jax python benchmarks/gpu.py          or torch; without it each of the two that sees a GPU
    python benchmarks/gpu.py --networks vgg19 --sizes 512 1024
    python benchmarks/gpu.py --device cpu --sizes 64 --networks vgg_mini --steps 2 --results /tmp/r    a trial

A step is the engine's own: the quality recipe's objective with its gradient, and Adam. Of each network, size
and precision: the time of a step in a row of steps, the share of the card's measured peak (`arithmetic.py`
counts the arithmetic), the most memory on the card. Then whole runs of `stylize`, and pictures a minute in a
batch.

float32 is without TensorFloat-32; tf32 has it in convolutions and matrix products; bf16 has convolutions in
bfloat16 and leaves the rest as the backend computes it by itself. The peak is the fastest product of large
square matrices in that precision, in the same run. Networks have random weights: times do not depend on
them.

Every cell is a process of its own (`gpu_cell.py`), so that its peak of memory is its own. One that runs out
of memory becomes a line of the table. `report.py` makes the table of `gpu.json`.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from common import FOLDER, RESULTS, in_child, other_work, parser, write_result
from step import prepare

BACKENDS = {"jax": "JAX", "torch": "PyTorch"}
PRECISIONS = ("float32", "tf32", "bf16")
CELL = FOLDER / "gpu_cell.py"
Row = dict[str, Any]


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--device", choices=("gpu", "cpu"), default="gpu", help="cpu: a trial")
    arguments.add_argument("--networks", nargs="+", default=["vgg19", "vgg_mini"])
    arguments.add_argument("--sizes", nargs="+", type=int, default=[512, 1024, 2048, 4096])
    arguments.add_argument("--precisions", nargs="+", choices=PRECISIONS, default=list(PRECISIONS))
    arguments.add_argument("--steps", type=int, default=10, help="in a row, of which three are timed")
    arguments.add_argument("--run-steps", type=int, help="of the whole runs; default: 500")
    arguments.add_argument("--pictures", type=int, help="of the batch, after the first; default: 10")
    given = arguments.parse_args()
    if given.device == "cpu":
        if given.results.resolve() == RESULTS.resolve():
            raise SystemExit(
                f"A trial on a processor is no result; give another --results. Received: {RESULTS}"
            )
        given.size = given.sizes[0]
    given.run_steps = given.run_steps or (500 if given.device == "gpu" else given.steps)
    given.pictures = given.pictures or (10 if given.device == "gpu" else 1)
    devices = look(given.device)
    busy, found = other_work(), {}
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = folder
        for backend, about in devices.items():
            os.environ["KERAS_BACKEND"] = backend
            print(f"{BACKENDS[backend]} on {about['card']}", file=sys.stderr)
            for measured in measure(given, Path(folder)):
                found[backend] = about | measured  # a run that is ended keeps what it has
                if any("seconds" in row for row in measured["steps"]):
                    settings = {"size": given.size, "content": given.content, "run_steps": given.run_steps}
                    write_result("gpu", {"settings": settings, "backends": found}, given.results, busy)
    if not any("seconds" in row for about in found.values() for row in about["steps"]):
        raise SystemExit("Nothing could be measured; the lines above say why.")


def look(device: str) -> dict[str, Row]:
    """The card that each backend sees, for the backends that see one.

    Raises:
        SystemExit: none does.
    """
    chosen = os.environ.get("KERAS_BACKEND")
    if chosen and chosen not in BACKENDS:
        raise SystemExit(
            f"This measures JAX and PyTorch; unset KERAS_BACKEND or change it. Received: {chosen}"
        )
    asked = [chosen] if chosen else list(BACKENDS)
    os.environ.setdefault("XLA_PYTHON_CLIENT_MEM_FRACTION", ".95")  # JAX's pool: nearly the whole card
    seen = {}
    for backend in filter(find_spec, asked):
        os.environ["KERAS_BACKEND"] = backend
        about = in_child(CELL, "look", "--device", device)
        if about["card"]:
            seen[backend] = about
    if not seen:
        raise SystemExit(
            f"No GPU is seen here by {' or '.join(BACKENDS[one] for one in asked)}; nothing was measured. "
            "For a trial: --device cpu --sizes 64 --networks vgg_mini --steps 2 --results /tmp/r"
        )
    return seen


def measure(given: argparse.Namespace, folder: Path) -> Iterator[dict[str, Any]]:
    """All cells of one backend; yields what there is after each."""
    options = ["--device", given.device, "--steps", given.steps]
    steps, runs, batches = list[Row](), list[Row](), list[Row]()
    found = {"peak_gflops": cell("peak", {}, options), "steps": steps, "runs": runs, "batches": batches}
    for network in given.networks:
        for size in given.sizes:
            prepare(folder, network, given.content, size)
            for precision in given.precisions:
                row = {"network": network, "size": size, "precision": precision}
                row = cell("step", row, [*options, "--folder", folder])
                if "seconds" in row and precision in found["peak_gflops"]:
                    peak = found["peak_gflops"][precision]
                    row["share_of_peak"] = row["gflop"]["step"] / row["seconds"] / peak
                steps.append(row)
                yield found
        prepare(folder, network, given.content, given.size)
        for precision in given.precisions:
            row = {"network": network, "size": given.size, "precision": precision}
            words = [*options, "--folder", folder, "--run-steps", given.run_steps]
            for coarse in (False, True):
                runs.append(cell("run", row | {"coarse": coarse}, [*words, *["--coarse"] * coarse]))
                yield found
            batches.append(cell("batch", row, [*words, "--pictures", given.pictures]))
            yield found


def cell(kind: str, row: Row, options: list[Any]) -> Row:
    """A measurement in a process of its own; where it fails, the row says `failed` and why."""
    words = [kind, *options]
    for name in ("network", "size", "precision"):
        words += [f"--{name}", row[name]] if name in row else []
    label = " ".join(str(value) for value in row.values())
    try:
        found = in_child(CELL, *words)
    except (SystemExit, subprocess.TimeoutExpired) as error:
        found = {"failed": "took too long" if isinstance(error, subprocess.TimeoutExpired) else "ended"}
        print(f"{kind} {label}: {error}", file=sys.stderr)
    told = found.get("failed") or ", ".join(f"{k} {v:.4g}" for k, v in found.items() if isinstance(v, float))
    print(f"{kind:5} {label}: {told}", file=sys.stderr, flush=True)
    return row | found


if __name__ == "__main__":
    main()
