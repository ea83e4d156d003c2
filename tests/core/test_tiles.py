"""The gradient in tiles is the whole picture's: small networks of every kind, sizes that are no multiple."""

from dataclasses import replace

import keras
import numpy as np
import pytest

from impasto.core import backend, ways
from impasto.core.backend import to_numpy, to_tensor
from impasto.core.errors import UsageError
from impasto.core.features import Extractor
from impasto.core.losses import ContentLoss, GramLoss, MeanLoss
from impasto.core.moments import MomentsLoss
from impasto.core.objective import Objective, targets_from
from impasto.core.segments import NEXT, cut, cut_points
from impasto.core.tile_plan import Plan
from impasto.core.tiles import TiledObjective
from impasto.core.variation import TotalVariation
from impasto.models.register import find_network, keras_spelling
from impasto.models.vgg import prune

needs_tensorflow = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="TensorFlow's own")


@pytest.fixture(autouse=True)
def untraced(request, monkeypatch):
    """Operations one by one on TensorFlow, where tracing would take all the time; one test compiles."""
    if "float32" not in request.node.name:
        monkeypatch.setattr(backend, "_trace_for_any_size", lambda function: function)


def network(dtype, pooling="max"):
    """Three blocks of two convolutions with random weights."""
    keras.utils.set_random_seed(3)
    pool = keras.layers.MaxPooling2D if pooling == "max" else keras.layers.AveragePooling2D
    layers = [keras.Input((None, None, 3), dtype=dtype)]
    for block, channels in enumerate((4, 6, 8), 1):
        layers += [
            keras.layers.Conv2D(
                channels,
                3,
                padding="same",
                activation="relu",
                kernel_initializer="he_normal",
                name=f"block{block}_conv{number}",
                dtype=dtype,
            )
            for number in (1, 2)
        ]
        layers.append(pool(2, name=f"block{block}_pool", dtype=dtype))
    return keras.Sequential(layers)


def picture(height, width, seed, dtype):
    return np.random.default_rng(seed).random((1, height, width, 3)).astype(dtype) ** seed


def objectives(losses, image_losses, dtype="float64", pooling=None, first_padding="zero"):
    layers = list(dict.fromkeys(loss.layer for loss in losses))
    extractor = Extractor(network(dtype), layers, pooling=pooling, first_padding=first_padding)
    return Objective(extractor, losses, image_losses), TiledObjective(extractor, losses, image_losses)


def relative_errors(whole, tiled, plan, image, other, way="direct"):
    """Of the parts of the loss, the greatest, and of the gradient."""
    if way != "direct":
        whole = Objective(whole.extractor.in_way(way), whole.losses, whole.image_losses)
        plan = replace(plan, way=way)
    whole.targets = targets_from(whole.losses, tiled.extractor(to_tensor(other)))
    tiled.arrange(plan)
    tiled.targets = tiled.content_targets(other) | tiled.style_targets(other, plan)
    loss, parts, gradient = whole(to_tensor(image))
    own_loss, own_parts, own_gradient = tiled(image)
    assert set(parts) == set(own_parts) and float(own_loss) == pytest.approx(float(loss), rel=1e-2)
    differing = max(abs(float(own_parts[name]) / float(parts[name]) - 1) for name in parts)
    gradient = to_numpy(gradient)
    assert np.abs(gradient).max() > 0 and own_gradient.shape == image.shape
    error = np.linalg.norm(own_gradient - gradient) / np.linalg.norm(gradient)
    return differing, error


def mixed(normalise=False):
    return [
        ContentLoss("relu2_2", 2.0, "scaled"),
        ContentLoss("relu3_2", 3.0, "normalised", normalise_gradient=normalise),
        MomentsLoss("relu1_1", 1.0, "normalised"),
        GramLoss("relu1_2", 0.1, "mxnet"),
        MeanLoss("relu2_1", 1.0, normalise_gradient=normalise),
        GramLoss("relu3_1", 5.0, "scaled"),
        MomentsLoss("relu3_2", 2.0, "mean"),
    ]


