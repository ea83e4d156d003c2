import gc
from dataclasses import replace

import keras
import numpy as np
import pytest

from impasto.core.features import Extractor
from impasto.models.errors import UsageError, WeightsError
from impasto.models.register import NETWORKS, keras_spelling
from impasto.models.vgg import POOLING_SCALES, build_network, prune
from impasto.models.weights import cache_folder, file_md5

BUILDERS = {"vgg16": keras.applications.VGG16, "vgg19": keras.applications.VGG19}
CONVOLUTIONS = {"vgg16": 13, "vgg19": 16}


@pytest.fixture(scope="module", params=["vgg16", "vgg19"])
def published(request, tmp_path_factory, make_weights, publish):
    """A network's name, random weights, and the file that holds them as Keras publishes such files."""
    arrays = make_weights(NETWORKS[request.param], seed=1)
    path = publish(tmp_path_factory.mktemp("published") / f"{request.param}.h5", arrays)
    yield request.param, arrays, path
    path.unlink()


@pytest.fixture(scope="module")
def picture():
    return np.random.default_rng(2).random((1, 48, 64, 3), "float32")


@pytest.fixture(scope="module")
def reference(published, picture):
    """What Keras's own model and preprocessing give at every convolution."""
    name, arrays, _ = published
    model = BUILDERS[name](include_top=False, weights=None, input_shape=(None, None, 3))
    convolutions = [layer for layer in model.layers if layer.weights]
    assert len(convolutions) == CONVOLUTIONS[name]
    for layer in convolutions:
        layer.set_weights([arrays[f"{layer.name}/kernel"], arrays[f"{layer.name}/bias"]])
    outputs = keras.Model(model.input, {layer.name: layer.output for layer in convolutions})
    given = keras.applications.vgg19.preprocess_input(picture * 255)
    return {layer: np.asarray(keras.ops.convert_to_numpy(y)) for layer, y in outputs(given).items()}


def compare(features, reference):
    assert features
    for layer, values in features.items():
        expected = reference[keras_spelling(layer)]
        assert expected.std() > 1  # the activations are alive: equal zeros would prove nothing
        actual = np.asarray(keras.ops.convert_to_numpy(values))
        np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-5 * expected.max())


def test_all_layers_from_a_file(published, picture, reference):
    name, _, path = published
    extract = Extractor(name, NETWORKS[name].layers, weights=path)
    assert len(extract.layers) == CONVOLUTIONS[name]
    compare(extract(picture), reference)


def test_all_layers_from_the_cache(published, picture, reference, keras_home, monkeypatch):
    name, _, path = published
    target = cache_folder() / NETWORKS[name].file
    target.parent.mkdir(parents=True)
    target.symlink_to(path)
    with pytest.raises(WeightsError, match="not the published one"):
        Extractor(name)
    monkeypatch.setitem(NETWORKS, name, replace(NETWORKS[name], md5=file_md5(path)))
    extract = Extractor(name, NETWORKS[name].layers)
    assert extract.name == name and extract.notice is None
    compare(extract(picture), reference)


def test_auto_recognises_the_file(published, picture, reference):
    name, _, path = published
    extract = Extractor("auto", ["relu1_2", "conv3_1"], weights=path)
    assert extract.name == name
    compare(extract(picture), reference)


def test_a_file_with_classifier_and_strange_name(published, picture, reference, publish, tmp_path):
    name, arrays, _ = published
    top = {"fc1/kernel": np.zeros((4, 4), "float32"), "fc1/bias": np.zeros(4, "float32")}
    path = publish(tmp_path / "downloaded", arrays | top)
    compare(Extractor(name, ["relu2_2", "relu5_1"], weights=path)(picture), reference)
    path.unlink()


def test_keras_3_own_layout_renamed(published, picture, reference, tmp_path):
    name, arrays, _ = published
    model = BUILDERS[name](include_top=False, weights=None, input_shape=(None, None, 3))
    for layer in model.layers:
        if layer.weights:
            layer.set_weights([arrays[f"{layer.name}/kernel"], arrays[f"{layer.name}/bias"]])
    model.save_weights(tmp_path / "saved.weights.h5")
    path = (tmp_path / "saved.weights.h5").rename(tmp_path / "renamed.h5")
    compare(Extractor(name, ["relu2_2", "relu5_1"], weights=path)(picture), reference)
    path.unlink()


