"""Loss against seconds: each recipe beside a plain PyTorch L-BFGS loop, all judged by the loop's objective.

    python benchmarks/convergence.py                     the bundled network, 512 px: about 9 minutes
    python benchmarks/convergence.py --network vgg19     with VGG-19, where its weights are: about an hour
    python benchmarks/convergence.py --size 96 --steps 6 --results /tmp/r --plot /tmp/c.png   a trial run

The recipes make different objectives small, so all pictures are judged by one: the plain loop's
(`plain_loop.py`), at the final size, on the picture as it would be saved (mxnet's not denoised). That
favours the loop, which makes exactly this small. Four more runs take the path of `quality` and `draft`,
coarse to fine, with the loop's objective, by Adam as these recipes do and by L-BFGS, and one stays at the
full size as the loop does, by our bounded, preconditioned L-BFGS with convolutions in bfloat16: they show
what each gains. Nothing is run for longer than the loop took, and the two recipes of other tools, which need
a thousand steps at full size, for `--limit` seconds. Seconds count from the moment the libraries are
imported: loading the network, compilation and targets are in, judging is out. Each run is a process of
its own; `--resume` keeps those that an earlier call finished.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
from common import (
    FOLDER,
    REPOSITORY,
    WORK,
    in_child,
    other_work,
    parser,
    photograph,
    require,
    write_json,
    write_result,
)
from convergence_plot import plot
from loop_judge import LOOP_OBJECTIVE

LOOP = "plain loop"
LBFGS = LOOP_OBJECTIVE | {"optimizer": "lbfgs"}
# No coarse scales and no recolouring first: from the loop's own start, by the loop's own method, better.
FULL_SIZE = LBFGS | {
    "first_scale": 0,
    "prime_colours": False,
    "history": 20,
    "precision": "bfloat16",
    "steps": 220,
}
# name: recipe, changes, what it makes small
RUNS: dict[str, tuple[str, dict[str, Any], str]] = {
    "quality": ("quality", {}, "its own: mean + covariance"),
    "draft": ("draft", {}, "its own: mean + covariance"),
    "quality path, loop's objective": ("quality", LOOP_OBJECTIVE, "the loop's"),
    "draft path, loop's objective": ("draft", LOOP_OBJECTIVE, "the loop's"),
    "quality path, loop's objective, L-BFGS": ("quality", LBFGS, "the loop's"),
    "draft path, loop's objective, L-BFGS": ("draft", LBFGS, "the loop's"),
    "full size, loop's objective, L-BFGS": ("quality", FULL_SIZE, "the loop's"),
    "classic": ("classic", {}, "its own: neural-style's"),
    "mxnet": ("mxnet", {"denoise": 0.0}, "its own: MXNet's"),  # denoising each snapshot would take minutes
}
OPTIONS = ("size", "content", "style", "network", "weights", "steps", "init")  # that results depend on
TOOLS = ("classic", "mxnet")
AGREEMENT = 2e-3  # between the judge's and the loop's own value of the same picture, relative


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--style", default="starry_night", help="gallery style, style file or picture")
    arguments.add_argument("--network", default="vgg_mini", help="vgg_mini, vgg16 or vgg19")
    arguments.add_argument("--weights", help="the network's weight file, instead of its own")
    arguments.add_argument("--steps", type=int, default=300, help="of the plain loop; default: 300")
    arguments.add_argument(
        "--init", choices=("content", "noise"), default="content", help="of the plain loop"
    )
    arguments.add_argument("--runs", nargs="*", choices=list(RUNS), default=list(RUNS), help="default: all")
    arguments.add_argument(
        "--plot", type=Path, help="default: docs/convergence.png, or with the network's name"
    )
    arguments.add_argument(
        "--limit", type=float, default=60, help="seconds of classic and mxnet; default: 60"
    )
    arguments.add_argument("--resume", action="store_true", help="keep what an interrupted call has finished")
    given = arguments.parse_args()
    require("torch")
    name = "convergence" if given.network == "vgg_mini" else f"convergence_{given.network}"
    picture = given.plot or REPOSITORY / "docs" / f"{name}.png"
    busy = other_work()
    config = {option: getattr(given, option) for option in OPTIONS}
    work = _prepare(config, given.resume)
    runs = {LOOP: _run_loop(work, config)}
    for run in given.runs:
        limit = given.limit if run in TOOLS else float("inf")
        runs[run] = _run_recipe(work, run, config, min(limit, runs[LOOP]["seconds"]))
    _judge(work, config, runs)
    link = os.path.relpath(picture, FOLDER)  # from results.md
    facts = {"settings": config, "plot": link} | summary(runs)
    title = f"{given.network}, {given.size} px, {given.content} in the style of {Path(given.style).stem}"
    plot(runs, facts["target"], picture, title)
    write_result(name, facts, given.results, busy)
    for row in facts["rows"]:
        reached, sooner = row["seconds_to_target"], row["times_sooner"]
        when = "never" if reached is None else f"{reached:.1f} s, {sooner:.1f} times sooner"
        print(f"{row['name']:40} lowest {row['lowest']:.4g}; the loop's {facts['target']:.4g}: {when}")


def _prepare(config: dict[str, Any], resume: bool) -> Path:
    """Writes the pictures and the weights for all processes; returns the folder."""
    from impasto.core.images import load_picture
    from impasto.core.styles import load_style
    from impasto.models.weights import choose, read_weights

    work = WORK / f"convergence_{config['network']}_{config['size']}"
    known = work / "config.json"
    if not (resume and known.exists() and json.loads(known.read_text()) == config):
        for old in work.glob("*.*"):
            old.unlink()
    work.mkdir(parents=True, exist_ok=True)
    content = load_picture(photograph(config["content"]), size=config["size"]).pixels
    style = load_style(config["style"]).at(max(content.shape))
    np.savez(work / "inputs.npz", content=content, style=style)
    arrays = read_weights(choose(config["network"], config["weights"]).path)
    np.savez(work / "weights.npz", **{name: array.astype("float32") for name, array in arrays.items()})  # type: ignore[arg-type]
    write_json(config, known)
    return work


def _child(work: Path, name: str, script: str, *words: object) -> dict[str, Any]:
    """The facts of a run: an earlier one's where there are any."""
    slug = "".join(letter if letter.isalnum() else "_" for letter in name)
    path, snapshots = work / f"run_{slug}.json", work / f"run_{slug}.npz"
    if not path.exists():
        print(f"{name} ...", file=sys.stderr, flush=True)
        facts = in_child(FOLDER / script, work / "inputs.npz", work / "weights.npz", snapshots, *words)
        write_json(facts | {"file": str(snapshots)}, path)
    return json.loads(path.read_text())


