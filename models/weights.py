"""Finds weight files, reads the layouts they come in, and says in one line what is wrong with one.

    from impasto.models.weights import choose
    choose("auto").path

Weights are looked for where Keras keeps its own: `$KERAS_HOME/models`, or `~/.keras/models`.
Nothing here downloads, and nothing imports Keras.
"""

import hashlib
import io
import os
import re
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from .errors import WeightsError
from .register import NETWORKS, Network, find_network, keras_spelling

if TYPE_CHECKING:
    import numpy as np

Arrays = dict[str, "np.ndarray"]
State = Literal["bundled", "cache", "missing", "damaged"]

UNREAD = "components/"  # of an .npz: what only a training goes on from
CONVOLUTION = re.compile(r"(block\d+_conv\d+)/(?:kernel|bias)")


# ---------------------------------------------------------------- where they are


class Place(NamedTuple):
    """Where a network's weights are, or would be."""

    state: State
    path: Path


def cache_folder() -> Path:
    """The folder in which Keras Applications keeps its weight files."""
    home = os.environ.get("KERAS_HOME")
    return (Path(home).expanduser() if home else Path.home() / ".keras") / "models"


def locate(network: Network) -> Place:
    """Looks for a network's weights and, where their hash is known, reads the file to compare it.

    Returns:
        The state (`"bundled"`, `"cache"`, `"missing"`, or `"damaged"` where the hash is another) and
        the path, whether or not it exists.
    """
    folder = Path(__file__).parent if network.bundled else cache_folder()
    path = folder / network.file
    if not path.is_file():
        return Place("missing", path)
    if network.md5 and file_md5(path) != network.md5:
        return Place("damaged", path)
    return Place("bundled" if network.bundled else "cache", path)


def file_md5(path: Path) -> str:
    """MD5 of a file, the hash that Keras publishes for its weights; it finds damage, not malice."""
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    except OSError as error:
        raise WeightsError(f"The weight file cannot be read ({error.strerror}). Received: {path}") from None


def how_to_get(network: Network) -> str:
    """What to do about missing weights, for messages and for `impasto models list`."""
    if network.bundled:
        return "reinstall Impasto, or train it with `impasto distill`"
    return f"`impasto models download {network.name}` ({network.size / 1e6:.0f} MB)"


# ---------------------------------------------------------------- which to take


class Choice(NamedTuple):
    """A network, its weight file, and what the user should know about the choice."""

    network: Network
    path: Path
    notice: str | None


def choose(name: str = "auto", weights: str | os.PathLike | None = None) -> Choice:
    """Decides which network is used and from which file, without downloading anything.

    Args:
        name: a network of the register, or `"auto"`: VGG-19 where its weights are in Keras's cache,
            and otherwise the bundled network; with `weights`, the network whose file that is.
        weights: weight file to use in place of the cached or bundled one.

    Returns:
        The choice; its notice is None where the caller named the network.

    Raises:
        UsageError: there is no such network.
        WeightsError: the weights are not there, are damaged, or belong to another network.
    """
    if name != "auto":
        network = find_network(name)
        return Choice(network, _weights_of(network) if weights is None else _existing(weights), None)
    if weights is not None:
        path = _existing(weights)
        network = identify(path)
        return Choice(network, path, f"Network: {network.name}, recognised in {path.name}.")
    best, fallback = NETWORKS["vgg19"], NETWORKS["vgg_mini"]
    place = locate(best)
    if place.state == "cache":
        other = f"For the bundled one: --network {fallback.name}"
        return Choice(best, place.path, f"Network: {best.name}, found in Keras's cache. {other}")
    damaged = f"; {best.title}'s file in Keras's cache is damaged" if place.state == "damaged" else ""
    notice = f"Network: {fallback.name}, bundled{damaged}. For {best.title}: {how_to_get(best)}"
    return Choice(fallback, _weights_of(fallback), notice)


def _weights_of(network: Network) -> Path:
    place = locate(network)
    if place.state == "missing":
        other = "" if network.bundled else ", or --weights FILE"
        raise WeightsError(
            f"{network.title}'s weights are not here. Expected them in {place.path}:"
            f" {how_to_get(network)}{other}. Received: no file"
        )
    if place.state == "damaged":
        raise WeightsError(
            f"{network.title}'s weight file is damaged or not the published one; expected MD5 {network.md5}."
            f" Replace it: {how_to_get(network)}, or use it as it is with --weights FILE."
            f" Received: {place.path}"
        )
    return place.path


def _existing(weights: str | os.PathLike) -> Path:
    path = Path(weights).expanduser()
    if not path.is_file():
        kind = "a folder" if path.is_dir() else "no such file"
        raise WeightsError(
            f"The weights cannot be read; expected an .h5, .keras or .npz file. Received: {path} ({kind})"
        )
    return path


# ---------------------------------------------------------------- what is in a file


