"""Pictures to paint and settings to paint them with, small enough that a run takes a fraction of a second."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from impasto.core.recipes import Settings, settings_for


@pytest.fixture(scope="session")
def small(mini_weights) -> Callable[..., Settings]:
    """Settings for a quick run on a network of random weights: `small("classic", steps=5)`.

    `quality` is painted by Adam, whose steps are evaluations, at sizes √2 apart.
    """

    def settings(recipe: str = "quality", **changes: Any) -> Settings:
        quick = {"method": "optimise", "size": 64, "steps": 8, "network": "vgg_mini", "weights": mini_weights}
        if recipe == "quality":
            quick |= {"optimizer": "adam", "scale_ratio": 2**0.5, "style_loss": "moments"}
        return settings_for(recipe, **quick | changes)

    return settings


def _blobs(height: int, width: int, seed: int = 0, cells: int = 6) -> np.ndarray:
    """Soft blobs of colour, about `cells` of them a side, (height, width, 3) float32, 0–1."""
    random = np.random.default_rng(seed).integers(0, 256, (cells, cells, 3), dtype=np.uint8)
    image = Image.fromarray(random).resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(image, "float32") / 255


@pytest.fixture(scope="session")
def blobs() -> Callable[..., np.ndarray]:
    """Makes pictures: `blobs(height, width, seed, cells)`."""
    return _blobs


@pytest.fixture(scope="session")
def photos(tmp_path_factory, blobs) -> Path:
    """A folder of six photographs, 80×60 pixels: 0.png to 5.png."""
    folder = tmp_path_factory.mktemp("photos")
    for number in range(6):
        Image.fromarray(np.uint8(blobs(60, 80, number) * 255)).save(folder / f"{number}.png")
    return folder


@pytest.fixture
def own_policy() -> Iterator[None]:
    """Puts Keras's global precision back, which the trainings' commands set."""
    import keras

    before = keras.mixed_precision.dtype_policy()
    yield
    keras.mixed_precision.set_dtype_policy(before)


@pytest.fixture
def small_looks(monkeypatch):
    """Curves and sheets of small pictures: a run here takes a second."""
    monkeypatch.setattr("impasto.core.curves.SIDE", 64)
    monkeypatch.setattr("impasto.core.curves.LOOKED_AT", 2)
    monkeypatch.setattr("impasto.core.curves.STYLE_SIDE", 64)
    monkeypatch.setattr("impasto.core.training_looks.SHEET_SIDE", 64)
