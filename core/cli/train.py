"""`impasto train`: trains a one-pass network for a style of one's own, or several, or a texture."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..training_recipes import RECIPES, training_settings
from ..training_settings import CHOICES, TrainSettings
from .common import names, numbers, tell

EPILOG = """\
examples:
  impasto train starry_night --photos PHOTOS -o run
  impasto train painting.jpg great_wave udnie --photos PHOTOS -o run     three styles in one network
  impasto train starry_night --photos tfds:coco/2017 -o run              with TensorFlow Datasets
  impasto train painting.jpg --texture -o run                            a texture's generator
  impasto apply run photo.jpg                                            paint with what is there so far

Started again with the same output folder it goes on where the last checkpoint left it.
"""

SECONDS_BETWEEN_LINES = 30  # where no terminal shows a bar

_OPTIONS: tuple[tuple[str, Any, str, str], ...] = (
    ("recipe", str, "NAME", f"named settings to begin with: {', '.join(RECIPES)}"),
    ("architecture", str, "NAME", ", ".join(CHOICES["architecture"])),
    ("steps", int, "N", "optimiser steps in all"),
    ("taught", int, "N", "first steps, in which it imitates what the method instant paints"),
    ("imitation", float, "X", "weight, beside the losses, of the distance from what instant paints"),
    ("batch", int, "N", "pictures a step"),
    ("side", int, "PIXELS", "side of the crops"),
    ("style_side", int, "PIXELS", "longest side of the paintings: the size of the strokes"),
    ("width", int, "N", "channels of the first convolution, or that each of the generator's scales adds"),
    ("blocks", int, "N", "residual blocks of the transformer"),
    ("scales", int, "N", "scales of the generator's noise"),
    ("learning_rate", float, "X", "at its highest"),
    ("warmup", int, "N", "steps over which it rises"),
    ("decay", float, "0-1", "last share of the steps, over which it falls to nothing"),
    ("network", str, "NAME", "the loss network: auto, vgg19, vgg16 or vgg_mini"),
    ("weights", str, "FILE", "weight file for the loss network, instead of its own"),
    ("content_layers", names, "A,B", "layers at which content is compared: relu4_2, or end4, a block's last"),
    ("style_layers", names, "A,B", "layers at which style is compared"),
    ("style_loss", str, "NAME", ", ".join(CHOICES["style_loss"])),
    ("style_layer_weights", numbers, "A,B", "relative weight of each style layer"),
    ("content_weight", float, "X", "weight of the photograph's content"),
    ("style_weight", float, "X", "weight of each style layer"),
    ("tv_weight", float, "X", "weight of smoothness (total variation)"),
    ("precision", str, "NAME", ", ".join(CHOICES["precision"])),
    ("optimizer", str, "NAME", ", ".join(CHOICES["optimizer"])),
    ("held_out", int, "N", "photographs kept for the curves and the sheets"),
    ("seed", int, "N", "draws weights, crops, styles and noise"),
    ("checkpoint_minutes", float, "X", "time between checkpoints"),
    ("evaluate_every", int, "N", "steps between points of the curves"),
    ("sheet_every", int, "N", "steps between sample sheets"),
)


def add_parser(commands: Any) -> None:
    """Adds the command to `impasto`'s."""
    parser = commands.add_parser(
        "train",
        help="train a network that paints in one pass",
        description="Trains a network that paints any photograph in one pass, in one style or several; with "
        "--texture, one that makes textures from noise.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "styles",
        metavar="STYLE",
        nargs="*",
        help="gallery name, style file or picture; several are one network",
    )
    parser.add_argument("--photos", nargs="+", default=[], metavar="FOLDER", help="photographs, or tfds:NAME")
    parser.add_argument("--texture", action="store_true", help="textures from noise; needs no photographs")
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        required=True,
        metavar="FOLDER",
        help="checkpoint, network, curves, sheets",
    )
    parser.add_argument(
        "--begin",
        metavar="MODEL",
        help="a trained network to begin with, bundled or a file, of the same kind and width; styles that it "
        "does not know begin as the mean of its own",
    )
    group = parser.add_argument_group("settings (docs/training.md has the defaults)")
    for name, kind, metavar, text in _OPTIONS:
        group.add_argument(f"--{name.replace('_', '-')}", dest=name, type=kind, metavar=metavar, help=text)
    group.add_argument(
        "--skip", action="store_true", default=None, help="paint over the photograph: subjects stay sooner"
    )
    group.add_argument(
        "--recompute",
        action="store_true",
        default=None,
        help="compute the networks once more on the way back: less memory, more time",
    )
    group.add_argument(
        "--style-root",
        action=argparse.BooleanOptionalAction,
        help="take the root of each style layer's loss, so that no style drowns the others",
    )
    running = parser.add_argument_group("running")
    running.add_argument(
        "--devices", type=int, default=1, metavar="N", help="devices that share each batch; 0 is all"
    )
    running.add_argument("--quiet", action="store_true", help="print nothing but errors")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs the command; returns the exit status."""
    if not arguments.styles:
        raise UsageError(
            "A style is missing; give a gallery name (`impasto styles list`) or a picture. Received: none"
        )
    if arguments.devices < 0:
        raise UsageError(f"--devices is 0 for all, or their number. Received: {arguments.devices}")
    if arguments.texture and arguments.photos:
        raise UsageError(f"A texture needs no photographs. Received: --photos {' '.join(arguments.photos)}")
    if not arguments.texture and not arguments.photos:
        raise UsageError(
            "Photographs to paint are missing; give --photos FOLDER, or --texture. Received: neither"
        )
    given = {
        name: getattr(arguments, name)
        for name in TrainSettings.__dataclass_fields__
        if hasattr(arguments, name)
    }
    settings = training_settings(given.pop("recipe"), texture=given.pop("texture"), **given)
    return _train(arguments, settings)


def _train(arguments: argparse.Namespace, settings: TrainSettings) -> int:
    from ..hushed import hushed
    from ..unplotted import unplotted

    with hushed(), unplotted():
        import keras  # noqa: F401

    from ..picture_writing import make_folder
    from ..progress import Progress
    from ..training import Material, train
    from .bar import ProgressBar
    from .stopping import Stop

    quiet = arguments.quiet
    styles = _styles(arguments.styles, settings.style_side)
    photographs, held_out = None, list[Any]()
    if not arguments.texture:
        from ..photographs import open_photographs

        photographs, held_out = open_photographs(
            arguments.photos,
            settings.held_out,
            lambda path: tell(f"passed over, not a readable picture: {path}"),
        )
    output = make_folder(arguments.output)
    words = f"{len(photographs.pictures)} photographs" if photographs is not None else "noise"
    told = [0.0]
    with Stop(picture=False) as stop, ProgressBar(quiet) as bar:

        def show(event: Progress) -> None:
            bar.show(event)
            if not quiet and not sys.stderr.isatty() and time.monotonic() > told[0] + SECONDS_BETWEEN_LINES:
                told[0] = time.monotonic()
                print(f"step {event.step} of {event.steps}: {bar.text(event)}", flush=True)
            stop.check()

        train(
            Material(styles, photographs, tuple(held_out), words),
            output,
            settings,
            devices=arguments.devices,
            begin=arguments.begin,
            on_progress=show,
            notice=lambda line: None if quiet else tell(line),
        )
    if not quiet:
        print(output / "painter.npz")
    return 0


def _styles(sources: list[str], side: int) -> list[Any]:
    """The styles, each large enough at the size at which its strokes are learnt, of different names."""
    from ..images import require_paintable
    from ..styles import load_style

    styles = [load_style(source) for source in sources]
    for style in styles:
        require_paintable(style.picture, "style")
        require_paintable(style.picture.resized(side), "style")
    called = [style.name for style in styles]
    if twice := sorted({name for name in called if called.count(name) > 1}):
        raise UsageError(f"Two styles have one name; rename a file. Received: {', '.join(twice)} twice")
    return styles
