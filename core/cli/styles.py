"""`impasto styles list|show|make|blend`: the gallery, and style files of one's own."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from ..hushed import hushed
from ..unplotted import unplotted
from .common import numbers

if TYPE_CHECKING:
    from ..progress import OnProgress
    from ..styles import Style

FACTS = ("title", "author", "year", "kind", "licence", "source")


def add_parser(commands: Any) -> None:
    """Adds the command to `impasto`'s."""
    parser = commands.add_parser(
        "styles",
        help="the gallery and style files: list, show, make, blend",
        description="The gallery of bundled styles, and style files made from your own paintings.",
    )
    parser.set_defaults(run=run, action="list", json=False, kind=None)
    actions = parser.add_subparsers(dest="action", metavar="list|show|make|blend")

    listing = actions.add_parser("list", help="the bundled styles")
    listing.add_argument("--kind", metavar="KIND", help="only those of a kind, such as woodcut")
    listing.add_argument("--json", action="store_true", help="as JSON")

    show = actions.add_parser("show", help="what is known of a style")
    show.add_argument("style", metavar="STYLE", help="gallery name, style file or picture")
    show.add_argument("--json", action="store_true", help="as JSON")
    show.add_argument("-o", "--output", type=Path, metavar="FILE", help="write its picture as well")
    show.add_argument(
        "--preview", type=Path, metavar="FILE", help="write a photograph painted in it (gallery styles only)"
    )

    make = actions.add_parser(
        "make",
        help="make a style file from a painting",
        description="Makes a texture that has a painting's strokes and colours but no pixel of it.",
    )
    make.add_argument("painting", metavar="PAINTING", help="a picture")
    for fact in FACTS:
        make.add_argument(f"--{fact}", metavar="TEXT", default="", help=f"the painting's {fact}")

    blend = actions.add_parser("blend", help="make a style file between several styles")
    blend.add_argument("styles", metavar="STYLE", nargs="+", help="gallery name, style file or picture")
    blend.add_argument(
        "--blend", type=numbers, metavar="3,7", help="a weight for each style; equal by default"
    )

    for action in (make, blend):
        action.add_argument(
            "-o", "--output", type=Path, metavar="FILE", help="NAME.webp in the current folder"
        )
        action.add_argument("--name", metavar="NAME", help="the style's name; by default the file's")
        action.add_argument("--network", metavar="NAME", help="under which the strokes are compared")
        action.add_argument("--weights", metavar="FILE", help="weight file for the network")
        action.add_argument("--seed", type=int, metavar="N", help="of the noise to start from")
        action.add_argument("--device", metavar="WHERE", help="cpu, gpu or gpu:1")
        action.add_argument("--quiet", action="store_true", help="print nothing but errors")


def run(arguments: argparse.Namespace) -> int:
    """Runs the command; returns the exit status."""
    return {"list": _list, "show": _show, "make": _make, "blend": _blend}[arguments.action or "list"](
        arguments
    )


def _list(arguments: argparse.Namespace) -> int:
    from ..styles import gallery_by_kind, load_style

    kinds = gallery_by_kind()
    if arguments.kind is not None and arguments.kind not in kinds:
        raise UsageError(f"The kinds of styles are {', '.join(kinds)}. Received: {arguments.kind}")
    kinds = kinds if arguments.kind is None else {arguments.kind: kinds[arguments.kind]}
    styles = {kind: [load_style(name) for name in names] for kind, names in kinds.items()}
    every = [style for own in styles.values() for style in own]
    if arguments.json:
        print(json.dumps([style.describe() for style in every], indent=2, ensure_ascii=False))
        return 0
    width = max((len(style.name) for style in every), default=0)
    for place, (kind, own) in enumerate(styles.items()):
        print(f"{chr(10) if place else ''}{kind or 'other'}")
        for style in own:
            facts = [fact for fact in (style.title, style.author, style.year) if fact]
            print(f"  {style.name:<{width}}  {', '.join(facts)}")
    return 0


def _show(arguments: argparse.Namespace) -> int:
    from ..images import check_output, save_picture
    from ..styles import load_preview, load_style

    style = load_style(arguments.style)
    if arguments.output:
        check_output(arguments.output)
        save_picture(style.picture, arguments.output)
    if arguments.preview:
        check_output(arguments.preview)
        preview = load_preview(arguments.style)
        if preview is None:
            raise UsageError(
                "Only styles of the gallery have a preview (`impasto styles list`). "
                f"Received: {arguments.style}"
            )
        save_picture(preview, arguments.preview)
    facts = style.describe() | {"swatch": style.is_swatch}
    if arguments.json:
        print(json.dumps(facts, indent=2, ensure_ascii=False))
        return 0
    print(f"{style.name}: {'a texture made from a painting' if style.is_swatch else 'a picture'}")
    for key, value in facts.items():
        if key not in ("name", "swatch") and value not in ("", None):
            print(f"  {key:<8} {value}")
    return 0


def _make(arguments: argparse.Namespace) -> int:
    from ..images import require_paintable
    from ..styles import load_style

    painting = load_style(arguments.painting)  # before Keras is imported, in case it cannot be read
    require_paintable(painting.picture, "painting")
    facts = {fact: getattr(arguments, fact) for fact in FACTS}

    def make(name: str, options: dict[str, Any], on_progress: OnProgress) -> Style:
        from ..swatches import make_style

        options = _renamed(options, "weights", "weights")
        return make_style(painting, name=name, on_progress=on_progress, **facts, **options)

    return _synthesise(arguments, painting.name, make)


def _blend(arguments: argparse.Namespace) -> int:
    from ..styles import load_style

    styles = [load_style(style) for style in arguments.styles]

    def make(name: str, options: dict[str, Any], on_progress: OnProgress) -> Style:
        from ..swatches import blend_styles

        options = _renamed(options, "weights", "network_weights")
        return blend_styles(styles, arguments.blend, name=name, on_progress=on_progress, **options)

    return _synthesise(arguments, "+".join(style.name for style in styles), make)


def _renamed(options: dict[str, Any], old: str, new: str) -> dict[str, Any]:
    return {new if key == old else key: value for key, value in options.items()}


def _synthesise(arguments: argparse.Namespace, name: str, make: Callable[..., Style]) -> int:
    from ..images import check_output
    from ..styles import EXTENSION, save_style

    output = arguments.output or Path((arguments.name or name) + EXTENSION)
    if output.suffix.lower() != EXTENSION:
        raise UsageError(f"A style file's name ends in {EXTENSION}. Received: {output}")
    check_output(output)
    with hushed(), unplotted():
        from ..backend import describe_device, select_device
    from .bar import ProgressBar
    from .stopping import Stop

    options = {key: getattr(arguments, key) for key in ("network", "weights", "seed")}
    options = {key: value for key, value in options.items() if value is not None}
    with (
        Stop(picture=False) as stop,
        select_device(arguments.device),
        ProgressBar(arguments.quiet, describe_device(arguments.device)) as bar,
    ):

        def on_progress(event: Any) -> None:
            bar.show(event)
            stop.check()

        style = make(arguments.name or output.stem, options, on_progress)
    save_style(style, output)
    if not arguments.quiet:
        print(f"{output}: {output.stat().st_size / 1000:.0f} kB")
    return 0
