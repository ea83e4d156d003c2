"""The sheets that show the gallery: in the README, in docs, and the bot's examples.

    python -m impasto.core.gallery_sheets readme PHOTOS docs/sheet.jpg
    python -m impasto.core.gallery_sheets gallery PHOTOS docs/gallery.jpg
    python -m impasto.core.gallery_sheets swatches PHOTOS docs/swatches_gallery.jpg
    python -m impasto.core.gallery_sheets strength PHOTOS docs/strength.jpg
    python -m impasto.core.gallery_sheets examples PHOTOS bot/examples

`PHOTOS` holds the photographs by the names below; `astronaut` and `chelsea` are scikit-image's. Each painted
picture is kept in a folder (`--parts`), so that a sheet can be stopped and gone on with.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .images import Picture, check_output, load_picture, save_picture
from .recipes import settings_for
from .sheet import Cell, sheet
from .styles import gallery_by_kind, load_preview, load_style

SIZE = 512  # longest side of each picture, in pixels

# (photograph, style): what a stranger sees first.
README = (
    (("chicago", "starry_night"), ("chelsea", "red_and_blue_horse"), ("amber", "adele_bloch_bauer")),
    (("temple", "wheat_field_with_cypresses"), ("lion", "the_scream"), ("sailboat", "water_lilies")),
    (("wolf", "great_wave"), ("astronaut", "self_portrait_van_gogh"), ("chicago", "composition_vii")),
)
STRENGTHS = (0.1, 0.3, 0.5, 0.7, 0.9)
STRENGTH = (("chicago", "starry_night"), ("astronaut", "woman_with_a_hat"))
EXAMPLES = {"cat": ("chelsea", "starry_night"), "portrait": ("astronaut", "self_portrait_van_gogh")}


def photograph(folder: Path, name: str) -> Picture:
    """A photograph of the folder, or of scikit-image."""
    if name in ("astronaut", "chelsea"):
        from skimage import data

        return load_picture(getattr(data, name)())
    return load_picture(folder / f"{name}.jpg")


def painted(folder: Path, parts: Path, name: str, style: str, **changes: Any) -> Picture:
    """A photograph in a style, painted unless it is kept from before.

    Args:
        folder: of the photographs.
        parts: folder that keeps painted pictures.
        name, style: of the photograph, and of the style.
        **changes: settings other than the default's.
    """
    from .stylize import stylize

    parts.mkdir(parents=True, exist_ok=True)
    told = "".join(f"_{key}_{value}" for key, value in changes.items())
    path = parts / f"{name}_{style}{told}.png"
    if not path.exists():
        settings = settings_for(size=SIZE, network="vgg_mini", **changes)
        stylize(photograph(folder, name), [style], settings=settings).save(path)
        print(path, flush=True)
    return load_picture(path)


def _title(style: str) -> str:
    known = load_style(style)
    return f"{known.title}, {known.author}"


def readme(folder: Path, output: Path, parts: Path) -> None:
    """Nine photographs, each in a style of its own."""
    rows = [
        [(_title(style), painted(folder, parts, name, style).pixels) for name, style in row] for row in README
    ]
    _save(rows, output, height=300)


def gallery(folder: Path, output: Path, parts: Path) -> None:
    """The previews of every style, sorted by kind."""
    cells: list[Cell] = []
    for names in gallery_by_kind().values():
        for name in names:
            preview = load_preview(name)
            cells += [(load_style(name).title, preview.pixels)] if preview else []
    _save([cells[at : at + 8] for at in range(0, len(cells), 8)], output, height=190)


def swatches(folder: Path, output: Path, parts: Path) -> None:
    """Every style file as it is."""
    styles = [load_style(style) for names in gallery_by_kind().values() for style in names]
    cells = [(style.title, style.picture.pixels) for style in styles]
    _save([cells[at : at + 8] for at in range(0, len(cells), 8)], output, height=150)


def strength(folder: Path, output: Path, parts: Path) -> None:
    """Five strengths of two pictures."""
    rows = [
        [
            (f"strength {share}", painted(folder, parts, name, style, strength=share).pixels)
            for share in STRENGTHS
        ]
        for name, style in STRENGTH
    ]
    _save(rows, output, height=240)


def examples(folder: Path, output: Path, parts: Path) -> None:
    """What the bot greets with: before and after."""
    output.mkdir(parents=True, exist_ok=True)
    for file, (name, style) in EXAMPLES.items():
        before, after = photograph(folder, name), painted(folder, parts, name, style)
        _save([[("", before.pixels), ("", after.pixels)]], output / f"{file}.jpg", height=400, gap=0)


def _save(rows: Sequence[Sequence[Cell]], output: Path, **options: Any) -> None:
    check_output(output)
    save_picture(Picture(sheet(rows, **options)), output, quality=88)
    print(output, flush=True)


KINDS = {
    "readme": readme,
    "gallery": gallery,
    "swatches": swatches,
    "strength": strength,
    "examples": examples,
}


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description="Makes the sheets that show the gallery.")
    parser.add_argument("what", choices=KINDS)
    parser.add_argument("photographs", type=Path, help="folder of photographs")
    parser.add_argument("output", type=Path, help="the sheet, or the examples' folder")
    parser.add_argument("--parts", type=Path, default=Path("build/sheets"), help="keeps the pictures")
    given = parser.parse_args()
    KINDS[given.what](given.photographs, given.output, given.parts)


if __name__ == "__main__":
    main()
