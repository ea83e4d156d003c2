"""Crops for training: drawn at random, and the same again for the same step."""

import numpy as np
import pytest
from PIL import Image

from impasto.core.crops import Folder, crop_batch, random_crop
from impasto.core.errors import UsageError

COLOURS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255)}


def plain(colour, size=(90, 70)):
    return Folder([Image.new("RGB", size, COLOURS[colour])])


@pytest.fixture
def textured():
    random = np.random.default_rng(0)
    return Folder([Image.fromarray(random.integers(0, 256, (70, 90, 3), dtype=np.uint8)) for _ in range(4)])


def save(path, colour="red", size=(90, 70), **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, COLOURS[colour]).save(path, **options)


# ---------------------------------------------------------------- folders


def test_pictures_are_read_in_the_order_of_their_paths_at_any_depth(tmp_path):
    save(tmp_path / "b.png", "green")
    save(tmp_path / "deep" / "er" / "c.JPG", "blue", quality=100, subsampling=0)
    save(tmp_path / "a.webp", "red", lossless=True)
    (tmp_path / "notes.txt").write_text("no picture, and none to complain about")
    folder = Folder.read(tmp_path)
    middles = [np.array(picture)[35, 45] for picture in folder.pictures]
    np.testing.assert_allclose(middles, list(COLOURS[name] for name in ("red", "green", "blue")), atol=4)
    assert folder.unreadable == []


def test_several_folders_are_read_one_after_another(tmp_path):
    save(tmp_path / "2" / "a.png", "green")
    save(tmp_path / "1" / "a.png", "blue")
    pictures = Folder.read(tmp_path / "2", str(tmp_path / "1")).pictures
    assert [picture.getpixel((0, 0)) for picture in pictures] == [COLOURS["green"], COLOURS["blue"]]


def test_grey_palette_and_transparent_pictures_become_rgb(tmp_path):
    image = Image.effect_noise((40, 30), 60)
    image.save(tmp_path / "grey.png")
    image.convert("P").save(tmp_path / "palette.png")
    image.convert("RGBA").save(tmp_path / "transparent.png")
    assert [picture.mode for picture in Folder.read(tmp_path).pictures] == ["RGB"] * 3


def test_large_pictures_are_reduced_and_small_ones_left(tmp_path):
    save(tmp_path / "large.png", size=(400, 100))
    save(tmp_path / "small.png", size=(50, 40))
    assert [picture.size for picture in Folder.read(tmp_path, largest=200).pictures] == [(200, 50), (50, 40)]


def test_unreadable_pictures_are_passed_over_and_named(tmp_path):
    save(tmp_path / "good.png")
    save(tmp_path / "whole.jpg", size=(300, 300))
    (tmp_path / "cut.jpg").write_bytes((tmp_path / "whole.jpg").read_bytes()[:400])
    (tmp_path / "cut.png").write_bytes((tmp_path / "good.png").read_bytes()[:60])
    contents = (tmp_path / "good.png").read_bytes()
    (tmp_path / "chunk.png").write_bytes(contents[:37] + b"5\x89\xddZ" + contents[41:])  # not a chunk's name
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.jpg").write_text("hello")
    (tmp_path / "folder.png").mkdir()
    folder = Folder.read(tmp_path)
    assert len(folder.pictures) == 2
    names = [path.name for path in folder.unreadable]
    assert names == ["chunk.png", "cut.jpg", "cut.png", "empty.png", "text.jpg"]


@pytest.mark.filterwarnings("ignore:.*:UserWarning")
@pytest.mark.parametrize("damage", range(40))
def test_no_damage_stops_the_reading(tmp_path, damage):
    random = np.random.default_rng(damage)
    suffix = (".png", ".jpg", ".webp", ".tif", ".bmp")[damage % 5]
    Image.fromarray(random.integers(0, 256, (40, 50, 3), dtype=np.uint8)).save(tmp_path / f"broken{suffix}")
    contents = bytearray((tmp_path / f"broken{suffix}").read_bytes())
    for place in random.integers(2, min(len(contents), 400), 12):
        contents[place] = random.integers(256)
    (tmp_path / f"broken{suffix}").write_bytes(contents)
    save(tmp_path / "good.png")
    folder = Folder.read(tmp_path)
    assert len(folder.pictures) + len(folder.unreadable) == 2 and folder.pictures


@pytest.mark.parametrize("what", ["missing", "file", "empty", "only damaged"])
def test_nothing_to_read_is_refused(tmp_path, what):
    if what == "file":
        (tmp_path / "pictures").write_text("")
    elif what != "missing":
        (tmp_path / "pictures").mkdir()
    if what == "only damaged":
        (tmp_path / "pictures" / "a.png").write_text("hello")
    with pytest.raises(UsageError, match=r"Received: .*pictures$"):
        Folder.read(tmp_path / "pictures")


