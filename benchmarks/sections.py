"""The sections of `results.md`, one for each benchmark's result file."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import report_gpu

Lines = list[str]


def table(header: list[str], rows: list[list[str]]) -> Lines:
    """A Markdown table."""
    return [f"| {' | '.join(row)} |" for row in (header, ["---"] * len(header), *rows)]


def process(facts: dict[str, Any]) -> Lines:
    """The section of `process.py`."""
    used, runs = facts["settings"], facts["runs"]
    rows = [
        [
            facts["titles"][name],
            f"**{value:.2f}**",
            ", ".join(f"{run[name]:.2f}" for run in runs),
            f"{facts['targets'][name]:g}",
            "yes" if value <= facts["targets"][name] else "no",
        ]
        for name, value in facts["median"].items()
    ]
    return [
        "## The whole process",
        "",
        f"`impasto stylize {used['content']}.png {used['style']} -o out.png`, recipe {used['recipe']}, "
        f"{runs[0]['network']}, {runs[0]['width']}×{runs[0]['height']}, {runs[0]['steps']} steps:",
        "",
        *table(["", f"median of {len(runs)}", "runs", "at most", "kept"], rows),
    ]


def step(facts: dict[str, Any]) -> Lines:
    """The section of `step.py`."""
    rows = []
    for row in facts["rows"]:
        loop = next(r for r in facts["rows"] if r["network"] == row["network"] and r["kind"] == "loop")
        rows.append(
            [
                row["network"],
                row["title"],
                f"**{1000 * row['seconds']:.0f}**",
                f"{1000 * row['fastest']:.0f}–{1000 * row['slowest']:.0f}",
                f"{row['gflop']['step']:.1f}",
                f"{row['gflops']:.0f}",
                f"**{100 * row['share_of_peak']:.0f} %**",
                f"{loop['seconds'] / row['seconds']:.2f}",
                "" if row["peak_mb"] is None else f"{row['peak_mb']:.0f}",
            ]
        )
    peaks = max(facts["rows"], key=lambda row: max(row["matmul_gflops"].values()))
    used, least = facts["settings"], min(row["steps"] for row in facts["rows"])
    library = "PyTorch" if peaks["kind"] == "loop" else "TensorFlow"
    side = max(peaks["matmul_gflops"], key=peaks["matmul_gflops"].get)
    header = [
        "network",
        "what",
        "ms a step",
        "range",
        "GFLOP",
        "GFLOP/s",
        "share of peak",
        "× the loop's speed",
        "peak MB",
    ]
    return [
        "## A step",
        "",
        f"One evaluation of loss and gradient, and the optimiser's update; {used['size']} px "
        f"({used['content']}), float32 but where it chooses bfloat16, random weights, median of "
        f"{least} steps or more. The peak is the "
        f"fastest matrix product measured in the same run: {facts['peak_gflops']:.0f} GFLOP/s ({library}, "
        f"{side}²). The arithmetic is counted from the layers' shapes: convolutions and Gram or covariance "
        "matrices, forward and backward to the picture; the roots of covariance matrices are time that is "
        "not counted as arithmetic. Winograd's method does less than is counted, and bfloat16 is quicker "
        "than the peak's float32: so a share can be above 100 %.",
        "",
        *table(header, rows),
    ]


def ways(facts: dict[str, Any]) -> Lines:
    """The section of `ways.py`."""
    rows = []
    for row in facts["rows"]:
        direct = next(r for r in facts["rows"] if r["network"] == row["network"] and r["way"] == "direct")
        rows.append(
            [
                row["network"],
                row["way"],
                f"{1000 * row['seconds']:.0f}",
                f"{direct['seconds'] / row['seconds']:.2f}",
                f"{1000 * row['processor_seconds']:.0f}",
                f"**{direct['processor_seconds'] / row['processor_seconds']:.2f}**",
                f"{row['first_processor_seconds'] - row['processor_seconds']:.1f}",
            ]
        )
    used = facts["settings"]
    header = [
        "network",
        "convolutions",
        "ms a step",
        "×",
        "processor ms a step",
        "×",
        "processor s to compile",
    ]
    return [
        "## Ways to compute convolutions",
        "",
        f"A step of the quality recipe at {used['size']} px ({used['content']}), random weights, a step of "
        "each way in turn, medians. × is how many times faster than direct convolution in the same run. The "
        "processor's seconds count the cores together and stay comparable on a machine that others use too.",
        "",
        *table(header, rows),
    ]


def _reached(seconds: float | None, loop: float, is_loop: bool) -> list[str]:
    """When a loss was reached, and which share of the loop's time that is."""
    if seconds is None:
        return ["never", "never"]
    return [f"{seconds:.1f}", "" if is_loop else f"**1/{loop / seconds:.1f}**"]


