"""What one pass is worth: its loss beside the optimiser's, and what refining saves.

    python benchmarks/instant.py PHOTOS PAINTINGS             about an hour on two cores
    python benchmarks/instant.py PHOTOS PAINTINGS --photographs 2 --refined 2 --size 96    a trial run

Every picture, as it would be saved, is judged by the objective of the recipe `quality` at the final size.
The photographs are the first of those that `impasto distill` and `impasto train-instant` hold out (128 of
the folder, seed 0), so neither network has seen them. Each is painted after every painting of the folder: in
one pass, and by 20 steps of the optimiser from the content, at the full size at once and coarse to fine. The
first `--refined` pairs, photographs exchanged from painting to painting, are also painted by the whole
recipe and by `--method refine`, one after the other, so that their times can be compared; a few of those are
looked at on the way, for the curve. `--resume` keeps the pairs of an earlier call; with `--again instant
refine` those ways are measured anew in them, for a decoder that was trained further.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from common import RESULTS, WORK, other_work, write_json, write_result

HELD_OUT, SEED = 128, 0
STEPS = 20
WAYS = ("instant", "20 steps", "20 steps, coarse to fine", "whole", "refine")


class Bench:
    """Paints one photograph after one painting in all ways, and judges.

    Args:
        size: longest side, in pixels.
    """

    def __init__(self, size: int) -> None:
        from impasto.core.assemble import workbench
        from impasto.core.recipes import Settings

        self.settings = Settings(size=size, network="vgg_mini", method="optimise")
        self.bench = workbench(self.settings, content=True, style=True)

    def ways(self, refined: bool) -> dict[str, Any]:
        """The settings of each way to paint."""
        short = replace(self.settings, steps=STEPS)
        ways = {
            "instant": replace(self.settings, method="instant"),
            "20 steps": replace(short, first_scale=0),
            "20 steps, coarse to fine": short,
        }
        if refined:
            ways |= {"whole": self.settings, "refine": replace(self.settings, method="refine")}
        return ways

    def pair(
        self,
        photograph: Any,
        painting: Path,
        refined: bool,
        curve: bool = False,
        only: Sequence[str] | None = None,
    ) -> dict[str, Any]:
        """Judges every way, or only some: {name: {"style", "content", "variation", "seconds", ...}}.

        Args:
            photograph, painting: files.
            refined: whether by the whole recipe and by a refinement, too.
            curve: whether "curve" is to tell of those how the loss fell: [[seconds, loss], ...].
            only: the ways; all by default.
        """
        from impasto.core.images import load_picture
        from impasto.core.styles import load_style
        from impasto.core.stylize import stylize

        content, style = load_picture(photograph, size=self.settings.size), load_style(painting)
        side = max(content.height, content.width)
        targets = self.bench.content_targets(content.pixels) | self.bench.style_targets(
            [style.at(side)], [1.0]
        )
        results = {"photograph": self.judged(content.pixels, targets)}
        for name, settings in self.ways(refined).items():
            if only and name not in only:
                continue
            seen: list[tuple[float, np.ndarray]] = []
            spent, looked_at = 0.0, curve and name in ("whole", "refine")
            began, worked = time.perf_counter(), time.process_time()

            def look(step: Any, looked_at: bool = looked_at, seen: list = seen, began: float = began) -> None:
                nonlocal spent
                if looked_at and step.step % 3 == 0:
                    now = time.perf_counter()
                    seen.append((now - began - spent, step.painted().pixels))
                    spent += time.perf_counter() - now

            picture = stylize(content, [style], settings=settings, on_progress=look).picture
            seconds = time.perf_counter() - began - spent
            worked = time.process_time() - worked
            results[name] = self.judged(picture.pixels, targets) | {
                "seconds": round(seconds, 3),
                "processor": round(worked, 3),
            }
            if seen:
                results[name]["curve"] = [
                    [round(at, 3), round(sum(self.judged(p, targets).values()), 5)] for at, p in seen
                ]
        return results

    def judged(self, pixels: np.ndarray, targets: Any) -> dict[str, float]:
        """The parts of the objective at a picture."""
        from impasto.core.backend import to_tensor

        self.bench.objective.targets = targets
        _, parts, _ = self.bench.objective(to_tensor(np.clip(pixels, 0, 1)[None].astype("float32")))
        kinds = {"moments": "style", "content": "content", "variation": "variation"}
        judged = dict.fromkeys(kinds.values(), 0.0)
        for name, part in parts.items():
            judged[kinds[name.split(":")[0]]] += float(part)
        return judged


def main() -> None:
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("photos", type=Path, help="the folder of photographs that was trained on")
    arguments.add_argument("paintings", type=Path, help="folder of paintings")
    arguments.add_argument("--photographs", type=int, default=10, help="held-out ones; default: 10")
    arguments.add_argument("--refined", type=int, default=26, help="pairs that are refined too; default: 26")
    arguments.add_argument("--curves", type=int, default=26, help="of these the curve is drawn; default: 26")
    arguments.add_argument("--size", type=int, default=256, help="longest side in pixels; default: 256")
    arguments.add_argument("--results", type=Path, default=RESULTS)
    arguments.add_argument("--resume", action="store_true", help="keep what an interrupted call has finished")
    arguments.add_argument(
        "--again", nargs="+", choices=WAYS, metavar="WAY", help="measure these anew in kept pairs"
    )
    given = arguments.parse_args()

    from impasto.core.crops import Folder

    busy = other_work()
    photographs = Folder.read(given.photos).split(HELD_OUT, SEED)[1].pictures[: given.photographs]
    paintings = sorted(given.paintings.glob("*.jpg"))
    bench, kept = Bench(given.size), WORK / f"instant_{given.size}.json"
    rows: dict[str, Any] = json.loads(kept.read_text()) if given.resume and kept.exists() else {}
    # Photographs and paintings both change from pair to pair, so that the first ones are of all kinds.
    order = [
        (i, j)
        for shift in range(len(photographs))
        for j in range(len(paintings))
        for i in [(j + shift) % len(photographs)]
    ]
    bench.pair(photographs[0], paintings[0], given.refined > 0)  # compiles
    for number, (i, j) in enumerate(order):
        key = f"{i} {paintings[j].stem}"
        if key not in rows or given.again:
            only = given.again if key in rows else None
            how = number < given.refined, number < given.curves
            found = bench.pair(photographs[i], paintings[j], *how, only)
            rows[key] = rows.get(key, {}) | found
            write_json(rows, kept)
            print(f"{number + 1} of {len(order)}: {key}", file=sys.stderr, flush=True)
    facts = {"size": given.size, "photographs": len(photographs), "pairs": len(rows)} | summary(rows)
    write_result("instant", facts, given.results, busy)
    print(table(facts))
    plot(rows, kept.with_suffix(".png"))


def total(part: dict[str, Any], *names: str) -> float:
    return sum(part[name] for name in names or ("style", "content", "variation"))


def summary(rows: dict[str, Any]) -> dict[str, Any]:
    """Means over all pairs, over each painting's, and over the refined ones."""
    names = ["photograph", "instant", "20 steps", "20 steps, coarse to fine"]

    def means(some: list[dict[str, Any]], ways: list[str]) -> dict[str, float]:
        return {way: statistics.mean(total(row[way], "style", "content") for row in some) for way in ways}

    paintings = sorted({key.split(" ", 1)[1] for key in rows})
    by_painting = {
        painting: means([row for key, row in rows.items() if key.split(" ", 1)[1] == painting], names)
        for painting in paintings
    }
    facts: dict[str, Any] = {"all": means(list(rows.values()), names), "paintings": by_painting}
    facts["better than 20 steps"] = statistics.mean(
        total(row["instant"], "style", "content") <= total(row["20 steps"], "style", "content")
        for row in rows.values()
    )
    facts["seconds"] = {n: statistics.median(r[n]["seconds"] for r in rows.values()) for n in names[1:]}
    if refined := [row for row in rows.values() if "refine" in row]:
        facts["refined"] = {
            "pairs": len(refined),
            "whole": statistics.mean(total(row["whole"]) for row in refined),
            "refine": statistics.mean(total(row["refine"]) for row in refined),
            "seconds": {n: statistics.median(r[n]["seconds"] for r in refined) for n in ("whole", "refine")},
            "share of time": statistics.median(
                r["refine"]["seconds"] / r["whole"]["seconds"] for r in refined
            ),
            "reached": statistics.mean(total(r["refine"]) <= total(r["whole"]) for r in refined),
        }
    # Of those without a curve alone: the pictures on the way to one take time of the processor.
    if free := [row for row in refined if "curve" not in row["whole"]]:
        facts["refined"]["share of the processor's"] = statistics.median(
            row["refine"]["processor"] / row["whole"]["processor"] for row in free
        )
    return facts


