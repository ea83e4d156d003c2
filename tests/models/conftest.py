"""Weight files in the layout that Keras Applications publishes, with random weights."""

from pathlib import Path

import h5py
import numpy as np
import pytest

from impasto.models.register import Network


def random_weights(network: Network, seed: int = 0) -> dict[str, np.ndarray]:
    """Seeded weights under which activations neither die nor grow from layer to layer."""
    rng = np.random.default_rng(seed)
    return {
        name: rng.standard_normal(shape, "float32") * np.float32((2 / np.prod(shape[:-1])) ** 0.5)
        if name.endswith("kernel")
        else rng.standard_normal(shape, "float32")
        for name, shape in network.shapes.items()
    }


def write_published(path: Path, weights: dict[str, np.ndarray]) -> Path:
    """Writes weights as Keras's published HDF5 files hold them: names, order, attributes."""
    names = list(dict.fromkeys(name.split("/")[0] for name in weights))
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = np.array([b"input_1", *(name.encode() for name in names), b"block1_pool"])
        for layer in ("input_1", "block1_pool"):
            file.create_group(layer).attrs["weight_names"] = np.array([])
        for layer in names:
            group, own = file.create_group(layer), [f"{layer}_W_1:0", f"{layer}_b_1:0"]
            group.attrs["weight_names"] = np.array([name.encode() for name in own])
            for name, kind in zip(own, ("kernel", "bias"), strict=True):
                group.create_dataset(name, data=weights[f"{layer}/{kind}"])
    return path


@pytest.fixture
def keras_home(tmp_path, monkeypatch) -> Path:
    """An empty folder as `KERAS_HOME`."""
    home = tmp_path / "keras"
    monkeypatch.setenv("KERAS_HOME", str(home))
    return home


@pytest.fixture(scope="session")
def make_weights():
    return random_weights


@pytest.fixture(scope="session")
def publish():
    return write_published
