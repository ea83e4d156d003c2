"""The filter in the real GIMP 3, without a window: layers with effects are painted as they are seen."""

import numpy as np
import pytest
from painted import array, turned

pytestmark = pytest.mark.gimp

# What a user sees, by GIMP's own projection: a copy of the image with all that is visible merged.
EFFECTS = """
def effect(layer, operation, **settings):
    found = Gimp.DrawableFilter.new(layer, "gegl:" + operation, "")
    for name, value in settings.items():
        found.get_config().set_property(name.replace("_", "-"), value)
    found.update()
    layer.append_filter(found)
    return found

def shown(image):
    copy = image.duplicate()
    seen = pixels(copy.merge_visible_layers(Gimp.MergeType.EXPAND_AS_NECESSARY))
    copy.delete()
    return seen
"""


@pytest.fixture(scope="module")
def gimp(start_gimp, small_engine, notes):
    started = start_gimp(small_engine(notes))
    started.do(EFFECTS)
    return started


@pytest.mark.parametrize(
    ("kind", "alpha", "precision"),
    [
        ("RGB", False, "U8_NON_LINEAR"),
        ("RGB", True, "U8_NON_LINEAR"),
        ("GRAY", True, "U8_NON_LINEAR"),
        ("RGB", False, "U16_NON_LINEAR"),
        ("RGB", True, "FLOAT_LINEAR"),
    ],
)
def test_a_layer_is_painted_as_it_is_seen(kind, alpha, precision, gimp):
    raw, seen, painted, kept = gimp.do(
        """
image = new_image(kind, precision=precision)
layer = new_layer(image, alpha=alpha)
raw = pixels(layer)
effect(layer, "invert-gamma")
seen = shown(image)
painted, where = run_filter(image, layer)
result = [raw, seen, pixels(painted), [len(layer.get_filters()), pixels(layer) == raw, tree(image),
                                       len(Gimp.get_images())]]
image.delete()
""",
        kind=kind,
        alpha=alpha,
        precision=precision,
    )
    seen, painted = array(seen)[1], array(painted)[1]
    assert np.abs(seen - array(raw)[1]).max() > 100  # the effect is seen
    assert np.abs(painted - turned(seen)).max() <= 1
    assert kept[:3] == [1, True, ["Neural Style: Starry Night", "source"]]  # the layer keeps its effect
    assert kept[3] == 1  # nothing is left of the copy


def test_an_effect_that_is_switched_off_or_blended(gimp):
    raw, off, half, seen = gimp.do("""
image = new_image()
layer = new_layer(image)
raw = pixels(layer)
one = effect(layer, "invert-gamma")
one.set_visible(False)
off = pixels(run_filter(image, layer, result="new-image")[0])
one.set_visible(True)
one.set_opacity(0.25)
one.update()
result = [raw, off, pixels(run_filter(image, layer, result="new-image")[0]), shown(image)]
""")
    raw, off, half, seen = (array(answer)[1] for answer in (raw, off, half, seen))
    assert np.array_equal(off, turned(raw))
    assert np.abs(half - turned(seen)).max() <= 1 and np.abs(half - off).max() > 20


def test_what_is_seen_beyond_the_layers_border_is_painted(gimp):
    """A shadow makes the layer larger; the painting lies where the shadow is seen."""
    seen, painted, size = gimp.do("""
image = new_image(width=120, height=120)
layer = new_layer(image, x=30, y=20)
effect(layer, "dropshadow", x=20.0, y=10.0, radius=2.0)
seen = shown(image)
painted, where = run_filter(image, layer)
result = [seen, pixels(painted), [layer.get_width(), layer.get_height()]]
""")
    (place, seen), (place_after, painted) = array(seen), array(painted)
    height, width = painted.shape[:2]
    assert width > size[0] and height > size[1]
    left, top = place_after[0] - place[0], place_after[1] - place[1]
    part = seen[top : top + height, left : left + width]
    assert np.array_equal(painted[..., 3], part[..., 3])
    assert (seen[..., 3] > 0).sum() == (part[..., 3] > 0).sum()  # nothing of what is seen lies beside it


def test_a_selection_and_a_mask_with_effects(gimp, last_note):
    seen, painted, mask = gimp.do("""
image = new_image(width=100, height=80)
layer = new_layer(image, x=12, y=9)
effect(layer, "invert-gamma")
seen = shown(image)
layer.add_mask(layer.create_mask(Gimp.AddMaskType.WHITE))
put(layer.get_mask(), bytes(range(20, 80)) * 40, "Y u8")
image.select_rectangle(Gimp.ChannelOps.REPLACE, 22, 19, 30, 20)
painted, where = run_filter(image, layer)
result = [seen, pixels(painted), pixels(painted.get_mask(), "Y u8")]
""")
    (place, seen), (place_after, painted) = array(seen), array(painted)
    assert place_after == (22, 19) and last_note()["content"][:2] == [30, 20]
    left, top = place_after[0] - place[0], place_after[1] - place[1]
    assert np.abs(painted[..., :3] - turned(seen[top : top + 20, left : left + 30])[..., :3]).max() <= 1
    assert np.array_equal(array(mask)[1][0, :, 0], np.arange(30, 60))


