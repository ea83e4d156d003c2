"""`impasto export`: a trained network for ONNX Runtime or LiteRT, compared with the original."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ..errors import ImpastoError, UsageError
from .texture import _size

EPILOG = """\
examples:
  impasto export thirteen -o thirteen.onnx --size 640x480
  impasto export run -o painter.tflite
  impasto export thirteen --time --size 512      Keras, ONNX Runtime and LiteRT, timed in turns
"""


def add_parser(commands: Any) -> None:
    """Adds the command to `impasto`'s."""
    parser = commands.add_parser(
        "export",
        help="export a trained network to ONNX or LiteRT",
        description="Exports a trained network for pictures of one size, and runs both to compare them.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "model", metavar="MODEL", help="a bundled network (`impasto models list`), a file or a run"
    )
    parser.add_argument("-o", "--output", type=Path, metavar="OUT", help=".onnx, or .tflite for LiteRT")
    parser.add_argument(
        "--size", type=_size, default=(512, 512), metavar="WxH", help="of the pictures; 512x512"
    )
    parser.add_argument("--time", action="store_true", help="time the runtimes that are installed")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs the command; returns the exit status."""
    from impasto.models.painters import find_painter, read_painter

    if not (arguments.output or arguments.time):
        raise UsageError("There is nothing to do; give -o OUT, --time, or both. Received: neither")
    facts, _ = read_painter(find_painter(arguments.model))
    multiple = facts.multiple
    if any(side % multiple or side < 2 * multiple for side in arguments.size):
        raise UsageError(
            f"This network takes sides that are multiples of {multiple}. "
            f"Received: {arguments.size[0]}×{arguments.size[1]}"
        )
    from ..hushed import hushed

    with hushed():
        import keras  # noqa: F401
    from ..painter import Painter
    from ..runtimes import PARITY, difference, export, fastest, time_runtimes

    painter = Painter.load(arguments.model)
    width, height = arguments.size
    inputs = painter.example(height, width)
    if arguments.output:
        export(painter.model, arguments.output, inputs)
        print(
            _compared(lambda: difference(painter.model, arguments.output, inputs), arguments.output, PARITY)
        )
    if arguments.time:
        seconds = time_runtimes(painter.model, inputs)
        for name, value in sorted(seconds.items(), key=lambda item: item[1]):
            print(f"{name:<8} {1000 * value:8.1f} ms  {seconds['keras'] / value:.2f} of Keras's speed")
        print(f"use: {fastest(seconds)}")
    return 0


def _compared(measure: Any, path: Path, parity: float) -> str:
    """The line about an exported file: how far it is from the original, where it can be run here."""
    try:
        far = measure()
    except UsageError as error:  # the runtime is not installed: the file is good all the same
        return f"{path}: not compared. {error}"
    if not far <= parity:
        raise ImpastoError(
            f"The exported network paints differently; expected differences under {parity:g}. "
            f"Received: {far:.2g} ({path})"
        )
    return f"{path}: within {far:.1e} of Keras"
