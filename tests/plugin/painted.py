"""What the small engine does to pixels, and pixels as the helpers inside GIMP give them."""

import numpy as np


def array(answer):
    """(x, y), and (height, width, channels) of 0-255, from what `pixels` in GIMP gave."""
    width, height, x, y, data = answer
    return (x, y), np.array(data, int).reshape(height, width, -1)


def turned(pixels):
    """The colours that the small engine paints in place of these; alpha stays."""
    return np.concatenate([255 - pixels[..., :3], pixels[..., 3:]], axis=-1)
