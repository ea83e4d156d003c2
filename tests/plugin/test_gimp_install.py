"""`impasto gimp` with the real GIMP 3 and the real engine: the whole chain, as a user would install it."""

import os
import shlex

import pytest
from gimp_root import host_python

pytestmark = pytest.mark.gimp


@pytest.fixture(params=["root", "old_root"], ids=["3", "2.10"])
def gimp_folder(request, tmp_path, monkeypatch):
    """A `gimp-console` on the PATH that is the root's, and a GIMP folder of the user's; its version."""
    root = request.getfixturevalue(request.param)
    program = tmp_path / "bin" / "gimp-console"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {shlex.join(root.command("/usr/bin/gimp-console"))} "$@"\n')
    program.chmod(0o755)
    version = ".".join(root.version.split(".")[:2])
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    folder = tmp_path / "GIMP" / version
    monkeypatch.delenv("GIMP3_DIRECTORY", raising=False)
    monkeypatch.setenv(f"GIMP{version[0]}_DIRECTORY", str(folder))
    return folder


def test_install_check_uninstall(gimp_folder, impasto, tmp_path, capfd):
    words = f"{host_python(tmp_path)} -P -m impasto.core.cli engine"
    plug_in = gimp_folder / "plug-ins" / "impasto"
    # The engine is asked for by the path that it has in the root: the same program on both sides.
    assert impasto("gimp", "install", "--engine", words, "--no-check") == 0
    from impasto.plugin.checking import check_files, check_gimp
    from impasto.plugin.folders import gimps

    [gimp] = gimps()
    assert check_files(gimp) == words.split() and check_gimp(gimp)
    # What the check is there for: a fault on the way is told.
    (plug_in / ("layers.py" if gimp.is_old else "filter.py")).write_text("raise SyntaxError")
    with pytest.raises(Exception, match="cannot run the filter"):
        check_gimp(gimp)
    (plug_in / "impasto.py").write_text("this is no Python")
    with pytest.raises(Exception, match="lack Python 2" if gimp.is_old else "did not load the filter"):
        check_gimp(gimp)
    assert impasto("gimp", "uninstall") == 0 and not plug_in.exists()
