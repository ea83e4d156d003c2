"""What the benchmarks share: their pictures, child processes, the machine's description, result files.

Every measurement runs in a process of its own, so that no library's threads, caches or memory
count for another's. The parents here import neither Keras nor PyTorch.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

FOLDER = Path(__file__).resolve().parent
REPOSITORY = FOLDER.parent
RESULTS = FOLDER / "results"
WORK = REPOSITORY / "build" / "benchmarks"  # ignored by git
PACKAGES = ("impasto", "keras", "tensorflow", "jax", "torch", "numpy")


def photograph(name: str) -> np.ndarray:
    """One of scikit-image's photographs: (height, width, 3) uint8.

    Args:
        name: `astronaut` (512×512), `coffee` (600×400) or `chelsea` (451×300).
    """
    from skimage import data

    return getattr(data, name)()


PHOTOGRAPHS = ("astronaut", "coffee", "chelsea")


def parser(docstring: str | None, **defaults: Any) -> argparse.ArgumentParser:
    """A parser that shows a script's docstring, with the options that all scripts have.

    Args:
        docstring: the script's.
        **defaults: of `size` and `content`.
    """
    made = argparse.ArgumentParser(
        description=docstring, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--results", type=Path, default=RESULTS, help="folder of the JSON results")
    made.add_argument(
        "--size", type=int, default=defaults.get("size", 512), help="longest side; default: 512"
    )
    made.add_argument("--content", choices=PHOTOGRAPHS, default=defaults.get("content", "astronaut"))
    return made


# ---------------------------------------------------------------- processes


def in_child(script: Path, *words: object, timeout: float = 7200) -> dict[str, Any]:
    """Runs a script of this folder in a process of its own and returns the JSON of its last line.

    Raises:
        SystemExit: the script failed; what it said on stderr has been passed on.
    """
    command = [sys.executable, str(script), *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, env=environment())
    if done.returncode:
        sys.stderr.write(done.stderr)
        raise SystemExit(f"{script.name} ended with {done.returncode}: {' '.join(command[1:])}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def environment() -> dict[str, str]:
    """The environment of what is measured: TensorFlow under Keras, unless chosen otherwise, and quiet."""
    return {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"} | dict(os.environ)


def require(module: str) -> None:
    """Ends the script with one line where a package is missing.

    Raises:
        SystemExit: it is.
    """
    from importlib.util import find_spec

    if find_spec(module) is None:
        raise SystemExit(f"{module} is missing; install it with: pip install -e '.[bench]'")


def peak_megabytes() -> float | None:
    """The most memory that this process has held; None where that is unknown."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    unit = 1 if sys.platform == "darwin" else 1024  # macOS counts bytes, Linux kibibytes
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6)


# ---------------------------------------------------------------- measuring


def median_seconds(function: Callable[[], Any], repeats: int, warm_up: int = 1) -> float:
    """The median time of a call."""
    for _ in range(warm_up):
        function()
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        function()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def matmul_peak(
    sides: Sequence[int], multiply: Callable[[Any, Any], Any], make: Callable[[np.ndarray], Any]
) -> dict[str, float]:
    """The machine's speed in float32 matrix products, in GFLOP/s by the matrices' side.

    Args:
        sides: of the square matrices.
        multiply: the library's matrix product; returns when it is done.
        make: turns an array into the library's tensor.
    """
    rates = {}
    for side in sides:
        random = np.random.default_rng(0)
        one, two = (make(random.standard_normal((side, side), "float32")) for _ in range(2))
        rates[str(side)] = 2e-9 * side**3 / median_seconds(partial(multiply, one, two), repeats=5)
    return rates


# ---------------------------------------------------------------- results


def machine() -> dict[str, Any]:
    """What the figures were measured on, and with."""
    model, features = platform.processor() or platform.machine(), set()
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                model = value.strip()
            elif key.strip() == "flags":
                features = set(value.split())
    except OSError:
        pass
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        memory = None
    return {
        "processor": model,
        "instructions": [name for name in ("avx2", "avx512f", "avx512_bf16", "amx_tile") if name in features],
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gb": None if memory is None else round(memory / 1e9, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in PACKAGES},
    }


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def other_work(seconds: float = 2.0) -> float | None:
    """The share of the processor that others use, measured before a benchmark; warns where that disturbs.

    Returns:
        0 to 1 of all cores together; None where the system does not tell.
    """
    before = _processor_times()
    time.sleep(seconds if before else 0)
    after = _processor_times()
    if not before or not after:
        return None
    total = sum(after) - sum(before)
    idle = sum(after[3:5]) - sum(before[3:5])  # idle, and waiting for disks: proc(5)
    busy = max(0.0, 1 - idle / max(total, 1))
    if busy > 0.1:
        print(f"The machine is {busy:.0%} busy with other work: times will be too long.", file=sys.stderr)
    return round(busy, 3)


def _processor_times() -> list[int]:
    try:
        return [int(word) for word in Path("/proc/stat").read_text().splitlines()[0].split()[1:]]
    except (OSError, ValueError, IndexError):
        return []


def write_json(facts: dict[str, Any], path: Path) -> None:
    """Writes a JSON file, beside it first and then renamed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".part")
    temporary.write_text(json.dumps(facts, indent=1, allow_nan=False) + "\n")
    os.replace(temporary, path)


def write_result(name: str, facts: dict[str, Any], folder: Path, busy: float | None) -> None:
    """Writes a benchmark's result with the date and the machine.

    Args:
        name: of the benchmark; its file is `name.json`.
        facts: what was measured.
        folder: where.
        busy: what `other_work` said before the measurement.
    """
    about = {
        "date": datetime.date.today().isoformat(),
        "machine": machine(),
        "busy_before": busy,
    }
    write_json(about | facts, folder / f"{name}.json")
    print(f"{name}: written to {folder / (name + '.json')}", file=sys.stderr)
