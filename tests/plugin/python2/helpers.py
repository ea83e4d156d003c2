# Runs in GIMP 2.10 or in its stand-in, before the tests' own pieces of Python.
import gimp
from gimpenums import *  # noqa: F403

pdb = gimp.pdb
REAL = hasattr(gimp, "gtkrc")


def new_image(width=60, height=40, kind=RGB):
    return gimp.Image(width, height, kind)


def new_layer(image, width=60, height=40, x=0, y=0, alpha=False, parent=None, name="source"):
    """A layer of smooth colours, half transparent at the left if it has alpha."""
    if REAL:
        kind = RGBA_IMAGE if alpha else RGB_IMAGE
        layer = gimp.Layer(image, name, width, height, kind, 100, NORMAL_MODE)
    else:
        layer = gimp.Layer(image, name, width, height, alpha)
    pdb.gimp_image_insert_layer(image, layer, parent, 0)
    layer.set_offsets(x, y)
    data = bytearray()
    for row in range(height):
        for column in range(width):
            data += bytearray([20 + 3 * column % 230, 10 + 5 * row % 240, (column * row) % 200 + 30])
            data.append(100 if alpha and column < width // 2 else 255)
    put(layer, data)
    return layer


def put(drawable, data):
    """Sets all pixels, from RGBA or, for masks, one byte each."""
    if drawable.bpp == 3:
        del data[3::4]
    region = drawable.get_pixel_rgn(0, 0, drawable.width, drawable.height, True, False)
    region[0 : drawable.width, 0 : drawable.height] = bytes(data)
    drawable.flush()
    drawable.update(0, 0, drawable.width, drawable.height)


def pixels(drawable):
    """Width, height, offsets and pixels of a drawable: RGBA, or one byte each."""
    region = drawable.get_pixel_rgn(0, 0, drawable.width, drawable.height, False, False)
    data = bytearray(region[0 : drawable.width, 0 : drawable.height])
    if drawable.bpp == 3:
        full = bytearray([255]) * (drawable.width * drawable.height * 4)
        for channel in range(3):
            full[channel::4] = data[channel::3]
        data = full
    return [drawable.width, drawable.height, drawable.offsets[0], drawable.offsets[1], list(data)]


def select(image, x, y, width, height, value=255):
    """Selects a rectangle, wholly or in part."""
    data = bytearray(image.width * image.height)
    for row in range(y, y + height):
        data[row * image.width + x : row * image.width + x + width] = bytearray([value]) * width
    put(image.selection, data)


def run_filter(image, layer, **given):
    """Runs the filter as a script would; lists by number."""
    values = dict(
        style_from=0, style_name=GALLERY, style_file="", style_layer=None, style_image=None,
        second_from=0, second_name=GALLERY, second_file="", second_layer=None, second_image=None,
        mix=50.0, strength=50.0, style_scale=1.0, colours=0, method=0, size_limit=768, steps=0, seed=0,
        result=0,
    )  # fmt: skip
    order = [
        name + end for name in ("style", "second") for end in ("_from", "_name", "_file", "_layer", "_image")
    ]
    order += ["mix", "strength", "style_scale", "colours", "method", "size_limit", "steps", "seed", "result"]
    values.update(given)
    try:
        return pdb.python_fu_impasto_neural_style(image, layer, *[values[name] for name in order])
    except RuntimeError as error:
        return "error", str(error)


def tree(image):
    """Names of all layers, groups with their children."""

    def names(layers):
        return [
            [one.name, names(one.layers)] if hasattr(one, "layers") and one.layers else one.name
            for one in layers
        ]

    return names(image.layers)
