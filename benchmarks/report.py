"""Collects the benchmarks' JSON results into `results.md`, measured figures only.

python benchmarks/report.py
python benchmarks/report.py --results /tmp/r --output /tmp/r/results.md
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

from common import FOLDER, REPOSITORY, RESULTS
from sections import SECTIONS, Lines, table
from summary import HEADER, summary


def main() -> None:
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("--results", type=Path, default=RESULTS, help="folder of the JSON results")
    arguments.add_argument("--output", type=Path, default=FOLDER / "results.md")
    given = arguments.parse_args()
    found = {
        name: json.loads(path.read_text())
        for name in SECTIONS
        if (path := given.results / f"{name}.json").exists()
    }
    if not found:
        raise SystemExit(f"There are no results yet; run `make bench` first. Received: {given.results}")
    lines = [
        "# Measured",
        "",
        "Written by `make bench` (`benchmarks/report.py`); the figures behind it are in",
    ]
    lines += [f"`{_relative(given.results)}`.", "", *machines(found)]
    beside = table(HEADER, summary(found))
    lines += ["", "## All figures beside the plain loop's", "", *beside]
    for name, facts in found.items():
        lines += ["", *SECTIONS[name](facts)]
    temporary = given.output.with_name(given.output.name + ".part")
    temporary.write_text("\n".join(lines) + "\n")
    os.replace(temporary, given.output)
    print("\n".join(beside))
    print(f"Written to {given.output}")


def _relative(path: Path) -> Path:
    path = path.resolve()
    return path.relative_to(REPOSITORY) if path.is_relative_to(REPOSITORY) else path


def machines(found: dict[str, dict[str, Any]]) -> Lines:
    """The machine, once if it was the same for all; the dates and how idle it was."""
    described = {name: describe(facts["machine"]) for name, facts in found.items()}
    if len(set(described.values())) == 1:
        lines = [f"Machine: {next(iter(described.values()))}.", ""]
    else:
        lines = [f"Machine of `{name}`: {text}." for name, text in described.items()] + [""]
    when = [
        f"`{name}` on {facts['date']}"
        + ("" if facts["busy_before"] is None else f" (processor {facts['busy_before']:.0%} busy before it)")
        for name, facts in found.items()
    ]
    return [*lines, f"Measured: {', '.join(when)}."]


def describe(machine: dict[str, Any]) -> str:
    """One line about a machine and the versions on it."""
    versions = [f"{name} {version}" for name, version in machine["versions"].items() if version]
    instructions = f" ({', '.join(machine['instructions'])})" if machine["instructions"] else ""
    memory = f", {machine['memory_gb']:g} GB" if machine["memory_gb"] else ""
    return (
        f"{machine['processor']}{instructions}, {machine['cores']} cores{memory}, {machine['system']}, "
        f"Python {machine['python']}, {', '.join(versions)}"
    )


if __name__ == "__main__":
    main()
