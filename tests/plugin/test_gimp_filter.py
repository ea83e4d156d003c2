"""The filter in the real GIMP 3, without a window: what it paints, and where that lands.

The small engine turns colours round, so each pixel of a result can be told beforehand.
"""

import numpy as np
import pytest
from gimp_root import configure
from painted import array, turned

pytestmark = pytest.mark.gimp


@pytest.fixture(scope="module")
def gimp(start_gimp, small_engine, notes):
    return start_gimp(small_engine(notes))


def test_is_in_the_menu_with_all_its_arguments(gimp):
    names, paths, label = gimp.do("""
procedure = Gimp.get_pdb().lookup_procedure("impasto-neural-style")
names = [argument.name for argument in procedure.get_arguments()]
result = [names, procedure.get_menu_paths(), procedure.get_menu_label()]
""")
    assert paths == ["<Image>/Filters/Artistic"] and label == "_Neural Style…"
    style = ["-from", "-name", "-file", "-layer", "-image"]
    assert names == [
        *("run-mode", "image", "drawables"),
        *(f"style{end}" for end in style),
        *(f"second{end}" for end in style),
        *("mix", "strength", "style-scale", "colours", "method", "size-limit", "steps", "seed", "result"),
    ]


def test_a_selection_becomes_the_mask(gimp, last_note):
    before, after, mask, selection, kept = gimp.do("""
image = new_image(width=80, height=60)
layer = new_layer(image, width=60, height=40, x=10, y=-6, alpha=True)
image.select_ellipse(Gimp.ChannelOps.REPLACE, 25, 4, 30, 20)
Gimp.Selection.feather(image, 6)
selection = pixels(image.get_selection(), "Y u8")
before = pixels(layer)
painted, where = run_filter(image, layer)
result = [before, pixels(painted), pixels(painted.get_mask(), "Y u8"), selection,
          pixels(image.get_selection(), "Y u8") == selection]
image.delete()
""")
    _, source = array(before)
    (x, y), painted = array(after)
    height, width = painted.shape[:2]
    _, chosen = array(selection)
    assert kept
    assert (width, height) < (60, 40) and last_note()["content"][:2] == [width, height]
    assert np.array_equal(painted, turned(source[y + 6 : y + 6 + height, x - 10 : x - 10 + width]))
    assert np.array_equal(array(mask)[1], chosen[max(0, y) : y + height, x : x + width])
    outside = chosen.copy()
    outside[max(0, y) : y + height, x : x + width] = 0
    assert outside[:34, 10:70].max() == 0  # nothing selected on the layer was left out
    assert set(np.unique(chosen)) > {0, 255}  # it was feathered


def test_layers_beyond_the_canvas_groups_and_their_order(gimp):
    big, group_before, group_after, names = gimp.do("""
image = new_image()
below = new_layer(image, name="below")
group = Gimp.GroupLayer.new(image, "group")
image.insert_layer(group, None, 0)
inner = new_layer(image, width=90, height=70, x=-20, y=-15, parent=group, name="inner")
above = new_layer(image, width=40, height=30, x=50, y=35, alpha=True, parent=group, name="above")
before = pixels(inner)
painted, where = run_filter(image, inner)
big = [before, pixels(painted)]
image.remove_layer(painted)
before = pixels(group)
painted, where = run_filter(image, group)
run_filter(image, inner)
result = [big, before, pixels(painted), tree(image)]
image.delete()
""")
    (place, source), (place_after, painted) = map(array, big)
    assert place == place_after == (-20, -15)
    assert np.array_equal(painted, turned(source))
    (place, source), (place_after, painted) = array(group_before), array(group_after)
    assert place == place_after == (-20, -15) and source.shape == (80, 110, 4)
    seen = source[..., 3] > 0
    assert np.array_equal(painted[..., 3], source[..., 3])
    assert np.abs(painted - turned(source))[seen].max() <= 1
    assert names == [
        "Neural Style: Starry Night",
        ["group", ["above", "Neural Style: Starry Night #1", "inner"]],
        "below",
    ]


def test_the_size_limit_is_painted_small_and_enlarged(gimp, last_note):
    before, after = gimp.do("""
image = new_image(width=120, height=80)
layer = new_layer(image, width=120, height=80, alpha=True)
painted, where = run_filter(image, layer, size_limit=60)
result = [pixels(layer), pixels(painted)]
image.delete()
""")
    assert last_note()["settings"]["size"] == 60
    gimp.do("""
image = new_image(width=120, height=80)
run_filter(image, new_layer(image, width=120, height=80), size_limit=0)
""")
    assert last_note()["settings"]["size"] == 120  # no limit
    source, painted = array(before)[1], array(after)[1]
    assert painted.shape == source.shape
    assert np.array_equal(painted[..., 3], source[..., 3])  # not through two resizings
    ramp = (slice(8, -8), slice(8, 68), 0)  # red rises evenly there: halving and doubling keep it
    assert np.abs(painted - turned(source))[ramp].max() <= 3


@pytest.mark.parametrize(("width", "height", "size"), [(2000, 20, 1600), (18, 1900, 1689), (600, 16, 600)])
def test_a_banner_is_painted_as_large_as_its_short_side_needs(width, height, size, gimp, last_note):
    painted = gimp.do(
        """
image = new_image(width=width, height=height)
painted, where = run_filter(image, new_layer(image, width=width, height=height), size_limit=256)
result = [painted.get_width(), painted.get_height()]
image.delete()
""",
        width=width,
        height=height,
    )
    assert painted == [width, height] and last_note()["settings"]["size"] == size


