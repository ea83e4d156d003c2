"""The engine as other programs see it: a real process, its pipes, its signals."""

import base64
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

from impasto.core.engine_folder import PREFIX, is_alive, sweep
from impasto.core.images import load_picture

LONG = 100_000  # steps: a painting that ends only when it is stopped


class Client:
    """An engine process, and its events as they come."""

    def __init__(self, folder, *words, command=None):
        command = command or [sys.executable, "-m", "impasto.core.cli", "engine", *words]
        self.process = subprocess.Popen(
            command,
            cwd=folder,
            env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self.events = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.events.put(json.loads(line))  # anything but JSON on stdout ends the test here
        self.events.put({"event": "end"})

    def send(self, **request):
        self.write(json.dumps(request))

    def write(self, text):
        self.process.stdin.write(text.encode() + b"\n")
        self.process.stdin.flush()

    def wait(self, *names, number=None):
        """All events up to and with the first of one of these names (and this id)."""
        seen = []
        while True:
            seen.append(self.events.get(timeout=120))
            if seen[-1]["event"] in names and number in (None, seen[-1].get("id")):
                return seen
            assert seen[-1]["event"] != "end", seen

    def answer(self, *names, number=None):
        return self.wait(*names, number=number)[-1]

    def folder(self):
        return [path for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}{self.process.pid}-*")]

    def ended(self, seconds=20):
        """The exit status, and how long it took."""
        began = time.monotonic()
        return self.process.wait(timeout=seconds), time.monotonic() - began

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process.stdin.close()


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    client = Client(tmp_path_factory.mktemp("engine"))
    ready = client.answer("ready")
    assert ready["protocol"] == 1 and ready["version"]
    assert [str(folder) for folder in client.folder()] == [ready["folder"]]
    yield client
    client.kill()


@pytest.fixture
def request_for(mini_weights, pictures, tmp_path):
    """A request to paint photo.png after dots.png."""

    def make(number, output="out.png", settings=None, **more):
        own = {"size": 48, "steps": 6, "network": "vgg_mini", "weights": mini_weights} | (settings or {})
        return {
            "id": number,
            "command": "stylize",
            "content": str(pictures / "photo.png"),
            "styles": [str(pictures / "dots.png")],
            "output": str(tmp_path / output),
            "settings": own,
        } | more

    return make


def test_paints(engine, request_for, tmp_path):
    engine.send(**request_for(1))
    events = engine.wait("done")
    assert [event["event"] for event in events] == ["started", *["progress"] * (len(events) - 2), "done"]
    assert {event["id"] for event in events} == {1}
    started, progress, done = events[0], events[1:-1], events[-1]
    assert (started["network"], started["steps"], started["scales"]) == ("vgg_mini", 6, [48])
    assert (started["width"], started["height"]) == (48, 36) and "CPU" in started["device"]
    steps = [event["step"] for event in progress]  # evaluations: a line search may take several
    assert steps == sorted(set(steps)) and steps[-1] == 6
    assert all(event["loss"] > 0 and event["seconds_left"] >= 0 for event in progress)
    assert done["output"] == str(tmp_path / "out.png") and done["seconds"] > 0
    assert load_picture(tmp_path / "out.png").width == 48
    engine.first_seconds = done["seconds"]


def test_serves_on_with_the_network_loaded(engine, request_for, pictures):
    engine.send(**request_for(2))
    first = engine.answer("done")
    second_request = request_for(3, styles=[str(pictures / name) for name in ("dots.png", "lines.png")])
    engine.send(**second_request, blend=[3, 7])
    events = engine.wait("done")
    assert events[0]["seconds"] > 0  # an estimate, from the painting before
    assert events[-1]["seconds"] < getattr(engine, "first_seconds", 30) / 2  # no loading, no tracing
    assert first["steps"] == 6


def test_pictures_in_the_request(engine, request_for, pictures, tmp_path):
    texts = [base64.b64encode((pictures / f"{name}.png").read_bytes()).decode() for name in ("photo", "dots")]
    engine.send(**request_for(4, content={"base64": texts[0]}, styles={"base64": texts[1]}))
    assert engine.answer("done", "error")["event"] == "done"
    engine.send(**request_for(5, "texture.png", content=None))
    assert engine.answer("done", "error")["width"] == 48


def test_previews(engine, request_for):
    engine.send(**request_for(6, settings={"steps": 40}, preview_seconds=0.05))
    events = engine.wait("done")
    previews = [event for event in events if event["event"] == "preview"]
    assert len(previews) >= 2
    assert load_picture(previews[-1]["path"]).width == 48
    assert Path(previews[-1]["path"]).parent == engine.folder()[0]
    assert len(list(engine.folder()[0].glob("preview-*"))) == 2  # the older ones are gone


def test_one_pass_is_painted_without_keras(pictures, tmp_path):
    client = Client(tmp_path, "--load", "instant")
    client.wait("ready")
    time.sleep(1.5)  # it has loaded what it would
    request = {"content": str(pictures / "photo.png"), "styles": ["udnie"], "settings": {"size": 48}}
    client.send(id=1, command="stylize", output=str(tmp_path / "out.png"), method="instant", **request)
    events = client.wait("done")
    # First strokes, and a pass.
    assert [event["event"] for event in events] == ["started", "progress", "progress", "done"]
    assert "ONNX Runtime" in events[0]["device"] and events[0]["memory"] > 1e8
    assert load_picture(tmp_path / "out.png").width == 48
    if sys.platform == "linux":
        assert "tensorflow" not in Path(f"/proc/{client.process.pid}/maps").read_text()
    client.kill()


def test_cancel(engine, request_for, tmp_path):
    engine.send(**request_for(7, settings={"steps": LONG}))
    engine.send(**request_for(8, "waits.png"))
    engine.send(**request_for(9, "after.png"))
    engine.wait("progress")
    engine.send(id=8, command="cancel")
    engine.send(id=7, command="cancel")
    began = time.monotonic()
    assert engine.wait("cancelled")[-1]["id"] == 7
    assert time.monotonic() - began < 2
    assert engine.answer("cancelled")["id"] == 8
    assert engine.answer("done")["id"] == 9
    assert sorted(os.listdir(tmp_path)) == ["after.png"]
    engine.send(id=7, command="cancel")
    assert engine.answer("error")["kind"] == "usage"


def test_answers_while_it_paints(engine, request_for):
    engine.send(**request_for(10, settings={"steps": LONG}))
    engine.wait("progress")
    for command, event in (("ping", "pong"), ("styles", "styles"), ("networks", "networks")):
        engine.send(id=command, command=command)
        assert engine.answer(event)["id"] == command
    engine.send(id=10, command="cancel")
    engine.wait("cancelled")


def test_lists(engine):
    engine.send(id="s", command="styles", thumbnails=32, previews=40)
    for style in engine.answer("styles")["styles"]:
        assert style["title"] and load_picture(style["thumbnail"]).width <= 32
        assert load_picture(style["preview"]).width == 40
    engine.send(command="methods")
    rows = engine.answer("methods")["methods"]
    assert [row["name"] for row in rows] == ["refine", "optimise", "instant"]
    assert all(row["styles"] is None for row in rows)
    engine.send(command="networks")
    networks = {row["name"]: row for row in engine.answer("networks")["networks"]}
    assert list(networks) == ["vgg19", "vgg16", "vgg_mini"]
    assert all(row["here"] or row["get"] for row in networks.values())


def asking(**more):
    return json.dumps({"id": 9, "command": "stylize", "output": "o.png", "content": "a.png"} | more)


@pytest.mark.parametrize(
    ("text", "number", "expected"),
    [
        ("nonsense", None, "a JSON object on one line"),
        ("[1, 2]", None, "Received: list"),
        ("[" * 3000, None, "a JSON object on one line"),
        ("\xff\xfe", None, "a JSON object on one line"),
        ('{"id": 1}', 1, "The commands are"),
        ('{"id": "x", "command": "stylise"}', "x", "did you mean stylize?"),
        ('{"id": 2, "command": "ping", "loud": true}', 2, "Received: loud"),
        ('{"id": 3, "command": "stylize", "contents": "a.png"}', 3, "did you mean content?"),
        ('{"id": 4, "command": "stylize", "content": "a.png"}', 4, "output is the path"),
        ('{"id": 5, "command": "stylize", "output": "o.png", "content": 5}', 5, "A picture is a path"),
        ('{"id": 6, "command": "stylize", "output": "o.png", "content": {"base64": "?"}}', 6, "base64"),
        ('{"id": 7, "command": "stylize", "output": "o.png"}', 7, "nothing to paint"),
        (asking(settings=[1]), 9, "JSON object"),
        (asking(settings={"sise": 3}), 9, "mean size?"),
        (asking(settings={"size": "3"}), 9, "whole number"),
        (asking(settings={"size": True}), 9, "whole number"),
        (asking(settings={"strength": 7}), 9, "between 0"),
        (asking(settings={"recipe": 7}), 9, "recipe is text"),
        (asking(settings={"recipe": "qualty"}), 9, "mean quality?"),
        (asking(settings={"style_layers": "a"}), 9, "list"),
        (asking(blend=[1, "x"]), 9, "list of numbers"),
        (asking(preview_seconds=-1), 9, "0 for no previews"),
        (asking(output="o.xyz"), 9, ".png, .jpg"),
        (asking(output="nowhere/o.png"), 9, "does not exist"),
    ],
)
def test_bad_requests_are_answered_and_passed_over(text, number, expected, engine):
    engine.write(text)
    answer = engine.answer("error")
    assert answer["id"] == number and expected in answer["message"]
    assert answer["kind"] == "usage" and answer["advice"]
    engine.send(command="ping")
    assert engine.answer("pong")["event"] == "pong"


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"content": "missing.png"}, "picture"),
        ({"styles": ["zzzz"]}, "usage"),
        ({"output": "/proc/out.png"}, "disk"),
        ({"blend": [1, 2, 3]}, "usage"),
        ({"settings": {"weights": "none.npz"}}, "weights"),
        ({"settings": {"style_layers": ["relu9_1"]}}, "usage"),
    ],
)
def test_kinds_of_errors(change, kind, engine, request_for, tmp_path):
    engine.send(**request_for(20, **change))
    answer = engine.answer("error", "done")
    assert (answer["event"], answer.get("kind"), answer["id"]) == ("error", kind, 20)
    assert os.listdir(tmp_path) == []