def test_pruned_above_the_deepest_layer(published):
    name, _, path = published
    extract = Extractor(name, ["relu2_1", "relu1_1"], weights=path)
    gc.collect()
    assert [layer.name for layer in extract.model.layers if layer.weights] == [
        "block1_conv1",
        "block1_conv2",
        "block2_conv1",
    ]
    assert extract.model.count_params() == 64 * (27 + 1) + 64 * (576 + 1) + 128 * (576 + 1)
    assert not extract.model.trainable_weights
    assert extract.layers == ("relu2_1", "relu1_1")
    assert extract.strides == {"relu2_1": 2, "relu1_1": 1} and extract.layer_channels["relu2_1"] == 128


def test_average_pooling_in_the_real_network(published, picture, reference):
    name, arrays, path = published
    extract = Extractor(name, ["relu1_2", "relu2_1"], weights=path, pooling="average")
    features = {k: np.asarray(keras.ops.convert_to_numpy(v)) for k, v in extract(picture).items()}
    pooled = 2 * features["relu1_2"].reshape(1, 24, 2, 32, 2, 64).mean((2, 4))
    kernel, bias = arrays["block2_conv1/kernel"], arrays["block2_conv1/bias"]
    expected = np.maximum(keras.ops.conv(pooled, kernel, padding="same") + bias, 0)
    np.testing.assert_allclose(features["relu2_1"], expected, rtol=1e-4, atol=1e-3)
    assert np.abs(features["relu2_1"] - reference["block2_conv1"]).max() > 1


def test_a_file_of_the_other_network(published):
    name, _, path = published
    other = {"vgg16": "vgg19", "vgg19": "vgg16"}[name]
    with pytest.raises(WeightsError, match=f"these are the weights of {NETWORKS[name].title}") as error:
        Extractor(other, weights=path)
    assert "\n" not in str(error.value)


def test_keras_own_failure_is_one_line(published, monkeypatch):
    """Keras's loader has the last word; what it says must not become a traceback."""
    name, _, path = published

    def refuse(*_, **__):
        raise ValueError("Layer count mismatch\nwhen loading")

    monkeypatch.setattr(keras.applications, name.upper(), refuse)
    with pytest.raises(WeightsError, match="Layer count mismatch when loading"):
        build_network(NETWORKS[name], path, ["relu1_1"])


# ---------------------------------------------------------------- pooling in closed form


def one_pool(kind):
    picture = keras.Input((None, None, 1))
    return keras.Model(picture, kind(2, name="pool")(picture), name="one_pool")


@pytest.mark.parametrize(
    ("own", "pooling", "expected"),
    [
        (keras.layers.MaxPooling2D, None, 4.0),
        (keras.layers.MaxPooling2D, "max", 4.0),
        (keras.layers.MaxPooling2D, "average", 2 * 2.5),
        (keras.layers.MaxPooling2D, "l2", 0.78 * 30**0.5),
        (keras.layers.AveragePooling2D, None, 2.5),
        (keras.layers.AveragePooling2D, "average", 2.5),
        (keras.layers.AveragePooling2D, "max", 4.0 / 2),
        (keras.layers.AveragePooling2D, "l2", 0.78 * 30**0.5 / 2),
    ],
)
def test_pooling(own, pooling, expected):
    model = prune(one_pool(own), {"pool": "pool"}, pooling)
    patch = np.array([[1, 2, 9], [3, 4, 9], [9, 9, 9]], "float32")  # the odd row and column are left out
    result = model(patch[None, :, :, None])["pool"]
    assert result.shape == (1, 1, 1, 1)
    np.testing.assert_allclose(np.asarray(keras.ops.convert_to_numpy(result)).item(), expected, rtol=1e-6)


@pytest.mark.parametrize(("pooling", "expected"), [("max", 4.0), ("average", 2.5), ("l2", 30**0.5)])
@pytest.mark.parametrize("own", [keras.layers.MaxPooling2D, keras.layers.AveragePooling2D])
def test_pooling_as_it_is(own, pooling, expected):
    model = prune(one_pool(own), {"pool": "pool"}, pooling, rescale_pooling=False)
    result = model(np.array([[1, 2], [3, 4]], "float32")[None, :, :, None])["pool"]
    np.testing.assert_allclose(np.asarray(keras.ops.convert_to_numpy(result)).item(), expected, rtol=1e-6)


@pytest.mark.parametrize("pooling", POOLING_SCALES)
def test_pooling_of_nothing_is_nothing(pooling):
    result = prune(one_pool(keras.layers.MaxPooling2D), {"pool": "pool"}, pooling)(
        np.zeros((1, 4, 4, 1), "float32")
    )
    assert np.abs(np.asarray(keras.ops.convert_to_numpy(result["pool"]))).max() < 1e-5


