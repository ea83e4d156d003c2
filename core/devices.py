"""Devices, seeds and memory, by one name each on TensorFlow, JAX and PyTorch."""

import contextlib
import gc
import os
import sys
from typing import Any

import keras

from .errors import UsageError

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


def _parse_device(device: str) -> tuple[str, int]:
    kind, _, number = device.lower().partition(":")
    if kind not in ("cpu", "gpu") or (number and not number.isdecimal()):
        raise UsageError(f"Unknown device. Expected 'cpu', 'gpu' or 'gpu:1'. Received: {device!r}")
    index, count = int(number or 0), len(_gpus()) if kind == "gpu" else 1
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
            first GPU where there is one.

    Returns:
        A context manager.

    Raises:
        UsageError: For any other word, and for a GPU that is not there.
    """
    if device is None:
        return contextlib.nullcontext()
    kind, index = _parse_device(device)
    if kind == "gpu" and keras.backend.backend() == "torch":
        import torch

        kind = "gpu" if torch.cuda.is_available() else "mps"
    return keras.device(f"{kind}:{index}")


def describe_device(device: str | None = None) -> str:
    """Says in words where the work runs, for the progress bar.

    Args:
        device: As for `select_device`.

    Returns:
        For example ``"CPU, 2 cores (TensorFlow)"`` or ``"GPU 0, NVIDIA T4 (PyTorch)"``.
    """
    gpus = _gpus()
    kind, index = _parse_device(device) if device else ("gpu" if gpus else "cpu", 0)
    if kind == "gpu":
        return f"GPU {index}, {gpus[index]} ({backend_title()})"
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return f"CPU, {cores} {'core' if cores == 1 else 'cores'} ({backend_title()})"


def set_seed(seed: int) -> None:
    """Seeds Python, NumPy and the backend, and asks GPUs for repeatable arithmetic.

    Args:
        seed: A whole number from 0 to 2³² - 1.
    """
    keras.utils.set_random_seed(seed)
    if not _gpus():
        return
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()
    elif keras.backend.backend() == "torch":
        import torch

        torch.backends.cudnn.deterministic = True
        torch.backends.cudnn.benchmark = False


def free_memory() -> None:
    """Gives back what a finished scale no longer needs, before a larger one begins."""
    gc.collect()
    if keras.backend.backend() == "torch":
        import torch

        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def resident_memory() -> float:
    """Bytes that this process holds on the host; 0 where that is unknown."""
    try:
        import psutil

        return float(psutil.Process().memory_info().rss)
    except (ImportError, OSError):
        return 0.0


def free_memory_of_host() -> float | None:
    """Bytes that programs may still take without others being swapped out; None where that is unknown."""
    try:
        import psutil

        return float(psutil.virtual_memory().available)
    except (ImportError, OSError):
        return None


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


def peak_memory() -> int | None:
    """The most memory this process has held on the host so far, in bytes; None where that is unknown."""
    if sys.platform == "win32":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # macOS counts bytes, Linux kibibytes
