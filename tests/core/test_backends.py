"""TensorFlow, JAX and PyTorch: the same tests pass and the same pictures come out, a process for each."""

import importlib.util
import os
import runpy
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

HERE = Path(__file__).parent
TESTS = ("test_backend.py", "test_objective.py", "test_recomputed.py")
# A training of each: test_two_devices_train_as_one runs on JAX.
TRAINING = {"torch": ("test_training.py::test_what_is_taught_ends_and_the_losses_begin",)}
# What docs/backends.md promises of a picture of a few steps: differences on average, and at worst.
PROMISED = (2 / 255, 48 / 255)


@pytest.fixture(scope="module")
def program():
    return runpy.run_path(str(HERE / "another_backend.py"))


@pytest.fixture(scope="module")
def reference(program):
    return program["paint"]()


@pytest.mark.parametrize("backend", sorted({"jax", "tensorflow", "torch"} - {keras.backend.backend()}))
def test_same_picture(backend, program, reference, quick_xla, tmp_path):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    output, tests = tmp_path / "pictures.npz", (*TESTS, *TRAINING.get(backend, ()))
    run = subprocess.run(
        [sys.executable, HERE / "another_backend.py", output, *(HERE / name for name in tests)],
        env=os.environ | {"KERAS_BACKEND": backend, "XLA_FLAGS": quick_xla},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]
    assert " passed" in run.stdout
    with np.load(output) as pictures:
        assert set(pictures.files) == set(reference)
        for name in pictures.files:
            difference = np.abs(pictures[name] - reference[name])
            mean, worst = PROMISED
            assert difference.mean() < mean and difference.max() < worst, name
        painted = np.abs(pictures["quality"] - program["photograph"]()).mean()
        assert painted > 5 * PROMISED[0]  # the steps changed much more than the backends differ by
