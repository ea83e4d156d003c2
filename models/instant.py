"""The decoder of `--method instant`: features with a style's statistics in, the painted picture out.

`core/instant.py` moves the bundled network's features of a photograph, at several depths, to a style's
mean and covariance; this decoder, trained once for all styles (`impasto train-instant`), finds the
picture that they belong to. Coarse to fine: it begins with the deepest features and takes in each finer
level's as it enlarges. It draws on top of the recoloured photograph, where an optimiser would start too.

Nearest upsampling before convolutions leaves no checkerboard (Odena et al. 2016, "Deconvolution and
checkerboard artifacts"), reflection padding no frame (Johnson et al. 2016, arXiv:1603.08155). The card
beside this file, `instant.md`, says what it was trained on.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import WeightsError
from .register import VGG_MINI, keras_spelling
from .weights import choose, one_line

if TYPE_CHECKING:
    import keras
    import numpy as np

# Where the encoder is looked at, fine to coarse, and how wide the decoder is there.
LEVELS = ("relu1_2", "relu2_2", "relu3_2", "relu4_2")
WIDTHS = (24, 48, 96, 128)
FILE = "instant.npz"
ENCODER_HASH = "encoder_sha256"
# The last convolution's unit: features are of size 1, and a picture of 0-1 is changed by tenths.
SCALE = 0.1


def build_instant(widths: tuple[int, ...] = WIDTHS) -> keras.Model:
    """Builds the decoder with random weights, except that at first it changes nothing.

    Args:
        widths: channels of the decoder at each level, fine to coarse.

    Returns:
        A model from a list of the recoloured photograph (batch, height, width, 3) of 0-1 and the moved
        features of each level, fine to coarse, to the picture (batch, height, width, 3) of about 0-1.
        Height and width are multiples of 8.
    """
    import keras

    colours = keras.Input((None, None, 3), name="colours")
    levels = [
        keras.Input((None, None, VGG_MINI.shapes[f"{keras_spelling(layer)}/bias"][0]), name=layer)
        for layer in LEVELS
    ]
    x = keras.layers.ReLU(name="level4_relu1")(_convolution(levels[-1], widths[-1], "level4_conv1"))
    x = _convolution(x, widths[-1], "level4_conv2", activation="relu")
    for n in range(len(LEVELS) - 1, 0, -1):
        x = keras.layers.UpSampling2D(2, interpolation="nearest", name=f"level{n}_enlarge")(x)
        skip = keras.layers.Conv2D(widths[n - 1], 1, use_bias=False, name=f"level{n}_skip")(levels[n - 1])
        x = keras.layers.Add(name=f"level{n}_add")([_convolution(x, widths[n - 1], f"level{n}_conv1"), skip])
        x = keras.layers.ReLU(name=f"level{n}_relu1")(x)
        x = _convolution(x, widths[n - 1], f"level{n}_conv2", activation="relu")
    x = _convolution(x, 3, "change", kernel_initializer="zeros")
    x = keras.layers.Rescaling(SCALE, dtype="float32", name="scale")(x)
    x = keras.layers.Add(dtype="float32", name="painted")([x, colours])
    return keras.Model([colours, *levels], x, name="instant")


def _convolution(x: Any, channels: int, name: str, **options: Any) -> Any:
    """A 3×3 convolution that mirrors the border."""
    import keras
    from keras import ops

    x = ops.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="reflect")
    return keras.layers.Conv2D(channels, 3, name=name, **{"kernel_initializer": "he_normal"} | options)(x)


def named_weights(model: keras.Model) -> dict[str, Any]:
    """The decoder's variables by name: `{"level4_conv1/kernel": ..., ...}`."""
    return {f"{layer.name}/{variable.name}": variable for layer in model.layers for variable in layer.weights}


def load_instant(path: Path | None = None) -> keras.Model:
    """The trained decoder.

    Args:
        path: its weight file; by default the bundled one.

    Raises:
        WeightsError: as `read_instant`.
    """
    from .vgg import channels_last

    weights = read_instant(path)
    with channels_last():
        model = build_instant()
    for name, variable in named_weights(model).items():
        variable.assign(weights[name])
    model.trainable = False
    return model


def read_instant(path: Path | None = None) -> dict[str, np.ndarray]:
    """The decoder's weights by name, in float32; nothing here imports Keras.

    Args:
        path: their file; by default the bundled one.

    Raises:
        WeightsError: the file is missing or damaged, or was trained with another encoder than the bundled.
    """
    import numpy as np

    path = path or Path(__file__).with_name(FILE)
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
            encoder = str(arrays.pop(ENCODER_HASH))
        for name, shape in weight_shapes().items():
            if arrays[name].shape != shape:
                raise ValueError(f"{name} has the shape {arrays[name].shape}, not {shape}")
    except Exception as error:  # damage makes NumPy and zipfile raise half a dozen kinds
        raise WeightsError(
            "The one-pass network is missing or damaged; reinstall Impasto, or train it with "
            f"`impasto train-instant`. Received: {path} ({one_line(error)})"
        ) from None
    bundled = choose("vgg_mini").path
    if encoder != hashlib.sha256(bundled.read_bytes()).hexdigest():
        raise WeightsError(
            "The one-pass network was trained with another encoder than the vgg_mini that is here; train it "
            f"anew with `impasto train-instant`. Received: {path}"
        )
    return {name: array.astype("float32") for name, array in arrays.items()}


def weight_shapes(widths: tuple[int, ...] = WIDTHS) -> dict[str, tuple[int, ...]]:
    """All weights' shapes: `{"level4_conv1/kernel": (3, 3, 384, 128), "level4_conv1/bias": (128,), ...}`."""
    seen = [VGG_MINI.shapes[f"{keras_spelling(layer)}/bias"][0] for layer in LEVELS]
    deepest = len(LEVELS)
    shapes: dict[str, tuple[int, ...]] = {}

    def convolution(name: str, incoming: int, channels: int) -> None:
        shapes[f"{name}/kernel"], shapes[f"{name}/bias"] = (3, 3, incoming, channels), (channels,)

    convolution(f"level{deepest}_conv1", seen[-1], widths[-1])
    convolution(f"level{deepest}_conv2", widths[-1], widths[-1])
    for n in range(deepest - 1, 0, -1):
        shapes[f"level{n}_skip/kernel"] = (1, 1, seen[n - 1], widths[n - 1])
        convolution(f"level{n}_conv1", widths[n], widths[n - 1])
        convolution(f"level{n}_conv2", widths[n - 1], widths[n - 1])
    convolution("change", widths[0], 3)
    return shapes
