"""The decoders of `--method instant`: features and where they are to go in, the picture there out.

`core/instant.py` finds for its encoder's features of a picture, at several depths, the least change
that gives them a style's mean and covariance; this decoder, trained once for all styles (`impasto
train-instant`), finds the change of the picture that belongs to it. Its body is the network run backwards:
the transposed kernels, open where the picture's own activations are, from the deepest level to the colours.
So it begins as the gradient of the style and content losses by the picture, and learns from there to be
a better step than that, as Adler & Öktem (2018, arXiv:1707.06474) learn the steps of a reconstruction.
Without anything to change it changes nothing: it has no biases.

The light decoder is the same without the deepest level. It goes on from paintings made at a smaller size, in
which the whole one has kept the subject; of the photograph it sees nothing.

The card beside this file, `instant.md`, says what it was trained on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import WeightsError
from .register import INSTANT_ENCODER, keras_spelling
from .weights import choose, one_line

if TYPE_CHECKING:
    import keras
    import numpy as np

# Where the encoder's features are moved, fine to coarse, and the layers before, whose activations open the
# way back.
LEVELS = ("relu1_2", "relu2_2", "relu3_2", "relu4_2")
GATES = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")
LIGHT_LEVELS = len(LEVELS) - 1  # of the light decoder
FILE = "instant.npz"
ENCODER_HASH = "encoder_sha256"
LIGHT = "light/"  # what the light decoder's weights are called before their names
WIDTH = 32  # channels of what is laid over the gradient's step
# A picture of 0-1 is changed by hundredths, where the gradient (of the loss by a pixel, times the number of
# pixels) is of the size that a photograph begins with: 4 on the mean, measured.
STEP, STEEPNESS = 0.03, 0.15
PALETTE = 0.5  # of the way to the style's colours; see `Settings.prime_colours`
# Changes come in this unit, and kernels are divided by how large the encoder's are beside those that keep
# activations at one size (He et al. 2015): so all weights are of a size, and learn at one rate.
UNIT = 64.0
GAINS = ((0.6, 2.0), (20.0, 3.0), (34.0, 4.0), (52.0, 7.0))  # of each level's two convolutions


def build_instant(light: bool = False) -> keras.Model:
    """Builds a decoder with random weights, except that what is laid over the step is nothing at first.

    Args:
        light: the light one, without the deepest level: half of the work.

    Returns:
        A model from a list of a picture (batch, height, width, 3) of 0-1, the encoder's activations at
        `GATES` and at `LEVELS`, the step that smooths, the change of colours that is wanted, and the
        change wanted at each of `LEVELS`, all as `core/instant_maps.py` weighs them, to the picture
        (batch, height, width, 3) of about 0-1. Height and width are multiples of 8; the light one takes
        multiples of 4.
    """
    import keras
    import numpy as np

    from .gate import Gate

    picture = keras.Input((None, None, 3), name="picture")
    palette = keras.Input((None, None, 3), name="palette")
    smooth = keras.Input((None, None, 3), name="smooth")
    levels = LIGHT_LEVELS if light else len(LEVELS)
    own = {layer: _input(layer, layer) for layer in (*GATES[:levels], *LEVELS[:levels])}
    wanted = [_input(layer, f"{layer}_change") for layer in LEVELS[:levels]]
    x = keras.layers.Activation("linear", name=f"level{levels}_change")(wanted[-1])
    for n in range(levels, 0, -1):
        x = Gate(name=f"level{n}_gate2")([x, own[LEVELS[n - 1]]])
        x = _transposed(x, own[GATES[n - 1]].shape[-1], f"level{n}_conv2")
        x = Gate(name=f"level{n}_gate1")([x, own[GATES[n - 1]]])
        if n > 1:
            x = _transposed(x, own[LEVELS[n - 2]].shape[-1], f"level{n}_conv1")
            x = keras.layers.Rescaling(np.prod(GAINS[n - 1]), name=f"level{n}_gain")(x)
            x = keras.layers.UpSampling2D(2, interpolation="nearest", name=f"level{n - 1}_enlarge")(x)
            x = keras.layers.Add(name=f"level{n - 1}_add")([x, wanted[n - 2]])
    gradient = _transposed(x, 3, "level1_conv1")
    gradient = keras.layers.Rescaling(STEEPNESS * 255 / UNIT * np.prod(GAINS[0]), name="steepness")(gradient)
    gradient = keras.layers.Add(name="smoothed")(
        [gradient, keras.layers.Rescaling(STEEPNESS, name="smooth_steepness")(smooth)]
    )
    step = keras.layers.Activation("tanh", name="step")(gradient)
    x = keras.layers.Concatenate(name="together")([x, step, palette])
    x = keras.layers.ReLU(name="over_relu")(_mirrored(x, WIDTH, "over1"))
    over = _mirrored(x, 3, "over2", kernel_initializer="zeros")
    colours = keras.layers.Conv2D(3, 1, use_bias=False, dtype="float32", name="palette_share")(palette)
    scaled = [
        keras.layers.Rescaling(STEP, dtype="float32", name=name)(part)
        for part, name in ((step, "step_scale"), (over, "over_scale"))
    ]
    painted = keras.layers.Add(dtype="float32", name="painted")([picture, colours, *scaled])
    return keras.Model([picture, *own.values(), smooth, palette, *wanted], painted, name="instant")


def begin(model: keras.Model, encoder: Path | None = None) -> None:
    """Gives a decoder the weights with which it is the gradient.

    Args:
        model: from `build_instant`.
        encoder: the encoder's weight file; by default the bundled one.
    """
    import numpy as np

    with np.load(encoder or choose("instant_encoder").path, allow_pickle=False) as file:
        kernels = turned(file)
    for name, variable in named_weights(model).items():
        if name in kernels:
            variable.assign(kernels[name])
    model.get_layer("palette_share").set_weights([PALETTE * np.eye(3, dtype="float32")[None, None]])


def turned(encoder: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The encoder's kernels, transposed: with these the decoder's body is the gradient.

    Args:
        encoder: its weights, `{"block1_conv1/kernel": (3, 3, 3, 32), ...}`.

    Returns:
        `{"level1_conv1/kernel": (3, 3, 32, 3), ...}`, float32.
    """
    kernels = {}
    for n in range(1, len(LEVELS) + 1):
        for c in (1, 2):
            kernel = encoder[f"block{n}_conv{c}/kernel"].astype("float32")
            kernel = kernel[::-1, ::-1].transpose(0, 1, 3, 2)
            if (n, c) == (1, 1):  # the encoder takes blue, green, red of 0-255
                kernel = kernel[..., ::-1]
            kernels[f"level{n}_conv{c}/kernel"] = kernel / GAINS[n - 1][c - 1]
    return kernels


