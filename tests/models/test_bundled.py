"""What comes with Impasto: the compact network's trained weights and the gallery's styles."""

from dataclasses import replace
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data

from impasto.core.assemble import workbench
from impasto.core.backend import to_tensor
from impasto.core.colours import match_colours
from impasto.core.features import Extractor
from impasto.core.gallery import CATALOGUE, LICENCE
from impasto.core.images import load_picture
from impasto.core.instant_maps import CONTENT_SHARE, VARIATION_SHARE
from impasto.core.recipes import settings_for
from impasto.core.styles import gallery_names, load_preview, load_style
from impasto.core.stylize import stylize
from impasto.models.instant import load_instant
from impasto.models.register import INSTANT_ENCODER, find_network
from impasto.models.weights import check_weights, identify, locate, read_weights

FOLDER = Path(str(resources.files("impasto.models")))
NAMES = sorted(CATALOGUE)


@pytest.fixture(autouse=True)
def no_other_network(tmp_path, monkeypatch):
    """Nothing in Keras's cache: what is found is what is bundled."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "none"))


# ---------------------------------------------------------------- the network


def test_the_weights_are_there_and_fit():
    network = find_network("vgg_mini")
    place = locate(network)
    assert place.state == "bundled" and place.path == FOLDER / "vgg_mini.npz"
    arrays = read_weights(place.path)
    check_weights(network, arrays, place.path)
    assert set(arrays) == set(network.shapes) and identify(place.path).name == "vgg_mini"


def test_the_weights_are_small():
    path = FOLDER / "vgg_mini.npz"
    assert {array.dtype.name for array in read_weights(path).values()} == {"float16"}
    assert path.stat().st_size < 16_000_000
    assert abs(path.stat().st_size - find_network("vgg_mini").size) < 0.1 * path.stat().st_size  # as listed


def test_heads_predict_components_by_their_energy():
    """Each head's mean energy over photographs is about the teacher's components'; the strongest first."""
    network = find_network("vgg_mini")
    extract = Extractor("vgg_mini", network.layers)
    photographs = [data.chelsea()[:256, :256], data.astronaut()[:256, :256], data.coffee()[:256, :256]]
    features = [extract((photograph[None] / 255).astype("float32")) for photograph in photographs]
    with np.load(FOLDER / network.file) as file:
        energies = {layer: file[f"components/{layer}/energies"] for layer in network.layers}
    for layer in extract.layers:
        found = np.mean([np.square(np.asarray(own[layer])).mean((0, 1, 2)) for own in features], axis=0)
        assert found.argmax() == energies[layer].argmax() == 0, layer
        assert 0.3 < found.sum() / energies[layer].sum() < 3, layer


def test_the_network_has_learnt_to_see():
    """Two parts of one texture are near, parts of two are far apart, also where their greys are the same."""
    extract = Extractor("vgg_mini", ["relu4_1"])

    def grams(picture):
        rows = np.asarray(extract(picture[None].astype("float32"))["relu4_1"])[0].reshape(-1, 192)
        matrix = rows.T @ rows
        return matrix / np.linalg.norm(matrix)

    grass, gravel, brick = (getattr(data, name)() / 255 for name in ("grass", "gravel", "brick"))
    textures = [np.repeat(own[..., None], 3, axis=-1) for own in (grass, gravel, brick)]
    # One colour distribution for all three, so that only structure distinguishes them.
    ranks = [np.argsort(np.argsort(own[..., 0].ravel())).reshape(own.shape[:2]) for own in textures]
    textures = [np.repeat((own / own.size)[..., None], 3, axis=-1) for own in ranks]
    ones = [grams(own[:192, :192]) for own in textures]
    others = [grams(own[300:492, 300:492]) for own in textures]
    distances = np.array([[np.linalg.norm(one - other) for other in others] for one in ones])
    assert distances.argmin(axis=1).tolist() == [0, 1, 2]
    own, foreign = np.diag(distances).mean(), distances[~np.eye(3, dtype=bool)].mean()
    assert own < 0.5 * foreign
    assert foreign > 0.6  # 0.13 with random weights, to which all textures are nearly one


def test_the_card_names_data_teacher_licence_and_errors():
    card = (FOLDER / "vgg_mini.md").read_text(encoding="utf-8").lower()
    for word in (
        "data",
        "vgg-16",
        "simonyan",
        "cc by 4.0",
        "licence",
        "mit",
        "held-out",
        "relu1_1",
        "relu5_1",
        "impasto distill",
    ):
        assert word in card, word


# ---------------------------------------------------------------- the gallery


def test_the_gallery_is_the_catalogue():
    assert gallery_names() == NAMES and len(NAMES) == 37
    found = sorted(path.name for path in (FOLDER / "gallery").glob("*.*"))
    assert found == [f"{name}.webp" for name in NAMES]


@pytest.mark.parametrize("name", NAMES)
def test_each_style_is_a_small_swatch_with_its_facts(name):
    style = load_style(name)
    assert style.name == name and style.is_swatch and style.network == "vgg_mini"
    known = style.title, style.author, style.year, style.kind
    assert known == CATALOGUE[name] and style.licence == LICENCE
    assert (FOLDER / "gallery" / f"{name}.webp").stat().st_size <= 400_000
    assert style.picture.width == style.picture.height >= 256 and style.span >= style.picture.width


