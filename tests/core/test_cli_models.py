import argparse
import json
import subprocess
import sys
import threading
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import h5py
import numpy as np
import pytest

from impasto.core.cli import models as command
from impasto.core.errors import UsageError, WeightsError
from impasto.models.painters import bundled_painters
from impasto.models.register import NETWORKS, VGG16, VGG19, VGG_MINI
from impasto.models.vgg_mini import Head
from impasto.models.weights import cache_folder, file_md5


def run(*words):
    parser = argparse.ArgumentParser(prog="impasto")
    command.add_parser(parser.add_subparsers())
    args = parser.parse_args(["models", *map(str, words)])
    return args.run(args)


def write(path, network):
    """Weights in the layout that Keras publishes."""
    with h5py.File(path, "w") as file:
        layers = list(dict.fromkeys(name.split("/")[0] for name in network.shapes))
        file.attrs["layer_names"] = np.array([layer.encode() for layer in layers])
        for layer in layers:
            group = file.create_group(layer)
            group.attrs["weight_names"] = np.array([b"kernel:0", b"bias:0"])
            for kind in ("kernel", "bias"):
                group[f"{kind}:0"] = np.ones(network.shapes[f"{layer}/{kind}"], "float32")


@pytest.fixture
def register(monkeypatch, tmp_path):
    """A register of networks so small that their files are tiny; returns VGG-19's file, on a server."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    served = tmp_path / "served"
    served.mkdir()
    small = replace(VGG19, blocks=((4,), (6,)))
    path = served / VGG19.file
    write(path, small)
    monkeypatch.setitem(NETWORKS, "vgg19", replace(small, size=path.stat().st_size, md5=file_md5(path)))
    monkeypatch.setitem(NETWORKS, "vgg16", replace(VGG16, blocks=((4,), (5,))))
    mini = replace(
        VGG_MINI,
        blocks=((2,),),
        heads={"relu1_1": Head("block1_conv1", 2, 64)},
        file=str(tmp_path / "mini.npz"),
    )
    np.savez(mini.file, **{name: np.ones(shape, "float16") for name, shape in mini.shapes.items()})
    monkeypatch.setitem(NETWORKS, "vgg_mini", mini)
    return path


@pytest.fixture
def url(register):
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=register.parent))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_list(register, capsys):
    for words in ([], ["list"]):
        assert run(*words) == 0
        lines, painters = (part.splitlines() for part in capsys.readouterr().out.split("\n\n"))
        assert [line.split()[0] for line in lines] == ["network", "vgg19", "vgg16", "vgg_mini"]
        assert painters[0].startswith("one pass")
        assert [line.split()[0] for line in painters[1:]] == list(bundled_painters())
        assert "not here; get it: `impasto models download vgg19`" in lines[1]
        assert "bundled:" in lines[3]


def test_list_as_json(register, url, capsys):
    run("download", "vgg19", "--url", url)
    capsys.readouterr()
    assert run("list", "--json") == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert list(rows) == list(NETWORKS)
    assert (rows["vgg19"]["weights"], rows["vgg16"]["weights"]) == ("cache", "missing")
    assert rows["vgg19"]["path"] == str(cache_folder() / VGG19.file) and rows["vgg19"]["get"] is None
    assert rows["vgg16"]["path"] is None and "download vgg16" in rows["vgg16"]["get"]
    assert rows["vgg19"]["size_bytes"] == register.stat().st_size
    assert rows["vgg_mini"]["parameters"] == 27 * 2 + 2 + 2 * 2 + 2


def test_list_does_not_start_keras():
    code = (
        "import argparse, sys; from impasto.core.cli import models; p = argparse.ArgumentParser();"
        "models.add_parser(p.add_subparsers()); a = p.parse_args(['models']); a.run(a);"
        "print({'keras', 'tensorflow', 'h5py'} & set(sys.modules))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines()[-1] == "set()" and "20.0 M" in result.stdout


def test_download_then_verify(register, url, capsys):
    assert run("download", "vgg19", "--url", url) == 0
    target = cache_folder() / VGG19.file
    assert target.read_bytes() == register.read_bytes()
    output = capsys.readouterr()
    assert f"downloaded, hash correct: {target}" in output.out
    assert output.err == ""  # no bar where nobody looks
    assert run("download", "vgg19", "--url", url) == 0
    assert "already here" in capsys.readouterr().out
    assert run("verify", "vgg19") == 0
    assert f"vgg19: intact, the published file: {target}" in capsys.readouterr().out


def test_download_failures_reach_the_caller(register, url):
    with pytest.raises(WeightsError, match="404"):
        run("download", "vgg16", "--url", url)
    with pytest.raises(UsageError, match="comes with Impasto"):
        run("download", "vgg_mini")
    with pytest.raises(UsageError, match=r"Did you mean .*'vgg16'"):
        run("download", "vgg61")


def test_verify_what_is_here(register, url, capsys):
    assert run("verify") == 0
    output = capsys.readouterr().out
    assert "vgg19: not here" in output and "vgg_mini: intact" in output
    run("download", "vgg19", "--url", url)
    with open(cache_folder() / VGG19.file, "r+b") as file:
        file.seek(-1, 2)
        file.write(b"?")
    capsys.readouterr()
    assert run("verify") == 1
    output = capsys.readouterr()
    assert "vgg19: VGG-19's weight file is damaged" in output.err and "vgg_mini: intact" in output.out
    with pytest.raises(WeightsError, match="damaged"):
        run("verify", "vgg19")


def test_verify_missing(register):
    with pytest.raises(WeightsError, match="impasto models download vgg16"):
        run("verify", "vgg16")


def test_verify_a_broken_bundle(register, capsys):
    with open(NETWORKS["vgg_mini"].file, "wb") as file:
        file.write(b"PK broken")
    assert run("verify") == 1
    assert "damaged" in capsys.readouterr().err


def test_verify_a_file(register, tmp_path, capsys):
    assert run("verify", register) == 0
    assert "VGG-19, the published file" in capsys.readouterr().out
    write(tmp_path / "own.h5", NETWORKS["vgg16"])
    assert run("verify", tmp_path / "own.h5") == 0
    assert "VGG-16, all weights there and finite; not the published file" in capsys.readouterr().out
    assert run("verify", NETWORKS["vgg_mini"].file) == 0
    assert "published" not in capsys.readouterr().out
    with pytest.raises(WeightsError, match="no such file"):
        run("verify", tmp_path / "nothing.h5")
    with pytest.raises(UsageError, match="Did you mean 'vgg19'"):
        run("verify", "vgg91")
    (tmp_path / "text.h5").write_text("words")
    with pytest.raises(WeightsError, match="damaged or of an unknown kind"):
        run("verify", tmp_path / "text.h5")


def test_a_bar_for_those_who_look(register, url, capfd, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    run("download", "vgg19", "--url", url)
    assert "VGG-19: 100%" in capfd.readouterr().err
