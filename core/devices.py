"""Devices, seeds and memory, by one name each on TensorFlow, JAX and PyTorch."""

import contextlib
import gc
import os
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

import keras

from .errors import UsageError
from .host import describe_processor

# PyTorch's operations that Apple's GPU lacks (an eigenvalue decomposition) run on the processor instead
# of failing; it is read when PyTorch is imported.
os.environ.setdefault("PYTORCH_ENABLE_MPS_FALLBACK", "1")

Place = tuple[str, int]  # the kind of a device, "cpu" or "gpu", and its number
_chosen: ContextVar[tuple[Place, ...]] = ContextVar("devices", default=())

TITLES = {"tensorflow": "TensorFlow", "jax": "JAX", "torch": "PyTorch"}


def backend_title() -> str:
    """The running backend's name as people write it: ``"TensorFlow"``, ``"JAX"`` or ``"PyTorch"``."""
    return TITLES.get(keras.backend.backend(), keras.backend.backend())


def _gpus() -> list[str]:
    """Names of the GPUs that the running backend can use, in its order."""
    name = keras.backend.backend()
    if name == "tensorflow":
        import tensorflow as tf

        details = tf.config.experimental.get_device_details
        return [details(gpu).get("device_name", gpu.name) for gpu in tf.config.list_physical_devices("GPU")]
    if name == "jax":
        import jax

        return [device.device_kind for device in jax.devices() if device.platform != "cpu"]
    import torch

    if torch.cuda.is_available():
        return [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    return ["Apple GPU"] if torch.backends.mps.is_available() else []


def _processors() -> int:
    """How many processors the running backend sees: one, unless a test has divided it into several.

    On PyTorch, where each of several devices has a process, as many as may share the cores: two or more.
    """
    name = keras.backend.backend()
    if name == "tensorflow":
        import tensorflow as tf

        return len(tf.config.list_logical_devices("CPU"))
    if name == "jax":
        import jax

        return len(jax.devices("cpu"))
    return max(2, os.cpu_count() or 1)


def split_name(device: str) -> Place:
    """The kind and number of `cpu`, `gpu` or `gpu:1`.

    Raises:
        UsageError: for any other word, and for a device that is not there.
    """
    kind, _, number = device.lower().partition(":")
    if kind not in ("cpu", "gpu") or (number and not number.isdecimal()):
        raise UsageError(f"Unknown device. Expected 'cpu', 'gpu' or 'gpu:1'. Received: {device!r}")
    index = int(number or 0)
    count = len(_gpus()) if kind == "gpu" else _processors() if index else 1
    if count == 0:
        raise UsageError(
            f"{backend_title()} sees no GPU. Expected 'cpu' here, or an installation with GPU support"
            f" (on Linux: pip install 'impasto[cuda]'). Received: {device!r}"
        )
    if index >= count:
        raise UsageError(
            f"There is no such device. Expected a number from 0 to {count - 1}. Received: {device!r}"
        )
    return kind, index


def select_device(device: str | None = None) -> contextlib.AbstractContextManager[Any]:
    """Chooses where everything inside the ``with`` block runs.

    Args:
        device: ``"cpu"``, ``"gpu"``, ``"gpu:1"``, or None for the backend's own choice, which is the
            first GPU where there is one. Of several, as ``"gpu:0,gpu:1"``, each takes its share of a
            picture's tiles (`spread.py`), and the first does all other work.

    Returns:
        A context manager.

    Raises:
        UsageError: For any other word, for a GPU that is not there, and for devices that cannot share
            a picture.
    """
    return _on(_places(device) if device is not None else ())


def _places(devices: str) -> tuple[Place, ...]:
    places = tuple(split_name(word.strip()) for word in devices.split(","))
    if len(set(places)) < len(places) or len({kind for kind, _ in places}) > 1:
        raise UsageError(
            f"Several devices are of one kind, each named once, such as gpu:0,gpu:1. Received: {devices!r}"
        )
    return places


@contextlib.contextmanager
def _on(places: tuple[Place, ...]) -> Iterator[None]:
    """Runs the block on devices; a block inside it that chooses none stays there."""
    if not places:
        yield
        return
    kind, index = places[0]
    before = _chosen.set(places)
    try:
        with keras.device(keras_name(kind, index)):
            yield
    finally:
        _chosen.reset(before)


def keras_name(kind: str, index: int) -> str:
    """Keras's name for a device. Apple's GPU goes by its own; PyTorch has one processor, without a number."""
    if keras.backend.backend() != "torch":
        return f"{kind}:{index}"
    if kind == "cpu":
        return kind  # in "cpu:0" Keras would take a variable for another device's and fail to freeze it
    import torch

    return f"{'gpu' if torch.cuda.is_available() else 'mps'}:{index}"


def current_device() -> str:
    """The device that work runs on here, such as ``"cpu:0"`` or ``"gpu:1"``; of several the first."""
    return current_devices()[0]


def current_devices() -> list[str]:
    """The devices that share a picture's tiles here, such as ``["gpu:0", "gpu:1"]``; mostly one."""
    places = _chosen.get() or (("gpu" if _gpus() else "cpu", 0),)
    return [f"{kind}:{index}" for kind, index in places]


def describe_device(device: str | None = None) -> str:
    """Says in words where the work runs, for the progress bar.

    Args:
        device: As for `select_device`; None for the one that work runs on here.

    Returns:
        For example ``"CPU, 2 cores (TensorFlow)"`` or ``"GPU 0, NVIDIA T4 (PyTorch)"``.
    """
    words = (device or ",".join(current_devices())).split(",")
    if len(words) > 1:
        return f"{len(words)} devices, {', '.join(word.strip() for word in words)} ({backend_title()})"
    kind, index = split_name(words[0])
    if kind == "gpu":
        return f"GPU {index}, {_gpus()[index]} ({backend_title()})"
    if index:
        return f"CPU {index} ({backend_title()})"
    return describe_processor(backend_title())


def set_seed(seed: int) -> None:
    """Seeds Python, NumPy and the backend, and asks GPUs for repeatable arithmetic.

    Training draws from these generators. A painting does not: its noise has a generator of its own, so
    it leaves the caller's alone.

    Args:
        seed: A whole number from 0 to 2³² - 1.
    """
    keras.utils.set_random_seed(seed)
    repeatable_arithmetic()


def repeatable_arithmetic() -> None:
    """Asks GPUs for the same sums in the same order each time, for the life of the process.

    Convolutions' gradients are otherwise added up in whatever order threads end, and the same seed
    paints another picture. Processors, and JAX on whatever device, are left as they are: JAX takes
    ``XLA_FLAGS=--xla_gpu_deterministic_ops=true`` only before it starts.
    """
    if not _gpus():
        return
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()
    elif keras.backend.backend() == "torch":
        import torch

        torch.backends.cudnn.deterministic = True
        torch.backends.cudnn.benchmark = False


def whole_float32() -> None:
    """Has GPUs multiply float32 as float32, for the life of the process.

    TensorFlow and JAX take TensorFloat-32 by default, with 10 bits of mantissa: a product of two
    covariances then has negative eigenvalues far beyond what its root bears, and is no number (seen with
    JAX on an H200). PyTorch takes it in convolutions only, where it does no harm. Whoever wants half
    precision asks for bfloat16.
    """
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_tensor_float_32_execution(False)
    elif keras.backend.backend() == "jax" and "JAX_DEFAULT_MATMUL_PRECISION" not in os.environ:
        import jax

        jax.config.update("jax_default_matmul_precision", "float32")


def free_memory() -> None:
    """Gives back what a finished scale no longer needs, before a larger one begins."""
    gc.collect()
    if keras.backend.backend() == "torch":
        import torch

        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def plain_tensorflow() -> bool:
    """Whether convolutions are TensorFlow's own and not oneDNN's, whose allocator keeps what is freed."""
    if keras.backend.backend() != "tensorflow":
        return False
    # What TensorFlow decides from the processor and TF_ENABLE_ONEDNN_OPTS; no public name tells.
    from tensorflow.python.util import _pywrap_util_port

    return not _pywrap_util_port.IsMklEnabled()


def free_gpu_memory() -> float | None:
    """Bytes that are free on the GPU that works by default, with those the backend keeps for reuse.

    Returns:
        None without a GPU, inside ``select_device("cpu")``, and where the backend does not tell.
    """
    if not _gpus():
        return None
    here = keras.ops.zeros(())
    if keras.backend.backend() == "torch" and here.device.type == "cuda":
        import torch

        free, _ = torch.cuda.mem_get_info(here.device)
        return float(free + torch.cuda.memory_reserved() - torch.cuda.memory_allocated())
    if keras.backend.backend() == "jax":
        facts = next(iter(here.devices())).memory_stats() or {}
        return float(facts["bytes_limit"] - facts["bytes_in_use"]) if "bytes_limit" in facts else None
    return None
