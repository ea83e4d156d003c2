"""`impasto stylize`: photographs and one or several styles in, painted pictures out."""

from __future__ import annotations

import argparse
import glob
import os
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..recipes import Settings
from .common import Whole, add_settings, numbers, settings_from

EPILOG = """\
examples:
  impasto stylize photo.jpg starry_night -o out.png
  impasto stylize photo.jpg painting.jpg great_wave --blend 3,7 -o out.png
  impasto stylize photo.jpg the_scream --method instant -o out.png
  impasto stylize photo.jpg udnie great_wave --method instant --mask a.png --mask b.png -o out.png
  impasto stylize - starry_night -o texture.png        a texture, without a photograph
  impasto stylize photo.jpg --init noise -o kept.png   what the network keeps of a photograph
  impasto stylize *.jpg --style starry_night -o painted/     several photographs

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
    parser.add_argument(
        "content",
        metavar="CONTENT",
        help="the photograph; - for a texture without one. With --style there may be several, and folders",
    )
    parser.add_argument(
        "styles",
        metavar="STYLE",
        nargs="*",
        help="gallery name (`impasto styles list`), style file or picture",
    )
    add_batch_options(parser)
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="OUT",
        help="the picture to write, whose extension chooses the format, or a folder for CONTENT_STYLE.png; "
        "by default the current one",
    )
    parser.add_argument(
        "--blend", type=numbers, metavar="3,7", help="a weight for each style; equal by default"
    )
    parser.add_argument(
        "--mask",
        action="append",
        metavar="FILE",
        help="with --method instant: white where a style goes; once for each style, in their order",
    )
    add_settings(parser)
    running = parser.add_argument_group("running")
    running.add_argument(
        "--device", metavar="WHERE", help="cpu, gpu or gpu:1; by default the first GPU if any"
    )
    running.add_argument(
        "--devices", metavar="A,B", help="several, such as gpu:0,gpu:1, which share a picture's tiles"
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


def add_batch_options(parser: argparse.ArgumentParser, required: bool = False) -> None:
    """Adds the options of several photographs in one manner."""
    parser.add_argument(
        "--style",
        dest="style",
        action="append",
        default=[],
        required=required,
        metavar="STYLE",
        help="a style; repeat it for several. Every other word is then a photograph",
    )
    parser.add_argument(
        "--format", default="png", metavar="EXT", help="of pictures named CONTENT_STYLE; default: png"
    )


def run(arguments: argparse.Namespace) -> int:
    """Runs the command; returns the exit status."""
    settings = settings_from(arguments)
    if arguments.device and arguments.devices:
        raise UsageError(
            "One device or several: give --device or --devices. "
            f"Received: {arguments.device} and {arguments.devices}"
        )
    if arguments.style:
        contents = [arguments.content, *arguments.styles]
        if len(contents) > 1 or _is_folder(arguments.output) or _stands_for_several(contents[0]):
            return _run_several(arguments, contents, settings)
        arguments.styles = arguments.style
    return _run_one(arguments, settings)


def _is_folder(output: Path | None) -> bool:
    return output is not None and (output.is_dir() or not output.suffix)


def _stands_for_several(content: str) -> bool:
    return os.path.isdir(content) or (glob.has_magic(content) and not os.path.exists(content))


def _run_several(arguments: argparse.Namespace, contents: list[str], settings: Settings) -> int:
    from ..batch import plan
    from .several import paint_several

    for name in ("save_every", "plot", "with_history", "mask"):
        if getattr(arguments, name):
            flag = {"with_history": "history"}.get(name, name).replace("_", "-")
            raise UsageError(f"--{flag} is for one photograph at a time. Received: {len(contents)} words")
    if "-" in contents:
        raise UsageError("A texture (-) is painted by itself, not among photographs. Received: -")
    folder = arguments.output or Path()
    if folder.is_file():
        raise UsageError(
            f"Several pictures go into a folder; name one that -o can make. Received: the file {folder}"
        )
    batch = plan(
        contents, arguments.style, folder, settings, blend=arguments.blend, extension=arguments.format
    )
    return paint_several(
        batch,
        device=arguments.devices or arguments.device,
        resume=arguments.resume,
        quiet=arguments.quiet,
        as_json=arguments.json,
    )


def _run_one(arguments: argparse.Namespace, settings: Settings) -> int:
    from .painting import Job, paint

    content = None if arguments.content == "-" else arguments.content
    if content is None and not arguments.styles:
        raise UsageError("There is nothing to paint; give a photograph, a style, or both. Received: neither")
    if not arguments.styles and settings.init == "content":
        raise UsageError(
            "A style is missing; give a gallery name (`impasto styles list`), a style file or a picture, or "
            f"--init noise to see what the network keeps of the photograph. Received: {content} alone"
        )
    if settings.method == "instant":
        for option in ("resume", "save_every", "plot"):
            if getattr(arguments, option):
                raise UsageError(
                    "The method instant has one step: there is nothing to resume, to save between or to "
                    f"plot. Received: --{option.replace('_', '-')}"
                )
    return paint(
        Job(
            content,
            arguments.styles,
            _output(arguments, content),
            settings,
            arguments.began,
            blend=arguments.blend,
            masks=arguments.mask,
            resumable=settings.method != "instant",
            device=arguments.devices or arguments.device,
            save_every=arguments.save_every,
            resume=arguments.resume,
            plot=arguments.plot,
            quiet=arguments.quiet,
            as_json=arguments.json or arguments.with_history,
            with_history=arguments.with_history,
        )
    )


def _output(arguments: argparse.Namespace, content: str | None) -> Path:
    """The file to write: the one named, or CONTENT_STYLE in the folder named or the current one."""
    from ..batch import output_name

    output = arguments.output or Path()
    if arguments.output and not output.is_dir():
        return output
    return output / output_name(content, arguments.styles, "." + arguments.format.lstrip("."))
