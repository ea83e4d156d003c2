"""`impasto neural-style`: jcjohnson/neural-style's command line, letter for letter.

Single-dash flags, its defaults, its file names and its printed lines; the work is the recipe
`classic`. A flag that has no meaning here is accepted and says so on stderr.
"""

from __future__ import annotations

import argparse
import os
import re
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from impasto.models.register import VGG19

from ..errors import UsageError
from ..recipes import RECIPES, Settings, settings_for
from .common import names, numbers, tell

if TYPE_CHECKING:
    from ..stylize import Step

# What the tool reads and writes where nothing is said; everything else is the recipe's.
STYLE, CONTENT, OUTPUT = "examples/inputs/seated-nude.jpg", "examples/inputs/tubingen.jpg", "out.png"
PRINT_ITER, SAVE_ITER = 50, 100

CLASSIC = RECIPES["classic"]

NO_MEANING = {
    "proto_file": "networks are described in Impasto's own register",
    "backend": "KERAS_BACKEND chooses the backend",
    "cudnn_autotune": "the backend tunes itself",
    "multigpu_strategy": "several GPUs share the picture's tiles, not the network's layers",
}


def add_parser(commands: Any) -> None:
    """Adds the command to `impasto`'s."""
    parser = commands.add_parser(
        "neural-style",
        help="the command line of jcjohnson/neural-style",
        description="Takes the command line of jcjohnson/neural-style and paints with its recipe.",
        add_help=False,
    )
    parser.add_argument("-h", "-help", "--help", action="help", help="show this help")

    def option(name: str, default: Any, text: str = "", **more: Any) -> None:
        shown = ",".join(default) if isinstance(default, tuple) else default
        own = {"metavar": "X", "help": f"{text} (default: {shown})".strip()} | more
        parser.add_argument(f"-{name}", **own)

    option("style_image", STYLE, "paintings, separated by commas")
    option("style_blend_weights", "equal", "a weight for each painting, separated by commas", type=_weights)
    option("content_image", CONTENT, "the photograph")
    option("image_size", CLASSIC.size, "longest side of the output", type=int)
    option("gpu", 0, "GPU to use, -1 for the CPU; several, as 0,1, share the picture's tiles")
    option("multigpu_strategy", "none", "no meaning here")
    option("content_weight", CLASSIC.content_weight, type=float)
    option("style_weight", CLASSIC.style_weight, "of each style layer", type=float)
    option("tv_weight", CLASSIC.tv_weight, type=float)
    option("num_iterations", CLASSIC.steps, "of L-BFGS, evaluations", type=int)
    option("normalize_gradients", "off", "divide each layer's gradient by its L1 norm", nargs="?", const="1")
    option("init", "random", "random or image", metavar="WHAT")
    option("init_image", "the photograph", "with -init image, the picture to start from")
    option("optimizer", CLASSIC.optimizer, "lbfgs or adam", metavar="NAME")
    option("learning_rate", f"{CLASSIC.learning_rate * 255:g}", "of adam, on pixels of 0-255", type=float)
    option("lbfgs_num_correction", 0, f"pairs L-BFGS remembers; 0 is {CLASSIC.history}", type=int)
    option("print_iter", PRINT_ITER, "print the losses each so many iterations; 0 never", type=int)
    option("save_iter", SAVE_ITER, "save <name>_<iteration> each so many; 0 the last only", type=int)
    option("output_image", OUTPUT)
    option("style_scale", CLASSIC.style_scale, "of the paintings' size to the output's", type=float)
    option("original_colors", 0, "1 keeps the photograph's colours", type=int)
    option("pooling", f"VGG's {VGG19.pooling}; the bundled network's average", "max or avg", metavar="KIND")
    option("proto_file", "none", "no meaning here")
    option("model_file", "VGG-19's where it is, or the bundled network's", "a weight file, .h5 or .npz")
    option("backend", "none", "no meaning here")
    option("cudnn_autotune", "off", "no meaning here", nargs=0, action=_Switch, metavar=None)
    option("seed", -1, "of the noise to start from; -1 is another one each time", type=int)
    option("content_layers", VGG19.content_layers, type=names)
    option(
        "style_layers", f"{','.join(VGG19.style_layers)}; the bundled network's ends of blocks", type=names
    )
    parser.set_defaults(run=run)