def read_weights(path: Path) -> Arrays:
    """Reads a weight file in any layout that Impasto knows; the content decides, not the name.

    The layouts: Keras Applications' HDF5 files (with or without classifier), Keras 3's
    `.weights.h5` and `.keras`, and Impasto's `.npz`.

    Args:
        path: the file.

    Returns:
        `{"block1_conv1/kernel": (3, 3, 3, channels) array, "block1_conv1/bias": ..., ...}`, and
        whatever else the file holds.

    Raises:
        WeightsError: the file cannot be read or is in another layout.
    """
    import h5py

    try:
        if h5py.is_hdf5(path):
            with h5py.File(path, "r") as file:
                return _read_hdf5(file)
        if zipfile.is_zipfile(path):
            return _read_zip(path)
        reason = "it is neither HDF5 nor .npz"
    except Exception as error:  # damage makes h5py, zipfile and NumPy raise a dozen kinds
        reason = one_line(error)
    raise WeightsError(
        f"The weight file is damaged or of an unknown kind; expected Keras's .h5 or .keras or"
        f" Impasto's .npz. Received: {path} ({reason})"
    )


def _read_hdf5(file) -> Arrays:
    if "layer_names" not in file.attrs and "model_weights" in file:
        file = file["model_weights"]  # a whole model, as Keras 2 saved it
    if "layer_names" in file.attrs:
        return _read_keras_2(file)
    if "layers" in file:
        return _read_keras_3(file["layers"])
    raise ValueError("an HDF5 file without layers")


def _read_keras_2(file) -> Arrays:
    """A group to a layer; the attribute `weight_names` gives the order, kernel before bias."""
    arrays = {}
    for layer in map(_text, file.attrs["layer_names"]):
        names = map(_text, file[layer].attrs["weight_names"])
        for kind, name in zip(("kernel", "bias"), names, strict=False):
            arrays[f"{layer}/{kind}"] = file[layer][name][()]
    return arrays


def _read_keras_3(layers) -> Arrays:
    """Groups `conv2d`, `conv2d_1`, … in the model's order: the names of the layers are not kept."""
    groups = {
        int(match[1] or 0): layers[name]["vars"]
        for name in layers
        if (match := re.fullmatch(r"conv2d(?:_(\d+))?", name))
    }
    convolutions = {
        len(network.convolutions): list(map(keras_spelling, network.convolutions))
        for network in NETWORKS.values()
    }
    names = convolutions.get(len(groups))
    if names is None:
        raise ValueError(f"a Keras file of {len(groups)} convolutions")
    return {
        f"{name}/{kind}": groups[i][str(j)][()]
        for i, name in enumerate(names)
        for j, kind in enumerate(("kernel", "bias"))
    }


def _read_zip(path: Path) -> Arrays:
    import h5py
    import numpy as np

    with zipfile.ZipFile(path) as file:
        if "model.weights.h5" in file.namelist():
            with h5py.File(io.BytesIO(file.read("model.weights.h5")), "r") as inner:
                return _read_hdf5(inner)
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in file.files if not name.startswith(UNREAD)}


def _text(name: bytes | str) -> str:
    return name.decode() if isinstance(name, bytes) else str(name)


def one_line(error: Exception) -> str:
    """An exception in one line of bounded length; h5py's run over several."""
    return " ".join(str(error).split())[:160] or type(error).__name__


# ---------------------------------------------------------------- whose they are


def check_weights(network: Network, arrays: Arrays, path: Path) -> None:
    """Makes sure that arrays are a network's weights: all of them, of its shapes, and finite.

    Raises:
        WeightsError: they are not; the message says what the file holds instead.
    """
    reason = mismatch(network, arrays)
    if reason is None:
        return
    others = [other.title for other in NETWORKS.values() if mismatch(other, arrays) is None]
    reason += f"; these are the weights of {others[0]}" if others else ""
    raise WeightsError(f"The weight file does not fit {network.title}: {reason}. Received: {path}")


def mismatch(network: Network, arrays: Arrays) -> str | None:
    """Why arrays are not a network's weights, in a few words; None where they are."""
    import numpy as np

    for name, shape in network.shapes.items():
        if name not in arrays:
            return f"it lacks {name}, expected of shape {shape}"
        array = arrays[name]
        if array.shape != shape:
            return f"expected {name} of shape {shape}, received {array.shape}"
        if not np.issubdtype(array.dtype, np.floating):
            return f"expected {name} in floating point, received {array.dtype}"
        if not np.isfinite(array).all():
            return f"{name} contains numbers that are not finite"
    known = {name.split("/")[0] for name in network.shapes}
    more = sorted({match[1] for name in arrays if (match := CONVOLUTION.fullmatch(name))} - known)
    return f"expected {len(known)} convolutions, received also {', '.join(more)}" if more else None


def identify(path: Path) -> Network:
    """The network whose weights a file holds.

    Raises:
        WeightsError: the file cannot be read or fits no network of the register.
    """
    arrays = read_weights(path)
    for network in NETWORKS.values():
        if mismatch(network, arrays) is None:
            return network
    raise WeightsError(
        f"The weight file fits no network that Impasto knows; expected the weights of"
        f" {', '.join(network.title for network in NETWORKS.values())}. Received: {path}"
    )
