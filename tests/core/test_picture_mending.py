"""What every viewer shows is read, with a notice; what lacks pixels stays refused."""

import io
import struct
import zlib
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from impasto.core.errors import PictureError
from impasto.core.images import load_picture
from impasto.core.picture_reading import read_header
from impasto.core.styles import load_style

CASES = Path(__file__).parent / "cases"


def ramp(height=90, width=120):
    rows, columns = np.mgrid[:height, :width]
    return np.stack([columns % 256, (2 * rows) % 256, (rows + columns) % 256], -1).astype(np.uint8)


def encoded(format, **options):
    buffer = io.BytesIO()
    Image.fromarray(ramp()).save(buffer, format, **options)
    return buffer.getvalue()


def chunk(name, body, wrong=0):
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body) ^ wrong)


def with_chunks(png, *chunks):
    behind_header = 33
    return png[:behind_header] + b"".join(chunks) + png[behind_header:]


@pytest.mark.parametrize("name", ["png_iccp_bad_crc.png", "png_iccp_empty.png", "png_gama_short.png"])
def test_a_damaged_side_chunk_is_left_out_and_told(name):
    picture = load_picture(CASES / name)
    assert picture.pixels.shape == (90, 120, 3) and 0.4 < picture.pixels.mean() < 0.6
    assert len(picture.notices) == 1 and "left out" in picture.notices[0]
    assert read_header(CASES / name)[:2] == (120, 90)
    assert load_style(CASES / name).picture.pixels.shape == (90, 120, 3)


@pytest.mark.parametrize("deep", [False, True])
def test_sound_chunks_beside_damaged_ones_are_kept(deep):
    png = bytes(imagecodecs.png_encode(ramp().astype(np.uint16) * 257)) if deep else encoded("PNG")
    damaged = chunk(b"pHYs", b"123456789", wrong=1)
    linear = chunk(b"gAMA", struct.pack(">I", 100_000))
    picture = load_picture(with_chunks(png, damaged, linear))
    assert np.allclose(picture.pixels, load_picture(with_chunks(png, linear)).pixels)
    assert len(picture.notices) == 2
    clear = chunk(b"tRNS", struct.pack(">3H", 0, 0, 0))
    if not deep:
        assert load_picture(with_chunks(png, chunk(b"gAMA", b"1"), clear)).alpha.min() == 0


def test_a_damaged_chunk_of_the_pixels_themselves_stays_refused():
    png = encoded("PNG")
    place = png.index(b"IDAT") + 4
    for data in (png[:place], png[:place] + b"\0\0\0" + png[place + 3 :], png[:20] + b"\xff" + png[21:]):
        with pytest.raises(PictureError):
            load_picture(with_chunks(data, chunk(b"gAMA", b"1")))


@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_without_its_end_is_read_and_one_without_pixels_is_not(progressive):
    jpeg = encoded("JPEG", quality=95, progressive=progressive)
    for size in (0, 30):
        picture = load_picture(jpeg[:-2], size=size)
        assert np.array_equal(picture.pixels, load_picture(jpeg, size=size).pixels)
        assert len(picture.notices) == 1 and "none of its pixels" in picture.notices[0]
    for missing in (8, 20, 300, len(jpeg) // 2):
        with pytest.raises(PictureError):
            load_picture(jpeg[:-missing])


def test_the_jpeg_that_was_complained_of():
    picture = load_picture(CASES / "jpeg_no_eoi.jpg")
    assert 0.4 < picture.pixels.mean() < 0.6 and len(picture.notices) == 1
