import inspect

import pytest

from impasto.models.errors import UsageError
from impasto.models.register import (
    NETWORKS,
    canonical_spelling,
    did_you_mean,
    find_network,
    keras_spelling,
)


@pytest.mark.parametrize("spelling", ["relu4_2", "conv4_2", "block4_conv2"])
@pytest.mark.parametrize("network", NETWORKS)
def test_every_spelling_is_the_same_layer(network, spelling):
    assert find_network(network).layer(spelling) == "relu4_2"


def test_layers_and_keras_names_go_back_and_forth():
    for network in NETWORKS.values():
        assert [canonical_spelling(keras_spelling(layer)) for layer in network.layers] == list(network.layers)


def test_layer_counts():
    assert {name: len(network.layers) for name, network in NETWORKS.items()} == {
        "vgg19": 16,
        "vgg16": 13,
        "vgg_mini": 6,
    }


@pytest.mark.parametrize("name", ["vgg16", "vgg19"])
def test_what_keras_applications_says(name):
    import importlib

    module = importlib.import_module(f"keras.src.applications.{name}")
    source = inspect.getsource(module)
    network = find_network(name)
    assert f'file_hash="{network.md5}"' in source
    without_classifier = source[source.index('"imagenet":\n        if include_top') :].split("else:")[1]
    assert network.file in without_classifier and network.md5 in without_classifier
    assert module.WEIGHTS_PATH_NO_TOP.endswith(f"/{network.file}")
    model = getattr(module, name.upper())(include_top=False, weights=None, input_shape=(None, None, 3))
    assert model.count_params() == network.parameters
    shapes = {variable.path: tuple(variable.shape) for variable in model.variables}
    assert shapes == network.shapes


def test_vgg_mini_as_built():
    from impasto.models.vgg_mini import build_vgg_mini

    shapes = {variable.path: tuple(variable.shape) for variable in build_vgg_mini().variables}
    network = find_network("vgg_mini")
    assert shapes == {name: shape for name, shape in network.shapes.items() if not name.startswith("heads/")}
    for layer, head in network.heads.items():
        assert network.shapes[f"heads/{layer}/kernel"] == (*shapes[f"{head.tap}/bias"], head.components)


def test_the_encoder_of_one_pass_is_found_but_not_offered():
    assert find_network("instant_encoder").bundled and "instant_encoder" not in NETWORKS


@pytest.mark.parametrize("network", NETWORKS.values(), ids=list(NETWORKS))
def test_default_layers_exist(network):
    assert {network.layer(layer) for layer in (*network.content_layers, *network.style_layers)} <= set(
        network.layers
    )


@pytest.mark.parametrize(
    ("network", "layer", "near"),
    [("vgg19", "relu4_5", "relu4_4"), ("vgg16", "block4_conv4", "relu4_3"), ("vgg19", "rleu4_2", "relu4_2")],
)
def test_an_unknown_layer_names_those_near(network, layer, near):
    with pytest.raises(UsageError) as error:
        find_network(network).layer(layer)
    message = str(error.value)
    assert near in message.split("It has")[0]
    assert message.endswith(f"Received: {layer!r}") and "\n" not in message


@pytest.mark.parametrize(
    "layer", ["", "relu0_1", "relu1_0", "relu6_1", "pool4", "relu4_2 ", "relu44_2", "fc1"]
)
def test_what_is_no_layer(layer):
    with pytest.raises(UsageError):
        find_network("vgg19").layer(layer)


def test_an_unknown_network_names_those_near():
    with pytest.raises(UsageError, match=r"Did you mean 'vgg19' or 'vgg16'\?.*Received: 'vgg-19'"):
        find_network("vgg-19")
    with pytest.raises(UsageError, match="Expected one of vgg19, vgg16, vgg_mini") as error:
        find_network("xyz")
    assert "Did you mean" not in str(error.value)


def test_did_you_mean_is_silent_when_nothing_is_near():
    assert did_you_mean("qqqq", ["starry_night"]) == ""
