"""The folder of compiled functions."""

import os
import subprocess
import sys
from pathlib import Path

import keras
import pytest

from impasto.core import cache_folder as module
from impasto.core.cache_folder import cache_folder, keep_compiled


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for name in ("TF_XLA_FLAGS", "JAX_COMPILATION_CACHE_DIR"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    return tmp_path / "impasto"


def test_where_it_is(cache, monkeypatch, tmp_path):
    assert cache_folder() == cache
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    assert cache_folder().is_relative_to(tmp_path) and "impasto" in str(cache_folder())


def test_flags(cache, monkeypatch):
    monkeypatch.setenv("TF_XLA_FLAGS", "--tf_xla_cpu_global_jit")
    folder = keep_compiled("tensorflow")
    assert folder and folder.is_dir() and folder.is_relative_to(cache)
    expected = f"--tf_xla_cpu_global_jit --tf_xla_persistent_cache_directory={folder}"
    assert os.environ["TF_XLA_FLAGS"] == expected
    assert keep_compiled("tensorflow") is None and os.environ["TF_XLA_FLAGS"] == expected
    assert keep_compiled("torch") is None


def test_jax(monkeypatch):
    assert str(keep_compiled("jax")) == os.environ["JAX_COMPILATION_CACHE_DIR"]


def test_nothing_is_asked_for_where_it_cannot_be_written(cache, monkeypatch):
    cache.write_text("a file in its place")
    assert keep_compiled("tensorflow") is None and "TF_XLA_FLAGS" not in os.environ
    cache.unlink()
    monkeypatch.setattr(module, "LEAST_FREE", float("inf"))
    assert keep_compiled("tensorflow") is None and "TF_XLA_FLAGS" not in os.environ


def test_pruning(monkeypatch):
    folder = keep_compiled("tensorflow")
    monkeypatch.delenv("TF_XLA_FLAGS")
    monkeypatch.setattr(module, "MOST_ENTRIES", 4)
    for number in range(6):
        (folder / f"{number}.pb").write_bytes(b"\x1a\x01x" if number != 5 else b"")
        os.utime(folder / f"{number}.pb", (number, number))
    (folder / "5.pb.tmp").touch()  # another process is about to write it
    keep_compiled("tensorflow")
    assert sorted(path.name for path in folder.iterdir()) == ["3.pb", "4.pb", "5.pb.tmp"]


PROGRAM = """
import impasto.core.backend as backend
import keras
import numpy as np
from impasto.core.winograd import WinogradConv2D
keras.utils.set_random_seed(0)
layer = keras.layers.Conv2D(2, 3, padding="same", activation="relu")
layer.build((None, None, None, 2))
x = backend.to_tensor(np.ones((1, 6, 6, 2), "float32"))
print(backend.to_numpy(backend.compile_function(WinogradConv2D(layer))(x)).sum())
"""


def run_program(count=1):
    """Starts so many processes at once; gives what each printed."""
    command = [sys.executable, "-c", PROGRAM]
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    started = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) for _ in range(count)]
    printed = [process.communicate()[0].decode().strip() for process in started]
    assert [process.returncode for process in started] == [0] * count
    return printed


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="TensorFlow's own")
def test_processes_share_what_tensorflow_compiles_and_make_damaged_entries_anew(cache):
    one, other = run_program(2)
    kept = {path: path.stat().st_size for path in cache.rglob("*.pb")}
    assert one == other and float(one) > 0
    assert len(kept) == 4 and all(map(module.is_whole, kept))

    first, second, third, _ = kept
    os.truncate(first, kept[first] // 2)
    os.truncate(second, 100)
    third.write_bytes(third.read_bytes()[:-2000] + bytes(2000))  # zeros where nothing reached the disk
    whole = [path for path in kept if module.is_whole(path)]
    assert whole == [path for path in kept if path not in (first, second, third)]
    assert run_program() == [one]
    assert all(map(module.is_whole, kept)) and set(cache.rglob("*.pb")) == set(kept)


def test_every_cut_of_an_entry_is_seen(tmp_path):
    entry = b"\x0a\x03key" + b"\x12\x96\x01" + b"p" * 150 + b"\x1a\x90\x03" + b"c" * 400
    path = tmp_path / "entry.pb"
    for length in range(len(entry)):
        path.write_bytes(entry[:length])
        assert not module.is_whole(path), length
    path.write_bytes(entry)
    assert module.is_whole(path)
    path.write_bytes(b"\x08\x01" + entry)  # another kind of field
    assert not module.is_whole(path)
