"""Bad input: one line, exit 2 or 1, no traceback, no file left behind."""

import io
import os
import resource
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from impasto.core.images import Picture, save_picture

FAST = ("--size", 48, "--steps", 2)


@pytest.fixture
def fails(impasto, bundled, pictures, capsys):
    """Runs `impasto stylize` and returns its one line; the folder must be left as it was."""

    def run(*words, content=None, style=None, status=1, output="out.png"):
        before = sorted(os.listdir())
        photo, painting = content or pictures / "photo.png", style or pictures / "dots.png"
        assert impasto("stylize", photo, painting, "-o", output, *FAST, *words) == status
        shown = capsys.readouterr()
        assert shown.out == "" and shown.err.startswith("impasto: ")
        assert shown.err.count("\n") == 1 and len(shown.err) < 500 and "Traceback" not in shown.err
        assert sorted(os.listdir()) == before
        return shown.err

    return run


def bomb(path):
    """A PNG of 30,000×30,000 pixels, one bit each, in a few kilobytes."""
    side = 30_000
    data = zlib.compress(bytes((side // 8 + 1) * side), 9)
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", data), (b"IEND", b"")]
    body = b"".join(
        struct.pack(">I", len(part)) + name + part + struct.pack(">I", zlib.crc32(name + part))
        for name, part in chunks
    )
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)


def jpeg():
    buffer = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 255, (90, 90, 3), "uint8")
    Image.fromarray(noise).save(buffer, "JPEG")
    return buffer.getvalue()


def narrow(path, height, width):
    save_picture(Picture(np.full((height, width, 3), 0.5, "float32")), path)


BAD = {
    "missing.png": (lambda path: None, "no such file"),
    "folder.png": (lambda path: path.mkdir(), "not a folder"),
    "empty.jpg": (lambda path: path.touch(), "empty"),
    "cut.jpg": (lambda path: path.write_bytes(jpeg()[:2000]), "damaged or cut short"),
    "text.jpg": (lambda path: path.write_text("Dear picture,\n" * 40), "no picture"),
    "dot.png": (lambda path: narrow(path, 1, 1), "at least 16 pixels"),
    "few.png": (lambda path: narrow(path, 12, 15), "at least 16 pixels"),
    "thread.png": (lambda path: narrow(path, 3, 2000), "at least 16 pixels"),
    "bomb.png": (bomb, "million"),
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("part", ["content", "style"])
def test_bad_pictures(name, part, fails, tmp_path):
    make, expected = BAD[name]
    make(tmp_path / name)
    assert expected in fails(**{part: tmp_path / name})


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--recipe", "qualty"), "did you mean quality?"),
        (("--network", "vgg91"), "Did you mean 'vgg19'"),
        (("--style-layers", "relu4_2,relu9_1"), "no such layer"),
        (("--content-layers", "relu4-2"), "Did you mean 'relu4_2'"),
        (("--pooling", "medium"), "max, average, l2"),
        (("--optimizer", "adamw"), "adam, lbfgs"),
        (("--colours", "blue"), "style, keep, match"),
        (("--strength", "2"), "between 0 and 1"),
        (("--steps", "0"), "between 1 and"),
        (("--size", "-4"), "between 0 and"),
        (("--size", "many"), "invalid int value"),
        (("--blend", "1,x"), "invalid list of numbers value"),
        (("--blend", "1,1,1"), "one blend weight for each style (1)"),
        (("--blend=-1",), "weights are 0 or more"),
        (("--style-layer-weights", "1,2"), "one weight for each style layer (5)"),
        (("--device", "tpu"), "'cpu', 'gpu' or 'gpu:1'"),
        (("--save-every", "0"), "whole number of 1 or more"),
        (("--sice", "3"), "--sice"),
        (("--resume",), "nothing to resume"),
    ],
)
def test_bad_requests(words, expected, fails):
    assert expected in fails(*words, status=2)


def test_two_styles_with_three_weights(fails, pictures):
    assert "each style (2). Received: 3" in fails(pictures / "lines.png", "--blend", "1,2,3", status=2)


def test_unknown_style(fails):
    assert "`impasto styles list`" in fails(style="zzzz", status=2)


