import hashlib
import subprocess
import sys
from dataclasses import replace

import h5py
import numpy as np
import pytest

from impasto.models.errors import UsageError, WeightsError
from impasto.models.register import NETWORKS, VGG16, VGG19, VGG_MINI
from impasto.models.vgg_mini import Head
from impasto.models.weights import (
    cache_folder,
    check_weights,
    choose,
    file_md5,
    identify,
    locate,
    read_weights,
)

SMALL = replace(VGG19, blocks=((4,), (6, 6)))  # two blocks stand for the whole network: files stay tiny
OTHER = replace(VGG16, blocks=((4,), (6,)))  # has all its layers in common with SMALL


@pytest.fixture
def small(monkeypatch, keras_home, publish, make_weights, tmp_path):
    """A register of small networks; SMALL's published file and weights."""
    arrays = make_weights(SMALL)
    path = publish(tmp_path / "small.h5", arrays)
    monkeypatch.setitem(NETWORKS, "vgg19", replace(SMALL, md5=file_md5(path)))
    monkeypatch.setitem(NETWORKS, "vgg16", OTHER)
    mini = tmp_path / "mini.npz"
    heads = {"relu1_1": Head("block1_conv1", 2, 64)}
    bundled = replace(VGG_MINI, blocks=((2,),), heads=heads, file=str(mini))
    np.savez(mini, **make_weights(bundled))
    monkeypatch.setitem(NETWORKS, "vgg_mini", bundled)
    return path, arrays


def one_line(error) -> str:
    message = str(error.value)
    assert "\n" not in message and "Received: " in message
    return message


def same(first, second):
    assert {name: array.shape for name, array in first.items()} == {n: a.shape for n, a in second.items()}
    for name, array in second.items():
        np.testing.assert_array_equal(first[name], array)


# ---------------------------------------------------------------- layouts


def test_published_layout(small):
    path, arrays = small
    same(read_weights(path), arrays)


def test_a_whole_keras_2_model(small, tmp_path):
    path, arrays = small
    whole = tmp_path / "whole.h5"
    with h5py.File(path) as source, h5py.File(whole, "w") as target:
        source.copy(source, target, "model_weights")
    same(read_weights(whole), arrays)


@pytest.mark.parametrize("kind", ["float16", "float32"])
def test_npz(small, tmp_path, kind):
    _, arrays = small
    arrays = {name: array.astype(kind) for name, array in arrays.items()}
    np.savez_compressed(tmp_path / "any.name", **arrays)
    same(read_weights(tmp_path / "any.name.npz"), arrays)


@pytest.mark.parametrize("name", ["weights.weights.h5", "model.keras"])
def test_what_keras_3_saves(name, tmp_path):
    import keras

    from impasto.models.vgg_mini import build_vgg_mini

    model = build_vgg_mini()
    path = tmp_path / name
    model.save_weights(path) if name.endswith("h5") else model.save(path)
    same(read_weights(path), {v.path: keras.ops.convert_to_numpy(v.value) for v in model.variables})


# ---------------------------------------------------------------- damage


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"text\n" * 99,
        b"<html>Sign in</html>",
        b"PK\x03\x04 broken zip",
        b"\x89HDF\r\n\x1a\n" + bytes(600),
    ],
    ids=["empty", "text", "html", "zip", "hdf5"],
)
def test_files_of_another_kind(tmp_path, content):
    path = tmp_path / "weights.h5"
    path.write_bytes(content)
    with pytest.raises(WeightsError) as error:
        read_weights(path)
    assert str(path) in one_line(error)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_a_truncated_file(small, tmp_path, share):
    data = small[0].read_bytes()
    path = tmp_path / "half.h5"
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(WeightsError, match="damaged") as error:
        read_weights(path)
    one_line(error)


def test_hdf5_without_layers(tmp_path):
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["numbers"] = np.arange(3)
    with pytest.raises(WeightsError, match="HDF5 file without layers"):
        read_weights(tmp_path / "x.h5")


def test_no_pickle_is_ever_run(tmp_path):
    np.savez(tmp_path / "x.npz", **{"block1_conv1/kernel": np.array([{}], dtype=object)})
    with pytest.raises(WeightsError, match="damaged"):
        read_weights(tmp_path / "x.npz")


# ---------------------------------------------------------------- whose weights


