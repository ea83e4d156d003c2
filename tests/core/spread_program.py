"""Run by test_spread.py: a process whose processor is divided into three devices, and what they do.

On PyTorch the processor is two devices, with a process each.
"""

import os

os.environ["XLA_FLAGS"] = os.environ.get("XLA_FLAGS", "") + " --xla_force_host_platform_device_count=3"
import keras

if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 3)

import numpy as np
from keras import ops

from impasto.core import room, ways
from impasto.core.assemble import workbench
from impasto.core.backend import compile_function, compile_value_and_grad, select_device, to_numpy, to_tensor
from impasto.core.devices import describe_device
from impasto.core.errors import ImpastoError, UsageError
from impasto.core.recipes import settings_for
from impasto.core.segments import cut_points
from impasto.core.spread import spread
from impasto.core.stylize import stylize
from impasto.core.tile_plan import Plan

ON_TORCH = keras.backend.backend() == "torch"  # where each device has a process
devices = ["cpu:0", "cpu:1"] if ON_TORCH else ["cpu:0", "cpu:1", "cpu:2"]
random = np.random.default_rng(0)


def tiles_on_their_devices():
    """Any compiled function, on the three devices."""
    mapper = spread(devices)
    kernel = to_tensor(random.normal(size=(3, 3, 3, 4)).astype("float32"))  # on one device, as a network

    def function(x, tree):
        y = ops.conv(x, kernel, padding="same")
        total = ops.sum(tree["weight"] * ops.square(y))
        return total, {"total": total}

    tiles = [random.random((1, 6 + number % 2, 5, 3)).astype("float32") for number in range(7)]
    arguments = [(to_tensor(x), {"weight": to_tensor(np.float32(n))}) for n, x in enumerate(tiles)]
    pull, plain = compile_value_and_grad(function), compile_function(function)
    alone, seen = [pull(*one) for one in arguments], set()

    def probe(x, tree):
        """Notes on which device TensorFlow's graph puts it; its results are all brought to the first."""
        if keras.backend.backend() == "tensorflow":
            seen.add(tf.identity(x).device)
        return pull(x, tree)

    for _ in range(2):
        results = list(mapper(probe, enumerate(arguments)))
        assert [number for number, _ in results] == list(range(7)), "each tile once, in order"
        for number, (loss, parts, slope) in results:
            expected, _, expected_slope = alone[number]
            np.testing.assert_allclose(to_numpy(loss), to_numpy(expected), rtol=1e-5)
            np.testing.assert_allclose(to_numpy(parts["total"]), to_numpy(expected), rtol=1e-5)
            np.testing.assert_allclose(to_numpy(slope), to_numpy(expected_slope), rtol=1e-5, atol=1e-5)
            if keras.backend.backend() == "jax":
                seen |= {str(device) for device in slope.devices()}
    assert len(seen) == 3, seen  # all three devices computed
    for number, (loss, _) in mapper(plain, enumerate(arguments[:2])):
        np.testing.assert_allclose(to_numpy(loss), to_numpy(plain(*arguments[number])[0]), rtol=1e-5)
    assert list(mapper(plain, [])) == []
    print("spread over", sorted(seen))


def networks_on_their_devices():
    """No network is taken from another device."""
    places = []
    for name in ("cpu:0", "cpu:1"):
        with select_device(name):
            bench = workbench(settings, content=True, style=True)
            assert describe_device().startswith("CPU 1" if name == "cpu:1" else "CPU, "), describe_device()
        places.append(str(bench.extractor.model.layers[-1].weights[0].value.device))
    assert places[0] != places[1] and "1" in places[1], places


