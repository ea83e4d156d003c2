"""What several commands share: a parser with one-line errors, options for settings, small conversions.

Nothing here imports Keras or NumPy, and no default is written here: an option that is not given
stays None, and `settings_for` then keeps the recipe's value.
"""

from __future__ import annotations

import argparse
import difflib
import re
import sys
from collections.abc import Callable
from dataclasses import fields
from typing import Any, NoReturn

from ..errors import printable
from ..recipes import CHOICES, RECIPES, Settings, settings_for

OUT_OF_MEMORY = (
    "There is not enough memory for this picture; choose a smaller --size or --network, or close other "
    "programs. Received: {}"
)


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line and exit with 2."""

    def __init__(self, *args: Any, **options: Any):
        super().__init__(*args, **({"allow_abbrev": False} | options))

    def error(self, message: str) -> NoReturn:
        """Prints `impasto: ...` and exits."""
        self.exit(2, f"impasto: {message}{_near(message)}; see `{self.prog} --help`\n")


def _near(message: str) -> str:
    """A guess at what a mistyped choice was meant to be."""
    match = re.search(r"invalid choice: '(.*?)' \(choose from (.*)\)", message)
    if not match:
        return ""
    near = difflib.get_close_matches(match[1], re.findall(r"[\w-]+", match[2]), n=1)
    return f"; did you mean {near[0]}?" if near else ""


def names(text: str) -> tuple[str, ...]:
    """Splits `relu1_1,relu2_1`."""
    return tuple(word.strip() for word in text.split(",") if word.strip())


def numbers(text: str) -> tuple[float, ...]:
    """Splits `3,7`; argparse turns the ValueError into its one line."""
    return tuple(float(word) for word in text.split(","))


names.__name__, numbers.__name__ = "list of names", "list of numbers"  # argparse shows these


class Whole:
    """A type for argparse: a whole number of at least so much."""

    def __init__(self, least: int):
        self.least, self.__name__ = least, f"whole number of {least} or more"

    def __call__(self, text: str) -> int:
        """Converts the word."""
        number = int(text)
        if number < self.least:
            raise ValueError
        return number


_OPTIONS: tuple[tuple[str, Callable[[str], Any], str, str], ...] = (
    ("size", int, "PIXELS", "longest side of the result; 0 keeps the photograph's own size"),
    (
        "method",
        str,
        "HOW",
        f"{', '.join(CHOICES['method'])}: by steps and passes (default), steps alone, or passes alone",
    ),
    ("recipe", str, "NAME", f"named settings to begin with: {', '.join(RECIPES)}"),
    ("strength", float, "0-1", "0 leaves the photograph nearly alone, 1 forgets it"),
    ("steps", int, "N", "optimiser steps over all scales"),
    ("network", str, "NAME", "auto, vgg19, vgg16 or vgg_mini; see `impasto models list`"),
    ("weights", str, "FILE", "weight file for the network, instead of its own"),
    ("style-scale", float, "X", "size of the strokes: 2 is twice as large"),
    ("init", str, "WHAT", "what to start from: content, noise, or a picture's file"),
    ("content-weight", float, "X", "weight of the photograph's content"),
    ("style-weight", float, "X", "weight of the style"),
    ("tv-weight", float, "X", "weight of smoothness (total variation)"),
    ("content-layers", names, "A,B", "layers at which content is compared, such as relu4_2"),
    ("style-layers", names, "A,B", "layers at which style is compared"),
    ("style-layer-weights", numbers, "X,Y", "relative weight of each style layer"),
    ("pooling", str, "KIND", f"{', '.join(CHOICES['pooling'])}; the network's own otherwise"),
    ("optimizer", str, "NAME", ", ".join(CHOICES["optimizer"])),
    ("learning-rate", float, "X", "of adam, sgd and nesterov, on the 0-1 picture"),
    ("stop-eps", float, "X", "go on to the next scale when a step changes less than this share; 0 never"),
    ("denoise", float, "X", "weight of TV-Chambolle denoising of the result; 0 leaves it"),
    (
        "memory",
        str,
        "4GB",
        "the most memory to hold; larger pictures are painted in tiles; auto: what is free",
    ),
    ("seed", int, "N", "of all noise: the same seed paints the same picture"),
    (
        "precision",
        str,
        "KIND",
        f"of convolutions: {', '.join(CHOICES['precision'])}; see docs/performance.md",
    ),
    ("convolution", str, "KIND", f"how they are computed: {', '.join(CHOICES['convolution'])}"),
)


def add_settings(parser: argparse.ArgumentParser) -> None:
    """Adds an option for each setting of a painting that the command line offers."""
    group = parser.add_argument_group("settings (docs/recipes.md has the defaults)")
    for name, kind, metavar, text in _OPTIONS:
        group.add_argument(f"--{name}", type=kind, metavar=metavar, help=text)
    group.add_argument(
        "--colours",
        "--colors",
        metavar="WHOSE",
        help="keep the photograph's, match the style to them first, or take the style's (keep, match, style)",
    )


def settings_from(arguments: argparse.Namespace, **changes: Any) -> Settings:
    """The settings that a command line asks for.

    Args:
        arguments: parsed by a parser with `add_settings`, or with some of its options.
        **changes: settings that go before the options; None leaves the option's.

    Raises:
        UsageError: an unknown recipe or choice, or a value out of range.
    """
    given = {field.name: getattr(arguments, field.name, None) for field in fields(Settings)}
    given |= {name: value for name, value in changes.items() if value is not None}
    recipe = given.pop("recipe") or Settings.recipe
    return settings_for(recipe, **given)


def tell(message: str) -> None:
    """Prints a line for the user on stderr."""
    print(f"impasto: {printable(message)}", file=sys.stderr)
