"""A network's name and layers in, a function from pictures to features out.

    extract = Extractor("vgg19", ["relu4_2"])
    extract(picture)["relu4_2"]  # (1, height / 8, width / 8, 512)

The network itself comes from `impasto.models`; here it is cut to the layers asked for.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from functools import cached_property
from os import PathLike
from typing import Any

import keras
from keras import ops

from impasto.models.register import MEANS, Network, canonical_spelling, did_you_mean, keras_spelling
from impasto.models.vgg import build_network, channels_last, prune
from impasto.models.weights import choose

from .errors import UsageError
from .ways import in_way

Tensor = Any


class Extractor:
    """A frozen network, cut above the deepest layer that is asked for.

    Args:
        network: `"auto"` (VGG-19 where its weights are in Keras's cache, and otherwise the bundled
            network), a name of the register, or a functional or sequential model that you built:
            a chain of layers is copied with its weights as they are, and its layers go by their own
            names or, where it names them as Keras Applications does, by `relu4_2`.
        layers: layers wanted, each as `relu4_2`, `conv4_2` or `block4_conv2`, which are one layer:
            Keras's convolutions contain their ReLU. By default the network's content and style layers.
        pooling: `"max"`, `"average"`, `"l2"`, or None for the network's own. One that replaces
            another is rescaled so that activations keep their size (`impasto.models.vgg.prune`),
            unless `rescale_pooling` is off, as neural-style and MXNet's example have it.
        first_padding: `"zero"`, as the network was trained, or `"replicate"`, which keeps the
            picture's border from looking like an edge.
        weights: weight file in place of the cached or bundled one.
        rescale_pooling: see `pooling`.
        preprocess: whether pictures are turned into what the named networks take, blue-green-red,
            0–255 minus the ImageNet means; without it they go in as they come.

    Attributes:
        name: the network's name; after `"auto"`, the one taken.
        layers: canonical names (`relu4_2`) of the layers, as asked for, each once.
        layer_channels: number of channels of each.
        notice: which network `"auto"` took and how to get the other; None where it was named.
        others: those that `in_way` has made, by the way.

    Raises:
        UsageError: an unknown network, layer, pooling or padding.
        WeightsError: the weights are not there, are damaged, or belong to another network.
    """

    def __init__(
        self,
        network: str | keras.Model = "auto",
        layers: Sequence[str] | None = None,
        *,
        pooling: str | None = None,
        first_padding: str = "zero",
        weights: str | PathLike | None = None,
        rescale_pooling: bool = True,
        preprocess: bool = True,
    ):
        if (layers is None and not isinstance(network, str)) or (layers is not None and not layers):
            raise UsageError(f"No layer is asked for; expected one or more. Received: {layers!r}")
        self.preprocess = preprocess
        self._means = ops.convert_to_tensor(MEANS, dtype="float32")  # once: a step brings nothing to a GPU
        self.notice: str | None = None
        self.others: dict[str, Extractor] = {}
        if isinstance(network, str):
            entry, path, self.notice = choose(network, weights)
            self.name = entry.name
            self.layers = _once(entry.layer(layer) for layer in _or_defaults(entry, layers))
            sources = {layer: entry.tap(layer) for layer in self.layers}
            model, heads = build_network(entry, path, self.layers)
        else:
            if weights is not None:
                raise UsageError(
                    f"A model comes with its own weights; leave weights out. Received: {weights!r}"
                )
            model, self.name, heads = network, network.name, {}
            sources = dict(_find_in_model(network, layer) for layer in layers or ())
            self.layers = tuple(sources)
        with channels_last():
            self.model = prune(model, sources, pooling, first_padding, rescale_pooling)
        self.layer_channels = {
            layer: heads[layer]["bias"].size if heads else self.model.output[layer].shape[-1]
            for layer in self.layers
        }
        self._heads = {
            layer: (ops.convert_to_tensor(head["kernel"]), ops.convert_to_tensor(head["bias"]))
            for layer, head in heads.items()
        }

    def __call__(self, image: Tensor) -> dict[str, Tensor]:
        """Computes the features of a picture, differentiably, on whichever backend runs.

        Args:
            image: (1, height, width, 3), red-green-blue, 0–1; height and width may be unknown while
                a function is traced, and are best not below `strides` of the deepest layer.

        Returns:
            Canonical layer name → (1, about height / stride, about width / stride, channels).
        """
        features = self.model(self.preprocessed(image), training=False)
        return {layer: self.predicted(layer, features[layer]) for layer in self.layers}

    def predicted(self, layer: str, features: Tensor) -> Tensor:
        """A layer, of what its convolution shows (1, height, width, channels).

        With a head that is the components that it predicts, (1, height, width, components), and otherwise
        the convolution's own activations.
        """
        if layer not in self._heads:
            return features
        kernel, bias = (ops.cast(part, features.dtype) for part in self._heads[layer])
        return ops.matmul(features, kernel) + bias

    def preprocessed(self, image: Tensor) -> Tensor:
        """What the network takes, of a picture of 0–1; see `preprocess`."""
        if not self.preprocess:
            return image
        return ops.flip(image, axis=-1) * 255.0 - ops.cast(self._means, image.dtype)

    def in_way(self, way: str) -> Extractor:
        """The same with its convolutions computed in another way: see `ways.py`. It is made once."""
        if way not in self.others:
            self.others[way] = other = copy.copy(self)
            other.model = in_way(self.model, way)
        return self.others[way]

    @cached_property
    def strides(self) -> dict[str, int]:
        """Pixels of the picture for one position of each layer: 8 for `relu4_2`."""
        side = 1024
        shapes = self.model.compute_output_shape((1, side, side, self.model.inputs[0].shape[-1]))
        return {layer: round(side / shapes[layer][1]) for layer in self.layers}


def _or_defaults(entry: Network, layers: Sequence[str] | None) -> Sequence[str]:
    return (*entry.content_layers, *entry.style_layers) if layers is None else layers


def _once(names: Any) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def _find_in_model(model: keras.Model, layer: str) -> tuple[str, str]:
    """The name under which a model's layer is reported, and the one that the model gives it."""
    names = [own.name for own in model.layers if not isinstance(own, keras.layers.InputLayer)]
    canonical = canonical_spelling(layer)
    if layer in names:
        return canonical or layer, layer
    if canonical and keras_spelling(canonical) in names:
        return canonical, keras_spelling(canonical)
    raise UsageError(
        f"{model.name} has no such layer.{did_you_mean(layer, names)} Expected one of {', '.join(names)}."
        f" Received: {layer!r}"
    )
