"""The judge of painted pictures against closed forms, and with real VGG-16 where that is."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).resolve().parent.parent / "benchmarks"
sys.path.insert(0, str(FOLDER))

import judge as judging  # noqa: E402
from bands import BRUSHWORK, RIPPLE, deviation  # noqa: E402


def wave(cycles: float, amplitude: float = 0.25, shape: tuple[int, int] = (512, 512)) -> np.ndarray:
    """A grey wave across the picture whose mirror image continues it: all in one frequency."""
    across = amplitude * np.cos(2 * np.pi * cycles * (np.arange(shape[1]) + 0.5))
    return np.broadcast_to(0.5 + across[None, :, None], (*shape, 3))


@pytest.fixture(scope="module")
def vgg16() -> Path:
    try:
        return judging.find_vgg16()
    except FileNotFoundError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("turned", [False, True])
def test_a_waves_deviation_is_its_amplitude_by_root_two_within_its_band_and_none_beside_it(turned):
    strokes, fine = (wave(cycles / 1024, shape=(400, 512)) for cycles in (50, 300))
    if turned:
        strokes, fine = strokes.swapaxes(0, 1), fine.swapaxes(0, 1)
    for picture, band, other in ((strokes, BRUSHWORK, RIPPLE), (fine, RIPPLE, BRUSHWORK)):
        assert deviation(picture, band) == pytest.approx(0.25 / math.sqrt(2), rel=1e-6)
        assert deviation(picture, other) == pytest.approx(0, abs=1e-7)


def test_what_lies_between_the_bands_or_is_flat_counts_for_neither():
    for picture in (wave(120 / 1024), wave(0)):
        for band in (BRUSHWORK, RIPPLE):
            assert deviation(picture, band) == pytest.approx(0, abs=1e-7)


def test_waves_of_two_frequencies_add_by_their_squares():
    both = wave(40 / 1024, 0.1) + wave(60 / 1024, 0.2) - 0.5
    assert deviation(both, BRUSHWORK) == pytest.approx(math.sqrt((0.1**2 + 0.2**2) / 2), rel=1e-6)


def test_a_slope_from_edge_to_edge_is_no_ripple():
    slope = np.broadcast_to(np.linspace(0, 1, 512)[None, :, None], (512, 512, 3))
    assert deviation(slope, RIPPLE) < 1e-3


def test_the_distance_is_a_share_of_the_second_ones_energy():
    assert judging._distance(np.array([3.0, 0.0]), np.array([0.0, 2.0])) == pytest.approx(13 / 4)


def test_without_vgg16_the_command_says_so_in_one_line(tmp_path):
    words = [
        "--picture",
        "a.png",
        "--content",
        "b.png",
        "--style",
        "c.png",
        "--weights",
        str(tmp_path / "no.h5"),
    ]
    done = subprocess.run(
        [sys.executable, str(FOLDER / "judge.py"), *words],
        capture_output=True,
        text=True,
        env=dict(os.environ),
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1 and f"Received: {tmp_path / 'no.h5'}" in done.stderr


def test_the_environment_names_the_file(tmp_path, monkeypatch):
    (tmp_path / "vgg.h5").write_bytes(b"")
    monkeypatch.setenv("IMPASTO_VGG16", str(tmp_path / "vgg.h5"))
    assert judging.find_vgg16() == tmp_path / "vgg.h5"


def test_a_picture_has_its_own_content_and_a_painting_its_own_style(vgg16):
    from skimage import data

    photograph, painting = data.astronaut()[::2, ::2], data.chelsea()[::2, ::2][:150, :150]
    same = judging.judge(photograph, photograph, painting, weights=vgg16)
    assert same["content"] == pytest.approx(0, abs=1e-9) and same["style"] > 0.1
    own = judging.judge(painting, photograph, painting, weights=vgg16)
    assert own["style"] == pytest.approx(0, abs=1e-9) and own["content"] > 0.1
    assert all(value == pytest.approx(0, abs=1e-9) for value in own["layers"].values())
    assert (own["brushwork"], own["ripple"]) == (pytest.approx(1), pytest.approx(1))


def test_a_photograph_of_other_proportions_is_refused(vgg16):
    from impasto.core.errors import UsageError

    with pytest.raises(UsageError, match="512×512 and 512×256"):
        judging.judge(np.zeros((64, 64, 3)), np.zeros((64, 128, 3)), np.ones((64, 64, 3)), weights=vgg16)
