"""The filter for GIMP 2.10 in the real Python 2.7, with a stand-in for GIMP or in GIMP itself."""

import subprocess
import sys

import numpy as np
import pytest
from gimp2_sessions import OldGimp, StandIn, engine_words, find_python2
from gimp_root import configure, host_python, running
from painted import array, turned


@pytest.fixture(
    scope="module",
    params=["stand-in", pytest.param("real", marks=pytest.mark.gimp)],
    ids=["stand-in", "real"],
)
def place(request, tmp_path_factory):
    """What starts a GIMP 2.10: `place(engine)`, and the Python that the engine runs in."""
    started = []
    folder = tmp_path_factory.mktemp
    if request.param == "real":
        root = request.getfixturevalue("old_root")
        python = host_python(folder("python"))
    else:
        if not find_python2():
            pytest.skip("There is no Python 2.7 here, neither on the PATH nor pyenv's.")
        root, python = None, host_python(folder("python"), inside=False)

    def start(engine):
        started.append(OldGimp(root, folder("gimp"), engine) if root else StandIn(folder("gimp"), engine))
        started[-1].do("GALLERY = 0")
        return started[-1]

    start.words = lambda notes, *fault: engine_words(notes, *fault, python=python)
    start.engine = [str(python), "-P", "-m", "impasto.core.cli", "engine"]
    yield start
    for gimp in started:
        gimp.close()


@pytest.fixture(scope="module")
def gimp(place, notes):
    return place(place.words(notes))


@pytest.mark.parametrize("alpha", [False, True])
def test_a_layer_is_painted_above_itself(alpha, gimp, last_note):
    before, after, names, same = gimp.do(
        """
image = new_image(80, 70)
below = new_layer(image, name="below")
layer = new_layer(image, x=-5, y=8, alpha=alpha)
before = pixels(layer)
painted, where = run_filter(image, layer)
result = [before, pixels(painted), tree(image), pixels(layer) == before and where == image]
""",
        alpha=alpha,
    )
    (place, source), (place_after, painted) = array(before), array(after)
    assert names == ["Neural Style: Starry Night", "source", "below"] and same
    assert place == place_after == (-5, 8)
    assert np.array_equal(painted, turned(source))
    assert last_note()["content"] == [60, 40, 8, alpha]


def test_settings_and_a_second_style_reach_the_engine(gimp, last_note):
    gimp.do("""
image = new_image()
layer = new_layer(image)
red = new_layer(image, width=32, height=24, x=90)
put(red, bytearray([200, 0, 0, 255]) * 32 * 24)
other = new_image(30, 20)
put(new_layer(other, width=30, height=20), bytearray([0, 0, 200, 255]) * 30 * 20)
run_filter(image, layer, style_from=2, style_layer=red, second_from=4, second_image=other, mix=30,
           strength=35, style_scale=2, colours=1, method=3, size_limit=48, steps=12, seed=7)
""")
    note = last_note()
    expected = {"strength": 0.35, "style_scale": 2, "colours": "keep", "size": 48, "steps": 12, "seed": 7}
    assert {key: note["settings"][key] for key in expected} == expected
    assert note["blend"] == [0.7, 0.3]
    means = [note["means"][style] for style in note["styles"]]
    assert np.allclose(means, [[0.784, 0, 0], [0, 0, 0.784]], atol=0.002)
    gimp.do("run_filter(image, layer, style_name=1)")
    assert last_note()["styles"] == ["udnie"]


