"""The command line, `impasto`: one file to a command.

Each command's module offers `add_parser(commands)`, which sets `run`, a function from the parsed
arguments to an exit status. Commands import Keras inside `run`: `impasto --help` must not wait.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import time
from typing import Any

from ..errors import ImpastoError
from ..failures import out_of_memory
from ..version import version
from .common import OUT_OF_MEMORY, Parser, tell

COMMANDS = (
    "stylize",
    "batch",
    "train",
    "apply",
    "texture",
    "export",
    "demo",
    "models",
    "styles",
    "distill",
    "train_instant",
    "engine",
    "bot",
    "neural_style",
    "mxnet",
)
# Known here by name alone: the engine imports none of its front ends.
FRONT_ENDS = ("impasto.plugin.cli",)


class _Version(argparse.Action):
    """`--version`, which looks the version up only when asked."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        print(f"impasto {version()}")
        parser.exit()


def build_parser() -> argparse.ArgumentParser:
    """The parser of `impasto` and all its commands."""
    parser = Parser(prog="impasto", description="Paints your picture in another picture's style.")
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name in (*(f".{command}" for command in COMMANDS), *FRONT_ENDS):
        importlib.import_module(name, __name__).add_parser(commands)
    return parser


def process_seconds() -> float:
    """How long this process has lived, in seconds; where that is unknown, since now."""
    try:
        with open("/proc/self/stat") as file:
            ticks = int(file.read().rpartition(")")[2].split()[19])  # proc(5): field 22, since boot
        return time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
    except (OSError, AttributeError, ValueError, IndexError):
        return 0.0


def parse(argv: list[str] | None) -> argparse.Namespace:
    """Parses a command line; styles may also stand behind options, which argparse alone does not see."""
    parser = build_parser()
    arguments, rest = parser.parse_known_args(argv)
    if rest and (not hasattr(arguments, "styles") or any(word.startswith("-") for word in rest)):
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    if rest:
        arguments.styles = [*arguments.styles, *rest]
    return arguments


def main(argv: list[str] | None = None) -> int:
    """Runs a command line.

    Args:
        argv: the words after `impasto`; by default the process's own.

    Returns:
        The exit status: 0 done, 1 the work failed, 2 the request was wrong, 130 interrupted.
    """
    # TensorFlow's own start-up lines would bury ours; a user may still ask for them.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")  # a title in a terminal that lacks its letters
    began = time.perf_counter() - (process_seconds() if argv is None else 0)
    arguments = parse(argv)
    arguments.began = began
    try:
        return arguments.run(arguments)
    except ImpastoError as error:
        tell(str(error))
        return error.exit_status
    except KeyboardInterrupt:
        tell("interrupted")
        return 130
    except BrokenPipeError:  # `impasto styles list | head`: nobody reads on
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        if not out_of_memory(error):
            raise
        tell(OUT_OF_MEMORY.format(" ".join(str(error).split())[:120] or type(error).__name__))
        return 1
