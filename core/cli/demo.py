"""`impasto demo`: paints two well-known photographs in two styles, and shows before and after."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

STYLES = ("starry_night", "the_scream")


def add_parser(commands: Any) -> None:
    """Adds the command to `impasto`'s."""
    parser = commands.add_parser(
        "demo",
        help="paint two photographs in two styles, and see",
        description="Paints scikit-image's cat and astronaut in two gallery styles, and writes one sheet of "
        "before and after. Nothing is fetched.",
    )
    parser.add_argument(
        "-o", "--output", type=Path, default=Path("demo.jpg"), metavar="FILE", help="default: demo.jpg"
    )
    parser.add_argument(
        "--styles", nargs="+", default=STYLES, metavar="STYLE", help=f"default: {' '.join(STYLES)}"
    )
    parser.add_argument(
        "--size", type=int, default=288, help="longest side of each picture in pixels; default: 288"
    )
    parser.add_argument(
        "--strength", type=float, default=0.5, help="0 to 1; less keeps more of the photograph; default: 0.5"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs the command; returns the exit status."""
    from ..images import Picture, check_output, save_picture
    from ..recipes import settings_for
    from ..styles import load_style

    began = time.perf_counter()
    check_output(arguments.output)
    styles = [load_style(style) for style in arguments.styles]
    settings = settings_for(size=arguments.size, strength=arguments.strength)
    print("Loading the network …", flush=True)
    from skimage import data

    from ..sheet import Cell, sheet
    from ..stylize import stylize

    photographs = {
        "cat (Chelsea)": data.chelsea(),
        # Head and shoulders: brush strokes leave little of a face that is 60 pixels wide.
        "astronaut (Eileen Collins)": data.astronaut()[:340, 60:400],
    }
    rows: list[list[Cell]] = []
    notices: list[str] = []
    for name, photograph in photographs.items():
        row: list[Cell] = [(name, photograph / 255)]
        for style in styles:
            started = time.perf_counter()
            result = stylize(photograph, [style], settings=settings)
            row.append((style.title or style.name, result.picture.pixels))
            notices += result.notices
            print(
                f"{name} after {style.title or style.name}: {time.perf_counter() - started:.0f} s", flush=True
            )
        rows.append(row)
    save_picture(Picture(sheet(rows, height=arguments.size)), arguments.output)
    for notice in dict.fromkeys(notices):
        print(notice)
    print(f"Done in {time.perf_counter() - began:.0f} s. Look at {arguments.output}")
    return 0
