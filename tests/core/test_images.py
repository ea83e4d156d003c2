"""Pictures in and out: formats, depth, orientation, profiles, alpha, privacy, and every bad input."""

import io
import logging
import os
import struct
import sys
import tempfile
import zlib
from contextlib import contextmanager
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms, PngImagePlugin

from impasto.core import images, picture_writing
from impasto.core.errors import ImpastoError, PictureError, UsageError
from impasto.core.images import (
    Picture,
    check_output,
    encode_picture,
    extensions,
    load_picture,
    require_paintable,
    save_picture,
    saving_notices,
)
from impasto.core.picture_reading import read_file
from impasto.core.picture_writing import write_file

LINEAR = imagecodecs.cms_profile(  # sRGB's primaries, no curve: its way to sRGB is a closed form
    "rgb", whitepoint=(0.3127, 0.329, 1.0), primaries=(0.64, 0.33, 1, 0.3, 0.6, 1, 0.15, 0.06, 1), gamma=1.0
)
LINEAR_GREY = imagecodecs.cms_profile("gray", whitepoint=(0.3457, 0.3585, 1.0), gamma=1.0)


def srgb_curve(linear):
    linear = np.asarray(linear, np.float64)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def noise(height, width, channels=3, dtype=np.uint8, seed=0):
    largest = np.iinfo(dtype).max
    return np.random.default_rng(seed).integers(0, largest, (height, width, channels), dtype, endpoint=True)


def smooth(height, width):
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    return np.stack([x / width, y / height, 0.5 + 0.4 * np.sin(x / 20)], axis=-1)


def png_chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width, height, depth, colour, rows, *chunks):
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    parts = [
        png_chunk(b"IHDR", header),
        *chunks,
        png_chunk(b"IDAT", zlib.compress(rows)),
        png_chunk(b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def saved(image, format, **options):
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def one_line(error):
    text = str(error.value)
    assert "\n" not in text and "Received: " in text and len(text) < 500
    return text


# ---------------------------------------------------------------------------- sources and formats


@pytest.mark.parametrize("extension", ["png", "bmp", "tif", "gif", "webp", "jpg", "avif"])
def test_every_format_from_path_bytes_and_pillow(tmp_path, extension):
    pixels = np.rint(smooth(40, 60) * 255).astype(np.uint8)
    path = tmp_path / f"picture.{extension}"
    lossless = {"webp": {"lossless": True}, "jpg": {"quality": 95}, "avif": {"quality": 95}}.get(
        extension, {}
    )
    Image.fromarray(pixels).save(path, **lossless)
    near = {"jpg": 0.05, "avif": 0.05, "gif": 0.3}.get(extension, 0)
    for source in (path, str(path), path.read_bytes(), bytearray(path.read_bytes()), Image.open(path)):
        picture = load_picture(source)
        assert picture.pixels.dtype == np.float32
        assert (picture.height, picture.width, picture.bits, picture.alpha) == (40, 60, 8, None)
        assert picture.notices == ()
        assert np.abs(picture.pixels - pixels / np.float32(255)).max() <= near


def test_arrays_of_every_kind():
    numbers = noise(5, 7)
    expected = numbers / np.float32(255)
    for array in (numbers, expected, expected.astype(np.float64), numbers.astype(np.uint16) * 257):
        assert np.allclose(load_picture(array).pixels, expected, atol=1e-6)
    assert load_picture(numbers.astype(np.uint16)).bits == 16
    assert np.array_equal(load_picture(numbers[..., 0]).pixels[..., 2], expected[..., 0])
    assert np.array_equal(load_picture(numbers[..., 0] > 99).pixels[..., 1], numbers[..., 0] > 99)
    with_alpha = load_picture(noise(5, 7, 4))
    assert np.array_equal(with_alpha.alpha, noise(5, 7, 4)[..., 3] / np.float32(255))


@pytest.mark.parametrize(
    ("source", "error"),
    [
        (None, UsageError),
        (3, UsageError),
        ("\0.png", PictureError),
        (np.zeros((4, 4, 3), np.int64), UsageError),
        (np.zeros((4, 4, 2)), PictureError),
        (np.zeros((0, 4, 3)), PictureError),
        (np.full((4, 4, 3), 255.0), PictureError),
        (np.full((4, 4, 3), np.nan), PictureError),
        (Image.new("RGB", (0, 5)), PictureError),
    ],
    ids=lambda value: type(value).__name__,
)
def test_sources_that_are_no_picture(source, error):
    with pytest.raises(error) as raised:
        load_picture(source)
    one_line(raised)


def test_a_picture_is_a_source():
    picture = load_picture(noise(20, 40))
    assert load_picture(picture) is picture
    assert load_picture(picture, size=10).pixels.shape == (5, 10, 3)


@pytest.mark.parametrize("size", [-1, 1.5, "512", True, None])
def test_size_must_be_a_whole_number(size):
    with pytest.raises(UsageError) as raised:
        load_picture(noise(4, 4), size=size)
    one_line(raised)


def test_animations_give_their_first_frame_and_say_so():
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "lime", "blue")]
    for format in ("GIF", "WEBP", "PNG"):
        picture = load_picture(saved(frames[0], format, save_all=True, append_images=frames[1:]))
        assert np.allclose(picture.pixels, [1, 0, 0], atol=0.03)
        assert len(picture.notices) == 1 and "first frame" in picture.notices[0]
    pages = load_picture(saved(frames[0], "TIFF", save_all=True, append_images=frames[1:]))
    assert np.allclose(pages.pixels, [1, 0, 0]) and "page" in pages.notices[0]
    assert load_picture(saved(frames[0], "GIF")).notices == ()