def test_the_selection_and_the_layers_mask_become_the_mask(gimp, last_note):
    before, after, mask = gimp.do("""
image = new_image()
layer = new_layer(image)
layer.add_mask(layer.create_mask(ADD_WHITE_MASK))
put(layer.mask, bytearray(range(120, 240, 2)) * 40)
select(image, 10, 4, 40, 20, 128)
painted, where = run_filter(image, layer.mask)
result = [pixels(layer), pixels(painted), pixels(painted.mask)]
""")
    (_, source), (place, painted) = array(before), array(after)
    assert place == (10, 4) and last_note()["content"][:2] == [40, 20]
    assert np.array_equal(painted, turned(source[4:24, 10:50]))
    expected = np.tile((np.arange(140, 220, 2) * 128 + 127) // 255, (20, 1))
    # GIMP keeps masks linear, and this test sees them with sRGB's curve: a step in the darks is many there.
    assert np.abs(linear(array(mask)[1][..., 0]) - linear(expected)).max() <= 2


@pytest.mark.parametrize(
    "code",
    [
        "run_filter(image, empty)",
        "(select(image, 0, 0, 20, 40), run_filter(image, half))[-1]",
        "run_filter(image, layer, style_from=2, style_layer=empty)",
        "run_filter(image, layer, style_from=3, style_image=nothing)",
    ],
)
def test_where_nothing_is_seen_nothing_is_painted(code, gimp):
    status, same, messages = gimp.do(
        """
image = new_image()
layer = new_layer(image)
empty, half = new_layer(image, alpha=True, name="empty"), new_layer(image, alpha=True, name="half")
put(empty, bytearray([10, 20, 30, 0]) * 60 * 40)
put(half, (bytearray([10, 20, 30, 0]) * 30 + bytearray([10, 20, 30, 255]) * 30) * 40)
nothing = new_image()
put(new_layer(nothing, alpha=True), bytearray([10, 20, 30, 0]) * 60 * 40)
before = tree(image)
if not REAL:
    del gimp.messages[:]
status = eval(code, globals())[0]
result = [status, tree(image) == before, None if REAL else gimp.messages]
""",
        code=code,
    )
    assert status == "error" and same
    assert messages is None or (len(messages) == 1 and "empty" in messages[0])


@pytest.mark.parametrize("precision", ["U16_LINEAR", "U32_GAMMA", "HALF_LINEAR", "FLOAT_GAMMA"])
def test_masks_of_deep_images(precision, gimp):
    if not gimp.real:
        pytest.skip("The stand-in has images of 8 bits.")
    masks = gimp.do(
        """
# From here on GIMP gives this plug-in masks as they are, linear, and not with sRGB's curve.
pdb.gimp_image_convert_precision(new_image(), PRECISION_U16_GAMMA)
result = []
for selected in (False, True):
    image = new_image()
    layer = new_layer(image)
    layer.add_mask(layer.create_mask(ADD_WHITE_MASK))
    put(layer.mask, bytearray(range(120, 240, 2)) * 40)
    if selected:
        select(image, 0, 0, 60, 40, 128)
    pdb.gimp_image_convert_precision(image, eval("PRECISION_" + precision))
    painted = run_filter(image, layer)[0]
    pdb.gimp_image_convert_precision(image, PRECISION_U8_GAMMA)
    result += [pixels(painted.mask)]
""",
        precision=precision,
    )
    own, both = (array(mask)[1][20, :, 0] for mask in masks)
    assert np.array_equal(own, np.arange(120, 240, 2))
    assert np.abs(both - np.arange(120, 240, 2) * 128 / 255).max() <= 1


def test_a_selection_at_the_canvas_border(gimp):
    """It is narrow, so more of the layer is painted: of that, what lies beyond the canvas is not selected."""
    places, masks = gimp.do("""
image = new_image()
layer = new_layer(image, x=-30)
select(image, 0, 0, 4, 40)
answers = [run_filter(image, layer)[0], run_filter(image, layer, result=1)[0]]
result = [[one.offsets for one in answers], [pixels(one.mask) for one in answers]]
""")
    assert places[0][0] < 0
    for mask in masks:
        row = array(mask)[1][20, :, 0]
        assert [bool(value) for value in row] == [0 <= x + places[0][0] < 4 for x in range(len(row))]


@pytest.mark.parametrize("kind", ["grey", "indexed", "16 bits"])
def test_other_kinds_of_images(kind, gimp, last_note):
    if not gimp.real:
        pytest.skip("The stand-in has RGB images of 8 bits.")
    before, after, names, types = gimp.do(
        """
image = new_image()
layer = new_layer(image)
if kind == "grey":
    pdb.gimp_image_convert_grayscale(image)
elif kind == "indexed":
    pdb.gimp_image_convert_indexed(image, 0, 0, 32, False, False, "")
else:
    pdb.gimp_image_convert_precision(image, PRECISION_U16_GAMMA)
types = [image.base_type, pdb.gimp_image_get_precision(image)]
shown = image.duplicate()
run_filter(image, layer)
types += [image.base_type, pdb.gimp_image_get_precision(image)]
names = tree(image)
for one in (image, shown):
    if one.base_type != RGB:
        pdb.gimp_image_convert_rgb(one)
    if kind == "16 bits":
        pdb.gimp_image_convert_precision(one, PRECISION_U8_GAMMA)
result = [pixels(shown.layers[0]), pixels(image.layers[0]), names, types]
""",
        kind=kind,
    )
    assert names == ["Neural Style: Starry Night", "source"]
    assert np.abs(array(after)[1] - turned(array(before)[1])).max() <= 1
    assert last_note()["content"] == [60, 40, 16 if kind == "16 bits" else 8, False]
    assert types[1] == types[3] and (types[0] == types[2]) == (kind != "indexed")
    if kind == "indexed":
        assert "converted to RGB" in gimp.output()


def linear(values):
    """sRGB values of 0-255 without their curve (IEC 61966-2-1)."""
    values = values / 255
    return 255 * np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def test_groups_steps_images_and_a_size_limit(gimp, last_note):
    names, new, visible, other, size = gimp.do("""
image = new_image()
group = pdb.gimp_layer_group_new(image)
group.name = "group"
pdb.gimp_image_insert_layer(image, group, None, 0)
layer = new_layer(image, parent=group)
final, _ = run_filter(image, layer, result=2)
steps = pdb.gimp_item_get_parent(final)
painted, where = run_filter(image, layer, result=1)
big, _ = run_filter(image, layer, size_limit=30)
result = [tree(image), tree(where), [one.visible for one in steps.layers],
          [where.width, where.height, where.base_type], [big.width, big.height]]
""")
    [[_group, [[title, steps], big, source]]] = names
    assert (title, source) == ("Neural Style: Starry Night", "source") and big.startswith(title)
    assert steps == ["Finished", *(f"Step {step}" for step in (5, 4, 3, 2, 1))]
    assert visible == [True] + [False] * 5
    assert new == ["Neural Style: Starry Night"] and other == [60, 40, 0]
    assert size == [60, 40] and last_note()["settings"]["size"] == 30


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("nonsense", "makes no sense"),
        ("size", "30×20 ≠ 60×40"),
        ("nothing", "makes no sense"),
        ("dies", "stopped unexpectedly"),
        ("memory", "not enough memory"),
        ("absent", "No module named impasto"),
        ("missing", "impasto gimp install"),
    ],
)
def test_a_failure_is_one_message_and_leaves_the_image(fault, expected, gimp, place, notes):
    configure(gimp.profile, None if fault == "missing" else place.words(notes, fault))
    status, same, messages = gimp.do("""
image = new_image()
layer = new_layer(image)
before = pixels(layer)
if not REAL:
    del gimp.messages[:]
status = run_filter(image, layer)[0]
result = [status, tree(image) == ["source"] and pixels(layer) == before, None if REAL else gimp.messages]
""")
    configure(gimp.profile, place.words(notes))
    assert status == "error" and same
    assert running(str(notes)) == []
    if messages is None:
        assert expected in gimp.output()
    else:
        assert len(messages) == 1 and expected in messages[0] and "Traceback" not in messages[0]


