"""`vgg_mini`: a small VGG that Impasto trained itself to see what VGG-16 sees. It is bundled.

Its trunk has VGG's shape (3×3 convolutions, ReLU, five blocks, maximum pooling) with fewer channels. On
it sit linear heads: each predicts the principal components of one layer of VGG-16, in that layer's own
units. Style and content are compared on the heads, so a Gram matrix here is VGG-16's own Gram matrix
in its leading directions. `impasto distill` trains both; the card beside this file, `vgg_mini.md`, says
from what.

    from impasto.models.vgg_mini import build_vgg_mini
    build_vgg_mini().summary()
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import keras


class Head(NamedTuple):
    """A linear map from one convolution's activations to the components of a teacher's layer.

    Attributes:
        tap: the convolution that it reads, as Keras names it.
        components: how many principal components it predicts.
        channels: how many channels the teacher's layer has; the original tools' losses are divided by them.
    """

    tap: str
    components: int
    channels: int


# The channels of each block's convolutions. At full size memory is moved more than anything is computed,
# so the first blocks are narrow; behind two and three poolings width costs little, and what is hardest
# to predict, relu4_1 and relu5_1, lies there.
BLOCKS = ((24, 32), (64, 64), (144, 144, 144), (256, 384, 384), (512,))

# Components: of relu1_1 to relu5_1 they hold .985 .928 .935 .878 .721 of VGG-16's energy and .993 to
# .999 of its Gram matrices' squared norms. Each is read from the convolution of its own name, since the
# trunk begins as a pruned VGG-16.
HEADS = {
    "relu1_1": Head("block1_conv1", 16, 64),
    "relu2_1": Head("block2_conv1", 32, 128),
    "relu3_1": Head("block3_conv1", 96, 256),
    "relu4_1": Head("block4_conv1", 192, 512),
    "relu4_2": Head("block4_conv2", 192, 512),
    "relu5_1": Head("block5_conv1", 128, 512),
}


def layer_names(blocks: tuple[tuple[int, ...], ...] = BLOCKS) -> list[str]:
    """The convolutions' names, shallow to deep, as Keras Applications would spell them."""
    return [f"block{b}_conv{c}" for b, widths in enumerate(blocks, 1) for c in range(1, len(widths) + 1)]


def build_vgg_mini(
    deepest: str | None = None, blocks: tuple[tuple[int, ...], ...] = BLOCKS, pooling: str = "max"
) -> keras.Model:
    """Builds the trunk with random weights.

    Args:
        deepest: the last convolution to build, such as `"block4_conv2"`; all of them by default.
        blocks: for each block, the channels of its convolutions.
        pooling: `"max"` or `"average"`, between the blocks.

    Returns:
        A model from pictures (batch, height, width, 3), blue-green-red, 0–255 minus the ImageNet
        means (the preprocessing that Keras's own VGG networks take), to the deepest layer's
        activations.

    Raises:
        ValueError: the network has no layer of that name.
    """
    import keras

    names = layer_names(blocks)
    deepest = deepest or names[-1]
    if deepest not in names:
        raise ValueError(
            f"vgg_mini has no layer of that name; it has {', '.join(names)}. Received: {deepest}"
        )
    pool = {"max": keras.layers.MaxPooling2D, "average": keras.layers.AveragePooling2D}[pooling]
    picture = keras.Input((None, None, 3), name="picture")
    x = picture
    for b, widths in enumerate(blocks, 1):
        for c, channels in enumerate(widths, 1):
            name = f"block{b}_conv{c}"
            x = keras.layers.Conv2D(
                channels, 3, padding="same", activation="relu", kernel_initializer="he_normal", name=name
            )(x)
            if name == deepest:
                return keras.Model(picture, x, name="vgg_mini")
        x = pool(2, name=f"block{b}_pool")(x)
    raise ValueError(deepest)  # not reached: the name was looked for above
