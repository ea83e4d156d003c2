"""`impasto stylize`: a photograph and one or several styles in, a painted picture out."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ..errors import UsageError
from .common import Whole, add_settings, numbers, settings_from

EPILOG = """\
examples:
  impasto stylize photo.jpg starry_night -o out.png
  impasto stylize photo.jpg painting.jpg great_wave --blend 3,7 -o out.png
  impasto stylize - starry_night -o texture.png        a texture, without a photograph
  impasto stylize photo.jpg --init noise -o kept.png   what the network keeps of a photograph

Ctrl-C writes the picture so far; the same command with --resume goes on.
"""


def add_parser(commands: Any) -> None:
    """Adds the command to `impasto`'s."""
    parser = commands.add_parser(
        "stylize",
        help="paint a photograph in the style of a painting",
        description="Paints a photograph in the style of one or several paintings.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("content", metavar="CONTENT", help="the photograph; - for a texture without one")
    parser.add_argument(
        "styles",
        metavar="STYLE",
        nargs="*",
        help="gallery name (`impasto styles list`), style file or picture",
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="OUT",
        help="the picture to write; its extension chooses the format. By default CONTENT_STYLE.png in the "
        "current folder",
    )
    parser.add_argument(
        "--blend", type=numbers, metavar="3,7", help="a weight for each style; equal by default"
    )
    add_settings(parser)
    running = parser.add_argument_group("running")
    running.add_argument(
        "--device", metavar="WHERE", help="cpu, gpu or gpu:1; by default the first GPU if any"
    )
    running.add_argument("--resume", action="store_true", help="go on with an interrupted run")
    running.add_argument(
        "--save-every",
        type=Whole(1),
        default=0,
        metavar="N",
        help="write OUT_N and the state to resume from each so many steps",
    )
    running.add_argument("--plot", type=Path, metavar="FILE", help="draw the loss into a picture file")
    running.add_argument("--json", action="store_true", help="print a JSON object at the end")
    running.add_argument(
        "--history", dest="with_history", action="store_true", help="with --json: every step's loss as well"
    )
    running.add_argument("--quiet", action="store_true", help="print nothing but errors")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs the command; returns the exit status."""
    from .painting import Job, paint

    settings = settings_from(arguments)
    content = None if arguments.content == "-" else arguments.content
    if content is None and not arguments.styles:
        raise UsageError("There is nothing to paint; give a photograph, a style, or both. Received: neither")
    if not arguments.styles and settings.init == "content":
        raise UsageError(
            "A style is missing; give a gallery name (`impasto styles list`), a style file or a picture, or "
            f"--init noise to see what the network keeps of the photograph. Received: {content} alone"
        )
    return paint(
        Job(
            content,
            arguments.styles,
            arguments.output or default_output(content, arguments.styles),
            settings,
            arguments.began,
            blend=arguments.blend,
            device=arguments.device,
            save_every=arguments.save_every,
            resume=arguments.resume,
            plot=arguments.plot,
            quiet=arguments.quiet,
            as_json=arguments.json or arguments.with_history,
            with_history=arguments.with_history,
        )
    )


def default_output(content: str | None, styles: list[str]) -> Path:
    """`photo_starry_night.png` in the current folder; a texture is called `starry_night_texture.png`."""
    painting = "+".join(Path(style).stem for style in styles)
    if content is None:
        return Path(f"{painting}_texture.png")
    return Path(f"{Path(content).stem}_{painting or 'content'}.png")
