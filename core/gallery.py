"""Makes the bundled gallery from the paintings, and the contact sheet that shows it.

    python -m impasto.core.gallery styles PAINTINGS models/gallery
    python -m impasto.core.gallery previews models/gallery --size 256
    python -m impasto.core.gallery sheet PHOTOS docs/gallery.jpg

`PAINTINGS` holds reproductions named as below; they are not part of the package, only the textures
made from them are. All commands pass over what is made already, so they can be stopped and resumed.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from .images import Picture, check_output, load_picture, save_picture
from .recipes import settings_for
from .sheet import Cell, sheet
from .styles import EXTENSION, gallery_names, load_style, save_style

LICENCE = "Painting: public domain. Texture: CC0 1.0"

# file name: (title, author, year)
CATALOGUE = {
    "composition_vii": ("Composition VII", "Wassily Kandinsky", "1913"),
    "contrast_of_forms": ("Contrast of Forms", "Fernand Léger", "1913"),
    "great_wave": ("The Great Wave off Kanagawa", "Katsushika Hokusai", "about 1831"),
    "plum_tree": ("Plum Tree", "Rinpa school, folding screen", "unknown"),
    "portrait_of_metzinger": ("Portrait of Metzinger", "Robert Delaunay", "1906"),
    "shipwreck_of_the_minotaur": ("The Shipwreck of the Minotaur", "J. M. W. Turner", "about 1810"),
    "starry_night": ("The Starry Night", "Vincent van Gogh", "1889"),
    "tableau_no_2": ("Tableau No. 2", "Piet Mondrian", "1913"),
    "the_scream": ("The Scream", "Edvard Munch", "1893"),
    "udnie": ("Udnie", "Francis Picabia", "1913"),
    "water_lilies": ("Water Lilies", "Claude Monet", "1919"),
    "woman_in_peasant_dress": ("Woman in Peasant Dress", "old master, red chalk", "unknown"),
    "woman_with_a_hat": ("Woman with a Hat", "Henri Matisse", "1905"),
}

# What is left of a reproduction, by shares of its sides: (left, upper, right, lower). The Scream's ends in a
# bare orange strip, which paintings after it got at their right edge: the network's zero padding tells deep
# layers where that is.
CROPS = {"the_scream": (0.0, 0.0, 0.93, 1.0)}


def make_styles(paintings: Path, output: Path, names: list[str]) -> None:
    """Writes a style file for each painting of the catalogue."""
    from .swatches import make_style

    output.mkdir(parents=True, exist_ok=True)
    for name in names or CATALOGUE:
        path = output / (name + EXTENSION)
        if path.exists():
            continue
        title, author, year = CATALOGUE[name]
        painting = cropped(load_picture(paintings / f"{name}.jpg"), CROPS.get(name, (0.0, 0.0, 1.0, 1.0)))
        style = make_style(painting, name=name, title=title, author=author, year=year, licence=LICENCE)
        save_style(style, path)
        print(f"{path}: {path.stat().st_size / 1024:.0f} kB", flush=True)


def cropped(picture: Picture, shares: tuple[float, float, float, float]) -> Picture:
    """What lies between shares of the width and the height: (left, upper, right, lower)."""
    height, width = picture.pixels.shape[:2]
    left, upper, right, lower = (
        round(share * side) for share, side in zip(shares, (width, height) * 2, strict=True)
    )
    return Picture(picture.pixels[upper:lower, left:right])


def make_previews(gallery: Path, names: list[str], size: int) -> None:
    """Paints scikit-image's cat (Chelsea, CC0) in each style, for menus.

    Args:
        gallery: folder of style files; previews go into its folder `previews`.
        names: styles to paint; all if empty.
        size: longest side, in pixels.
    """
    from skimage import data

    from .stylize import stylize

    photograph = data.chelsea()[:, 70:370]  # the head, square
    settings = settings_for(size=size, network="vgg_mini")
    (gallery / "previews").mkdir(exist_ok=True)
    for name in names or sorted(path.stem for path in gallery.glob("*" + EXTENSION)):
        path = gallery / "previews" / (name + EXTENSION)
        if not path.exists():
            painted = stylize(photograph, [gallery / (name + EXTENSION)], settings=settings)
            save_picture(painted.picture, path, quality=80)
            print(f"{path}: {path.stat().st_size / 1024:.0f} kB", flush=True)


def make_sheet(photographs: Path, output: Path, parts: Path, size: int, names: list[str]) -> None:
    """Paints every photograph of a folder in every style, and lays all out on one sheet, a row a style.

    Args:
        photographs: folder of pictures.
        output: the sheet.
        parts: folder that keeps each painted picture.
        size: longest side of each, in pixels.
        names: styles to paint now, without laying out the sheet; all, and the sheet, if empty.
    """
    from .stylize import stylize

    check_output(output)
    parts.mkdir(parents=True, exist_ok=True)
    settings = settings_for(size=size, network="vgg_mini")
    rows: list[list[Cell]] = []
    for name in names or gallery_names():
        row: list[Cell] = []
        for photograph in sorted(photographs.glob("*.jpg")):
            path = parts / f"{photograph.stem}_{name}.png"
            if not path.exists():
                stylize(photograph, [name], settings=settings).save(path)
                print(path, flush=True)
            row.append(("" if row else load_style(name).title, load_picture(path).pixels))
        rows.append(row)
    if not names:
        save_picture(Picture(sheet(rows, height=200)), output, quality=85)


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description="Makes the bundled gallery and its contact sheet.")
    parser.add_argument("what", choices=("styles", "previews", "sheet"))
    parser.add_argument("source", type=Path, help="folder of paintings, of style files, or of photographs")
    parser.add_argument("output", type=Path, nargs="?", help="folder of style files, or the sheet")
    parser.add_argument(
        "--only", nargs="*", default=[], metavar="NAME", help="these styles only, and no sheet"
    )
    parser.add_argument("--parts", type=Path, default=Path("build/gallery"), help="keeps the pictures")
    parser.add_argument("--size", type=int, default=384, help="longest side of each picture, in pixels")
    given = parser.parse_args()
    if given.what == "previews":
        make_previews(given.source, given.only, given.size)
    elif not given.output:
        parser.error(f"{given.what} needs an output")
    elif given.what == "styles":
        make_styles(given.source, given.output, given.only)
    else:
        make_sheet(given.source, given.output, given.parts, given.size, given.only)


if __name__ == "__main__":
    main()
