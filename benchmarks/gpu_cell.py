"""One cell of `gpu.py`, in a process of its own: prints what it measured as a line of JSON."""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
from arithmetic import step_gflop
from common import PHOTOGRAPHS, peak_megabytes, photograph
from step import read_inputs

from impasto.core.backend import repeatable_arithmetic, select_device, to_tensor
from impasto.core.failures import out_of_memory
from impasto.core.recipes import Settings, settings_for

ROWS, WARM_UP = 3, 3  # rows of steps that are timed; steps before them, of which the first compiles
MATRIX = {"gpu": 8192, "cpu": 256}  # side of the peak's matrices
ON_JAX = {"float32": "float32", "tf32": "tensorfloat32", "bf16": "float32"}  # as the engine sets it
BACKEND = keras.backend.backend()


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("kind", choices=("look", "peak", "step", "run", "batch"))
    arguments.add_argument("--device", default="gpu")
    arguments.add_argument("--network")
    arguments.add_argument("--size", type=int)
    arguments.add_argument("--precision")
    arguments.add_argument("--folder", type=Path)
    arguments.add_argument("--steps", type=int)
    arguments.add_argument("--run-steps", type=int)
    arguments.add_argument("--coarse", action="store_true")
    arguments.add_argument("--pictures", type=int)
    given = arguments.parse_args()
    if given.kind == "look":
        print(json.dumps(look(given.device)))
        return
    kinds = {"peak": peak, "step": step, "run": run, "batch": batch}
    with select_device(given.device):
        repeatable_arithmetic()  # as every painting asks for it
        try:
            found = kinds[given.kind](given)
        except Exception as error:
            if not out_of_memory(error):
                raise
            found = {"failed": "out of memory"}
        print(json.dumps(found | ({} if given.kind == "peak" else {"memory_mb": most_memory(given.device)})))


def look(device: str) -> dict[str, Any]:
    """The card's name, or None; for the processor, that. And the backend's version."""
    if BACKEND == "jax":
        import jax

        gpus = [one.device_kind for one in jax.devices() if one.platform != "cpu"]
        version = jax.__version__
    else:
        import torch

        cuda = torch.cuda.is_available()
        gpus, version = [torch.cuda.get_device_name(0)] if cuda else [], torch.__version__
    return {"card": "the processor" if device == "cpu" else gpus[0] if gpus else None, "version": version}


def settle(precision: str) -> None:
    """Sets how float32 is multiplied; see `gpu.py`. For bf16 the backend's own way stays."""
    if BACKEND == "jax":
        import jax

        jax.config.update("jax_default_matmul_precision", ON_JAX[precision])
    elif precision != "bf16":
        import torch

        torch.set_float32_matmul_precision("high" if precision == "tf32" else "highest")
        torch.backends.cudnn.allow_tf32 = precision == "tf32"


def wait(tensor: Any) -> None:
    """Until the device has computed it, and all that was asked for before."""
    if BACKEND == "jax":
        import jax

        jax.block_until_ready(tensor)
    elif tensor.device.type == "cuda":
        import torch

        torch.cuda.synchronize(tensor.device)


def most_memory(device: str) -> float | None:
    """The most megabytes that were taken on the card; on a processor, by the process."""
    if device == "cpu":
        return peak_megabytes()
    if BACKEND == "jax":
        import jax

        most = (jax.devices()[0].memory_stats() or {}).get("peak_bytes_in_use")
        return None if most is None else most / 1e6
    import torch

    return torch.cuda.max_memory_allocated() / 1e6


def in_a_row(call: Callable[[], Any], count: int) -> list[float]:
    """Seconds a call, of `ROWS` rows of so many; nothing waits within a row but what the call itself does."""
    for _ in range(WARM_UP):
        wait(call())
    rows = []
    for _ in range(ROWS):
        began = time.perf_counter()
        for _ in range(count):
            last = call()
        wait(last)
        rows.append((time.perf_counter() - began) / count)
    return rows


