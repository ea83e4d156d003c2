"""A network of random weights and pictures to paint, small enough that a run takes a fraction of a second."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image

from impasto.core.recipes import Settings, settings_for
from impasto.models.register import find_network


@pytest.fixture(scope="session")
def mini_weights(tmp_path_factory) -> str:
    """A weight file for `vgg_mini`, seeded, under which activations neither die nor grow."""
    random = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("weights") / "mini.npz"
    arrays = {
        name: random.normal(0, (2 / np.prod(shape[:-1])) ** 0.5 if name.endswith("kernel") else 0.1, shape)
        for name, shape in find_network("vgg_mini").shapes.items()
    }
    np.savez(path, **{name: array.astype("float16") for name, array in arrays.items()})
    return str(path)


@pytest.fixture(scope="session")
def small(mini_weights) -> Callable[..., Settings]:
    """Settings for a quick run on that network: `small("classic", steps=5)`."""

    def settings(recipe: str = "quality", **changes: Any) -> Settings:
        return settings_for(
            recipe, **{"size": 64, "steps": 8, "network": "vgg_mini", "weights": mini_weights} | changes
        )

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
