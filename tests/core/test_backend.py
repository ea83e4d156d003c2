"""What the engine asks of each backend: gradients, compilation, devices, seeds, memory."""

import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import ops

from impasto.core import backend, host
from impasto.core.errors import UsageError

tensorflow_only = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="about tf.function")


def picture(height=4, width=5):
    return np.random.default_rng(height * width).random((1, height, width, 3)).astype("float32")


def test_value_parts_and_gradient():
    def function(image, targets):
        parts = {"a": ops.sum(ops.square(image - targets["a"])), "b": 2 * ops.sum(image)}
        return parts["a"] + parts["b"], parts

    x, a = picture(), picture(5, 4).reshape(1, 4, 5, 3)
    compiled = backend.compile_value_and_grad(function)
    loss, parts, gradient = compiled(backend.to_tensor(x), {"a": backend.to_tensor(a)})
    np.testing.assert_allclose(float(parts["a"]), np.sum((x - a) ** 2), rtol=1e-5)
    np.testing.assert_allclose(float(loss), np.sum((x - a) ** 2) + 2 * np.sum(x), rtol=1e-5)
    np.testing.assert_allclose(backend.to_numpy(gradient), 2 * (x - a) + 2, rtol=1e-5)


def test_gradient_is_zero_where_the_loss_ignores_the_picture():
    compiled = backend.compile_value_and_grad(lambda image, targets: (0.0 * ops.sum(image), {}))
    _, _, gradient = compiled(backend.to_tensor(picture()), {})
    assert not np.any(backend.to_numpy(gradient))


@tensorflow_only
def test_pictures_and_targets_of_other_sizes_are_not_traced_again():
    traces = []

    def function(image, targets):
        traces.append(1)
        loss = ops.sum(ops.square(image - targets["picture"])) + ops.sum(targets["matrix"])
        return loss, {"loss": loss}

    compiled = backend.compile_value_and_grad(function)
    for size in ((4, 5), (8, 6), (3, 9)):
        x = picture(*size)
        targets = {
            "picture": backend.to_tensor(0 * x),
            "matrix": backend.to_tensor(np.eye(3, dtype="float32")),
        }
        loss, _, gradient = compiled(backend.to_tensor(x), targets)
        np.testing.assert_allclose(float(loss), np.sum(x**2) + 3, rtol=1e-5)
        assert tuple(gradient.shape) == x.shape
    assert len(traces) == 1


@tensorflow_only
def test_other_targets_are_traced_again_and_right():
    compiled = backend.compile_value_and_grad(lambda x, t: (ops.sum(x) * sum(t.values()), {}))
    one, two = backend.to_tensor(np.float32(1)), backend.to_tensor(np.float32(2))
    x = backend.to_tensor(picture())
    single, _, _ = compiled(x, {"a": one})
    double, _, _ = compiled(x, {"a": one, "b": two})
    np.testing.assert_allclose(float(double), 3 * float(single), rtol=1e-5)


def test_compiled_function_takes_and_returns_trees():
    function = backend.compile_function(lambda tree: {"sum": tree["a"] + tree["b"][0]})
    a, b = picture(), picture()
    result = function({"a": backend.to_tensor(a), "b": [backend.to_tensor(b)]})
    np.testing.assert_allclose(backend.to_numpy(result["sum"]), a + b, rtol=1e-6)


def test_inner_gradient_inside_a_differentiated_function():
    def function(image, targets):
        slope = backend.gradient(lambda x: ops.sum(x**3), image)  # 3x², held still
        return ops.sum(slope * image), {}

    x = picture()
    _, _, gradient = backend.compile_value_and_grad(function)(backend.to_tensor(x), {})
    np.testing.assert_allclose(backend.to_numpy(gradient), 3 * x**2, rtol=1e-5)


def test_tensors_keep_their_values_and_dtype():
    x = picture()
    tensor = backend.to_tensor(x)
    assert backend.dtype_of(tensor) == "float32"
    np.testing.assert_array_equal(backend.to_numpy(tensor), x)


@pytest.mark.parametrize("device", [None, "cpu", "CPU:0"])
def test_work_runs_on_the_chosen_device(device):
    with backend.select_device(device):
        assert float(ops.sum(backend.to_tensor(picture()))) > 0
    assert backend.backend_title() in backend.describe_device(device)


def test_work_inside_the_block_knows_its_device():
    outside = backend.current_device()
    with backend.select_device("cpu"):
        assert backend.current_device() == "cpu:0"
        with backend.select_device(None):  # no choice: where the block around it runs
            assert backend.current_device() == "cpu:0"
        assert backend.describe_device() == backend.describe_device("cpu:0")
    assert backend.current_device() == outside


