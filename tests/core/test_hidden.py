"""Colours that nobody sees do not steer: not as a photograph, not as a style, at no size."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from impasto.core.crops import read_photograph
from impasto.core.hidden import filled
from impasto.core.images import Picture, load_picture
from impasto.core.styles import load_style

CASES = Path(__file__).parent / "cases"
GREEN, MAGENTA = CASES / "hidden_green.png", CASES / "hidden_magenta.png"


@pytest.mark.parametrize("size", [0, 40, 64, 200])
def test_pictures_that_look_alike_are_alike(size):
    one, other = load_picture(GREEN, size=size), load_picture(MAGENTA, size=size)
    assert np.array_equal(one.alpha, other.alpha) and one.alpha.min() == 0
    assert np.array_equal(one.pixels, other.pixels)


def test_styles_training_and_arrays_that_look_alike_are_alike():
    one, other = load_style(GREEN), load_style(MAGENTA)
    for side in (32, 64, 150):
        assert np.array_equal(one.at(side), other.at(side))
    crops = [np.asarray(read_photograph(path, 64)) for path in (GREEN, MAGENTA)]
    assert np.array_equal(*crops)
    arrays = [np.asarray(Image.open(path).convert("RGBA")) for path in (GREEN, MAGENTA)]
    assert not np.array_equal(*arrays)
    assert np.array_equal(*(load_picture(array).pixels for array in arrays))
    pictures = [Picture(array[..., :3] / 255, array[..., 3] / 255) for array in arrays]
    assert np.array_equal(*(load_picture(picture).pixels for picture in pictures))


def test_what_is_seen_stays_to_the_bit_and_the_rest_is_mirrored():
    pixels = np.random.default_rng(3).random((20, 30, 3), np.float32)
    alpha = np.ones((20, 30), np.float32)
    alpha[:, :10] = 0
    shown = filled(pixels, alpha)
    assert np.array_equal(shown[:, 10:], pixels[:, 10:])
    assert np.array_equal(shown[:, :10], pixels[:, 11:21][:, ::-1])


def test_a_filling_has_the_statistics_of_what_is_seen():
    random = np.random.default_rng(0)
    pixels = random.normal(0.5, 0.1, (64, 64, 3)).astype(np.float32)
    alpha = np.zeros((64, 64), np.float32)
    rows, columns = np.mgrid[:64, :64]
    disc = (rows - 32) ** 2 + (columns - 32) ** 2 < 20**2
    alpha[disc] = 1
    pixels[~disc] = (0, 1, 0)
    shown = filled(pixels, alpha)
    assert np.abs(shown.mean((0, 1)) - pixels[disc].mean(0)).max() < 0.02
    assert np.abs(shown.std((0, 1)) - pixels[disc].std(0)).max() < 0.02


def test_pictures_without_anything_hidden_are_not_copied_and_wholly_hidden_ones_are_grey():
    pixels = np.random.default_rng(0).random((16, 20, 3), np.float32)
    for alpha in (None, np.full((16, 20), 0.1, np.float32)):
        assert filled(pixels, alpha) is pixels
    assert (filled(pixels, np.zeros((16, 20), np.float32)) == 0.5).all()
