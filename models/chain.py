"""The chain that makes all that is bundled anew, in order: `make models`.

    make models PHOTOS=… PAINTINGS=… CONTENT=… TEACHER=vgg16_….h5
    python -m impasto.models.chain --list                     what is out of date, and why

Each step is made from files, by a command of Impasto. What they were is kept as hashes in `chain.json`:
a step is made again when one of them, or the command, has changed, and only then. It works in a folder of
its own, `build/models/STEP-HASH`, and its files take their places at the end: a chain that is stopped leaves
what ships as it was, and the same command goes on where it stopped.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import file_digest, sha256
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
RECORD = Path("models/chain.json")  # paths are the repository's
WORK = Path("build/models")
# Kept out of every training, so that pictures can be judged on what no network has seen.
HELD_OUT_PAINTINGS = ("cliffs_at_etretat", "hara", "jeanne_hebuterne", "view_of_oyster_bay")


@dataclass(frozen=True)
class Step:
    """One link of the chain.

    Attributes:
        name: what `--only` calls it.
        made_from: files and folders, of the repository or such as `{photos}`, which the command line gives.
        words: the arguments of `python -m`; `{work}` is the folder that the step works in.
        makes: where each file of that folder goes: pattern there, place in the repository (a file, or a
            folder if it ends in `/`).
    """

    name: str
    made_from: tuple[str, ...]
    words: tuple[str, ...]
    makes: tuple[tuple[str, str], ...]


def _impasto(text: str) -> tuple[str, ...]:
    return ("impasto.core.cli", *text.split())


def _sheet(what: str, file: str, *made_from: str) -> Step:
    words = ("impasto.core.gallery_sheets", what, "{content}", "{work}/" + file)
    return Step(f"sheet_{what}", ("{content}", *made_from), words, ((file, f"docs/{file}"),))


_NETWORK, _GALLERY, _RECIPES = "models/vgg_mini.npz", "models/gallery", "core/recipes.py"
_THIRTEEN = (
    "composition_vii contrast_of_forms great_wave plum_tree portrait_of_metzinger shipwreck_of_the_minotaur "
    "starry_night tableau_no_2 the_scream udnie water_lilies woman_in_peasant_dress woman_with_a_hat"
)
STEPS = (
    Step(
        "network",
        ("{teacher}", "{photos}", "{training}"),
        _impasto(
            "distill --photos {photos} --paintings {training} --teacher vgg16 --weights {teacher} "
            "--steps 9000 --decay 0.8 -o {work}"
        ),
        (("vgg_mini.npz", _NETWORK), ("log.png", "docs/distillation.png")),
    ),
    Step(
        "styles",
        ("{paintings}", _NETWORK, "core/swatches.py"),
        ("impasto.core.gallery", "styles", "{paintings}", "{work}"),
        (("*.webp", "models/gallery/"),),
    ),
    Step(
        "instant",
        ("models/instant_encoder.npz", "{photos}", "{training}"),
        _impasto("train-instant --photos {photos} --paintings {training} -o {work}"),
        (("instant.npz", "models/instant.npz"),),
    ),
    Step(
        "thirteen",
        (_NETWORK, _GALLERY, "{photos}"),
        _impasto(
            f"train {_THIRTEEN} --photos {{photos}} --seed 0 --begin models/painters/thirteen.npz "
            "--recipe quality --skip --width 32 --blocks 5 --side 192 --batch 4 --learning-rate 0.0005 "
            "--warmup 50 --steps 1600 --decay 0.7 --precision mixed_bfloat16 -o {work}"
        ),
        (("painter.npz", "models/painters/thirteen.npz"),),
    ),
    *(
        Step(
            f"{style}_texture",
            (_NETWORK, f"models/gallery/{style}.webp"),
            _impasto(f"train --texture {style} -o {{work}}"),
            (("painter.npz", f"models/painters/{style}_texture.npz"),),
        )
        for style in ("starry_night", "portrait_of_metzinger")
    ),
    Step(
        "previews",
        (_GALLERY, _NETWORK, _RECIPES),
        ("impasto.core.gallery", "previews", "models/gallery", "{work}"),
        (("*.webp", "models/gallery/previews/"),),
    ),
    _sheet("readme", "sheet.jpg", _GALLERY, _NETWORK, _RECIPES),
    _sheet("gallery", "gallery.jpg", _GALLERY, "models/gallery/previews"),
    _sheet("swatches", "swatches_gallery.jpg", _GALLERY),
    _sheet("strength", "strength.jpg", _GALLERY, _NETWORK, _RECIPES),
    Step(
        "examples",
        (_GALLERY, _NETWORK, _RECIPES),
        ("impasto.core.gallery_sheets", "examples", "{content}", "{work}"),
        (("*.jpg", "bot/examples/"),),
    ),
)


def digest(step: Step, places: dict[str, Path]) -> str:
    """The hash of a step's command and of every file that it is made from.

    Args:
        step: which.
        places: what `photos`, `paintings` … stand for.

    Raises:
        FileNotFoundError: one of them is not there.
    """
    found = sha256(json.dumps(step.words).encode())
    for source in step.made_from:
        for path in _files(_resolved(source, places)):
            found.update(path.name.encode())
            with path.open("rb") as file:
                found.update(file_digest(file, "sha256").digest())
    return found.hexdigest()


def _files(source: Path) -> Iterator[Path]:
    """A file, or a folder's own files."""
    if not source.is_dir():
        yield source
        return
    yield from sorted(path for path in source.iterdir() if path.is_file() and path.name[0] != ".")


