"""The compact network's shape: a small VGG, named as Keras Applications names VGG's layers."""

import subprocess
import sys

import keras
import numpy as np
import pytest

from impasto.models.register import find_network, keras_spelling
from impasto.models.vgg_mini import BLOCKS, HEADS, build_vgg_mini, layer_names


def test_layers_are_named_as_keras_names_vggs():
    theirs = [layer.name for layer in keras.applications.VGG19(weights=None, include_top=False).layers]
    model = build_vgg_mini()
    mine = [layer.name for layer in model.layers[1:]]
    assert set(mine) < set(theirs)
    assert mine == [name for name in theirs if name in mine]  # in the same order
    assert [name for name in mine if "conv" in name] == layer_names()
    assert layer_names() == [keras_spelling(layer) for layer in find_network("vgg_mini").convolutions]


def test_weights_have_the_registers_shapes():
    shapes = {
        f"{layer.name}/{kind}": tuple(weight.shape)
        for layer in build_vgg_mini().layers
        for kind, weight in zip(("kernel", "bias"), layer.weights, strict=False)
    }
    heads = {name: shape for name, shape in find_network("vgg_mini").shapes.items() if name not in shapes}
    assert shapes | heads == find_network("vgg_mini").shapes
    assert set(heads) == {f"heads/{layer}/{kind}" for layer in HEADS for kind in ("kernel", "bias")}
    assert find_network("vgg_mini").parameters < 5.2e6  # 10.4 MB in half precision


def test_each_head_reads_the_convolution_of_its_layer():
    """The trunk begins as a pruned VGG-16, whose layers lie where its own do."""
    network = find_network("vgg_mini")
    assert network.layers == ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu4_2", "relu5_1")
    for layer, head in HEADS.items():
        assert network.tap(layer) == head.tap == keras_spelling(layer)
        assert head.components < head.channels == find_network("vgg16").shapes[f"{head.tap}/bias"][0]


def test_features_halve_from_block_to_block():
    model = build_vgg_mini()
    every = keras.Model(model.input, [model.get_layer(name).output for name in layer_names()])
    shapes = every.compute_output_shape((1, 96, 64, 3))
    wanted = [
        (1, 96 // 2**block, 64 // 2**block, channels)
        for block, widths in enumerate(BLOCKS)
        for channels in widths
    ]
    assert shapes == wanted


@pytest.mark.parametrize(("pooling", "pool"), [("max", np.max), ("average", np.mean)])
def test_the_pooling_is_the_one_asked_for_and_convolutions_rectify(pooling, pool):
    model = build_vgg_mini(pooling=pooling)
    picture = np.random.default_rng(0).normal(0, 60, (1, 32, 32, 3)).astype("float32")
    names = ["block1_conv2", "block1_pool"]
    feature, pooled = map(
        np.asarray, keras.Model(model.input, [model.get_layer(name).output for name in names])(picture)
    )
    wanted = pool(feature.reshape(1, 16, 2, 16, 2, -1), axis=(2, 4))
    np.testing.assert_allclose(pooled, wanted, rtol=1e-4, atol=1e-4 * feature.max())
    assert feature.min() == 0 < feature.max()


@pytest.mark.parametrize("name", layer_names())
def test_the_network_can_end_at_any_convolution(name):
    model = build_vgg_mini(name)
    channels = [channels for widths in BLOCKS for channels in widths]
    assert model.layers[-1].name == name
    assert model.output.shape[-1] == channels[layer_names().index(name)]


def test_an_unknown_layer_is_refused():
    with pytest.raises(ValueError, match=r"no layer of that name.*Received: block5_conv2"):
        build_vgg_mini("block5_conv2")


def test_activations_start_neither_dead_nor_exploding():
    keras.utils.set_random_seed(0)
    picture = np.random.default_rng(0).normal(0, 1, (1, 64, 64, 3)).astype("float32")
    deviation = np.asarray(build_vgg_mini()(picture)).std()
    assert 0.02 < deviation < 5


def test_naming_the_layers_does_not_import_keras():
    code = "import impasto.models.vgg_mini as m, sys; m.layer_names(); sys.exit('keras' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
