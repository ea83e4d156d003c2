"""`impasto distill`: trains the compact loss network from a larger one."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from ..hushed import hushed
from .training_inputs import given_settings, split_photographs, tell_unreadable

if TYPE_CHECKING:
    import keras

TEACHERS = ("vgg16", "vgg19")


def add_parser(commands: Any) -> None:
    """Adds the command to `impasto`'s."""
    parser = commands.add_parser(
        "distill",
        help="train the compact loss network",
        description="Trains vgg_mini to predict what a VGG sees. It begins as that VGG with fewer channels. "
        "Started again with the same output folder it goes on where the last checkpoint left it.",
    )
    parser.add_argument("--photos", type=Path, nargs="+", required=True, metavar="FOLDER", help="photographs")
    parser.add_argument("--paintings", type=Path, nargs="*", default=[], metavar="FOLDER", help="paintings")
    parser.add_argument("--teacher", default="vgg16", choices=TEACHERS, help="whose layers are learnt")
    parser.add_argument(
        "--weights", type=Path, metavar="FILE", help="the teacher's weights; Keras's own by default"
    )
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="FOLDER", help="checkpoint, log, plot, weights"
    )
    parser.add_argument(
        "--begin",
        type=Path,
        metavar="WEIGHTS",
        help="begin with a trained vgg_mini.npz and its components instead of the pruned teacher",
    )
    for name, kind, text in (
        ("steps", int, "optimiser steps in all"),
        ("batch", int, "crops a step"),
        ("side", int, "side of a crop in pixels, a multiple of 16"),
        ("large_every", int, "every so many steps crops have twice the side; 0 for never"),
        ("learning_rate", float, "at its highest"),
        ("decay", float, "last share of the steps, over which the learning rate falls to nothing"),
        ("held_out", int, "photographs kept for the held-out errors"),
        ("prune_from", int, "crops over which the teacher is pruned"),
        ("seed", int, "draws crops and held-out photographs"),
        ("checkpoint_minutes", float, "time between checkpoints"),
        ("evaluate_every", int, "steps between held-out errors"),
        ("first_crops", int, "number of the first step's crops, to pass over those already seen"),
        ("optimizer", str, "muon or adamw"),
        ("precision", str, "mixed_bfloat16 or float32"),
    ):
        parser.add_argument(f"--{name.replace('_', '-')}", dest=name, type=kind, help=text)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs the command; returns the exit status."""
    from ..crops import Folder
    from ..distill import DistillSettings, check_same_run
    from ..picture_writing import make_folder

    settings = DistillSettings(**given_settings(arguments, DistillSettings))
    if settings.side % 16 or settings.side < 32:
        raise UsageError(f"A crop's side is a multiple of 16, 32 or more. Received: {settings.side}")
    photographs, held_out = split_photographs(arguments.photos, settings)
    training = [(photographs, 1.0)]
    if arguments.paintings:
        training = [
            (photographs, 1 - settings.painting_share),
            (Folder.read(*arguments.paintings, largest=LARGEST_PAINTING), settings.painting_share),
        ]
    tell_unreadable(*(folder for folder, _ in training))
    check_same_run(make_folder(arguments.output), settings)
    return _train(arguments, settings, training, held_out)


# In pixels. So its strokes are as wide as in the pictures that are painted.
LARGEST_PAINTING = 700


def _train(arguments: argparse.Namespace, settings: Any, training: list, held_out: Any) -> int:
    with hushed():
        import keras
    import numpy as np
    from tqdm import tqdm

    from impasto.models.vgg_mini import build_vgg_mini
    from impasto.models.weights import read_weights

    from ..distill import begin_pruned, distill, plot_log, sample_crops
    from ..distiller import Distiller, components_in, write_components

    keras.utils.set_random_seed(settings.seed)
    keras.mixed_precision.set_global_policy(settings.precision)
    teacher = _teacher(arguments.teacher, arguments.weights)
    output: Path = arguments.output
    kept = output / "components.npz"  # whole, where the weight file has them in half precision
    resumed = kept.exists() and (output / "checkpoint.npz").exists()
    begun = read_weights(kept if resumed else arguments.begin) if resumed or arguments.begin else {}
    sample = sample_crops(training, settings)
    distiller = Distiller(build_vgg_mini(), teacher, sample, components=components_in(begun) or None)
    write_components(distiller.components, kept)
    if not resumed and begun:
        distiller.begin(begun, arguments.begin)
    elif not resumed:
        for name, error in begin_pruned(distiller, training, settings).items():
            print(f"pruned {name}: {error:.4f}", flush=True)
    bar = tqdm(total=settings.steps, unit="step", disable=None, smoothing=0.05)

    def show(done: int, loss: float, errors: np.ndarray | None) -> None:
        bar.update(done - bar.n)
        if errors is not None:
            plot_log(output / "log.csv", output / "log.png")
            print(f"step {done}: held-out " + " ".join(f"{error:.4f}" for error in errors), flush=True)

    errors = distill(distiller, training, held_out, output, settings, show)
    bar.close()
    print(f"{'held out':10} error as a share of the layer's energy")
    for layer, error in zip(distiller.layers, errors, strict=True):
        print(f"{layer:10} {error:.4f}")
    print(output / "vgg_mini.npz")
    return 0


def _teacher(name: str, weights: Path | None) -> keras.Model:
    """The teacher, frozen."""
    from impasto.models.vgg import build_network
    from impasto.models.weights import choose

    network, path, _ = choose(name, weights)
    teacher, _ = build_network(network, path, network.layers)
    teacher.trainable = False
    return teacher
