"""Folders of pictures, further formats, names that would steer a terminal, and what is no picture."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from impasto.core.batch import gather, plan
from impasto.core.cli.common import tell
from impasto.core.cli.outputs import Outputs
from impasto.core.crops import Folder
from impasto.core.errors import PictureError, UsageError, printable
from impasto.core.images import load_picture
from impasto.core.photographs import open_photographs
from impasto.core.picture_formats import pictures_in
from impasto.core.recipes import Settings
from impasto.core.styles import load_style

CASES = Path(__file__).parent / "cases"


@pytest.fixture
def mixed(tmp_path):
    """A folder with a.png, b.png and sub/c.png, and what nobody put there as a picture."""
    folder = tmp_path / "photos"
    for below in ("sub", ".thumbnails", "d.png"):
        (folder / below).mkdir(parents=True)
    for name in ("a.png", "b.png", "sub/c.png", ".hidden.png", ".thumbnails/e.png"):
        Image.new("RGB", (40, 30), "red").save(folder / name)
    (folder / "._a.png").write_bytes(b"\0\5\x16\7" + bytes(80))
    (folder / "broken.png").symlink_to(folder / "nowhere.png")
    return folder


def test_a_folder_gives_the_pictures_that_somebody_put_there(mixed, tmp_path):
    own = [mixed / "a.png", mixed / "b.png"]
    everything = [*own, mixed / "sub" / "c.png"]
    assert pictures_in(mixed) == own and pictures_in(mixed, below=True) == everything
    assert gather([str(mixed)]) == own
    assert Outputs([str(mixed)], str(tmp_path / "out"), ["a"], ".png").sources == everything
    read = Folder.read(mixed)
    assert len(read.pictures) == 3 and not read.unreadable
    told = []
    training, held = open_photographs([mixed], 1, told.append)
    assert len(training.pictures) + len(held) == 3 and not told


def test_a_hidden_folder_that_is_named_is_read(mixed):
    assert gather([str(mixed / ".thumbnails")]) == [mixed / ".thumbnails" / "e.png"]


def test_photographs_of_one_name_are_numbered(tmp_path, bundled):
    for name in ("IMG_1.JPG", "IMG_1.PNG", "img_1.bmp", "IMG_2.png"):
        Image.new("RGB", (40, 30)).save(tmp_path / name)
    style = tmp_path / "dots.webp"
    Image.new("RGB", (40, 30), "red").save(style)
    names = sorted(str(path) for path in tmp_path.iterdir() if path != style)
    batch = plan(names, [str(style)], tmp_path / "out", Settings(network="vgg_mini"))
    assert [task.output.name for task in batch.tasks] == [
        "IMG_1_dots.png",
        "IMG_1-2_dots.png",
        "IMG_2_dots.png",
        "img_1-3_dots.png",
    ]
    assert [task.content.name for task in batch.tasks] == ["IMG_1.JPG", "IMG_1.PNG", "IMG_2.png", "img_1.bmp"]


@pytest.mark.parametrize(
    ("format", "ending", "options"),
    [
        ("JPEG2000", ".jp2", {"irreversible": False}),
        ("JPEG2000", ".j2k", {"irreversible": False}),
        ("TGA", ".tga", {}),
        ("TGA", ".tga", {"compression": "tga_rle"}),
        ("PPM", ".ppm", {}),
    ],
)
def test_further_formats_are_read_to_the_number(tmp_path, format, ending, options):
    numbers = np.random.default_rng(1).integers(0, 256, (30, 40, 3)).astype(np.uint8)
    path = tmp_path / f"picture{ending}"
    Image.fromarray(numbers).save(path, format, **options)
    for source in (path, path.read_bytes()):
        picture = load_picture(source)
        assert np.array_equal(np.rint(255 * picture.pixels), numbers) and picture.notices == ()
    with pytest.raises(PictureError):
        load_picture(path.read_bytes()[:400])


def test_a_grey_ppm_of_16_bits_keeps_its_range():
    numbers = np.linspace(0, 200, 600).reshape(20, 30).astype(">u2")
    picture = load_picture(b"P5 30 20 65535\n" + numbers.tobytes())
    assert np.array_equal(np.rint(65535 * picture.pixels[..., 0]), numbers)
    assert picture.bits == 16 and picture.notices == ()


@pytest.mark.parametrize("data", [b"<letter>", b"Dear TGA", bytes(64), b"\1" * 64, bytes(range(64))])
def test_no_other_file_is_taken_for_a_tga(data):
    with pytest.raises(PictureError):
        load_picture(data * 20)


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 12345\n", "Git LFS pointer"),
        (b"\n<!DOCTYPE html><title>404</title>", "web page"),
        (b"<html><body>", "web page"),
        (b"<?xml version='1.0'?><svg/>", "SVG"),
        (b"%PDF-1.7\n", "PDF"),
    ],
)
def test_what_is_no_picture_is_called_by_its_name(tmp_path, data, what):
    path = tmp_path / "photo.jpg"
    path.write_bytes(data)
    for read in (load_picture, load_style):
        with pytest.raises(PictureError) as raised:
            read(path)
        assert what in str(raised.value) and "photo.jpg" in str(raised.value)


def test_a_gif_smaller_than_its_screen_is_clear_beside_its_frame():
    picture = load_picture(CASES / "gif_small_first_frame.gif")
    assert (picture.width, picture.height) == (200, 150)
    assert (picture.alpha[:90, :120] == 1).all() and picture.alpha.sum() == 90 * 120


def test_names_do_not_steer_a_terminal(tmp_path, capsys):
    style = load_style(CASES / "style_name_escape.webp")
    assert style.name == "a\\nb\\x1b[31m"
    path = tmp_path / "a\x1b[31m\u202eb.png"
    path.write_bytes((CASES / "style_exif_short.webp").read_bytes())
    assert load_style(path).name.isprintable()
    for error in (UsageError("Received: \x1b[31m\r"), PictureError("\x1b]0;title\x07")):
        assert str(error).isprintable()
    tell("\x1b[31mred")
    assert capsys.readouterr().err == "impasto: \\x1b[31mred\n"


def test_other_scripts_are_printed_as_they_are():
    text = "Über 北斎 👩‍🎨 שלום \u00a0ok"
    assert printable(text) == text
