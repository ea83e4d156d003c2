"""The filter in the real GIMP 3 when things go wrong: engines that fail, cancelling, two at once.

Every failure is told in one sentence, leaves the image as it was, no process and no file.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from gimp_root import ENVIRONMENT, children, configure, running, wait_for

from impasto.core.engine_folder import PREFIX

pytestmark = pytest.mark.gimp

PAINT = """
image = new_image()
layer = new_layer(image)
before = pixels(layer)
answer = run_filter(image, layer, **globals().get("more", {}))
result = [*map(str, answer), tree(image), pixels(layer) == before]
image.delete()
"""


@pytest.fixture(scope="module")
def gimp(start_gimp):
    """A GIMP whose plug-in has no engine until `configure` gives it one."""
    return start_gimp(None)


def folders(pid):
    """An engine's temporary folders."""
    return list(Path(tempfile.gettempdir()).glob(f"{PREFIX}{pid}-*"))


@pytest.mark.parametrize(
    ("fault", "patience", "expected"),
    [
        ("nonsense", 300, "makes no sense"),
        ("other json", 300, "makes no sense"),
        ("size", 300, "30×20 ≠ 60×40"),
        ("picture", 300, "makes no sense"),
        ("nothing", 300, "makes no sense"),
        ("dies", 300, "stopped unexpectedly"),
        ("memory", 300, "not enough memory"),
        ("disk", 300, "disk is full"),
        ("full", 300, "disk is full"),
        ("crash", 300, "something odd"),
        ("old", 300, "too old"),
        ("absent", 300, "No module named impasto"),
        ("frozen", 20, "has not answered"),
    ],
)
def test_engines_that_fail(fault, patience, expected, gimp, small_engine, tmp_path):
    notes = tmp_path / "notes"
    configure(gimp.profile, small_engine(notes, *fault.split()), patience)
    status, message, names, same = gimp.do(PAINT)
    assert status == "execution-error" and expected in message
    assert "Traceback" not in message
    assert names == ["source"] and same
    assert running(str(notes)) == []
    if notes.exists():
        assert folders(json.loads(notes.read_text())["pid"]) == []


def test_no_engine_at_all(gimp):
    configure(gimp.profile, None)
    status, message, names, same = gimp.do(PAINT)
    assert status == "execution-error" and "impasto gimp install" in message
    assert names == ["source"] and same


def test_killed_plug_in_leaves_nothing(gimp, real_engine):
    """GIMP's own Cancel kills the plug-in outright; the real engine then ends by itself."""
    configure(gimp.profile, real_engine)
    gimp.tell(PAINT, more={"steps": 10000, "size_limit": 512, "method": "optimise"})

    def plug_in():
        found = [pid for pid in children(gimp.process.pid) if b"impasto.py" in command(pid)]
        return (
            found
            if found and any(b"impasto.core.cli" in command(pid) for pid in children(found[0]))
            else None
        )

    [pid] = wait_for(plug_in)
    [engine] = [child for child in children(pid) if b"impasto.core.cli" in command(child)]
    wait_for(lambda: any(list(folder.glob("content-*")) for folder in folders(engine)))
    os.kill(pid, signal.SIGKILL)
    gone = time.monotonic()
    wait_for(lambda: not command(engine))
    assert time.monotonic() - gone < 60  # two seconds where the machine has time for it
    assert folders(engine) == []
    _status, _message, names, same = gimp.answer()
    assert names == ["source"] and same


def command(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def test_two_at_once_do_not_meet(gimp, start_gimp, small_engine, tmp_path):
    notes = tmp_path / "notes"
    configure(gimp.profile, small_engine(notes, "slow"))
    gimps = [gimp, start_gimp(small_engine(notes, "slow"))]
    for gimp, size in zip(gimps, (60, 30), strict=True):
        gimp.tell(PAINT, more={"size_limit": size})
    assert [gimp.answer()[2] for gimp in gimps] == [["Neural Style: Starry Night", "source"]] * 2
    assert len(notes.read_text().splitlines()) == 2
    assert running(str(notes)) == []
    gimp.do("more = {}")


@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("optimise", ["--method", "optimise", "--steps", 6, "--seed", 3]),
        ("instant", ["--method", "instant"]),
        ("refine", ["--method", "refine", "--steps", 6, "--seed", 3]),
    ],
)
def test_the_real_engine_paints_the_same_as_the_command_line(method, options, gimp, real_engine, tmp_path):
    """Pixel for pixel: what GIMP shows is what `impasto stylize` paints, each in a fresh process."""
    from impasto.core.images import load_picture

    configure(gimp.profile, real_engine)
    ours, _, _ = gimp.do(
        """
image = new_image(width=64, height=48)
layer = new_layer(image, width=64, height=48)
Gimp.file_save(Gimp.RunMode.NONINTERACTIVE, image, Gio.File.new_for_path(folder + "/photo.png"), None)
painted, where = run_filter(
    image, layer, style_name="udnie", strength=70, method=method, steps=6, size_limit=64, seed=3
)
Gimp.file_save(Gimp.RunMode.NONINTERACTIVE, image, Gio.File.new_for_path(folder + "/painted.png"), None)
result = [tree(image), painted.get_width(), painted.get_height()]
""",
        folder=str(tmp_path),
        method=method,
    )
    assert ours == ["Neural Style: Udnie", "source"]
    words = ["stylize", tmp_path / "photo.png", "udnie", "-o", tmp_path / "out.png", "--strength", 0.7]
    words = [sys.executable, "-P", "-m", "impasto.core.cli", *words, "--size", 64, *options]
    # In the engine's environment: by OPENBLAS_CORETYPE, say, products round and strokes fall otherwise.
    kept = {name: value for name, value in os.environ.items() if name == "PYTHONPATH"}
    subprocess.run([str(word) for word in words], check=True, env=ENVIRONMENT | kept)
    expected, painted = (load_picture(tmp_path / name).pixels for name in ("out.png", "painted.png"))
    assert abs(expected - load_picture(tmp_path / "photo.png").pixels).max() > 0.1  # it was painted at all
    assert abs(expected - painted).max() <= 1.01 / 255
