"""`impasto train`: its options, what it prints, and what it says of requests that cannot be."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from impasto.core import training_looks
from impasto.core.cli import main
from impasto.core.training_settings import TrainSettings
from impasto.models.painters import read_painter

pytestmark = pytest.mark.usefixtures("small_looks")


def test_the_command_trains_goes_on_and_says_where(bundled, photos, pictures, tmp_path, capsys):
    words = ["train", str(pictures / "dots.png"), "--photos", str(photos), "-o", str(tmp_path / "run")]
    small = [
        "--width",
        "4",
        "--blocks",
        "0",
        "--side",
        "32",
        "--style-side",
        "48",
        "--batch",
        "1",
        "--network",
        "vgg_mini",
    ]
    small += ["--style-layers", "relu1_1", "--content-layers", "end2"]
    assert main([*words, *small, "--steps", "1"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == str(tmp_path / "run" / "painter.npz")
    assert main([*words, *small, "--steps", "2", "--quiet"]) == 0
    assert capsys.readouterr().out == ""
    assert read_painter(tmp_path / "run" / "painter.npz")[0].steps == 2
    assert int(np.load(tmp_path / "run" / "checkpoint.npz")["step"]) == 2


def test_every_option_reaches_the_settings(impasto, monkeypatch):
    given = {
        "architecture": "generator",
        "steps": 7,
        "batch": 3,
        "side": 128,
        "style_side": 99,
        "width": 5,
        "blocks": 2,
        "scales": 4,
        "learning_rate": 0.02,
        "warmup": 6,
        "decay": 0.25,
        "network": "vgg16",
        "weights": "w.npz",
        "content_layers": ("end3",),
        "style_layers": ("first1", "end2"),
        "content_weight": 2.0,
        "style_weight": 3.0,
        "tv_weight": 4.0,
        "precision": "mixed_float16",
        "taught": 14,
        "style_loss": "moments",
        "style_layer_weights": (3.0, 1.0),
        "optimizer": "muon",
        "held_out": 9,
        "seed": 11,
        "checkpoint_minutes": 1.5,
        "evaluate_every": 12,
        "sheet_every": 13,
    }
    kept = []
    monkeypatch.setattr("impasto.core.cli.train._train", lambda _, settings: kept.append(settings) or 0)
    words = []
    for name, value in given.items():
        words += [
            f"--{name.replace('_', '-')}",
            ",".join(map(str, value)) if isinstance(value, tuple) else value,
        ]
    base = ("train", "starry_night", "--photos", "photos", "-o", "run")
    assert impasto(*base, *words, "--recipe", "johnson", "--style-root", "--recompute") == 0
    expected = given | {"recompute": True, "recipe": "johnson", "style_root": True, "content_loss": "mean"}
    assert {name: getattr(kept[0], name) for name in expected} == expected
    # The losses' own units are the recipes'; all else can be given.
    unreachable = (
        set(TrainSettings.__dataclass_fields__)
        - set(given)
        - {"recipe", "texture", "skip", "style_root", "recompute", "imitation"}
    )
    assert unreachable == {"content_loss", "gram_scaling", "variation", "calibrated", "first_padding"}
    assert impasto(*base, "--skip", "--no-style-root", "--imitation", 0.5) == 0  # not with taught
    assert kept[1].skip and not kept[1].style_root and not kept[0].skip
    assert (kept[1].imitation, kept[0].imitation) == (0.5, 0)


def test_without_a_terminal_lines_tell_of_the_time_left(
    bundled, photos, pictures, impasto, tmp_path, monkeypatch, capsys
):
    """And the network is there to be tried long before the end."""
    monkeypatch.setattr("impasto.core.cli.train.SECONDS_BETWEEN_LINES", 0)
    monkeypatch.setattr("impasto.core.training.FIRST_SHEETS", (1,))
    seen = []
    shown = training_looks.Looks.show

    def show(looks, step):
        shown(looks, step)
        seen.append((step, sorted(path.name for path in tmp_path.rglob("*.*"))))

    monkeypatch.setattr("impasto.core.training_looks.Looks.show", show)
    words = ["--width", 4, "--blocks", 0, "--side", 32, "--style-side", 48, "--batch", 1, "--steps", 3]
    words += ["--network", "vgg_mini", "--style-layers", "relu1_1", "--content-layers", "relu1_1"]
    run = tmp_path / "run"
    assert impasto("train", pictures / "dots.png", "--photos", photos, "-o", run, *words) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("step 1 of 3:") and "left" in lines[1]
    assert [step for step, _files in seen] == [1, 3]
    assert {"painter.npz", "sheet_000001.jpg"} <= set(seen[0][1])
    assert read_painter(run / "painter.npz")[0].steps == 3
    assert impasto("apply", run, pictures / "photo.png", "-o", "out.png") == 0


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--photos", "PHOTOS"], "A style is missing"),
        (["STYLE"], "Photographs to paint are missing"),
        (["STYLE", "--texture", "--photos", "PHOTOS"], "needs no photographs"),
        (["STYLE", "--photos", "nowhere"], "Expected a folder of photographs"),
        (["STYLE", "STYLE", "--photos", "PHOTOS"], "Two styles have one name"),
        (["TINY", "--photos", "PHOTOS"], "style must be at least 16 pixels"),
        (["STYLE", "--photos", "PHOTOS", "--devices", "-1"], "--devices is 0 for all"),
        (["STYLE", "--photos", "PHOTOS", "--devices", "99"], "Received: --devices 99"),
        (["STYLE", "--photos", "PHOTOS", "-o", "PHOTOS/0.png"], "Expected a folder to write into"),
        (["nothing_like_it", "--photos", "PHOTOS"], "nothing_like_it"),
        (["STYLE", "--photos", "PHOTOS", "--network", "vgg_min"], "vgg_mini"),
        (["STYLE", "--photos", "PHOTOS", "--content-layers", "relu9_9"], "relu9_9"),
        (["STYLE", "--photos", "PHOTOS", "--style-layers", "end9"], "end9"),
        (["STYLE", "--photos", "PHOTOS", "--batch", "0"], "batch lies between"),
        (["STYLE", "--photos", "PHOTOS", "--steps", "many"], "--steps"),
        (["STYLE", "--photos", "PHOTOS", "--recipe", "jonson"], "johnson"),
    ],
)
def test_bad_requests_get_one_line(words, line, impasto, bundled, photos, pictures, tmp_path, capsys):
    tiny = tmp_path / "tiny.png"
    Image.new("RGB", (9, 200)).save(tiny)
    given = {"PHOTOS": str(photos), "STYLE": str(pictures / "dots.png"), "TINY": str(tiny)}
    named = [
        word.replace("PHOTOS", given["PHOTOS"]) if "PHOTOS" in word else given.get(word, word)
        for word in words
    ]
    assert impasto("train", *named, *([] if "-o" in words else ["-o", "run"])) == 2 - (words[0] == "TINY")
    shown = capsys.readouterr()
    assert line in shown.err and shown.err.count("\n") == 1 and not Path("run", "checkpoint.npz").exists()