# ---------------------------------------------------------------- how it ends


SOON = 5  # two seconds, and some for a busy machine


def test_ends_with_its_stdin(engine, request_for, tmp_path):
    """The last test of the engine that all tests above share."""
    engine.send(**request_for(30, settings={"steps": LONG}))
    engine.send(**request_for(31, settings={"steps": LONG}))
    engine.wait("progress")
    assert len(engine.folder()) == 1
    engine.process.stdin.close()
    status, seconds = engine.ended()
    assert status == 0 and seconds < SOON
    assert engine.folder() == [] and os.listdir(tmp_path) == []
    ends = [(event["event"], event.get("id")) for event in engine.wait("end")]
    assert ends[-3:] == [("cancelled", 30), ("cancelled", 31), ("end", None)]


def test_ends_when_terminated(request_for, tmp_path):
    client = Client(tmp_path)
    client.send(**request_for(1, settings={"steps": LONG}))
    client.wait("progress")
    client.process.send_signal(signal.SIGTERM)
    status, seconds = client.ended()
    assert status == 128 + signal.SIGTERM and seconds < SOON
    assert client.folder() == [] and os.listdir(tmp_path) == []
    client.kill()


@pytest.mark.parametrize("how", ["eof", "shutdown", "terminate"])
def test_ends_while_keras_is_being_imported(how, request_for, tmp_path):
    client = Client(tmp_path)
    client.wait("ready")
    client.send(**request_for(1))
    time.sleep(0.5)  # of the seconds that the import takes
    if how == "eof":
        client.process.stdin.close()
    elif how == "shutdown":
        client.send(command="shutdown")
    else:
        client.process.send_signal(signal.SIGTERM)
    status, _ = client.ended()
    assert status == (128 + signal.SIGTERM if how == "terminate" else 0)
    assert client.folder() == []
    client.kill()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process of its parent's death")
