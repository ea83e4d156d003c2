"""Where a painting runs: on a device of Keras's backend or, in one pass, in ONNX Runtime without Keras.

    with place(settings, device) as where:
        print(where)  # CPU, 2 cores (TensorFlow)
        stylize(content, styles, settings=settings)

Importing a backend takes seconds, which one pass does not need: nothing here imports Keras before it must.
"""

from __future__ import annotations

import contextlib
import importlib.util
import sys
from collections.abc import Iterator

from .host import describe_processor
from .hushed import hushed
from .recipes import Settings
from .unplotted import unplotted


@contextlib.contextmanager
def place(settings: Settings, device: str | None = None) -> Iterator[str]:
    """Chooses where everything inside the ``with`` block runs, and gives it in words.

    Args:
        settings: of which the method and the precision are looked at.
        device: as for `devices.select_device`.

    Raises:
        UsageError: as `devices.select_device`.
    """
    if device in (None, "cpu") and without_keras(settings):
        yield describe_processor("ONNX Runtime")
        return
    with hushed(), unplotted():
        from .devices import describe_device, select_device
    with select_device(device):
        yield describe_device()


def without_keras(settings: Settings) -> bool:
    """Whether this painting is one pass that ONNX Runtime makes; see `in_onnx_runtime`."""
    return settings.method == "instant" and in_onnx_runtime(settings)


def in_onnx_runtime(settings: Settings) -> bool:
    """Whether passes are made by ONNX Runtime, on the processor and in float32.

    Not where bfloat16 is asked for, where a GPU was chosen or is there in a process that has Keras
    already, and where ONNX Runtime was not built for this system.
    """
    if settings.precision == "bfloat16":
        return False
    devices = sys.modules.get(f"{__package__}.devices")
    if devices and devices.current_device().startswith("gpu"):
        return False
    return all(importlib.util.find_spec(name) for name in ("onnx", "onnxruntime"))
