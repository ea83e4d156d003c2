"""The one-pass networks in ONNX Runtime, on the processor, without Keras; see `instant.py`.

Importing TensorFlow and tracing take several seconds, ONNX Runtime (Microsoft) a few tenths, and
a picture is painted by then. docs/instant.md has the times.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from impasto.models.instant import GATES, LEVELS, LIGHT_LEVELS, of_light, read_instant, turned
from impasto.models.instant_graph import (
    SEEN,
    Weights,
    decoder_graph,
    descent_graph,
    encoder_graph,
    light_graph,
    sums_graph,
)
from impasto.models.weights import check_weights, choose, read_weights

from .instant_maps import VARIATION_WEIGHT
from .instant_runtime import Content, Maps
from .instant_tiles import STRIDE

Levels = dict[str, Any]  # the picture (1, height, width, 3), and each layer (1, channels, height, width)


class OnnxRuntime:
    """The encoder, the sums and the decoder as sessions of ONNX Runtime; levels never leave it.

    Args:
        encoder: its weights, as `models/instant_graph.py` takes them.
        decoder: both decoders' weights, as `read_instant` gives them.
    """

    def __init__(self, encoder: Weights, decoder: Weights):
        self.encoders = {n: _session(encoder_graph(encoder, _layers(n))) for n in (len(LEVELS), LIGHT_LEVELS)}
        self.summing = {n: _session(sums_graph(n)) for n in self.encoders}
        self.whole, self.light = _Decoder(decoder_graph, decoder), _Decoder(light_graph, of_light(decoder))
        self.descent = _Decoder(descent_graph, turned(encoder))
        self.largest = 0  # size of the largest picture so far

    @classmethod
    def load(cls, weights: Path | None = None) -> OnnxRuntime:
        """The trained networks.

        Args:
            weights: the decoder's file; by default the bundled one.

        Raises:
            WeightsError: as `instant_painter`.
        """
        network, path, _ = choose("instant_encoder")
        arrays = read_weights(path)
        check_weights(network, arrays, path)
        return cls(arrays, read_instant(weights))

    def see(self, picture: np.ndarray, levels: int = len(LEVELS)) -> Levels:
        """As `Runtime.see`."""
        layers, given = _layers(levels), {"picture": _value(picture[None])}
        return given | dict(zip(layers, self._encoded(levels, layers, given), strict=True))

    def deepest(self, picture: np.ndarray) -> np.ndarray:
        """As `Runtime.deepest`; its channels lie first in memory, as `draw` takes them."""
        level = self._encoded(len(LEVELS), [LEVELS[-1]], {"picture": _value(picture[None])})[0]
        return level.numpy().transpose(0, 2, 3, 1)

    def sums(self, seen: Levels, weights: Sequence[np.ndarray]) -> list[tuple[Any, Any, Any]]:
        """As `Runtime.sums`."""
        names = SEEN[: len(weights)]
        given = {name: seen[name] for name in names}
        given |= {f"{name}_weights": _value(own) for name, own in zip(names, weights, strict=True)}
        summing = self.summing[len(weights) - 1]
        found = iter([value.numpy() for value in summing.run_with_ort_values(None, given)])
        return [
            (total, mean[:, 0], centred) for total, mean, centred in zip(found, found, found, strict=True)
        ]

    def draw(
        self,
        seen: Levels,
        maps: Maps,
        regions: Sequence[np.ndarray] | None,
        content: Content | None,
        share: float,
    ) -> np.ndarray:
        """As `Runtime.draw`."""
        decoder = self.whole if len(maps) == len(SEEN) else self.light
        return decoder(seen, maps, regions, content, share)

    def let_go(self) -> None:
        """As `Runtime.let_go`."""
        self.largest = 0
        self.deepest(np.zeros((STRIDE, STRIDE, 3), "float32"))

    def _encoded(self, levels: int, layers: Sequence[str], given: Levels) -> list[Any]:
        """Some layers; whenever pictures grow, the memory that smaller ones left is given back.

        The arena would keep it, and could not put a larger picture's levels there.
        """
        import onnxruntime

        size, options = math.prod(given["picture"].shape()), onnxruntime.RunOptions()
        if size > self.largest:
            self.largest = size
            options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
        return self.encoders[levels].run_with_ort_values(layers, given, options)


class _Decoder:
    """`Runtime.draw` or `Runtime.descent`.

    The session for one map everywhere stays, of those for several regions the latest.

    Args:
        graph: `decoder_graph`, `light_graph` or `descent_graph`.
        weights: what it takes.
    """

    def __init__(self, graph: Callable[[Weights, int], bytes], weights: Weights):
        self.graph, self.weights = graph, weights
        self.sessions = {0: _session(graph(weights, 0))}

    def __call__(
        self,
        seen: Levels,
        maps: Maps,
        regions: Sequence[np.ndarray] | None,
        content: Content | None,
        share: float,
    ) -> np.ndarray:
        given, names = dict(seen), SEEN[: len(maps)]
        for name, own in zip(names, maps, strict=True):
            for i, (matrix, offset) in enumerate(own):
                given |= {f"{name}_matrix{i}": _value(matrix.T), f"{name}_offset{i}": _value(offset)}
        if regions is not None:
            given |= {f"{name}_regions": _value(own) for name, own in zip(names, regions, strict=True)}
        if content is not None:
            given["content"] = _value(content[0].transpose(0, 3, 1, 2))
            given["content_weight"] = _value(np.float32(content[1]))
        given["smooth_weight"] = _value(np.float32(share * VARIATION_WEIGHT))
        session = self._for(0 if regions is None else regions[0].shape[-1])
        taken = {one.name: given[one.name] for one in session.get_inputs()}
        return session.run_with_ort_values(None, taken)[0].numpy()[0]

    def _for(self, regions: int) -> Any:
        if regions not in self.sessions:
            self.sessions = {0: self.sessions[0], regions: _session(self.graph(self.weights, regions))}
        return self.sessions[regions]


def _layers(levels: int) -> tuple[str, ...]:
    return (*LEVELS[:levels], *GATES[:levels])


def _value(array: Any) -> Any:
    import onnxruntime

    return onnxruntime.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(array, "float32"))


def _session(graph: bytes) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors only
    # Threads that wait sleep: spinning, they take the cores from whoever else works.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.enable_mem_pattern = False  # plans memory for one size, and sizes differ
    _share_memory()
    options.add_session_config_entry("session.use_env_allocators", "1")
    if hasattr(os, "sched_getaffinity"):  # by default ONNX Runtime counts cores that are not ours
        options.intra_op_num_threads = len(os.sched_getaffinity(0))
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


@lru_cache(maxsize=1)
def _share_memory() -> None:
    """One arena for all sessions of the process, which grows by what is asked for and no more."""
    import onnxruntime

    device = onnxruntime.OrtMemoryInfo(
        "Cpu", onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, onnxruntime.OrtMemType.DEFAULT
    )
    onnxruntime.create_and_register_allocator(device, onnxruntime.OrtArenaCfg({"arena_extend_strategy": 1}))