@pytest.mark.parametrize("name", NAMES)
def test_each_style_is_a_picture_that_others_can_show(name):
    with Image.open(FOLDER / "gallery" / f"{name}.webp") as image:
        image.load()
        assert image.format == "WEBP" and CATALOGUE[name][0].split()[0] in image.getexif()[0x010E]
    pixels = load_style(name).picture.pixels
    assert pixels.std() > 0.03 and 0.05 < pixels.mean() < 0.97  # neither blank nor black


def test_no_two_styles_are_alike():
    palettes = np.array([load_style(name).picture.resized(64).pixels.reshape(-1) for name in NAMES])
    distances = np.abs(palettes[:, None] - palettes[None]).mean(axis=-1)
    assert distances[~np.eye(len(NAMES), dtype=bool)].min() > 0.05


# ---------------------------------------------------------------- together


def test_a_photograph_is_painted_with_nothing_but_what_is_bundled():
    photograph = data.chelsea()
    settings = settings_for(method="optimise", size=96, steps=15)
    results = [stylize(photograph, name, settings=settings) for name in ("starry_night", "the_scream")]
    for result in results:
        assert result.network == "vgg_mini" and any("vgg_mini" in notice for notice in result.notices)
        assert result.picture.pixels.shape == (64, 96, 3) and np.isfinite(result.picture.pixels).all()
        assert result.history[-1][3] < 0.8 * result.history[0][3]
    night, scream = (result.picture.pixels.mean((0, 1)) for result in results)
    assert night[2] - night[0] > scream[2] - scream[0] + 0.1  # blue by night, red at sunset


@pytest.mark.parametrize("method", ["optimise", "instant", "refine"])
def test_every_style_of_the_gallery_paints_by_every_method(method):
    photograph = np.ascontiguousarray(data.chelsea()[20:276:4, 100:356:4])
    settings = settings_for(method=method, network="vgg_mini", size=64, steps=6)
    painted = []
    for name in NAMES:
        result = stylize(photograph, name, settings=settings)
        painted.append(result.picture.pixels)
        assert painted[-1].shape == (64, 64, 3) and np.isfinite(painted[-1]).all(), name
        assert np.abs(painted[-1] - photograph / 255).mean() > 0.02, name
    distances = np.abs(np.array(painted)[:, None] - np.array(painted)[None]).mean((-1, -2, -3))
    assert distances[~np.eye(len(NAMES), dtype=bool)].min() > 0.01  # each in a style of its own


# ---------------------------------------------------------------- one pass


@pytest.fixture(scope="module")
def photograph():
    return np.ascontiguousarray(data.chelsea()[20:276, 100:356])


def test_the_one_pass_network_is_there_and_small():
    path = FOLDER / "instant.npz"
    assert path.stat().st_size <= 6e6
    with np.load(path) as file:
        assert {file[name].dtype.name for name in file.files if "/" in name} == {"float16"}
    load_instant()  # of this encoder
    assert "steps" in (FOLDER / "instant.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["starry_night", "the_scream"])
def test_one_pass_goes_most_of_the_way_to_the_style(name, photograph):
    """Under the losses that it was trained for."""
    settings = settings_for(size=128, network="vgg_mini", method="instant")
    losses_settings = replace(
        settings,
        network=INSTANT_ENCODER.name,
        style_loss="moments",
        style_layer_weights=(4, 2, 1, 1, 1),
        content_weight=CONTENT_SHARE,
        tv_weight=VARIATION_SHARE,
    )
    bench = workbench(losses_settings, content=True, style=True)
    content, style = load_picture(photograph, size=128).pixels, load_style(name).at(128)
    bench.objective.targets = bench.content_targets(content) | bench.style_targets([style], [1.0])
    painted = stylize(photograph, [name], settings=settings).picture.pixels
    moved = match_colours(content, style)
    losses = [float(bench.objective(to_tensor(picture[None]))[0]) for picture in (content, moved, painted)]
    assert losses[2] < 0.4 * losses[0] and losses[2] < 0.75 * losses[1]


def test_one_pass_leaves_no_frame_and_no_checkerboard(photograph):
    settings = settings_for(size=128, network="vgg_mini", method="instant")
    grey = np.full((128, 128, 3), 0.5, "float32") + photograph[:128, :128] / np.float32(2550)
    for content in (grey, load_picture(photograph, size=128).pixels):
        painted = stylize(np.clip(content, 0, 1), ["udnie"], settings=settings).picture.pixels.mean(axis=2)
        inner, border = painted[8:-8, 8:-8], [painted[:2], painted[-2:], painted[:, :2].T, painted[:, -2:].T]
        assert all(abs(edge.mean() - inner.mean()) < 2.5 * inner.std() for edge in border)
        # A checkerboard would be a peak at the highest frequency along both axes.
        power = np.abs(np.fft.fft2(painted - painted.mean())) ** 2
        around = np.concatenate([power[64 - 12 : 64 - 4, 64 - 12 : 64 - 4].ravel()])
        assert power[64, 64] < 40 * around.mean()


@pytest.mark.parametrize("name", NAMES)
def test_every_style_has_a_preview(name):
    preview = load_preview(name)
    assert 200 <= preview.width <= 400
    assert (FOLDER / "gallery" / "previews" / f"{name}.webp").stat().st_size < 40_000


def test_only_gallery_styles_have_one():
    assert load_preview("nonsense") is None and load_preview("../../vgg_mini") is None