def test_a_heic_file_is_read_or_the_missing_package_named():
    data = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(64)
    with pytest.raises(PictureError) as raised:
        load_picture(data)
    message = one_line(raised)
    try:
        import pillow_heif  # noqa: F401
    except ImportError:
        assert "pip install pillow-heif" in message


def test_a_heic_photograph_the_right_way_up():
    pillow_heif = pytest.importorskip("pillow_heif")  # not among the requirements
    upright = np.zeros((60, 40, 3), np.uint8)
    upright[:30] = (255, 0, 0)
    stored = pillow_heif.from_pillow(Image.fromarray(upright).transpose(Image.Transpose.ROTATE_90))
    buffer = io.BytesIO()
    stored.save(buffer, quality=95, exif=exif(6).tobytes())
    picture = load_picture(buffer.getvalue())
    assert np.abs(picture.pixels - upright / 255).max() < 0.1


# ------------------------------------------------------------------------------ modes and depth


@pytest.mark.parametrize(
    ("mode", "value", "expected", "alpha"),
    [
        ("1", 1, (1, 1, 1), None),
        ("L", 51, (0.2, 0.2, 0.2), None),
        ("LA", (51, 102), (0.2, 0.2, 0.2), 0.4),
        ("P", 1, (1, 0.2, 0), None),
        ("RGB", (255, 51, 0), (1, 0.2, 0), None),
        ("RGBA", (255, 51, 0, 102), (1, 0.2, 0), 0.4),
        ("RGBa", (102, 51, 0, 102), (1, 0.5, 0), 0.4),
        ("CMYK", (0, 204, 255, 0), (1, 0.2, 0), None),
        ("CMYK", (0, 0, 0, 204), (0.2, 0.2, 0.2), None),
        ("YCbCr", (51, 128, 128), (0.2, 0.2, 0.2), None),
        ("HSV", (0, 0, 51), (0.2, 0.2, 0.2), None),
        ("LAB", (255, 128, 128), (1, 1, 1), None),
        ("I;16", 13107, (0.2, 0.2, 0.2), None),
        ("I;16B", 13107, (0.2, 0.2, 0.2), None),
        ("I", 65535, (1, 1, 1), None),
        ("F", 0.2, (0.2, 0.2, 0.2), None),
        ("F", 255.0, (1, 1, 1), None),
    ],
)
def test_every_pillow_mode(mode, value, expected, alpha):
    image = Image.new(mode, (3, 2), value)
    if mode == "P":
        image.putpalette([0, 0, 0, 255, 51, 0])
    picture = load_picture(image)
    assert np.allclose(picture.pixels, np.broadcast_to(expected, (2, 3, 3)), atol=5e-3)
    assert (picture.alpha is None) if alpha is None else np.allclose(picture.alpha, alpha)
    assert picture.bits == (16 if mode[0] in "IF" else 8)
    assert any("CMYK" in notice for notice in picture.notices) == (mode == "CMYK")


def test_transparent_colours_of_png_and_gif():
    palette = Image.new("P", (2, 1))
    palette.putpalette([255, 0, 0, 0, 0, 255])
    palette.putpixel((1, 0), 1)
    for format in ("PNG", "GIF"):
        picture = load_picture(saved(palette, format, transparency=0))
        assert picture.alpha.tolist() == [[0, 1]]
        assert np.array_equal(picture.pixels[0, 1], [0, 0, 1])
    half = load_picture(saved(palette, "PNG", transparency=bytes([51, 255])))
    assert np.allclose(half.alpha, [[0.2, 1]])
    assert load_picture(saved(Image.new("L", (2, 1), 9), "PNG", transparency=9)).alpha.tolist() == [[0, 0]]
    assert load_picture(saved(Image.new("RGB", (1, 1), (1, 2, 3)), "PNG", transparency=(1, 2, 3))).alpha == 0
    key = png(
        2,
        1,
        16,
        2,
        b"\0" + struct.pack(">6H", 1, 2, 3, 4, 5, 6),
        png_chunk(b"tRNS", struct.pack(">3H", 1, 2, 3)),
    )
    deep = load_picture(key)
    assert deep.bits == 16 and deep.alpha.tolist() == [[0, 1]]


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_16_bit_png(channels):
    numbers = noise(9, 5, channels, np.uint16)
    picture = load_picture(imagecodecs.png_encode(numbers if channels > 1 else numbers[..., 0]))
    colours = numbers[..., : 1 if channels < 3 else 3]
    assert picture.bits == 16
    seen = np.ones((9, 5), bool) if picture.alpha is None else picture.alpha >= 1 / 256
    assert seen.sum() > 40
    assert np.array_equal(np.rint(picture.pixels * 65535)[seen], np.broadcast_to(colours, (9, 5, 3))[seen])
    if channels in (2, 4):
        assert np.array_equal(np.rint(picture.alpha * 65535), numbers[..., -1])
    else:
        assert picture.alpha is None