@pytest.mark.skipif(keras.backend.backend() != "torch", reason="about torch.compile")
@pytest.mark.parametrize("asked", ["aot_eager", "0"])
def test_torch_compile_on_request(asked, monkeypatch):
    monkeypatch.setenv("IMPASTO_TORCH_COMPILE", asked)
    import torch

    compiled = []

    def function(image, targets):
        compiled.append(torch.compiler.is_compiling())
        loss = ops.sum(targets["weight"] * image**2)
        return loss, {"loss": loss}

    call = backend.compile_value_and_grad(function)
    weight = backend.to_tensor(np.float32(3))
    for size in ((4, 5), (6, 7)):
        x = picture(*size)
        loss, parts, gradient = call(backend.to_tensor(x), {"weight": weight})
        np.testing.assert_allclose(float(loss), 3 * np.sum(x**2), rtol=1e-5)
        np.testing.assert_allclose(float(parts["loss"]), float(loss))
        np.testing.assert_allclose(backend.to_numpy(gradient), 6 * x, rtol=1e-5)
    assert all(compiled) == (asked != "0")


def test_the_processor_is_described_with_its_cores():
    assert backend.describe_device("cpu").startswith("CPU, ")


@pytest.mark.parametrize("device", ["tpu", "gpu:x", "", "gpu:999"])
def test_devices_that_are_not_there_are_refused_in_one_line(device):
    if device == "":
        device = "cuda"
    with pytest.raises(UsageError, match="Received") as error:
        backend.select_device(device)
    assert "\n" not in str(error.value)


def test_seeds_repeat():
    draws = []
    for _ in range(2):
        backend.set_seed(7)
        draws.append(backend.to_numpy(keras.random.normal((4,))))
    np.testing.assert_array_equal(*draws)


def test_float32_is_multiplied_as_float32():
    """By what each backend says: TensorFloat-32, which there is on GPUs only, leaves a root no number."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        assert not tf.config.experimental.tensor_float_32_execution_enabled()
    elif keras.backend.backend() == "jax":
        import jax

        assert jax.config.jax_default_matmul_precision == "float32"
    else:
        import torch

        assert torch.get_float32_matmul_precision() == "highest"


def test_memory_is_counted_in_bytes():
    backend.free_memory()
    peak = host.peak_memory()
    assert peak is None or 50e6 < peak < 1e12


@pytest.mark.skipif(keras.backend.backend() != "torch", reason="sees PyTorch's operations one by one")
@pytest.mark.parametrize(
    ("content", "style"), [("normalised", "moments"), ("scaled", "gram"), ("mean", "means")]
)
def test_a_step_takes_nothing_to_the_device_and_fetches_one_number(content, style):
    """On a GPU each such copy waits until all that was asked for before is done."""
    from torch.utils._python_dispatch import TorchDispatchMode

    from impasto.core.assemble import make_optimizer, workbench
    from impasto.core.recipes import settings_for

    settings = settings_for(
        "quality", network="vgg_mini", content_loss=content, style_loss=style, optimizer="adam"
    )
    bench, pixels = workbench(settings, content=True, style=True), picture(32, 48)[0]
    bench.objective.targets = bench.content_targets(pixels) | bench.style_targets([pixels**2], [1.0])
    optimizer, copies = make_optimizer(settings, pixels), []

    class Watch(TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            name = str(function).split(".")[1]
            if name in ("lift_fresh", "_local_scalar_dense", "_to_copy", "nonzero"):
                copies.append(name)
            return function(*args, **(kwargs or {}))

    optimizer.step(bench.objective)  # brings the losses' weights
    with Watch():
        optimizer.step(bench.objective)
    assert copies == ["_local_scalar_dense"]


def test_a_gradient_by_what_a_function_leaves_out_is_zero():
    one, other = backend.to_tensor(picture()), backend.to_tensor(picture())
    slopes = backend.gradient(lambda tree: ops.sum(tree["one"]), {"one": one, "other": other})
    assert np.all(backend.to_numpy(slopes["one"]) == 1) and not np.any(backend.to_numpy(slopes["other"]))


of_tensorflow = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="asks TensorFlow, in a process of its own"
)


@of_tensorflow
def test_no_convolution_falls_back_to_onednn_s_reference():
    """On processors without AVX-512, where TensorFlow leaves oneDNN off, its 128 channels take minutes."""
    program = (
        "import impasto.core.backend; from keras import ops;"
        "print(ops.conv(ops.ones((1, 512, 512, 128)), ops.ones((3, 3, 128, 128)), padding='same').shape)"
    )
    environment = os.environ | {"ONEDNN_VERBOSE": "1", "KERAS_BACKEND": "tensorflow"}
    command = [sys.executable, "-c", program]
    said = subprocess.run(
        command, env=environment, check=True, capture_output=True, text=True, timeout=60
    ).stdout
    assert "(1, 512, 512, 128)" in said and ",convolution,ref" not in said


@of_tensorflow
@pytest.mark.parametrize("onednn", [False, True])
def test_tensorflow_tells_whose_convolutions_it_takes(onednn):
    """In a process of its own, since that is settled when TensorFlow is imported."""
    program = "from impasto.core.devices import plain_tensorflow; print(plain_tensorflow())"
    environment = os.environ | {"TF_ENABLE_ONEDNN_OPTS": str(int(onednn)), "KERAS_BACKEND": "tensorflow"}
    command = [sys.executable, "-c", program]
    said = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
    assert said.split() == [str(not onednn)]
