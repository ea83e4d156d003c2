"""Style files, the gallery's names, and a style at the size it is painted after."""

import json
import os
from contextlib import contextmanager, nullcontext

import numpy as np
import pytest
from PIL import Image

from impasto.core import styles
from impasto.core.errors import PictureError, UsageError
from impasto.core.images import Picture
from impasto.core.styles import Style, gallery_names, load_style, save_style

FACTS = {
    "title": "Grün & Blau — “Äther” 夜",
    "author": "Мария Ñúñez",
    "year": "about 1831",
    "licence": "Painting: public domain. Texture: CC0 1.0",
    "source": "https://example.org/ö?a=b",
    "network": "vgg_mini",
}


@pytest.fixture
def swatch(blobs):
    return Style("blue_night", Picture(blobs(96, 96, 1, cells=12)), span=512, **FACTS)


@pytest.fixture
def saved(swatch, tmp_path):
    save_style(swatch, tmp_path / "blue_night.webp")
    return tmp_path / "blue_night.webp"


def write(path, comment, size=(40, 30)):
    """A WebP whose EXIF user comment is whatever one likes."""
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9286] = comment
    Image.new("RGB", size, (50, 100, 150)).save(path, exif=exif)
    return path


def style_comment(**facts):
    return b"ASCII\x00\x00\x00" + json.dumps({"impasto_style": 1, "span": 512} | facts).encode()


# ---------------------------------------------------------------- files


def test_a_style_file_comes_back_as_it_was(swatch, saved):
    again = load_style(saved)
    assert again.describe() == swatch.describe()
    assert {key: getattr(again, key) for key in FACTS} == FACTS
    assert again.name == "blue_night" and again.span == 512 and again.is_swatch
    assert np.abs(again.picture.pixels - swatch.picture.pixels).mean() < 0.02
    assert os.listdir(saved.parent) == ["blue_night.webp"]


@pytest.mark.parametrize(
    "form", [str, lambda path: path, lambda path: path.read_bytes()], ids=["str", "path", "bytes"]
)
def test_a_style_file_is_read_in_any_form(form, swatch, saved):
    assert load_style(form(saved)).describe() == swatch.describe()


def test_a_style_is_returned_as_it_is(swatch):
    assert load_style(swatch) is swatch


def test_other_programs_can_show_and_credit_a_style_file(saved):
    with Image.open(saved) as image:
        assert image.format == "WEBP" and image.size == (96, 96)
        assert image.getexif()[0x010E].startswith("Texture after Gr") and image.getexif()[0x013B] == "Impasto"
        assert image.getexif()[0x8298] == FACTS["licence"]


def test_quality_is_what_the_file_costs(swatch, tmp_path):
    for quality in (20, 95):
        save_style(swatch, tmp_path / f"{quality}.webp", quality=quality)
    assert (tmp_path / "20.webp").stat().st_size < 0.7 * (tmp_path / "95.webp").stat().st_size


def test_saving_again_replaces_the_file(swatch, saved, blobs):
    save_style(Style("other", Picture(blobs(32, 32, 5)), span=100), saved)
    assert load_style(saved).name == "other" and not load_style(saved).is_swatch
    assert load_style(saved).span == 100


@pytest.mark.parametrize("name", ["style.png", "style", "style.webp.jpg"])
def test_another_extension_is_refused(name, swatch, tmp_path):
    with pytest.raises(UsageError, match=r"ends in \.webp.*Received: "):
        save_style(swatch, tmp_path / name)
    assert os.listdir(tmp_path) == []