@pytest.mark.parametrize("compression", [None, "lzw", "adobe_deflate", "zstd", "lzma", "packbits"])
@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("tile", [None, (16, 16)])
def test_16_bit_tiff(tmp_path, compression, planar, tile):
    numbers = noise(21, 35, 3, np.uint16)
    path = tmp_path / "deep.tif"
    stored = np.moveaxis(numbers, -1, 0) if planar == "separate" else numbers
    tifffile.imwrite(path, stored, photometric="rgb", planarconfig=planar, compression=compression, tile=tile)
    picture = load_picture(path)
    assert picture.bits == 16 and picture.alpha is None
    assert np.array_equal(np.rint(picture.pixels * 65535), numbers)


def test_16_bit_tiff_of_other_kinds(tmp_path):
    path = tmp_path / "deep.tif"
    grey = noise(6, 8, 1, np.uint16)[..., 0]
    tifffile.imwrite(path, grey, byteorder=">", photometric="miniswhite")
    assert np.array_equal(np.rint(load_picture(path).pixels[..., 1] * 65535), 65535 - grey)

    ink = np.zeros((1, 1, 4), np.uint16)
    ink[0, 0] = (0, 52428, 65535, 0)
    tifffile.imwrite(path, ink, photometric="separated")
    assert np.allclose(load_picture(path).pixels, [1, 0.2, 0], atol=1e-4)

    premultiplied = np.array([[[13107, 0, 6554, 26214]]], np.uint16)  # alpha 0.4
    tifffile.imwrite(path, premultiplied, photometric="rgb", extrasamples=["assocalpha"])
    picture = load_picture(path)
    assert np.allclose(picture.pixels, [0.5, 0, 0.25], atol=1e-4) and np.allclose(picture.alpha, 0.4)

    tifffile.imwrite(path, premultiplied, photometric="rgb", extrasamples=["unspecified"])
    assert load_picture(path).alpha is None

    tifffile.imwrite(path, smooth(6, 8), photometric="rgb", compression="zlib", predictor=True)
    assert (
        np.allclose(load_picture(path).pixels, smooth(6, 8), atol=1e-6) and load_picture(path).notices == ()
    )

    tifffile.imwrite(path, np.array([[0, 2**32 - 1]], np.uint32))
    assert np.allclose(load_picture(path).pixels[..., 0], [[0, 1]])

    tifffile.imwrite(path, np.stack([grey, grey]), photometric="minisblack")
    assert "page" in load_picture(path).notices[0]

    for unusual in (grey.astype(np.int16), np.zeros((5, 5, 9), np.uint16)):
        tifffile.imwrite(
            path, unusual, photometric="minisblack", planarconfig="contig" if unusual.ndim == 3 else None
        )
        with pytest.raises(PictureError) as raised:
            load_picture(path)
        assert "8 bits" in one_line(raised)


def test_numbers_of_unknown_range_are_guessed_and_said(tmp_path):
    picture = load_picture(Image.fromarray(np.array([[0.0, 200.0, np.nan]], np.float32)))
    assert np.allclose(picture.pixels[0, :, 0], [0, 200 / 255, 0]) and "255" in picture.notices[0]
    assert load_picture(Image.fromarray(np.array([[0, 70000]], np.int32))).pixels.max() == 1
    overshoot = load_picture(Image.fromarray(np.array([[0.5, 1.2]], np.float32)))
    assert np.allclose(overshoot.pixels[0, :, 0], [0.5, 1]) and "1.2" in overshoot.notices[0]
    assert load_picture(Image.fromarray(np.array([[0.5, 1.0]], np.float32))).notices == ()


# -------------------------------------------------------------------------------- orientation