def _resolved(text: str, places: dict[str, Path]) -> Path:
    return REPOSITORY / text.format(**places)


def stale(
    steps: Sequence[Step], places: dict[str, Path], record: dict[str, str]
) -> Iterator[tuple[Step, str]]:
    """The steps that are out of date, with the hash each has now; each is looked at when it is asked for.

    So what one step makes counts for those after it.
    """
    for step in steps:
        now = digest(step, places)
        if record.get(step.name) != now:
            yield step, now


def read_record(path: Path) -> dict[str, str]:
    """The hash of what each step was last made from."""
    return json.loads(path.read_text()) if path.exists() else {}


def make(step: Step, now: str, places: dict[str, Path]) -> None:
    """Runs a step in its folder and puts what it made into place.

    Raises:
        SystemExit: its command failed; what it said has been passed on.
    """
    work = REPOSITORY / WORK / f"{step.name}-{now[:12]}"
    work.mkdir(parents=True, exist_ok=True)
    words = [word.format(work=work, **places) for word in step.words]
    print(f"{step.name}: {' '.join(words)}", flush=True)
    if status := subprocess.run([sys.executable, "-m", *words], cwd=REPOSITORY, check=False).returncode:
        raise SystemExit(status)
    for pattern, place in step.makes:
        for made in sorted(work.glob(pattern)):
            target = REPOSITORY / place / (made.name if place.endswith("/") else "")
            target.parent.mkdir(parents=True, exist_ok=True)
            beside = target.with_name(target.name + ".part")
            shutil.copyfile(made, beside)
            beside.replace(target)


def link_training(paintings: Path) -> Path:
    """A folder of links to the paintings that networks may be trained with."""
    folder = REPOSITORY / WORK / "training"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for path in _files(paintings):
        if path.stem not in HELD_OUT_PAINTINGS:
            os.symlink(path.resolve(), folder / path.name)
    return folder


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description="Makes all that is bundled anew, in order.")
    for name, text in (
        ("photos", "folder of photographs to train with"),
        ("paintings", "folder of the paintings, named as in the gallery"),
        ("content", "folder of the photographs that are shown"),
        ("teacher", "VGG-16's weight file"),
    ):
        parser.add_argument(f"--{name}", type=Path, required=True, metavar="PATH", help=text)
    parser.add_argument(
        "--only", nargs="*", default=[], choices=[step.name for step in STEPS], metavar="STEP"
    )
    parser.add_argument("--list", action="store_true", help="say what is out of date, and make nothing")
    parser.add_argument("--adopt", action="store_true", help="take what is there for made from what is there")
    given = parser.parse_args()
    places = {name: getattr(given, name).resolve() for name in ("photos", "paintings", "content", "teacher")}
    if missing := [str(path) for path in places.values() if not path.exists()]:
        parser.error(f"there is no such file or folder. Received: {missing[0]}")
    places["training"] = link_training(places["paintings"])
    record = read_record(REPOSITORY / RECORD)
    steps = [step for step in STEPS if not given.only or step.name in given.only]
    for step, now in stale(steps, places, record):
        if given.list:
            print(f"{step.name}: out of date")
            continue
        if not given.adopt:
            make(step, now, places)
        record[step.name] = now
        (REPOSITORY / RECORD).write_text(json.dumps(record, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
