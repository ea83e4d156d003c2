"""Paints the list of pairs by each method through the real command line, judges, and makes table and sheets.

    python benchmarks/judged_series.py                                    all 24 pairs, four methods
    python benchmarks/judged_series.py --method default --method 'fine=--method optimise --steps 200'
    python benchmarks/judged_series.py --pairs 2 --covered --seed 7       a trial with covered names

A method is a name with the words that `impasto stylize` gets. `default`, `optimise`, `instant` and
`vgg16` (real VGG-16 by the recipe of `optimise`: the reference) need no words. Pictures are kept in
`--folder` and painted anew only when words, settings, weights or inputs are others (hashes beside each); a
change of the engine's code is not seen: `--again` paints all. There, too: `table.md`, `pairs.json`,
`whole.jpg`, `crops.jpg` (1:1), and with `--covered` the key to the letters in `key.json`.
"""

from __future__ import annotations

import argparse
import os
import random
import shlex
import statistics
import subprocess
import sys
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any

from common import REPOSITORY, WORK, environment, write_json
from judge import SIDE, Judge, find_vgg16
from pairs import CROP, CROPS, IMAGES, PAIRS, Pair, load_painting, load_photograph

KNOWN = {
    "default": "",
    "optimise": "--method optimise",
    "instant": "--method instant",
    "vgg16": "--method optimise --network vgg16 --weights {vgg16}",
}
FIGURES = ("style", "content", "brushwork", "ripple")
LEGEND = (
    "Median / mean, at 512 pixels. Style (and by layers) and content: lower is better; brushwork and ripple: "
    "1 is the painting's own. Held out: photograph and painting that no training has seen."
)


def main() -> None:
    given = _parser().parse_args()
    os.environ.update(environment())
    try:
        vgg16 = find_vgg16(given.weights)
        methods = dict(method_of(text, vgg16) for text in given.method or KNOWN)
    except (FileNotFoundError, ValueError) as error:
        print(error, file=sys.stderr)
        raise SystemExit(2) from None
    if not IMAGES.is_dir():
        print(f"The pairs' pictures are not there. Received: {IMAGES}", file=sys.stderr)
        raise SystemExit(2)
    given.folder.mkdir(parents=True, exist_ok=True)
    pairs = [pair for pair in PAIRS if not given.only or set(given.only) & set(pair)][: given.pairs]
    if not pairs:
        print(f"No pair is left. Received: --only {given.only}, --pairs {given.pairs}", file=sys.stderr)
        raise SystemExit(2)
    inputs = {pair: _inputs(pair, given.folder) for pair in pairs}
    for name, words in methods.items():
        for pair in pairs:
            paint(*inputs[pair], words, given.folder / name / f"{pair.name}.png", given.again)
    judge = Judge(vgg16)
    rows = [
        {"method": name, **pair._asdict(), "held_out": pair.held_out}
        | judge(given.folder / name / f"{pair.name}.png", *inputs[pair])
        for pair in pairs
        for name in methods
    ]
    write_json({"methods": methods, "rows": rows}, given.folder / "pairs.json")
    table = summary(rows)
    (given.folder / "table.md").write_text(table)
    print(table)
    _sheets(list(methods), pairs, inputs, given)


def _parser() -> argparse.ArgumentParser:
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("--method", action="append", metavar="NAME[=WORDS]", help="default: all four")
    arguments.add_argument("--weights", help="VGG-16's file; see judge.py")
    arguments.add_argument("--folder", type=Path, default=WORK / "judged", help="of pictures, table, sheets")
    arguments.add_argument("--pairs", type=int, default=len(PAIRS), help="the first so many; default: all")
    arguments.add_argument(
        "--only", nargs="+", metavar="NAME", help="pairs with these pictures; default: all"
    )
    arguments.add_argument("--again", action="store_true", help="paint also what is there already")
    arguments.add_argument("--covered", action="store_true", help="letters for names, in shuffled order")
    arguments.add_argument("--seed", type=int, default=0, help="of the shuffling; default: 0")
    return arguments


def method_of(text: str, vgg16: Path) -> tuple[str, list[str]]:
    """The name and the words of a method given as `NAME` or `NAME=WORDS`.

    Raises:
        ValueError: the name is no folder's name, or stands alone and is not known; one line.
    """
    name, given, words = text.partition("=")
    if not name.replace("-", "").replace("_", "").isalnum() or not (given or name in KNOWN):
        raise ValueError(f"A method is one of {', '.join(KNOWN)}, or NAME=WORDS. Received: {text}")
    return name, [word.format(vgg16=vgg16) for word in shlex.split(words if given else KNOWN[name])]


