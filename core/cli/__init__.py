"""The command line, `impasto`: one file to a command.

Each command's module offers `add_parser(commands)`, which sets `run`, a function from the parsed
arguments to an exit status. Commands import Keras inside `run`: `impasto --help` must not wait.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys

from ..errors import ImpastoError

COMMANDS = ("distill",)


def build_parser() -> argparse.ArgumentParser:
    """The parser of `impasto` and all its commands."""
    parser = argparse.ArgumentParser(prog="impasto", description="Paints your picture in another picture's style.")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name in COMMANDS:
        importlib.import_module(f".{name}", __name__).add_parser(commands)
    return parser


def main(argv: list[str] | None = None) -> int:
    """Runs a command line.

    Args:
        argv: the words after `impasto`; by default the process's own.

    Returns:
        The exit status: 0 done, 1 the work failed, 2 the request was wrong, 130 interrupted.
    """
    # TensorFlow's own start-up lines would bury ours; a user may still ask for them.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    arguments = build_parser().parse_args(argv)
    try:
        return arguments.run(arguments)
    except ImpastoError as error:
        print(f"impasto: {error}", file=sys.stderr)
        return error.exit_status
    except KeyboardInterrupt:
        print("impasto: interrupted", file=sys.stderr)
        return 130