def processes_that_fail():
    """A tile that fails in another process, a process that dies, and that all goes on afterwards."""
    from impasto.core import spread_torch

    def group():
        return spread_torch.group_on(devices)

    with select_device(",".join(devices)):
        bench = workbench(settings, content=True, style=True)
        tiled, image = bench.tiled, photo[None]
        plan = Plan(tuple(cut_points(bench.extractor)), ((1, 3), (1, 1)))  # three tiles for two processes
        tiled.arrange(plan)
        bench.objective.targets = bench.content_targets(photo) | bench.style_targets([photo**2], [1.0])
        tiled.targets = bench.objective.targets
        slope = to_numpy(bench.objective(to_tensor(image))[2])

        def is_exact():
            return np.linalg.norm(tiled(image)[2] - slope) < 1e-5 * np.linalg.norm(slope)

        assert is_exact()
        before = group().workers[0].pid
        pull, good = tiled._parts[0].features, (to_tensor(image),)
        for wrong in ([(0, good), (1, ("no tensor",))], [(0, ("no tensor",)), (1, good)]):
            try:
                list(tiled.mapper(pull, wrong))
            except Exception as error:
                assert ("failed on cpu:1" in str(error)) == (wrong[0][1] is good), error
            else:
                raise AssertionError("a tile that fails was not noticed")
        assert is_exact() and group().workers[0].pid == before
        group().workers[0].kill()
        try:
            tiled(image)
        except ImpastoError as error:
            assert "has ended" in str(error), error
        else:
            raise AssertionError("a process that died was not noticed")
        assert is_exact() and group().workers[0].pid != before
    print("process", group().workers[0].pid)


if not ON_TORCH:
    tiles_on_their_devices()

room.LEAST_SHARE = 16  # so that a small picture is divided
few = {"style_layers": ("relu1_1", "relu2_1"), "content_layers": ("relu2_1",)}
settings = settings_for("quality", size=80, steps=3, network="vgg_mini", optimizer="adam", **few)
photo = random.random((48, 80, 3)).astype("float32")
painted = []
for names in ("cpu", ",".join(devices)):
    events = []
    with select_device(names):
        result = stylize(photo, ["starry_night"], settings=settings, on_progress=events.append)
    painted.append(result.picture.pixels)
    print(events[0].device, [event.loss for event in events])
assert events[0].device.startswith(f"{len(devices)} devices, {', '.join(devices)}"), events[0].device
assert np.abs(painted[0] - photo).mean() > 0.02
assert np.abs(painted[0] - painted[1]).mean() < 0.2 / 255, np.abs(painted[0] - painted[1]).mean()

# The gradient of tiles that are shared is the whole picture's, in each way of computing convolutions.
ways.LEAST_CHANNELS = 4  # so that the small layers suit Winograd's method
others = {"bfloat16": 1e-2} | ({"winograd": 1e-5} if keras.backend.backend() == "tensorflow" else {})
for way, bound in ({"direct": 1e-5} | others).items():
    asked = {"precision": "bfloat16"} if way == "bfloat16" else {"precision": "float32", "convolution": way}
    asked = settings_for("quality", size=80, network="vgg_mini", **few, **asked)
    with select_device(",".join(devices)):
        bench = workbench(asked, content=True, style=True)
        own_room = room.Room(bench, asked)
        own_room.choose_ways([(48, 80)], [3])
        plan = own_room.plan((48, 80))
        assert (plan.way, plan.tiles) == (way, ((1, len(devices)),)), plan
        whole = bench.objective_in(way)
        whole.targets = bench.content_targets(photo) | bench.style_targets([photo[::-1] ** 2], [1.0])
        bench.tiled.arrange(plan)
        bench.tiled.targets = bench.content_targets(photo, plan) | {
            loss.name: whole.targets[loss.name] for loss in bench.style_losses
        }
        image = to_tensor(photo[None, :, ::-1].copy())
        found, expected = (to_numpy(one(image)[2]) for one in (bench.tiled, whole))
        error = np.linalg.norm(found - expected) / np.linalg.norm(expected)
        layers = bench.tiled._parts[0].segment.extractor.model.layers
    (layer,) = (layer for layer in layers if layer.name == "block2_conv1")
    assert type(layer).__name__.startswith("Winograd") == (way == "winograd"), layer
    assert layer.compute_dtype == ("bfloat16" if way == "bfloat16" else "float32")
    print(way, "gradient", error)
    assert error < bound, (way, error)

processes_that_fail() if ON_TORCH else networks_on_their_devices()

for wrong in ("cpu:0,cpu:0", "cpu:0,cpu:999", "cpu:999"):
    try:
        select_device(wrong)
    except UsageError:
        continue
    raise AssertionError(f"{wrong} was taken")
print("painted")
