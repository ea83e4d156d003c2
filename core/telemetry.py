"""Telemetry of the libraries below, switched off before any of them is imported: nothing phones home.

`impasto.core` does this as it is imported, which every way to a picture does first: the command line, the
engine, the bot's workers, Dask's workers, a Python call. Children inherit it with the environment.
"""

from __future__ import annotations

import os

# What else Impasto needs or can use sends nothing: watched by tests/core/test_telemetry.py.
SWITCHES = {
    # ONNX Runtime's wheels for Linux keep a device's id and what was run in the cache folder
    # and look their maker's host up, from the import on; `disable_telemetry_events` comes too late for that.
    "ORT_DISABLE_TELEMETRY": "1",
    # Cloud TPU's runtime, for which TensorFlow and JAX would both set 1.
    "ENABLE_RUNTIME_UPTIME_TELEMETRY": "0",
}


def switch_off() -> None:
    """Sets `SWITCHES` in the environment; what the user's own environment says stands."""
    for name, value in SWITCHES.items():
        os.environ.setdefault(name, value)