@pytest.mark.parametrize(
    ("pooling", "first_padding", "size", "order"),
    [
        ("max", "replicate", (57, 43), "laplacian"),
        ("average", "zero", (43, 71), "l1"),
        ("l2", "replicate", (40, 64), "neural-style"),
        ("max", "zero", (21, 150), "l2"),
    ],
)
def test_the_gradient_is_the_whole_pictures(pooling, first_padding, size, order):
    image, other = picture(*size, 1, "float64"), picture(*size, 2, "float64")
    whole, tiled = objectives(
        mixed(), [TotalVariation(0.5, order)], pooling=pooling, first_padding=first_padding
    )
    points = tuple(cut_points(whole.extractor))
    assert len(points) == 2
    for plan in (
        Plan((), ((2, 3),), band_values=300),
        Plan(points, ((2, 3), (2, 2), (1, 2)), maps_on_disk=True, content_on_disk=True),
        Plan(points[:1], ((2, 2), (1, 1)), picture_on_disk=True),
    ):
        loss_error, gradient_error = relative_errors(whole, tiled, plan, image, other)
        assert loss_error < 1e-9 and gradient_error < 1e-9


def test_in_float32_it_is_the_whole_pictures_to_1e_5():
    image, other = picture(61, 47, 1, "float32"), picture(61, 47, 2, "float32")
    whole, tiled = objectives(mixed(), [TotalVariation()], "float32", "average", "replicate")
    plan = Plan(tuple(cut_points(whole.extractor)[1:]), ((2, 2), (2, 2)))
    loss_error, gradient_error = relative_errors(whole, tiled, plan, image, other)
    assert loss_error < 1e-5 and gradient_error < 1e-5


@pytest.mark.parametrize(
    ("way", "bound"),
    [
        pytest.param("winograd", 1e-5, marks=needs_tensorflow),
        ("bfloat16", 1e-2),  # 8 significant bits, which a tile rounds otherwise than the whole: .005 was seen
    ],
)
def test_tiles_compute_convolutions_in_the_way_of_the_whole(way, bound, monkeypatch):
    monkeypatch.setattr(ways, "LEAST_CHANNELS", 4)
    image, other = picture(64, 48, 1, "float32"), picture(64, 48, 2, "float32")
    whole, tiled = objectives(mixed(), [TotalVariation()], "float32", "average", "replicate")
    points = tuple(cut_points(whole.extractor))
    exact = whole.extractor(to_tensor(image))["relu3_2"]
    for plan in (Plan(points[1:], ((2, 1), (1, 2))), Plan(points[:1], ((1, 2), (1, 1)))):
        loss_error, gradient_error = relative_errors(whole, tiled, plan, image, other, way)
        assert loss_error < 5 * bound and gradient_error < bound
        x = to_tensor(image)
        for part in tiled._parts:
            found = part.segment(x)
            x = found.get(NEXT)
        assert np.abs(to_numpy(keras.ops.cast(found["relu3_2"], "float32")) - to_numpy(exact)).max() > 0


def test_normalised_gradients_take_one_more_pass():
    image, other = picture(33, 50, 1, "float64"), picture(33, 50, 2, "float64")
    whole, tiled = objectives(mixed(normalise=True), [])
    for plan in (Plan((), ((2, 2),)), Plan(tuple(cut_points(whole.extractor)), ((2, 2), (1, 2), (1, 1)))):
        assert max(relative_errors(whole, tiled, plan, image, other)) < 1e-9


def test_a_halo_too_small_would_show():
    image, other = picture(48, 48, 1, "float64"), picture(48, 48, 2, "float64")
    whole, tiled = objectives([MomentsLoss("relu3_2")], [])
    tiled.arrange(plan := Plan((), ((3, 3),)))
    (part,) = tiled._parts
    assert part.segment.halo == (14, 14)
    object.__setattr__(part.segment, "halo", (8, 8))
    assert relative_errors(whole, tiled, plan, image, other)[1] > 1e-4


def test_new_weights_count_and_a_tensor_gives_a_tensor():
    image = picture(24, 24, 1, "float64")
    whole, tiled = objectives([MeanLoss("relu1_1", 2.0)], [TotalVariation(1.0)])
    relative_errors(whole, tiled, Plan((), ((2, 1),)), image, image**2)
    tiled.weights = whole.weights = {"means:relu1_1": 0.0, "variation": 3.0}
    loss, parts, gradient = tiled(to_tensor(image))
    assert not isinstance(gradient, np.ndarray) and float(parts["means:relu1_1"]) == 0
    np.testing.assert_allclose(to_numpy(gradient), to_numpy(whole(to_tensor(image))[2]), atol=1e-12)
    np.testing.assert_allclose(float(loss), float(parts["variation"]))


