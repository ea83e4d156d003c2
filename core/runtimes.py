"""Other programs that run a Keras network on a processor, exported, compared and timed.

    inputs = {"picture": picture, "style": weights}
    export(model, Path("painter.onnx"), inputs)
    times = time_runtimes(model, inputs)
    fastest(times)  # "onnx", "litert", or "keras" where none wins by more than a quarter

ONNX Runtime (Microsoft) and LiteRT (Google, once TensorFlow Lite) are optional:
`pip install "impasto[export]"`. Both are given networks of fixed size, laid out in memory ahead of time.
"""

from __future__ import annotations

import contextlib
import io
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import keras
import numpy as np

from .backend import compile_function, to_numpy, to_tensor
from .errors import ImpastoError, PictureError, UsageError
from .picture_writing import check_place, write_file

FORMATS = {".onnx": "onnx", ".tflite": "litert"}
INSTALL = "pip install 'impasto[export]'"
PARITY = 1e-3  # on pictures of 0–1: a quarter of an 8-bit step
MARGIN = 1.25  # a runtime must be so much faster to be worth a dependency

Inputs = Mapping[str, np.ndarray]
Runner = Callable[[Inputs], np.ndarray]


def export(model: keras.Model, path: Path, inputs: Inputs) -> None:
    """Writes a network for another runtime: `.onnx`, or `.tflite` for LiteRT.

    Args:
        model: a functional model of named inputs and one output.
        path: where to; the extension chooses the format.
        inputs: an example of each input by name, which fixes the shapes.

    Raises:
        UsageError: another extension, the folder is missing, or a package or backend that the export needs.
        ImpastoError: the exporter fails.
        PictureError: the file cannot be written.
    """
    kind = FORMATS.get(path.suffix.lower())
    if kind is None:
        raise UsageError(f"A network is exported as {' or '.join(FORMATS)}. Received: {path.name}")
    if keras.backend.backend() != "tensorflow":
        raise UsageError(
            f"Networks are exported from TensorFlow; set KERAS_BACKEND=tensorflow. "
            f"Received: {keras.backend.backend()}"
        )
    check_place(path)
    fixed = fixed_size(model, inputs)
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            write_file(path, _as_onnx(fixed) if kind == "onnx" else _as_litert(fixed))
    except PictureError:
        raise
    except ImportError as error:
        raise UsageError(
            f"The export needs a package that is not here: {INSTALL}. Received: {error}"
        ) from None
    except Exception as error:  # TensorFlow's and tf2onnx's own kinds
        raise ImpastoError(
            f"The network cannot be exported to {kind}; try the other format. "
            f"Received: {' '.join(str(error).split())[:200]}"
        ) from error


def fixed_size(model: keras.Model, inputs: Inputs) -> keras.Model:
    """The same network for inputs of one shape, sharing its weights."""
    tensors = [keras.Input(batch_shape=inputs[own.name].shape, name=own.name) for own in model.inputs]
    fixed = keras.Model(tensors, model(tensors), name=model.name)
    fixed(
        [to_tensor(inputs[own.name]) for own in model.inputs]
    )  # Keras exports no model that was never called
    return fixed


def _as_onnx(model: keras.Model) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.onnx"
        model.export(str(path), format="onnx", verbose=False)
        return path.read_bytes()


def _as_litert(model: keras.Model) -> bytes:
    """Converted directly: Keras's own export asks for operations that the plain runtime lacks."""
    import tensorflow as tf

    names = [own.name for own in model.inputs]
    function = tf.function(lambda *tensors: model(list(tensors), training=False), autograph=False)
    specs = [
        tf.TensorSpec(own.shape, own.dtype, name=name) for own, name in zip(model.inputs, names, strict=True)
    ]
    concrete = function.get_concrete_function(*specs)
    return tf.lite.TFLiteConverter.from_concrete_functions([concrete]).convert()


def load_exported(path: Path) -> Runner:
    """A function from inputs by name to the output, run by the runtime that the file is for.

    Raises:
        UsageError: the runtime is not installed, or the extension unknown.
    """
    kind = FORMATS.get(Path(path).suffix.lower())
    if kind is None:
        raise UsageError(f"Expected a file that ends in {' or '.join(FORMATS)}. Received: {path}")
    try:
        return _onnx(path) if kind == "onnx" else _litert(path)
    except ImportError as error:
        raise UsageError(f"The runtime is not installed: {INSTALL}. Received: {error}") from None


def _onnx(path: Path) -> Runner:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    names = [entry.name for entry in session.get_inputs()]

    def run(inputs: Inputs) -> np.ndarray:
        return session.run(None, {name: inputs[name.split(":")[0]] for name in names})[0]

    return run


def _litert(path: Path) -> Runner:
    import os

    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(path), num_threads=os.cpu_count() or 1)
    interpreter.allocate_tensors()
    places = {entry["name"].split(":")[0]: entry["index"] for entry in interpreter.get_input_details()}
    output = interpreter.get_output_details()[0]["index"]

    def run(inputs: Inputs) -> np.ndarray:
        for name, place in places.items():
            interpreter.set_tensor(place, inputs[name.removeprefix("serving_default_")])
        interpreter.invoke()
        return interpreter.get_tensor(output)

    return run


def in_keras(model: keras.Model) -> Runner:
    """The network as Keras itself runs it, compiled."""
    run = compile_function(lambda *tensors: model(list(tensors), training=False))
    return lambda inputs: to_numpy(run(*(to_tensor(inputs[own.name]) for own in model.inputs)))


def difference(model: keras.Model, path: Path, inputs: Inputs) -> float:
    """The largest difference between an exported network's output and the original's."""
    return float(np.abs(load_exported(path)(inputs) - in_keras(model)(inputs)).max())


def time_runtimes(model: keras.Model, inputs: Inputs, runs: int = 7) -> dict[str, float]:
    """Median seconds of one pass in Keras and in each runtime that is installed, taken in turns.

    Args:
        model: a functional model of named inputs and one output.
        inputs: an example of each input by name.
        runs: passes of each, after one that is not counted.

    Returns:
        Seconds by `"keras"`, `"onnx"`, `"litert"`; those that are not here, or cannot run it, are missing.
    """
    with tempfile.TemporaryDirectory() as folder:
        runners = {"keras": in_keras(model)}
        for extension, name in FORMATS.items():
            path = Path(folder) / f"network{extension}"
            with contextlib.suppress(ImpastoError):
                export(model, path, inputs)
                runners[name] = load_exported(path)
        taken: dict[str, list[float]] = {name: [] for name in runners}
        for _ in range(runs + 1):
            for name, run in runners.items():
                began = time.perf_counter()
                run(inputs)
                taken[name].append(time.perf_counter() - began)
    return {name: statistics.median(seconds[1:]) for name, seconds in taken.items()}


def fastest(seconds: Mapping[str, float], margin: float = MARGIN) -> str:
    """The runtime to use: Keras, unless another is faster by more than the margin."""
    best = min(seconds, key=lambda name: seconds[name])
    return best if seconds["keras"] > margin * seconds[best] else "keras"
