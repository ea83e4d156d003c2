"""The one-pass networks in ONNX Runtime, on the processor, without Keras; see `instant.py`.

Importing TensorFlow and tracing take several seconds, ONNX Runtime (Microsoft) a few tenths, and
a picture is painted by then. docs/instant.md has the times.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from impasto.models.instant import GATES, LEVELS, read_instant
from impasto.models.instant_graph import decoder_graph, encoder_graph
from impasto.models.weights import check_weights, choose, read_weights

from .instant import Content, Maps
from .instant_maps import changed, smoothing, weighted_sums


class OnnxRuntime:
    """The encoder and the decoder as sessions of ONNX Runtime.

    Args:
        encoder, decoder: serialised graphs, of `models/instant_graph.py`.
    """

    def __init__(self, encoder: bytes, decoder: bytes):
        self.encoder, self.decoder = _session(encoder), _session(decoder)

    @classmethod
    def load(cls, weights: Path | None = None) -> OnnxRuntime:
        """The trained networks.

        Args:
            weights: the decoder's file; by default the bundled one.

        Raises:
            WeightsError: as `instant_painter`.
        """
        network, path, _ = choose("vgg_mini")
        arrays = read_weights(path)
        check_weights(network, arrays, path)
        return cls(encoder_graph(arrays), decoder_graph(read_instant(weights)))

    def see(self, picture: np.ndarray) -> list[np.ndarray]:
        """As `Runtime.see`."""
        return [picture[None], *self.encoder.run([*LEVELS, *GATES], {"picture": picture[None]})]

    def deepest(self, picture: np.ndarray) -> np.ndarray:
        """As `Runtime.deepest`."""
        return self.encoder.run([LEVELS[-1]], {"picture": picture[None]})[0]

    def sums(self, seen: list[np.ndarray], weights: Sequence[np.ndarray]) -> list[tuple[Any, Any, Any]]:
        """As `Runtime.sums`."""
        levels = seen[: len(LEVELS) + 1]
        return [weighted_sums(level, own) for level, own in zip(levels, weights, strict=True)]

    def draw(
        self,
        seen: list[np.ndarray],
        maps: Maps,
        regions: Sequence[np.ndarray] | None,
        content: Content,
        share: float,
    ) -> np.ndarray:
        """As `Runtime.draw`."""
        every: Sequence[np.ndarray | None] = [None] * len(maps) if regions is None else regions
        levels = zip(seen[: len(LEVELS) + 1], maps, every, strict=True)
        palette, *wanted = [changed(level, own, where) for level, own, where in levels]
        smooth = np.float32(share) * smoothing(seen[0])
        if regions is not None:
            smooth *= regions[0].sum(axis=-1, keepdims=True)
        wanted[-1] += np.float32(content[1]) * (content[0] - seen[len(LEVELS)])
        inputs = dict(zip(("picture", *LEVELS, *GATES), seen, strict=True))
        inputs |= {"smooth": smooth, "palette": palette}
        inputs |= {f"{layer}_change": one for layer, one in zip(LEVELS, wanted, strict=True)}
        return self.decoder.run(["painted"], inputs)[0][0]


def _session(graph: bytes) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors only
    # Threads that wait sleep: spinning, they take the cores from whoever else works.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.enable_mem_pattern = False  # plans memory for one size, and sizes differ
    if hasattr(os, "sched_getaffinity"):  # by default ONNX Runtime counts cores that are not ours
        options.intra_op_num_threads = len(os.sched_getaffinity(0))
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
