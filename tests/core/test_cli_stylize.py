import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from impasto.core.cli.bar import ProgressBar
from impasto.core.images import Picture, load_picture, save_picture
from impasto.core.recipes import RECIPES, settings_for

FAST = ("--size", 48, "--steps", 6)


@pytest.fixture
def paint(impasto, bundled, pictures):
    """Paints photo.png after dots.png into out.png, fast, with more words as given."""

    def run(*words, content="photo.png", styles=("dots.png",), output="out.png", fast=FAST):
        names = [str(pictures / name) if name.endswith(".png") else name for name in (content, *styles)]
        return impasto("stylize", *names, *(["-o", output] if output else []), *fast, *words)

    run.folder = impasto.folder
    return run


def files():
    return sorted(os.listdir())


def test_paints(paint, capsys):
    assert paint() == 0
    picture = load_picture("out.png")
    assert (picture.height, picture.width) == (36, 48)
    assert picture.pixels.std() > 0.02
    output = capsys.readouterr()
    assert output.out.startswith("out.png: 48×36, 6 steps, ") and "vgg_mini" in output.out
    notice = output.err.splitlines()
    assert len(notice) == 1 and "impasto models download vgg19" in notice[0]
    assert files() == ["out.png"]


def test_quiet_and_default_name(paint, pictures, capsys):
    assert paint("--quiet", styles=("dots.png", "lines.png"), output=None) == 0
    assert files() == ["photo_dots+lines.png"]
    assert capsys.readouterr() == ("", "")


def test_json(paint, capsys):
    assert paint("--json", "--history", "--strength", 0.7, "--style-layers", "conv1_1,relu2_1") == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["output"] == "out.png" and facts["network"] == "vgg_mini" and "CPU" in facts["device"]
    assert facts["steps"] == 6 and facts["reason"] == "" and facts["interrupted"] is False
    assert 0 < facts["seconds_before_first_step"] <= facts["seconds_to_first_step_done"] < facts["seconds"]
    assert facts["peak_memory"] > 100e6
    steps = [row["step"] for row in facts["history"]]  # evaluations: a line search may take several
    assert steps == sorted(set(steps)) and steps[-1] == 6
    assert facts["loss"] == facts["history"][-1]["loss"]
    expected = settings_for(size=48, steps=6, strength=0.7, style_layers=("conv1_1", "relu2_1"))
    assert facts["settings"]["strength"] == 0.7
    assert facts["settings"]["style_layer_weights"] == list(expected.style_layer_weights) == [1, 1]
    assert facts["settings"]["content_weight"] == RECIPES["quality"].content_weight
    assert any("models download" in notice for notice in facts["notices"])


def test_blend_weighs_the_styles(paint):
    both = ("dots.png", "lines.png")
    assert paint("--blend", "1,0", styles=both, output="one.png") == 0
    assert paint(output="alone.png") == 0
    assert paint("--blend", "3,7", styles=both, output="blend.png") == 0
    one, alone, blend = (load_picture(name).pixels for name in ("one.png", "alone.png", "blend.png"))
    np.testing.assert_allclose(one, alone, atol=1 / 255)
    assert np.abs(blend - alone).max() > 0.02


def test_styles_may_stand_behind_options(impasto, bundled, pictures):
    words = (pictures / "photo.png", "-o", "out.png", *FAST, pictures / "dots.png", pictures / "lines.png")
    assert impasto("stylize", *words, "--blend", "1,1") == 0


def test_the_same_seed_paints_the_same(paint):
    for name in ("a.png", "b.png"):
        assert paint("--init", "noise", "--seed", 5, output=name) == 0
    assert paint("--init", "noise", "--seed", 6, output="c.png") == 0
    assert Path("a.png").read_bytes() == Path("b.png").read_bytes() != Path("c.png").read_bytes()


def test_texture_and_content_alone(impasto, bundled, pictures):
    assert impasto("stylize", "-", pictures / "dots.png", *FAST) == 0
    assert impasto("stylize", pictures / "photo.png", "--init", "noise", *FAST) == 0
    assert files() == ["dots_texture.png", "photo_content.png"]
    texture = load_picture("dots_texture.png")
    assert (texture.height, texture.width) == (48, 48)


def test_start_from_a_file(paint, pictures):
    assert paint("--init", pictures / "lines.png", output="lines.png") == 0
    assert paint(output="photo.png") == 0
    assert np.abs(load_picture("lines.png").pixels - load_picture("photo.png").pixels).max() > 0.1


def test_intermediate_pictures_and_plot(paint):
    assert paint("--save-every", 2, "--plot", "loss.jpg") == 0
    assert files() == ["loss.jpg", "out.png", "out_2.png", "out_4.png"]  # and no state left
    assert load_picture("loss.jpg").width > 500
    assert not np.array_equal(load_picture("out_2.png").pixels, load_picture("out.png").pixels)


def test_transparency_reaches_intermediate_pictures(paint, pictures, tmp_path):
    photo = load_picture(pictures / "photo.png")
    alpha = np.zeros((48, 64), "float32")
    alpha[:, 20:] = 1
    save_picture(Picture(photo.pixels, alpha), tmp_path / "clear.png")
    assert paint("--save-every", 3, content=str(tmp_path / "clear.png")) == 0
    for name in ("out.png", "out_3.png"):
        assert load_picture(name).alpha.min() == 0


