"""Tiles over several devices, which a processor can be divided into before it is used."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parent / "spread_program.py"


@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_tiles_and_a_painting_over_three_devices(backend):
    pytest.importorskip(backend)
    environment = os.environ | {"KERAS_BACKEND": backend}
    run = subprocess.run(
        [sys.executable, PROGRAM], env=environment, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr[-2500:]
    assert "spread over" in run.stdout and "painted" in run.stdout
