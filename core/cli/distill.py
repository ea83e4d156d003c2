"""`impasto distill`: trains the compact loss network from a larger one."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UsageError, WeightsError
from ..hushed import hushed
from .training_inputs import given_settings, split_photographs, tell_unreadable

if TYPE_CHECKING:
    import keras

    from ..distiller import Tap


def add_parser(commands: Any) -> None:
    """Adds the command to `impasto`'s."""
    parser = commands.add_parser(
        "distill",
        help="train the compact loss network",
        description="Trains vgg_mini to predict a teacher's features. Started again with the same output "
        "folder it goes on where the last checkpoint left it.",
    )
    parser.add_argument("--photos", type=Path, nargs="+", required=True, metavar="FOLDER", help="photographs")
    parser.add_argument("--paintings", type=Path, nargs="*", default=[], metavar="FOLDER", help="paintings")
    parser.add_argument(
        "--teacher",
        required=True,
        metavar="MODEL",
        help="SqueezeNet 1.1 weights in the Keras layout (.h5), a whole Keras model (.keras), vgg19 or vgg16",
    )
    parser.add_argument(
        "--taps",
        nargs="+",
        metavar="STUDENT=TEACHER[@ZOOM]",
        help="what each block end learns, such as relu3_2=fire5@2; needed with a .keras teacher",
    )
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="FOLDER", help="checkpoint, log, plot, weights"
    )
    parser.add_argument(
        "--grow-from",
        type=Path,
        metavar="CHECKPOINT",
        help="begin with what a narrower network's run had learnt: its checkpoint.npz",
    )
    for name, kind, text in (
        ("steps", int, "optimiser steps in all"),
        ("batch", int, "crops a step"),
        ("side", int, "side of a crop in pixels, a multiple of 16"),
        ("learning_rate", float, "at its highest"),
        ("decay", float, "last share of the steps, over which the learning rate falls to nothing"),
        ("held_out", int, "photographs kept for the held-out errors"),
        ("seed", int, "draws weights, crops and held-out photographs"),
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
            (Folder.read(*arguments.paintings), settings.painting_share),
        ]
    tell_unreadable(*(folder for folder, _ in training))
    check_same_run(make_folder(arguments.output), settings)
    return _train(arguments, settings, training, held_out)


def _train(arguments: argparse.Namespace, settings: Any, training: list, held_out: Any) -> int:
    with hushed():
        import keras
    import numpy as np
    from tqdm import tqdm

    from impasto.models.vgg_mini import build_vgg_mini

    from ..crops import crop_batch
    from ..distill import distill, held_out_crops, plot_log
    from ..distiller import Distiller

    keras.utils.set_random_seed(settings.seed)
    keras.mixed_precision.set_global_policy(settings.precision)
    teacher, taps = _teacher(arguments.teacher, arguments.taps)
    student = build_vgg_mini()
    sample = crop_batch(training[:1], 512, settings.side, settings.seed, 1 << 42)
    distiller = Distiller(student, teacher, taps, sample)
    bar = tqdm(total=settings.steps, unit="step", disable=None, smoothing=0.05)

    def show(done: int, loss: float, errors: np.ndarray | None) -> None:
        bar.update(done - bar.n)
        if errors is not None:
            plot_log(arguments.output / "log.csv", arguments.output / "log.png")
            print(f"step {done}: held-out " + " ".join(f"{error:.3f}" for error in errors), flush=True)

    errors = distill(distiller, training, held_out, arguments.output, settings, show, arguments.grow_from)
    bar.close()
    shares = errors / distiller.spread(held_out_crops(held_out, settings))
    print(f"{'held out':24} error  share of variance left")
    for tap, error, share in zip(taps, errors, shares, strict=True):
        print(f"{tap.title:24} {error:.4f} {share:.4f}")
    print(arguments.output / "vgg_mini.npz")
    return 0


def _teacher(name: str, taps: list[str] | None) -> tuple[keras.Model, tuple[Tap, ...]]:
    """The teacher and what is learnt from it."""
    import keras

    from impasto.models.squeezenet import build_squeezenet
    from impasto.models.weights import one_line

    from ..distiller import SQUEEZENET_TAPS, VGG_TAPS

    given = tuple(map(_tap, taps or []))
    if name in ("vgg19", "vgg16"):
        from impasto.models.vgg import build_network
        from impasto.models.weights import choose

        vgg = (
            VGG_TAPS
            if name == "vgg19"
            else tuple(t._replace(teacher=t.teacher.replace("_conv4", "_conv3")) for t in VGG_TAPS)
        )
        network, path, _ = choose(name)
        teacher = build_network(network, path, network.layers[-1])
        teacher.trainable = False
        return teacher, given or vgg
    if not Path(name).is_file():
        raise WeightsError(f"Expected a teacher's file, vgg19 or vgg16. Received: {name}")
    if Path(name).suffix in (".h5", ".hdf5"):
        return build_squeezenet(Path(name)), given or SQUEEZENET_TAPS
    if not given:
        raise UsageError(
            f"With a teacher of your own say what to learn: --taps relu3_2=LAYER … Received: {name}"
        )
    try:
        teacher = keras.saving.load_model(name, compile=False)
    except Exception as error:  # damage makes Keras, h5py and zipfile raise half a dozen kinds
        raise WeightsError(
            f"Expected a whole Keras model (.keras). Received: {name} ({one_line(error)})"
        ) from None
    teacher.trainable = False
    return teacher, given


def _tap(text: str) -> Tap:
    """Reads `relu3_2=fire5@2`."""
    from impasto.models.vgg_mini import layer_names

    from ..distiller import Tap

    student, _, rest = text.partition("=")
    layer, _, zoom = rest.partition("@")
    student = (
        student.replace("relu", "block").replace("_", "_conv") if student.startswith("relu") else student
    )
    if student not in layer_names() or not layer or zoom not in ("", "1", "2", "4"):
        raise UsageError(
            f"A tap reads STUDENT=TEACHER or STUDENT=TEACHER@2, such as relu3_2=fire5@2. Received: {text}"
        )
    return Tap(student, layer, int(zoom or 1))
