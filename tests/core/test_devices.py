"""Several devices in one process: virtual ones, which a processor can be divided into before it is used."""

import os
import subprocess
import sys

import pytest

# Paints on the second of two virtual processors, and says where the network lies and the events come from.
PROGRAM = """
import os, sys
os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=2"
import keras
if keras.backend.backend() == "tensorflow":
    import tensorflow as tf
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
import numpy as np
from impasto.core.assemble import workbench
from impasto.core.backend import select_device
from impasto.core.errors import UsageError
from impasto.core.recipes import settings_for
from impasto.core.stylize import stylize

settings = settings_for("quality", size=48, steps=2, network="vgg_mini", weights=sys.argv[1])
photo = np.random.default_rng(0).random((48, 48, 3)).astype("float32")
events, pictures, benches = [], [], []
for device in (None, "cpu:1"):
    with select_device(device):
        result = stylize(photo, [photo[::-1].copy()], settings=settings, on_progress=events.append)
        benches.append(workbench(settings, content=True, style=True))
    pictures.append(result.picture.pixels)
assert benches[0] is not benches[1], "a network was taken from another device"
places = [str(b.extractor.model.layers[-1].weights[0].value.device) for b in benches]
assert places[0] != places[1] and "1" in places[1], places
assert [event.device[:5] for event in events] == ["CPU, ", "CPU, ", "CPU 1", "CPU 1"], events
assert np.array_equal(*pictures)
try:
    select_device("cpu:2")
except UsageError as error:
    assert "from 0 to 1" in str(error)
else:
    raise AssertionError("there is no third")
"""


@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_a_painting_on_the_second_device(backend, mini_weights):
    pytest.importorskip(backend)
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, mini_weights],
        env=os.environ | {"KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-2000:]
