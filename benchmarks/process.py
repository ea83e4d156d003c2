"""`impasto stylize` as a whole process: seconds to the first step and to the file, peak memory.

    python benchmarks/process.py                              3 runs at 512 px: about 2 minutes
    python benchmarks/process.py --runs 1 --size 96 --steps 5 --results /tmp/r         a trial run

What a user waits for with the default recipe and the bundled network, from the start of the process
on an idle machine with the files in the system's cache (a first run warms it and is left out). The
content is square, so no other picture of this size has more pixels. Memory is the most that the
process held resident, as the system counted it (`wait4`).
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from common import environment, other_work, parser, photograph, write_result

TARGETS = {"seconds": 30.0, "seconds_before_first_step": 4.0, "peak_gb": 1.2}
TITLES = {
    "seconds": "from process start to file, s",
    "seconds_before_first_step": "of it before the first step, s",
    "peak_gb": "peak memory, GB",
}


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--style", default="starry_night", help="gallery style, style file or picture")
    arguments.add_argument("--runs", type=int, default=3)
    arguments.add_argument("--recipe", default="quality")
    arguments.add_argument("--network", default="vgg_mini")
    arguments.add_argument("--weights", help="the network's weight file, instead of its own")
    arguments.add_argument("--steps", type=int, help="instead of the recipe's")
    given = arguments.parse_args()
    busy = other_work()
    options = {name: getattr(given, name) for name in ("size", "recipe", "network", "weights", "steps")}
    with tempfile.TemporaryDirectory() as folder:
        content = write_photograph(given.content, Path(folder))
        command = [
            *impasto(),
            "stylize",
            str(content),
            given.style,
            "-o",
            str(Path(folder) / "out.png"),
            "--json",
        ]
        for name, value in options.items():
            command += [] if value is None else [f"--{name}", str(value)]
        run(
            [
                *impasto(),
                "stylize",
                str(content),
                given.style,
                "-o",
                str(Path(folder) / "warm.png"),
                "--json",
                "--steps",
                "1",
                "--size",
                "64",
                "--network",
                given.network,
            ]
            + ([] if given.weights is None else ["--weights", given.weights])
        )
        runs = [run(command) for _ in range(given.runs)]
    medians = {name: statistics.median(one[name] for one in runs) for name in TARGETS}
    for name, value in medians.items():
        print(f"{TITLES[name]:34} {value:6.2f}   target: at most {TARGETS[name]:g}")
    settings = options | {"content": given.content, "style": Path(given.style).stem}
    facts = {"settings": settings, "median": medians, "targets": TARGETS, "titles": TITLES, "runs": runs}
    write_result("process", facts, given.results, busy)


def impasto() -> list[str]:
    """The installed command, of the environment that runs this script."""
    beside = Path(sys.executable).with_name("impasto")
    found = str(beside) if beside.exists() else shutil.which("impasto")
    return [found] if found else [sys.executable, "-m", "impasto.core.cli"]


def write_photograph(name: str, folder: Path) -> Path:
    """Writes the content as a file."""
    from PIL import Image

    path = folder / f"{name}.png"
    Image.fromarray(photograph(name)).save(path)
    return path


def run(command: list[str]) -> dict[str, Any]:
    """Runs the command once.

    Returns:
        `seconds` from the start of the process to its end; `seconds_before_first_step`, likewise from
        the start; `seconds_to_first_step_done`; `peak_gb`; and the steps and the network it reports.

    Raises:
        SystemExit: it failed; what it said is passed on.
    """
    with tempfile.TemporaryFile("w+") as said:
        began = time.perf_counter()
        # Unbuffered, so that the JSON line arrives when it is printed: its "seconds" end there.
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
            env=environment() | {"PYTHONUNBUFFERED": "1"},
        )
        last, arrived = "", 0.0
        for line in process.stdout or ():
            last, arrived = line, time.perf_counter() - began
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode or not last:
            said.seek(0)
            raise SystemExit(f"impasto ended with {process.returncode}: {said.read().strip()[-2000:]}")
    facts = json.loads(last)
    late = arrived - facts["seconds"]  # what the process does not know of: the interpreter's start
    unit = 1 if sys.platform == "darwin" else 1024  # macOS counts bytes, Linux kibibytes
    return {
        "seconds": seconds,
        "seconds_before_first_step": facts["seconds_before_first_step"] + late,
        "seconds_to_first_step_done": facts["seconds_to_first_step_done"] + late,
        "peak_gb": usage.ru_maxrss * unit / 1e9,
        "processor_seconds": usage.ru_utime + usage.ru_stime,
        "steps": facts["steps"],
        "network": facts["network"],
        "width": facts["width"],
        "height": facts["height"],
    }


if __name__ == "__main__":
    main()
