"""The chain that makes what is bundled: only what is out of date, and nothing in place before it is whole."""

import subprocess
import sys
from pathlib import Path

import pytest

from impasto.models import chain
from impasto.models.chain import HELD_OUT_PAINTINGS, STEPS, Step, digest, link_training, make, stale

COPY = "import pathlib, sys; a, b = map(pathlib.Path, sys.argv[1:]); b.write_bytes(a.read_bytes() * 2)"


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A repository of one source, with a module that doubles a file."""
    monkeypatch.setattr(chain, "REPOSITORY", tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tmp_path / "doubling.py").write_text(COPY)
    (tmp_path / "source").write_text("a")
    return tmp_path


DOUBLE = Step("double", ("source",), ("doubling", "source", "{work}/made"), (("made", "out/twice"),))
AGAIN = Step("again", ("out/twice",), ("doubling", "out/twice", "{work}/made"), (("made", "out/four"),))


def run(record):
    made = []
    for step, now in stale((DOUBLE, AGAIN), {}, record):
        make(step, now, {})
        record[step.name] = now
        made.append(step.name)
    return made


def test_a_step_is_made_when_what_it_is_made_from_has_changed(repository):
    (repository / "out").mkdir()
    (repository / "out/twice").write_text("old")
    record = {}
    assert run(record) == ["double", "again"]
    assert (repository / "out/four").read_text() == "aaaa"
    assert run(record) == []
    (repository / "source").write_text("b")
    assert run(record) == ["double", "again"]  # the second, since the first made another file
    assert (repository / "out/four").read_text() == "bbbb"
    record["again"] = "made otherwise"
    assert run(record) == ["again"]


def test_a_step_that_fails_leaves_what_was_there(repository):
    (repository / "out").mkdir()
    (repository / "out/twice").write_text("old")
    broken = Step("double", ("source",), ("doubling", "missing", "{work}/made"), DOUBLE.makes)
    with pytest.raises(SystemExit):
        make(broken, digest(broken, {}), {})
    assert (repository / "out/twice").read_text() == "old"


def test_held_out_paintings_are_those_that_pictures_are_judged_on(repository):
    benchmarks = Path(__file__).parents[2] / "benchmarks"
    script = "import pairs; print(*pairs.HELD_OUT_PAINTINGS)"
    told = subprocess.run([sys.executable, "-c", script], cwd=benchmarks, capture_output=True, text=True)
    assert tuple(told.stdout.split()) == HELD_OUT_PAINTINGS
    paintings = repository / "paintings"
    paintings.mkdir()
    for name in ("hara", "dance"):
        (paintings / f"{name}.jpg").write_text(name)
    assert [path.name for path in link_training(paintings).iterdir()] == ["dance.jpg"]


def test_every_step_names_what_is_there(monkeypatch):
    """Sources and places in the repository, and commands that Python finds."""
    given = {"photos", "paintings", "training", "content", "teacher"}
    for step in STEPS:
        for source in step.made_from:
            assert source.strip("{}") in given or (chain.REPOSITORY / source).exists(), source
        for _, place in step.makes:
            assert (chain.REPOSITORY / place).parent.is_dir(), place
        module = Path(*step.words[0].split(".")[1:])
        assert any((chain.REPOSITORY / module).with_suffix(end).exists() for end in (".py", "")), module