@pytest.mark.parametrize("colours", ["style", "keep", "match"])
def test_settings_reach_the_engine(colours, gimp, last_note):
    gimp.do(
        """
image = new_image()
run_filter(image, new_layer(image), style_name="udnie", strength=35, style_scale=2, colours=colours,
           method="optimise", size_limit=48, steps=12, seed=7)
""",
        colours=colours,
    )
    note = last_note()
    assert note["styles"] == ["udnie"] and note["blend"] is None
    expected = {"strength": 0.35, "style_scale": 2, "colours": colours, "size": 48, "steps": 12, "seed": 7}
    assert {key: note["settings"][key] for key in expected} == expected


def test_methods_are_those_that_the_engine_has(gimp, small_engine, notes, last_note):
    code = """
image = new_image()
layer = new_layer(image)
answer = run_filter(image, layer, style_name=style, method=method)
result = [str(answer[0]), str(answer[1])]
"""
    gimp.do(code, style="udnie", method="optimise")
    assert last_note()["method"] is None  # an engine that has but one does not know the key
    configure(gimp.profile, small_engine(notes, "new"))
    for style, method, expected in (
        ("udnie", "auto", "instant"),
        ("udnie", "instant", "instant"),
        ("starry_night", "auto", "optimise"),
        ("udnie", "optimise", "optimise"),
    ):
        gimp.do(code, style=style, method=method)
        assert last_note()["method"] == expected
    for style, method in (("starry_night", "instant"), ("udnie", "refine")):
        status, message = gimp.do(code, style=style, method=method)
        assert status == "execution-error" and "by the method" in message
        assert "“Optimised" in message  # in the dialog's words
    configure(gimp.profile, small_engine(notes))


def test_styles_from_files_layers_and_images(gimp, last_note, pictures):
    gimp.do(
        """
image = new_image()
layer = new_layer(image)
red, blue = (new_layer(image, width=32, height=24, x=90) for _ in range(2))
put(red, bytes([200, 0, 0, 255]) * 32 * 24)
other = new_image(width=30, height=20)
put(new_layer(other, width=30, height=20), bytes([0, 0, 200, 255]) * 30 * 20)
run_filter(image, layer, style_from="layer", style_layer=red, second_from="image", second_image=other, mix=30)
"""
    )
    note = last_note()
    assert note["blend"] == [0.7, 0.3] and len(note["styles"]) == 2
    means = [note["means"][style] for style in note["styles"]]
    assert np.allclose(means, [[0.784, 0, 0], [0, 0, 0.784]], atol=0.002)
    gimp.do(
        """
run_filter(image, layer, style_from="file", style_file=Gio.File.new_for_path(path), second_from="gallery",
           second_name="udnie", mix=0)
""",
        path=str(pictures / "dots.png"),
    )
    assert last_note()["styles"] == [str(pictures / "dots.png")]  # nothing of the second at a mix of 0
    status, message = gimp.do('result = run_filter(image, layer, style_from="file")')
    assert status == "execution-error" and "Choose the picture file" in message
    status, message = gimp.do('result = run_filter(image, layer, style_from="layer")')
    assert status == "execution-error" and "Choose the open layer" in message


def test_results_as_an_image_and_as_steps(gimp):
    names, other, source, painted, steps, visible = gimp.do("""
image = new_image("GRAY")
layer = new_layer(image)
painted, where = run_filter(image, layer, result="new-image")
names = [tree(image), tree(where)]
other = [where.get_base_type().value_nick, where.get_width(), where.get_height(), where.undo_is_enabled()]
new = pixels(painted)
final, _ = run_filter(image, layer, result="steps")
group = final.get_parent()
result = [names, other, pixels(layer), new, tree(image), [one.get_visible() for one in group.get_children()]]
""")
    assert names == [["source"], ["Neural Style: Starry Night"]]
    assert other == ["rgb", 60, 40, True]
    assert np.array_equal(array(painted)[1], turned(array(source)[1]))
    [title, children], last = steps
    assert (title, children[0], last) == ("Neural Style: Starry Night", "Finished", "source")
    assert children[1:] == [f"Step {step}" for step in (5, 4, 3, 2, 1)]
    assert visible == [True, False, False, False, False, False]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("run_filter(image, [layer, new_layer(image)])", "Select one layer"),
        ("run_filter(image, new_layer(image, width=15, height=40))", "too small"),
        (
            "(Gimp.Selection.all(image), layer.set_offsets(500, 0), run_filter(image, layer))[-1]",
            "lies outside",
        ),
        ("run_filter(image, image.get_selection())", "Select a layer"),
        ("run_filter(image, layer, method='instant')", "by the method"),
    ],
)
def test_what_cannot_be_painted_is_told(code, expected, gimp):
    status, message, names = gimp.do(
        """
image = new_image()
layer = new_layer(image)
answer = eval(code, globals())
result = [*answer, tree(image)]
""",
        code=code,
    )
    assert status == "execution-error" and expected in message
    assert not any("Neural" in str(name) for name in names)
