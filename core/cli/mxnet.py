"""`impasto mxnet`: the command line of MXNet's neural-art example, letter for letter.

Its flags, defaults and file names, of `run.py` and of the later `nstyle.py`; the work is the
recipe `mxnet`. Three of its faults are left behind: `--model vgg19` can be typed, the schedule's
factor is a fraction, and the last picture is denoised like those before it.
"""

from __future__ import annotations

import argparse
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..recipes import RECIPES, Settings, settings_for
from .neural_style import gpu_or_cpu

# What the tool reads and writes where nothing is said, and where its flags differ from what it fixes inside.
CONTENT, STYLE, OUTPUT = "input/IMG_4343.jpg", "input/starry_night.jpg", "output/out.jpg"
DELAY, SAVE_EPOCHS = 75, 50

RECIPE = RECIPES["mxnet"]


def add_parser(commands: Any) -> None:
    """Adds the command to `impasto`'s."""
    parser = commands.add_parser(
        "mxnet",
        help="the command line of MXNet's neural-art example",
        description="Takes the command line of MXNet's neural-art example and paints with its recipe.",
    )

    def option(name: str, default: Any, text: str, kind: Any = float, metavar: str = "X") -> None:
        parser.add_argument(f"--{name}", type=kind, metavar=metavar, help=f"{text} (default: {default})")

    option(
        "model", "vgg19", "vgg19 where its weights are here, else the bundled network; or vgg16", str, "NAME"
    )
    option("content-image", CONTENT, "the photograph", str, "FILE")
    option("style-image", STYLE, "the painting, squashed to the photograph's shape", str, "FILE")
    option("stop-eps", RECIPE.stop_eps, "stop when the relative change falls below")
    option("content-weight", RECIPE.content_weight, "weight of the content")
    option("style-weight", RECIPE.style_weight, "weight of the style")
    option("tv-weight", RECIPE.tv_weight, "weight of the Laplacian")
    option("max-num-epochs", RECIPE.steps, "steps at most", int, "N")
    option("max-long-edge", RECIPE.size, "longest side of the output in pixels", int, "N")
    option("lr", RECIPE.learning_rate, "learning rate; the tutorial speaks of .1 to .3")
    option("lr-sched-delay", DELAY, "steps until the learning rate falls", int, "N")
    option("lr-sched-factor", RECIPE.schedule_factor, "by what it is then multiplied")
    option("gpu", 0, "GPU to use, -1 for the CPU; several, as 0,1, share the picture's tiles", str)
    parser.add_argument(
        "--output", "--output_dir", type=str, metavar="FILE", help=f"picture, or folder (default: {OUTPUT})"
    )
    option("save-epochs", SAVE_EPOCHS, "save e_N.jpg each so many steps; 0 never", int, "N")
    option("remove-noise", RECIPE.denoise, "weight of TV-Chambolle denoising of what is saved")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs the command; returns the exit status."""
    from .painting import Job, paint

    settings = _settings(arguments)
    output = output_path(arguments.output)
    every = SAVE_EPOCHS if arguments.save_epochs is None else arguments.save_epochs
    job = Job(
        arguments.content_image or CONTENT,
        [arguments.style_image or STYLE],
        output,
        settings,
        arguments.began,
        device=gpu_or_cpu(arguments.gpu, "--gpu"),
        save_every=max(every, 0),
        intermediate=lambda step: output.with_name(f"e_{step}.jpg"),
        resumable=False,
    )
    # The tool's checkout holds its folder "output"; here a last folder that is missing is made.
    made = not output.parent.exists() and output.parent.parent.is_dir()
    if made:
        os.mkdir(output.parent)
    try:
        return paint(job)
    finally:
        if made:
            with suppress(OSError):  # there is something in it, as there should be
                output.parent.rmdir()


def output_path(given: str | None) -> Path:
    """The picture to write: a folder, as `nstyle.py` wants it, gets the tool's own file name."""
    path = Path(given or OUTPUT)
    folder = given is not None and (given.endswith(("/", os.sep)) or path.is_dir() or not path.suffix)
    return path / Path(OUTPUT).name if folder else path


def _settings(arguments: argparse.Namespace) -> Settings:
    return settings_for(
        "mxnet",
        network=None if arguments.model == "vgg19" else arguments.model,
        stop_eps=arguments.stop_eps,
        content_weight=arguments.content_weight,
        style_weight=arguments.style_weight,
        tv_weight=arguments.tv_weight,
        steps=arguments.max_num_epochs,
        size=arguments.max_long_edge,
        learning_rate=arguments.lr,
        schedule_every=DELAY if arguments.lr_sched_delay is None else arguments.lr_sched_delay,
        schedule_factor=arguments.lr_sched_factor,
        denoise=arguments.remove_noise,
    )