def _inputs(pair: Pair, folder: Path) -> tuple[Path, Path]:
    """The files of a pair as the command line gets them, written once."""
    from impasto.core.images import save_picture

    written = []
    for name, load in ((pair.photograph, load_photograph), (pair.painting, load_painting)):
        path = folder / "inputs" / f"{name}.png"
        path.parent.mkdir(exist_ok=True)
        if not path.exists():
            save_picture(load(name), path)
        written.append(path)
    return written[0], written[1]


def paint(photograph: Path, painting: Path, words: list[str], output: Path, again: bool = False) -> bool:
    """Paints one picture by the command line, unless it is there and made of the same.

    Returns:
        Whether it was painted.

    Raises:
        SystemExit: the command failed; what it said has been passed on.
    """
    argv = ["stylize", str(photograph), str(painting), "--size", str(SIDE), *words, "-o", str(output)]
    record, made_of = output.with_suffix(".sha256"), _made_of(argv, photograph, painting, words)
    if not again and output.exists() and record.exists() and record.read_text() == made_of:
        return False
    output.parent.mkdir(parents=True, exist_ok=True)
    record.unlink(missing_ok=True)
    print(f"{output.parent.name}: {output.stem}", file=sys.stderr, flush=True)
    done = subprocess.run(
        [sys.executable, "-m", "impasto.core.cli", *argv, "--quiet"], env=environment(), check=False
    )
    if done.returncode:
        raise SystemExit(f"impasto ended with {done.returncode}: {shlex.join(argv)}")
    record.write_text(made_of)
    return True


def _made_of(argv: list[str], photograph: Path, painting: Path, words: list[str]) -> str:
    """A hash of the settings that the words come to, the bundled and named weights, and both pictures."""
    from impasto.core.cli import parse
    from impasto.core.cli.common import settings_from

    settings = settings_from(parse(argv))
    files = [photograph, painting, *(Path(word) for word in words if Path(word).is_file())]
    if settings.network in ("auto", "vgg_mini"):
        files.append(REPOSITORY / "models" / "vgg_mini.npz")
    if settings.method != "optimise":
        files.append(REPOSITORY / "models" / "instant.npz")
    whole = sha256(repr((settings, words)).encode())
    for path in files:
        with open(path, "rb") as file:
            whole.update(file_digest(file, "sha256").digest())
    return whole.hexdigest()


def summary(rows: list[dict[str, Any]]) -> str:
    """The table: median and mean of each figure by method, over all pairs and over those held out."""
    layers = list(rows[0]["layers"])
    head = ["method", "pairs", *FIGURES, *layers]
    lines = [head, ["---"] * len(head)]
    for label, among in (("all", rows), ("held out", [row for row in rows if row["held_out"]])):
        for method in dict.fromkeys(row["method"] for row in among):
            own = [row for row in among if row["method"] == method]
            columns = [[row[figure] for row in own if row[figure] is not None] for figure in FIGURES]
            columns += [[row["layers"][layer] for row in own] for layer in layers]
            lines.append([method, f"{label}, {len(own)}", *map(_both, columns)])
    told = "".join(f"| {' | '.join(line)} |\n" for line in lines)
    return f"{LEGEND}\n\n{told}"


def _both(column: list[float]) -> str:
    return f"{statistics.median(column):.3f} / {statistics.mean(column):.3f}" if column else "–"


def _sheets(methods: list[str], pairs: Any, inputs: Any, given: argparse.Namespace) -> None:
    """Writes both sheets and, for covered ones, the key."""
    from impasto.core.images import Picture, load_picture, save_picture
    from impasto.core.sheet import sheet

    columns = shown(methods, given.covered, given.seed)
    if given.covered:
        write_json(columns, given.folder / "key.json")
    whole, crops = [], []
    for pair in pairs:
        photograph, painting = (load_picture(path, size=SIDE).pixels for path in inputs[pair])
        painted = {
            label: load_picture(given.folder / name / f"{pair.name}.png", size=SIDE).pixels
            for label, name in columns.items()
        }
        mark = " (held out)" if pair.held_out else ""
        whole.append([(pair.photograph + mark, photograph), (pair.painting, painting), *painted.items()])
        for part, (left, top) in CROPS[pair.photograph].items():
            cells = {f"{pair.photograph}: {part}": photograph, **painted}
            crops.append([(text, _cut(pixels, left, top)) for text, pixels in cells.items()])
    save_picture(Picture(sheet(whole, height=320)), given.folder / "whole.jpg")
    save_picture(Picture(sheet(crops, height=CROP)), given.folder / "crops.jpg")


def _cut(pixels: Any, left: int, top: int) -> Any:
    return pixels[top : top + CROP, left : left + CROP]


def shown(methods: list[str], covered: bool, seed: int) -> dict[str, str]:
    """Label → method, in the order of the sheet's columns: letters in an order by the seed where covered."""
    if not covered:
        return {name: name for name in methods}
    order = random.Random(seed).sample(methods, len(methods))
    return {chr(ord("A") + number): name for number, name in enumerate(order)}


if __name__ == "__main__":
    main()
