"""The plug-in's side of the engine process, outside GIMP: which engine it finds, and its texts."""

import json
import sys

import pytest

from impasto.plugin.translating import SOURCES


@pytest.fixture
def client(monkeypatch, tmp_path):
    """The module as the plug-in imports it, in a folder of its own."""
    monkeypatch.syspath_prepend(str(SOURCES))
    for name in ("engine_client", "problems", "words"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    import engine_client

    monkeypatch.setattr(engine_client, "HERE", tmp_path)
    monkeypatch.delenv("IMPASTO_ENGINE", raising=False)
    monkeypatch.setenv("PATH", "")
    yield engine_client
    for name in ("engine_client", "problems", "words"):
        sys.modules.pop(name, None)


def program(path):
    path.parent.mkdir(exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return str(path)


def test_the_installers_file_goes_before_the_variable_before_the_path(client, monkeypatch, tmp_path):
    import problems

    with pytest.raises(problems.Problem, match="impasto gimp install"):
        client.find()
    on_path = program(tmp_path / "bin" / "impasto")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert client.find()[0] == [on_path, "engine"]
    own = program(tmp_path / "own")
    monkeypatch.setenv("IMPASTO_ENGINE", f"{own} -m 'a module'")
    assert client.find()[0] == [own, "-m", "a module"]
    monkeypatch.setenv("IMPASTO_ENGINE", own)
    assert client.find()[0] == [own, "engine"]
    configured = program(tmp_path / "configured")
    (tmp_path / "impasto.json").write_text(json.dumps({"engine": [configured, "x"], "patience": 5}))
    assert client.find() == ([configured, "x"], {}, 5.0)
    (tmp_path / "configured").unlink()  # an environment that was deleted: the next place counts
    assert client.find()[0] == [own, "engine"]


def test_the_engine_gets_a_clean_environment(client, monkeypatch, tmp_path):
    code = "import json, os; print(json.dumps({'event': 'environment', **os.environ}), flush=True); input()"
    monkeypatch.setenv("GI_TYPELIB_PATH", "/gimp")
    monkeypatch.setenv("PYTHONHOME", "/gimp")
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    (tmp_path / "impasto.json").write_text(json.dumps({"engine": [sys.executable, "-c", code]}))
    with client.Engine() as engine:
        event = engine.next(60)
    assert event["KERAS_BACKEND"] == "tensorflow"
    assert not {"GI_TYPELIB_PATH", "PYTHONHOME"} & set(event)
    assert engine.process.poll() is not None


def test_an_engine_that_does_not_end_is_killed(client, tmp_path):
    code = 'import signal, time; print(\'{"event": "x"}\', flush=True); time.sleep(600)'
    (tmp_path / "impasto.json").write_text(json.dumps({"engine": [sys.executable, "-c", code]}))
    with client.Engine() as engine:
        assert engine.next(60) == {"event": "x"}
    assert engine.process.returncode == -9
