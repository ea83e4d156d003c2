"""Painting with a trained network: the Python object and the commands `apply` and `texture`."""

import io
import sys

import keras
import numpy as np
import pytest
from PIL import Image
from skimage import data

from impasto.core.errors import UsageError
from impasto.core.images import Picture, load_picture
from impasto.core.painter import Painter
from impasto.core.styles import load_style
from impasto.models.painters import PainterFacts, build_painter, bundled_painters, encode_painter


def painter_file(path, architecture, options, styles):
    keras.utils.set_random_seed(4)
    facts = PainterFacts(architecture, options, styles)
    model = build_painter(facts)
    for variable in model.variables:  # styles that differ: as built, all begin alike
        if "norm" in variable.path:
            variable.assign(variable + keras.random.uniform(variable.shape, -0.5, 0.5))
    path.write_bytes(encode_painter(facts, model))
    return path


@pytest.fixture(scope="module")
def two_styles(tmp_path_factory):
    path = tmp_path_factory.mktemp("painter") / "two.npz"
    return painter_file(path, "transformer", {"width": 4, "blocks": 1}, ("dots", "lines"))


@pytest.fixture(scope="module")
def texture_maker(tmp_path_factory):
    path = tmp_path_factory.mktemp("painter") / "texture.npz"
    options = {"channels": 3, "scales": 3, "content": False}
    return painter_file(path, "generator", options, ("waves",))


@pytest.fixture(scope="module")
def painter(two_styles):
    return Painter.load(two_styles)


# ---------------------------------------------------------------- from Python


@pytest.mark.parametrize("size", [(16, 16), (33, 50), (21, 7), (1, 1)])
def test_any_size_comes_back(painter, blobs, size):
    painted = painter.paint(Picture(blobs(*size)), painter.weights(["dots"]))
    assert painted.pixels.shape == (*size, 3) and np.isfinite(painted.pixels).all()


def test_transparency_and_depth_stay(painter, blobs):
    alpha = np.linspace(0, 1, 24 * 20, dtype="float32").reshape(24, 20)
    painted = painter.paint(Picture(blobs(24, 20), alpha, bits=16), painter.weights(["dots"]))
    np.testing.assert_array_equal(painted.alpha, alpha)
    assert painted.bits == 16


def test_blends_weigh_the_styles(painter):
    np.testing.assert_allclose(painter.weights(["lines", "dots"], [3, 1]), [0.25, 0.75])
    np.testing.assert_allclose(painter.weights(["dots", "lines"]), [0.5, 0.5])


def test_between_two_styles_lies_a_third(painter, blobs):
    picture = blobs(32, 32)[None]
    dots, lines, both = (
        painter.paint_pixels(picture, painter.weights(*words))
        for words in ((["dots"],), (["lines"],), (["dots", "lines"], [1, 1]))
    )
    far = np.abs(dots - lines).mean()
    assert far > 0.01 and np.abs(both - dots).mean() < far and np.abs(both - lines).mean() < far


@pytest.mark.parametrize(
    ("names", "blend", "words"),
    [
        ((), None, "Say which style: --style dots or lines"), (("dot",), None, "Did you mean 'dots'"),
        (("dots",), (1, 2), "Received: 2 weights"), (("dots",), (0,), "one is above 0"),
        (("dots", "lines"), (float("nan"), 1), "0 or more"),
    ],
)  # fmt: skip
def test_styles_that_are_not_there(painter, names, blend, words):
    with pytest.raises(UsageError, match=words):
        painter.weights(names, blend)


def test_a_tile_knows_what_lies_across_its_border(texture_maker):
    """Reflected and wrapped borders make one texture inside and two at the border."""
    tile = Painter.load(texture_maker, "circular").texture(96, 64, seed=3, tile=True)
    framed = Painter.load(texture_maker, "reflect").texture(96, 64, seed=3)
    difference = np.abs(tile - framed).mean((1, 2))
    assert tile.shape == (96, 64, 3) and difference[[0, -1]].min() > 2 * difference[40:56].mean()