def test_weights_fit_their_own_network_only(small):
    path, arrays = small
    check_weights(SMALL, arrays, path)
    with pytest.raises(WeightsError, match=r"VGG-16.*also block2_conv2; these are the weights of VGG-19"):
        check_weights(OTHER, arrays, path)
    assert identify(path).name == "vgg19"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"block2_conv2/bias": None}, r"lacks block2_conv2/bias, expected of shape \(6,\)"),
        ({"block1_conv1/kernel": np.zeros((4, 3, 3, 3))}, r"shape \(3, 3, 3, 4\), received \(4, 3, 3, 3\)"),
        (
            {"block1_conv1/bias": np.array([1, 2, np.nan, 4])},
            "block1_conv1/bias contains numbers that are not finite",
        ),
        ({"block1_conv1/bias": np.array([1, 2, 3, 4])}, "floating point, received int64"),
    ],
)
def test_weights_that_do_not_fit(small, change, message):
    path, arrays = small
    arrays = {name: array for name, array in (arrays | change).items() if array is not None}
    with pytest.raises(WeightsError, match=message) as error:
        check_weights(SMALL, arrays, path)
    assert one_line(error).endswith(f"Received: {path}")


def test_a_classifier_on_top_does_no_harm(small):
    path, arrays = small
    check_weights(SMALL, arrays | {"fc1/kernel": np.zeros((2, 2)), "fc1/bias": np.zeros(2)}, path)


def test_a_file_of_no_known_network(tmp_path, small):
    np.savez(tmp_path / "x.npz", a=np.zeros(3))
    with pytest.raises(WeightsError, match="fits no network that Impasto knows") as error:
        identify(tmp_path / "x.npz")
    one_line(error)


# ---------------------------------------------------------------- places and choices


def test_cache_folder_is_keras_own(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "models"
    monkeypatch.delenv("KERAS_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    assert cache_folder() == tmp_path / "me" / ".keras" / "models"


def test_md5(tmp_path):
    (tmp_path / "x").write_bytes(bytes(range(256)) * 9999)
    assert file_md5(tmp_path / "x") == hashlib.md5(bytes(range(256)) * 9999).hexdigest()


def put_in_cache(path, damage=b""):
    target = cache_folder() / VGG19.file
    target.parent.mkdir(parents=True)
    target.write_bytes(path.read_bytes() + damage)
    return target


def test_locate(small):
    network = NETWORKS["vgg19"]
    assert locate(network) == ("missing", cache_folder() / VGG19.file)
    target = put_in_cache(small[0])
    assert locate(network) == ("cache", target)
    with open(target, "r+b") as file:
        file.write(b"\0")
    assert locate(network) == ("damaged", target)
    assert locate(NETWORKS["vgg_mini"]).state == "bundled"


def test_auto_takes_vgg19_from_the_cache(small):
    target = put_in_cache(small[0])
    network, path, notice = choose("auto")
    assert (network.name, path) == ("vgg19", target)
    assert "vgg19" in notice and "--network vgg_mini" in notice


def test_auto_takes_the_bundled_network_otherwise(small):
    network, path, notice = choose("auto")
    assert network.name == "vgg_mini" and path.is_file()
    assert "vgg_mini" in notice and "impasto models download vgg19" in notice and "damaged" not in notice
    assert not cache_folder().exists()  # nothing is fetched or made


def test_auto_says_that_the_cached_file_is_damaged(small):
    put_in_cache(small[0], b"x")
    network, _, notice = choose("auto")
    assert network.name == "vgg_mini" and "damaged" in notice and "impasto models download vgg19" in notice


def test_auto_recognises_a_file(small):
    network, path, notice = choose("auto", small[0])
    assert (network.name, path) == ("vgg19", small[0]) and "vgg19" in notice


def test_a_named_network_gives_no_notice(small):
    put_in_cache(small[0])
    assert choose("vgg19").notice is None
    assert choose("vgg_mini").notice is None
    assert choose("vgg19", small[0]).path == small[0]


def test_missing_weights_say_how_to_get_them(small):
    with pytest.raises(WeightsError) as error:
        choose("vgg19")
    message = one_line(error)
    assert "impasto models download vgg19" in message and "--weights FILE" in message


def test_damaged_weights_are_not_used(small):
    put_in_cache(small[0], b"x")
    with pytest.raises(WeightsError, match="damaged or not the published one") as error:
        choose("vgg19")
    assert "impasto models download vgg19" in one_line(error)


def test_missing_bundled_weights(small, monkeypatch, tmp_path):
    monkeypatch.setitem(NETWORKS, "vgg_mini", replace(VGG_MINI, file=str(tmp_path / "gone.npz")))
    for name in ("auto", "vgg_mini"):
        with pytest.raises(WeightsError, match="impasto distill") as error:
            choose(name)
        one_line(error)


@pytest.mark.parametrize("name", ["nothing.h5", "."])
def test_weights_that_are_no_file(small, tmp_path, name):
    for network in ("auto", "vgg19"):
        with pytest.raises(WeightsError, match=r"no such file|a folder") as error:
            choose(network, tmp_path / name)
        one_line(error)


def test_unknown_network(small):
    with pytest.raises(UsageError, match="no such network"):
        choose("resnet50")


def test_nothing_here_imports_keras():
    code = "import sys, impasto.models.download, impasto.core.cli.models; print(*sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"keras", "tensorflow", "torch", "jax", "h5py", "numpy"} & set(result.stdout.split())
