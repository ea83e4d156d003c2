"""All that differs between TensorFlow, JAX and PyTorch: gradients, compilation, devices, memory, seeds.

The rest of the engine is written with ``keras.ops`` and asks this file for what Keras does not
offer in one form for its three backends. ``KERAS_BACKEND`` chooses the backend, as everywhere in Keras.
"""

import contextlib
import gc
import os
import sys
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from .errors import UsageError

Tensor = Any  # a tensor of whichever backend runs
Tree = Any  # nested dicts, lists and tuples of tensors
Function = Callable[[Tensor, Tree], tuple[Tensor, dict[str, Tensor]]]
Compiled = Callable[[Tensor, Tree], tuple[Tensor, dict[str, Tensor], Tensor]]

TITLES = {"tensorflow": "TensorFlow", "jax": "JAX", "torch": "PyTorch"}


def backend_title() -> str:
    """The running backend's name as people write it: ``"TensorFlow"``, ``"JAX"`` or ``"PyTorch"``."""
    return TITLES.get(keras.backend.backend(), keras.backend.backend())


# ---------------------------------------------------------------- gradients and compilation


def compile_value_and_grad(function: Function) -> Compiled:
    """Compiles a loss so that one call gives its value, its parts and its gradient by the picture.

    On TensorFlow a picture of another size (and a target of another height and width) does not
    trace the function again; XLA is left out because it is slower on a CPU. JAX compiles once for
    each size. PyTorch runs eagerly.

    Args:
        function: Takes the picture (1, height, width, 3) and a tree of target tensors; returns the
            loss, a scalar, and a dict of scalars to report.

    Returns:
        A function of the same arguments that returns ``(loss, parts, gradient)``, all on the device.
    """
    name = keras.backend.backend()
    if name == "tensorflow":
        return _compile_with_tensorflow(function)
    if name == "jax":
        return _compile_with_jax(function)
    return _differentiate_with_torch(function)


def _compile_with_tensorflow(function: Function) -> Compiled:
    import tensorflow as tf

    @tf.function(autograph=False, reduce_retracing=True)
    def step(image: Tensor, targets: Tree) -> tuple[Tensor, dict[str, Tensor], Tensor]:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(image)
            loss, parts = function(image, targets)
        return loss, parts, tape.gradient(loss, image, unconnected_gradients="zero")

    traced = set()

    def call(image: Tensor, targets: Tree) -> tuple[Tensor, dict[str, Tensor], Tensor]:
        specs = tf.nest.map_structure(_any_height_and_width, (image, targets))
        key = tuple(tf.nest.flatten(specs))
        if key not in traced:
            step.get_concrete_function(*specs)  # later calls with any such shapes find this trace
            traced.add(key)
        return step(image, targets)

    return call


def _any_height_and_width(tensor: Tensor) -> Any:
    import tensorflow as tf

    shape = list(tensor.shape)
    if len(shape) == 4:
        shape[1:3] = None, None
    return tf.TensorSpec(shape, tensor.dtype)


def _compile_with_jax(function: Function) -> Compiled:
    import jax

    step = jax.jit(jax.value_and_grad(function, has_aux=True))

    def call(image: Tensor, targets: Tree) -> tuple[Tensor, dict[str, Tensor], Tensor]:
        (loss, parts), gradient = step(image, targets)
        return loss, parts, gradient

    return call


def _differentiate_with_torch(function: Function) -> Compiled:
    import torch

    def call(image: Tensor, targets: Tree) -> tuple[Tensor, dict[str, Tensor], Tensor]:
        image = image.detach().requires_grad_(True)
        with torch.enable_grad():
            loss, parts = function(image, targets)
        (gradient,) = torch.autograd.grad(loss, image)
        return loss.detach(), {name: part.detach() for name, part in parts.items()}, gradient

    return call


def compile_function(function: Callable[..., Tree]) -> Callable[..., Tree]:
    """Compiles a function of tensors that needs no gradient. PyTorch runs it eagerly.

    Args:
        function: Takes and returns trees of tensors; Python values in it are fixed when it is traced.

    Returns:
        The function, compiled, of the same arguments.
    """
    name = keras.backend.backend()
    if name == "tensorflow":
        import tensorflow as tf

        return tf.function(function, autograph=False, reduce_retracing=True)
    if name == "jax":
        import jax

        return jax.jit(function)
    import torch

    return torch.no_grad()(function)


def gradient(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """The gradient of a scalar function at ``x``, usable inside a function that is itself differentiated.

    Args:
        function: Takes a tensor, returns a scalar.
        x: Where the gradient is wanted.

    Returns:
        A tensor of the shape of ``x`` through which nothing is differentiated.
    """
    name = keras.backend.backend()
    if name == "tensorflow":
        import tensorflow as tf

        x = tf.stop_gradient(x)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(x)
            value = function(x)
        return tf.stop_gradient(tape.gradient(value, x, unconnected_gradients="zero"))
    if name == "jax":
        import jax

        return jax.lax.stop_gradient(jax.grad(function)(jax.lax.stop_gradient(x)))
    import torch

    x = x.detach().requires_grad_(True)
    with torch.enable_grad():
        return torch.autograd.grad(function(x), x)[0]


# ---------------------------------------------------------------- tensors


def to_tensor(array: Any, dtype: str | None = None) -> Tensor:
    """Puts an array on the current device; its dtype stays unless one is named."""
    return keras.ops.convert_to_tensor(array, dtype=dtype)


def to_numpy(tensor: Tensor) -> np.ndarray:
    """Brings a tensor to the host as a NumPy array."""
    return np.asarray(keras.ops.convert_to_numpy(tensor))


def dtype_of(tensor: Tensor) -> str:
    """A tensor's dtype by its NumPy name, such as ``"float32"``."""
    return keras.backend.standardize_dtype(tensor.dtype)


# ---------------------------------------------------------------- devices


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


# ---------------------------------------------------------------- seeds and memory


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


def peak_memory() -> int | None:
    """The most memory this process has held on the host so far, in bytes; None where that is unknown."""
    if sys.platform == "win32":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # macOS counts bytes, Linux kibibytes