class _Switch(argparse.Action):
    """A flag without a value."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option: str | None = None) -> None:
        setattr(namespace, self.dest, True)


def _weights(text: str) -> tuple[float, ...] | None:
    return None if text == "nil" else numbers(text)  # nil is how the tool's own default is written


_weights.__name__ = numbers.__name__


def run(arguments: argparse.Namespace) -> int:
    """Runs the command; returns the exit status."""
    from .painting import Job, paint

    for name, reason in NO_MEANING.items():
        if getattr(arguments, name) is not None:
            tell(f"-{name} has no meaning here: {reason}")
    every = SAVE_ITER if arguments.save_iter is None else arguments.save_iter
    settings = _settings(arguments)
    return paint(
        Job(
            arguments.content_image or CONTENT,
            (arguments.style_image or STYLE).split(","),
            Path(arguments.output_image or OUTPUT),
            settings,
            arguments.began,
            blend=arguments.style_blend_weights,
            device=gpu_or_cpu(arguments.gpu, "-gpu"),
            save_every=max(every, 0),
            resumable=False,
            quiet=False,
            on_step=printer(PRINT_ITER if arguments.print_iter is None else arguments.print_iter),
        )
    )


def gpu_or_cpu(gpu: str | None, flag: str) -> Callable[[], str]:
    """Which device `-gpu 0`, `-gpu -1` or `-gpu 0,1` means here, to be asked once Keras is there.

    What it returns says on stderr where it takes another device than the flag names.

    Args:
        gpu: the flag's value, None for the first GPU.
        flag: how the flag is written, for messages.

    Raises:
        UsageError: the value is no number and no list of numbers.
    """
    if not re.fullmatch(r"-1|\d+(,\d+)*", gpu := gpu or "0"):
        raise UsageError(f"{flag} is a GPU's number, a list of them, or -1 for the CPU. Received: {gpu}")
    numbers = [str(int(number)) for number in gpu.split(",")]

    def device() -> str:
        from ..backend import select_device

        if gpu == "-1":
            return "cpu"
        try:
            select_device("gpu")
        except UsageError:
            tell(f"{flag} {gpu}: no GPU is seen, so the CPU paints; {flag} -1 asks for it")
            return "cpu"
        return ",".join(f"gpu:{number}" for number in numbers)

    return device


def printer(every: int) -> Callable[[Step], None]:
    """Prints losses each so many iterations, as the tool does: TV is not part of them."""
    last = 0

    def show(step: Step) -> None:
        nonlocal last
        passed, last = every > 0 and step.step // every > last // every, step.step
        if not passed:
            return
        print(f"Iteration {step.step // every * every} / {step.steps}")
        total = 0.0
        for kind, title in (("content:", "Content"), ("gram:", "Style")):
            losses = [loss for name, loss in step.parts.items() if name.startswith(kind)]
            for number, loss in enumerate(losses, 1):
                print(f"  {title} {number} loss: {loss:f}")
            total += sum(losses)
        print(f"  Total loss: {total:f}", flush=True)

    return show


def _settings(arguments: argparse.Namespace) -> Settings:
    return settings_for(
        "classic",
        size=arguments.image_size,
        content_weight=arguments.content_weight,
        style_weight=arguments.style_weight,
        tv_weight=arguments.tv_weight,
        steps=arguments.num_iterations,
        normalize_gradients=_normalize(arguments.normalize_gradients),
        init=_init(arguments),
        optimizer=_one_of("optimizer", arguments.optimizer, {"lbfgs": "lbfgs", "adam": "adam"}),
        learning_rate=None if arguments.learning_rate is None else arguments.learning_rate / 255,
        history=arguments.lbfgs_num_correction or None,
        style_scale=arguments.style_scale,
        colours="keep" if arguments.original_colors == 1 else None,
        pooling=_one_of("pooling", arguments.pooling, {"max": "max", "avg": "average"}),
        weights=_model_file(arguments.model_file),
        seed=secrets.randbits(31) if arguments.seed is None or arguments.seed < 0 else arguments.seed,
        content_layers=arguments.content_layers,
        style_layers=arguments.style_layers,
    )


def _one_of(name: str, value: str | None, choices: dict[str, str]) -> str | None:
    if value is not None and value not in choices:
        raise UsageError(f"-{name} is {' or '.join(choices)}. Received: {value}")
    return choices.get(value or "")


def _init(arguments: argparse.Namespace) -> str | None:
    kind = _one_of("init", arguments.init, {"random": "noise", "image": "content"})
    if arguments.init_image and kind != "content":
        tell("-init_image is used with -init image only")
    return arguments.init_image or kind if kind == "content" else kind


def _normalize(value: str | None) -> bool | None:
    """The flag is a switch in the tool's first versions and an exponent in its last."""
    if value is None or value in ("true", "false"):
        return None if value is None else value == "true"
    try:
        exponent = float(value)
    except ValueError:
        raise UsageError(f"-normalize_gradients is 0 or 1. Received: {value}") from None
    if exponent not in (0, 1):
        tell(f"-normalize_gradients {value}: the gradient is divided by its whole norm, as with 1")
    return exponent != 0


def _model_file(path: str | None) -> str | None:
    if path is None:
        return None
    if os.path.isfile(path) and Path(path).suffix in (".h5", ".npz", ".keras"):
        return path
    reason = "Caffe's files cannot be read here" if path.endswith(".caffemodel") else "no .h5 or .npz file"
    tell(f"-model_file {path}: {reason}; VGG-19 where its weights are here, else the bundled network")
    return None
