"""The teacher, built from a weight file of random numbers in the layout that Keras's own has."""

import h5py
import keras
import numpy as np
import pytest

from impasto.models.errors import WeightsError
from impasto.models.squeezenet import FIRES, build_squeezenet

STRIDES = {"conv1": 2} | {f"fire{n}": 4 if n < 4 else 8 if n < 6 else 16 for n in FIRES}


def shapes():
    """Kernel shapes by HDF5 group: `fire2/squeeze1x1`."""
    every, channels = {"conv1": (3, 3, 3, 64)}, 64
    for n, (squeeze, expand) in FIRES.items():
        every[f"fire{n}/squeeze1x1"] = (1, 1, channels, squeeze)
        every[f"fire{n}/expand1x1"] = (1, 1, squeeze, expand)
        every[f"fire{n}/expand3x3"] = (3, 3, squeeze, expand)
        channels = 2 * expand
    return every


def write(path, make=None):
    """Writes a file; `make` gives a kernel for a shape, by default one of random numbers."""
    random = np.random.default_rng(0)
    make = make or (lambda shape: random.normal(0, (2 / np.prod(shape[:-1])) ** 0.5, shape))
    with h5py.File(path, "w") as file:
        for name, shape in shapes().items():
            group = file.create_group(f"{name}/{name}")  # Keras repeats the layer's name below its group
            group["bias:0"] = np.zeros(shape[-1])
            group["kernel:0"] = make(shape).astype("float32")
    return path


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return write(tmp_path_factory.mktemp("teacher") / "squeezenet.h5")


@pytest.fixture(scope="module")
def model(file):
    return build_squeezenet(file)


def watch(model, names):
    return keras.Model(model.input, [model.get_layer(name).output for name in names])


def test_all_weights_are_the_files(model, file):
    convolutions = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    assert len(convolutions) == len(shapes()) == 25
    with h5py.File(file) as contents:
        for layer in convolutions:
            name = layer.name.replace("_", "/")
            np.testing.assert_array_equal(layer.kernel, contents[f"{name}/{name}/kernel:0"])
    assert model.count_params() == sum(int(np.prod(shape)) + shape[-1] for shape in shapes().values())
    assert 700_000 < model.count_params() < 730_000  # the paper's 1.24 million without the classifier's
    assert model.trainable_variables == []


def test_features_have_the_strides_and_channels_of_the_original(model):
    found = watch(model, STRIDES).compute_output_shape((1, 128, 96, 3))
    channels = {"conv1": 64} | {f"fire{n}": 2 * expand for n, (_, expand) in FIRES.items()}
    assert found == [(1, 128 // s, 96 // s, channels[name]) for name, s in STRIDES.items()]


def test_inside_the_picture_features_are_the_originals(model):
    """Against the network as published, without padding: the same numbers, counted from another corner."""
    picture = np.random.default_rng(1).normal(0, 50, (1, 67, 67, 3)).astype("float32")
    x = keras.ops.relu(
        keras.ops.conv(picture, model.get_layer("conv1").kernel, strides=2, padding="valid")
    )  # (1, 33, 33, 64)
    np.testing.assert_allclose(
        np.asarray(watch(model, ["conv1"])(picture))[:, :33, :33], x, rtol=1e-4, atol=1e-3
    )
    pooled = np.asarray(keras.ops.max_pool(x, 3, strides=2, padding="valid"))  # (1, 16, 16, 64)
    # Padded by one before, our pool number i sees conv1's 2i-1 to 2i+1; the original's sees 2i to 2i+2.
    shifted = np.asarray(
        watch(model, ["pool1"])(np.pad(picture[:, 2:, 2:], ((0, 0), (0, 2), (0, 2), (0, 0))))
    )
    np.testing.assert_allclose(shifted[:, 1:15, 1:15], pooled[:, 1:15, 1:15], rtol=1e-4, atol=1e-3)


def test_a_fire_module_joins_its_two_expansions(model):
    names = ["pool1", "fire2_squeeze1x1", "fire2_expand1x1", "fire2_expand3x3", "fire2"]
    picture = np.random.default_rng(1).normal(0, 50, (1, 32, 32, 3)).astype("float32")
    pool, squeeze, narrow, wide, fire = map(np.asarray, watch(model, names)(picture))
    kernel = np.asarray(model.get_layer("fire2_squeeze1x1").kernel)[0, 0]
    np.testing.assert_allclose(squeeze, np.maximum(pool @ kernel, 0), rtol=1e-3, atol=1e-2)
    np.testing.assert_array_equal(fire, np.concatenate([narrow, wide], axis=-1))
    assert wide.shape == narrow.shape and squeeze.min() == 0


def test_positions_stay_near_the_centres_of_their_cells(tmp_path):
    """Position i of a layer of stride s looks about pixel (i + ½)s: within a quarter of a cell.

    With weights that are all positive, a vertical line lights exactly the positions that see it.
    """

    def centred(shape):  # 3×3 expansions see their centre only, so that pools alone widen the view
        kernel = np.ones(shape) / np.prod(shape[:-1])
        if shape[0] == 3 and shape[2] != 3:
            kernel[[0, 0, 0, 1, 1, 2, 2, 2], [0, 1, 2, 0, 2, 0, 1, 2]] = 0
        return kernel

    model = build_squeezenet(write(tmp_path / "positive.h5", centred))
    side = 128
    lines = np.zeros((side, 32, side, 3), "float32")
    lines[np.arange(side), :, np.arange(side)] = 1  # picture x holds a line at column x
    seen = watch(model, STRIDES).predict(lines, batch_size=32, verbose=0)
    for (name, stride), feature in zip(STRIDES.items(), seen, strict=True):
        lit = feature[:, 0, :, 0] > 0  # (line's column, position)
        for position in range(1, side // stride - 1):
            columns = np.flatnonzero(lit[:, position])
            assert len(columns) >= stride, name
            centre = (columns[0] + columns[-1] + 1) / 2
            assert abs(centre - (position + 0.5) * stride) <= stride / 4, (name, position)


@pytest.mark.parametrize("damage", ["missing", "text", "cut", "another network", "another shape", "folder"])
def test_a_file_that_is_none_is_refused(damage, file, tmp_path):
    path = tmp_path / "teacher.h5"
    if damage == "text":
        path.write_text("hello")
    elif damage == "cut":
        path.write_bytes(file.read_bytes()[:50_000])
    elif damage == "another network":
        with h5py.File(path, "w") as contents:
            contents["block1_conv1/kernel"] = np.zeros((3, 3, 3, 64))
    elif damage == "another shape":
        write(path)
        with h5py.File(path, "a") as contents:
            del contents["fire4/expand3x3/fire4/expand3x3/kernel:0"]
            contents["fire4/expand3x3/fire4/expand3x3/kernel:0"] = np.zeros((3, 3, 32, 64))
    elif damage == "folder":
        path.mkdir()
    with pytest.raises(WeightsError, match=r"SqueezeNet 1\.1.*Received: .*teacher\.h5") as caught:
        build_squeezenet(path)
    assert "\n" not in str(caught.value)


def test_a_layer_without_a_bias_is_refused(file, tmp_path):
    path = write(tmp_path / "teacher.h5")
    with h5py.File(path, "a") as contents:
        del contents["fire2/squeeze1x1/fire2/squeeze1x1/bias:0"]
    with pytest.raises(WeightsError, match=r"SqueezeNet"):
        build_squeezenet(path)