# ---------------------------------------------------------------- padding in closed form


def one_convolution(side, strides=1, padding="same"):
    picture = keras.Input((None, None, 2))
    layer = keras.layers.Conv2D(3, side, strides=strides, padding=padding, name="conv")
    model = keras.Model(picture, layer(picture), name="one_convolution")
    rng = np.random.default_rng(3)
    layer.set_weights([rng.standard_normal(w.shape).astype("float32") for w in layer.get_weights()])
    return model, layer


@pytest.mark.parametrize("side", [1, 3, 5, (3, 1)])
@pytest.mark.parametrize("padding", ["zero", "replicate"])
def test_first_padding(side, padding):
    model, layer = one_convolution(side)
    picture = np.random.default_rng(4).random((1, 4, 6, 2)).astype("float32")
    kernel, bias = layer.get_weights()
    rows, columns = kernel.shape[0] // 2, kernel.shape[1] // 2
    mode = {"zero": "constant", "replicate": "edge"}[padding]
    padded = np.pad(picture, ((0, 0), (rows, rows), (columns, columns), (0, 0)), mode)
    windows = np.lib.stride_tricks.sliding_window_view(padded[0], kernel.shape[:2], axis=(0, 1))
    expected = np.einsum("hwcij,ijco->hwo", windows, kernel) + bias
    result = prune(model, {"out": "conv"}, first_padding=padding)(picture)["out"]
    np.testing.assert_allclose(
        np.asarray(keras.ops.convert_to_numpy(result))[0], expected, rtol=1e-4, atol=1e-5
    )


def test_only_the_first_convolution_is_padded_otherwise():
    from impasto.models.vgg_mini import build_vgg_mini

    model = prune(build_vgg_mini("block2_conv1"), {"x": "block2_conv1"}, first_padding="replicate")
    paddings = [layer.padding for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    assert paddings == ["valid", "same", "same"]


def test_a_flat_picture_has_no_edge_under_replicate_padding():
    model, _ = one_convolution(3)
    flat = np.full((1, 5, 7, 2), 0.7, "float32")
    for padding, spread in (("replicate", 0.0), ("zero", 0.1)):
        result = np.asarray(
            keras.ops.convert_to_numpy(prune(model, {"x": "conv"}, first_padding=padding)(flat)["x"])
        )
        assert (np.ptp(result, axis=(1, 2)).max() > 1e-5) == (spread > 0)


# ---------------------------------------------------------------- other graphs, other mistakes


def test_the_model_given_is_left_alone():
    model, layer = one_convolution(3)
    pruned = prune(model, {"out": "conv"}, first_padding="replicate")
    before = layer.get_weights()[0].copy()
    pruned.get_layer("conv").set_weights([w * 0 for w in layer.get_weights()])
    np.testing.assert_array_equal(layer.get_weights()[0], before)
    assert layer.padding == "same" and model.trainable


def test_a_branching_model_is_cut_but_not_changed():
    picture = keras.Input((None, None, 3))
    left = keras.layers.Conv2D(2, 1, name="left")(picture)
    right = keras.layers.Conv2D(2, 1, name="right")(picture)
    model = keras.Model(picture, keras.layers.Add(name="sum")([left, right]), name="branching")
    assert prune(model, {"x": "right"})(np.zeros((1, 2, 2, 3), "float32"))["x"].shape == (1, 2, 2, 2)
    for change in ({"pooling": "l2"}, {"first_padding": "replicate"}):
        with pytest.raises(UsageError, match="plain chain"):
            prune(model, {"x": "sum"}, **change)


@pytest.mark.parametrize(
    ("change", "word"), [({"pooling": "avg"}, "pooling"), ({"first_padding": "same"}, "padding")]
)
def test_unknown_words(change, word):
    with pytest.raises(UsageError, match=f"Unknown {word}. Expected one of .*Received: '"):
        prune(one_convolution(3)[0], {"x": "conv"}, **change)


@pytest.mark.parametrize("odd", [{"side": 2}, {"side": 3, "strides": 2}, {"side": 3, "padding": "valid"}])
def test_replicate_padding_where_it_has_no_meaning(odd):
    with pytest.raises(UsageError, match="Replicate padding needs"):
        prune(one_convolution(**odd)[0], {"x": "conv"}, first_padding="replicate")