def test_the_real_engine_paints_the_same_as_the_command_line(place, tmp_path):
    """Pixel for pixel: what GIMP shows is what `impasto stylize` paints from the same picture.

    In a process of its own as well: what TensorFlow has compiled before may round otherwise, and Adam's first
    steps make strokes of that.
    """
    from PIL import Image

    gimp = place(place.engine)
    before, after = gimp.do("""
image = new_image(64, 48)
layer = new_layer(image, 64, 48)
painted, where = run_filter(image, layer, style_name=1, strength=70, method=3, steps=6, size_limit=64, seed=3)
result = [pixels(layer), pixels(painted)]
""")
    (_, photo), (_, painted) = array(before), array(after)
    Image.fromarray(photo[..., :3].astype("uint8")).save(tmp_path / "photo.png")
    options = ["--method", "optimise", "--strength", "0.7", "--steps", "6", "--size", "64", "--seed", "3"]
    words = ["stylize", tmp_path / "photo.png", "udnie", "-o", tmp_path / "out.png", *options]
    subprocess.run([sys.executable, "-P", "-m", "impasto.core.cli", *words], check=True)
    with Image.open(tmp_path / "out.png") as picture:
        expected = np.array(picture.convert("RGB"), int)
    assert np.abs(expected - photo[..., :3]).max() > 25  # it was painted at all
    assert np.abs(expected - painted[..., :3]).max() <= 1
