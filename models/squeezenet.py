"""SqueezeNet 1.1 (Iandola et al. 2016, arXiv:1602.07360) as the teacher that `vgg_mini` learns from.

It is never shipped: a person who wants to train again points `impasto distill` at a weight file
in the Keras layout (one HDF5 group to a layer, as `keras-squeezenet` publishes it).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .errors import WeightsError
from .weights import one_line

if TYPE_CHECKING:
    import keras

# (squeeze, expand) channels of fire2 … fire9; a 3×3/2 maximum pool follows conv1, fire3, fire5.
FIRES = {
    2: (16, 64),
    3: (16, 64),
    4: (32, 128),
    5: (32, 128),
    6: (48, 192),
    7: (48, 192),
    8: (64, 256),
    9: (64, 256),
}


def build_squeezenet(weights: Path) -> keras.Model:
    """Builds the convolutional part and loads its weights.

    The strided layers pad one pixel, after and before the picture in turn, where the original pads
    none: so position i of a layer of stride s stays within a quarter of a cell of the centre of
    cell i, and a network of plain poolings can be compared with it position by position.

    Args:
        weights: HDF5 file in the Keras layout, without the classifier.

    Returns:
        A model from Caffe-preprocessed pictures (batch, height, width, 3) to fire9, its layers
        named `conv1`, `fire2` … `fire9`.

    Raises:
        WeightsError: the file is missing or of another network.
    """
    import h5py
    import keras

    layers = keras.layers
    picture = keras.Input((None, None, 3))

    def strided(x, layer, after: bool):
        return layer(layers.ZeroPadding2D(((0, 1), (0, 1)) if after else ((1, 0), (1, 0)))(x))

    x = strided(picture, layers.Conv2D(64, 3, strides=2, activation="relu", name="conv1"), after=True)
    for n, (squeeze, expand) in FIRES.items():
        if n in (2, 4, 6):  # activations are not negative, so padding a pool with zeros changes nothing
            x = strided(x, layers.MaxPooling2D(3, strides=2, name=f"pool{n - 1}"), after=n == 4)
        s = layers.Conv2D(squeeze, 1, activation="relu", name=f"fire{n}_squeeze1x1")(x)
        narrow = layers.Conv2D(expand, 1, activation="relu", name=f"fire{n}_expand1x1")(s)
        wide = layers.Conv2D(expand, 3, padding="same", activation="relu", name=f"fire{n}_expand3x3")(s)
        x = layers.Concatenate(name=f"fire{n}")([narrow, wide])
    model = keras.Model(picture, x, name="squeezenet")

    try:
        with h5py.File(weights) as file:
            for layer in model.layers:
                if isinstance(layer, layers.Conv2D):
                    layer.set_weights(_kernel_and_bias(file[layer.name.replace("_", "/")]))
    except (OSError, KeyError, ValueError) as error:
        raise WeightsError(
            "The teacher's weights cannot be used; expected SqueezeNet 1.1 in the Keras HDF5 layout. "
            f"Received: {weights} ({one_line(error)})"
        ) from None
    model.trainable = False
    return model


def _kernel_and_bias(group) -> list:
    """The two arrays somewhere below a layer's HDF5 group: four dimensions, then one."""
    arrays: list = []
    group.visititems(lambda _, item: arrays.append(item[()]) if hasattr(item, "shape") else None)
    return sorted(arrays, key=lambda array: -array.ndim)
