"""A painting as the plug-in follows it, outside GIMP: what is shown of the engine's events, and kept."""

import sys
from itertools import pairwise
from pathlib import Path

import pytest

from impasto.plugin.translating import SOURCES

MODULES = ("work", "problems", "words", "older")


@pytest.fixture
def work(monkeypatch):
    """The module as the plug-in imports it."""
    monkeypatch.syspath_prepend(str(SOURCES))
    monkeypatch.setenv("LANGUAGE", "en")
    for name in MODULES:
        monkeypatch.delitem(sys.modules, name, raising=False)
    import work

    yield work
    for name in MODULES:
        sys.modules.pop(name, None)


class SaidBefore:
    """An engine whose events are known beforehand.

    Args:
        folder: its temporary folder.
        events: in their order.
    """

    def __init__(self, folder, events):
        self.folder, self.events = str(folder), list(events)

    def send(self, command, **facts):
        return 1

    def next(self, seconds):
        return self.events.pop(0) if self.events else None


def progress(step, left, steps=200):
    return {"event": "progress", "id": 1, "step": step, "steps": steps, "seconds_left": left}


@pytest.mark.parametrize(
    ("event", "text", "fraction"),
    [
        ({"event": "started", "id": 1}, "Preparing the painting…", None),
        (progress(1, None), "Step 1 of 200", 0.005),
        (progress(50, 75.4), "Step 50 of 200, 1:15 left", 0.25),
        (progress(100, 3725), "Step 100 of 200, 62:05 left", 0.5),
        (progress(201, 0), "Step 201 of 200, 0:00 left", 1.0),  # never beyond the bar
    ],
)
def test_where_it_stands(event, text, fraction, work, tmp_path):
    job = work.Work(SaidBefore(tmp_path, [event]), {})
    assert not job.poll()
    assert (job.text, job.fraction) == (text, fraction)


@pytest.mark.parametrize("count", [0, 1, 12, 13, 14, 60, 500])
def test_interim_pictures_are_kept_evenly_and_not_without_end(count, work, tmp_path):
    """Each is as large as the painting: a long one would fill the disk, and the image with layers."""

    def preview(number):
        return {"event": "preview", "id": 1, "path": f"preview-{number}.png", "step": number}

    engine = SaidBefore(tmp_path, ())
    job = work.Work(engine, {}, keep_previews=True)
    for number in range(1, count + 1):
        (tmp_path / f"preview-{number}.png").write_text(str(number))
        engine.events.append(preview(number))
        job.poll()
        assert Path(job.preview).read_text() == str(number)  # the dialog shows the newest in any case
        (tmp_path / f"preview-{number}.png").unlink(missing_ok=True)  # as the engine does
    assert job.previews == count
    assert min(count, work.MOST // 2) <= len(job.kept) <= work.MOST
    steps = [step for step, _path in job.kept]
    assert len({after - before for before, after in pairwise(steps)}) <= 1
    assert [Path(path).read_text() for _step, path in job.kept] == [str(step) for step in steps]
    assert len(list(tmp_path.iterdir())) <= work.MOST + 1


def test_an_interim_picture_that_is_gone_is_left_out(work, tmp_path):
    gone = {"event": "preview", "id": 1, "path": "preview-1.png", "step": 1}
    job = work.Work(SaidBefore(tmp_path, [gone]), {}, keep_previews=True)
    job.poll()
    assert (job.kept, job.preview, job.previews) == ([], None, 0)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("memory", "smaller size limit"),
        ("disk", "disk is full"),
        ("picture", "pictures cannot be used"),
        ("weights", "neural network"),
        ("usage", "these settings"),
        ("internal", "engine failed"),
        (None, "engine failed"),
    ],
)
def test_errors_in_a_painters_words(kind, expected, work, tmp_path):
    import problems

    event = {"event": "error", "id": 1, "kind": kind, "message": "Received: 7"}
    job = work.Work(SaidBefore(tmp_path, [event]), {})
    with pytest.raises(problems.Problem) as caught:
        job.poll()
    assert expected in str(caught.value)
    assert ("Received: 7" in str(caught.value)) == (kind != "memory")


@pytest.mark.parametrize(
    "event",
    [
        {"event": "progress", "id": 1},
        {"event": "progress", "id": 1, "step": "one", "steps": 5},
        {"event": "progress", "id": 1, "step": 1, "steps": 0},
        {"event": "preview", "id": 1, "path": None, "step": 1},
    ],
)
def test_events_that_make_no_sense(event, work, tmp_path):
    import problems

    with pytest.raises(problems.Problem, match="makes no sense"):
        work.Work(SaidBefore(tmp_path, [event]), {}).poll()
