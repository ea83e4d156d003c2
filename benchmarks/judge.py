"""Judges painted pictures as people see them: by real VGG-16, by brushwork and by ripple.

    python benchmarks/judge.py --picture painted.png --content photo.jpg --style painting.jpg

    from judge import judge
    judge("painted.png", "photo.jpg", "painting.jpg")["style"]

Everything at a longest side of 512 pixels. Lower is better for the first two; 1 is the painting's own
for the last two:

- style: mean over relu1_1, 2_1, 3_1, 4_1, 5_1 of |G−S|²/|S|², with Gram matrices divided by the positions;
- content: |F−C|²/|C|² at relu4_2;
- brushwork, ripple: the deviation of luminance within a band (`bands.py`), as a share of the style's.

VGG-16's file is no part of Impasto: `--weights`, or `IMPASTO_VGG16`, or `shared/teacher` beside the
repository says where it is.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import OrderedDict
from collections.abc import Callable
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from bands import BRUSHWORK, RIPPLE, deviation
from common import REPOSITORY, environment

SIDE = 512
STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
CONTENT_LAYER = "relu4_2"
VGG16 = "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5"
KEPT = 32  # photographs and paintings whose statistics are kept: 8 MB each, or less


class Judge:
    """Real VGG-16, loaded once, with the statistics of the pictures that it has compared with.

    Args:
        weights: VGG-16's file.
    """

    def __init__(self, weights: str | Path) -> None:
        from impasto.core.hushed import hushed

        with hushed():
            from impasto.core.features import Extractor

        self._extract = Extractor("vgg16", (*STYLE_LAYERS, CONTENT_LAYER), weights=weights)
        self._kept: OrderedDict[tuple[str, tuple[int, ...], bytes], Any] = OrderedDict()

    def __call__(self, picture: Any, content: Any, style: Any) -> dict[str, Any]:
        """Judges one picture.

        Args:
            picture: the painted picture, in any form that `load_picture` takes.
            content: the photograph it was painted from, of the same proportions.
            style: the painting it was painted after.

        Returns:
            `style`, `layers` (style by layer), `content`, `brushwork` and `ripple`. A band in which the
            painting has nothing makes a share None.

        Raises:
            ImpastoError: a picture cannot be read, or the photograph is of other proportions.
        """
        from impasto.core.images import load_picture

        pixels = load_picture(picture, size=SIDE).pixels
        photograph = _like(load_picture(content, size=SIDE).pixels, pixels)
        painting = load_picture(style, size=SIDE).pixels
        grams, features = self._statistics(pixels)
        wanted = self._remembered("content", photograph, lambda: self._statistics(photograph)[1])
        style_grams, *bands = self._remembered("style", painting, lambda: self._of_style(painting))
        layers = {layer: _distance(grams[layer], style_grams[layer]) for layer in STYLE_LAYERS}
        brushwork, ripple = (
            deviation(pixels, band) / own if own else None
            for band, own in zip((BRUSHWORK, RIPPLE), bands, strict=True)
        )
        return {
            "style": float(np.mean(list(layers.values()))),
            "layers": layers,
            "content": _distance(features, wanted),
            "brushwork": brushwork,
            "ripple": ripple,
        }

    def _statistics(self, pixels: np.ndarray) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """Gram matrices by layer, and the content layer's features."""
        from keras import ops

        from impasto.core.backend import to_tensor

        found = self._extract(to_tensor(np.clip(pixels, 0, 1)[None]))
        features = {layer: ops.convert_to_numpy(value)[0] for layer, value in found.items()}
        return {layer: _gram(features[layer]) for layer in STYLE_LAYERS}, features[CONTENT_LAYER]

    def _of_style(self, pixels: np.ndarray) -> tuple[dict[str, np.ndarray], float, float]:
        return self._statistics(pixels)[0], deviation(pixels, BRUSHWORK), deviation(pixels, RIPPLE)

    def _remembered(self, part: str, pixels: np.ndarray, compute: Callable[[], Any]) -> Any:
        key = (part, pixels.shape, blake2b(np.ascontiguousarray(pixels).tobytes()).digest())
        if key not in self._kept:
            self._kept[key] = compute()
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return self._kept[key]


def judge(picture: Any, content: Any, style: Any, *, weights: str | Path | None = None) -> dict[str, Any]:
    """Judges one picture; VGG-16 is loaded by the first call and kept. See `Judge`.

    Raises:
        FileNotFoundError: VGG-16's file is not there.
    """
    return _judge_of(find_vgg16(weights))(picture, content, style)


@cache
def _judge_of(weights: Path) -> Judge:
    return Judge(weights)


def find_vgg16(weights: str | Path | None = None) -> Path:
    """The file of VGG-16: the one named, or `IMPASTO_VGG16`'s, or the one in `shared/teacher`.

    Raises:
        FileNotFoundError: it is not there; the message is one line.
    """
    named = weights or os.environ.get("IMPASTO_VGG16")
    path = Path(named) if named else REPOSITORY.parent / "shared" / "teacher" / VGG16
    if not path.is_file():
        raise FileNotFoundError(
            "The judge needs VGG-16's weights without the top, in Keras's layout; name the file by --weights "
            f"or IMPASTO_VGG16. Received: {path}, which is no file"
        )
    return path.resolve()


def _gram(features: np.ndarray) -> np.ndarray:
    flat = features.reshape(-1, features.shape[-1])
    return flat.T @ flat / len(flat)


def _distance(one: np.ndarray, other: np.ndarray) -> float:
    """|one − other|² / |other|²."""
    difference = np.square(one - other, dtype="float64").sum()
    return float(difference / np.square(other, dtype="float64").sum())


def _like(photograph: np.ndarray, picture: np.ndarray) -> np.ndarray:
    """The photograph at the picture's size, which by rounding may be a pixel another."""
    from impasto.core.errors import UsageError
    from impasto.core.resizing import resample

    have, want = photograph.shape[:2], picture.shape[:2]
    if have == want:
        return photograph
    if max(abs(one - other) for one, other in zip(have, want, strict=True)) > 2:
        raise UsageError(
            "The picture and its photograph are of the same proportions. Received, at the same longest "
            f"side: {want[1]}×{want[0]} and {have[1]}×{have[0]}"
        )
    return resample(photograph, None, want)[0]


def main() -> None:
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("--weights", help="VGG-16's file, without the top, in Keras's layout")
    arguments.add_argument("--picture", required=True, help="the picture to judge")
    arguments.add_argument("--content", required=True, help="the photograph it was painted from")
    arguments.add_argument("--style", required=True, help="the painting it was painted after")
    given = arguments.parse_args()
    os.environ.update(environment())
    from impasto.core.errors import ImpastoError

    try:
        verdict = judge(given.picture, given.content, given.style, weights=given.weights)
    except (FileNotFoundError, ImpastoError) as error:
        print(error, file=sys.stderr)
        raise SystemExit(2) from None
    print(json.dumps(verdict, indent=1))


if __name__ == "__main__":
    main()