# ---------------------------------------------------------------- interrupted runs

RUNS = {
    # Two scales each, of which the first is 128 pixels.
    "adam": ("--size", 181, "--steps", 8, "--method", "optimise"),
    "refine": ("--size", 220, "--steps", 8),
    "lbfgs": ("--size", 48, "--steps", 12, "--optimizer", "lbfgs"),
    "classic": ("--size", 40, "--steps", 10, "--recipe", "classic", "--optimizer", "adam", "--seed", 3),
    "mxnet": ("--size", 40, "--steps", 8, "--recipe", "mxnet"),
}


@pytest.fixture
def interrupt_at(monkeypatch):
    """Has Ctrl-C pressed during a step: the real signal, raised while the bar is being drawn."""
    show = ProgressBar.show

    def press(step):
        def shown(bar, event):
            show(bar, event)
            if event.step >= step:
                monkeypatch.setattr(ProgressBar, "show", show)
                signal.raise_signal(signal.SIGINT)

        monkeypatch.setattr(ProgressBar, "show", shown)

    return press


@pytest.mark.parametrize("kind", RUNS)
def test_a_resumed_run_paints_the_same_picture(kind, paint, interrupt_at, capsys):
    fast = RUNS[kind]
    assert paint(output="whole.png", fast=fast) == 0
    for step in (1, 5):  # twice: the resumed run is interrupted as well
        interrupt_at(step)
        assert paint(*(["--resume"] if step > 1 else []), fast=fast) == 130
        assert files() == ["out.png", "out.resume.npz", "whole.png"]
        line = capsys.readouterr().err.splitlines()[-1]
        assert line.startswith("impasto: stopped after step ") and "--resume" in line
        assert Path("out.png").read_bytes() != Path("whole.png").read_bytes()
    assert paint("--resume", fast=fast) == 0
    assert Path("out.png").read_bytes() == Path("whole.png").read_bytes()
    assert files() == ["out.png", "whole.png"]


@pytest.mark.parametrize("kind", ["adam", "refine"])
def test_interrupted_at_the_end_of_a_scale(kind, paint, interrupt_at):
    fast = RUNS[kind]
    last = settings_for(method="refine" if kind == "refine" else "optimise", steps=8).steps_per_scale(2)[0]
    assert paint(output="whole.png", fast=fast) == 0
    interrupt_at(last)
    assert paint(fast=fast) == 130
    assert paint("--resume", fast=fast) == 0
    assert Path("out.png").read_bytes() == Path("whole.png").read_bytes()


def test_resume_refuses_another_run(paint, interrupt_at, capsys, pictures):
    interrupt_at(2)
    assert paint() == 130
    before = Path("out.png").read_bytes()
    for reason, words in {
        "content": {"content": "lines.png"},
        "style": {"styles": ("lines.png",)},
        "blend": {"styles": ("dots.png",), "words": ("--blend", "2")},
        "strength": {"words": ("--strength", 0.6)},
        "size": {"fast": ("--size", 40, "--steps", 6)},
        "init": {"words": ("--init", pictures / "lines.png")},
    }.items():
        capsys.readouterr()
        assert paint("--resume", *words.pop("words", ()), **words) == 2
        error = capsys.readouterr().err
        assert reason in error.split("differs in")[1] and error.count("\n") == 1
    assert Path("out.png").read_bytes() == before
    assert paint("--resume", "--recipe", "quality", "--plot", "loss.png", "--save-every", 2) == 0  # the same


def test_a_resumed_run_saves_no_picture_twice(paint, interrupt_at):
    interrupt_at(3)
    assert paint("--save-every", 2) == 130
    Path("out_2.png").unlink()
    assert paint("--save-every", 2, "--resume") == 0
    assert files() == ["out.png", "out_4.png"]


def test_resume_without_a_state(paint, capsys):
    assert paint("--resume") == 2
    assert "nothing to resume" in capsys.readouterr().err
    Path("out.resume.npz").write_bytes(b"PK damaged")
    assert paint("--resume") == 1
    assert "damaged" in capsys.readouterr().err
    assert files() == ["out.resume.npz"]


def test_a_real_ctrl_c(bundled, pictures, tmp_path):
    """In a process of its own: the signal arrives while TensorFlow computes."""
    words = ["stylize", pictures / "photo.png", pictures / "dots.png", "-o", "out.png", "--size", "48"]
    words += ["--steps", "100000", "--network", "vgg_mini", "--weights", bundled, "--save-every", "1"]
    process = subprocess.Popen(
        [sys.executable, "-m", "impasto.core.cli", *map(str, words)],
        cwd=tmp_path,
        env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"},
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 120
    while not (tmp_path / "out_3.png").exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    lines = errors.splitlines()
    assert lines[0].startswith("impasto: stopping after this step") and "go on" in lines[-1]
    assert "Traceback" not in errors and output == ""
    assert load_picture(tmp_path / "out.png").width == 48 and (tmp_path / "out.resume.npz").exists()


def test_a_bar_for_those_who_look(paint, capfd, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "140")
    assert paint() == 0
    drawn = capfd.readouterr().err
    assert "48 px (1/1), loss " in drawn and "s/step" in drawn and " left, CPU" in drawn