def test_no_style(impasto, pictures, capsys):
    assert impasto("stylize", pictures / "photo.png") == 2
    assert "--init noise" in capsys.readouterr().err
    assert impasto("stylize", "-") == 2
    assert "nothing to paint" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("output", "status", "expected"),
    [
        ("out.xyz", 2, ".png, .jpg"),
        ("out", 2, ".png, .jpg"),
        ("nowhere/out.png", 2, "folder does not exist"),
        ("/dev/full", 2, ""),
    ],
)
def test_bad_outputs_are_found_before_the_work(output, status, expected, fails):
    # The content is missing as well: had it been looked for first, that would be the message.
    assert expected in fails(output=output, content="missing.png", status=status)
    assert expected in fails("--plot", output, content="missing.png", status=status)


def test_a_folder_that_cannot_be_written(fails, tmp_path):
    folder = Path("/proc")  # not even root can
    if not folder.is_dir():
        folder = tmp_path / "closed"
        folder.mkdir(mode=0o500)
    assert "cannot be written" in fails(output=folder / "out.png", content="missing.png")


def test_inputs_are_not_replaced(fails, pictures, tmp_path):
    photo = tmp_path / "photo.png"
    photo.write_bytes((pictures / "photo.png").read_bytes())
    before = photo.read_bytes()
    assert "replace an input" in fails(content=photo, output=photo, status=2)
    assert "replace an input" in fails(style=photo, output=photo, status=2)
    assert "replace the picture" in fails("--plot", "out.png", status=2)
    assert photo.read_bytes() == before


def test_bad_weights(fails, tmp_path, bundled):
    path = tmp_path / "other.npz"
    np.savez(path, **{"block1_conv1/kernel": np.ones((3, 3, 3, 5), "float32")})
    error = fails("--network", "vgg_mini", "--weights", path)
    assert "expected block1_conv1/kernel of shape (3, 3, 3, 24), received (3, 3, 3, 5)" in error
    assert "fits no network" in fails("--weights", path)
    assert "does not fit VGG-19" in fails("--network", "vgg19", "--weights", bundled)
    assert "no such file" in fails("--weights", tmp_path / "none.h5")
    assert "impasto models download vgg16" in fails("--network", "vgg16")


def test_memory_runs_out(fails, monkeypatch):
    from impasto.core import stylize

    def full(*_, **__):
        raise MemoryError

    monkeypatch.setattr(stylize, "stylize", full)  # a machine's memory cannot be filled in a test
    assert "not enough memory" in fails()


def test_faults_are_not_hidden(impasto, bundled, pictures, monkeypatch):
    from impasto.core import stylize

    monkeypatch.setattr(stylize, "stylize", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        impasto("stylize", pictures / "photo.png", pictures / "dots.png", "-o", "out.png")


def test_the_disk_is_full(bundled, pictures, tmp_path):
    words = ["stylize", pictures / "photo.png", pictures / "dots.png", "-o", "out.png", *FAST]
    words += ["--network", "vgg_mini", "--weights", bundled, "--save-every", "1", "--optimizer", "adam"]
    result = subprocess.run(
        [sys.executable, "-m", "impasto.core.cli", *map(str, words)],
        cwd=tmp_path,
        env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        # No file may grow beyond 3,000 bytes; Python ignores the signal, so that writing fails.
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000)),
    )
    lines = result.stderr.splitlines()
    assert result.returncode == 1 and len(lines) == 2
    assert lines[0].startswith("impasto: an intermediate picture is left out: ")
    assert lines[1].startswith("impasto: The file could not be written") and "free space" in lines[1]
    assert not list(tmp_path.glob("*.p*"))


@pytest.mark.parametrize("words", [(), ("stylise",), ("stylize",), ("models", "lst"), ("--sice",)])
def test_bad_command_lines(words, impasto, capsys):
    assert impasto(*words) == 2
    error = capsys.readouterr().err
    assert error.startswith("impasto: ") and error.count("\n") == 1 and "--help" in error
    assert words != ("stylise",) or "did you mean stylize?" in error


def test_help_and_lists_do_not_start_keras(capsys):
    code = (
        "import sys; from impasto.core.cli import build_parser, main; build_parser();"
        "print({'keras', 'tensorflow', 'numpy', 'PIL', 'matplotlib'} & set(sys.modules));"
        "main(['models', 'list']); main(['styles', 'list']);"
        "print({'keras', 'tensorflow', 'matplotlib', 'skimage'} & set(sys.modules))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    lines = result.stdout.splitlines()
    assert lines[0] == lines[-1] == "set()"


def test_version(impasto, capsys):
    assert impasto("--version") == 0
    assert capsys.readouterr().out.startswith("impasto 0.")


def test_somebody_stops_reading():
    command = f"'{sys.executable}' -m impasto.core.cli models list | true"
    result = subprocess.run(["sh", "-c", command], capture_output=True, text=True)
    assert result.stderr == ""
