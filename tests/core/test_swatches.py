"""Swatches: textures that Impasto synthesises until their statistics are a painting's."""

import numpy as np
import pytest

from impasto.core import swatches
from impasto.core.assemble import features_of, workbench
from impasto.core.backend import to_numpy, to_tensor
from impasto.core.colours import match_colours
from impasto.core.errors import Cancelled, PictureError, UsageError
from impasto.core.images import MIN_SIDE, Picture
from impasto.core.moments import MomentsLoss
from impasto.core.recipes import Settings
from impasto.core.starting import noise, palette
from impasto.core.styles import Style, load_style, save_style
from impasto.core.swatches import Octaves, blend_styles, make_style

REAL = swatches.SIDES, swatches.STEPS, swatches.OCTAVES
SIDES, STEPS = (40, 64), (15, 15)


@pytest.fixture(scope="module", autouse=True)
def quick():
    """Small swatches in few steps; two octaves, since it is the tracing that takes time."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"SPAN": 64, "SIDES": SIDES, "STEPS": STEPS, "OCTAVES": (1, 2)}.items():
            patch.setattr(swatches, name, value)
        yield


@pytest.fixture(scope="module")
def painting(blobs):
    return Style("dots", Picture(blobs(64, 48, 2, cells=16)), 64, title="Dots", author="A", licence="CC0 1.0")


@pytest.fixture(scope="module")
def other(blobs):
    pixels = np.clip(blobs(48, 64, 3, cells=4) ** 3, 0, 1)
    return Style("dark", Picture(pixels), 64, title="Dark", author="B", licence="CC0 1.0")


@pytest.fixture(scope="module")
def octaves(mini_weights, quick):
    settings = Settings(network="vgg_mini", weights=mini_weights)
    return Octaves(workbench(settings, content=False, style=True).extractor)


@pytest.fixture(scope="module")
def distance(octaves):
    """How far one picture's statistics are from another's, on average over layers and octaves."""
    features = features_of(octaves)

    def measure(pixels, target):
        mine, wanted = features(to_tensor(pixels[None])), features(to_tensor(target[None]))
        losses = [MomentsLoss(layer, 1.0, "normalised") for layer in octaves.layers]
        return np.mean([float(loss(mine, loss.prepare(loss.target(wanted)))) for loss in losses])

    return measure


@pytest.fixture(scope="module")
def events():
    """What the synthesis below told, and the picture then."""
    return []


@pytest.fixture(scope="module")
def swatch(painting, mini_weights, events):
    return make_style(
        painting,
        weights=mini_weights,
        year="1913",
        author="Somebody",
        on_progress=lambda event: events.append((event, event.picture())),
    )


def test_octaves_are_the_features_of_the_picture_reduced(octaves, blobs):
    picture = blobs(64, 96)
    features = {name: to_numpy(value) for name, value in octaves(to_tensor(picture[None])).items()}
    assert list(features) == octaves.layers and len(features) == 2 * len(octaves.extractor.layers)
    for octave in (1, 2):
        reduced = picture.reshape(64 // octave, octave, 96 // octave, octave, 3).mean((1, 3))
        for layer, value in octaves.extractor(to_tensor(reduced[None])).items():
            scale = np.abs(to_numpy(value)).max()
            np.testing.assert_allclose(features[f"{layer}/{octave}"], to_numpy(value), atol=1e-4 * scale)


def test_a_swatch_has_the_paintings_statistics(swatch, painting, distance, mini_weights):
    pixels, target = swatch.picture.pixels, painting.at(64)
    assert pixels.shape == (64, 64, 3) and swatch.span == 64
    assert np.isfinite(pixels).all() and pixels.min() >= 0 and pixels.max() <= 1
    grain = noise(Settings(noise=0.15), 64, 64)
    recoloured = match_colours(grain, palette([painting.picture.pixels], [1.0]))  # what it began with
    assert distance(pixels, target) < 0.6 * min(distance(recoloured, target), distance(grain, target))


def test_a_swatch_is_no_copy(swatch, painting):
    # The painting is found in itself, wherever it is put, and not in the swatch.
    def alike(pixels):
        pair = [picture - picture.mean((0, 1)) for picture in (pixels, painting.at(64))]
        mine, theirs = (np.fft.rfft2(picture, (128, 128), axes=(0, 1)) for picture in pair)
        found = np.fft.irfft2(mine * theirs.conj(), axes=(0, 1)).sum(axis=-1).max()
        return found / np.prod([np.linalg.norm(picture) for picture in pair])

    assert alike(painting.at(64)) > 0.99
    assert alike(swatch.picture.pixels) < 0.4


def test_facts_are_kept_or_replaced(swatch, tmp_path):
    assert (swatch.name, swatch.title, swatch.author, swatch.year) == ("dots", "Dots", "Somebody", "1913")
    assert (swatch.licence, swatch.network) == ("CC0 1.0", "vgg_mini") and swatch.is_swatch
    save_style(swatch, tmp_path / "dots.webp")
    assert load_style(tmp_path / "dots.webp").describe() == swatch.describe()


def test_cancelling_gives_up_and_the_same_seed_takes_the_same_steps(swatch, events, painting, mini_weights):
    pictures = []

    def stop(event):
        pictures.append(event.picture())
        if event.step == 3:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        make_style(painting, weights=mini_weights, name="spots", on_progress=stop)
    np.testing.assert_array_equal(pictures, [picture for _, picture in events[:3]])


def test_progress_is_told_step_by_step(swatch, events):
    told, pictures = zip(*events, strict=True)
    assert [event.step for event in told] == list(range(1, 31)) and {event.steps for event in told} == {30}
    assert [event.scale for event in told] == [40] * 15 + [64] * 15 and told[0].scales == SIDES
    assert told[14].loss < told[0].loss and told[-1].loss < told[15].loss
    assert told[-1].seconds_left == 0 < told[0].seconds_left
    np.testing.assert_array_equal(pictures[-1], swatch.picture.pixels)


def test_a_blend_lies_between_its_styles(swatch, painting, other, mini_weights, distance):
    blend = blend_styles([painting, other], (1, 1), name="b", network_weights=mini_weights)
    for own, target in ((painting, other), (other, painting)):
        assert distance(blend.picture.pixels, target.at(64)) < 0.8 * distance(own.at(64), target.at(64))
    assert distance(blend.picture.pixels, painting.at(64)) > 1.5 * distance(
        swatch.picture.pixels, painting.at(64)
    )
    assert (blend.name, blend.title, blend.author) == ("b", "50% Dots + 50% Dark", "A; B")
    assert blend.licence == "CC0 1.0" and blend.is_swatch


@pytest.mark.parametrize(
    ("count", "weights", "said"),
    [
        (1, None, "two styles or more"),
        (0, None, "two styles or more"),
        (2, (1, 2, 3), "each style"),
        (2, (0, 0), "above 0"),
    ],
)
def test_blends_of_nothing_are_refused(count, weights, said, painting, mini_weights):
    with pytest.raises(UsageError, match=rf"{said}.*Received: "):
        blend_styles([painting] * count, weights, name="b", network_weights=mini_weights)


@pytest.mark.parametrize("kind", ["thin", "black"])
def test_odd_paintings_have_swatches(kind, blobs, mini_weights, monkeypatch):
    monkeypatch.setattr(swatches, "STEPS", (2, 2))
    monkeypatch.setattr(swatches, "OCTAVES", (1,))
    odd = blobs(17, 300, 1) if kind == "thin" else np.zeros((48, 48, 3), "float32")
    told = []
    pixels = make_style(odd, weights=mini_weights, on_progress=told.append).picture.pixels
    assert pixels.shape == (64, 64, 3) and np.isfinite(pixels).all()
    assert all(np.isfinite(event.loss) for event in told)
    assert kind == "thin" or pixels.mean() < 0.1


def test_a_painting_too_small_is_refused(blobs, mini_weights):
    with pytest.raises(PictureError, match=r"at least 16 pixels"):
        make_style(blobs(15, 40), weights=mini_weights)


def test_the_real_sides_leave_the_network_enough():
    sides, steps, octaves = REAL
    assert min(sides) // max(octaves) >= MIN_SIDE
    assert list(sides) == sorted(sides) and len(sides) == len(steps)
