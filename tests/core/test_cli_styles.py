import json
import os
import signal

import numpy as np
import pytest

from impasto.core import styles, swatches
from impasto.core.cli.bar import ProgressBar
from impasto.core.images import Picture, load_picture
from impasto.core.styles import Style, load_style, save_style


@pytest.fixture
def gallery(tmp_path, monkeypatch):
    """A gallery of two styles in place of the bundled one."""
    random = np.random.default_rng(3)
    items = {}
    for name, title, kind in (("sea_at_night", "Sea at Night", ""), ("ōhashi", "Ōhashi Bridge", "woodcut")):
        picture = Picture(random.random((64, 64, 3), "float32"))
        path = tmp_path / f"{name}.webp"
        save_style(
            Style(name, picture, 512, title, "A. Painter", "1857", "CC0 1.0", network="vgg_mini", kind=kind),
            path,
        )
        items[name] = path
    monkeypatch.setattr(styles, "_gallery", lambda: items)
    return items


@pytest.fixture
def quick(monkeypatch):
    """A synthesis of four steps."""
    monkeypatch.setattr(swatches, "SIDES", (64, 80))
    monkeypatch.setattr(swatches, "STEPS", (2, 2))


def test_list(gallery, impasto, capsys):
    for words in ((), ("list",)):
        assert impasto("styles", *words) == 0
        lines = capsys.readouterr().out.splitlines()
        assert lines == [
            "other",
            "  sea_at_night  Sea at Night, A. Painter, 1857",
            "",
            "woodcut",
            "  ōhashi        Ōhashi Bridge, A. Painter, 1857",
        ]
    assert impasto("styles", "list", "--kind", "woodcut") == 0
    assert capsys.readouterr().out.splitlines()[1:] == ["  ōhashi  Ōhashi Bridge, A. Painter, 1857"]
    assert impasto("styles", "list", "--kind", "fresco") == 2
    assert "The kinds of styles are" in capsys.readouterr().err
    assert impasto("styles", "list", "--json") == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in rows] == ["sea_at_night", "ōhashi"] and rows[0]["licence"] == "CC0 1.0"


def test_show(gallery, impasto, pictures, capsys):
    assert impasto("styles", "show", "sea_at_night", "-o", "sea.png") == 0
    shown = capsys.readouterr().out
    assert shown.startswith("sea_at_night: a texture made from a painting") and "A. Painter" in shown
    assert load_picture("sea.png").width == 64
    assert impasto("styles", "show", pictures / "dots.png", "--json") == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["name"], facts["width"], facts["swatch"]) == ("dots", 56, False)


def test_previews(impasto, pictures, capsys):
    assert impasto("styles", "show", "udnie", "--preview", "cat.png") == 0
    assert load_picture(impasto.folder / "cat.png").width >= 200
    capsys.readouterr()
    assert impasto("styles", "show", pictures / "dots.png", "--preview", "none.png") == 2
    assert "Only styles of the gallery" in capsys.readouterr().err
    assert not (impasto.folder / "none.png").exists()


def test_near_names(gallery, impasto, capsys):
    assert impasto("styles", "show", "sea_at_nigth") == 2
    assert "did you mean sea_at_night" in capsys.readouterr().err
    assert impasto("stylize", "-", "sea_at_nigth", "-o", "out.png") == 2
    assert "did you mean sea_at_night" in capsys.readouterr().err


def test_make_then_paint(quick, bundled, impasto, pictures, capsys):
    facts = ("--title", "Dots", "--author", "N. N.", "--year", "2001", "--licence", "CC0", "--source", "here")
    assert impasto("styles", "make", pictures / "dots.png", *facts) == 0
    assert capsys.readouterr().out.startswith("dots.webp: ")
    style = load_style("dots.webp")
    assert style.is_swatch and style.name == "dots" and style.network == "vgg_mini"
    assert (style.title, style.author, style.year) == ("Dots", "N. N.", "2001")
    assert (style.licence, style.source) == ("CC0", "here")
    assert impasto("stylize", pictures / "photo.png", "dots.webp", "--size", 48, "--steps", 2, "--quiet") == 0
    assert sorted(os.listdir()) == ["dots.webp", "photo_dots.png"]


def test_blend(quick, bundled, gallery, impasto):
    names = sorted(gallery)
    assert impasto("styles", "blend", *names, "--blend", "1,3", "-o", "both.webp", "--name", "mixture") == 0
    style = load_style("both.webp")
    assert style.name == "mixture" and "25% Sea at Night" in style.title and "75% Ōhashi" in style.title
    assert style.author == "A. Painter"


def test_an_interrupted_synthesis_leaves_nothing(quick, bundled, impasto, pictures, monkeypatch, capsys):
    monkeypatch.setattr(ProgressBar, "show", lambda *_: signal.raise_signal(signal.SIGINT))
    assert impasto("styles", "make", pictures / "dots.png") == 130
    assert os.listdir() == [] and "stopping after this step" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "status", "expected"),
    [
        (("make", "none.jpg"), 1, "no such file"),
        (("make", "{dots}", "-o", "dots.png"), 2, "ends in .webp"),
        (("make", "{dots}", "-o", "nowhere/dots.webp"), 2, "does not exist"),
        (("make", "{dots}", "--network", "vgg91"), 2, "Did you mean"),
        (("make", "{dots}", "--weights", "none.h5"), 1, "no such file"),
        (("blend", "{dots}"), 2, "two styles or more"),
        (("blend", "{dots}", "{dots}", "--blend", "1"), 2, "each style (2)"),
        (("show", "none.webp"), 1, "no such file"),
        (("shwo", "none.webp"), 2, "did you mean show?"),
    ],
)
def test_bad_requests(words, status, expected, bundled, impasto, pictures, capsys):
    assert impasto("styles", *(str(word).format(dots=pictures / "dots.png") for word in words)) == status
    error = capsys.readouterr().err
    assert expected in error and error.count("\n") == 1 and os.listdir() == []