def test_seeds_give_textures(texture_maker):
    maker = Painter.load(texture_maker)
    first, again, other = (maker.texture(30, 41, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert first.shape == (30, 41, 3) and np.abs(first - other).mean() > 0.01


# ---------------------------------------------------------------- impasto apply


def test_a_picture_to_a_file(two_styles, impasto, pictures, capsys):
    assert impasto("apply", two_styles, pictures / "photo.png", "--style", "dots", "-o", "out.png") == 0
    assert capsys.readouterr().out == "out.png\n"
    assert load_picture("out.png").pixels.shape == (48, 64, 3)


def test_a_folder_and_all_styles(two_styles, impasto, tmp_path, blobs):
    photos = tmp_path / "photos"
    (photos / "deeper").mkdir(parents=True)
    Image.fromarray(np.uint8(blobs(20, 30) * 255)).save(photos / "a.png")
    Image.fromarray(np.uint8(blobs(30, 20) * 255)).save(photos / "deeper" / "b.jpg")
    assert (
        impasto("apply", two_styles, photos, "--style", "all", "-o", "out", "--size", 16, "--format", "webp")
        == 0
    )
    found = sorted(str(path.relative_to(impasto.folder)) for path in impasto.folder.rglob("*.webp"))
    assert found == [f"out/{name}_{style}.webp" for name in ("a", "deeper/b") for style in ("dots", "lines")]
    assert Image.open(impasto.folder / found[0]).size == (16, 11)


def test_a_corrupt_picture_among_others_is_passed_over(two_styles, impasto, pictures, tmp_path, capsys):
    (tmp_path / "broken.png").write_bytes(b"no picture")
    words = ("--style", "dots", "-o", "out")
    assert impasto("apply", two_styles, tmp_path / "broken.png", pictures / "photo.png", *words) == 1
    assert "passed over" in capsys.readouterr().err
    assert (impasto.folder / "out" / "photo_dots.png").exists()


def test_pictures_of_one_name_do_not_overwrite_each_other(two_styles, impasto, tmp_path, blobs):
    photos = []
    for number, name in enumerate(("one/a.png", "one/a.jpg", "two/a.png")):
        photos.append(tmp_path / name)
        photos[-1].parent.mkdir(exist_ok=True)
        Image.fromarray(np.uint8(blobs(20 + 4 * number, 30) * 255)).save(photos[-1])
    assert impasto("apply", two_styles, *photos, "--style", "all", "-o", "out") == 0
    found = {path.name: Image.open(path).height for path in (impasto.folder / "out").iterdir()}
    assert found == {
        f"{stem}_{style}.png": height
        for stem, height in (("a", 20), ("a-2", 24), ("a-3", 28))
        for style in ("dots", "lines")
    }


def test_from_stdin_to_stdout(two_styles, impasto, pictures, monkeypatch):
    source = io.TextIOWrapper(io.BytesIO((pictures / "photo.png").read_bytes()))
    target = io.TextIOWrapper(io.BytesIO())
    monkeypatch.setattr(sys, "stdin", source)
    monkeypatch.setattr(sys, "stdout", target)
    assert (
        impasto("apply", two_styles, "-", "--style", "dots,lines", "--blend", "3,1", "-o", "-", "--quiet")
        == 0
    )
    assert load_picture(target.buffer.getvalue()).pixels.shape == (48, 64, 3)


def test_colours_are_kept(two_styles, impasto, pictures):
    photo = pictures / "photo.png"
    for whose in ("style", "keep"):
        words = ("--style", "dots", "--colours", whose, "-o", f"{whose}.png")
        assert impasto("apply", two_styles, photo, *words) == 0
    original = load_picture(photo).pixels
    chroma = original - original.mean(-1, keepdims=True)
    far = [
        np.abs(pixels - pixels.mean(-1, keepdims=True) - chroma).mean()
        for pixels in (load_picture(f"{whose}.png").pixels for whose in ("keep", "style"))
    ]
    assert far[0] < far[1]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["nothing", "PHOTO"], "a bundled one"),
        (["TWO", "nowhere.png"], "no file nowhere.png"),
        (["TWO", "PHOTO"], "Say which style"),
        (["TWO", "PHOTO", "PHOTO", "--style", "dots", "-o", "a.png"], "need a folder"),
        (["TWO", "PHOTO", "PHOTO", "--style", "dots", "-o", "-"], "one picture"),
        (["TWO", "PHOTO", "--style", "all", "--blend", "1,2", "-o", "out"], "leave out --blend"),
        (["TWO", "PHOTO", "--style", "dots", "--format", "gif"], "The formats are"),
        (["TWO", "PHOTO", "--style", "dos"], "Did you mean 'dots'"),
        (["TWO", "PHOTO", "--style", "dots,lines", "--blend", "1"], "one blend weight for each style (2)"),
        (["TWO", "PHOTO", "--style", "dots,lines", "--blend", "a,b"], "list of numbers"),
        (["TWO", "PHOTO", "--style", "dots", "--device", "toaster"], "Unknown device"),
        (["TWO", "-", "-", "--style", "dots", "-o", "out"], "holds one picture"),
        (["TWO", "PHOTO", "--style", "dots", "--size", "-1"], "--size"),
        (["TEXTURE", "PHOTO"], "use `impasto texture`"),
    ],
)
def test_bad_requests_get_one_line(words, line, impasto, two_styles, texture_maker, pictures, capsys):
    given = {"TWO": two_styles, "TEXTURE": texture_maker, "PHOTO": pictures / "photo.png"}
    assert impasto("apply", *(given.get(word, word) for word in words)) == 2
    shown = capsys.readouterr()
    assert line in shown.err and shown.err.count("\n") == 1 and not list(impasto.folder.rglob("*.png"))


