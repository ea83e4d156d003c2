"""The installer: where it looks, what it copies, and what it says is wrong; with the real engine."""

import json
import os
import sys

import pytest

from impasto.core.errors import ImpastoError
from impasto.plugin.checking import check_engine, check_files, check_gimp
from impasto.plugin.folders import Gimp, console, gimps
from impasto.plugin.installer import engine_words, install, uninstall


@pytest.mark.parametrize(
    ("platform", "variable", "folder", "expected"),
    [
        ("linux", "HOME", ".config/GIMP/3.0", "GIMP 3.0"),
        ("linux", "HOME", ".config/GIMP/2.10", "GIMP 2.10"),
        ("linux", "XDG_CONFIG_HOME", "GIMP/3.2", "GIMP 3.2"),
        ("linux", "HOME", ".var/app/org.gimp.GIMP/config/GIMP/3.0", "GIMP 3.0 (Flatpak)"),
        ("linux", "HOME", "snap/gimp/current/.config/GIMP/3.0", "GIMP 3.0 (Snap)"),
        ("linux", "HOME", ".var/app/org.gimp.GIMP/config/GIMP/2.10", "GIMP 2.10 (Flatpak)"),
        ("win32", "APPDATA", "GIMP/2.10", "GIMP 2.10"),
        ("win32", "APPDATA", "GIMP/3.0", "GIMP 3.0"),
        ("darwin", "HOME", "Library/Application Support/GIMP/3.0", "GIMP 3.0"),
        ("linux", "HOME", ".config/GIMP/2.8", None),
        ("linux", "HOME", ".config/GIMP/3.1", None),
    ],
)
def test_finds_gimps(platform, variable, folder, expected, tmp_path):
    (tmp_path / folder).mkdir(parents=True)
    found = gimps({"HOME": str(tmp_path), variable: str(tmp_path), "PATH": ""}, platform)
    assert [gimp.title for gimp in found] == ([expected] if expected else [])
    assert all(gimp.folder == tmp_path / folder for gimp in found)


def test_the_variable_goes_first_and_a_program_counts(tmp_path):
    (tmp_path / ".config" / "GIMP" / "3.2").mkdir(parents=True)
    environment = {"HOME": str(tmp_path), "PATH": "", "GIMP3_DIRECTORY": str(tmp_path / "own")}
    assert [gimp.folder for gimp in gimps(environment, "linux")] == [tmp_path / "own"]
    environment["GIMP2_DIRECTORY"] = str(tmp_path / "old")
    assert [(gimp.folder.name, gimp.version) for gimp in gimps(environment, "linux")] == [
        ("own", "3.0"),
        ("old", "2.10"),
    ]
    program = tmp_path / "bin" / "gimp"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho GNU Image Manipulation Program version 3.0.4\n")
    program.chmod(0o755)
    found = gimps({"HOME": str(tmp_path / "empty"), "PATH": str(program.parent)}, "linux")
    assert [(gimp.folder, gimp.version) for gimp in found] == [
        (tmp_path / "empty" / ".config" / "GIMP" / "3.0", "3.0")
    ]


def test_installs_and_takes_out(tmp_path):
    gimp = Gimp(tmp_path / "3.0", "3.0")
    for _ in range(2):  # a second time over the first
        target = install(gimp)
    assert target == tmp_path / "3.0" / "plug-ins" / "impasto"
    assert os.access(target / "impasto.py", os.X_OK)
    assert (target / "locale" / "ru" / "LC_MESSAGES" / "impasto.mo").is_file()
    assert os.listdir(target.parent) == ["impasto"]
    assert check_files(gimp) == engine_words(gimp) and engine_words(gimp)[0] == sys.executable
    (target / "impasto.py").chmod(0o644)
    with pytest.raises(ImpastoError, match="not executable"):
        check_files(gimp)
    (target / "impasto.json").write_text("{}")
    (target / "impasto.py").chmod(0o755)
    with pytest.raises(ImpastoError, match="does not know its engine"):
        check_files(gimp)
    assert uninstall(gimp) and not uninstall(gimp)
    assert os.listdir(target.parent) == []
    with pytest.raises(ImpastoError, match="not installed"):
        check_files(gimp)


def test_leaves_alone_what_is_not_its_own(tmp_path):
    gimp = Gimp(tmp_path / "3.0", "3.0")
    gimp.plug_in.mkdir(parents=True)
    (gimp.plug_in / "mine.py").touch()
    for call in (install, uninstall):
        with pytest.raises(ImpastoError, match="something else"):
            call(gimp)
    assert os.listdir(gimp.plug_in) == ["mine.py"] and os.listdir(gimp.plug_in.parent) == ["impasto"]


