import os
import re

import numpy as np
import pytest

from impasto.core.cli import build_parser, neural_style
from impasto.core.images import load_picture
from impasto.core.recipes import RECIPES

CLASSIC = RECIPES["classic"]


def settings(*words):
    return neural_style._settings(build_parser().parse_args(["neural-style", *words]))


@pytest.fixture
def torch_style(impasto, bundled, pictures):
    """Runs the tool on photo.png and dots.png, small and short."""

    def run(*words, style=None):
        style = style or pictures / "dots.png"
        words = ("-content_image", pictures / "photo.png", "-style_image", style, "-image_size", 40, *words)
        return impasto("neural-style", *words)

    return run


def test_its_defaults_are_the_recipe():
    from dataclasses import replace

    own = settings()
    assert own == replace(CLASSIC, seed=own.seed)
    assert settings().seed != own.seed  # -1: another noise each time
    table = (5, 100, 1e-3, 1000, 512, "lbfgs", "noise", 100, 1)
    names = "content_weight style_weight tv_weight steps size optimizer init history style_scale"
    assert tuple(getattr(own, name) for name in names.split()) == table
    assert own.learning_rate * 255 == pytest.approx(10)
    assert own.normalize_gradients is False and own.colours == "style"


def test_every_flag_reaches_the_settings(tmp_path):
    weights = tmp_path / "own.npz"
    weights.touch()
    words = "-image_size 300 -content_weight 7 -style_weight 2e3 -tv_weight 0 -num_iterations 20 "
    words += "-normalize_gradients -init image -optimizer adam -learning_rate 2 -lbfgs_num_correction 5 "
    words += "-style_scale 1.5 -original_colors 1 -pooling avg -seed 0 -content_layers relu3_1,relu4_1 "
    words += f"-style_layers relu1_1 -model_file {weights}"
    own = settings(*words.split())
    assert (own.size, own.content_weight, own.style_weight, own.tv_weight) == (300, 7, 2000, 0)
    assert (own.steps, own.normalize_gradients, own.init, own.optimizer) == (20, True, "content", "adam")
    assert (own.learning_rate, own.history, own.style_scale) == (2 / 255, 5, 1.5)
    assert (own.colours, own.pooling, own.seed) == ("keep", "average", 0)
    assert (own.content_layers, own.style_layers) == (("relu3_1", "relu4_1"), ("relu1_1",))
    assert own.weights == str(weights)
    assert settings("-init", "image", "-init_image", "start.png").init == "start.png"
    assert settings("-lbfgs_num_correction", "0").history == CLASSIC.history
    assert settings("-normalize_gradients", "0.0").normalize_gradients is False
    assert settings("-normalize_gradients", "-gpu", "-1").normalize_gradients is True


def test_paints_prints_and_saves_like_the_tool(torch_style, pictures, capsys):
    both = f"{pictures / 'dots.png'},{pictures / 'lines.png'}"
    # Adam, whose iterations are evaluations: L-BFGS may pass several in one line search.
    words = "-optimizer adam -style_blend_weights 3,7 -num_iterations 9 -print_iter 4 -save_iter 3 "
    words += "-seed 1 -gpu -1"
    assert torch_style(*words.split(), style=both) == 0
    assert sorted(os.listdir()) == ["out.png", "out_3.png", "out_6.png"]
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == "Iteration 4 / 9" and printed[8] == "Iteration 8 / 9"
    lines = [re.fullmatch(r"  (Content 1|Style \d|Total) loss: ([\d.]+)", line) for line in printed[1:8]]
    assert [line[1] for line in lines] == ["Content 1", *(f"Style {n}" for n in range(1, 6)), "Total"]
    losses = [float(line[2]) for line in lines]
    assert losses[-1] == pytest.approx(sum(losses[:-1]), rel=1e-5)
    picture = load_picture("out.png")
    assert (picture.height, picture.width) == (30, 40)


def test_silent_and_last_only(torch_style, capsys):
    words = "-num_iterations 4 -print_iter 0 -save_iter 0 -output_image painted.jpg -optimizer adam -gpu -1"
    assert torch_style(*words.split()) == 0
    assert os.listdir() == ["painted.jpg"]
    assert "Iteration" not in capsys.readouterr().out


def test_original_colours(torch_style, pictures):
    words = "-num_iterations 4 -original_colors 1 -init image -gpu -1"
    assert torch_style(*words.split()) == 0
    painted, photo = load_picture("out.png").pixels, load_picture(pictures / "photo.png", size=40).pixels
    chroma = [picture @ np.array([-0.147, -0.289, 0.436]) for picture in (painted, photo)]  # U of YUV
    inside = ((painted > 0.02) & (painted < 0.98)).all(axis=-1)  # clipping changes chroma
    assert np.abs(chroma[0] - chroma[1])[inside].max() < 0.02


def test_flags_without_a_meaning_say_so(torch_style, capsys):
    words = "-num_iterations 2 -gpu 0,1 -multigpu_strategy 3,6 -backend cudnn -cudnn_autotune"
    words += " -proto_file a.prototxt -model_file models/VGG.caffemodel"
    assert torch_style(*words.split()) == 0
    lines = capsys.readouterr().err.splitlines()
    for flag in ("-proto_file", "-backend", "-cudnn_autotune", "-multigpu_strategy"):
        assert sum(line.startswith(f"impasto: {flag} has no meaning here: ") for line in lines) == 1
    assert any(line.startswith("impasto: -model_file models/VGG.caffemodel: Caffe's") for line in lines)
    assert any(line.startswith("impasto: -gpu 0,1: ") for line in lines)
    assert any("VGG-19" in line and "vgg_mini" in line for line in lines)  # which network was taken


def test_a_machine_without_a_gpu_falls_back(torch_style, capsys):
    from impasto.core.devices import _gpus

    assert torch_style("-num_iterations", 2) == 0
    assert ("no GPU is seen, so the CPU paints" in capsys.readouterr().err) == (not _gpus())


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("-style_blend_weights 1,2,3", "each style (1). Received: 3"),
        ("-init middle", "-init is random or image"),
        ("-optimizer sgd", "-optimizer is lbfgs or adam"),
        ("-pooling l2", "-pooling is max or avg"),
        ("-normalize_gradients much", "-normalize_gradients is 0 or 1"),
        ("-gpu one", "-gpu is a GPU's number"),
        ("-style_layers relu9_1", "no such layer"),
        ("-output_image out.ppm", ".png, .jpg"),
        ("-num_iterations many", "invalid int value"),
        ("--content-image x", "--content-image"),
    ],
)
def test_bad_requests(words, expected, torch_style, capsys):
    assert torch_style(*words.split()) == 2
    errors = capsys.readouterr().err.splitlines()
    assert expected in errors[-1] and os.listdir() == []


def test_its_own_pictures_are_missing(impasto, capsys):
    assert impasto("neural-style") == 1
    assert "examples/inputs/tubingen.jpg" in capsys.readouterr().err
