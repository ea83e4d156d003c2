"""Colours kept and matched: closed forms, and pictures without any colour."""

import numpy as np
import pytest

from impasto.core import colours
from impasto.core.colours import LUMA, keep_colours, match_colours
from impasto.core.errors import PictureError, UsageError

# Torch's image.rgb2yuv, which neural-style calls, written out as the reference.
RGB_TO_YUV = np.array([[0.299, 0.587, 0.114], [-0.14713, -0.28886, 0.436], [0.615, -0.51499, -0.10001]])

METHODS = ("pca", "cholesky")


def random(height, width, seed=0, low=0.0, high=1.0):
    return np.random.default_rng(seed).uniform(low, high, (height, width, 3)).astype(np.float32)


def coloured(height, width, seed, spread=0.06):
    """Correlated colours round the middle, so that nothing is clipped on the way."""
    generator = np.random.default_rng(seed)
    mixing = generator.uniform(-1, 1, (3, 3)) * spread
    return (generator.uniform(0.45, 0.55, 3) + generator.uniform(-1, 1, (height, width, 3)) @ mixing).astype(
        np.float32
    )


def moments(pixels):
    values = np.asarray(pixels, np.float64).reshape(-1, 3)
    return values.mean(axis=0), np.cov(values.T, bias=True)


def flat(*colour):
    return np.full((8, 9, 3), colour, np.float32)


def grey(height=24, width=20, seed=3):
    return np.repeat(random(height, width, seed)[..., :1], 3, axis=-1)


def test_keep_colours_is_luma_of_one_and_chroma_of_the_other():
    painted, content = random(6, 7, 0, 0.4, 0.6), random(6, 7, 1, 0.4, 0.6)
    kept = keep_colours(painted, content)
    yuv = content @ RGB_TO_YUV.T
    yuv[..., 0] = painted @ RGB_TO_YUV[0]
    assert kept.dtype == np.float32
    assert np.abs(kept - yuv @ np.linalg.inv(RGB_TO_YUV).T).max() < 1e-5


def test_keep_colours_changes_nothing_where_nothing_was_painted():
    content = random(6, 7)
    assert np.abs(keep_colours(content, content) - content).max() < 1e-6


def test_keep_colours_of_grey_content_is_the_luma():
    painted = random(24, 20)
    kept = keep_colours(painted, grey())
    assert np.abs(kept - (painted @ LUMA)[..., None]).max() < 1e-6


def test_keep_colours_is_clipped():
    kept = keep_colours(flat(1, 1, 1), flat(1, 0, 0))
    assert np.allclose(kept, [1, 0.701, 0.701])


def test_keep_colours_needs_one_size():
    with pytest.raises(PictureError, match="Received: 7×6 and 6×7"):
        keep_colours(random(6, 7), random(7, 6))


@pytest.mark.parametrize("function", [keep_colours, match_colours])
@pytest.mark.parametrize("shape", [(6, 7), (6, 7, 4), (0, 7, 3)])
def test_what_is_no_picture_is_refused(function, shape):
    for arguments in ((np.zeros(shape), random(6, 7)), (random(6, 7), np.zeros(shape))):
        with pytest.raises(PictureError, match="Received: "):
            function(*arguments)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("seed", range(5))
def test_matched_colours_have_the_contents_mean_and_covariance(method, seed):
    style, content = coloured(40, 50, seed, 0.25), coloured(33, 21, 100 + seed)
    matched = match_colours(style, content, method)
    assert matched.shape == style.shape and matched.dtype == np.float32
    assert matched.min() > 0 and matched.max() < 1  # nothing clipped
    for found, expected, before in zip(moments(matched), moments(content), moments(style), strict=True):
        assert np.abs(found - expected).max() < 1e-6
        assert np.abs(before - expected).max() > 1e-3


def test_the_two_methods_differ_and_cholesky_keeps_reds_order():
    style, content = coloured(40, 50, 1, 0.25), coloured(33, 21, 101)
    pca, cholesky = (match_colours(style, content, method) for method in METHODS)
    assert np.abs(pca - cholesky).max() > 1e-3
    # Cholesky's matrix is lower triangular: the new red is a rising function of the old red alone.
    assert np.corrcoef(cholesky[..., 0].ravel(), style[..., 0].ravel())[0, 1] > 0.999999


@pytest.mark.parametrize("method", METHODS)
def test_colours_match_themselves(method):
    style = coloured(30, 30, 2, 0.1)
    assert np.abs(match_colours(style, style, method) - style).max() < 1e-5


@pytest.mark.parametrize("method", METHODS)
def test_grey_content_gives_a_grey_style(method):
    style, content = coloured(40, 50, 4, 0.25), 0.3 + 0.4 * grey()
    matched = match_colours(style, content, method)
    assert np.ptp(matched, axis=-1).max() < 1e-4
    assert np.abs(moments(matched)[0] - moments(content)[0]).max() < 1e-4
    assert abs(matched[..., 0].var() - content[..., 0].var()) < 1e-4


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("colour", [(0, 0, 0), (0.5, 0.5, 0.5), (1, 1, 1), (0.9, 0.1, 0.4)])
def test_one_colour(method, colour):
    content = coloured(20, 20, 5)
    # A style of one colour becomes the content's mean; any style becomes a content's one colour.
    assert np.abs(match_colours(flat(*colour), content, method) - moments(content)[0]).max() < 1e-5
    assert np.abs(match_colours(coloured(20, 20, 6), flat(*colour), method) - colour).max() < 1e-5
    assert np.abs(match_colours(flat(*colour), flat(0.2, 0.4, 0.6), method) - (0.2, 0.4, 0.6)).max() < 1e-5
    assert np.isfinite(keep_colours(flat(*colour), flat(0.2, 0.4, 0.6))).all()


@pytest.mark.parametrize("method", METHODS)
def test_a_grey_style_stays_finite_and_takes_the_mean(method):
    content = coloured(20, 20, 7)
    matched = match_colours(0.2 + 0.6 * grey(), content, method)
    assert np.isfinite(matched).all()
    assert np.abs(moments(matched)[0] - moments(content)[0]).max() < 1e-4


@pytest.mark.parametrize("method", METHODS)
def test_rounding_noise_is_not_blown_up(method):
    style = np.round(flat(0.5, 0.5, 0.5) * 255 + random(8, 9) - 0.5) / 255  # one step up or down
    matched = match_colours(style, random(20, 20), method)
    assert np.ptp(matched) < 0.4 and np.isfinite(matched).all()


def test_black_and_white_extremes_are_clipped():
    style = np.zeros((10, 10, 3), np.float32)
    style[0] = 1
    matched = match_colours(style, random(10, 10))
    assert matched.min() >= 0 and matched.max() <= 1


def test_one_pixel():
    for method in METHODS:
        assert np.allclose(
            match_colours(random(1, 1, 8), random(1, 1, 9), method), random(1, 1, 9), atol=1e-6
        )


def test_an_unknown_method():
    with pytest.raises(UsageError, match=r"pca or cholesky\. Received: histogram"):
        match_colours(random(4, 4), random(4, 4), "histogram")


def test_bands_make_no_difference(monkeypatch):
    style, content = coloured(50, 40, 1), coloured(30, 70, 2)
    whole = match_colours(style, content), keep_colours(style, content[:, :40].repeat(2, 0)[:50])
    monkeypatch.setattr(colours, "AT_ONCE", 90)
    banded = match_colours(style, content), keep_colours(style, content[:, :40].repeat(2, 0)[:50])
    for one, other in zip(whole, banded, strict=True):
        np.testing.assert_allclose(other, one, atol=1e-6)
