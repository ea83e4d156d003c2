"""All that differs between TensorFlow, JAX and PyTorch: gradients and compilation; `devices.py` has the rest.

The rest of the engine is written with ``keras.ops`` and asks this file for what Keras does not
offer in one form for its three backends. ``KERAS_BACKEND`` chooses the backend, as everywhere in Keras.
"""

import os
from collections.abc import Callable
from typing import Any

from .allocator import one_arena
from .cache_folder import keep_compiled

one_arena()
keep_compiled(os.environ.get("KERAS_BACKEND") or "tensorflow")  # before the backend is imported

import keras  # noqa: E402
import numpy as np  # noqa: E402

from .devices import (  # noqa: E402
    backend_title,
    current_device,
    describe_device,
    free_memory,
    repeatable_arithmetic,
    select_device,
    set_seed,
    whole_float32,
)

whole_float32()

__all__ = [
    "Compiled",
    "Function",
    "Tensor",
    "Tree",
    "backend_title",
    "compile_function",
    "compile_value_and_grad",
    "current_device",
    "describe_device",
    "dtype_of",
    "free_memory",
    "gradient",
    "repeatable_arithmetic",
    "select_device",
    "set_seed",
    "shared",
    "to_numpy",
    "to_tensor",
]

Tensor = Any  # a tensor of whichever backend runs
Tree = Any  # nested dicts, lists and tuples of tensors
Function = Callable[[Tensor, Tree], tuple[Tensor, dict[str, Tensor]]]
Compiled = Callable[[Tensor, Tree], tuple[Tensor, dict[str, Tensor], Tensor]]


def compile_value_and_grad(function: Function) -> Compiled:
    """Compiles a loss so that one call gives its value, its parts and its gradient by the picture.

    On TensorFlow a picture of another size (and a target of another height and width) does not
    trace the function again; XLA is left out because it is slower on a CPU. JAX compiles once for
    each size. PyTorch runs eagerly unless ``IMPASTO_TORCH_COMPILE`` asks for `torch.compile`.

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

    def step(image: Tensor, targets: Tree) -> tuple[Tensor, dict[str, Tensor], Tensor]:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(image)
            loss, parts = function(image, targets)
        return loss, parts, tape.gradient(loss, image, unconnected_gradients="zero")

    return _trace_for_any_size(step)


def _trace_for_any_size(function: Callable[..., Tree]) -> Callable[..., Tree]:
    """A ``tf.function`` that is traced once for pictures and feature maps of every height and width."""
    import tensorflow as tf

    compiled = tf.function(function, autograph=False, reduce_retracing=True)
    traced = set()

    def spec(tensor: Tensor) -> tf.TensorSpec:
        shape = list(tensor.shape)
        if len(shape) == 4:
            shape[1:3] = None, None
        return tf.TensorSpec(shape, tensor.dtype)

    def call(*arguments: Tree) -> Tree:
        specs = tf.nest.map_structure(spec, arguments)
        key = tuple(tf.nest.flatten(specs))
        if key not in traced:
            compiled.get_concrete_function(*specs)  # later calls with any such shapes find this trace
            traced.add(key)
        return compiled(*arguments)

    return call


def _compile_with_jax(function: Function) -> Compiled:
    import jax

    step = jax.jit(jax.value_and_grad(function, has_aux=True))

    def call(image: Tensor, targets: Tree) -> tuple[Tensor, dict[str, Tensor], Tensor]:
        (loss, parts), gradient = step(image, targets)
        return loss, parts, gradient

    return call


def _differentiate_with_torch(function: Function) -> Compiled:
    import torch

    if compiler := _torch_compiler():
        function = torch.compile(function, backend=compiler)

    def call(image: Tensor, targets: Tree) -> tuple[Tensor, dict[str, Tensor], Tensor]:
        image = image.detach().requires_grad_(True)
        with torch.enable_grad():
            loss, parts = function(image, targets)
        (gradient,) = torch.autograd.grad(loss, image)
        return loss.detach(), {name: part.detach() for name, part in parts.items()}, gradient

    return call


def _torch_compiler() -> str | None:
    """What ``IMPASTO_TORCH_COMPILE`` asks for: a backend of `torch.compile`; 1 is Inductor, None eager.

    On request only: on a processor a compiled step is as fast as an eager one over channels-last views
    (VGG-19, 512 pixels, two cores: 2336 against 2369 ms), and tracing takes half a minute for each size.
    """
    asked = os.environ.get("IMPASTO_TORCH_COMPILE", "0")
    return {"0": None, "": None, "1": "inductor"}.get(asked, asked)


def compile_function(function: Callable[..., Tree]) -> Callable[..., Tree]:
    """Compiles a function of tensors that needs no gradient. PyTorch runs it eagerly.

    Args:
        function: Takes and returns trees of tensors; Python values in it are fixed when it is traced.

    Returns:
        The function, compiled, of the same arguments.
    """
    name = keras.backend.backend()
    if name == "tensorflow":
        return _trace_for_any_size(function)
    if name == "jax":
        import jax

        return jax.jit(function)
    import torch

    return torch.no_grad()(function)


def shared(function: Callable[..., Tree]) -> Callable[..., Tree]:
    """Marks a part that compiled functions use many times, to be traced and optimised once.

    TensorFlow otherwise copies it to each place of use, and start-up suffers. No gradient passes.
    """
    if keras.backend.backend() != "tensorflow":
        return function
    import tensorflow as tf

    return tf.function(
        function, autograph=False, reduce_retracing=True, experimental_attributes={"_noinline": True}
    )


def gradient(function: Callable[[Tree], Tensor], x: Tree) -> Tree:
    """The gradient of a scalar function at ``x``, usable inside a function that is itself differentiated.

    Args:
        function: Takes a tensor, or a tree of tensors, and returns a scalar.
        x: Where the gradient is wanted.

    Returns:
        The like of ``x``, through which nothing is differentiated.
    """
    name = keras.backend.backend()
    if name == "tensorflow":
        import tensorflow as tf

        x = keras.tree.map_structure(tf.stop_gradient, x)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(x)
            value = function(x)
        slopes = tape.gradient(value, x, unconnected_gradients="zero")
        return keras.tree.map_structure(tf.stop_gradient, slopes)
    if name == "jax":
        import jax

        stop = jax.lax.stop_gradient
        return keras.tree.map_structure(stop, jax.grad(function)(keras.tree.map_structure(stop, x)))
    import torch

    x = keras.tree.map_structure(lambda leaf: leaf.detach().requires_grad_(True), x)
    with torch.enable_grad():
        slopes = torch.autograd.grad(function(x), keras.tree.flatten(x), materialize_grads=True)
    return keras.tree.pack_sequence_as(x, list(slopes))


def to_tensor(array: Any, dtype: str | None = None) -> Tensor:
    """Puts an array on the current device; its dtype stays unless one is named."""
    return keras.ops.convert_to_tensor(array, dtype=dtype)


def to_numpy(tensor: Tensor) -> np.ndarray:
    """Brings a tensor to the host as a NumPy array; an array stays what it is."""
    if isinstance(tensor, np.ndarray):
        return tensor
    return np.asarray(keras.ops.convert_to_numpy(tensor))


def dtype_of(tensor: Tensor) -> str:
    """A tensor's dtype by its NumPy name, such as ``"float32"``."""
    return keras.backend.standardize_dtype(tensor.dtype)