def one_pass(facts: dict[str, Any]) -> Lines:
    rows = [
        [
            f"{row['size']}",
            row["way"],
            "" if row["cold"] is None else f"**{row['cold']:.2f}**",
            f"**{row['warm']:.2f}**",
            f"{row['processor']:.2f}",
            f"{row['megabytes']:.0f}",
        ]
        for row in facts["rows"]
    ]
    names = {"keras": "Keras on TensorFlow", "onnx": "ONNX Runtime", "litert": "LiteRT"}
    alone = [
        [network, *(f"{1000 * seconds[name]:.0f}" if name in seconds else "" for name in names)]
        for network, seconds in facts["networks"].items()
    ]
    return [
        "## One pass",
        "",
        f"`--method instant`, {facts['content']} in the style of {facts['style']}. Cold: `impasto stylize` "
        f"from process start to file, median of {facts['runs']}. Warm: pictures after the first in one "
        f"process, the style known by then, median of {2 * facts['runs']}, and the processor's time over all "
        "cores.",
        "",
        *table(["px", "runtime", "cold s", "warm s", "processor s", "peak MB"], rows),
        "",
        "The networks alone, float32, ms:",
        "",
        *table(["network", *names.values()], alone),
    ]


MEMORY = [
    "network", "px", "`--memory`", "convolutions", "how", "reckoned GB", "peak GB", "off by", "processor s"
]  # fmt: skip


def memory_cells(row: dict[str, Any]) -> list[str]:
    """A line of `memory.py`'s table, under `MEMORY`."""
    return [
        row["network"],
        row["size"],
        row["memory"],
        row["convolution"],
        "tiles" if row["tiles"] else "whole",
        f"{row['estimated_mb'] / 1000:.2f}",
        f"**{row['peak_mb'] / 1000:.2f}**",
        f"{row['estimated_mb'] / row['peak_mb'] - 1:+.0%}",
        f"{row['processor_seconds']:.1f}",
    ]


def memory(facts: dict[str, Any]) -> Lines:
    """The section of `memory.py`."""
    return [
        f"## Memory: {facts['rows'][0]['network']}",
        "",
        "The most that the process held, from its start to the written file, beside what was reckoned "
        "before; the processor's seconds are of the last step, or of all before it where there was one.",
        "",
        *table(MEMORY, [memory_cells(row) for row in facts["rows"]]),
    ]


def convergence(facts: dict[str, Any]) -> Lines:
    """The section of `convergence.py`."""
    used, rows = facts["settings"], []
    for row in facts["rows"]:
        reached = row["seconds_to_target"]
        is_loop = row["name"] == "plain loop"
        rows.append(
            [
                row["name"],
                row["objective"],
                f"{row['steps']}"
                + ("" if row["steps"] >= row["steps_planned"] else f" of {row['steps_planned']}"),
                f"{row['seconds']:.1f}",
                f"{row['lowest']:.4g} ({row['lowest_content']:.3g} + {row['lowest_style']:.3g})",
                *_reached(reached, facts["loop_seconds"], is_loop),
                *_reached(row["seconds_to_last"], facts["loop_seconds"], is_loop),
            ]
        )
    reaching = [row for row in facts["rows"] if row["times_sooner"] and row["name"] != "plain loop"]
    best = max(reaching, key=lambda row: row["times_sooner"], default=None)
    verdict = (
        "No other run comes to the lowest."
        if best is None
        else (
            f"First at the lowest: {best['name']}, in 1/{best['times_sooner']:.1f} of the loop's time "
            f"(1/{best['times_sooner_with_imports']:.1f} with the import of the libraries counted on both "
            "sides)."
        )
    )
    loop = facts["rows"][0]
    header = [
        "run",
        "makes small",
        "steps",
        "seconds",
        "lowest loss (content + style)",
        "s to the loop's lowest",
        "share of the loop's time",
        "s to the loop's last",
        "share of the loop's time",
    ]
    own = [
        row["name"]
        for row in facts["rows"]
        if row["objective"].startswith("its own") and not row["times_sooner"]
    ]
    never = (
        f" {', '.join(own)}: these make another objective small and do not come to the loop's loss in the "
        "loop's time, which says nothing about their pictures."
        if own
        else ""
    )
    return [
        f"## Loss against time: {used['network']}",
        "",
        f"{used['size']} px, {used['content']} in the style of {Path(used['style']).stem}. All pictures are "
        "judged by the plain PyTorch loop's objective (Gram matrices and content) at the final size. Nothing "
        "runs longer than the loop; classic and mxnet are ended sooner, after the seconds in the table. "
        f"After {loop['steps']} steps and {facts['loop_seconds']:.1f} s the loop's loss is "
        f"{facts['last']:.4g}; on its way, which is no straight one, the lowest was {facts['target']:.4g}. "
        f"The target: the loss after its last step in at most 1/5 of its time. {verdict}{never}",
        "",
        f"![Loss against seconds]({facts['plot']})",
        "",
        *table(header, rows),
    ]


SECTIONS = {
    "process": process,
    "step": step,
    "ways": ways,
    "one_pass": one_pass,
    "memory_vgg_mini": memory,
    "memory_vgg19": memory,
    "convergence": convergence,
    "convergence_vgg19": convergence,
    "gpu": partial(report_gpu.section, table=table),
}
