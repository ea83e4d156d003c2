"""The filter in the real GIMP 3, without a window: all kinds of images, their masks and colour profiles."""

import numpy as np
import pytest
from painted import array, turned

pytestmark = pytest.mark.gimp


@pytest.fixture(scope="module")
def gimp(start_gimp, small_engine, notes):
    return start_gimp(small_engine(notes))


@pytest.mark.parametrize(
    ("kind", "alpha", "precision", "bits"),
    [
        ("RGB", False, "U8_NON_LINEAR", 8),
        ("RGB", True, "U8_LINEAR", 8),
        ("GRAY", True, "U8_NON_LINEAR", 8),
        ("GRAY", False, "U16_LINEAR", 16),
        ("RGB", True, "U16_NON_LINEAR", 16),
        ("RGB", True, "FLOAT_LINEAR", 16),
        ("RGB", False, "HALF_NON_LINEAR", 16),
        ("RGB", True, "U32_NON_LINEAR", 16),
        ("GRAY", True, "U32_LINEAR", 16),
        ("GRAY", True, "FLOAT_NON_LINEAR", 16),
        ("RGB", False, "DOUBLE_LINEAR", 16),
    ],
)
def test_kinds_of_images(kind, alpha, precision, bits, gimp, last_note):
    before, after, names, same = gimp.do(
        """
image = new_image(kind, precision=precision)
layer = new_layer(image, alpha=alpha)
before = pixels(layer)
painted, where = run_filter(image, layer)
result = [before, pixels(painted), tree(image), pixels(layer) == before]
image.delete()
""",
        kind=kind,
        alpha=alpha,
        precision=precision,
    )
    (place, source), (place_after, painted) = array(before), array(after)
    assert names == ["Neural Style: Starry Night", "source"] and same
    assert place == place_after
    # Eight linear bits are few for the darks: one step of theirs is several of ours.
    assert np.abs(painted - turned(source)).max() <= {"U8_LINEAR": 6, "U8_NON_LINEAR": 0}.get(precision, 1)
    assert np.array_equal(painted[..., 3], source[..., 3])
    assert last_note()["content"] == [60, 40, bits, alpha]


INDEXED = """
image = new_image()
layer = new_layer(image, alpha=alpha)
image.convert_indexed(Gimp.ConvertDitherType.NONE, Gimp.ConvertPaletteType.GENERATE, 32, False, False, "")
before = pixels(layer)
painted, where = run_filter(image, layer, result=outcome)
result = [before, pixels(painted), image.get_base_type().value_nick, where.get_base_type().value_nick]
image.delete()
"""


@pytest.mark.parametrize("alpha", [False, True])
def test_indexed_is_converted_with_a_notice(alpha, gimp):
    said = gimp.output().count("converted to RGB")
    before, after, kind, _ = gimp.do(INDEXED, alpha=alpha, outcome="new-layer")
    assert kind == "rgb"
    source, painted = array(before)[1], array(after)[1]
    assert np.array_equal(painted[..., 3], source[..., 3])
    seen = source[..., 3] > 0
    assert np.array_equal(painted[seen], turned(source)[seen])
    assert gimp.output().count("converted to RGB") == said + 1


def test_indexed_stays_where_the_painting_is_an_image_of_its_own(gimp):
    said = gimp.output().count("converted to RGB")
    before, after, kind, new_kind = gimp.do(INDEXED, alpha=False, outcome="new-image")
    assert (kind, new_kind) == ("indexed", "rgb")
    assert np.array_equal(array(after)[1], turned(array(before)[1]))
    assert gimp.output().count("converted to RGB") == said


@pytest.mark.parametrize("outcome", ["new-layer", "new-image"])
def test_colour_profiles(outcome, gimp):
    """The engine is given sRGB, and what it paints looks the same in the image's own colours."""
    before, raw, after, resolution = gimp.do(
        """
image = new_image(precision="U16_NON_LINEAR")
image.set_resolution(144, 144)
layer = new_layer(image)
image.set_color_profile(Gimp.ColorProfile.new_rgb_adobe())
raw = layer.get_buffer().get(Gegl.Rectangle.new(0, 0, 60, 40), 1.0, None, Gegl.AbyssPolicy.NONE)
before = pixels(layer)
painted, where = run_filter(image, layer, result=outcome)
result = [before, [value >> 8 for value in memoryview(bytes(raw)).cast("H")], pixels(painted),
          where.get_resolution()[1:]]
image.delete()
""",
        outcome=outcome,
    )
    source, painted = array(before)[1], array(after)[1]
    assert np.abs(np.array(raw).reshape(40, 60, 3) - source[..., :3]).max() > 10  # it is no sRGB
    assert np.abs(painted - turned(source)).max() <= 1
    assert list(resolution) == [144, 144]


def test_layer_masks_are_kept_and_meet_the_selection(gimp):
    masks = gimp.do("""
result = []
for selected in (False, True):
    image = new_image()
    layer = new_layer(image)
    layer.add_mask(layer.create_mask(Gimp.AddMaskType.WHITE))
    put(layer.get_mask(), bytes(range(20, 80)) * 40, "Y u8")
    if selected:
        image.select_rectangle(Gimp.ChannelOps.REPLACE, 10, 0, 40, 40)
        put(image.get_selection(), (bytes(10) + bytes([128] * 40) + bytes(10)) * 40, "Y u8")
    painted, where = run_filter(image, layer.get_mask())
    result.append([pixels(painted.get_mask(), "Y u8"), pixels(layer.get_mask(), "Y u8")])
    image.delete()
""")
    (whole, source), (part, _) = ([array(answer)[1][..., 0] for answer in pair] for pair in masks)
    assert np.array_equal(whole, source) and list(source[0]) == list(range(20, 80))
    assert part.shape == (40, 40)
    assert np.array_equal(part, (source[:, 10:50] * 128 + 127) // 255)


def test_masks_of_deep_images_are_as_deep(gimp):
    worst, least = gimp.do("""
from array import array
image = new_image(precision="FLOAT_LINEAR")
layer = new_layer(image)
layer.add_mask(layer.create_mask(Gimp.AddMaskType.WHITE))
values = array("f", [(row * 60 + column) / 2400 for row in range(40) for column in range(60)])
put(layer.get_mask(), values.tobytes(), "Y float")
image.select_rectangle(Gimp.ChannelOps.REPLACE, 0, 0, 60, 40)
put(image.get_selection(), array("f", [0.25] * 2400).tobytes(), "Y float")
painted, where = run_filter(image, layer)
area = Gegl.Rectangle.new(0, 0, 60, 40)
data = painted.get_mask().get_buffer().get(area, 1.0, "Y float", Gegl.AbyssPolicy.NONE)
found = array("f", bytes(data))
result = [max(abs(one - other / 4) for one, other in zip(found, values)), len(set(found))]
image.delete()
""")
    assert worst < 1e-5 and least == 2400


def test_the_selection_is_that_of_the_call(gimp):
    """A painting takes minutes, in which its user selects something else."""
    mask = gimp.do(
        """
import sys
sys.path.insert(0, folder)
import layers
image = new_image()
layer = new_layer(image)
image.select_rectangle(Gimp.ChannelOps.REPLACE, 10, 0, 20, 40)
part = layers.part_to_paint(image, [layer])
Gimp.Selection.none(image)
painted = new_layer(image, width=20)
layers.mask(painted, part)
result = pixels(painted.get_mask(), "Y u8")
image.delete()
""",
        folder=str(gimp.profile / "plug-ins" / "impasto"),
    )
    values = array(mask)[1]
    assert values.shape[:2] == (40, 20) and values.min() == 255
