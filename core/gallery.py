"""The bundled gallery: its works, their style files, and the previews that menus show.

    python -m impasto.core.gallery styles PAINTINGS models/gallery
    python -m impasto.core.gallery previews models/gallery models/gallery/previews

`PAINTINGS` holds reproductions named as below; they are not part of the package, only the textures
made from them are. Both commands pass over what is made already, so they can be stopped and resumed.
`gallery_sheets.py` makes the sheets of it; `make models` runs all in order.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import NamedTuple

from .images import Picture, load_picture, save_picture
from .recipes import settings_for
from .styles import EXTENSION, save_style

LICENCE = "Painting: public domain. Texture: CC0 1.0"


class Work(NamedTuple):
    """What is known of a painting, and the kind that the gallery sorts it by."""

    title: str
    author: str
    year: str
    kind: str


# By the file's name. All authors died before 1955.
CATALOGUE = {
    "composition_vii": Work("Composition VII", "Wassily Kandinsky", "1913", "abstract"),
    "cossacks": Work("Cossacks", "Wassily Kandinsky", "1910–11", "abstract"),
    "dance": Work("Dance", "Alphonse Mucha", "1898", "art nouveau"),
    "contrast_of_forms": Work("Contrast of Forms", "Fernand Léger", "1913", "cubism"),
    "gray_tree": Work("Gray Tree", "Piet Mondrian", "1911", "cubism"),
    "tableau_no_2": Work("Tableau No. 2", "Piet Mondrian", "1913", "cubism"),
    "udnie": Work("Udnie", "Francis Picabia", "1913", "cubism"),
    "christ_on_the_cross": Work("Christ on the Cross", "Michelangelo", "about 1540", "drawing"),
    "woman_in_peasant_dress": Work("Woman in Peasant Dress", "old master, red chalk", "unknown", "drawing"),
    "portrait_of_arthur_roessler": Work(
        "Portrait of Arthur Roessler", "Egon Schiele", "1910", "expressionism"
    ),
    "red_and_blue_horse": Work("Red and Blue Horse", "Franz Marc", "1912", "expressionism"),
    "the_scream": Work("The Scream", "Edvard Munch", "1893", "expressionism"),
    "woman_with_a_hat": Work("Woman with a Hat", "Henri Matisse", "1905", "expressionism"),
    "adele_bloch_bauer": Work("Portrait of Adele Bloch-Bauer I", "Gustav Klimt", "1907", "gold"),
    "plum_tree": Work("Plum Tree", "Rinpa school, folding screen", "unknown", "gold"),
    "the_kiss": Work("The Kiss", "Gustav Klimt", "1907–08", "gold"),
    "bal_du_moulin_de_la_galette": Work(
        "Bal du moulin de la Galette", "Auguste Renoir", "1876", "impressionism"
    ),
    "cliffs_at_etretat": Work("The Cliffs at Étretat", "Claude Monet", "1885", "impressionism"),
    "water_lilies": Work("Water Lilies", "Claude Monet", "1919", "impressionism"),
    "jeanne_hebuterne": Work("Jeanne Hébuterne", "Amedeo Modigliani", "about 1919", "modern"),
    "two_women_in_a_landscape": Work("Two Women in a Landscape", "Kazimir Malevich", "about 1930", "modern"),
    "girl_with_a_pearl_earring": Work(
        "Girl with a Pearl Earring", "Johannes Vermeer", "about 1665", "old masters"
    ),
    "joachims_dream": Work("Joachim's Dream", "Giotto", "about 1305", "old masters"),
    "saint_john_the_evangelist": Work("Saint John the Evangelist", "El Greco", "about 1605", "old masters"),
    "shipwreck_of_the_minotaur": Work(
        "The Shipwreck of the Minotaur", "J. M. W. Turner", "about 1810", "old masters"
    ),
    "the_harvesters": Work("The Harvesters", "Pieter Bruegel the Elder", "1565", "old masters"),
    "grande_jatte_detail": Work(
        "A Sunday on La Grande Jatte (detail)", "Georges Seurat", "1884–86", "pointillism"
    ),
    "port_en_bessin": Work("Port-en-Bessin", "Georges Seurat", "1888", "pointillism"),
    "portrait_of_metzinger": Work("Portrait of Metzinger", "Robert Delaunay", "1906", "pointillism"),
    "arearea": Work("Arearea", "Paul Gauguin", "1892", "post-impressionism"),
    "self_portrait_van_gogh": Work("Self-Portrait", "Vincent van Gogh", "1889", "post-impressionism"),
    "starry_night": Work("The Starry Night", "Vincent van Gogh", "1889", "post-impressionism"),
    "still_life_with_peppermint_bottle": Work(
        "Still Life with Peppermint Bottle", "Paul Cézanne", "1893–95", "post-impressionism"
    ),
    "wheat_field_with_cypresses": Work(
        "Wheat Field with Cypresses", "Vincent van Gogh", "1889", "post-impressionism"
    ),
    "view_of_oyster_bay": Work("View of Oyster Bay", "Louis C. Tiffany", "about 1908", "stained glass"),
    "great_wave": Work("The Great Wave off Kanagawa", "Katsushika Hokusai", "about 1831", "woodcut"),
    "hara": Work("Hara (Tōkaidō)", "Utagawa Hiroshige", "1840s–50s", "woodcut"),
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
        painting = cropped(load_picture(paintings / f"{name}.jpg"), CROPS.get(name, (0.0, 0.0, 1.0, 1.0)))
        style = make_style(painting, name=name, licence=LICENCE, **CATALOGUE[name]._asdict())
        save_style(style, path)
        print(f"{path}: {path.stat().st_size / 1024:.0f} kB", flush=True)


def cropped(picture: Picture, shares: tuple[float, float, float, float]) -> Picture:
    """What lies between shares of the width and the height: (left, upper, right, lower)."""
    height, width = picture.pixels.shape[:2]
    left, upper, right, lower = (
        round(share * side) for share, side in zip(shares, (width, height) * 2, strict=True)
    )
    return Picture(picture.pixels[upper:lower, left:right])


def make_previews(gallery: Path, output: Path, names: list[str], size: int) -> None:
    """Paints scikit-image's cat (Chelsea, CC0) in each style, for menus.

    Args:
        gallery: folder of style files.
        output: folder of the previews.
        names: styles to paint; all if empty.
        size: longest side, in pixels.
    """
    from skimage import data

    from .stylize import stylize

    photograph = data.chelsea()[:, 70:370]  # the head, square
    settings = settings_for(size=size, network="vgg_mini")
    output.mkdir(parents=True, exist_ok=True)
    for name in names or sorted(path.stem for path in gallery.glob("*" + EXTENSION)):
        path = output / (name + EXTENSION)
        if not path.exists():
            painted = stylize(photograph, [gallery / (name + EXTENSION)], settings=settings)
            save_picture(painted.picture, path, quality=80)
            print(f"{path}: {path.stat().st_size / 1024:.0f} kB", flush=True)


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description="Makes the bundled gallery.")
    parser.add_argument("what", choices=("styles", "previews"))
    parser.add_argument("source", type=Path, help="folder of paintings, or of style files")
    parser.add_argument("output", type=Path, help="folder of style files, or of previews")
    parser.add_argument("--only", nargs="*", default=[], metavar="NAME", help="these styles only")
    parser.add_argument("--size", type=int, default=256, help="longest side of a preview, in pixels")
    given = parser.parse_args()
    if given.what == "previews":
        make_previews(given.source, given.output, given.only, given.size)
    else:
        make_styles(given.source, given.output, given.only)


if __name__ == "__main__":
    main()
