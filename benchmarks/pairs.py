"""The 24 pairs of a photograph and a painting that pictures are judged on, and what no training may see.

    from pairs import HELD_OUT_PAINTINGS, HELD_OUT_PHOTOGRAPHS, PAIRS

Photographs and paintings go by their file's name without its ending; `astronaut` and `chelsea` are
scikit-image's. Importing this needs nothing but the standard library.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

IMAGES = Path(__file__).resolve().parent.parent.parent / "shared" / "images"  # beside the repository

# No training sees these: neither the network's, nor the one-pass networks'. None is of the first gallery.
HELD_OUT_PHOTOGRAPHS = ("amber", "astronaut", "chicago", "wolf")
HELD_OUT_PAINTINGS = ("cliffs_at_etretat", "hara", "jeanne_hebuterne", "view_of_oyster_bay")


class Pair(NamedTuple):
    """A photograph and the painting it is painted after."""

    photograph: str
    painting: str

    @property
    def held_out(self) -> bool:
        """Whether no training has seen either of the two."""
        return self.photograph in HELD_OUT_PHOTOGRAPHS and self.painting in HELD_OUT_PAINTINGS

    @property
    def name(self) -> str:
        """A name for files."""
        return f"{self.photograph}__{self.painting}"


# Faces after portraits (lion, astronaut, chelsea), views after landscapes (chicago, sailboat, temple, wolf).
AFTER: dict[str, tuple[str, ...]] = {
    "amber": ("adele_bloch_bauer", "contrast_of_forms", "view_of_oyster_bay"),
    "chicago": ("starry_night", "cliffs_at_etretat", "composition_vii"),
    "lion": ("the_scream", "woman_in_peasant_dress", "portrait_of_metzinger"),
    "sailboat": ("great_wave", "shipwreck_of_the_minotaur", "port_en_bessin"),
    "temple": ("water_lilies", "plum_tree", "the_harvesters"),
    "wolf": ("starry_night", "gray_tree", "hara"),
    "astronaut": ("self_portrait_van_gogh", "woman_with_a_hat", "jeanne_hebuterne"),
    "chelsea": ("udnie", "self_portrait_van_gogh", "red_and_blue_horse"),
}
PAIRS = tuple(Pair(photograph, painting) for photograph, paintings in AFTER.items() for painting in paintings)

# What is looked at 1:1: the left upper corner of squares of CROP pixels, at a longest side of 512.
CROP = 160
CROPS: dict[str, dict[str, tuple[int, int]]] = {
    "amber": {"wall": (0, 320), "ornament": (330, 40), "edge": (130, 90)},
    "chicago": {"sky": (340, 0), "detail": (270, 160), "edge": (170, 70)},
    "lion": {"nose": (170, 290), "face": (110, 120), "edge": (20, 300)},
    "sailboat": {"sky": (0, 0), "water": (180, 340), "edge": (180, 40)},
    "temple": {"sky": (130, 30), "water": (90, 100), "edge": (190, 80)},
    "wolf": {"sky": (20, 0), "face": (310, 128), "edge": (210, 60)},
    "astronaut": {"backdrop": (265, 110), "face": (150, 30), "edge": (20, 180)},
    "chelsea": {"fur": (100, 180), "face": (130, 50), "edge": (340, 0)},
}


def load_photograph(name: str, images: Path = IMAGES) -> Any:
    """A photograph of the list, as a `Picture`."""
    from impasto.core.images import load_picture

    if name in ("astronaut", "chelsea"):
        from skimage import data

        return load_picture(getattr(data, name)())
    return load_picture(images / "content" / f"{name}.jpg")


def load_painting(name: str, images: Path = IMAGES) -> Any:
    """A painting of the list, as a `Picture`, without what the gallery leaves off its reproduction."""
    from impasto.core import gallery
    from impasto.core.images import load_picture

    painting = load_picture(images / "paintings" / f"{name}.jpg")
    return gallery.cropped(painting, gallery.CROPS[name]) if name in gallery.CROPS else painting
