"""Builds a network of the register with its weights, and rebuilds it with another pooling or padding.

VGG-16 and VGG-19 are Keras Applications' own models, loaded by Keras's own loader wherever the
file is in the layout that Keras publishes.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import UsageError, WeightsError
from .register import Network
from .vgg_mini import build_vgg_mini
from .weights import Arrays, check_weights, one_line, read_weights

if TYPE_CHECKING:
    import keras

# What brings a pooling to the size of maximum pooling's activations in VGG, measured by Katherine
# Crowson (style-transfer-pytorch, `VGGFeatures`); its L2 is the root of the sum of four squares.
POOLING_SCALES = {"max": 1.0, "average": 2.0, "l2": 0.78}
PADDINGS = ("zero", "replicate")


def build_network(
    network: Network, path: Path, layers: Sequence[str]
) -> tuple[keras.Model, dict[str, Arrays]]:
    """Builds a network and loads its weights.

    Args:
        network: which.
        path: weight file in any layout that `read_weights` knows.
        layers: canonical names of the layers that are needed; the model may go on behind the deepest.

    Returns:
        A model from Caffe-preprocessed pictures (batch, height, width, 3); and the linear maps by which the
        layers are predicted, for each `kernel` (channels of its tap, components) and `bias` (components,)
        in float32: none for a network without heads.

    Raises:
        WeightsError: the file cannot be read or is of another network.
    """
    arrays = read_weights(path)
    check_weights(network, arrays, path)
    heads = {
        layer: {kind: arrays[f"heads/{layer}/{kind}"].astype("float32") for kind in ("kernel", "bias")}
        for layer in layers
        if network.heads
    }
    with channels_last():
        if not network.bundled:
            return _build_from_keras_applications(network, path, arrays), heads
        deepest = max(layers, key=network.layers.index)
        model = build_vgg_mini(network.tap(deepest), network.blocks, network.pooling)
        _assign(model, arrays)
        return model, heads


def _build_from_keras_applications(network: Network, path: Path, arrays: Arrays) -> keras.Model:
    import keras

    build = {"vgg16": keras.applications.VGG16, "vgg19": keras.applications.VGG19}[network.name]
    if _is_published_layout(path, arrays):
        try:
            return build(include_top=False, weights=str(path), input_shape=(None, None, 3))
        except (OSError, ValueError, KeyError) as error:
            raise WeightsError(
                f"Keras cannot load {network.title}'s weights. Received: {path} ({one_line(error)})"
            ) from None
    model = build(include_top=False, weights=None, input_shape=(None, None, 3))
    _assign(model, arrays)
    return model


def _is_published_layout(path: Path, arrays: Arrays) -> bool:
    """Whether Keras's own loader takes the file: it goes by the name's ending and counts layers."""
    import h5py

    if path.suffix not in (".h5", ".hdf5") or path.name.endswith(".weights.h5") or not h5py.is_hdf5(path):
        return False
    with h5py.File(path, "r") as file:  # Keras 3's own layout may have been renamed to .h5
        return "layer_names" in file.attrs and all("_conv" in name for name in arrays)


def _assign(model: keras.Model, arrays: Arrays) -> None:
    for layer in model.layers:
        if layer.weights:
            layer.set_weights([arrays[f"{layer.name}/kernel"], arrays[f"{layer.name}/bias"]])


def prune(
    model: keras.Model,
    layers: dict[str, str],
    pooling: str | None = None,
    first_padding: str = "zero",
    rescale_pooling: bool = True,
) -> keras.Model:
    """Cuts a model above the deepest layer asked for and, on demand, changes its poolings and first padding.

    A chain of layers is copied: the result has layers of its own, not trainable, and what was cut
    off holds no memory. Any other graph is cut and shares its layers with the model.

    Args:
        model: a functional or sequential model.
        layers: name of each output and the layer it is taken from.
        pooling: `"max"`, `"average"`, `"l2"`, or None for the model's own. Another than its own is
            rescaled by the ratio of `POOLING_SCALES`, so that activations keep their size, unless
            `rescale_pooling` is off.
        first_padding: `"zero"`, as trained, or `"replicate"`, which repeats the picture's outermost
            pixels before the first convolution, so that the picture's edge is no edge
            (style-transfer-pytorch).
        rescale_pooling: off as in neural-style and in MXNet's example, whose average is the plain one.

    Returns:
        A model of the same input and a dict of outputs.

    Raises:
        UsageError: an unknown pooling or padding, or one for a model that is not a chain.
    """
    import keras

    if pooling is not None and pooling not in POOLING_SCALES:
        raise UsageError(
            f"Unknown pooling. Expected one of {', '.join(POOLING_SCALES)}. Received: {pooling!r}"
        )
    if first_padding not in PADDINGS:
        raise UsageError(
            f"Unknown padding. Expected one of {', '.join(PADDINGS)}. Received: {first_padding!r}"
        )
    try:
        inputs = model.inputs
    except AttributeError:
        raise UsageError(
            "The model has no graph of layers to cut; expected a functional one, or a sequential one that"
            f" begins with an Input. Received: {model.name}"
        ) from None
    if not _is_chain(model):
        if pooling is not None or first_padding != "zero":
            raise UsageError(
                f"Pooling and padding can be changed in a plain chain of layers only. Received: {model.name}"
            )
        outputs = {name: model.get_layer(layer).output for name, layer in layers.items()}
        return keras.Model(inputs if len(inputs) > 1 else inputs[0], outputs)

    x = keras.Input(inputs[0].shape[1:], dtype=inputs[0].dtype, name="picture")
    picture, unpadded = x, first_padding == "replicate"
    outputs = {}
    for layer in _without_input(model):
        if isinstance(layer, keras.layers.Conv2D) and unpadded:
            x = _replicate_padded(layer, x)
            unpadded = False
        elif isinstance(layer, (keras.layers.MaxPooling2D, keras.layers.AveragePooling2D)):
            x = _pool(layer, x, pooling, rescale_pooling)
        else:
            x = _copy(layer, x)
        outputs |= {name: x for name, source in layers.items() if source == layer.name}
        if len(outputs) == len(layers):
            break
    pruned = keras.Model(picture, outputs, name=model.name)
    pruned.trainable = False
    return pruned


def _is_chain(model: keras.Model) -> bool:
    """Whether each layer takes the output of the one before it and nothing else."""
    if len(model.inputs) != 1:
        return False
    x = model.inputs[0]
    try:
        for layer in _without_input(model):
            if layer.input is not x:
                return False
            x = layer.output
        return True
    except (AttributeError, ValueError):  # a layer that was never called on its own
        return False


def _without_input(model: keras.Model) -> list[Any]:
    import keras

    return [layer for layer in model.layers if not isinstance(layer, keras.layers.InputLayer)]


def _copy(layer: Any, x: Any, **changes: Any) -> Any:
    """Applies a fresh layer of the same weights, some settings changed."""
    config = layer.get_config() | changes
    if "kernel_initializer" in config:
        config["kernel_initializer"] = "zeros"  # random numbers that are overwritten at once take time
    fresh = _class_of(layer).from_config(config)
    y = fresh(x)
    fresh.set_weights(layer.get_weights())
    return y


def _class_of(layer: Any) -> Any:
    """The layer's class or, for a channels-last convolution on PyTorch, the one that spares copies."""
    import keras

    if keras.backend.backend() != "torch" or type(layer) is not keras.layers.Conv2D:
        return type(layer)
    from .torch_convolution import ViewingConv2D

    return ViewingConv2D if layer.data_format == "channels_last" else type(layer)