def test_ends_with_its_parent(tmp_path):
    """The parent is killed while a third process holds the engine's stdin open."""
    code = (
        "import os, subprocess, sys, time; reader, writer = os.pipe();"
        "engine = subprocess.Popen([sys.executable, '-m', 'impasto.core.cli', 'engine'], stdin=reader,"
        " stdout=subprocess.PIPE, pass_fds=[writer]);"  # it holds its own stdin open
        "engine.stdout.readline(); print(engine.pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, cwd=tmp_path)
    pid = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    deadline = time.monotonic() + 10
    while list(Path(tempfile.gettempdir()).glob(f"{PREFIX}{pid}-*")) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not list(Path(tempfile.gettempdir()).glob(f"{PREFIX}{pid}-*"))
    parent.stdout.close()


def test_sweeps_what_dead_engines_left(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    left, kept = tmp_path / f"{PREFIX}{dead.pid}-abc", tmp_path / f"{PREFIX}{os.getpid()}-abc"
    others = tmp_path / f"{PREFIX}notes", tmp_path / "impasto-other"
    for folder in (left, kept, *others):
        folder.mkdir()
        (folder / "preview-1.png").touch()
    sweep()
    assert not left.exists() and kept.exists() and all(folder.exists() for folder in others)


def test_is_alive():
    assert is_alive(os.getpid()) and is_alive(1)
    assert not is_alive(2**22 + 1)  # above Linux's highest
