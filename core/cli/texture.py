"""`impasto texture`: makes a texture of any size with a trained generator, in one pass."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ..errors import UsageError
from .common import Whole, names, numbers

EPILOG = """\
examples:
  impasto texture starry_night_texture -o texture.png --size 1024x768
  impasto texture starry_night_texture -o tile.png --size 512 --tile      its borders fit each other
  impasto texture run -o another.png --seed 7
"""


def add_parser(commands: Any) -> None:
    """Adds the command to `impasto`'s."""
    parser = commands.add_parser(
        "texture",
        help="make a texture of any size with a trained generator",
        description="Makes a texture from noise with a generator that `impasto train --texture` made, or a "
        "bundled one.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "model", metavar="MODEL", help="a bundled network (`impasto models list`), a file or a run"
    )
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="OUT", help="the picture to write"
    )
    parser.add_argument(
        "--size", type=_size, default=(512, 512), metavar="WxH", help="in pixels; 512x512 by default"
    )
    parser.add_argument("--tile", action="store_true", help="make a tile that repeats without a seam")
    parser.add_argument("--style", type=names, metavar="A,B", default=(), help="styles of the network")
    parser.add_argument(
        "--blend", type=numbers, metavar="3,7", help="a weight for each style; equal by default"
    )
    parser.add_argument("--seed", type=Whole(0), default=0, metavar="N", help="of the noise")
    parser.add_argument(
        "--device", metavar="WHERE", help="cpu, gpu or gpu:1; by default the first GPU if any"
    )
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors")
    parser.set_defaults(run=run)


def _size(text: str) -> tuple[int, int]:
    """Reads `640x480` or `512` as (width, height)."""
    width, _, height = text.lower().replace("×", "x").partition("x")
    size = int(width), int(height or width)
    if min(size) < 1:
        raise ValueError
    return size


_size.__name__ = "size such as 640x480"  # argparse shows it


def run(arguments: argparse.Namespace) -> int:
    """Runs the command; returns the exit status."""
    from impasto.models.painters import find_painter, read_painter

    from ..images import MAX_PIXELS, Picture, check_output, save_picture

    facts, _ = read_painter(find_painter(arguments.model))
    if facts.takes_picture:
        raise UsageError(f"The network paints photographs; use `impasto apply`. Received: {arguments.model}")
    check_output(arguments.output)
    width, height = arguments.size
    if width * height > MAX_PIXELS:
        raise UsageError(f"A picture has at most {MAX_PIXELS} pixels. Received: {width}×{height}")

    from ..hushed import hushed
    from ..unplotted import unplotted

    with hushed(), unplotted():
        import keras  # noqa: F401

    from ..devices import select_device
    from ..painter import Painter

    with select_device(arguments.device):
        # Circular padding makes the tile; without it the borders are reflected like any others.
        painter = Painter.load(arguments.model, "circular" if arguments.tile else "reflect")
        weights = painter.weights(arguments.style, arguments.blend)
        pixels = painter.texture(height, width, weights, arguments.seed, arguments.tile)
    save_picture(Picture(pixels), arguments.output)
    if not arguments.quiet:
        print(arguments.output)
    return 0
