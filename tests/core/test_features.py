from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from impasto.core import backend
from impasto.core.errors import UsageError, WeightsError
from impasto.core.features import Extractor
from impasto.models.register import NETWORKS, VGG_MINI
from impasto.models.vgg_mini import build_vgg_mini


@pytest.fixture(scope="module")
def mini(tmp_path_factory):
    """Random weights for vgg_mini, in the bundled file's layout and precision."""
    random = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("mini") / "vgg_mini.npz"
    arrays = {
        name: random.normal(0, (2 / np.prod(shape[:-1])) ** 0.5, shape).astype("float16")
        if name.endswith("kernel")
        else np.zeros(shape, "float16")
        for name, shape in VGG_MINI.shapes.items()
    }
    np.savez_compressed(path, **arrays)
    return path


@pytest.fixture(autouse=True)
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))


@pytest.fixture
def picture():
    return np.random.default_rng(1).random((1, 21, 34, 3), "float32")


def pointwise(dtype="float32"):
    """A network of one 1×1 convolution: whatever it gives can be worked out by hand."""
    image = keras.Input((None, None, 3), dtype=dtype)
    layer = keras.layers.Conv2D(2, 1, name="mix", dtype=dtype)
    model = keras.Model(
        image, keras.layers.ReLU(name="positive", dtype=dtype)(layer(image)), name="pointwise"
    )
    layer.set_weights([np.array([[1, 0], [0, 1], [2, -1]], dtype)[None, None], np.array([0.5, -0.25], dtype)])
    return model


# ---------------------------------------------------------------- a model of one's own


def test_a_given_model_in_closed_form(picture):
    extract = Extractor(pointwise(), ["positive", "mix"], preprocess=False)
    features = {
        layer: backend.to_numpy(values) for layer, values in extract(backend.to_tensor(picture)).items()
    }
    red, green, blue = np.moveaxis(picture, -1, 0)
    mix = np.stack([red + 2 * blue + 0.5, green - blue - 0.25], -1)
    assert list(features) == ["positive", "mix"] == list(extract.layers)
    np.testing.assert_allclose(features["mix"], mix, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(features["positive"], np.maximum(mix, 0), rtol=1e-5, atol=1e-6)
    assert extract.name == "pointwise" and extract.notice is None
    assert extract.layer_channels == {"positive": 2, "mix": 2}
    assert extract.strides == {"positive": 1, "mix": 1}


def test_float64_goes_through():
    if keras.backend.backend() == "jax":
        pytest.skip("JAX computes in float32 unless told otherwise at start")
    value = 1 + 1e-12
    picture = backend.to_tensor(np.full((1, 2, 2, 3), value), "float64")
    result = backend.to_numpy(Extractor(pointwise("float64"), ["mix"], preprocess=False)(picture)["mix"])
    assert result.dtype == np.float64 and abs(result[0, 0, 0, 0] - (3 * value + 0.5)) < 1e-15 * 8


def test_a_given_vgg_goes_by_either_spelling(picture):
    extract = Extractor(build_vgg_mini(), ["conv2_1", "block1_conv2"])
    assert extract.layers == ("relu2_1", "relu1_2")
    assert set(extract(picture)) == {"relu2_1", "relu1_2"}


def test_nothing_trains_in_a_copy():
    model = pointwise()
    extract = Extractor(model, ["positive"], preprocess=False)
    assert not extract.model.trainable_weights and len(model.trainable_weights) == 2


def test_a_sequential_model():
    model = keras.Sequential([keras.Input((None, None, 1)), keras.layers.MaxPooling2D(2, name="pool")])
    extract = Extractor(model, ["pool"], pooling="average", preprocess=False)
    corners = np.array([[0, 1], [2, 3]], "float32")[None, :, :, None]
    np.testing.assert_allclose(backend.to_numpy(extract(corners)["pool"]).item(), 2 * 1.5, rtol=1e-6)


def test_mistakes_with_a_given_model(mini):
    with pytest.raises(UsageError, match=r"Did you mean 'positive'\?.*Received: 'posotive'"):
        Extractor(pointwise(), ["posotive"])
    with pytest.raises(UsageError, match="No layer"):
        Extractor(pointwise())
    with pytest.raises(UsageError, match="own weights"):
        Extractor(pointwise(), ["mix"], weights=mini)
    with pytest.raises(UsageError, match="no graph of layers to cut"):
        Extractor(keras.Sequential([keras.layers.Conv2D(2, 1, name="mix")]), ["mix"])


# ---------------------------------------------------------------- named networks


def test_preprocessing_is_caffe(picture):
    image = keras.Input((None, None, 3))
    model = keras.Model(image, keras.layers.Identity(name="same")(image))
    expected = keras.applications.vgg19.preprocess_input(picture * 255, data_format="channels_last")
    result = backend.to_numpy(Extractor(model, ["same"])(picture)["same"])
    np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-4)


def test_vgg_mini_from_a_file(mini, picture):
    extract = Extractor("vgg_mini", ["relu5_1", "conv1_1", "block1_conv1"], weights=mini)
    features = extract(backend.to_tensor(picture))
    assert extract.layers == ("relu5_1", "relu1_1")
    assert {layer: tuple(values.shape) for layer, values in features.items()} == {
        "relu5_1": (1, 1, 2, 128),
        "relu1_1": (1, 21, 34, 16),
    }
    assert extract.strides == {"relu5_1": 16, "relu1_1": 1}
    with np.load(mini) as file:
        kernel, bias, head = (
            file[name].astype("float32")
            for name in ("block1_conv1/kernel", "block1_conv1/bias", "heads/relu1_1/kernel")
        )
    given = keras.applications.vgg19.preprocess_input(picture * 255, data_format="channels_last")
    patch = np.maximum(np.einsum("ijc,ijco->o", given[0, 4:7, 9:12], kernel) + bias, 0)
    np.testing.assert_allclose(
        backend.to_numpy(features["relu1_1"])[0, 5, 10], patch @ head, rtol=1e-4, atol=1e-3
    )