def test_split_draws_pictures_apart():
    folder = Folder([Image.new("RGB", (20, 20), (i, i, i)) for i in range(30)])
    rest, drawn = folder.split(8, seed=1)
    values = [picture.getpixel((0, 0))[0] for part in (rest, drawn) for picture in part.pictures]
    assert len(drawn.pictures) == 8 and sorted(values) == list(range(30))
    again, other = folder.split(8, seed=1)[1], folder.split(8, seed=2)[1]
    assert again.pictures == drawn.pictures and other.pictures != drawn.pictures


# ---------------------------------------------------------------- one crop


def test_a_crop_is_a_square_of_the_picture(textured):
    crop = random_crop(textured.pictures[0], 32, np.random.default_rng(0))
    assert crop.shape == (32, 32, 3) and crop.dtype == np.uint8


@pytest.mark.parametrize("size", [(5, 7), (16, 300), (31, 31), (32, 32), (1, 1)])
def test_pictures_smaller_than_the_crop_are_enlarged(size):
    crop = random_crop(Image.new("RGB", size, (9, 8, 7)), 32, np.random.default_rng(0))
    assert crop.shape == (32, 32, 3) and (crop == (9, 8, 7)).all()


def test_half_of_the_crops_are_mirrored():
    ramp = np.broadcast_to(np.linspace(0, 255, 64, dtype=np.uint8)[None, :, None], (64, 64, 3))
    random = np.random.default_rng(0)
    crops = [random_crop(Image.fromarray(ramp), 16, random) for _ in range(400)]
    mirrored = np.mean([int(crop[8, 0, 0]) > int(crop[8, -1, 0]) for crop in crops])
    assert 0.4 < mirrored < 0.6


def test_crops_are_of_many_scales():
    # On a ramp a crop's range tells how much of the picture it shows.
    ramp = np.broadcast_to(np.linspace(0, 255, 256).astype(np.uint8)[None, :, None], (256, 256, 3))
    random = np.random.default_rng(0)
    shown = [np.ptp(random_crop(Image.fromarray(ramp), 32, random)[16, :, 0].astype(int)) for _ in range(300)]
    assert min(shown) < 25 and max(shown) > 200
    assert abs(np.median(shown) - (16 * 256) ** 0.5) < 15  # log-uniform between half the side and all


# ---------------------------------------------------------------- batches


def test_the_same_step_gets_the_same_crops(textured):
    sources = [(textured, 1.0)]
    first = crop_batch(sources, 6, 32, seed=3, step=11, shuffle=0.5)
    assert first.shape == (6, 32, 32, 3) and first.dtype == np.uint8
    np.testing.assert_array_equal(first, crop_batch(sources, 6, 32, seed=3, step=11, shuffle=0.5))
    assert (first != crop_batch(sources, 6, 32, seed=3, step=12, shuffle=0.5)).any()
    assert (first != crop_batch(sources, 6, 32, seed=4, step=11, shuffle=0.5)).any()


def test_a_resumed_training_sees_what_an_uninterrupted_one_sees(textured):
    sources = [(textured, 1.0)]
    whole = [crop_batch(sources, 2, 16, 0, step) for step in range(6)]
    parts = [crop_batch(sources, 2, 16, 0, step) for step in (*range(3), *range(3, 6))]
    np.testing.assert_array_equal(whole, parts)
    assert len({batch.tobytes() for batch in whole}) == 6


def test_each_source_gives_its_share():
    batch = crop_batch([(plain("red"), 3.0), (plain("blue"), 1.0)], 400, 8, seed=0, step=0)
    red = (batch[:, 0, 0] == COLOURS["red"]).all(axis=-1)
    blue = (batch[:, 0, 0] == COLOURS["blue"]).all(axis=-1)
    assert (red ^ blue).all() and 0.68 < red.mean() < 0.82


def test_a_source_without_a_share_gives_nothing():
    batch = crop_batch([(plain("red"), 1.0), (plain("blue"), 0.0)], 50, 8, seed=0, step=0)
    assert (batch == COLOURS["red"]).all()


def test_channels_are_exchanged_as_often_as_asked():
    never = crop_batch([(plain("red"), 1.0)], 100, 8, seed=0, step=0)
    assert (never == COLOURS["red"]).all()
    always = crop_batch([(plain("red"), 1.0)], 300, 8, seed=0, step=0, shuffle=1.0)
    hues = always[:, 0, 0].argmax(axis=-1)
    assert ((always.sum(axis=-1) == 255).all()) and np.bincount(hues, minlength=3).min() > 70
    some = crop_batch([(plain("red"), 1.0)], 300, 8, seed=0, step=0, shuffle=0.3)
    assert 0.1 < (some[:, 0, 0] != COLOURS["red"]).any(axis=-1).mean() < 0.3  # a third stay red by chance
