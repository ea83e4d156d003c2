"""The transformation network of Johnson et al. 2016 (arXiv:1603.08155), for one style or many.

Their supplement's layers: a 9×9 convolution, two of stride 2, residual blocks, two enlargements, a 9×9
convolution, a scaled tanh. Departures, as in later work of the same field: instance normalisation
for batch normalisation (arXiv:1607.08022), conditional on the style (arXiv:1610.07629); nearest-neighbour
enlargement and a convolution for the transposed convolution, which leaves checkerboards (Odena et al.
2016); reflection padding at every convolution, so that the picture keeps its size.

    model = build_transformer(styles=13, width=32)
    model([pictures, style_weights])  # (batch, height, width, 3), 0–1 in and out
"""

from typing import Any

import keras
import numpy as np
from keras import ops

from .painter_layers import RATE, ConditionalInstanceNormalization, as_picture, convolve

STRIDE = 4  # height and width of a picture are multiples of it
LEAST_SIDE = 16  # below that the residual blocks have nothing to reflect


def build_transformer(
    styles: int = 1, width: int = 32, blocks: int = 5, skip: bool = False, padding: str = "reflect"
) -> keras.Model:
    """Builds the network with random weights.

    Args:
        styles: how many styles it learns.
        width: channels of the first convolution; the next two have twice and four times as many
            (Johnson et al.: 32).
        blocks: residual blocks (Johnson et al.: 5).
        skip: whether the network paints over the photograph, its colours normalised and then scaled and
            shifted for each style, instead of anew: a departure that keeps the subject from the first
            step on, for short trainings. It then ends without the tanh, as pytorch/examples' network does:
            under a saturated one, blots grew that had no gradient to leave by.
        padding: `"reflect"`, or `"circular"` for a picture that tiles.

    Returns:
        A model from [pictures (batch, height, width, 3) of 0–1, sides multiples of 4 and 16 or more;
        style weights (batch, styles)] to pictures of the same shape, float32, to be clipped with `skip`.
    """
    picture = keras.Input((None, None, 3), name="picture")
    style = keras.Input((styles,), name="style")

    def layer(x: Any, name: str, channels: int, side: int = 3, stride: int = 1, relu: bool = True) -> Any:
        x = convolve(x, channels, side, name, padding, stride)
        x = ConditionalInstanceNormalization(name=f"{name}_norm")([x, style])
        return ops.relu(x) if relu else x

    x = layer(2 * picture - 1, "in", width, side=9)
    x = layer(x, "down1", 2 * width, stride=2)
    x = layer(x, "down2", 4 * width, stride=2)
    for block in range(1, blocks + 1):
        y = layer(x, f"block{block}_conv1", 4 * width)
        x = x + layer(y, f"block{block}_conv2", 4 * width, relu=False)
    for number, channels in enumerate((2 * width, width), 1):
        x = keras.layers.UpSampling2D(2, interpolation="nearest", name=f"enlarge{number}")(x)
        x = layer(x, f"up{number}", channels)
    x = ops.cast(convolve(x, 3, 9, "out", padding, zeros=skip), "float32")  # nothing is painted over at first
    if skip:
        under = ConditionalInstanceNormalization(name="skip_norm", dtype="float32")([picture, style])
        return keras.Model([picture, style], 0.5 + 0.5 * (x + under), name="transformer")
    return keras.Model([picture, style], as_picture(x), name="transformer")


def start_at_palettes(model: keras.Model, paintings: list[np.ndarray]) -> None:
    """Lets a network with `skip` begin with the photograph in each painting's colours.

    Each channel gets the painting's mean and deviation.

    Args:
        model: freshly built, with `skip`.
        paintings: one for each style, (height, width, 3), 0–1.
    """
    means = np.array([painting.mean((0, 1)) for painting in paintings])
    deviations = np.array([painting.std((0, 1)) for painting in paintings])
    model.get_layer("skip_norm").set_weights([(2 * deviations - 1) / RATE, (2 * means - 1) / RATE])
