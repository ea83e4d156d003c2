"""Pictures of any size, mode and shape: each is painted, finite and as large as it was."""

import numpy as np
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from PIL import Image

from impasto.core.images import MIN_SIDE, load_picture
from impasto.core.stylize import stylize

MODES = ("L", "RGB", "RGBA", "P", "1", "I;16", "LA", "CMYK")
SIDES = st.integers(MIN_SIDE, 72)
SEEDS = st.integers(0, 2**32 - 1)

slowly = hypothesis_settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def pillow_image(mode, height, width, seed):
    """An image of a mode, of few colours as often as of many."""
    random = np.random.default_rng(seed)
    levels = random.choice([1, 2, 256])
    if mode == "I;16":
        return Image.fromarray(random.integers(0, 256 * levels, (height, width)).astype("uint16"))
    bands = Image.new(mode if mode not in ("P", "1") else "L", (1, 1)).getbands()
    values = np.round(random.integers(0, levels, (height, width, len(bands))) * (255 / max(levels - 1, 1)))
    image = Image.merge(
        mode if len(bands) > 1 else "L",
        [Image.fromarray(values[..., i].astype("uint8")) for i in range(len(bands))],
    )
    return image.convert(mode)


def check(result, source, height, width):
    picture = result.picture
    assert picture.pixels.shape == (height, width, 3) and picture.pixels.dtype == np.float32
    assert np.isfinite(picture.pixels).all() and picture.pixels.min() >= 0 and picture.pixels.max() <= 1
    assert picture.bits == source.bits and (picture.alpha is None) == (source.alpha is None)
    if picture.alpha is not None:
        np.testing.assert_array_equal(picture.alpha, source.alpha)
    assert all(np.isfinite(line[3]) for line in result.history)


@slowly
@given(mode=st.sampled_from(MODES), height=SIDES, width=SIDES, seed=SEEDS)
def test_contents_of_any_mode_and_shape(mode, height, width, seed, small, blobs):
    image = pillow_image(mode, height, width, seed)
    result = stylize(image, [blobs(40, 56, 2)], settings=small(size=0, steps=2, first_scale=32))
    check(result, load_picture(image), height, width)


@slowly
@given(mode=st.sampled_from(MODES), height=SIDES, width=SIDES, seed=SEEDS, scale=st.floats(0.1, 3))
def test_styles_of_any_mode_and_shape(mode, height, width, seed, scale, small, blobs):
    content, image = blobs(32, 48, 1), pillow_image(mode, height, width, seed)
    result = stylize(content, [image], settings=small(size=0, steps=2, first_scale=0, style_scale=scale))
    check(result, load_picture(content), 32, 48)


@hypothesis_settings(slowly, max_examples=8)
@given(short=st.integers(16, 24), ratio=st.floats(1, 18), upright=st.booleans(), first=st.integers(0, 130))
def test_any_aspect_ratio(short, ratio, upright, first, small, blobs):
    long = max(short, round(short * ratio))
    height, width = (long, short) if upright else (short, long)
    content = blobs(height, width, 1)
    result = stylize(content, [blobs(24, 30, 2)], settings=small(size=0, steps=1, first_scale=first))
    check(result, load_picture(content), height, width)


@hypothesis_settings(slowly, max_examples=8)
@given(
    size=st.integers(16, 80),
    colours=st.sampled_from(["style", "keep", "match"]),
    init=st.sampled_from(["content", "noise"]),
    strength=st.floats(0, 1),
    denoise=st.sampled_from([0, 0.1]),
)
def test_any_settings(size, colours, init, strength, denoise, small, blobs):
    settings = small(
        size=size, steps=2, colours=colours, init=init, strength=strength, denoise=denoise, first_scale=24
    )
    result = stylize(blobs(40, 40, 1), [blobs(24, 30, 2), blobs(30, 24, 3)], settings=settings)
    check(result, load_picture(blobs(40, 40, 1)), size, size)
