"""The register of networks: what each is called, how it is built, where its weights come from.

    from impasto.models.register import find_network
    find_network("vgg19").layers          # ("relu1_1", ..., "relu5_4")
    find_network("vgg19").layer("conv4_2")  # "relu4_2"

Nothing here imports Keras: the command line reads the register before any work begins.
"""

import difflib
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from .errors import UsageError
from .vgg_mini import BLOCKS, HEADS, Head

# Blue, green, red of ImageNet: Caffe's, as Keras Applications has them; every network here takes pixels
# of 0-255 minus these.
MEANS = (103.939, 116.779, 123.68)

SPELLINGS = re.compile(r"(?:relu|conv)(\d+)_(\d+)|block(\d+)_conv(\d+)")


@dataclass(frozen=True)
class Network:
    """One network of the register.

    All are VGG-shaped: blocks of 3×3 convolutions, a 2×2 pooling between blocks.

    Attributes:
        name: what the command line and `Extractor` call it.
        title: what people call it.
        blocks: for each block, the channels of its convolutions.
        pooling: the pooling it was trained with, `"max"` or `"average"`.
        file: name of its weight file, in Keras's cache or, if bundled, beside this module.
        size: the weight file's size in bytes, for display.
        md5: the weight file's MD5 as Keras Applications publishes it; None for a bundled file.
        bundled: whether the weights come with Impasto.
        licence: the weights' licence.
        source: who made it.
        content_layers: where content is compared unless other layers are named.
        style_layers: where style is compared unless other layers are named, shallow to deep.
        heads: where layers are predicted from the convolutions' activations, by layer, shallow to deep; none
            where the layers are the convolutions themselves.
    """

    name: str
    title: str
    blocks: tuple[tuple[int, ...], ...]
    pooling: str
    file: str
    size: int
    md5: str | None
    bundled: bool
    licence: str
    source: str
    content_layers: tuple[str, ...]
    style_layers: tuple[str, ...]
    heads: Mapping[str, Head] = field(default_factory=dict, hash=False)

    def tap(self, layer: str) -> str:
        """The convolution that a layer is read from, as Keras names it: `"block4_conv2"` for `"relu4_2"`."""
        return self.heads[layer].tap if self.heads else keras_spelling(layer)

    def components_share(self, layer: str) -> float:
        """How many values a layer has here for one of the layer that it stands for; 1 without heads.

        The original tools divide their losses by numbers of channels, so with heads these count.
        """
        return self.heads[layer].components / self.heads[layer].channels if self.heads else 1.0

    @property
    def layers(self) -> tuple[str, ...]:
        """All layers, shallow to deep: `("relu1_1", "relu1_2", "relu2_1", ...)`."""
        return tuple(self.heads) or self.convolutions

    @property
    def convolutions(self) -> tuple[str, ...]:
        """All convolutions with their ReLU, shallow to deep, spelt as layers are."""
        return tuple(
            f"relu{block}_{n}"
            for block, widths in enumerate(self.blocks, 1)
            for n in range(1, len(widths) + 1)
        )

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """All weights' shapes: `{"block1_conv1/kernel": (3, 3, 3, 64), "block1_conv1/bias": (64,), ...}`."""
        shapes: dict[str, tuple[int, ...]] = {}
        incoming = 3
        for block, widths in enumerate(self.blocks, 1):
            for n, channels in enumerate(widths, 1):
                shapes[f"block{block}_conv{n}/kernel"] = (3, 3, incoming, channels)
                shapes[f"block{block}_conv{n}/bias"] = (channels,)
                incoming = channels
        for layer, head in self.heads.items():
            shapes[f"heads/{layer}/kernel"] = (shapes[f"{head.tap}/bias"][0], head.components)
            shapes[f"heads/{layer}/bias"] = (head.components,)
        return shapes

    @property
    def parameters(self) -> int:
        """Number of weights."""
        return sum(math.prod(shape) for shape in self.shapes.values())

    def layer(self, spelling: str) -> str:
        """The canonical name of a layer.

        Args:
            spelling: `relu4_2`, `block4_conv2` or `conv4_2`; each means the convolution with its ReLU.

        Returns:
            The first of these spellings.

        Raises:
            UsageError: the network has no such layer.
        """
        name = canonical_spelling(spelling)
        if name not in self.layers:
            near = did_you_mean(name or spelling, self.layers)
            raise UsageError(
                f"{self.name} has no such layer.{near} It has {self._listed()}. Received: {spelling!r}"
            )
        return name

    def _listed(self) -> str:
        if self.heads:
            return ", ".join(self.layers)
        counts = ", ".join(str(len(widths)) for widths in self.blocks)
        return f"{self.layers[0]} to {self.layers[-1]} (convolutions in its blocks: {counts})"


