"""Networks exported for other runtimes paint what Keras paints."""

import sys

import keras
import numpy as np
import pytest

from impasto.core.errors import UsageError
from impasto.core.painter import Painter
from impasto.core.runtimes import PARITY, difference, export, fastest, load_exported, time_runtimes
from impasto.models.painters import PainterFacts, build_painter, encode_painter

PACKAGES = {"onnx": ("onnxruntime", "tf2onnx"), "tflite": ("ai_edge_litert",)}

exporting = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="exports go by way of TensorFlow"
)


@pytest.fixture(scope="module")
def painter():
    keras.utils.set_random_seed(6)
    facts = PainterFacts("transformer", {"width": 4, "blocks": 1}, ("dots", "lines"))
    return Painter(facts, build_painter(facts))


def needs(extension):
    for package in PACKAGES[extension]:
        pytest.importorskip(package)


@exporting
@pytest.mark.parametrize("extension", ["onnx", "tflite"])
def test_an_exported_network_paints_the_same(painter, extension, tmp_path, blobs):
    needs(extension)
    path = tmp_path / f"painter.{extension}"
    inputs = painter.example(24, 32)
    export(painter.model, path, inputs)
    assert difference(painter.model, path, inputs) <= PARITY
    # Other pictures and other styles go in as well: nothing was frozen but the size.
    other = {"picture": blobs(24, 32)[None], "style": np.array([[0.25, 0.75]], "float32")}
    assert difference(painter.model, path, other) <= PARITY
    run = load_exported(path)
    assert np.abs(run(other) - run(inputs)).max() > 0.01


@exporting
def test_the_command_compares(painter, impasto, tmp_path, capsys):
    needs("onnx")
    (tmp_path / "painter.npz").write_bytes(encode_painter(painter.facts, painter.model))
    assert impasto("export", tmp_path / "painter.npz", "-o", "out.onnx", "--size", "32x24") == 0
    assert "out.onnx: within " in capsys.readouterr().out


@exporting
def test_times_of_all_that_are_here(painter):
    needs("onnx"), needs("tflite")
    seconds = time_runtimes(painter.model, painter.example(16, 16), runs=1)
    assert set(seconds) == {"keras", "onnx", "litert"} and min(seconds.values()) > 0


def test_a_runtime_must_win_by_more_than_a_quarter():
    assert fastest({"keras": 1.0, "onnx": 0.79, "litert": 2.0}) == "onnx"
    assert fastest({"keras": 1.0, "onnx": 0.81}) == "keras"
    assert fastest({"keras": 1.0}) == "keras"


def test_unknown_formats_and_sizes_are_refused(painter, impasto, tmp_path, capsys):
    with pytest.raises(UsageError, match=r"\.onnx or \.tflite.*Received: painter\.pb"):
        export(painter.model, tmp_path / "painter.pb", painter.example(16, 16))
    (tmp_path / "painter.npz").write_bytes(encode_painter(painter.facts, painter.model))
    assert impasto("export", tmp_path / "painter.npz", "-o", "out.onnx", "--size", "30") == 2
    assert "multiples of 4" in capsys.readouterr().err
    assert impasto("export", tmp_path / "painter.npz") == 2
    assert "nothing to do" in capsys.readouterr().err


@exporting
def test_a_textures_generator_is_exported_too(tmp_path):
    needs("onnx")
    facts = PainterFacts("generator", {"channels": 3, "scales": 3, "content": False}, ("waves",))
    maker = Painter(facts, build_painter(facts))
    inputs = maker.example(32, 48)
    assert "picture" not in inputs
    export(maker.model, tmp_path / "texture.onnx", inputs)
    assert difference(maker.model, tmp_path / "texture.onnx", inputs) <= PARITY


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["nothing", "-o", "out.onnx"], "a bundled one"),
        (["FILE", "-o", "out.onnx", "--size", "wide"], "size such as 640x480"),
        (["FILE", "-o", "nowhere/out.onnx", "--size", "16"], "nowhere"),
        (["FILE", "-o", "out.pb", "--size", "16"], ".onnx or .tflite"),
    ],
)
def test_exports_that_cannot_be_get_one_line(words, line, painter, impasto, tmp_path, capsys):
    (tmp_path / "painter.npz").write_bytes(encode_painter(painter.facts, painter.model))
    named = [tmp_path / "painter.npz" if word == "FILE" else word for word in words]
    assert impasto("export", *named) in (1, 2)
    shown = capsys.readouterr()
    assert line in shown.err and shown.err.count("\n") == 1 and not list(impasto.folder.rglob("*.*"))


@exporting
def test_a_runtime_that_is_not_installed_is_named(painter, monkeypatch, tmp_path):
    path = tmp_path / "painter.onnx"
    path.write_bytes(b"")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(UsageError, match=r"not installed: pip install 'impasto\[export\]'"):
        load_exported(path)