def gradient_model(encoder: Path | None = None) -> keras.Model:
    """The untrained decoder up to its step.

    Args:
        encoder: the encoder's weight file; by default the bundled one.

    Returns:
        A model from the same inputs to where the losses fall, (batch, height, width, 3): their gradient by
        the picture, times a negative number.
    """
    import keras

    from .vgg import channels_last

    with channels_last():
        model = build_instant()
    begin(model, encoder)
    model = keras.Model(model.inputs, model.get_layer("smoothed").output, name="gradient")
    model.trainable = False
    return model


def _input(layer: str, name: str) -> Any:
    import keras

    return keras.Input((None, None, INSTANT_ENCODER.shapes[f"{keras_spelling(layer)}/bias"][0]), name=name)


def _transposed(x: Any, channels: int, name: str) -> Any:
    import keras

    return keras.layers.Conv2D(
        channels, 3, padding="same", use_bias=False, kernel_initializer="he_normal", name=name
    )(x)


def _mirrored(x: Any, channels: int, name: str, **options: Any) -> Any:
    """A 3×3 convolution that mirrors the border."""
    import keras
    from keras import ops

    x = ops.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="reflect")
    options = {"kernel_initializer": "he_normal"} | options
    return keras.layers.Conv2D(channels, 3, use_bias=False, name=name, **options)(x)


def named_weights(model: keras.Model) -> dict[str, Any]:
    """The decoder's variables by name: `{"level4_conv1/kernel": ..., ...}`."""
    return {f"{layer.name}/{variable.name}": variable for layer in model.layers for variable in layer.weights}


def both_weights(decoder: keras.Model, light: keras.Model) -> dict[str, Any]:
    """Both decoders' variables by the names that a file has for them."""
    return named_weights(decoder) | {f"{LIGHT}{name}": own for name, own in named_weights(light).items()}


def of_light(weights: Mapping[str, Any]) -> dict[str, Any]:
    """The light decoder's weights of a file's, by the names that its model has for them."""
    return {name.removeprefix(LIGHT): own for name, own in weights.items() if name.startswith(LIGHT)}


def load_instant(path: Path | None = None, light: bool = False) -> keras.Model:
    """The trained decoder.

    Args:
        path: its weight file; by default the bundled one.
        light: the light one.

    Raises:
        WeightsError: as `read_instant`.
    """
    from .vgg import channels_last

    weights = read_instant(path)
    with channels_last():
        model = build_instant(light=light)
    give(model, of_light(weights) if light else weights)
    model.trainable = False
    return model


def give(model: keras.Model, weights: Mapping[str, np.ndarray]) -> None:
    """Gives a decoder weights, by name as `named_weights`."""
    for name, variable in named_weights(model).items():
        variable.assign(weights[name])


def read_instant(path: Path | None = None) -> dict[str, np.ndarray]:
    """The weights of both decoders by name, in float32; nothing here imports Keras.

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
    bundled = choose("instant_encoder").path
    if encoder != hashlib.sha256(bundled.read_bytes()).hexdigest():
        raise WeightsError(
            "The one-pass network was trained with another encoder than the one that is here; train it "
            f"anew with `impasto train-instant`. Received: {path}"
        )
    return {name: array.astype("float32") for name, array in arrays.items()}


def weight_shapes() -> dict[str, tuple[int, ...]]:
    """All weights' shapes: `{"level4_conv2/kernel": (3, 3, 384, 256), ..., "light/...": ...}`."""
    light = {f"{LIGHT}{name}": shape for name, shape in _shapes(LIGHT_LEVELS).items()}
    return _shapes(len(LEVELS)) | light


def _shapes(levels: int) -> dict[str, tuple[int, ...]]:
    gates, seen = (
        [INSTANT_ENCODER.shapes[f"{keras_spelling(x)}/bias"][0] for x in some] for some in (GATES, LEVELS)
    )
    own: dict[str, tuple[int, ...]] = {}
    for n in range(levels):
        own[f"level{n + 1}_conv2/kernel"] = (3, 3, seen[n], gates[n])
        own[f"level{n + 1}_conv1/kernel"] = (3, 3, gates[n], seen[n - 1] if n else 3)
    own["over1/kernel"], own["over2/kernel"] = (3, 3, gates[0] + 3 + 3, WIDTH), (3, 3, WIDTH, 3)
    return own | {"palette_share/kernel": (1, 1, 3, 3)}
