"""The root with GIMP in it, made on first use, and GIMPs that run there."""

import fcntl
import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from gimp_root import Gimp, Root, host_python

HERE = Path(__file__).parent
MAKER = HERE / "make_gimp_root.sh"


def root_folder(suite: str) -> Path:
    """Where a root is kept: by its script's own hash, so that a change of the script makes a new one."""
    given = os.environ.get(f"IMPASTO_GIMP_{suite.upper()}")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    key = hashlib.sha256(MAKER.read_bytes()).hexdigest()[:12]
    return Path(given) if given else cache / "impasto" / f"gimp-{suite}-{key}"


def made_root(suite: str, required: bool) -> Root:
    """The root, made if need be.

    Where none can be made or entered (no Debian, no mirror, no right to mount) the tests are skipped,
    loudly; IMPASTO_GIMP_REQUIRED=1 makes that a failure.
    """
    folder = root_folder(suite)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(folder.with_suffix(".lock"), "w") as lock:  # of several test processes one makes it
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            made = subprocess.run(
                ["timeout", "900", "bash", MAKER, folder, suite],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            if made.returncode:
                reason = f"The root with GIMP ({suite}) could not be made:\n{made.stdout[-3000:]}"
                unavailable(reason, required)
    root = Root(folder)
    seen = root.run("gimp-console", "--version")
    version = re.search(r"version (\d\.\d+\.\d+)", seen.stdout)
    if not version:
        unavailable(f"GIMP does not run in {folder}: {seen.stdout} {seen.stderr[-2000:]}", required)
    root.version = version[1]
    return root


def unavailable(reason: str, required: bool):
    """Skips loudly, or fails where the environment says that it is required."""
    if required and os.environ.get("IMPASTO_GIMP_REQUIRED"):
        pytest.fail(reason, pytrace=False)
    print(f"\nGIMP IS NOT TESTED HERE. {reason}", file=sys.__stderr__, flush=True)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def root() -> Root:
    """A Debian root with GIMP: 13 with GIMP 3.0, or what IMPASTO_GIMP_SUITE names: forky has 3.2."""
    return made_root(os.environ.get("IMPASTO_GIMP_SUITE", "trixie"), required=True)


@pytest.fixture(scope="session")
def old_root() -> Root:
    """A Debian 12 root with GIMP 2.10 and Python 2.7; made only where IMPASTO_GIMP2 asks for it."""
    if not (root_folder("bookworm").is_dir() or os.environ.get("IMPASTO_GIMP2")):
        pytest.skip("There is no root with GIMP 2.10: `make test-gimp-2.10` makes one.")
    return made_root("bookworm", required=bool(os.environ.get("IMPASTO_GIMP2")))


@pytest.fixture(scope="module")
def notes(tmp_path_factory):
    """The file in which small engines note what they were asked."""
    return tmp_path_factory.mktemp("notes") / "notes"


@pytest.fixture
def last_note(notes):
    """Reads the latest note."""
    return lambda: json.loads(notes.read_text().splitlines()[-1])


@pytest.fixture(scope="session")
def small_engine(tmp_path_factory):
    """The words that start a small engine inside the root: `small_engine(notes, "fault")`."""
    python = host_python(tmp_path_factory.mktemp("python"))

    def words(notes, *fault):
        return [str(python), str(HERE / "small_engine.py"), str(notes), *fault]

    return words


@pytest.fixture(scope="session")
def real_engine(tmp_path_factory):
    """The words that start the real engine inside the root."""
    python = host_python(tmp_path_factory.mktemp("python"))
    return [str(python), "-P", "-m", "impasto.core.cli", "engine"]


@pytest.fixture(scope="module")
def start_gimp(root, tmp_path_factory):
    """Starts GIMPs with a given engine; all are ended with the module."""
    started = []

    def start(engine, **options):
        started.append(Gimp(root, tmp_path_factory.mktemp("gimp"), engine, **options))
        started[-1].do(HELPERS)
        return started[-1]

    yield start
    for gimp in started:
        gimp.close()


# What the pieces of Python that tests run in GIMP have at hand.
HELPERS = (HERE / "inside_gimp.py").read_text()
