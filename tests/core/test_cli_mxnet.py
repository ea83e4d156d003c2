import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from impasto.core.cli import build_parser, mxnet
from impasto.core.images import load_picture
from impasto.core.recipes import RECIPES

RECIPE = RECIPES["mxnet"]


def settings(*words):
    return mxnet._settings(build_parser().parse_args(["mxnet", *words]))


@pytest.fixture
def neural_art(impasto, bundled, pictures):
    """Runs the tool on photo.png and dots.png, small and short."""

    def run(*words):
        pair = ("--content-image", pictures / "photo.png", "--style-image", pictures / "dots.png")
        return impasto("mxnet", *pair, "--max-long-edge", 40, "--gpu", -1, *words)

    return run


def test_its_defaults_are_the_recipe():
    own = settings()
    assert own == replace(RECIPE, learning_rate=0.001, schedule_every=75)
    assert (own.stop_eps, own.style_weight, own.tv_weight, own.denoise) == (0.005, 1, 0.01, 0.02)
    assert (own.steps, own.size, own.schedule_factor) == (1000, 600, 0.9)
    assert own == settings("--content-weight", "10") == settings("--model", "vgg19")


def test_every_flag_reaches_the_settings():
    words = "--stop-eps .01 --content-weight 4 --style-weight 2 --tv-weight .1 --max-num-epochs 7 --lr .2 "
    words += "--max-long-edge 300 --lr-sched-delay 9 --lr-sched-factor .5 --remove-noise .15 --model vgg16"
    own = settings(*words.split())
    assert (own.stop_eps, own.content_weight, own.style_weight, own.tv_weight) == (0.01, 4, 2, 0.1)
    assert (own.steps, own.learning_rate, own.size, own.network) == (7, 0.2, 300, "vgg16")
    assert (own.schedule_every, own.schedule_factor, own.denoise) == (9, 0.5, 0.15)


def test_paints_and_saves_like_the_tool(neural_art):
    assert neural_art("--max-num-epochs", 6, "--save-epochs", 2, "--stop-eps", 0) == 0
    assert sorted(os.listdir("output")) == ["e_2.jpg", "e_4.jpg", "out.jpg"]
    picture = load_picture("output/out.jpg")
    assert (picture.height, picture.width) == (30, 40)


def test_the_last_picture_is_denoised(neural_art):
    for weight, name in ((0, "rough.png"), (0.2, "smooth.png")):
        words = ("--max-num-epochs", 5, "--stop-eps", 0, "--remove-noise", weight, "--output", name)
        assert neural_art(*words) == 0
    rough, smooth = (
        np.abs(np.diff(load_picture(f"{name}.png").pixels, axis=0)) for name in ("rough", "smooth")
    )
    assert rough.mean() > 1.5 * smooth.mean()


def test_stops_when_little_changes(neural_art, capsys):
    assert neural_art("--stop-eps", 0.9, "--max-num-epochs", 500) == 0
    assert "changed the picture by less than 0.9" in capsys.readouterr().err


def test_output_may_be_a_folder(neural_art):
    words = ("--max-num-epochs", 1, "--stop-eps", 0)
    os.mkdir("there")
    assert neural_art(*words, "--output_dir", "there") == 0
    assert neural_art(*words, "--output_dir", "new/") == 0
    assert Path("there/out.jpg").exists() and Path("new/out.jpg").exists()


def test_several_gpus(impasto, bundled, pictures, capsys):
    pair = ("--content-image", pictures / "photo.png", "--style-image", pictures / "dots.png")
    assert impasto("mxnet", *pair, "--max-long-edge", 40, "--max-num-epochs", 1, "--gpu", "0,1,2,3") == 0
    assert "impasto: --gpu 0,1,2,3: " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "status", "expected"),
    [
        (("--model", "vgg"), 2, "Did you mean"),
        (("--output", "a/b/c.jpg"), 2, "folder does not exist"),
        (("--gpu", "x"), 2, "--gpu is a GPU's number"),
        (("--stop-eps", "2"), 2, "between 0 and 1"),
        (("--content-image", "none.jpg"), 1, "no such file"),
    ],
)
def test_bad_requests(words, status, expected, neural_art, capsys):
    assert neural_art(*words) == status
    error = capsys.readouterr().err
    assert expected in error and error.count("\n") == 1
    assert os.listdir() == []