@contextmanager
def full_disk(room):
    """Files take `room` bytes within the block, then refuse; not longer, or the report itself would fail."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("obstacle", ["no folder", "a folder in its place", "full"])
def test_a_failed_save_leaves_nothing(obstacle, swatch, tmp_path):
    path = tmp_path / "style.webp"
    if obstacle == "no folder":
        path = tmp_path / "missing" / "style.webp"
    elif obstacle == "a folder in its place":
        path.mkdir()
    before = sorted(os.listdir(tmp_path))
    with (
        pytest.raises(PictureError, match=r"could not be written.*Received: "),
        full_disk(100) if obstacle == "full" else nullcontext(),
    ):
        save_style(swatch, path)
    assert sorted(os.listdir(tmp_path)) == before


# ---------------------------------------------------------------- plain pictures


def test_a_picture_without_exif_is_a_painting(tmp_path):
    Image.new("RGB", (40, 30)).save(tmp_path / "the_sea.png")
    style = load_style(tmp_path / "the_sea.png")
    assert (style.name, style.span, style.is_swatch) == ("the_sea", 40, False)
    assert style.describe() == {
        "name": "the_sea", "span": 40, "title": "", "author": "", "year": "", "licence": "", "source": "",
        "network": "", "kind": "", "width": 40, "height": 30,
    }  # fmt: skip


@pytest.mark.parametrize(
    "comment",
    [
        b"ASCII\x00\x00\x00taken at the seaside",
        b"UNICODE\x00\xff\xfe\x00",
        b"",
        b'ASCII\x00\x00\x00{"camera": "x"}',
        b"ASCII\x00\x00\x00[1, 2]",
        b"ASCII\x00\x00\x00null",
        b'ASCII\x00\x00\x00{"impasto_style": 1}',
    ],
    ids=range(7),
)
def test_a_picture_with_other_exif_is_a_painting(comment, tmp_path):
    style = load_style(write(tmp_path / "photo.webp", comment))
    assert (style.name, style.span, style.is_swatch, style.title) == ("photo", 40, False, "")


def test_arrays_and_pillow_images_are_paintings(blobs):
    assert load_style(blobs(20, 30)).span == 30
    assert load_style(Image.new("RGB", (25, 20))).picture.width == 25


def test_a_damaged_picture_is_refused(tmp_path):
    (tmp_path / "text.webp").write_text("hello")
    with pytest.raises(PictureError, match=r"text\.webp"):
        load_style(tmp_path / "text.webp")
    with pytest.raises(PictureError, match=r"missing\.png"):
        load_style("missing.png")


def test_a_newer_versions_file_is_refused(tmp_path):
    path = write(tmp_path / "new.webp", style_comment(impasto_style=styles.VERSION + 1))
    with pytest.raises(
        PictureError, match=rf"newer version.*upgrade.*Received: new, version {styles.VERSION + 1}"
    ):
        load_style(path)


@pytest.mark.parametrize(
    "facts",
    [{"span": 0}, {"span": -3}, {"span": "wide"}, {"span": None}, {"span": [1]}, {"impasto_style": "x"}],
    ids=str,
)
def test_a_style_file_with_senseless_facts_is_refused(facts, tmp_path):
    with pytest.raises(PictureError, match=r"Received: odd") as caught:
        load_style(write(tmp_path / "odd.webp", style_comment(**facts)))
    assert "\n" not in str(caught.value)


def test_a_style_file_without_a_name_takes_its_own(tmp_path):
    assert load_style(write(tmp_path / "dusk.webp", style_comment())).name == "dusk"


# ---------------------------------------------------------------- the gallery


@pytest.fixture
def gallery(saved, tmp_path, monkeypatch):
    """A gallery of three styles in place of the bundled one."""
    names = ("blue_night", "starry_night", "the_scream")
    monkeypatch.setattr(styles, "_gallery", lambda: {name: saved for name in names})
    return names


def test_gallery_names_are_sorted(gallery):
    assert gallery_names() == sorted(gallery)


def test_a_gallery_style_is_loaded_by_name(gallery, swatch):
    assert load_style("blue_night").describe() == swatch.describe()


def test_a_file_goes_before_the_gallery(gallery, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (33, 22)).save(tmp_path / "starry_night", "PNG")
    assert load_style("starry_night").span == 33


def test_a_folder_does_not_hide_the_gallery(gallery, swatch, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "the_scream").mkdir()
    assert load_style("the_scream").describe() == swatch.describe()


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("stary_night", "did you mean starry_night"),
        ("scream", "did you mean the_scream"),
        ("qqqqqq", "impasto styles list"),
    ],
)
def test_an_unknown_style_is_answered_with_near_matches(gallery, typed, said):
    with pytest.raises(UsageError, match=rf"{said}.*Received: {typed}"):
        load_style(typed)


# ---------------------------------------------------------------- at a size


def test_a_painting_is_seen_at_the_size_it_is_painted_at(blobs):
    style = Style("a", Picture(blobs(300, 400)), span=400)
    assert style.at(200).shape == (150, 200, 3)
    assert style.at(400) is style.picture.pixels
    assert style.at(800).shape == (600, 800, 3)


def test_a_swatch_shows_its_paintings_strokes(blobs):
    style = Style("a", Picture(blobs(96, 96)), span=512)
    assert style.at(512).shape == (96, 96, 3) and style.at(256).shape == (48, 48, 3)
    assert style.at(1024).shape == (192, 192, 3)


@pytest.mark.parametrize("shape", [(16, 16), (16, 300), (41, 17), (100, 33), (400, 399)])
@pytest.mark.parametrize("side", [1, 20.5, 64])
def test_no_side_is_below_16_pixels(shape, side, blobs):
    small = Style("a", Picture(blobs(*shape)), span=max(shape)).at(side)
    assert min(small.shape[:2]) >= 16 and small.dtype == np.float32
    assert abs(small.shape[0] / small.shape[1] - shape[0] / shape[1]) < 0.05 * shape[0] / shape[1]


def test_other_pixels_are_resized_alike(blobs):
    style = Style("a", Picture(blobs(60, 80)), span=80)
    recoloured = style.picture.pixels[..., ::-1]
    np.testing.assert_array_equal(style.at(40, recoloured), style.at(40)[..., ::-1])