def test_a_folder_that_cannot_be_written(tmp_path, impasto, capfd):
    blocked = tmp_path / "3.0"
    blocked.mkdir()
    (blocked / "plug-ins").write_text("a file where a folder should be")
    assert impasto("gimp", "install", "--folder", blocked, "--no-check") == 1
    assert "cannot be copied" in capfd.readouterr().err


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home folder in which nothing is, and no program on the PATH."""
    for name in ("HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setenv("PATH", "")
    for name in ("GIMP3_DIRECTORY", "GIMP2_DIRECTORY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def test_no_gimp_at_all(home, impasto, capfd):
    assert impasto("gimp", "check") == 1
    assert "start GIMP once" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("folder", "program", "said"),
    [
        (".config/GIMP/2.99", None, "2.99"),
        (".gimp-2.8", None, "2.8"),
        (None, "2.8.22", "2.8"),
        (None, "3.1.2", "3.1"),
    ],
)
def test_a_gimp_of_the_wrong_version_is_named(folder, program, said, home, impasto, monkeypatch, capfd):
    monkeypatch.delenv("XDG_CONFIG_HOME")
    if folder:
        (home / folder).mkdir(parents=True)
    else:
        monkeypatch.setenv("PATH", str(a_gimp(home / "bin" / "gimp", program).parent))
    assert impasto("gimp", "install") == 1
    error = capfd.readouterr().err
    assert "needs GIMP 3" in error and f"Received: GIMP {said}" in error
    assert not list(home.rglob("plug-ins"))


def a_gimp(path, version, more=""):
    """A program that tells GIMP's version."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\necho GNU Image Manipulation Program version {version}\n{more}")
    path.chmod(0o755)
    return path


def test_the_folder_that_a_user_names(home, impasto, capfd):
    own = home / "GIMP" / "3.2"
    assert impasto("gimp", "install", "--no-check", "--folder", own) == 1
    assert "no such folder" in capfd.readouterr().err and not own.exists()
    own.mkdir(parents=True)
    # GIMP's preferences show that of the plug-ins:
    assert impasto("gimp", "install", "--no-check", "--folder", own / "plug-ins") == 0
    assert "GIMP 3.2: installed" in capfd.readouterr().out
    assert (own / "plug-ins" / "impasto" / "impasto.py").is_file()
    packed = home / ".var" / "app" / "org.gimp.GIMP" / "config" / "GIMP" / "3.0"
    packed.mkdir(parents=True)
    assert impasto("gimp", "install", "--no-check", "--folder", packed) == 0
    assert "GIMP 3.0 (Flatpak)" in capfd.readouterr().out


def test_gimp_is_run_with_the_folder_that_was_named(home, monkeypatch):
    """Else a GIMP that was installed into would be judged by the folder of another."""
    seen = home / "seen"
    program = a_gimp(home / "bin" / "gimp-console", "3.0.4", f'echo "$GIMP3_DIRECTORY" >{seen}')
    monkeypatch.setenv("PATH", str(program.parent))
    with pytest.raises(ImpastoError, match="cannot run the filter"):
        check_gimp(Gimp(home / "own", "3.0"))
    assert seen.read_text().strip() == str(home / "own")
    assert console(Gimp(home, "3.0", "snap")) is None  # the GIMP on the PATH is another one


def test_gimp_2_gets_its_own_files(home, impasto, capfd):
    from impasto.core.styles import gallery_names

    (home / "GIMP" / "2.10").mkdir(parents=True)
    assert impasto("gimp", "install", "--no-check") == 0
    plug_in = home / "GIMP" / "2.10" / "plug-ins" / "impasto"
    assert "GIMP 2.10: installed" in capfd.readouterr().out
    assert os.access(plug_in / "impasto.py", os.X_OK)
    assert "gimpfu" in (plug_in / "impasto.py").read_text("utf-8")
    assert not (plug_in / "dialog.py").exists()  # GIMP 3's
    assert (plug_in / "locale" / "ru" / "LC_MESSAGES" / "impasto.mo").is_file()
    kept = json.loads((plug_in / "impasto.json").read_text("utf-8"))
    assert [name for name, _title in kept["gallery"]] == gallery_names() and kept["engine"]
    assert impasto("gimp", "uninstall") == 0 and not plug_in.exists()


def test_a_left_over_gimp_2_does_not_spoil_the_check(home, impasto, monkeypatch, capfd):
    from impasto.plugin import checking

    def check_gimp(gimp):
        if gimp.is_old:
            raise ImpastoError("no Python")
        return True

    monkeypatch.setattr(checking, "check_engine", lambda words: "1")
    monkeypatch.setattr(checking, "check_gimp", check_gimp)
    for version in ("2.10", "3.0"):
        (home / "GIMP" / version).mkdir(parents=True)
    assert impasto("gimp", "install") == 0
    assert "GIMP 2.10: no Python" in capfd.readouterr().out
    assert impasto("gimp", "check", "--folder", home / "GIMP" / "2.10") == 1


def test_the_flatpak_reaches_out(tmp_path):
    words = engine_words(Gimp(tmp_path, "3.0", "flatpak"))
    assert words[:2] == ["flatpak-spawn", "--host"] and sys.executable in words


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("print('hello')", "not its protocol"),
        ("pass", "not its protocol"),
        ("import json; print(json.dumps({'event': 'ready', 'version': '0'})); input()", "too old"),
    ],
)
def test_engines_that_do_not_work(code, expected):
    with pytest.raises(ImpastoError, match=expected):
        check_engine([sys.executable, "-c", code])


def test_an_engine_that_is_missing(tmp_path):
    with pytest.raises(ImpastoError, match="does not start"):
        check_engine([str(tmp_path / "nothing")])


def test_the_real_engine_paints(tmp_path):
    gimp = Gimp(tmp_path / "3.0", "3.0")
    install(gimp)
    assert check_engine(check_files(gimp))
    assert json.loads((gimp.plug_in / "impasto.json").read_text())["engine"]
