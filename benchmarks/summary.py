"""All figures of a processor in one table beside the plain loop's: the top of `results.md`."""

from __future__ import annotations

from typing import Any

Facts = dict[str, Any]
Row = list[str]
HEADER = ["what", "Impasto", "plain PyTorch loop", "×"]


def summary(found: dict[str, Facts]) -> list[Row]:
    """The rows of the table, under `HEADER`.

    Args:
        found: the results that there are, by the benchmark's name.
    """
    makers = {
        "process": process,
        "step": step,
        "ways": ways,
        "convergence": convergence,
        "one_pass": one_pass,
        "memory_vgg_mini": memory,
        "memory_vgg19": memory,
    }
    return [row for name, make in makers.items() if name in found for row in make(found[name])]


def alone(what: str, value: str) -> Row:
    """A row that the plain loop has nothing beside."""
    return [what, value, "", ""]


def process(facts: Facts) -> list[Row]:
    median, run = facts["median"], facts["runs"][0]
    what = f"`impasto stylize`, {run['width']}×{run['height']}, {run['steps']} steps: "
    titles = facts["titles"]
    return [alone(what + titles[name], f"{value:.2f}") for name, value in median.items()]


def step(facts: Facts) -> list[Row]:
    rows = []
    loops = {row["network"]: row for row in facts["rows"] if row["kind"] == "loop"}
    for row in facts["rows"]:
        if row["kind"] == "loop":
            continue
        loop, way = loops[row["network"]], f" ({row['way']})" if row["kind"] == "chosen" else ""
        what = f"a step, {row['network']}, {facts['settings']['size']} px: "
        title = row["title"].removeprefix("Impasto, ") + way
        rows.append(
            [
                f"{what}{title}, ms",
                f"**{1000 * row['seconds']:.0f}**",
                f"{1000 * loop['seconds']:.0f}",
                f"**{loop['seconds'] / row['seconds']:.2f}**",
            ]
        )
    return rows


def ways(facts: Facts) -> list[Row]:
    size = facts["settings"]["size"]
    return [
        alone(
            f"a step, {row['network']}, {size} px: {row['way']}, processor's ms",
            f"{1000 * row['processor_seconds']:.0f}",
        )
        for row in facts["rows"]
    ]


def convergence(facts: Facts) -> list[Row]:
    """The first of our runs at the loss of the loop's last step, and at its lowest."""
    rows = []
    network, size = facts["settings"]["network"], facts["settings"]["size"]
    loop, *ours = facts["rows"]
    for key, what in (("seconds_to_last", "its last step's"), ("seconds_to_target", "its lowest")):
        there = [row for row in ours if row[key] is not None]
        if not there:
            continue
        best = min(there, key=lambda row: row[key])
        whole = facts["loop_seconds"] if key == "seconds_to_last" else loop[key]
        rows.append(
            [
                f"to the loop's loss, {what} ({network}, {size} px; {best['name']}), s",
                f"**{best[key]:.1f}**",
                f"{whole:.1f}",
                f"**{whole / best[key]:.1f}**",
            ]
        )
    return rows


def one_pass(facts: Facts) -> list[Row]:
    rows = []
    for row in facts["rows"]:
        what = f"`--method instant`, {row['size']} px, {row['way']}: "
        if row["cold"] is not None:
            rows.append(alone(what + "process start to file, s", f"{row['cold']:.2f}"))
        rows.append(alone(what + "once loaded, s", f"{row['warm']:.2f}"))
        rows.append(alone(what + "peak memory, MB", f"{row['megabytes']:.0f}"))
    return rows


def memory(facts: Facts) -> list[Row]:
    """Peaks in tiles; the loop holds all of a picture, and was measured at one size only (`A step`)."""
    return [
        alone(
            f"peak memory, {row['network']}, {row['size']} px, `--memory {row['memory']}`, GB",
            f"{row['peak_mb'] / 1000:.2f} (reckoned {row['estimated_mb'] / 1000:.2f})",
        )
        for row in facts["rows"]
    ]