def _replicate_padded(layer: Any, x: Any) -> Any:
    from keras import ops

    odd = all(side % 2 for side in layer.kernel_size)
    if not odd or layer.padding != "same" or set(layer.strides) != {1}:
        raise UsageError(
            "Replicate padding needs a first convolution of odd size, stride 1 and padding 'same'."
            f" Received: {layer.name}"
        )
    for done in range(max(layer.kernel_size) // 2):  # a mirror one pixel wide repeats the border
        more = [int(done < side // 2) for side in layer.kernel_size]
        x = ops.pad(x, [(n, n) for n in (0, *more, 0)], mode="symmetric")
    return _copy(layer, x, padding="valid")


def _pool(layer: Any, x: Any, pooling: str | None, rescale: bool) -> Any:
    from keras import ops

    own = "max" if "Max" in type(layer).__name__ else "average"
    pooling = pooling or own
    size, strides, padding = layer.pool_size, layer.strides, layer.padding
    where = {"strides": strides, "padding": padding, "data_format": "channels_last"}
    if pooling == "max":
        y = ops.max_pool(x, size, **where)
    elif pooling == "average":
        y = ops.average_pool(x, size, **where)
    else:
        sums = ops.average_pool(x * x, size, **where) * float(size[0] * size[1])
        y = ops.sqrt(ops.maximum(sums, 1e-12))  # the root's slope at 0 is infinite
    scale = POOLING_SCALES[pooling] / POOLING_SCALES[own] if rescale else 1
    return y if scale == 1 else y * scale


@contextlib.contextmanager
def channels_last() -> Iterator[None]:
    """Builds layers for (height, width, channels) whatever the user's keras.json says."""
    import keras

    before = keras.config.image_data_format()
    keras.config.set_image_data_format("channels_last")
    try:
        yield
    finally:
        keras.config.set_image_data_format(before)
