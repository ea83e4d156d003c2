"""`--method instant` in each runtime: cold, from process start to file; warm, seconds and processor time.

    python benchmarks/one_pass.py                                       about 3 minutes on two cores
    python benchmarks/one_pass.py --size 64 --runs 1 --results /tmp/r   a trial run

Cold is the command `impasto stylize`, which takes ONNX Runtime by itself, and Keras where bfloat16 is asked
for. Warm is `InstantPainter.paint` after a first picture in that style, in a process of each runtime, which
take turns. The two networks alone, and the network of `impasto apply`, run in Keras, ONNX Runtime and,
where it is installed, LiteRT (`pip install -e ".[export]"`); all in float32 but where it is said.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from common import REPOSITORY, in_child, other_work, parser, peak_megabytes, photograph, write_result

WAYS = {"onnx": "ONNX Runtime", "direct": "Keras on TensorFlow", "bfloat16": "Keras on TensorFlow, bfloat16"}
STYLE = "starry_night"


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--runs", type=int, default=5, help="of each figure")
    arguments.add_argument("--warm", choices=WAYS, help="only this, as a child")
    arguments.add_argument("--networks", action="store_true", help="only this, as a child")
    given = arguments.parse_args()
    if given.warm:
        print(json.dumps(warm(given.warm, given.content, given.size, given.runs)))
        return
    if given.networks:
        print(json.dumps(networks(given.size, given.runs)))
        return
    busy = other_work()
    words = ["--content", given.content, "--size", given.size]
    facts: dict[str, Any] = {"runs": given.runs, "content": given.content, "style": STYLE, "rows": []}
    for size in sorted({given.size, 2 * given.size}):
        rows = {way: {"way": title, "size": size, "warm": [], "processor": []} for way, title in WAYS.items()}
        for _ in range(2):  # in turns, so that other work meets all of them alike
            for way, row in rows.items():
                found = in_child(
                    Path(__file__), *words[:2], "--size", size, "--runs", given.runs, "--warm", way
                )
                row["warm"] += found["seconds"]
                row["processor"] += found["processor"]
                row["megabytes"] = max(found["megabytes"], row.get("megabytes", 0))
        for way, row in rows.items():
            row["cold"] = [] if way == "direct" else cold(way, given.content, size, given.runs)
            for name in ("warm", "processor", "cold"):
                row[name] = statistics.median(row[name]) if row[name] else None
        facts["rows"] += rows.values()
    facts["networks"] = in_child(Path(__file__), *words, "--runs", given.runs, "--networks")
    write_result("one_pass", facts, given.results, busy)


def cold(way: str, content: str, size: int, runs: int) -> list[float]:
    """Seconds from process start to file."""
    import subprocess

    from common import environment
    from PIL import Image

    seconds = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "photo.png"
        Image.fromarray(photograph(content)).save(path)
        command = [
            sys.executable,
            "-m",
            "impasto.core.cli",
            "stylize",
            str(path),
            STYLE,
            "--method",
            "instant",
        ]
        command += ["--size", str(size), "-o", str(path.with_name("out.png")), "--quiet"]
        command += ["--precision", "bfloat16"] if way == "bfloat16" else []
        for _ in range(runs + 1):  # the first fetches the libraries from the disk
            began = time.perf_counter()
            subprocess.run(command, check=True, env=environment(), cwd=REPOSITORY)
            seconds.append(time.perf_counter() - began)
    return seconds[1:]


def warm(way: str, content: str, size: int, runs: int) -> dict[str, Any]:
    """Seconds and processor seconds of pictures after the first, and the most that the process held."""
    from threadpoolctl import threadpool_limits

    from impasto.core.images import load_picture
    from impasto.core.instant import instant_painter
    from impasto.core.styles import load_style

    picture = load_picture(photograph(content), size=size).pixels
    style = load_style(STYLE)
    painting = style.at(size, style.picture.pixels)
    painter = instant_painter(way)
    seconds, processor = [], []
    with threadpool_limits(1, user_api="blas"):  # as `stylize` does
        painter.paint(picture, [painting])
        for _ in range(runs):
            began, used = time.perf_counter(), time.process_time()
            painter.paint(picture, [painting])
            seconds.append(time.perf_counter() - began)
            processor.append(time.process_time() - used)
    return {"seconds": seconds, "processor": processor, "megabytes": peak_megabytes()}


def networks(size: int, runs: int) -> dict[str, dict[str, float]]:
    """Median seconds of single networks by runtime."""
    import keras
    import numpy as np

    from impasto.core.features import Extractor
    from impasto.core.painter import Painter
    from impasto.core.runtimes import time_runtimes
    from impasto.models.instant import LEVELS, LIGHT_LEVELS, load_instant

    random = np.random.default_rng(0)
    extractor = Extractor("vgg_mini", LEVELS, first_padding="replicate")

    def given(network: Any) -> dict[str, np.ndarray]:
        shapes = {}
        for own in network.inputs:
            side = size >> int(own.name[4]) - 1 if own.name.startswith("relu") else size
            shapes[own.name] = (1, side, side, own.shape[-1])
        return {name: random.random(shape, "float32") for name, shape in shapes.items()}

    found = {}
    for levels, title in ((len(LEVELS), "whole"), (LIGHT_LEVELS, "light")):
        deepest = LEVELS[levels - 1]
        encoder = keras.Model(extractor.model.inputs, extractor.model.output[deepest])
        decoder = load_instant(light=levels == LIGHT_LEVELS)
        picture = {own.name: random.random((1, size, size, 3), "float32") for own in encoder.inputs}
        found[f"encoder ({deepest})"] = time_runtimes(encoder, picture, runs)
        found[f"{title} decoder"] = time_runtimes(decoder, given(decoder), runs)
    thirteen = Painter.load("thirteen")
    return found | {"thirteen": time_runtimes(thirteen.model, thirteen.example(size, size), runs)}


if __name__ == "__main__":
    main()