def exif(orientation):
    block = Image.Exif()
    block[0x0112] = orientation
    return block


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF", "JPEG", "deep PNG", "deep TIFF", "AVIF"])
def test_orientation(orientation, kind):
    # Four flat quarters, told apart by colour: upright is red, lime / blue, white.
    upright = np.zeros((32, 48, 3), np.uint8)
    upright[:16, :24], upright[:16, 24:] = (255, 0, 0), (0, 255, 0)
    upright[16:, :24], upright[16:, 24:] = (0, 0, 255), (255, 255, 255)
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}  # EXIF's to Pillow's transpositions
    inverse = {**undo, 6: undo[8], 8: undo[6]}  # all but the quarter turns undo themselves
    stored = Image.fromarray(upright)
    if orientation > 1:
        stored = stored.transpose(Image.Transpose(inverse[orientation]))
    if kind == "deep PNG":
        data = imagecodecs.png_encode(np.asarray(stored).astype(np.uint16) * 257)
        data = data[:-12] + png_chunk(b"eXIf", exif(orientation).tobytes()[6:]) + data[-12:]
    elif kind == "deep TIFF":
        buffer = io.BytesIO()
        numbers = np.asarray(stored).astype(np.uint16) * 257
        tifffile.imwrite(buffer, numbers, photometric="rgb", extratags=[(274, "H", 1, orientation, True)])
        data = buffer.getvalue()
    else:
        options = {"WEBP": {"lossless": True}, "JPEG": {"subsampling": 0, "quality": 95}}.get(kind, {})
        data = saved(stored, kind, exif=exif(orientation), **options)
    for picture in (load_picture(data), load_picture(data, size=24)):
        ratio = 48 // picture.width
        assert picture.pixels.shape == (32 // ratio, 48 // ratio, 3)
        for row, column in ((4, 6), (4, 18), (12, 6), (12, 18)):
            expected = upright[2 * row, 2 * column] / 255
            found = picture.pixels[2 * row // ratio, 2 * column // ratio]
            assert np.allclose(found, expected, atol=0.06), (row, column)


def test_a_damaged_exif_block_is_no_reason_to_refuse():
    data = saved(Image.new("RGB", (16, 16), "red"), "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff garbage")
    assert load_picture(data).pixels.shape == (16, 16, 3)


# ----------------------------------------------------------------------------- colour profiles


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("channels", [1, 3])
def test_profiles_become_srgb(tmp_path, bits, channels):
    largest = 2**bits - 1
    ramp = np.linspace(0, largest, 256).round().astype(f"u{bits // 8}").reshape(16, 16)
    numbers = ramp if channels == 1 else np.stack([ramp, ramp[::-1], ramp.T], axis=-1)
    path = tmp_path / "linear.tif"
    photometric = "minisblack" if channels == 1 else "rgb"
    tifffile.imwrite(
        path, numbers, photometric=photometric, iccprofile=LINEAR if channels == 3 else LINEAR_GREY
    )
    picture = load_picture(path)
    expected = srgb_curve(numbers.reshape(16, 16, -1) / largest)
    assert np.abs(picture.pixels - expected).max() < 2e-3
    assert picture.notices == () and picture.bits == bits


def test_profiles_of_16_bit_png_and_of_floats(tmp_path):
    numbers = np.linspace(0, 65535, 64).astype(np.uint16).reshape(8, 8)
    data = saved(Image.fromarray(numbers), "PNG", icc_profile=LINEAR_GREY)
    assert np.abs(load_picture(data).pixels[..., 0] - srgb_curve(numbers / 65535)).max() < 2e-3
    tifffile.imwrite(tmp_path / "float.tif", smooth(8, 8), photometric="rgb", iccprofile=LINEAR)
    assert np.abs(load_picture(tmp_path / "float.tif").pixels - srgb_curve(smooth(8, 8))).max() < 2e-3


def test_a_wide_gamut_profile_moves_colours_as_pillow_does():
    wide = imagecodecs.cms_profile(
        "rgb",
        whitepoint=(0.3127, 0.329, 1),
        primaries=(0.68, 0.32, 1, 0.265, 0.69, 1, 0.15, 0.06, 1),
        gamma=2.2,
    )
    image = Image.fromarray(noise(30, 30))
    expected = ImageCms.profileToProfile(image, io.BytesIO(wide), ImageCms.createProfile("sRGB"))
    found = load_picture(saved(image, "PNG", icc_profile=wide)).pixels
    assert np.abs(found - np.asarray(expected) / 255).max() < 1.5 / 255
    assert np.abs(found - noise(30, 30) / 255).max() > 0.05


def cmyk_profile():
    """A printer of 16 known colours: a 2×2×2×2 table of Lab (ICC.1:2001, 6.5.7, `mft1`)."""
    table = bytearray()
    for corner in range(16):
        cyan, magenta, yellow, black = ((corner >> shift) & 1 for shift in (3, 2, 1, 0))
        light = 5 + 95 * (1 - 0.35 * cyan) * (1 - 0.45 * magenta) * (1 - 0.1 * yellow) * (1 - black)
        a, b = (-35 * cyan + 70 * magenta) * (1 - black), (-45 * cyan + 80 * yellow) * (1 - black)
        table += bytes([round(light * 2.55), round(128 + a), round(128 + b)])
    line = bytes(range(256))
    identity = struct.pack(">9i", *(65536 * (i % 4 == 0) for i in range(9)))
    lut = b"mft1\0\0\0\0" + bytes([4, 3, 2, 0]) + identity + line * 4 + bytes(table) + line * 3
    lut += bytes(-len(lut) % 4)
    tags = struct.pack(">I", 1) + struct.pack(">4sII", b"A2B0", 144, len(lut))
    header = struct.pack(">I4sI4s4s4s", 144 + len(lut), b"lcms", 0x02100000, b"prtr", b"CMYK", b"Lab ")
    header += struct.pack(">6H4s", 2000, 1, 1, 0, 0, 0, b"acsp") + bytes(28)
    header += struct.pack(">3i", 63190, 65536, 54061)  # D50
    return header + bytes(128 - len(header)) + tags + lut


@pytest.mark.parametrize("format", ["JPEG", "TIFF"])
def test_cmyk_profiles(format):
    image = Image.fromarray(np.repeat(np.repeat(noise(3, 4, 4), 16, 0), 16, 1), "CMYK")
    data = saved(
        image,
        format,
        icc_profile=cmyk_profile(),
        **({"quality": 95, "subsampling": 0} if format == "JPEG" else {}),
    )
    expected = ImageCms.profileToProfile(
        Image.open(io.BytesIO(data)),
        io.BytesIO(cmyk_profile()),
        ImageCms.createProfile("sRGB"),
        ImageCms.Intent.RELATIVE_COLORIMETRIC,
        "RGB",
        flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )
    picture = load_picture(data)
    assert picture.notices == () and picture.pixels.shape == (48, 64, 3)
    assert np.abs(picture.pixels - np.asarray(expected) / 255).max() < 1.5 / 255
    plain = load_picture(saved(image, format)).pixels
    assert np.abs(picture.pixels - plain).mean() > 0.05  # the profile did something


def test_a_broken_or_foreign_profile_is_said_and_left_out():
    image = Image.fromarray(noise(8, 8))
    for profile in (b"no profile", LINEAR[:200], LINEAR[:128] + bytes(len(LINEAR) - 128), cmyk_profile()):
        picture = load_picture(saved(image, "PNG", icc_profile=profile))
        assert len(picture.notices) == 1 and "sRGB" in picture.notices[0]
        assert np.array_equal(np.rint(picture.pixels * 255), noise(8, 8))


def test_grey_with_an_rgb_profile():
    grey = Image.fromarray(np.arange(256, dtype=np.uint8).reshape(16, 16))
    picture = load_picture(saved(grey, "PNG", icc_profile=LINEAR))
    assert np.abs(picture.pixels - srgb_curve(np.asarray(grey)[..., None] / 255)).max() < 2e-3


def test_an_srgb_profile_leaves_the_numbers_alone():
    other_srgb = imagecodecs.cms_profile("srgb")
    data = saved(Image.fromarray(noise(16, 16)), "PNG", icc_profile=other_srgb)
    assert np.array_equal(np.rint(load_picture(data).pixels * 255), noise(16, 16))


# ------------------------------------------------------------------------------------ resizing


@pytest.mark.parametrize(
    ("shape", "longest", "expected"),
    [
        ((300, 400), 100, (75, 100)),
        ((400, 300), 100, (100, 75)),
        ((30, 40), 80, (60, 80)),
        ((3, 2000), 512, (1, 512)),
    ],
)
def test_the_longest_side(shape, longest, expected):
    picture = load_picture(noise(*shape)).resized(longest)
    assert picture.pixels.shape == (*expected, 3)
    assert picture.pixels.min() >= 0 and picture.pixels.max() <= 1


def test_resizing_is_antialiased_and_keeps_smooth_pictures():
    stripes = np.zeros((64, 512, 3), np.float32)
    stripes[:, ::2] = 1
    small = load_picture(stripes).resized(100).pixels  # finer than its pixels: must turn grey
    assert np.abs(small[:, 5:-5] - 0.5).max() < 0.03
    picture = load_picture(smooth(128, 192))
    assert np.abs(picture.resized(96).resized(192).pixels - picture.pixels).max() < 0.03


def test_hidden_colours_do_not_bleed():
    bands = np.zeros((64, 64, 4), np.uint8)
    bands[..., :3] = (0, 255, 0)  # hidden green
    bands[16:48, 16:48] = (255, 0, 0, 255)
    for size in (23, 100):
        picture = load_picture(bands, size=size)
        seen = picture.alpha > 2 / 255
        assert np.allclose(picture.pixels[seen], [1, 0, 0], atol=1e-3)
        assert abs(picture.alpha.mean() - 0.25) < 0.01 and picture.alpha.max() == 1
        assert np.allclose(picture.pixels[0, 0], [1, 0, 0], atol=1e-3)  # nor are they kept below


def test_a_large_jpeg_is_decoded_small(tmp_path):
    path = tmp_path / "large.jpg"
    Image.fromarray((smooth(1003, 1501) * 255).astype(np.uint8)).save(path, quality=95, subsampling=0)
    assert read_file(path, 128).colours.shape[:2] == (251, 376)
    small, whole = load_picture(path, size=128), load_picture(path).resized(128)
    assert small.pixels.shape == whole.pixels.shape == (86, 128, 3)
    assert np.abs(small.pixels - whole.pixels).max() < 0.02
    assert load_picture(path).pixels.shape == (1003, 1501, 3)


def test_enlarging_beyond_the_limit_is_refused():
    with pytest.raises(PictureError) as raised:
        load_picture(noise(4, 4), size=20_000)
    assert "20000×20000" in one_line(raised)


def test_with_pixels_takes_alpha_along():
    picture = load_picture(noise(8, 12, 4, np.uint16))
    same = picture.with_pixels(np.zeros((8, 12, 3)))
    assert same.alpha is picture.alpha and same.bits == 16 and same.pixels.dtype == np.float32
    larger = picture.with_pixels(np.zeros((16, 24, 3)))
    assert larger.alpha.shape == (16, 24) and larger.alpha.min() >= 0 and larger.alpha.max() <= 1
    with pytest.raises(PictureError):
        picture.with_pixels(np.zeros((8, 12)))


def test_a_picture_checks_its_parts():
    for arguments in (
        (np.zeros((2, 2)),),
        (np.zeros((2, 2, 3)), np.zeros((3, 2))),
        (np.zeros((2, 2, 3)), None, 12),
    ):
        with pytest.raises(PictureError) as raised:
            Picture(*arguments)
        one_line(raised)


# -------------------------------------------------------------------------------------- saving


@pytest.mark.parametrize("extension", extensions())
def test_saved_as_srgb_without_anything_else(tmp_path, extension):
    secret = b"48.8584N 2.2945E Jane Doe"
    described = exif(1)
    described[0x010E] = described[0x013B] = secret.decode()
    info = PngImagePlugin.PngInfo()
    info.add_text("Author", secret.decode())
    info.add_itxt("XML:com.adobe.xmp", secret.decode())
    source = saved(Image.fromarray(noise(20, 30)), "PNG", exif=described, pnginfo=info)
    assert source.count(b"Jane Doe") == 2 + 1 + 1
    for picture in (load_picture(source), load_picture(Image.open(io.BytesIO(source)))):
        path = tmp_path / f"out{extension}"
        save_picture(picture, path)
        data = path.read_bytes()
        assert b"Jane" not in data and b"Exif" not in data and b"tifffile" not in data
        with Image.open(path) as image:
            image.load()
            assert set(image.info) - {"icc_profile"} <= {
                *("jfif", "jfif_version", "jfif_unit", "jfif_density", "dpi", "compression", "resolution"),
                *("loop", "background", "timestamp", "duration"),
            }
            if extension != ".bmp":  # which has no place for a profile that Pillow writes
                profile = ImageCms.ImageCmsProfile(io.BytesIO(image.info["icc_profile"]))
                assert "sRGB" in ImageCms.getProfileName(profile)


@pytest.mark.parametrize(
    ("extension", "near"), [(".jpg", 0.04), (".JPEG", 0.04), (".webp", 0.06), (".avif", 0.04)]
)
def test_lossy_formats_are_near(tmp_path, extension, near):
    if extension.lower() not in extensions():
        pytest.skip("this Pillow does not write AVIF")
    picture = load_picture(smooth(60, 80))
    save_picture(picture, tmp_path / f"out{extension}")
    assert np.abs(load_picture(tmp_path / f"out{extension}").pixels - picture.pixels).max() < near


def test_jpeg_keeps_colour_at_full_resolution():
    with Image.open(io.BytesIO(encode_picture(load_picture(noise(16, 16)), ".jpg"))) as image:
        assert [layer[1:3] for layer in image.layer] == [(1, 1)] * 3  # 4:4:4


def test_quality_changes_the_file():
    picture = load_picture(noise(32, 32))
    assert len(encode_picture(picture, ".jpg", quality=50)) < len(encode_picture(picture, ".jpg"))
    for quality in (0, 101):
        with pytest.raises(UsageError) as raised:
            encode_picture(picture, ".jpg", quality=quality)
        one_line(raised)


@pytest.mark.parametrize("extension", [".jpg", ".bmp"])
def test_alpha_is_laid_on_white_where_there_is_none(tmp_path, extension):
    picture = Picture(np.zeros((16, 16, 3)), np.full((16, 16), 0.25))
    notices = save_picture(picture, tmp_path / f"out{extension}")
    assert len(notices) == 1 and "white" in notices[0] and "\n" not in notices[0]
    assert np.allclose(load_picture(tmp_path / f"out{extension}").pixels, 0.75, atol=0.01)
    assert save_picture(Picture(np.zeros((16, 16, 3)), np.ones((16, 16))), tmp_path / f"out{extension}") == ()


def test_16_bits_end_in_8_with_a_notice():
    picture = load_picture(noise(4, 4, 3, np.uint16))
    assert "16" in saving_notices(picture, ".jpg")[0]
    assert saving_notices(picture, ".png") == saving_notices(picture, ".tif") == ()


def test_the_same_picture_is_the_same_bytes():
    picture = load_picture(noise(9, 9, 4, np.uint16))
    for extension in extensions():
        assert encode_picture(picture, extension) == encode_picture(picture, extension)


@pytest.mark.parametrize("extension", [".png", ".bmp"])
@pytest.mark.parametrize("bits", [8, 16])
def test_a_picture_written_in_bands_is_the_same_bytes(extension, bits, monkeypatch):
    random = np.random.default_rng(5)
    for alpha in (None, random.random((23, 10), "float32")):
        picture = Picture(random.random((23, 10, 3), "float32"), alpha, bits)
        monkeypatch.setattr(picture_writing, "_AT_ONCE", 1 << 20)
        whole = encode_picture(picture, extension)
        monkeypatch.setattr(picture_writing, "_AT_ONCE", 150)  # five rows: the last band is short
        assert encode_picture(picture, extension) == whole


def test_numbers_beyond_the_range_are_clipped_and_nan_is_refused():
    picture = Picture(np.full((2, 2, 3), 1.5))
    assert load_picture(encode_picture(picture, ".png")).pixels.min() == 1
    with pytest.raises(PictureError) as raised:
        encode_picture(Picture(np.full((2, 2, 3), np.nan)), ".png")
    one_line(raised)


def test_a_side_too_long_for_the_format():
    with pytest.raises(PictureError) as raised:
        encode_picture(load_picture(np.zeros((1, 17000, 3))), ".webp")
    assert "16383" in one_line(raised)


def test_saving_through_a_link_and_over_a_file(tmp_path):
    target, link = tmp_path / "real.png", tmp_path / "link.png"
    target.write_bytes(b"before")
    link.symlink_to(target)
    save_picture(load_picture(noise(4, 4)), link)
    assert link.is_symlink() and load_picture(target).pixels.shape == (4, 4, 3)
    assert target.stat().st_mode & 0o777 == 0o666 & ~umask()
    assert sorted(tmp_path.iterdir()) == [link, target]


def umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


# ----------------------------------------------------------------------------------- bad input


def jpeg(height=64, width=64):
    return saved(Image.fromarray(noise(height, width)), "JPEG", quality=95)


def deep_tiff(**options):
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, noise(64, 64, 3, np.uint16), photometric="rgb", **options)
    return buffer.getvalue()


DAMAGED = {
    "empty.jpg": b"",
    "text.jpg": b"Dear Impasto, this is a letter and not a picture.\n" * 20,
    "html.png": b"<!doctype html><title>404</title>" * 10,
    "zeros.png": bytes(5000),
    "short.jpg": jpeg()[:3000],
    "header.jpg": jpeg()[:20],
    "short.png": saved(Image.fromarray(noise(64, 64)), "PNG")[:3000],
    "flipped.png": saved(Image.fromarray(noise(64, 64)), "PNG").replace(b"IDAT", b"IDAT\xff\xff", 1),
    "short.webp": saved(Image.fromarray(noise(64, 64)), "WEBP", lossless=True)[:3000],
    "short.bmp": saved(Image.fromarray(noise(64, 64)), "BMP")[:3000],
    "short.gif": saved(Image.fromarray(noise(64, 64)), "GIF")[:2500],
    "short.tif": saved(Image.fromarray(noise(64, 64)), "TIFF")[:3000],
    "short.avif": saved(Image.fromarray(noise(64, 64)), "AVIF")[:3000],
    "deep.png": imagecodecs.png_encode(noise(64, 64, 3, np.uint16))[:3000],
    "deep16.tif": deep_tiff()[:3000],
    "deep_lzw.tif": deep_tiff(compression="lzw")[:3000],
    "directory.tif": deep_tiff()[:40],
    "junk.tif": b"II*\0" + b"\xff" * 200,
    "noise.tif": (lambda d: d[:500] + bytes(1000) + d[1500:])(deep_tiff(compression="zlib")),
    "script.eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n",
    "drawing.svg": b"<svg xmlns='http://www.w3.org/2000/svg' width='10' height='10'/>",
}


@pytest.mark.parametrize("name", DAMAGED)
@pytest.mark.parametrize("as_bytes", [False, True])
def test_damaged_files(tmp_path, name, as_bytes, capfd, monkeypatch):
    logger = logging.getLogger()  # a program that logs, as the bot does
    monkeypatch.setattr(logger, "handlers", [*logger.handlers, logging.StreamHandler(sys.stderr)])
    path = tmp_path / name
    path.write_bytes(DAMAGED[name])
    with pytest.raises(PictureError) as raised:
        load_picture(DAMAGED[name] if as_bytes else path)
    message = one_line(raised)
    assert (f"{len(DAMAGED[name])} bytes" if as_bytes else name) in message
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "deep PNG", "deep TIFF"])
def test_files_cut_anywhere_end_in_a_picture_error_or_a_picture(kind):
    small = np.ascontiguousarray(noise(12, 12))
    deep = noise(12, 12, 3, np.uint16)
    if kind == "deep PNG":
        data = imagecodecs.png_encode(deep)
    elif kind == "deep TIFF":
        buffer = io.BytesIO()
        tifffile.imwrite(buffer, deep, photometric="rgb", compression="zlib")
        data = buffer.getvalue()
    else:
        data = saved(Image.fromarray(small), kind)
    for length in range(1, len(data), 7):
        try:
            assert load_picture(data[:length]).pixels.shape == (12, 12, 3)
        except PictureError as error:
            assert "\n" not in str(error)


