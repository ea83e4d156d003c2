"""Chooses the way in which convolutions are computed, by a short trial on this machine.

    ways = choose_ways(settings, network, [(128, 128, 53), (512, 512, 13)])   # one for each scale

Three things are measured, at most once for a processor and a version of the backend, and kept in
`trials.json` in the cache folder: direct convolution, the same in bfloat16 (a fifth of a second
together), and Winograd's method with the time that compiling it takes (about two seconds; only before
paintings that can win it back many times over). Small paintings measure nothing and are painted directly.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np

from impasto.models.register import Network

from .backend import backend_title, compile_function, compile_value_and_grad, to_numpy, to_tensor
from .cache_folder import cache_folder, machine_key, processor
from .devices import plain_tensorflow
from .errors import UsageError
from .recipes import Settings
from .ways import LEAST_CHANNELS, Convolution, convolutions
from .winograd import WinogradConv2D

# A painting of less arithmetic (GFLOP, all steps) is over before another way has paid.
LEAST_WORK = 300.0
LEAST_WINOGRAD_WORK = 3000.0  # the same of layers that suit it: trying and compiling take seconds
SIDE = 128  # of the layer that Winograd's method is tried on, in pixels
LEAST_GAIN = 1.15  # of another way over the direct one; less is within what a trial can tell
LOADING = 0.3  # of the time to compile a function: the time to load it compiled (measured)
Scale = tuple[int, int, int]  # height, width, steps


def choose_ways(settings: Settings, network: Network, deepest: str, scales: Sequence[Scale]) -> list[str]:
    """The way for each scale of a painting.

    Args:
        settings: `precision` and `convolution`, and what they depend on when they are `auto`.
        network: the network.
        deepest: its last layer that is computed.
        scales: height, width and number of steps of each.

    Returns:
        `"direct"`, `"winograd"` or `"bfloat16"` for each.

    Raises:
        UsageError: Winograd's method is asked for where it is not there.
    """
    count = len(scales)
    if settings.precision == "bfloat16":
        return ["bfloat16"] * count
    if settings.convolution == "winograd" and keras.backend.backend() != "tensorflow":
        raise UsageError(
            "Winograd's convolution is there under TensorFlow only; choose auto or direct."
            f" Received: winograd under {backend_title()}"
        )
    if settings.convolution != "auto":
        return [settings.convolution] * count
    work = [
        steps * sum(layer.gflop for layer in convolutions(network, deepest, height, width))
        for height, width, steps in scales
    ]
    if sum(work) < LEAST_WORK or not _on_processor():
        return ["direct"] * count
    trials = Trials()
    if settings.precision == "auto" and shown_the_same(settings, network) and bfloat16_pays():
        return ["bfloat16"] * count
    if keras.backend.backend() != "tensorflow":
        return ["direct"] * count
    return _with_winograd(trials, network, deepest, scales)


def shown_the_same(settings: Settings, network: Network) -> bool:
    """Whether pictures in bfloat16 were compared and found as good (docs/performance.md).

    Judged with the bundled network and its own pooling, by L-BFGS and by Adam, with losses that are shares of
    their target's energy: then a line search ends long before its steps are as small as the rounding.
    """
    return (
        network.name == "vgg_mini"
        and settings.pooling in (None, network.pooling)
        and settings.optimizer in ("auto", "adam", "lbfgs")
        and settings.gram_scaling == "normalised"
        and settings.content_loss == "normalised"
    )


def bfloat16_pays() -> bool:
    """Whether convolutions in bfloat16 are faster by `LEAST_GAIN` here; on a processor only."""
    if not _on_processor() or not has_bfloat16():
        return False
    seconds = Trials().get("bfloat16", measure_bfloat16)
    return seconds["direct"] > LEAST_GAIN * seconds["bfloat16"]


def has_bfloat16() -> bool:
    """Whether the processor multiplies in bfloat16; where the system does not tell, a trial will."""
    known = processor()
    return "bf16" in known or ("flags" not in known and "Features" not in known)


def _on_processor() -> bool:
    return "cpu" in str(to_tensor(np.zeros(1, "float32")).device).lower()


# ---------------------------------------------------------------- Winograd


def _with_winograd(trials: Trials, network: Network, deepest: str, scales: Sequence[Scale]) -> list[str]:
    suitable = [
        [layer for layer in convolutions(network, deepest, height, width) if layer.suits_winograd]
        for height, width, _ in scales
    ]
    work = [
        steps * sum(layer.gflop for layer in own) for (_, _, steps), own in zip(scales, suitable, strict=True)
    ]
    if sum(work) < LEAST_WINOGRAD_WORK and not trials.known("winograd"):
        return ["direct"] * len(scales)
    try:
        seconds = trials.get("winograd", measure_winograd)
    except Exception:  # XLA is missing from some builds, and its cache may be unusable
        return ["direct"] * len(scales)
    gain = seconds["direct"] / seconds["winograd"]
    rate = Convolution(SIDE, SIDE, LEAST_CHANNELS, LEAST_CHANNELS).gflop / seconds["direct"]
    ways = []
    for (height, width, _), own, gflop in zip(scales, suitable, work, strict=True):
        name = f"{network.name} to {deepest} {height}x{width}"
        shapes = {(h, w, channels) for h, w, *both in own for channels in both}
        compiling = len(shapes) * seconds["compiling"] * (LOADING if trials.is_compiled(name) else 1)
        pays = gain > LEAST_GAIN and gflop / rate * (1 - 1 / gain) > compiling
        ways.append("winograd" if pays else "direct")
        if pays:
            trials.set_compiled(name)
    return ways


# ---------------------------------------------------------------- measuring


def _layer(channels: int, dtype: str) -> keras.layers.Conv2D:
    convolution = keras.layers.Conv2D(
        channels, 3, padding="same", activation="relu", dtype=dtype, data_format="channels_last"
    )
    convolution.build((None, None, None, channels))
    return convolution


def _seconds(calls: dict[str, Callable[[], Any]], repeats: int = 5) -> dict[str, float]:
    """The shortest of several calls of each, in turn, so that other work disturbs them alike."""
    best = dict.fromkeys(calls, float("inf"))
    for _ in range(repeats):
        for name, call in calls.items():
            began = time.perf_counter()
            call()
            best[name] = min(best[name], time.perf_counter() - began)
    return best


def _wait_for(function: Callable[[Any], Any], x: Any) -> None:
    to_numpy(keras.ops.cast(function(x)[0, 0], "float32"))


def _gradient_of(layer: Callable[[Any], Any]) -> Callable[[Any], Any]:
    step = compile_value_and_grad(lambda x, _: (keras.ops.sum(layer(x)), {}))
    return lambda x: step(x, {})[2]


def _picture(side: int, channels: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal((1, side, side, channels), "float32")


def measure_bfloat16() -> dict[str, float]:
    """Seconds of a convolution in float32 and in bfloat16."""
    calls: dict[str, Callable[[], Any]] = {}
    for name, dtype in (("direct", "float32"), ("bfloat16", "bfloat16")):
        function, x = compile_function(_layer(64, dtype)), to_tensor(_picture(96, 64), dtype)
        calls[name] = partial(_wait_for, function, x)
        calls[name]()
    return _seconds(calls)


def measure_winograd() -> dict[str, float]:
    """Seconds of a convolution with its gradient, directly and by Winograd; and of compiling the latter.

    The layer is one of those with the least channels, which gain least.
    """
    convolution, x = _layer(LEAST_CHANNELS, "float32"), to_tensor(_picture(SIDE, LEAST_CHANNELS))
    calls: dict[str, Callable[[], Any]] = {}
    for name, layer in (("direct", convolution), ("winograd", WinogradConv2D(convolution))):
        calls[name] = partial(_wait_for, _gradient_of(layer), x)
    calls["direct"]()
    began = time.perf_counter()
    calls["winograd"]()
    compiling = time.perf_counter() - began
    return _seconds(calls, repeats=3) | {"compiling": compiling}


# ---------------------------------------------------------------- remembering


class Trials:
    """What was measured on this processor with this version of the backend, in a file that others share."""

    def __init__(self) -> None:
        self.path = cache_folder() / "trials.json"
        backend = keras.backend.backend()
        # Whose convolutions TensorFlow takes may be settled by TF_ENABLE_ONEDNN_OPTS.
        self.key = f"{backend} {machine_key(backend)}" + " plain" * plain_tensorflow()

    def get(self, name: str, measure: Callable[[], dict[str, float]]) -> dict[str, float]:
        """A measurement, taken now if it is not there."""
        found = self._own().get(name)
        if isinstance(found, dict) and all(isinstance(v, float) and v > 0 for v in found.values()) and found:
            return found
        taken = measure()
        self._write(name, taken)
        return taken

    def known(self, name: str) -> bool:
        """Whether a measurement is there."""
        return name in self._own()

    def is_compiled(self, name: str) -> bool:
        """Whether the functions for a network and a size were compiled before and kept."""
        return "persistent_cache" in os.environ.get("TF_XLA_FLAGS", "") and bool(
            self._own().get(f"compiled {name}")
        )

    def set_compiled(self, name: str) -> None:
        """Remembers that they are."""
        self._write(f"compiled {name}", True)

    def _all(self) -> dict[str, Any]:
        try:
            everything = json.loads(self.path.read_text())
        except (OSError, ValueError):
            return {}
        return everything if isinstance(everything, dict) else {}

    def _own(self) -> dict[str, Any]:
        own = self._all().get(self.key)
        return own if isinstance(own, dict) else {}

    def _write(self, name: str, value: Any) -> None:
        """Best effort: of two processes at once the later one's file stays, whole."""
        everything = self._all()
        everything[self.key] = self._own() | {name: value}
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile("w", dir=self.path.parent, delete=False) as file:
                json.dump(everything, file, indent=1)
            Path(file.name).replace(self.path)
        except OSError:
            pass