def test_nothing_trains_and_nothing_is_built_past_the_deepest(mini):
    extract = Extractor("vgg_mini", ["relu2_1"], weights=mini)
    assert not extract.model.trainable_weights
    assert [layer.name for layer in extract.model.layers if layer.weights][-1] == "block2_conv1"


def test_default_layers(mini):
    extract = Extractor("vgg_mini", weights=mini)
    assert set(extract.layers) == {*VGG_MINI.content_layers, *VGG_MINI.style_layers}


def test_own_pooling_is_maximum(mini, picture):
    features = [
        backend.to_numpy(
            Extractor("vgg_mini", ["relu2_1"], pooling=pooling, weights=mini)(picture)["relu2_1"]
        )
        for pooling in (None, "max", "average")
    ]
    np.testing.assert_array_equal(features[0], features[1])
    assert np.abs(features[0] - features[2]).max() > 1e-2 * np.abs(features[0]).max()


@pytest.mark.parametrize("pooling", ["max", "average", "l2"])
def test_gradients_are_finite_on_black(mini, pooling):
    """Where all activations are nought, the root in L2 pooling must not divide by it."""
    extract = Extractor("vgg_mini", ["relu3_1"], pooling=pooling, first_padding="replicate", weights=mini)

    def loss(image, _):
        return keras.ops.sum(extract(image)["relu3_1"]), {}

    step = backend.compile_value_and_grad(loss)
    for level in (0.0, 0.5):
        value, _, gradient = step(backend.to_tensor(np.full((1, 16, 20, 3), level, "float32")), {})
        assert np.isfinite(backend.to_numpy(value)).all() and np.isfinite(backend.to_numpy(gradient)).all()
    zero = keras.Input((None, None, 1))
    pool = Extractor(
        keras.Model(zero, keras.layers.MaxPooling2D(2, name="pool")(zero)),
        ["pool"],
        pooling=pooling,
        preprocess=False,
    )
    _, _, gradient = backend.compile_value_and_grad(lambda x, _: (keras.ops.sum(pool(x)["pool"]), {}))(
        backend.to_tensor(np.zeros((1, 4, 4, 1), "float32")), {}
    )
    assert np.isfinite(backend.to_numpy(gradient)).all()


def test_one_trace_serves_every_size(mini):
    extract = Extractor("vgg_mini", ["relu2_1"], weights=mini)
    compiled = backend.compile_function(extract)
    for height, width in ((16, 16), (33, 18), (7, 50)):
        image = np.random.default_rng(height).random((1, height, width, 3), "float32")
        result = backend.to_numpy(compiled(backend.to_tensor(image))["relu2_1"])
        assert result.shape == (1, height // 2, width // 2, 32)
        np.testing.assert_allclose(result, backend.to_numpy(extract(image)["relu2_1"]), rtol=1e-3, atol=1e-2)


def test_channels_first_users_are_served_too(mini, picture):
    expected = backend.to_numpy(
        Extractor("vgg_mini", ["relu2_1"], pooling="l2", weights=mini)(picture)["relu2_1"]
    )
    keras.config.set_image_data_format("channels_first")
    try:
        result = Extractor("vgg_mini", ["relu2_1"], pooling="l2", weights=mini)(picture)["relu2_1"]
        assert keras.config.image_data_format() == "channels_first"
    finally:
        keras.config.set_image_data_format("channels_last")
    np.testing.assert_array_equal(backend.to_numpy(result), expected)


# ---------------------------------------------------------------- choice and mistakes


def test_auto_says_what_it_took(mini, monkeypatch):
    monkeypatch.setitem(NETWORKS, "vgg_mini", replace(VGG_MINI, file=str(mini)))
    extract = Extractor("auto", ["relu1_1"])
    assert extract.name == "vgg_mini"
    assert "vgg_mini" in extract.notice and "impasto models download vgg19" in extract.notice


def test_a_named_network_without_weights(tmp_path):
    with pytest.raises(WeightsError, match=r"impasto models download vgg19.*or --weights FILE"):
        Extractor("vgg19")
    assert not (tmp_path / "keras").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"network": "vgg20"}, "Did you mean 'vgg19'|'vgg16'"),
        ({"layers": ["relu4_3"]}, "vgg_mini has no such layer. Did you mean 'relu4_2'"),
        ({"layers": []}, "No layer"),
        ({"pooling": "median"}, "Unknown pooling"),
        ({"first_padding": "mirror"}, "Unknown padding"),
    ],
)
def test_mistakes(mini, arguments, message):
    with pytest.raises(UsageError, match=message) as error:
        Extractor(**{"network": "vgg_mini", "weights": mini} | arguments)
    assert "\n" not in str(error.value) and "Received: " in str(error.value)


def test_another_networks_file(mini):
    with pytest.raises(WeightsError, match=r"does not fit VGG-16.*these are the weights of VGG-mini"):
        Extractor("vgg16", weights=mini)


@pytest.mark.skipif(
    not (Path(__file__).parents[2] / "models" / VGG_MINI.file).exists(), reason="not trained yet"
)
def test_the_bundled_weights(picture):
    extract = Extractor("vgg_mini", VGG_MINI.layers)
    for values in extract(backend.to_tensor(picture)).values():
        values = backend.to_numpy(values)
        assert np.isfinite(values).all() and values.max() > 0
