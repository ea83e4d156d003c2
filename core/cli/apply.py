"""`impasto apply`: paints photographs with a trained network, in one pass."""

from __future__ import annotations

import argparse
from typing import Any

from ..errors import ImpastoError, UsageError
from .common import Whole, names, numbers, tell

EPILOG = """\
examples:
  impasto apply thirteen photo.jpg --style starry_night -o out.png
  impasto apply thirteen photo.jpg --style udnie,great_wave --blend 3,7 -o out.png
  impasto apply thirteen photo.jpg --style all -o painted/      a picture for each style
  impasto apply run photos/ -o painted/                         every picture of a folder
  impasto apply run - -o - <photo.jpg >out.png                  from stdin to stdout
"""


def add_parser(commands: Any) -> None:
    """Adds the command to `impasto`'s."""
    parser = commands.add_parser(
        "apply",
        help="paint photographs with a trained network, in one pass",
        description="Paints photographs with a network that `impasto train` made, or a bundled one.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "model", metavar="MODEL", help="a bundled network (`impasto models list`), a file or a run"
    )
    parser.add_argument("pictures", metavar="PICTURE", nargs="+", help="pictures, folders, or - for stdin")
    parser.add_argument(
        "-o", "--output", metavar="OUT", help="a file for one picture, a folder for several, or - for stdout"
    )
    parser.add_argument(
        "--style", type=names, metavar="A,B", default=(), help="styles of the network, or all"
    )
    parser.add_argument(
        "--blend", type=numbers, metavar="3,7", help="a weight for each style; equal by default"
    )
    parser.add_argument("--size", type=Whole(0), default=0, metavar="PIXELS", help="longest side; 0 keeps it")
    parser.add_argument(
        "--format", default="png", metavar="NAME", help="of pictures in a folder or on stdout"
    )
    parser.add_argument(
        "--colours", "--colors", choices=("style", "keep"), default="style", help="whose: style, keep"
    )
    parser.add_argument("--seed", type=Whole(0), default=0, metavar="N", help="of a generator's noise")
    parser.add_argument(
        "--device", metavar="WHERE", help="cpu, gpu or gpu:1; by default the first GPU if any"
    )
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs the command; returns the exit status."""
    from impasto.models.painters import find_painter, read_painter

    from ..images import extensions
    from .outputs import Outputs

    facts, _ = read_painter(find_painter(arguments.model))
    if not facts.takes_picture:
        raise UsageError(
            f"The network makes textures and takes no photograph; use `impasto texture`. "
            f"Received: {arguments.model}"
        )
    extension = "." + arguments.format.lower().lstrip(".")
    if extension not in extensions():
        raise UsageError(f"The formats are {', '.join(extensions())}. Received: {arguments.format}")
    blends = _blends(arguments, facts.styles)
    outputs = Outputs(arguments.pictures, arguments.output, [label for label, *_ in blends], extension)
    return _paint(arguments, blends, outputs)


def _blends(arguments: argparse.Namespace, own: tuple[str, ...]) -> list[tuple[str, list[str], Any]]:
    """What to paint in: (label, styles, weights) for each picture that is made of one photograph."""
    if tuple(arguments.style) == ("all",) and "all" not in own:
        if arguments.blend:
            raise UsageError(
                f"--style all paints one picture for each style; leave out --blend. "
                f"Received: {arguments.blend}"
            )
        return [(name, [name], None) for name in own]
    chosen = list(arguments.style) or ([own[0]] if len(own) == 1 else [])
    return [("+".join(chosen), chosen, arguments.blend)]


def _paint(arguments: argparse.Namespace, blends: list[tuple[str, list[str], Any]], outputs: Any) -> int:
    from ..hushed import hushed
    from ..unplotted import unplotted

    with hushed(), unplotted():
        import keras  # noqa: F401

    from ..colours import keep_colours
    from ..devices import select_device
    from ..images import load_picture, paintable
    from ..painter import Painter
    from .stopping import Stop

    failed = None
    with select_device(arguments.device), Stop(picture=False) as stop:
        painter = Painter.load(arguments.model)
        weights = [painter.weights(chosen, blend) for _, chosen, blend in blends]
        for source in outputs.sources:
            try:
                picture = load_picture(outputs.read(source), size=arguments.size, check=paintable("content"))
            except ImpastoError as error:
                if len(outputs.sources) == 1:
                    raise
                tell(f"passed over: {error}")
                failed = error
                continue
            for (label, *_), weight in zip(blends, weights, strict=True):
                painted = painter.paint(picture, weight, arguments.seed)
                if arguments.colours == "keep":
                    painted = painted.with_pixels(keep_colours(painted.pixels, picture.pixels))
                written = outputs.write(source, label, painted)
                if not arguments.quiet and written:
                    print(written)
            stop.check()
    return failed.exit_status if failed else 0
