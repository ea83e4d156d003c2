"""Runs all benchmarks one after another and writes `results.md`: what `make bench` calls.

    python benchmarks/run.py            about 15 minutes on two idle cores
    python benchmarks/run.py --quick    a trial of everything with tiny pictures, written to build/

Each benchmark is a script of its own with options of its own; see their docstrings.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time

from common import FOLDER, WORK, environment, require

QUICK = WORK / "quick"
SCRIPTS: dict[str, list[str]] = {
    "process.py": ["--runs", "1", "--size", "96", "--steps", "5"],
    "step.py": ["--size", "64", "--steps", "2", "--networks", "vgg_mini", "--sides", "512"],
    "ways.py": ["--size", "64", "--rounds", "1", "--networks", "vgg_mini"],
    "memory.py": ["--sizes", "64", "--memory", "auto", "--steps", "1"],
    "one_pass.py": ["--size", "64", "--runs", "1"],
    "convergence.py": ["--size", "64", "--steps", "8", "--plot", str(QUICK / "convergence.png")],
}


def main() -> int:
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument(
        "--quick", action="store_true", help="tiny pictures; nothing in the repository changes"
    )
    arguments.add_argument("--only", nargs="+", choices=list(SCRIPTS), default=list(SCRIPTS))
    arguments.add_argument("--style", default="starry_night", help="gallery style, style file or picture")
    arguments.add_argument("--weights", help="the bundled network's weight file, instead of its own")
    given = arguments.parse_args()
    require("torch")
    began = time.perf_counter()
    for script in given.only:
        words = [*SCRIPTS[script], "--results", str(QUICK)] if given.quick else []
        if script in ("process.py", "convergence.py"):
            words += ["--style", given.style] + (
                [] if given.weights is None else ["--weights", given.weights]
            )
        call(script, words)
    call("report.py", ["--results", str(QUICK), "--output", str(QUICK / "results.md")] if given.quick else [])
    print(f"All in {(time.perf_counter() - began) / 60:.1f} minutes.")
    return 0


def call(script: str, words: list[str]) -> None:
    """Runs a script; ends with its status if it fails."""
    began = time.perf_counter()
    print(f"== {script} {' '.join(words)}", flush=True)
    status = subprocess.run([sys.executable, str(FOLDER / script), *words], env=environment()).returncode
    if status:
        raise SystemExit(status)
    print(f"== {script}: {time.perf_counter() - began:.0f} s", flush=True)


if __name__ == "__main__":
    sys.exit(main())