def canonical_spelling(layer: str) -> str:
    """`"relu4_2"` for `relu4_2`, `conv4_2` and `block4_conv2`; an empty string for anything else."""
    match = SPELLINGS.fullmatch(layer)
    return "relu{}_{}".format(*(group for group in match.groups() if group)) if match else ""


def keras_spelling(layer: str) -> str:
    """`"block4_conv2"` for `"relu4_2"`: what the Keras layer is called."""
    block, n = layer.removeprefix("relu").split("_")
    return f"block{block}_conv{n}"


def did_you_mean(word: str, words: Iterable[str]) -> str:
    """`" Did you mean 'vgg16' or 'vgg19'?"`, or an empty string where nothing is near."""
    near = difflib.get_close_matches(word, list(words), n=3, cutoff=0.5)
    return f" Did you mean {' or '.join(map(repr, near))}?" if near else ""


# File names and hashes: keras/src/applications/vgg19.py and vgg16.py, the files without classifier.
# Layers: Gatys et al. 2015 (arXiv:1508.06576), as neural-style writes them.
VGG19 = Network(
    name="vgg19",
    title="VGG-19",
    blocks=((64,) * 2, (128,) * 2, (256,) * 4, (512,) * 4, (512,) * 4),
    pooling="max",
    file="vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5",
    size=80_134_624,
    md5="253f8cb515780f3b799900260a226db6",
    bundled=False,
    licence="CC BY 4.0",
    source="Simonyan & Zisserman 2014 (arXiv:1409.1556), ImageNet, through Keras Applications",
    content_layers=("relu4_2",),
    style_layers=("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"),
)
VGG16 = replace(
    VGG19,
    name="vgg16",
    title="VGG-16",
    blocks=((64,) * 2, (128,) * 2, (256,) * 3, (512,) * 3, (512,) * 3),
    file="vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5",
    size=58_889_256,
    md5="6d6bbae143d832006294945121d1f1fc",
)
VGG_MINI = replace(
    VGG19,  # whose layers of content and style it predicts
    name="vgg_mini",
    title="VGG-mini",
    blocks=BLOCKS,
    heads=HEADS,
    file="vgg_mini.npz",
    size=9_876_888,
    md5=None,
    bundled=True,
    licence="MIT",
    source="trained by Impasto itself (impasto distill) from VGG-16; see vgg_mini.md",
)
# Whose features `instant` moves, and whose kernels its decoder began with; no loss network.
INSTANT_ENCODER = Network(
    name="instant_encoder",
    title="the one-pass network's encoder",
    blocks=((32, 32), (64, 64), (128, 128), (256, 384), (256,)),
    pooling="average",
    file="instant_encoder.npz",
    size=4_512_127,
    md5=None,
    bundled=True,
    licence="MIT",
    source="trained by Impasto itself; see instant.md",
    content_layers=("relu4_2",),
    style_layers=("relu1_2", "relu2_2", "relu3_2", "relu4_2", "relu5_1"),
)

NETWORKS: dict[str, Network] = {network.name: network for network in (VGG19, VGG16, VGG_MINI)}
ENCODERS: dict[str, Network] = {INSTANT_ENCODER.name: INSTANT_ENCODER}  # not to be chosen by a user


def find_network(name: str) -> Network:
    """The register's entry of that name.

    Raises:
        UsageError: there is none.
    """
    if name in ENCODERS:
        return ENCODERS[name]
    if name not in NETWORKS:
        raise UsageError(
            f"There is no such network.{did_you_mean(name, NETWORKS)}"
            f" Expected one of {', '.join(NETWORKS)}. Received: {name!r}"
        )
    return NETWORKS[name]
