"""The list of pairs, and the series that is painted and judged over it."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

FOLDER = Path(__file__).resolve().parent.parent / "benchmarks"
sys.path.insert(0, str(FOLDER))

import judged_series as series  # noqa: E402
import pairs as listed  # noqa: E402

from impasto.models.painters import FOLDER as PAINTERS  # noqa: E402
from impasto.models.painters import read_painter  # noqa: E402

# What the one-pass networks were trained with, before others were at hand.
FIRST = set(read_painter(PAINTERS / "thirteen.npz")[0].styles)


def test_the_list_is_what_the_judging_asks_for():
    assert len(set(listed.PAIRS)) == 24
    paintings = {pair.painting for pair in listed.PAIRS}
    assert len(paintings) >= 12 and paintings - FIRST
    assert len({pair.photograph for pair in listed.PAIRS}) == 8


def test_four_photographs_and_four_paintings_of_the_list_are_held_out_and_meet():
    assert len(set(listed.HELD_OUT_PHOTOGRAPHS)) == len(set(listed.HELD_OUT_PAINTINGS)) == 4
    assert set(listed.HELD_OUT_PHOTOGRAPHS) <= {pair.photograph for pair in listed.PAIRS}
    assert set(listed.HELD_OUT_PAINTINGS) <= {pair.painting for pair in listed.PAIRS}
    assert sum(pair.held_out for pair in listed.PAIRS) == 4
    assert not set(listed.HELD_OUT_PAINTINGS) & FIRST


@pytest.mark.skipif(not listed.IMAGES.is_dir(), reason="the pairs' pictures are not beside the repository")
@pytest.mark.parametrize("name", listed.AFTER)
def test_every_crop_lies_within_its_photograph(name):
    photograph = listed.load_photograph(name).resized(series.SIDE)
    for left, top in listed.CROPS[name].values():
        assert left + listed.CROP <= photograph.width and top + listed.CROP <= photograph.height
    for painting in listed.AFTER[name]:
        assert listed.load_painting(painting).pixels.size


def test_a_method_is_a_known_name_or_a_name_with_words():
    vgg16 = Path("/somewhere/vgg 16.h5")
    assert series.method_of("default", vgg16) == ("default", [])
    assert series.method_of("vgg16", vgg16)[1][-1] == str(vgg16)
    assert series.method_of("a=--method optimise --steps 3", vgg16) == (
        "a",
        ["--method", "optimise", "--steps", "3"],
    )
    for wrong in ("unknown", "../a=--steps 3", "=--steps 3"):
        with pytest.raises(ValueError, match="Received: "):
            series.method_of(wrong, vgg16)


def test_covered_columns_are_shuffled_by_the_seed_and_the_key_holds_each_method_once():
    methods = ["a", "b", "c", "d", "e"]
    keys = [series.shown(methods, True, seed) for seed in (1, 1, 2)]
    assert keys[0] == keys[1] != keys[2]
    assert list(keys[0]) == list("ABCDE") and sorted(keys[0].values()) == methods
    assert series.shown(methods, False, 1) == {name: name for name in methods}


def test_the_table_has_median_and_mean_of_each_method_and_the_held_out_apart():
    figures = {"content": 1.0, "brushwork": None, "ripple": 0.5, "layers": {"relu1_1": 0.25}}
    rows = [
        {"method": "m", "held_out": number == 0, "style": style} | figures
        for number, style in enumerate((0.1, 0.2, 0.6))
    ]
    lines = series.summary(rows).splitlines()
    assert "| m | all, 3 | 0.200 / 0.300 | 1.000 / 1.000 | – | 0.500 / 0.500 | 0.250 / 0.250 |" in lines
    assert "| m | held out, 1 | 0.100 / 0.100 | 1.000 / 1.000 | – | 0.500 / 0.500 | 0.250 / 0.250 |" in lines


def test_a_picture_is_painted_once_and_anew_when_its_settings_or_inputs_change(tmp_path, monkeypatch):
    monkeypatch.setattr(series, "SIDE", 32)
    photograph, painting, output = (tmp_path / name for name in ("c.png", "s.png", "out/p.png"))
    random = np.random.default_rng(0)
    for path in (photograph, painting):
        Image.fromarray(random.integers(0, 255, (32, 32, 3), "uint8")).save(path)
    words = ["--method", "instant"]
    assert series.paint(photograph, painting, words, output)
    assert Image.open(output).size == (32, 32)
    assert not series.paint(photograph, painting, words, output)
    assert series.paint(photograph, painting, [*words, "--strength", "0.9"], output)
    Image.fromarray(random.integers(0, 255, (32, 32, 3), "uint8")).save(painting)
    assert series.paint(photograph, painting, [*words, "--strength", "0.9"], output)
    output.unlink()
    assert series.paint(photograph, painting, [*words, "--strength", "0.9"], output)