def test_missing_file_and_folder(tmp_path):
    for path in (
        tmp_path / "missing.jpg",
        tmp_path,
        tmp_path / "missing" / "a.jpg",
        tmp_path / ("n" * 300),
        "/dev/null",
    ):
        with pytest.raises(PictureError) as raised:
            load_picture(path)
        assert str(path)[:100] in one_line(raised)
    file = tmp_path / "file.png"
    file.write_bytes(encode_picture(load_picture(noise(4, 4)), ".png"))
    with pytest.raises(PictureError) as raised:
        load_picture(file / "inside.png")
    one_line(raised)


@contextmanager
def nobody():
    """Gives up the rights of root, if the tests run as root, for the files opened in between."""
    was = os.geteuid() if hasattr(os, "geteuid") else 1
    if was == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        if was == 0:
            os.seteuid(0)


@pytest.fixture
def open_folder():
    """A folder that everybody can reach, as pytest's own cannot be."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
def test_permissions(open_folder):
    path = open_folder / "secret.png"
    save_picture(load_picture(noise(4, 4)), path)
    path.chmod(0)
    with nobody(), pytest.raises(PictureError) as raised:
        load_picture(path)
    assert "permissions" in one_line(raised)
    before = sorted(open_folder.iterdir())
    open_folder.chmod(0o555)
    for name in ("new.png", "secret.png"):
        with nobody(), pytest.raises(PictureError) as raised:
            check_output(open_folder / name)
        assert name in one_line(raised)
    with nobody(), pytest.raises(PictureError) as raised:
        save_picture(load_picture(noise(4, 4)), open_folder / "new.png")
    one_line(raised)
    open_folder.chmod(0o755)
    assert sorted(open_folder.iterdir()) == before


@pytest.mark.parametrize("name", ["out.xyz", "out", "out.gif", ".png", "out.png.txt", "out.heic"])
def test_unknown_output_extension(tmp_path, name):
    for action in (check_output, lambda path: save_picture(load_picture(noise(4, 4)), path)):
        with pytest.raises(UsageError) as raised:
            action(tmp_path / name)
        message = one_line(raised)
        assert ".png" in message and name in message
    assert list(tmp_path.iterdir()) == []


def test_outputs_that_cannot_be(tmp_path):
    folder, file = tmp_path / "folder.png", tmp_path / "file.png"
    folder.mkdir()
    file.write_bytes(b"")
    pipe = tmp_path / "pipe.png"
    os.mkfifo(pipe)
    before = sorted(tmp_path.iterdir())
    for path in (folder, tmp_path, tmp_path / "missing" / "out.png", file / "out.png", "a\0.png", pipe):
        with pytest.raises(UsageError) as raised:
            check_output(path)
        assert "saved as" not in one_line(raised)
    with pytest.raises(PictureError) as raised:
        check_output(tmp_path / ("n" * 300 + ".png"))
    one_line(raised)
    assert sorted(tmp_path.iterdir()) == before


def test_a_good_output_leaves_no_trace(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "old.png").write_bytes(b"old")
    for path in ("new.png", tmp_path / "old.png", "NEW.JPG"):
        assert check_output(path) is None
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("old.png", b"old")]


def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path):
    resource = pytest.importorskip("resource")
    path = tmp_path / "out.png"
    path.write_bytes(b"old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    picture = load_picture(noise(100, 100))
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, hard))  # the disk takes 5,000 bytes, then refuses
    try:
        with pytest.raises(PictureError) as raised:
            save_picture(picture, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert str(path) in one_line(raised)
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("out.png", b"old")]


def test_a_failing_rename_leaves_nothing_beside(tmp_path):
    (tmp_path / "taken.png").mkdir()
    with pytest.raises(PictureError) as raised:
        write_file(tmp_path / "taken.png", b"data")
    one_line(raised)
    assert [p.name for p in tmp_path.iterdir()] == ["taken.png"]


def bomb(kind):
    side = 30_000
    if kind in ("png", "deep png"):
        return png(side, side, 16 if "deep" in kind else 8, 2, bytes(100))
    if kind == "jpg":
        data = bytearray(jpeg())
        frame = data.index(b"\xff\xc0")
        data[frame + 5 : frame + 9] = struct.pack(">HH", side, side)
        return bytes(data)
    if kind == "gif":
        data = bytearray(saved(Image.new("L", (8, 8)), "GIF"))
        data[6:10] = struct.pack("<HH", side, side)
        return bytes(data)
    if kind == "bmp":
        data = bytearray(saved(Image.new("RGB", (8, 8)), "BMP"))
        data[18:26] = struct.pack("<ii", side, side)
        return bytes(data)
    bits = 16 if "deep" in kind else 8
    if kind == "deep tile tif":  # a small picture in one enormous tile
        data = bytearray(deep_tiff(tile=(64, 64), compression="zlib"))
        return patched_tiff(data, {322: 29_984, 323: 29_984})
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, np.zeros((8, 8, 3), f"u{bits // 8}"), photometric="rgb", compression="zlib")
    return patched_tiff(bytearray(buffer.getvalue()), {256: side, 257: side, 278: side})


def patched_tiff(data, values):
    (start,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, start)
    for entry in range(start + 2, start + 2 + 12 * count, 12):
        tag, kind = struct.unpack_from("<HH", data, entry)
        if tag in values:
            struct.pack_into("<H" if kind == 3 else "<I", data, entry + 8, values[tag])
    return bytes(data)


@pytest.mark.parametrize("kind", ["png", "deep png", "jpg", "gif", "bmp", "tif", "deep tif", "deep tile tif"])
@pytest.mark.parametrize("as_bytes", [False, True])
def test_decompression_bombs_are_refused_from_the_header(tmp_path, kind, as_bytes):
    resource = pytest.importorskip("resource")
    path = tmp_path / f"bomb.{kind.split()[-1]}"
    path.write_bytes(bomb(kind))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    limit = Image.MAX_IMAGE_PIXELS
    with pytest.raises(PictureError) as raised:
        load_picture(path.read_bytes() if as_bytes else path, size=64)
    message = one_line(raised)
    assert "200 million" in message and (
        "30000×30000" in message or "900 million" in message or "tile" in kind
    )
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # KiB: nothing was decoded
    assert limit == Image.MAX_IMAGE_PIXELS


def test_pillow_bombs(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)  # as a program may have set it
    with pytest.raises(PictureError) as raised:
        load_picture(Image.open(io.BytesIO(bomb("png"))))
    assert "30000×30000" in one_line(raised)
    with pytest.raises(PictureError):
        load_picture(bomb("png"))
    assert Image.MAX_IMAGE_PIXELS is None


@pytest.mark.parametrize(
    ("height", "width", "paintable"), [(1, 1, 0), (3, 2000, 0), (15, 99, 0), (16, 16, 1)]
)
def test_small_and_thin_pictures_load_but_are_not_painted(height, width, paintable):
    picture = load_picture(encode_picture(load_picture(noise(height, width)), ".png"))
    assert picture.pixels.shape == (height, width, 3)
    if paintable:
        assert require_paintable(picture) is None
    else:
        with pytest.raises(PictureError) as raised:
            require_paintable(picture, "content")
        message = one_line(raised)
        assert f"{width}×{height}" in message and str(images.MIN_SIDE) in message and "content" in message


def test_errors_carry_their_exit_status(tmp_path):
    with pytest.raises(ImpastoError) as raised:
        check_output(tmp_path / "out.xyz")
    assert raised.value.exit_status == 2
    with pytest.raises(ImpastoError) as raised:
        load_picture(tmp_path / "missing.jpg")
    assert raised.value.exit_status == 1