def _run_loop(work: Path, config: dict[str, Any]) -> dict[str, Any]:
    from impasto.models.register import find_network

    pooling = find_network(config["network"]).pooling
    words = ("--steps", config["steps"], "--pooling", pooling, "--init", config["init"])
    facts = _child(work, LOOP, "plain_loop.py", *words)
    return facts | {"objective": "the loop's", "steps": config["steps"], "steps_planned": config["steps"]}


def _run_recipe(work: Path, name: str, config: dict[str, Any], seconds: float) -> dict[str, Any]:
    recipe, changes, objective = RUNS[name]
    words = ["--style", config["style"], "--recipe", recipe, "--network", config["network"]]
    words += ["--settings", json.dumps(changes), "--seconds", str(seconds)]
    return _child(work, name, "paint_recipe.py", *words) | {"objective": objective}


def _judge(work: Path, config: dict[str, Any], runs: dict[str, dict[str, Any]]) -> None:
    """Adds to each run `judged`: (step, seconds, loss, content's part, style's part) of each snapshot.

    Raises:
        SystemExit: the judge and the loop do not agree about the loop's first picture.
    """
    files = [run["file"] for run in runs.values()]
    words = [work / "inputs.npz", work / "weights.npz", *files, "--network", config["network"]]
    verdicts = in_child(FOLDER / "loop_judge.py", *words)
    for run in runs.values():
        losses = verdicts[run["file"]]
        run["judged"] = [[step, seconds, *losses[f"{step:05d}"]] for step, seconds in run["snapshots"]]
    own, judged = runs[LOOP]["history"][0][2], runs[LOOP]["judged"][0][2]
    runs[LOOP]["disagreement"] = abs(own - judged) / abs(own)
    if not runs[LOOP]["disagreement"] <= AGREEMENT:
        raise SystemExit(f"The loop and its judge disagree about the first picture: {own:.6g}, {judged:.6g}")


def summary(runs: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """What the runs say about one another.

    Args:
        runs: by name, each with `judged`; `plain loop` is the one to compare with.

    Returns:
        `target`, the lowest loss that the loop got to; `last`, the loss after its last step;
        `loop_seconds`; `disagreement`, the relative difference of the judge from the loop on one
        picture; and `rows`, one for each run.
    """
    loop = runs[LOOP]
    # Its lowest, not its last: L-BFGS without a line search may stand badly at any one step.
    target, loop_seconds = min(line[2] for line in loop["judged"]), loop["seconds"]
    end = loop["judged"][-1][2]
    rows = []
    for name, run in runs.items():
        lowest = min(run["judged"], key=lambda line: line[2])
        reached = next((line[1] for line in run["judged"] if line[2] <= target), None)
        like_the_end = next((line[1] for line in run["judged"] if line[2] <= end), None)
        with_imports = None if reached is None else reached + run["import_seconds"]
        rows.append(
            {
                "name": name,
                "objective": run["objective"],
                "steps": run["steps"],
                "steps_planned": run["steps_planned"],
                "seconds": run["seconds"],
                "import_seconds": run["import_seconds"],
                "lowest": lowest[2],
                "lowest_content": lowest[3],
                "lowest_style": lowest[4],
                "last": run["judged"][-1][2],
                "seconds_to_target": reached,
                "seconds_to_last": like_the_end,
                "times_sooner": None if not reached else loop_seconds / reached,
                "times_sooner_with_imports": None
                if not with_imports
                else (loop_seconds + loop["import_seconds"]) / with_imports,
                "stopped": run.get("reason") or ("the time was over" if run.get("interrupted") else ""),
                "judged": run["judged"],
            }
        )
    return {
        "target": target,
        "last": end,
        "loop_seconds": loop_seconds,
        "disagreement": loop["disagreement"],
        "rows": rows,
    }


if __name__ == "__main__":
    main()
