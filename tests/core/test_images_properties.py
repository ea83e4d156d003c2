"""Pictures of any size, mode and shape: what is saved and loaded again is what it was."""

import io

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from impasto.core.colours import keep_colours, match_colours
from impasto.core.errors import PictureError
from impasto.core.images import (
    Picture,
    encode_picture,
    extensions,
    load_picture,
    require_paintable,
    save_picture,
)

SIDES = st.integers(1, 64)
SEEDS = st.integers(0, 2**32 - 1)
MODES = (
    "1",
    "L",
    "LA",
    "P",
    "PA",
    "RGB",
    "RGBA",
    "RGBX",
    "RGBa",
    "CMYK",
    "YCbCr",
    "HSV",
    "LAB",
    "I",
    "F",
    "I;16",
)

quickly = settings(max_examples=100, deadline=None)


def numbers(height, width, channels, seed, bits=8, contrast=True):
    generator = np.random.default_rng(seed)
    largest = 2**bits - 1
    # Few values as often as many: flat areas and extremes are where codecs and filters go wrong.
    levels = generator.choice([2, 3, largest + 1]) if contrast else largest + 1
    steps = generator.integers(0, levels, (height, width, channels), endpoint=False)
    return np.rint(steps * (largest / (levels - 1))).astype(np.uint16 if bits == 16 else np.uint8)


def check(picture, height, width):
    assert picture.pixels.shape == (height, width, 3) and picture.pixels.dtype == np.float32
    assert np.isfinite(picture.pixels).all() and picture.pixels.min() >= 0 and picture.pixels.max() <= 1
    if picture.alpha is not None:
        assert picture.alpha.shape == (height, width) and picture.alpha.dtype == np.float32
        assert np.isfinite(picture.alpha).all() and picture.alpha.min() >= 0 and picture.alpha.max() <= 1


@quickly
@given(
    SIDES,
    SIDES,
    SEEDS,
    st.sampled_from([8, 16]),
    st.sampled_from([".png", ".tif"]),
    st.sampled_from([1, 3, 4]),
)
def test_png_and_tiff_lose_nothing(tmp_path_factory, height, width, seed, bits, extension, channels):
    first = load_picture(numbers(height, width, channels, seed, bits))
    path = tmp_path_factory.mktemp("roundtrip") / f"picture{extension}"
    assert save_picture(first, path) == ()
    second = load_picture(path)
    check(second, height, width)
    assert second.bits == first.bits == bits and second.notices == ()
    assert np.array_equal(second.pixels, first.pixels)
    assert (second.alpha is None) == (first.alpha is None) == (channels != 4)
    if channels == 4:
        assert np.array_equal(second.alpha, first.alpha)
    assert path.read_bytes() == encode_picture(second, extension)


@quickly
@given(SIDES, SIDES, SEEDS, st.booleans())
def test_bmp_loses_nothing_but_alpha(height, width, seed, transparent):
    first = load_picture(numbers(height, width, 4 if transparent else 3, seed))
    second = load_picture(encode_picture(first, ".bmp"))
    expected = first.pixels
    if first.alpha is not None:
        expected = expected * first.alpha[..., None] + 1 - first.alpha[..., None]
    assert np.abs(second.pixels - expected).max() <= 0.5 / 255 + 1e-6


@quickly
@given(
    SIDES, SIDES, SEEDS, st.sampled_from([8, 16]), st.sampled_from(extensions()), st.sampled_from([1, 3, 4])
)
def test_every_format_holds_every_size(height, width, seed, bits, extension, channels):
    first = load_picture(numbers(height, width, channels, seed, bits))
    second = load_picture(encode_picture(first, extension))
    check(second, height, width)
    if channels == 4 and extension not in (".jpg", ".jpeg", ".bmp"):
        alpha = np.ones((height, width)) if second.alpha is None else second.alpha
        assert np.abs(alpha - first.alpha).max() < (0.1 if extension == ".avif" else 0.5 / 255)


@quickly
@given(SIDES, SIDES, SEEDS, st.sampled_from(MODES))
def test_every_mode_gives_a_picture(height, width, seed, mode):
    if mode in ("I", "F", "I;16"):
        plane = numbers(height, width, 1, seed, 16)[..., 0]
        image = Image.fromarray(plane.astype({"I": np.int32, "F": np.float32, "I;16": np.uint16}[mode]))
    elif mode in ("LAB", "RGBX", "RGBa", "CMYK", "YCbCr", "HSV"):
        bands = 4 if mode in ("RGBX", "RGBa", "CMYK") else 3
        image = Image.frombytes(mode, (width, height), numbers(height, width, bands, seed).tobytes())
    else:
        image = Image.fromarray(numbers(height, width, 3, seed)).convert(mode)
    assert image.mode == mode
    picture = load_picture(image)
    check(picture, height, width)
    assert (picture.alpha is not None) == (mode in ("LA", "PA", "RGBA", "RGBa"))
    if mode in ("L", "RGB", "I;16"):
        expected = np.asarray(image).reshape(height, width, -1) / (65535 if mode == "I;16" else 255)
        assert np.abs(picture.pixels - expected).max() < 1e-6


