"""The multi-scale generator of Ulyanov et al. 2016 (arXiv:1603.03417): textures from noise, or stylisation.

Noise at several scales (each half of the one before) passes a block of convolutions; from the
coarsest on, the result is enlarged, set beside the next finer scale's, and passed through another
block. For stylisation the photograph, reduced to each scale, stands beside the noise. Departures:
instance normalisation for batch normalisation (the same authors' arXiv:1607.08022), conditional on the style.

    model = build_generator(styles=1)
    model([*noises, style_weights])             # a texture
    model([picture, *noises, style_weights])    # with content=True
"""

from typing import Any

import keras
from keras import ops

from .painter_layers import ConditionalInstanceNormalization, as_picture, convolve

NOISE_CHANNELS = 3  # Ulyanov et al., section 4.2


def noise_sides(height: int, width: int, scales: int) -> list[tuple[int, int]]:
    """Height and width of each noise, fine to coarse; both must be multiples of 2 ** (scales - 1)."""
    return [(height >> scale, width >> scale) for scale in range(scales)]


def build_generator(
    styles: int = 1, channels: int = 8, scales: int = 5, content: bool = False, padding: str = "circular"
) -> keras.Model:
    """Builds the network with random weights.

    Args:
        styles: how many styles it learns.
        channels: that each scale adds (Ulyanov et al.: 8).
        scales: of the noise (Ulyanov et al.: 5 for textures, 6 for stylisation).
        content: whether it takes a photograph.
        padding: `"circular"`, the paper's, which makes textures that tile, or `"reflect"`.

    Returns:
        A model from [pictures (batch, height, width, 3) of 0–1, where there is content; noises (batch,
        height / 2**i, width / 2**i, 3) of 0–1, fine to coarse; style weights (batch, styles)] to
        pictures, float32. Sides are multiples of 2 ** (scales - 1).
    """
    noises = [keras.Input((None, None, NOISE_CHANNELS), name=f"noise{i}") for i in range(scales)]
    style = keras.Input((styles,), name="style")
    picture = keras.Input((None, None, 3), name="picture") if content else None

    def normalised(x: Any, name: str) -> Any:
        return ConditionalInstanceNormalization(name=f"{name}_norm")([x, style])

    def block(x: Any, width: int, name: str) -> Any:
        for number, side in enumerate((3, 3, 1), 1):
            x = convolve(x, width, side, f"{name}_conv{number}", padding)
            x = ops.leaky_relu(normalised(x, f"{name}_conv{number}"), negative_slope=0.01)
        return x

    small = [] if picture is None else [2 * picture - 1]
    for _ in range(1, scales if content else 0):
        small.append(ops.average_pool(small[-1], 2, strides=2))
    x = None
    for scale in reversed(range(scales)):
        source = 2 * noises[scale] - 1
        if content:
            source = ops.concatenate([source, small[scale]], axis=-1)
        fresh = block(source, channels, f"scale{scale}")
        if x is None:
            x, width = fresh, channels
            continue
        x = keras.layers.UpSampling2D(2, interpolation="nearest", name=f"enlarge{scale}")(x)
        joined = [normalised(x, f"join{scale}_coarse"), normalised(fresh, f"join{scale}_fine")]
        width += channels
        x = block(ops.concatenate(joined, axis=-1), width, f"join{scale}")
    inputs = [*([picture] if content else []), *noises, style]
    return keras.Model(inputs, as_picture(convolve(x, 3, 1, "out", padding)), name="generator")
