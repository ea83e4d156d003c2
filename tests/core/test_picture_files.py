"""One door for all files: styles, photographs, masks, training; header first, one line, no warnings."""

import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from impasto.core.batch import gather
from impasto.core.cli.outputs import Outputs
from impasto.core.crops import Folder
from impasto.core.errors import PictureError, PictureTooLarge, UsageError
from impasto.core.images import Picture, extensions, load_picture, paintable
from impasto.core.inputs import load_inputs
from impasto.core.instant_run import load_masks
from impasto.core.photographs import Photographs
from impasto.core.picture_formats import FORMATS, READABLE
from impasto.core.picture_reading import read_header
from impasto.core.recipes import Settings
from impasto.core.styles import load_style

CASES = Path(__file__).parent / "cases"


def peak_and_error(code):
    """Runs Python in a process of its own; returns its growth in MB over the imports, and its stderr."""
    program = f"""
import resource
from impasto.core.errors import PictureError
from impasto.core.images import load_picture, paintable
from impasto.core.inputs import load_inputs
from impasto.core.recipes import Settings
from impasto.core.styles import load_style
from PIL import PngImagePlugin
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    {code}
except PictureError as error:
    print(error)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1000)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    *said, grown = done.stdout.splitlines()
    return float(grown), said, done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such measure")
def test_a_thread_is_refused_for_its_shape_before_it_is_decoded():
    path = str(CASES / "thread_2000000x99.png")
    for code in (
        f"load_inputs({path!r}, [], Settings(size=512))",
        f"load_picture({path!r}, size=512, check=paintable('content', 512))",
    ):
        grown, said, errors = peak_and_error(code)
        assert len(said) == 1 and "16 pixels on its short side" in said[0] and "Received: 512×1" in said[0]
        assert grown < 100 and errors == ""


def refuse(width, height):
    raise UsageError(f"{width}×{height}")


@pytest.mark.parametrize("name", ["png_110_million.png", "png_185_million.png"])
def test_pictures_of_phones_bring_no_warning_and_no_traceback(name):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        header = read_header(CASES / name)
        assert header.width * header.height > 100_000_000
        with pytest.raises(UsageError):  # the check comes before the decoder, and is not swallowed
            load_picture(CASES / name, check=refuse)


def test_a_style_with_a_damaged_exif_block_is_a_picture():
    style = load_style(CASES / "style_exif_short.webp")
    assert style.name == "style_exif_short" and not style.is_swatch
    assert style.picture.pixels.shape == (30, 40, 3)


def test_a_picture_with_too_many_pixels_has_an_error_of_its_own(tmp_path):
    Image.new("1", (15_000, 15_000)).save(tmp_path / "large.png")
    for read in (load_picture, read_header, load_style):
        with pytest.raises(PictureTooLarge) as raised:
            read(tmp_path / "large.png")
        assert "200 million" in str(raised.value) and "large.png" in str(raised.value)


def test_small_pictures_are_refused_by_their_header_as_content_and_as_style(tmp_path):
    Image.new("RGB", (40, 9)).save(tmp_path / "low.png")
    for content, styles in ((tmp_path / "low.png", []), (None, [tmp_path / "low.png"])):
        with pytest.raises(PictureError) as raised:
            load_inputs(content, styles, Settings(size=512))
        assert "Received: 40×9" in str(raised.value) and "low.png" in str(raised.value)


def test_masks_of_another_shape_are_refused_by_their_header(tmp_path):
    photograph = Picture(np.zeros((30, 60, 3)))
    path = tmp_path / "mask.png"
    path.write_bytes((CASES / "thread_2000000x99.png").read_bytes()[:200])  # nothing to decode
    with pytest.raises(PictureError) as raised:
        load_masks([path], photograph, 1)
    assert "photograph's shape" in str(raised.value) and "2000000×99" in str(raised.value)
    turned = Image.Exif()
    turned[0x0112] = 6
    Image.new("L", (30, 60), 255).save(path, exif=turned)
    assert load_masks([path], photograph, 1)[0].shape == (30, 60)
    Image.new("L", (30, 60), 255).save(path)
    with pytest.raises(PictureError):
        load_masks([path], photograph, 1)


def test_training_reads_as_painting_does(tmp_path):
    grey = Image.fromarray(np.linspace(0, 65535, 90 * 120).reshape(90, 120).astype(np.uint16))
    grey.save(tmp_path / "grey16.png")
    turned = Image.Exif()
    turned[0x0112] = 6
    Image.new("RGB", (80, 40), "red").save(tmp_path / "turned.jpg", exif=turned)
    paths = sorted(tmp_path.iterdir())
    for pictures in (Folder.read(tmp_path).pictures, Photographs(paths)):
        deep, upright = pictures[0], pictures[1]
        assert abs(np.asarray(deep).mean() - 127.5) < 1
        assert upright.size == (40, 80)
        for picture, path in zip(pictures, paths, strict=False):
            assert np.array_equal(np.asarray(picture), np.rint(255 * load_picture(path).pixels))


def test_training_reduces_and_never_enlarges(tmp_path):
    Image.new("RGB", (200, 100)).save(tmp_path / "a.png")
    assert Folder.read(tmp_path, largest=50).pictures[0].size == (50, 25)
    assert Folder.read(tmp_path, largest=500).pictures[0].size == (200, 100)


@pytest.mark.parametrize("ending", sorted(READABLE))
def test_every_reader_of_folders_takes_every_ending(tmp_path, ending):
    path = tmp_path / f"picture{ending.upper()}"
    Image.new("RGB", (40, 30), "red").save(path, "PNG")  # what it is, its bytes say
    assert Folder.read(tmp_path).pictures[0].size == (40, 30)
    assert gather([str(tmp_path)]) == [path]
    assert Outputs([str(tmp_path)], str(tmp_path / "out"), ["a"], ".png").sources == [path]


def test_what_is_written_is_read():
    assert set(extensions()) <= READABLE
    assert len(READABLE) == sum(len(format.endings) for format in FORMATS)  # none stands twice


def test_a_check_sees_the_extent_of_every_kind_of_source():
    array = np.zeros((20, 30, 3))
    for source in (array, Picture(array), Image.new("RGB", (30, 20))):
        seen = []
        load_picture(source, check=lambda width, height, seen=seen: seen.append((width, height)))
        assert seen == [(30, 20)]
    with pytest.raises(PictureError):
        load_picture(np.zeros((20, 3000, 3)), size=64, check=paintable("content", 64))
