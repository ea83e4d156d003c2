"""The systemd unit and the containers: what an operator relies on without reading it."""

import re
import subprocess
from configparser import ConfigParser
from pathlib import Path

UNIT = Path(__file__).parents[2] / "bot" / "impasto-bot.service"


def test_a_worker_that_runs_out_of_memory_does_not_stop_the_bot():
    unit = ConfigParser(interpolation=None, strict=False)
    unit.optionxform = str
    unit.read(UNIT)
    assert unit["Service"]["OOMPolicy"] == "continue"
    assert unit["Service"]["Restart"] == "always"


def test_a_container_that_is_started_again_installs_the_code_of_now(tmp_path):
    compose = (UNIT.parent / "compose.yaml").read_text()
    copying = re.search(r'sh -c "(.*?) && python -m venv', compose, re.DOTALL)[1]
    source, copy = tmp_path / "source", tmp_path / "copy"
    words = copying.replace("/tmp/source", "COPY").replace("/source", str(source)).replace("COPY", str(copy))
    source.mkdir()
    for version in ("old", "new"):
        (source / "code").write_text(version)
        subprocess.run(["sh", "-c", words], check=True)
        assert (copy / "code").read_text() == version
