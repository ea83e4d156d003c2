"""Tiles over several devices: what a processor can be divided into before it is used, or processes."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parent / "spread_program.py"


@pytest.mark.parametrize("backend", ["tensorflow", "jax", "torch"])
def test_tiles_and_a_painting_over_several_devices(backend, quick_xla):
    pytest.importorskip(backend)
    environment = os.environ | {"KERAS_BACKEND": backend, "XLA_FLAGS": quick_xla}
    run = subprocess.run(
        [sys.executable, PROGRAM], env=environment, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr[-2500:]
    assert run.stdout.endswith("painted\n")
    if backend == "torch":
        (worker,) = re.findall(r"^process (\d+)$", run.stdout, re.MULTILINE)
        with pytest.raises(ProcessLookupError):  # it ended with the painting process
            os.kill(int(worker), 0)
    else:
        assert "spread over" in run.stdout


def test_an_idle_process_ends_with_the_painting_process():
    """However that ends."""
    pytest.importorskip("torch")
    words = (
        "import os; from impasto.core.spread_torch import group_on; "
        "print(group_on(['cpu:0', 'cpu:1']).workers[0].pid, flush=True); os._exit(0)"
    )
    run = subprocess.run(
        [sys.executable, "-c", words],
        env=os.environ | {"KERAS_BACKEND": "torch"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    deadline = time.monotonic() + 60
    with pytest.raises(ProcessLookupError):
        while time.monotonic() < deadline:
            os.kill(int(run.stdout), 0)
            time.sleep(0.1)
