"""`vgg_mini`: a small VGG whose features Impasto trained itself, so that nothing need be downloaded.

Its shape is VGG's (3×3 convolutions, ReLU, five blocks) with fewer channels, two convolutions a
block and average pooling, which Gatys et al. (arXiv:1508.06576, section 2) found to give
smoother pictures than maximum pooling. `impasto distill` trains it; the card beside this file,
`vgg_mini.md`, says from what.

    from impasto.models.vgg_mini import build_vgg_mini
    build_vgg_mini().summary()
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras

# The channels of each block's convolutions. Two convolutions of 3×3 see 5×5, enough for a stroke's
# edge at each scale; halving VGG's channels divides its arithmetic by about seven. The fourth block
# ends wider: it answers for two depths of the teacher at once (a table in docs/networks.md).
BLOCKS = ((32, 32), (64, 64), (128, 128), (256, 384), (256,))


def layer_names() -> list[str]:
    """The convolutions' names, shallow to deep, as Keras Applications would spell them."""
    return [f"block{b}_conv{c}" for b, widths in enumerate(BLOCKS, 1) for c in range(1, len(widths) + 1)]


def build_vgg_mini(deepest: str | None = None) -> keras.Model:
    """Builds the network with random weights.

    Args:
        deepest: the last convolution to build, such as `"block4_conv2"`; all of them by default.

    Returns:
        A model from pictures (batch, height, width, 3), blue-green-red, 0–255 minus the ImageNet
        means (the preprocessing that Keras's own VGG networks take), to the deepest layer's
        activations.
    """
    import keras

    deepest = deepest or layer_names()[-1]
    picture = keras.Input((None, None, 3), name="picture")
    x = picture
    for b, widths in enumerate(BLOCKS, 1):
        for c, channels in enumerate(widths, 1):
            name = f"block{b}_conv{c}"
            x = keras.layers.Conv2D(
                channels, 3, padding="same", activation="relu", kernel_initializer="he_normal", name=name
            )(x)
            if name == deepest:
                return keras.Model(picture, x, name="vgg_mini")
        x = keras.layers.AveragePooling2D(2, name=f"block{b}_pool")(x)
    raise ValueError(
        f"vgg_mini has no layer of that name; it has {', '.join(layer_names())}. Received: {deepest}"
    )
