"""A stand-in for GIMP 2.10's Python module, with real pixels: only what the plug-in and its tests use."""

import png
from gimpenums import ADD_SELECTION_MASK, INDEXED, PRECISION_U8_GAMMA, RGB

error = RuntimeError
messages, progress, displays, registered = [], [], [], {}


class Drawable(object):
    """Pixels of `bpp` bytes each: 4 for layers, whatever their kind, and 1 for masks and selections."""

    def __init__(self, image, width, height, bpp, value=255):
        self.image, self.width, self.height, self.bpp = image, width, height, bpp
        self.offsets, self.data, self.valid = (0, 0), bytearray([value]) * (width * height * bpp), True

    def get_pixel_rgn(self, x, y, width, height, dirty=True, shadow=False):
        return Region(self)

    def at(self, x, y):
        inside = 0 <= x < self.width and 0 <= y < self.height
        start = (y * self.width + x) * self.bpp
        return self.data[start : start + self.bpp] if inside else bytearray(self.bpp)

    def copy_from(self, other, x, y):
        """Takes the pixels of another from (x, y) on."""
        self.data = bytearray(
            b"".join(bytes(other.at(x + i, y + j)) for j in range(self.height) for i in range(self.width))
        )

    def flush(self):
        pass

    def update(self, *area):
        pass


class Region(object):
    def __init__(self, drawable):
        self.drawable, self.bpp = drawable, drawable.bpp

    def __getitem__(self, key):
        columns, rows = key
        spots = [(x, y) for y in range(rows.start, rows.stop) for x in range(columns.start, columns.stop)]
        assert all(0 <= x < self.drawable.width and 0 <= y < self.drawable.height for x, y in spots)
        return b"".join(bytes(self.drawable.at(x, y)) for x, y in spots)

    def __setitem__(self, key, data):
        columns, rows = key
        bpp, width = self.drawable.bpp, columns.stop - columns.start
        assert len(data) == bpp * width * (rows.stop - rows.start)
        for number, y in enumerate(range(rows.start, rows.stop)):
            start = (y * self.drawable.width + columns.start) * bpp
            line = data[number * width * bpp : (number + 1) * width * bpp]
            self.drawable.data[start : start + width * bpp] = line


class Mask(Drawable):
    pass


class Layer(Drawable):
    is_rgb = True

    def __init__(self, image, name, width, height, alpha=False):
        Drawable.__init__(self, image, width, height, 4)
        self.name, self.has_alpha, self.mask, self.parent = name, alpha, None, None
        self.visible, self.layers = True, None

    def resize(self, width, height, x, y):
        new = Layer(self.image, self.name, width, height, self.has_alpha)
        new.copy_from(self, -x, -y)
        self.width, self.height, self.data = width, height, new.data

    def set_offsets(self, x, y):
        self.offsets = (x, y)

    def add_alpha(self):
        self.has_alpha = True

    def create_mask(self, kind):
        mask = Mask(self.image, self.width, self.height, 1)
        if kind == ADD_SELECTION_MASK:
            mask.copy_from(self.image.selection, *self.offsets)
        return mask

    def add_mask(self, mask):
        self.mask, mask.owner = mask, self

    def remove_mask(self, how):
        self.mask = None


class Image(object):
    def __init__(self, width, height, kind):
        self.width, self.height, self.base_type, self.name = width, height, kind, "Untitled"
        self.precision, self.layers, self.valid = PRECISION_U8_GAMMA, [], True
        self.selection = Drawable(self, width, height, 1, 0)
        self.resolution = (300.0, 300.0)
        self.groups, self.open = 0, 0  # finished steps of undo, and groups begun

    def undo_group_start(self):
        self.open += 1

    def undo_group_end(self):
        self.open -= 1
        self.groups += 1

    def disable_undo(self):
        self.undo = False

    def enable_undo(self):
        self.undo = True

    def duplicate(self):
        copy = Image(self.width, self.height, self.base_type)
        for layer in self.layers:
            new = pdb.gimp_layer_new_from_drawable(layer, copy)
            new.visible = layer.visible
            copy.layers.append(new)
        return copy

    def merge_visible_layers(self, how):
        self.layers = [layer for layer in self.layers if layer.visible][:1]