@quickly
@given(SIDES, SIDES, SEEDS, st.integers(1, 128), st.sampled_from([1, 3, 4]), st.sampled_from([8, 16]))
def test_every_size_to_every_size(height, width, seed, longest, channels, bits):
    picture = load_picture(numbers(height, width, channels, seed, bits), size=longest)
    other = max(1, round(min(height, width) * longest / max(height, width)))
    check(picture, *((other, longest) if width >= height else (longest, other)))
    assert picture.bits == bits and (picture.alpha is None) == (channels != 4)


@quickly
@given(SIDES, SIDES, SEEDS, st.integers(1, 100), st.floats(0, 1))
def test_one_colour_stays_that_colour_at_every_size(height, width, seed, longest, value):
    generator = np.random.default_rng(seed)
    alpha = generator.choice([0.0, 0.5, 1.0], (height, width))
    picture = Picture(np.full((height, width, 3), value), alpha).resized(longest)
    assert np.abs(picture.pixels - np.float32(value)).max() < 1e-3


@quickly
@given(st.integers(1, 4), st.integers(500, 3000), st.booleans(), st.integers(1, 700))
def test_extreme_aspect_ratios(short, long, upright, size):
    shape = (long, short) if upright else (short, long)
    picture = load_picture(numbers(*shape, 3, short * long), size=size)
    other = max(1, round(short * size / long))
    check(picture, *((size, other) if upright else (other, size)))
    try:
        require_paintable(picture)
    except PictureError as error:
        assert min(picture.height, picture.width) < 16 and "\n" not in str(error)
    else:
        assert min(picture.height, picture.width) >= 16


@quickly
@given(
    SIDES,
    SIDES,
    SEEDS,
    st.integers(1, 8),
    st.sampled_from(["PNG", "JPEG", "TIFF", "WEBP"]),
    st.integers(0, 80),
)
def test_orientation_is_as_pillow_does_it(height, width, seed, orientation, format, size):
    from PIL import ImageOps

    exif = Image.Exif()
    exif[0x0112] = orientation
    buffer = io.BytesIO()
    options = {"lossless": True} if format == "WEBP" else {}
    Image.fromarray(numbers(height, width, 3, seed)).save(buffer, format, exif=exif, **options)
    expected = np.asarray(ImageOps.exif_transpose(Image.open(buffer))) / 255
    picture = load_picture(buffer.getvalue())
    assert np.abs(picture.pixels - expected).max() < 1e-6
    if size:
        turned = load_picture(buffer.getvalue(), size=size)
        later = picture.resized(size)
        assert turned.pixels.shape == later.pixels.shape
        if format != "JPEG":  # which may be decoded smaller
            assert np.abs(turned.pixels - later.pixels).max() < 1e-5


@quickly
@given(st.binary(max_size=400))
def test_any_bytes_are_a_picture_or_a_one_line_error(data):
    for head in (
        b"",
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8\xff",
        b"GIF89a",
        b"II*\0",
        b"MM\0+",
        b"BM",
        b"RIFF\x40\0\0\0WEBP",
    ):
        try:
            load_picture(head + data)
        except PictureError as error:
            assert "\n" not in str(error) and "Received: " in str(error)


@quickly
@given(SIDES, SIDES, SIDES, SIDES, SEEDS, st.sampled_from(["pca", "cholesky"]), st.sampled_from([1, 3]))
def test_colours_are_always_finite(height, width, other_height, other_width, seed, method, channels):
    style = load_picture(numbers(height, width, channels, seed)).pixels
    content = load_picture(numbers(other_height, other_width, 3, seed + 1)).pixels
    for first, second in ((style, content), (content, style), (style, style)):
        matched = match_colours(first, second, method)
        assert matched.shape == first.shape
        assert np.isfinite(matched).all() and matched.min() >= 0 and matched.max() <= 1
    kept = keep_colours(style, np.full_like(style, 0.5))
    assert np.isfinite(kept).all() and np.ptp(kept, axis=-1).max() < 1e-6
