"""`impasto train-instant`: trains the decoder that paints any style in one pass."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ..hushed import hushed
from .training_inputs import given_settings, split_photographs, tell_unreadable


def add_parser(commands: Any) -> None:
    """Adds the command to `impasto`'s."""
    parser = commands.add_parser(
        "train-instant",
        help="train the network that paints any style in one pass",
        description="Trains the decoders of --method instant under the losses of a network that judges. "
        "Started again with the same output folder it goes on where the last checkpoint left it.",
    )
    parser.add_argument("--photos", type=Path, nargs="+", required=True, metavar="FOLDER", help="photographs")
    parser.add_argument(
        "--paintings", type=Path, nargs="+", required=True, metavar="FOLDER", help="paintings and textures"
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        required=True,
        metavar="FOLDER",
        help="checkpoint, log, plot, sample, weights",
    )
    parser.add_argument("--network", metavar="NAME", default="auto", help="the judge: vgg16, vgg19, vgg_mini")
    parser.add_argument("--weights", type=Path, metavar="FILE", help="weight file for the judge")
    parser.add_argument(
        "--encoder",
        type=Path,
        metavar="FILE",
        help="another weight file of the encoder; a run may go on with another encoder than it began with",
    )
    parser.add_argument(
        "--begin",
        type=Path,
        metavar="FILE",
        help="an instant.npz whose decoder a new run begins with; by default with the gradient",
    )
    for name, kind, text in (
        ("steps", int, "optimiser steps in all"),
        ("batch", int, "pairs of a photograph and a style a step"),
        ("side", int, "side of a crop in pixels, a multiple of 16"),
        ("coarse", int, "passes at half the side, with which a picture begins"),
        ("fine", int, "passes at the whole side after them"),
        ("learning_rate", float, "at its highest"),
        ("decay", float, "last share of the steps, over which the learning rate falls to nothing"),
        ("held_out", int, "photographs kept for the held-out losses"),
        ("seed", int, "draws weights, crops and held-out photographs"),
        ("checkpoint_minutes", float, "time between checkpoints"),
        ("evaluate_every", int, "steps between held-out losses"),
        ("sample_every", int, "steps between sample sheets"),
        ("precision", str, "mixed_bfloat16 or float32"),
    ):
        parser.add_argument(f"--{name.replace('_', '-')}", dest=name, type=kind, help=text)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs the command; returns the exit status."""
    from ..crops import Folder
    from ..distill import check_same_run
    from ..instant_training import InstantSettings
    from ..picture_writing import make_folder

    settings = InstantSettings(**given_settings(arguments, InstantSettings))
    photographs, held_out = split_photographs(arguments.photos, settings)
    paintings = Folder.read(*arguments.paintings)
    tell_unreadable(photographs, paintings)
    check_same_run(make_folder(arguments.output), settings)
    return _train(arguments, settings, photographs, held_out, paintings)


def _train(
    arguments: argparse.Namespace, settings: Any, photographs: Any, held_out: Any, paintings: Any
) -> int:
    with hushed():
        import keras
    import numpy as np
    from tqdm import tqdm

    from impasto.models.instant import begin, build_instant, give, gradient_model, of_light, read_instant
    from impasto.models.weights import choose

    from ..features import Extractor
    from ..instant_trainer import PARTS, SEEN, InstantTrainer
    from ..instant_training import export, plot_log, train_instant
    from ..style_crops import StyleSource

    keras.utils.set_random_seed(settings.seed)
    keras.mixed_precision.set_global_policy(settings.precision)
    encoder = choose("instant_encoder", arguments.encoder).path
    extractor = Extractor("instant_encoder", SEEN, first_padding="replicate", weights=encoder)
    decoder, light = build_instant(), build_instant(light=True)
    begin(decoder, encoder)
    begin(light, encoder)
    if arguments.begin:
        weights = read_instant(arguments.begin)
        give(decoder, weights)
        give(light, of_light(weights))
    judge = Extractor(arguments.network, first_padding="replicate", weights=arguments.weights)
    trainer = InstantTrainer(
        extractor, judge, decoder, light, gradient_model(encoder), settings.coarse, settings.fine
    )
    bar = tqdm(total=settings.steps, unit="step", disable=None, smoothing=0.05)

    def show(done: int, loss: float, parts: np.ndarray | None) -> None:
        bar.update(done - bar.n)
        if parts is not None:
            plot_log(arguments.output / "log.csv", arguments.output / "log.png")
            told = " ".join(f"{name} {part:.4f}" for name, part in zip(PARTS, parts, strict=True))
            print(f"step {done}: held-out {sum(parts):.4f} ({told})", flush=True)

    source = StyleSource(photographs, paintings)
    train_instant(trainer, source, held_out, paintings, arguments.output, settings, show)
    bar.close()
    export(trainer, encoder, arguments.output / "instant.npz")
    print(arguments.output / "instant.npz")
    return 0
