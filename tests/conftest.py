"""Small pictures, and a compact network with random weights that stands for the bundled one."""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from impasto.core import instant_run
from impasto.core.images import Picture, save_picture
from impasto.core.instant import instant_painter
from impasto.models.register import ENCODERS, INSTANT_ENCODER, NETWORKS, VGG_MINI, Network


@pytest.fixture(scope="session")
def mini_weights(tmp_path_factory) -> str:
    """A weight file for vgg_mini: seeded, of a spread that keeps activations at one size (He et al. 2015)."""
    return _random_weights(VGG_MINI, tmp_path_factory.mktemp("weights"))


@pytest.fixture(scope="session")
def encoder_weights(tmp_path_factory) -> str:
    """The same for the encoder of `instant`."""
    return _random_weights(INSTANT_ENCODER, tmp_path_factory.mktemp("encoder"))


def _random_weights(network: Network, folder: Path) -> str:
    random = np.random.default_rng(7)
    path = folder / network.file
    arrays = {
        name: random.normal(0, (2 / np.prod(shape[:-1])) ** 0.5, shape)
        if name.endswith("kernel")
        else np.zeros(shape)
        for name, shape in network.shapes.items()
    }
    np.savez(path, **{name: array.astype("float16") for name, array in arrays.items()})
    return str(path)


@pytest.fixture(scope="session")
def quick_xla() -> str:
    """Flags under which XLA compiles sooner, to slower code: most of a test on JAX is compiling."""
    return "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"


@pytest.fixture(scope="session")
def mini_decoder(encoder_weights) -> Path:
    """Decoders for that encoder, untrained: the gradient."""
    from impasto.models.instant import ENCODER_HASH, begin, both_weights, build_instant

    decoders = build_instant(), build_instant(light=True)
    for decoder in decoders:
        begin(decoder, Path(encoder_weights))
    arrays = {name: np.asarray(variable) for name, variable in both_weights(*decoders).items()}
    path = Path(encoder_weights).with_name("instant.npz")
    np.savez(path, **arrays, **{ENCODER_HASH: hashlib.sha256(Path(encoder_weights).read_bytes()).hexdigest()})
    return path


@pytest.fixture
def bundled(mini_weights, encoder_weights, mini_decoder, monkeypatch, tmp_path) -> str:
    """Makes those weights the bundled ones, and Keras's cache empty: `auto` takes them."""
    monkeypatch.setattr(instant_run, "instant_painter", lambda way: instant_painter(way, mini_decoder))
    monkeypatch.setitem(NETWORKS, "vgg_mini", replace(VGG_MINI, file=mini_weights))
    monkeypatch.setitem(ENCODERS, "instant_encoder", replace(INSTANT_ENCODER, file=encoder_weights))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "no-keras-home"))
    return mini_weights


def waves(height: int, width: int, seed: int) -> np.ndarray:
    """A picture with large shapes and small ones, (height, width, 3) float32 of 0-1."""
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[:height, :width] / max(height, width)
    phases, pitches = random.uniform(0, 6, 3), random.uniform(9, 30, (2, 3))
    shapes = np.sin(rows[..., None] * pitches[0] + columns[..., None] * pitches[1] + phases)
    return np.clip(0.5 + 0.3 * shapes + random.normal(0, 0.08, (height, width, 3)), 0, 1).astype("float32")


@pytest.fixture(scope="session")
def pictures(tmp_path_factory) -> Path:
    """A folder with photo.png of 64×48 pixels, and the paintings dots.png and lines.png."""
    folder = tmp_path_factory.mktemp("pictures")
    for name, height, width, seed in (("photo", 48, 64, 1), ("dots", 56, 56, 2), ("lines", 60, 40, 3)):
        save_picture(Picture(waves(height, width, seed)), folder / f"{name}.png")
    return folder


@pytest.fixture
def impasto(monkeypatch, tmp_path):
    """Runs a command line in this process, in an empty folder; returns its exit status."""
    from impasto.core.cli import main

    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)

    def run(*words: object) -> int:
        try:
            return main([str(word) for word in words])
        except SystemExit as end:  # argparse's own errors
            return int(end.code or 0)

    run.folder = folder
    return run
