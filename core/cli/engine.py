"""`impasto engine`: the engine as a process, for other programs."""

from __future__ import annotations

import argparse
from typing import Any


def add_parser(commands: Any) -> None:
    """Adds the command to `impasto`'s."""
    parser = commands.add_parser(
        "engine",
        help="serve other programs by JSON lines",
        description="Reads requests from stdin and writes events to stdout, a JSON object a line; ends when "
        "stdin ends. docs/engine.md describes the protocol.",
    )
    parser.add_argument(
        "--device", metavar="WHERE", help="cpu, gpu or gpu:1; by default the first GPU if any"
    )
    parser.add_argument(
        "--load",
        choices=("optimise", "instant"),
        default="optimise",
        help="what to load while nothing is asked: the optimiser's libraries (default), or the networks of "
        "one pass, which need neither as long nor as much memory",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs the command, which ends this process."""
    from ..engine import serve_stdin

    serve_stdin(arguments.device, arguments.load)