def peak(given: argparse.Namespace) -> dict[str, float]:
    """GFLOP/s of a product of large square matrices, by precision."""
    side, random = MATRIX[given.device], np.random.default_rng(0)
    one, two = (to_tensor(random.standard_normal((side, side), "float32")) for _ in range(2))
    rates = {}
    for precision in ON_JAX:
        settle(precision)
        if precision == "bf16":
            one, two = (keras.ops.cast(matrix, "bfloat16") for matrix in (one, two))
        rates[precision] = 2e-9 * side**3 / min(in_a_row(_product(one, two), given.steps))
    return rates


def _product(one: Any, two: Any) -> Callable[[], Any]:
    if BACKEND == "jax":
        import jax

        compiled = jax.jit(lambda x, y: x @ y)
        return lambda: compiled(one, two)
    return lambda: one @ two


def recipe(given: argparse.Namespace, **changes: Any) -> Settings:
    """The quality recipe with random weights, in the cell's precision; sets the backend's as well."""
    settle(given.precision)
    return settings_for(
        "quality",
        method="optimise",
        network=given.network,
        weights=str(given.folder / f"{given.network}.npz"),
        precision="bfloat16" if given.precision == "bf16" else "float32",
        size=given.size,
        **changes,
    )


def step(given: argparse.Namespace) -> dict[str, Any]:
    """Seconds of a step, and of an evaluation alone: what is more is the optimiser, and reading its loss."""
    from impasto.core.assemble import make_optimizer, workbench
    from impasto.models.register import find_network

    settings = recipe(given)
    content, style = read_inputs(given.folder)
    bench = workbench(settings, content=True, style=True)
    objective = bench.objective_in("bfloat16" if given.precision == "bf16" else "direct")
    objective.targets = bench.content_targets(content) | bench.style_targets([style], [1.0])
    optimizer = make_optimizer(settings, content)

    def one() -> Any:
        optimizer.step(objective)
        return optimizer.image

    began = time.perf_counter()
    wait(one())
    first = time.perf_counter() - began
    steps = in_a_row(one, given.steps)
    if optimizer.reason:
        raise SystemExit(f"The optimiser stopped: {optimizer.reason}")
    evaluations = in_a_row(lambda: objective(optimizer.image)[2], given.steps)
    layers = [loss.layer for loss in bench.style_losses]
    blocks, deepest = find_network(given.network).blocks, max(bench.extractor.layers)
    return {
        "seconds": statistics.median(steps),
        "fastest": min(steps),
        "slowest": max(steps),
        "evaluation_seconds": statistics.median(evaluations),
        "first_seconds": first,
        "gflop": step_gflop(blocks, *content.shape[:2], layers, deepest),
    }


def run(given: argparse.Namespace) -> dict[str, float]:
    """Seconds of a call of `stylize`: the first in the process, which compiles, and the second."""
    from impasto.core.stylize import stylize

    settings = recipe(given, steps=given.run_steps, **({} if given.coarse else {"first_scale": 0}))
    content, style = read_inputs(given.folder)
    seconds = []
    for _ in range(2):
        began = time.perf_counter()
        result = stylize(content, [style], settings=settings)  # gives the picture on the host
        seconds.append(time.perf_counter() - began)
    if result.reason:
        raise SystemExit(f"The optimiser stopped: {result.reason}")
    return {"first_seconds": seconds[0], "seconds": seconds[1], "steps": len(result.history)}


def batch(given: argparse.Namespace) -> dict[str, float]:
    """Pictures a minute, files' bytes in and out, as `impasto stylize` paints several; without the first."""
    import io

    from PIL import Image

    from impasto.core.batch import Manner, paint_bytes
    from impasto.core.styles import load_style

    files = []
    for number in range(1 + given.pictures):
        pixels = photograph(PHOTOGRAPHS[0])
        file = io.BytesIO()
        Image.fromarray(np.roll(pixels, 40 * number, axis=1)).save(file, "PNG")
        files.append(file.getvalue())
    few = {"steps": given.run_steps} if given.device == "cpu" else {}
    manner = Manner([load_style(read_inputs(given.folder)[1])], recipe(given, **few))
    paint_bytes(files[0], manner)
    began = time.perf_counter()
    for source in files[1:]:
        paint_bytes(source, manner)
    seconds = (time.perf_counter() - began) / given.pictures
    return {"pictures_a_minute": 60 / seconds, "seconds": seconds, "steps": manner.settings.steps}


if __name__ == "__main__":
    main()
