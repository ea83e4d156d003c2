"""Several photographs in one command: names, failures, interruptions, going on."""

import json
import os

import numpy as np
import pytest

from impasto.core.batch import MANIFEST, gather, plan
from impasto.core.errors import UsageError
from impasto.core.images import Picture, load_picture, save_picture
from impasto.core.recipes import settings_for

FAST = ("--size", 32, "--steps", 3, "--network", "vgg_mini")


@pytest.fixture
def photos(impasto, bundled, pictures, blobs):
    """A folder with a.png, b.png (cut short), c.png; the working folder is empty."""
    folder = impasto.folder.parent / "photos"
    folder.mkdir()
    for number, name in enumerate("abc"):
        save_picture(Picture(blobs(32, 40, seed=number)), folder / f"{name}.png")
    (folder / "b.png").write_bytes((folder / "b.png").read_bytes()[:200])
    return folder


@pytest.fixture
def stylize(impasto, photos, pictures):
    def run(*words, contents=("a.png", "b.png", "c.png")):
        names = [photos / name for name in contents]
        return impasto("stylize", *names, "--style", pictures / "dots.png", "-o", "painted", *FAST, *words)

    return run


def times(folder="painted"):
    return {name: os.stat(f"{folder}/{name}").st_mtime_ns for name in sorted(os.listdir(folder))}


def test_a_damaged_picture_is_passed_over_and_finished_ones_are_not_painted_again(stylize, photos, capsys):
    assert stylize() == 1
    assert sorted(os.listdir("painted")) == ["a_dots.png", "c_dots.png", MANIFEST]
    output = capsys.readouterr()
    assert [line.split(":")[0] for line in output.out.splitlines()] == [
        os.path.join("painted", "a_dots.png"),
        os.path.join("painted", "c_dots.png"),
    ]
    lines = output.err.splitlines()
    assert lines[-1] == "impasto: 3 pictures: 2 painted, 1 failed"
    assert any("b.png" in line and "Received" in line for line in lines[:-1])

    before = times()
    (photos / "b.png").write_bytes((photos / "a.png").read_bytes())
    save_picture(Picture(load_picture(photos / "c.png").pixels[::-1]), photos / "c.png")
    assert stylize("--resume", "--json") == 0
    statuses = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["status"] for line in statuses] == ["passed over", "painted", "painted"]  # c is another now
    after = times()
    assert after["a_dots.png"] == before["a_dots.png"] and after["c_dots.png"] > before["c_dots.png"]
    np.testing.assert_array_equal(
        load_picture("painted/b_dots.png").pixels, load_picture("painted/a_dots.png").pixels
    )

    assert stylize("--resume", "--strength", 0.9, contents=["a.png"]) == 0  # one photograph, a folder for it
    assert times()["a_dots.png"] > after["a_dots.png"]


def test_a_batch_paints_what_single_commands_paint(stylize, impasto, photos, pictures):
    assert stylize(contents=["a.png", "c.png"]) == 0
    assert impasto("stylize", photos / "c.png", pictures / "dots.png", "-o", "single.png", *FAST) == 0
    np.testing.assert_array_equal(
        load_picture("single.png").pixels, load_picture("painted/c_dots.png").pixels
    )


def test_an_interruption_leaves_whole_files_and_is_gone_on_with(stylize, photos, monkeypatch, capsys):
    from impasto.core.cli.stopping import Stop

    adam = ("--optimizer", "adam")  # a step is an evaluation
    assert stylize("--quiet", *adam, contents=["a.png", "c.png"]) == 0
    whole = load_picture("painted/c_dots.png").pixels
    for name in os.listdir("painted"):
        os.unlink(f"painted/{name}")

    steps = []
    check = Stop.check

    def stop_in_the_second_picture(self):
        steps.append(1)
        if len(steps) == 5:
            self._caught(2, None)
        check(self)

    monkeypatch.setattr(Stop, "check", stop_in_the_second_picture)
    assert stylize(*adam, contents=["a.png", "c.png"]) == 130
    assert sorted(os.listdir("painted")) == ["a_dots.png", "c_dots.resume.npz", MANIFEST]
    assert "--resume" in capsys.readouterr().err.splitlines()[-1]
    assert stylize("--resume", *adam, contents=["a.png", "c.png"]) == 0
    assert len(steps) == 6  # the one step that was left
    assert sorted(os.listdir("painted")) == ["a_dots.png", "c_dots.png", MANIFEST]
    np.testing.assert_array_equal(load_picture("painted/c_dots.png").pixels, whole)


def test_half_a_line_in_the_manifest_is_no_finished_picture(photos, pictures, tmp_path):
    settings = settings_for(network="vgg_mini")
    batch = plan([str(photos / "a.png")], [str(pictures / "dots.png")], tmp_path / "out", settings)
    batch.keep(batch.tasks[0], batch.tasks[0].content.read_bytes(), b"painted")
    assert batch.finished() == {batch.tasks[0]}
    batch.manifest.write_bytes(batch.manifest.read_bytes()[:-9])
    assert not batch.finished()
    batch.keep(batch.tasks[0], batch.tasks[0].content.read_bytes(), b"painted again")
    assert batch.finished() == {batch.tasks[0]} and batch.tasks[0].output.read_bytes() == b"painted again"


def test_folders_and_patterns(photos, tmp_path):
    (photos / "notes.txt").write_text("no picture")
    expected = [photos / f"{name}.png" for name in "abc"]
    assert gather([str(photos)]) == gather([str(photos / "*.png")]) == expected
    assert gather([str(photos / "c.png"), str(photos)]) == [expected[2], *expected[:2]]
    with pytest.raises(UsageError, match="no photograph"):
        gather([str(tmp_path / "*.nothing")])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["a.png", "starry_night", "--style", "udnie"], "--style starry_night"),
        (["a.png", "c.png", "--style", "udnie", "--plot", "loss.png"], "--plot is for one"),
        (["a.png", "c.png", "--style", "udnie", "--format", "txt"], "saved as one of"),
        (["a.png", "c.png", "--style", "no_such_style"], "gallery style"),
        (["a.png", "-", "--style", "udnie"], "texture"),
    ],
)
def test_wrong_requests_end_before_any_work(impasto, photos, capsys, words, message):
    words = [photos / word if word.endswith("a.png") or word == "c.png" else word for word in words]
    assert impasto("stylize", *words, "-o", "painted", *FAST) == 2
    error = capsys.readouterr().err
    assert message.replace("/", os.sep) in error and error.count("\n") == 1
    assert not os.listdir(impasto.folder) or not os.listdir("painted")


def test_no_input_is_overwritten(impasto, photos, capsys):
    before = (photos / "a.png").read_bytes()
    (photos / "a_a.png").write_bytes(before)
    words = (photos / "a.png", photos / "a_a.png", "--style", photos / "a.png", "-o", photos)
    assert impasto("stylize", *words, *FAST) == 2
    assert "would replace an input" in capsys.readouterr().err
    assert (photos / "a.png").read_bytes() == (photos / "a_a.png").read_bytes() == before
