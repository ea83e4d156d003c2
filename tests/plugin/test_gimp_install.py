"""`impasto gimp` with the real GIMP 3 and the real engine: the whole chain, as a user would install it."""

import os
import shlex

import pytest
from gimp_root import host_python

pytestmark = pytest.mark.gimp


@pytest.fixture
def gimp_program(root, tmp_path, monkeypatch):
    """A `gimp-console` on the PATH that is the root's, and a GIMP folder of the user's."""
    program = tmp_path / "bin" / "gimp-console"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {shlex.join(root.command("/usr/bin/gimp-console"))} "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("GIMP3_DIRECTORY", str(tmp_path / "gimp"))
    return program


def test_install_check_uninstall(gimp_program, impasto, tmp_path, capfd):
    words = f"{host_python(tmp_path)} -E -P -m impasto.core.cli engine"
    plug_in = tmp_path / "gimp" / "plug-ins" / "impasto"
    # The engine is asked for by the path that it has in the root: the same program on both sides.
    assert impasto("gimp", "install", "--engine", words, "--no-check") == 0
    from impasto.plugin.checking import check_files, check_gimp
    from impasto.plugin.folders import gimps

    [gimp] = gimps()
    assert check_files(gimp) == words.split() and check_gimp(gimp)
    # What the check is there for: a fault on the way is told.
    (plug_in / "filter.py").write_text("raise SyntaxError")
    with pytest.raises(Exception, match="cannot run the filter"):
        check_gimp(gimp)
    (plug_in / "impasto.py").write_text("this is no Python")
    with pytest.raises(Exception, match="did not load the filter"):
        check_gimp(gimp)
    assert impasto("gimp", "uninstall") == 0 and not plug_in.exists()
