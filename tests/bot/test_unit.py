"""The systemd unit: what an operator relies on without reading it."""

from configparser import ConfigParser
from pathlib import Path

UNIT = Path(__file__).parents[2] / "bot" / "impasto-bot.service"


def test_a_worker_that_runs_out_of_memory_does_not_stop_the_bot():
    unit = ConfigParser(interpolation=None, strict=False)
    unit.optionxform = str
    unit.read(UNIT)
    assert unit["Service"]["OOMPolicy"] == "continue"
    assert unit["Service"]["Restart"] == "always"
