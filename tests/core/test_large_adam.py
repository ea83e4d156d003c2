"""Adam in place, band by band, and in files: the same pictures as Adam's."""

import gc
import sys
import weakref
from pathlib import Path

import numpy as np
import pytest
from keras import ops

from impasto.core import large_adam, stores
from impasto.core.adam import Adam
from impasto.core.backend import to_numpy, to_tensor
from impasto.core.errors import ImpastoError
from impasto.core.large_adam import LargeAdam


def picture(height=12, width=7, seed=0):
    return np.random.default_rng(seed).random((1, height, width, 3)).astype("float32")


def objective(image):
    """The squared distance from grey, and its gradient."""
    difference = to_numpy(image) - 0.5
    return float(np.sum(difference**2)), {"grey": 0.0}, to_tensor(2 * difference)


@pytest.fixture(params=[False, True], ids=["memory", "files"])
def pair(request, monkeypatch):
    monkeypatch.setattr(large_adam, "BAND", 50)  # several bands in so small a picture
    adam = Adam(picture(), average_decay=0.9)
    adam.step(objective)
    return adam, LargeAdam(adam, on_disk=request.param)


def same(adam, large):
    np.testing.assert_allclose(large.image, to_numpy(adam.image), atol=1e-6)
    np.testing.assert_allclose(large.result, to_numpy(adam.result), atol=1e-6)


def test_it_goes_on_as_adam_does(pair):
    adam, large = pair
    same(adam, large)
    for _ in range(3):
        assert large.step(objective) == pytest.approx(adam.step(objective), rel=1e-5)
    same(adam, large)
    assert (large.steps, large.evaluations) == (adam.steps, adam.evaluations)
    assert large.relative_change(0.4) == pytest.approx(adam.relative_change(0.4), rel=1e-4)
    for one in pair:
        one.rescale((20, 11))
        one.step(objective)
    same(adam, large)
    for one in pair:
        one.rescale((9, 9), picture(9, 9, 1))
        assert one.relative_change() == float("inf")
        one.step(objective)
    same(adam, large)


def test_states_are_exchanged(pair):
    adam, large = pair
    large.step(objective)
    state = large.state()
    adam.load_state(state)
    same(adam, large)
    large.step(objective)  # changes its arrays, not the state that was taken
    adam.step(objective)
    same(adam, large)
    assert str(state["optimizer"]) == "Adam"


def test_what_is_not_a_number_leaves_the_picture(pair):
    _, large = pair
    before = np.array(large.image)
    large.step(lambda image: (1.0, {}, np.full(image.shape, np.nan, "float32")))
    np.testing.assert_array_equal(large.image, before)
    assert "not a number" in large.reason


def test_files_have_no_name_and_hold_what_is_released(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    array = stores.make((1, 300, 40, 3), on_disk=True)
    assert isinstance(array, np.memmap) and not array.any()
    array += 2
    stores.release(array)
    assert (array == 2).all() and not list(tmp_path.iterdir())
    assert float(ops.sum(to_tensor(array))) == 2 * array.size


def test_a_full_disk_is_said_before_the_work(monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(stores.os, "posix_fallocate", full, raising=False)
    with pytest.raises(ImpastoError, match=r"no room for 0.4 GB.*No space left"):
        stores.make((1, 10_000, 10_000), on_disk=True)


def test_a_spent_adam_lends_its_arrays(monkeypatch):
    """Two of each would be most of what a large picture may hold."""
    adam = Adam(picture(), average_decay=0.9)
    adam.step(objective)
    expected, kept = to_numpy(adam.image), weakref.ref(adam)
    large = LargeAdam(adam, spent=True)
    assert adam.image is adam._first is adam._second is adam._average is adam._previous is None
    arrays = [large.image, large._first, large._second, large._average]
    again = LargeAdam(large, spent=True)
    taken = [again.image, again._first, again._second, again._average]
    assert all(new is old for new, old in zip(taken, arrays, strict=True))  # not even copied
    np.testing.assert_array_equal(again.image, expected)
    gc.disable()
    try:
        del adam
        assert kept() is None  # nothing in it holds it, so its memory does not wait for a collection
    finally:
        gc.enable()


def mapped():
    """Bytes of files that lie in this process's memory."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * sum(int(line.split()[1]) for line in lines if line.startswith(("RssFile", "RssShmem")))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts what Linux tells")
def test_pictures_in_files_do_not_come_to_lie_in_memory():
    side = 1200
    pixels = np.full((1, side, side, 3), 0.25, "float32")
    large = LargeAdam(Adam(picture(1, 1)), on_disk=True)
    large.rescale((16, 16), picture(16, 16))  # libraries are mapped by now
    before, limit = mapped(), pixels.nbytes / 2
    large.rescale((side, side), pixels)
    assert mapped() - before < limit
    large.step(lambda image: (1.0, {}, np.full_like(pixels, 0.5)))
    assert mapped() - before < limit
    assert large.result.shape == pixels.shape
    assert mapped() - before < limit
    np.testing.assert_allclose(large.image, 0.23, atol=1e-4)