@pytest.mark.parametrize("inner", [False, True])
@pytest.mark.parametrize("outer", [False, True])
def test_groups_with_effects(inner, outer, gimp):
    seen, painted, kept = gimp.do(
        """
image = new_image(width=100, height=80)
group = Gimp.GroupLayer.new(image, "group")
image.insert_layer(group, None, 0)
layer = new_layer(image, x=12, y=9, parent=group)
other = new_layer(image, x=20, y=15, width=20, height=20, parent=group, name="other")
if inner:
    effect(layer, "invert-gamma")
if outer:
    effect(group, "gaussian-blur", std_dev_x=3.0, std_dev_y=3.0)
seen = shown(image)
painted, where = run_filter(image, group)
result = [seen, pixels(painted), [len(layer.get_filters()), len(group.get_filters()), tree(image)]]
image.delete()
""",
        inner=inner,
        outer=outer,
    )
    (place, seen), (place_after, painted) = array(seen), array(painted)
    assert place == place_after and seen.shape == painted.shape
    visible = seen[..., 3] > 0
    assert np.array_equal(painted[..., 3], seen[..., 3])
    assert np.abs(painted - turned(seen))[visible].max() <= 1
    assert kept == [int(inner), int(outer), ["Neural Style: Starry Night", ["group", ["other", "source"]]]]


def test_texts_with_effects(gimp):
    seen, painted = gimp.do("""
image = new_image(width=200, height=80)
font = Gimp.Font.get_by_name("DejaVu Sans") or Gimp.context_get_font()
layer = Gimp.TextLayer.new(image, "Words", font, 40, Gimp.Unit.pixel())
image.insert_layer(layer, None, 0)
layer.set_offsets(7, 5)
effect(layer, "invert-gamma")
seen = shown(image)
painted, where = run_filter(image, layer)
result = [seen, pixels(painted)]
""")
    (place, seen), (place_after, painted) = array(seen), array(painted)
    assert place == place_after and np.array_equal(painted[..., 3], seen[..., 3])
    solid = seen[..., 3] == 255
    assert solid.any() and np.abs(painted - turned(seen))[solid].max() <= 1


def test_styles_are_what_is_seen(gimp, last_note):
    means = {}
    for kind in ("layer", "image"):
        gimp.do(
            """
image = new_image()
layer = new_layer(image)
other = new_image(width=32, height=24)
red = new_layer(other, width=32, height=24)
put(red, bytes([200, 0, 0, 255]) * 32 * 24)
effect(red, "invert-gamma")
run_filter(image, layer, style_from=kind, **{"style_" + kind: red if kind == "layer" else other})
""",
            kind=kind,
        )
        note = last_note()
        means[kind] = note["means"][note["styles"][0]]
    assert np.allclose(list(means.values()), [[55 / 255, 1, 1]] * 2, atol=0.002)


@pytest.mark.parametrize(
    "code",
    [
        "run_filter(image, layer)",  # transparent all over
        "(effect(layer, 'invert-gamma'), run_filter(image, layer))[-1]",
        "run_filter(image, group)",  # without a layer in it
        "(image.select_rectangle(Gimp.ChannelOps.REPLACE, 0, 0, 20, 40), run_filter(image, half))[-1]",
        "run_filter(image, full, style_from='layer', style_layer=layer)",
        "run_filter(image, full, style_from='layer', style_layer=group)",
        "run_filter(image, full, style_from='image', style_image=nothing)",
        "run_filter(image, full, style_from='image', style_image=new_image())",  # without a layer
    ],
)
def test_where_nothing_is_seen_nothing_is_painted(code, gimp):
    status, message, same = gimp.do(
        """
image = new_image()
layer, half, full = (new_layer(image, alpha=True, name=name) for name in ("layer", "half", "full"))
put(layer, bytes([10, 20, 30, 0]) * 60 * 40)
put(half, (bytes([10, 20, 30, 0]) * 30 + bytes([10, 20, 30, 255]) * 30) * 40)
group = Gimp.GroupLayer.new(image, "group")
image.insert_layer(group, None, 0)
nothing = new_image()
put(new_layer(nothing, alpha=True), bytes([10, 20, 30, 0]) * 60 * 40)
before = tree(image)
answer = eval(code, globals())
result = [*map(str, answer), tree(image) == before]
image.delete()
""",
        code=code,
    )
    assert status == "execution-error" and "empty" in message and same


def test_what_is_partly_seen_is_painted(gimp):
    painted = gimp.do("""
image = new_image()
half = new_layer(image, alpha=True)
put(half, (bytes([10, 20, 30, 0]) * 59 + bytes([10, 20, 30, 1])) * 40)
result = pixels(run_filter(image, half)[0])
""")
    assert sorted(np.unique(array(painted)[1][..., 3])) == [0, 1]