# ---------------------------------------------------------------- impasto texture


def test_a_texture_of_any_size(texture_maker, impasto):
    assert impasto("texture", texture_maker, "-o", "t.png", "--size", "50x34", "--seed", 5) == 0
    assert Image.open("t.png").size == (50, 34)


@pytest.mark.parametrize(
    ("model", "words", "line"),
    [
        ("TEXTURE", ["--size", "50x34", "--tile"], "multiples of 4"),
        ("TEXTURE", ["--size", "0"], "invalid size"),
        ("TEXTURE", ["--size", "99999999x9"], "at most"),
        ("TEXTURE", ["--style", "wave"], "Did you mean 'waves'"),
        ("TEXTURE", ["--device", "gpu:x"], "Unknown device"),
        ("TEXTURE", ["-o", "t.doc"], "t.doc"),
        ("TWO", [], "use `impasto apply`"),
    ],
)
def test_textures_that_cannot_be(model, words, line, impasto, texture_maker, two_styles, capsys):
    path = {"TEXTURE": texture_maker, "TWO": two_styles}[model]
    assert impasto("texture", path, "-o", "t.png", *words) == 2
    shown = capsys.readouterr()
    assert line in shown.err and shown.err.count("\n") == 1 and not list(impasto.folder.iterdir())


# ---------------------------------------------------------------- what comes with Impasto


@pytest.mark.parametrize("name", sorted(bundled_painters()))
def test_bundled_networks_load_and_have_cards(name, impasto, capsys):
    path = bundled_painters()[name]
    maker = Painter.load(name)
    assert maker.facts.licence == "MIT" and maker.facts.steps > 0 and path.stat().st_size < 5e6
    card = path.with_suffix(".md").read_text(encoding="utf-8")
    assert f"`{name}`" in card and f"{maker.facts.steps:,} steps" in card
    assert impasto("models", "list") == 0
    shown = capsys.readouterr().out
    styles = maker.facts.styles
    assert name in shown and (styles[0] if len(styles) < 4 else f"{len(styles)} styles") in shown
    if not maker.facts.takes_picture:
        texture = maker.texture(64, 64, seed=1)
        assert texture.std() > 0.1  # a texture, not a grey plane


def test_the_thirteen_styles_paint_in_their_paintings_colours():
    """Of thirteen pictures the one in a style is the nearest to its painting, in the mean of the colours."""
    painter, photograph = Painter.load("thirteen"), load_picture(data.astronaut(), size=128)

    def colour(pixels):
        return np.asarray(pixels).reshape(-1, 3).mean(axis=0)

    styles = painter.facts.styles
    painted = np.array([colour(painter.paint(photograph, painter.weights([one])).pixels) for one in styles])
    wanted = np.array([colour(load_style(one).at(128)) for one in styles])
    distances = np.abs(painted[:, None] - wanted).sum(axis=-1)  # (pictures, paintings)
    assert (distances.argmin(axis=0) == np.arange(13)).sum() >= 12
    assert distances.diagonal().mean() < 0.3 * np.abs(colour(photograph.pixels) - wanted).sum(axis=-1).mean()