class Procedures(object):
    def gimp_item_is_layer(self, item):
        return isinstance(item, Layer)

    def gimp_item_is_layer_mask(self, item):
        return isinstance(item, Mask)

    def gimp_item_is_valid(self, item):
        return item.valid

    def gimp_image_is_valid(self, image):
        return image.valid

    def gimp_layer_from_mask(self, mask):
        return mask.owner

    def gimp_item_get_parent(self, layer):
        return layer.parent

    def gimp_image_get_item_position(self, image, layer):
        return (layer.parent.layers if layer.parent else image.layers).index(layer)

    def gimp_image_insert_layer(self, image, layer, parent, position):
        layer.parent = parent
        (parent.layers if parent else image.layers).insert(position, layer)

    def gimp_layer_group_new(self, image):
        group = Layer(image, "group", image.width, image.height)
        group.layers = []
        return group

    def gimp_layer_new_from_drawable(self, layer, image):
        new = Layer(image, layer.name, layer.width, layer.height, layer.has_alpha)
        new.data, new.offsets = bytearray(layer.data), layer.offsets
        if layer.mask:
            new.add_mask(new.create_mask(0))
        return new

    def gimp_selection_is_empty(self, image):
        return not any(image.selection.data)

    def gimp_drawable_mask_intersect(self, layer):
        x, y = layer.offsets
        if self.gimp_selection_is_empty(layer.image):
            return True, 0, 0, layer.width, layer.height
        spots = [
            (i, j)
            for j in range(layer.height)
            for i in range(layer.width)
            if any(layer.image.selection.at(x + i, y + j))
        ]
        if not spots:
            return False, 0, 0, 0, 0
        left, top = min(i for i, _ in spots), min(j for _, j in spots)
        return True, left, top, max(i for i, _ in spots) + 1 - left, max(j for _, j in spots) + 1 - top

    def gimp_image_get_precision(self, image):
        return image.precision

    def gimp_image_new_with_precision(self, width, height, kind, precision):
        image = Image(width, height, kind)
        image.precision = precision
        return image

    def gimp_image_convert_rgb(self, image):
        image.base_type = RGB

    def gimp_image_scale(self, image, width, height):
        for layer in image.layers:
            old, size = layer.data, (layer.width, layer.height)
            source = Layer(image, "", *size)
            source.data = old
            layer.width, layer.height = width, height
            layer.data = bytearray(
                b"".join(
                    bytes(source.at(i * size[0] // width, j * size[1] // height))
                    for j in range(height)
                    for i in range(width)
                )
            )
        image.width, image.height = width, height

    def gimp_file_load(self, path, raw):
        try:
            width, height, data, channels = png.load(path)
        except EnvironmentError as failure:
            raise error(str(failure))
        image = Image(width, height, RGB)
        layer = Layer(image, path, width, height, channels == 4)
        for channel in range(channels):
            layer.data[channel::4] = data[channel::channels]
        image.layers.append(layer)
        return image

    def file_png_save2(self, image, layer, path, raw, *settings):
        assert len(settings) == 9 and image.base_type != INDEXED and not layer.mask
        data = bytearray(layer.data)
        if not layer.has_alpha:
            data = bytearray(layer.width * layer.height * 3)
            for channel in range(3):
                data[channel::3] = layer.data[channel::4]
        png.save(path, layer.width, layer.height, data, 4 if layer.has_alpha else 3)

    def gimp_progress_set_text(self, text):
        progress.append(text.decode("utf-8"))

    def gimp_progress_pulse(self):
        pass

    def gimp_context_push(self):
        pass

    gimp_context_pop = gimp_context_push

    def gimp_context_set_interpolation(self, kind):
        pass


pdb = Procedures()


def delete(image):
    image.valid = False


def message(text):
    messages.append(text.decode("utf-8"))


def progress_init(text):
    progress.append(text.decode("utf-8"))


def progress_update(fraction):
    progress.append(fraction)


def displays_flush():
    pass


def Display(image):
    displays.append(image)
