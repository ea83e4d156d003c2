"""Gradient checkpointing: the same features and gradient, from a network in parts."""

import keras
import numpy as np
import pytest
from keras import ops

from impasto.core.backend import compile_value_and_grad, to_numpy, to_tensor
from impasto.core.features import Extractor
from impasto.core.recomputed import InParts, Recomputed
from impasto.models.transformer import build_transformer


@pytest.fixture
def picture():
    return np.random.default_rng(0).random((1, 40, 56, 3), "float32")


def gradient(extractor, picture):
    def energy(image, _):
        features = extractor(image)
        return sum(ops.mean(ops.square(x)) for x in features.values()), {}

    loss, _, slope = compile_value_and_grad(energy)(to_tensor(picture), {})
    return float(loss), to_numpy(slope)


def branching(first_stride=1):
    """Two ways from the second map to the third, and a strided convolution."""
    x = picture = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(4, 3, first_stride, padding="same", activation="relu", name="conv1")(x)
    y = keras.layers.Conv2D(8, 3, 2, padding="same", activation="relu", name="conv2")(x)
    y = keras.layers.Conv2D(8, 3, padding="same", name="conv3")(y)
    z = keras.layers.AveragePooling2D(2, name="pool")(x)
    x = keras.layers.Concatenate(name="both")([y, keras.layers.Conv2D(4, 1, name="conv4")(z)])
    x = keras.layers.Conv2D(6, 3, 2, padding="same", activation="relu", name="conv5")(x)
    return keras.Model(picture, keras.layers.Conv2D(6, 3, padding="same", name="conv6")(x))


@pytest.mark.parametrize("layers", [["relu4_2", "relu1_1", "relu2_1"], ["relu5_1"], ["relu1_1"]])
def test_the_features_and_the_gradient_are_the_networks(layers, picture, mini_weights):
    plain = Extractor("vgg_mini", layers, weights=mini_weights, first_padding="replicate")
    recomputed = Recomputed(plain)
    assert recomputed.model.count == 1 + max(int(layer[4]) - 1 for layer in layers)
    expected = plain(to_tensor(picture))
    for layer, features in recomputed(to_tensor(picture)).items():
        np.testing.assert_array_equal(to_numpy(features), to_numpy(expected[layer]))
    (loss, slope), (own_loss, own_slope) = gradient(plain, picture), gradient(recomputed, picture)
    assert own_loss == pytest.approx(loss, rel=1e-6)
    np.testing.assert_allclose(own_slope, slope, rtol=1e-4, atol=1e-5 * abs(slope).max())


@pytest.mark.parametrize(("stride", "parts"), [(1, 3), (2, 4)])
def test_a_network_with_branches_is_cut_where_one_map_leads_on(stride, parts, picture):
    """Inside the branches it is not; behind the map that they come from, where that is small, it is."""
    plain = Extractor(branching(stride), ["conv1", "conv3", "both", "conv6"], preprocess=False)
    recomputed = Recomputed(plain)
    assert recomputed.model.count == parts
    (loss, slope), (own_loss, own_slope) = gradient(plain, picture), gradient(recomputed, picture)
    assert own_loss == pytest.approx(loss, rel=1e-6)
    np.testing.assert_allclose(own_slope, slope, rtol=1e-4, atol=1e-5 * abs(slope).max())


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="looks into a TensorFlow graph")
def test_on_the_way_back_convolutions_are_computed_once_more(picture, mini_weights):
    import tensorflow as tf

    plain = Extractor("vgg_mini", ["relu3_1"], weights=mini_weights)
    counts = []
    for extractor in (plain, Recomputed(plain)):

        @tf.function
        def slope(image, extractor=extractor):
            with tf.GradientTape() as tape:
                tape.watch(image)
                loss = tf.reduce_mean(extractor(image)["relu3_1"] ** 2)
            return tape.gradient(loss, image)

        graph = slope.get_concrete_function(to_tensor(picture)).graph
        counts.append(sum(operation.type == "Conv2D" for operation in graph.get_operations()))
    assert counts == [5, 10]


def test_a_painter_is_cut_where_its_maps_are_small(picture):
    """Its styles and the photograph that it paints over are other inputs, of any part."""
    painter = build_transformer(styles=2, width=4, blocks=1, skip=True)
    for variable in painter.trainable_variables:
        variable.assign(np.random.default_rng(len(variable.shape)).normal(0, 0.3, variable.shape))
    recomputed = InParts(painter)
    assert recomputed.count == 5  # behind either stride, before either enlargement
    inputs = [to_tensor(picture), to_tensor(np.array([[0.3, 0.7]], "float32"))]
    np.testing.assert_allclose(to_numpy(recomputed(inputs)), to_numpy(painter(inputs)), atol=1e-5)
