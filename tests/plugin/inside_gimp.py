# ruff: noqa: F821
# Runs inside GIMP, before the tests' own pieces of Python.

CONVERTED = []


def new_image(kind="RGB", width=60, height=40, precision="U8_NON_LINEAR"):
    kinds = Gimp.ImageBaseType
    image = Gimp.Image.new_with_precision(
        width,
        height,
        getattr(kinds, kind if kind != "INDEXED" else "RGB"),
        getattr(Gimp.Precision, precision),
    )
    return image


def new_layer(image, width=60, height=40, x=0, y=0, alpha=False, parent=None, name="source"):
    """A layer of smooth colours, half transparent at the left if it has alpha."""
    grey = image.get_base_type() == Gimp.ImageBaseType.GRAY
    kind = ("GRAY" if grey else "RGB") + ("A_IMAGE" if alpha else "_IMAGE")
    layer = Gimp.Layer.new(
        image, name, width, height, getattr(Gimp.ImageType, kind), 100, Gimp.LayerMode.NORMAL
    )
    image.insert_layer(layer, parent, 0)
    layer.set_offsets(x, y)
    data = bytearray()
    for row in range(height):
        for column in range(width):
            red, green, blue = 20 + 3 * column % 230, 10 + 5 * row % 240, (column * row) % 200 + 30
            if grey:
                green = blue = red
            data += bytes([red, green, blue, 100 if alpha and column < width // 2 else 255])
    put(layer, bytes(data))
    return layer


def put(drawable, data, pixel_format="R'G'B'A u8"):
    buffer = drawable.get_buffer()
    buffer.set(Gegl.Rectangle.new(0, 0, drawable.get_width(), drawable.get_height()), pixel_format, data)
    buffer.flush()
    drawable.update(0, 0, drawable.get_width(), drawable.get_height())


def pixels(drawable, pixel_format="R'G'B'A u8"):
    """Width, height, offsets and bytes of a drawable."""
    width, height = drawable.get_width(), drawable.get_height()
    area = Gegl.Rectangle.new(0, 0, width, height)
    data = drawable.get_buffer().get(area, 1.0, pixel_format, Gegl.AbyssPolicy.NONE)
    _found, x, y = drawable.get_offsets()
    return [width, height, x, y, list(bytes(data))]


def run_filter(image, layer, **arguments):
    """Runs the filter as a script would; what it gave is in names that the answer can hold."""
    procedure = Gimp.get_pdb().lookup_procedure("impasto-neural-style")
    config = procedure.create_config()
    config.set_property("run-mode", Gimp.RunMode.NONINTERACTIVE)
    config.set_property("image", image)
    config.set_core_object_array("drawables", layer if isinstance(layer, list) else [layer])
    for name, value in arguments.items():
        config.set_property(name.replace("_", "-"), value)
    values = procedure.run(config)
    status = values.index(0)
    if status == Gimp.PDBStatusType.SUCCESS:
        return values.index(1), values.index(2)
    return status.value_nick, Gimp.get_pdb().get_last_error()


def tree(image):
    """Names of all layers, groups with their children."""

    def names(layers):
        return [
            [layer.get_name(), names(layer.get_children())] if layer.is_group() else layer.get_name()
            for layer in layers
        ]

    return names(image.get_layers())


def undo(image):
    """One step back, as Ctrl+Z does it."""
    Gimp.get_pdb()
    return image.undo() if hasattr(image, "undo") else None
