"""Nothing phones home: no library below leaves an identity on disk or looks its maker up."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from impasto.core.telemetry import SWITCHES

SENT = "connect,sendto,sendmsg,sendmmsg"
STANDING = 6  # seconds: ONNX Runtime's own look-ups begin within the first
# Whatever a painting of any kind, a bot or a batch imports, where it is installed.
LIBRARIES = (
    ("onnxruntime", "onnx", "threadpoolctl", "psutil", "tqdm", "h5py"),
    ("PIL.Image", "pillow_heif", "tifffile", "imagecodecs", "skimage.data", "matplotlib.pyplot"),
    ("tensorflow", "keras"),
    ("torch",),
    ("jax",),
    ("tf2onnx", "ai_edge_litert", "distributed", "tensorflow_datasets"),
    ("telegram.ext", "aiolimiter", "aiohttp", "prometheus_client", "pydantic_settings", "av"),
    ("fsspec", "s3fs", "procrastinate", "psycopg"),
)
IMPORTS = """
import importlib, importlib.util, sys, time
import impasto.core
for name in sys.argv[1:]:
    if importlib.util.find_spec(name.split(".")[0]):
        importlib.import_module(name)
time.sleep(1)
"""


@pytest.fixture
def room(tmp_path) -> dict[str, str]:
    """An environment whose every folder for files of our own is empty, and below `tmp_path`."""
    folders = {"HOME": "home", "XDG_CACHE_HOME": "cache", "XDG_DATA_HOME": "data", "TMPDIR": "tmp"}
    folders |= {"XDG_CONFIG_HOME": "config", "XDG_STATE_HOME": "state", "LOCALAPPDATA": "local"}
    kept = {
        name: value for name, value in os.environ.items() if name not in SWITCHES and name != "KERAS_HOME"
    }
    for name, folder in folders.items():
        (tmp_path / "room" / folder).mkdir(parents=True)
        kept[name] = str(tmp_path / "room" / folder)
    return kept


def left_behind(tmp_path: Path) -> list[str]:
    """Files in those folders but our own and Keras's settings."""
    room = tmp_path / "room"
    names = (str(file.relative_to(room)) for file in sorted(room.rglob("*")) if file.is_file())
    return [name for name in names if not name.startswith(("cache/impasto/", "home/.keras/keras.json"))]


def outside(log: Path) -> list[str]:
    """Lines of strace's log that leave this machine, or ask who somebody is."""
    lines = log.read_text(errors="replace").splitlines()
    return [line for line in lines if "sa_family=AF_INET" in line or "sin_port=htons(53)" in line]


@pytest.fixture(scope="session")
def watched() -> list[str]:
    """The words before a command that log whatever it and its children send."""
    strace = shutil.which("strace")
    if not strace or subprocess.run([strace, "-qq", "-o", os.devnull, "true"], check=False).returncode:
        pytest.skip("strace, which watches, is not there or may not watch")
    return [strace, "-f", "-qq", "-e", f"trace={SENT}", "-e", "signal=none"]


@pytest.mark.parametrize("words", [["--method", "instant"], ["--method", "refine", "--steps", "2"]])
def test_a_painting_leaves_nothing_but_the_picture(words, room, pictures, tmp_path):
    out = tmp_path / "out.png"
    command = [sys.executable, "-m", "impasto.core.cli", "stylize", pictures / "photo.png"]
    command += [pictures / "dots.png", "--size", "48", "-o", out, *words]
    subprocess.run([str(word) for word in command], env=room, check=True, capture_output=True, timeout=300)
    assert out.exists()
    assert left_behind(tmp_path) == []


def test_a_standing_engine_sends_nothing(watched, room, pictures, tmp_path):
    log, out = tmp_path / "sent", tmp_path / "out.png"
    command = [
        *watched,
        "-o",
        str(log),
        sys.executable,
        "-m",
        "impasto.core.cli",
        "engine",
        "--load",
        "instant",
    ]
    request = {"id": 1, "command": "stylize", "content": str(pictures / "photo.png"), "output": str(out)}
    request |= {"styles": [str(pictures / "dots.png")], "settings": {"method": "instant", "size": 48}}
    engine = subprocess.Popen(command, env=room, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert engine.stdin and engine.stdout
        engine.stdin.write(json.dumps(request) + "\n")
        engine.stdin.flush()
        for line in engine.stdout:
            assert '"error"' not in line
            if '"done"' in line:
                break
        time.sleep(STANDING)
        engine.stdin.close()
        assert engine.wait(60) == 0
    finally:
        engine.kill()
        engine.wait()
    assert out.exists()
    assert outside(log) == []
    assert left_behind(tmp_path) == []


@pytest.mark.parametrize("names", LIBRARIES, ids=" ".join)
def test_no_library_sends_anything(names, watched, room, tmp_path):
    log = tmp_path / "sent"
    command = [*watched, "-o", str(log), sys.executable, "-c", IMPORTS, *names]
    subprocess.run(command, env=room, check=True, capture_output=True, timeout=300)
    assert outside(log) == []
    assert [name for name in left_behind(tmp_path) if "matplotlib" not in name] == []  # its list of fonts


def test_the_users_own_word_stands(room):
    program = "import os, impasto.core; print(os.environ['ORT_DISABLE_TELEMETRY'])"
    for given, seen in ((None, "1"), ("0", "0")):
        own = room | ({} if given is None else {"ORT_DISABLE_TELEMETRY": given})
        done = subprocess.run(
            [sys.executable, "-c", program], env=own, check=True, capture_output=True, text=True
        )
        assert done.stdout.strip() == seen