def test_tiles_are_handed_to_whoever_maps_them():
    image, other = picture(40, 40, 1, "float64"), picture(40, 40, 2, "float64")
    whole, tiled = objectives([GramLoss("relu2_1"), ContentLoss("relu3_1")], [])
    called = []

    def backwards(function, jobs):
        """As a fleet of devices might give results: in another order."""
        jobs = list(jobs)
        called.append(len(jobs))
        for tile, arguments in reversed(jobs):
            yield tile, function(*arguments)

    tiled.mapper = backwards
    plan = Plan(tuple(cut_points(whole.extractor)[:1]), ((2, 2), (2, 1)))
    assert max(relative_errors(whole, tiled, plan, image, other)) < 1e-9
    assert {4, 2} == set(called)


def test_mistakes_are_named():
    _, tiled = objectives([GramLoss("relu1_1")], [])
    tiled.arrange(Plan((), ((1, 2),)))
    with pytest.raises(ValueError, match="no targets"):
        tiled(picture(16, 16, 1, "float64"))
    with pytest.raises(ValueError, match="gram:relu1_1"):
        tiled.targets = {}


# ---------------------------------------------------------------- segments


@pytest.mark.parametrize("name", ["vgg19", "vgg16", "vgg_mini"])
def test_the_networks_are_cut_at_their_poolings(name):
    """Their shapes alone count here, so a few channels stand for hundreds."""
    entry = find_network(name)
    layers = [keras.Input((None, None, 3))]
    for block, channels in enumerate(entry.blocks, 1):
        layers += [
            keras.layers.Conv2D(2, 3, padding="same", activation="relu", name=f"block{block}_conv{number}")
            for number in range(1, len(channels) + 1)
        ]
        layers.append(keras.layers.MaxPooling2D(2, name=f"block{block}_pool"))
    wanted = [*entry.content_layers, *entry.style_layers]
    extractor = Extractor(keras.Sequential(layers), wanted, first_padding="replicate")
    points = cut_points(extractor)
    assert len(points) == 4
    (whole,) = cut(extractor, [])
    reach = whole.layers["relu5_1"]
    assert reach.stride == 16 and set(whole.layers) == set(wanted)
    if name == "vgg19":  # published: relu5_1 sees 156 pixels
        assert (reach.before + reach.after + 1, whole.halo) == (156, (70, 70))
    image = picture(35, 53, 1, "float32")
    features, x, found = extractor(to_tensor(image)), to_tensor(image), {}
    for segment in cut(extractor, points[1::2]):
        outputs = dict(segment(x))
        x = outputs.pop(NEXT, None)
        found |= outputs
        assert max(segment.halo) <= 34
    assert x is None and set(found) == set(features)
    for layer in features:
        np.testing.assert_array_equal(to_numpy(found[layer]), to_numpy(features[layer]))


@pytest.mark.parametrize(
    "shrinking",
    [
        keras.layers.Conv2D(4, 3, padding="valid", name="odd"),
        keras.layers.Conv2D(4, 3, strides=2, padding="same", name="odd"),
        keras.layers.MaxPooling2D(3, 2, name="odd"),
        keras.layers.UpSampling2D(2, name="odd"),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_other_networks_are_refused(shrinking):
    layers = [keras.Input((None, None, 3)), keras.layers.Conv2D(4, 3, padding="same", name="block1_conv1")]
    extractor = Extractor(keras.Sequential([*layers, shrinking]), ["odd"])
    with pytest.raises(UsageError, match=r"plain chain .*Received: .* \((odd|max_pool.*)\)"):
        cut_points(extractor)


def test_branches_are_refused():
    x = keras.Input((None, None, 3))
    y = keras.layers.Conv2D(4, 3, padding="same", name="one")(x)
    z = keras.layers.Conv2D(4, 3, padding="same", name="two")(y)
    z = keras.layers.Conv2D(4, 3, padding="same", name="three")(z)
    model = keras.Model(x, keras.layers.Add(name="sum")([y, z]))
    with pytest.raises(UsageError, match="branches"):
        cut_points(Extractor(model, ["sum"]))


def test_pruning_keeps_what_segments_look_at():
    model = prune(network("float32"), {"relu2_1": keras_spelling("relu2_1")}, "l2", "replicate")
    assert {"Conv2D", "AveragePool", "Pad"} <= {type(one).__name__ for one in model.operations}
