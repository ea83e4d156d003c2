"""Photographs to train on: folders as people have them."""

import sys
import types

import numpy as np
import pytest
from PIL import Image

from impasto.core.crops import crop_batch
from impasto.core.errors import UsageError
from impasto.core.photographs import FROM_TFDS, LARGEST, open_photographs


@pytest.fixture
def folder(tmp_path, blobs):
    for i in range(8):
        Image.fromarray(np.uint8(blobs(40, 60, i) * 255)).save(tmp_path / f"{i}.png")
    return tmp_path


def means(pictures):
    return [float(np.asarray(picture).mean()) for picture in pictures]


def test_a_quarter_at_most_is_held_out_and_never_trained_on(folder):
    training, held_out = open_photographs([folder], 50)
    assert (len(training.pictures), len(held_out)) == (6, 2)
    assert not set(means(held_out)) & set(means(training.pictures))


def test_the_same_are_held_out_again(folder):
    assert means(open_photographs([folder], 2)[1]) == means(open_photographs([folder], 2)[1])


def test_corrupt_pictures_are_told_of_once_and_passed_over(folder):
    for name in ("0.png", "3.png"):
        (folder / name).write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    told = []
    training, held_out = open_photographs([folder], 2, told.append)
    crops = [crop_batch([(training, 1.0)], 8, 32, seed=0, step=step) for step in range(6)]
    again, _ = open_photographs([folder], 2)
    # However often it is drawn, the next one stands in for it: the same in a run that is gone on with.
    for step, expected in enumerate(crops):
        np.testing.assert_array_equal(crop_batch([(again, 1.0)], 8, 32, seed=0, step=step), expected)
    assert sorted(path.name for path in told) == ["0.png", "3.png"] and len(held_out) == 2


def test_folders_without_photographs(tmp_path):
    with pytest.raises(UsageError, match=r"Received: .*nowhere"):
        open_photographs([tmp_path / "nowhere"], 2)
    with pytest.raises(UsageError, match="No picture in the folder"):
        open_photographs([tmp_path], 2)
    for i in range(3):
        (tmp_path / f"{i}.jpg").write_bytes(b"no picture")
    with pytest.raises(UsageError, match="No readable photograph"):
        open_photographs([tmp_path], 1)


def test_one_photograph_is_too_few(folder):
    for i in range(1, 8):
        (folder / f"{i}.png").unlink()
    with pytest.raises(UsageError, match=r"Two photographs or more.*Received: 1"):
        open_photographs([folder], 1)


def test_tensorflow_datasets(tmp_path, folder):
    tfds = pytest.importorskip("tensorflow_datasets")
    assert tfds.__version__
    with pytest.raises(UsageError, match=r"such as tfds:coco/2017.*Received: tfds:no_such_collection"):
        open_photographs(["tfds:no_such_collection"], 2)


def test_pictures_of_a_collection(folder, monkeypatch):
    """A stand-in for TensorFlow Datasets, which few have, with grey and large pictures."""
    asked = []

    class Examples:
        def take(self, count):
            asked.append(count)
            return self

        def as_numpy_iterator(self):
            for number in range(6):
                yield {"image": np.full((30, 900, 1 if number % 2 else 3), 40 * number, "uint8")}

    def load(name, **options):
        asked.append((name, options))
        return Examples()

    module = types.ModuleType("tensorflow_datasets")
    module.load = load
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", module)
    training, held_out = open_photographs(["tfds:coco/2017", folder], 3)
    assert asked == [("coco/2017", {"split": "train", "shuffle_files": False}), FROM_TFDS]
    assert (len(training.pictures), len(held_out)) == (11, 3)
    everything = [*training.pictures, *held_out]
    assert {picture.mode for picture in everything} == {"RGB"}
    assert max(picture.width for picture in everything) == LARGEST
    assert len({np.asarray(picture).mean() for picture in everything}) == 14  # none twice, none lost


def test_without_tensorflow_datasets_a_line_says_how_to_get_it():
    try:
        import tensorflow_datasets  # noqa: F401
    except ImportError:
        with pytest.raises(UsageError, match=r"pip install 'impasto\[tfds\]'.*Received: tfds:coco"):
            open_photographs(["tfds:coco/2017"], 2)
    else:
        pytest.skip("TensorFlow Datasets is installed")
