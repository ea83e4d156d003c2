"""Random square crops of a folder's pictures, for training.

Step n's crops depend on the seed and on n alone, so a resumed training sees the very crops that
an uninterrupted one would have seen, and no generator's state need be kept.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from .errors import PictureError, UsageError
from .images import load_picture
from .picture_formats import pictures_in, usual_endings


def read_photograph(path: Path, largest: int) -> Image.Image:
    """Reads a picture to learn from, through the door of all pictures: upright, in sRGB, as 8-bit RGB.

    Args:
        path: its file.
        largest: a longer side is reduced to so many pixels.

    Raises:
        PictureError: it cannot be read.
    """
    pixels = load_picture(path, size=largest, enlarge=False).pixels
    return Image.fromarray(np.rint(255 * pixels).astype(np.uint8))


@dataclass
class Folder:
    """The pictures below one or several folders, decoded once and kept as 8-bit RGB.

    Attributes:
        pictures: Pillow images in the order of their paths.
        unreadable: paths that could not be decoded; they are passed over.
    """

    pictures: list[Image.Image] = field(default_factory=list)
    unreadable: list[Path] = field(default_factory=list)

    @classmethod
    def read(cls, *folders: Path | str, largest: int = 1024) -> Folder:
        """Reads every picture below the folders.

        Args:
            folders: where to look, recursively.
            largest: pictures with a longer side are reduced to it, in pixels, to spare memory.

        Raises:
            UsageError: a folder does not exist, or there is no readable picture.
        """
        result = cls()
        for folder in map(Path, folders):
            if not folder.is_dir():
                raise UsageError(f"Expected a folder of pictures. Received: {folder}")
            for path in pictures_in(folder, below=True):
                try:
                    result.pictures.append(read_photograph(path, largest))
                except PictureError:
                    result.unreadable.append(path)
        if not result.pictures:
            raise UsageError(
                f"No readable picture; put some ({usual_endings()}) there. "
                f"Received: {', '.join(map(str, folders))}"
            )
        return result

    def split(self, held_out: int, seed: int) -> tuple[Folder, Folder]:
        """Draws `held_out` pictures at random; returns (the others, those drawn)."""
        drawn = set(np.random.default_rng(seed).permutation(len(self.pictures))[:held_out].tolist())
        inside = [p for i, p in enumerate(self.pictures) if i not in drawn]
        return Folder(inside, self.unreadable), Folder([self.pictures[i] for i in sorted(drawn)])


def random_crop(picture: Image.Image, side: int, random: np.random.Generator) -> np.ndarray:
    """Cuts a square of random place and scale, mirrored half of the time.

    The square's side is between half of `side` and the picture's short side (log-uniform), and is
    resampled to `side`: strokes and objects are met at every size.

    Returns:
        (side, side, 3) uint8.
    """
    short = min(picture.size)
    extent = np.exp(random.uniform(np.log(min(side / 2, short)), np.log(short)))
    left = random.uniform(0, picture.width - extent)
    top = random.uniform(0, picture.height - extent)
    box = (left, top, left + extent, top + extent)
    crop = np.asarray(picture.resize((side, side), Image.Resampling.BICUBIC, box=box))
    return crop[:, ::-1] if random.random() < 0.5 else crop


def crop_batch(
    sources: list[tuple[Folder, float]],
    count: int,
    side: int,
    seed: int,
    step: int,
    shuffle: float = 0.0,
    contrast: float = 0.0,
    noise: float = 0.0,
) -> np.ndarray:
    """The crops of one training step.

    Args:
        sources: folders with the share of crops that each gives.
        count: crops in the batch.
        side: their side in pixels.
        seed, step: all that the crops depend on.
        shuffle: probability that a crop's colour channels are exchanged.
        contrast: most by which the logarithm of a crop's contrast about its mean colour is changed.
        noise: largest deviation of normal noise on top, on the 0–1 scale; each crop's is drawn up to it, and
            a third of the crops get none.

    Returns:
        (count, side, side, 3) uint8, RGB.
    """
    random = np.random.default_rng((seed, step))
    shares = np.array([share for _, share in sources], float)
    batch = np.empty((count, side, side, 3), np.uint8)
    for i in range(count):
        folder = sources[random.choice(len(sources), p=shares / shares.sum())][0]
        crop = random_crop(folder.pictures[random.integers(len(folder.pictures))], side, random)
        crop = crop[..., random.permutation(3)] if random.random() < shuffle else crop
        batch[i] = _varied(crop, contrast, noise, random) if contrast or noise else crop
    return batch


def _varied(crop: np.ndarray, contrast: float, noise: float, random: np.random.Generator) -> np.ndarray:
    """The crop with another contrast and with noise: an optimiser's pictures are harsh and noisy."""
    values = crop.astype("float32")
    mean = values.mean((0, 1))
    values = mean + (values - mean) * np.float32(np.exp(random.uniform(-contrast, contrast)))
    if (deviation := random.uniform(-noise / 2, noise)) > 0:
        values += random.standard_normal(values.shape, dtype=np.float32) * np.float32(255 * deviation)
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