def table(facts: dict[str, Any]) -> str:
    """Markdown: a line a painting."""
    names = list(facts["all"])
    lines = [f"| style + content loss | {' | '.join(names)} |", "|---|" + "---|" * len(names)]
    for painting, means in [*facts["paintings"].items(), ("**all**", facts["all"])]:
        lines.append(f"| {painting} | {' | '.join(f'{means[name]:.4f}' for name in names)} |")
    lines.append("")
    lines += [
        f"{key}: {json.dumps(facts[key])}"
        for key in ("better than 20 steps", "seconds", "refined")
        if key in facts
    ]
    return "\n".join(lines)


def plot(rows: dict[str, Any], path: Path) -> None:
    """Loss over time of the whole recipe and of refining, as shares of the whole's last loss and time."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(8, 5), layout="constrained")
    grid = np.linspace(0.05, 1, 60)
    for name, colour in (("whole", "tab:blue"), ("refine", "tab:red")):
        lines = []
        for row in rows.values():
            if "curve" in row.get(name, ()):
                end, seconds = total(row["whole"]), row["whole"]["seconds"]
                curve = [*row[name]["curve"], [row[name]["seconds"], total(row[name])]]
                at, loss = np.array(curve).T
                lines.append(np.interp(grid, at / seconds, loss / end, left=np.nan, right=np.nan))
        if lines:
            axes.plot(grid, np.transpose(lines), color=colour, alpha=0.15, linewidth=0.8)
            enough = np.isfinite(lines).mean(axis=0) > 0.5
            axes.plot(grid[enough], np.nanmedian(lines, axis=0)[enough], color=colour, label=name)
    axes.axhline(1, color="black", linewidth=0.5)
    axes.set(
        xlabel="time / the whole run's", ylabel="loss / the whole run's last", ylim=(0.9, 2.5),
        title="The optimiser from the photograph, and from one pass",
    )  # fmt: skip
    axes.legend()
    axes.grid(alpha=0.3)
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


if __name__ == "__main__":
    main()
