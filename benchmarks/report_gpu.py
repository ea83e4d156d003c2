"""The section of `gpu.py` in `results.md`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Cells = list[list[str]]
TITLES = {"jax": "JAX", "torch": "PyTorch"}
AIM = 3.0  # seconds of a whole run of VGG-19, 512 pixels and 500 steps, on a card of an H200's class


def section(facts: dict[str, Any], table: Callable[[list[str], Cells], list[str]]) -> list[str]:
    """The section's lines.

    Args:
        facts: of `gpu.json`.
        table: makes lines of a header and rows.
    """
    about, used = facts["backends"], facts["settings"]
    cards = " ".join(_card(name, one) for name, one in about.items())
    steps = [[TITLES[name], *_step(row)] for name, one in about.items() for row in one["steps"]]
    runs = [[TITLES[name], *_run(row)] for name, one in about.items() for row in one["runs"]]
    batches = [[TITLES[name], *_batch(row)] for name, one in about.items() for row in one["batches"]]
    texts = [
        f"{cards} A step is the quality recipe's loss and gradient and Adam, {used['content']}, random "
        "weights; an evaluation is the same without Adam and without reading the loss. float32 is without "
        "TensorFloat-32; in bf16 convolutions are in bfloat16 and the rest as the backend computes it by "
        "itself.",
        f"Whole runs of `stylize` with {used['run_steps']} steps at {used['size']} px, photograph to "
        "picture; the first in a process compiles, the second is the figure. The aim, for VGG-19 with all "
        f"500 steps at 512 px: {AIM:g} s on a card of an H200's class.",
        "Pictures one after the other through the same loaded network, files' bytes in and out, "
        f"{used['size']} px:",
    ]
    head = ["backend", "network", "px", "precision"]
    tables = [
        ([*head, "ms a step", "range", "evaluation ms", "TFLOP/s", "share of peak", "peak MB"], steps),
        ([*head, "scales", "steps", "first s", "s", "peak MB"], runs),
        ([*head, "steps", "pictures a minute", "peak MB"], batches),
    ]
    lines = ["## On a GPU"]
    for text, (header, rows) in zip(texts, tables, strict=True):
        lines += ["", text, "", *table(header, rows)]
    return lines


def _card(name: str, about: dict[str, Any]) -> str:
    peaks = ", ".join(
        f"{key} {rate / 1e3:.4g}" for key, rate in about["peak_gflops"].items() if key != "failed"
    )
    return (
        f"{TITLES[name]} {about['version']} on {about['card']}; its fastest products of matrices, in "
        f"TFLOP/s: {peaks or 'not measured'}."
    )


def _who(row: dict[str, Any]) -> list[str]:
    return [row["network"], str(row["size"]), row["precision"]]


def _memory(row: dict[str, Any]) -> str:
    return "" if row.get("memory_mb") is None else f"{row['memory_mb']:.0f}"


def _step(row: dict[str, Any]) -> list[str]:
    if "seconds" not in row:
        return [*_who(row), row["failed"], "", "", "", "", _memory(row)]
    return [
        *_who(row),
        f"**{1e3 * row['seconds']:.4g}**",
        f"{1e3 * row['fastest']:.4g}–{1e3 * row['slowest']:.4g}",
        f"{1e3 * row['evaluation_seconds']:.4g}",
        f"{row['gflop']['step'] / row['seconds'] / 1e3:.3g}",
        f"**{row['share_of_peak']:.0%}**" if "share_of_peak" in row else "",
        _memory(row),
    ]


def _run(row: dict[str, Any]) -> list[str]:
    who = [*_who(row), "coarse to fine" if row["coarse"] else "one"]
    if "seconds" not in row:
        return [*who, "", row["failed"], "", _memory(row)]
    return [*who, str(row["steps"]), f"{row['first_seconds']:.2f}", f"**{row['seconds']:.2f}**", _memory(row)]


def _batch(row: dict[str, Any]) -> list[str]:
    if "seconds" not in row:
        return [*_who(row), "", row["failed"], _memory(row)]
    return [*_who(row), str(row["steps"]), f"**{row['pictures_a_minute']:.1f}**", _memory(row)]
