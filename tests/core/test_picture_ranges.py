"""Which number is white: by where the numbers lie, by PNG's gamma, and said whenever it was guessed."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from impasto.core.images import load_picture

CASES = Path(__file__).parent / "cases"


def tiff(numbers):
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, numbers, photometric="minisblack")
    return buffer.getvalue()


def png(numbers, *chunks):
    buffer = io.BytesIO()
    Image.fromarray(numbers).save(buffer, "PNG")
    data = buffer.getvalue()
    packed = (
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in chunks
    )
    return data[:33] + b"".join(packed) + data[33:]


def srgb(light):
    """IEC 61966-2-1's curve."""
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * np.maximum(light, 1e-9) ** (1 / 2.4) - 0.055)


def gamma(value):
    return b"gAMA", struct.pack(">I", round(100_000 * value))


@pytest.mark.parametrize("name", ["float_highlight_4.1.tif", "uint32_of_255.tif", "png_gama_1.png"])
def test_the_pictures_that_were_black_or_dark(name):
    picture = load_picture(CASES / name)
    assert abs(picture.pixels.mean() - 0.469) < 0.01  # linear numbers of 8 bits have lost the shadows
    assert len(picture.notices) == 1


@pytest.mark.parametrize("white", [1, 255, 65535, 2**32 - 1])
def test_whole_numbers_of_32_bits(white):
    numbers = np.rint(np.linspace(0, 1, 900).reshape(30, 30) * white).astype(np.uint32)
    picture = load_picture(tiff(numbers))
    assert np.allclose(picture.pixels[..., 0], numbers / white, atol=1e-6)
    assert bool(picture.notices) == (white != 2**32 - 1)


@pytest.mark.parametrize("white", [1, 255, 65535])
def test_floats_with_a_few_highlights(white):
    numbers = (np.linspace(0.05, 0.9, 900).reshape(30, 30) * white).astype(np.float32)
    for highlights in (0, 4):
        numbers[0, :highlights] = 7 * white
        picture = load_picture(tiff(numbers))
        assert np.allclose(picture.pixels[1:, :, 0], numbers[1:] / white, atol=1e-5)
        assert (picture.pixels[0, :highlights] == 1).all()
        assert bool(picture.notices) == (white > 1 or highlights > 0)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_gamma_is_honoured(dtype):
    most = np.iinfo(dtype).max
    numbers = np.rint(np.linspace(0, 1, 256).reshape(16, 16) * most).astype(dtype)
    for value in (1.0, 0.3, 1 / 1.8):
        picture = load_picture(png(numbers, gamma(value)))
        light = (numbers / most) ** (1 / value)
        assert np.allclose(picture.pixels[..., 0], srgb(light), atol=1e-4)
        assert len(picture.notices) == 1 and "gamma" in picture.notices[0]
        assert picture.bits == np.dtype(dtype).itemsize * 8


@pytest.mark.parametrize("chunks", [[gamma(0.45455)], [(b"sRGB", b"\0"), gamma(1.0)], [gamma(0)]])
def test_gammas_that_change_nothing(chunks):
    numbers = np.arange(256, dtype=np.uint8).reshape(16, 16)
    picture = load_picture(png(numbers, *chunks))
    assert np.allclose(picture.pixels[..., 0], numbers / 255) and picture.notices == ()


def test_a_gamma_leaves_transparency_alone():
    numbers = np.full((16, 16, 4), 128, np.uint8)
    picture = load_picture(png(numbers, gamma(1.0)))
    assert np.allclose(picture.alpha, 128 / 255, atol=1e-5)
