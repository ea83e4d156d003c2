"""Memory and time of what people send: bounded before anything is decoded; whoever hangs is ended."""

import asyncio
import io
import os
import subprocess
import sys
import time

import numpy as np
import pytest
import tifffile
from PIL import Image

from impasto.bot.allowance import Allowance
from impasto.bot.contained import Bounds, run_contained
from impasto.bot.database import Database
from impasto.bot.jobs import Jobs
from impasto.bot.pictures import Pictures
from impasto.bot.preparing import prepare
from impasto.bot.refused import Refused
from impasto.bot.schema import make_tables
from impasto.bot.settings import read_settings
from impasto.bot.turns import Limits
from impasto.core.images import load_picture

ROOMY = Bounds(10**9, 60)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no server where there is no fork")
def test_a_temporary_folder_with_a_long_name_does(tmp_path):
    """A socket's name may be no longer than some hundred bytes; the calls' own files stay in that folder."""
    folder = tmp_path / ("long" * 25)
    folder.mkdir()
    script = (
        "import tempfile; from impasto.bot.contained import Bounds, run_contained\n"
        "if __name__ == '__main__':\n"
        "    print(run_contained(tempfile.gettempdir, bounds=Bounds(10**9, 60)))\n"
    )
    (tmp_path / "script.py").write_text(script)
    environment = os.environ | {"TMPDIR": str(folder)}
    command = [sys.executable, str(tmp_path / "script.py")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == str(folder), done.stderr


def test_what_a_contained_call_gives_and_says():
    assert run_contained(sorted, [2, 1], bounds=ROOMY) == [1, 2]
    with pytest.raises(Refused, match="too_large_to_paint"):
        run_contained(bytearray, 10**10, bounds=ROOMY)
    with pytest.raises(Refused, match="too_slow_to_read"):
        run_contained(time.sleep, 600, bounds=Bounds(10**9, 0.3))
    with pytest.raises(Refused, match="damaged"):
        run_contained(os._exit, 3, bounds=ROOMY)
    with pytest.raises(OSError, match="exists"):
        run_contained(os.mkdir, "/tmp", bounds=ROOMY)
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        run_contained(divmod, 1, 0, bounds=ROOMY)


def test_whoever_waits_is_heard_meanwhile():
    beats = []

    def beat():
        beats.append(1)
        if len(beats) == 3:
            raise KeyError("cancelled")

    began = time.monotonic()
    with pytest.raises(KeyError):
        run_contained(time.sleep, 600, bounds=Bounds(10**9, 500), beat=beat)
    assert time.monotonic() - began < 100


def test_a_small_file_that_holds_a_large_picture(tmp_path, small_jpeg):
    """36 million pixels within the limits, 0.2 MB on the disk, and more memory than is given."""
    large, small = tmp_path / "large.tif", tmp_path / "small.jpg"
    tifffile.imwrite(large, np.zeros((6000, 6000, 3), np.uint16), compression="zlib", photometric="rgb")
    small.write_bytes(small_jpeg)
    assert large.stat().st_size < 10**6
    words, bounds = (str(tmp_path / "out.png"), 640, True, 50_000_000, 6.0), Bounds(400_000_000, 120)
    with pytest.raises(Refused, match="too_large_to_paint"):
        run_contained(prepare, str(large), *words, bounds=bounds)
    assert run_contained(prepare, str(small), *words, bounds=bounds) == ("", 640)
    assert load_picture(str(tmp_path / "out.png")).pixels.shape == (640, 640, 3)


def test_downloads_share_one_limit():
    allowance, held, most = Allowance(100), [0], []

    async def fetch(number):
        async with allowance.of(number):
            held[0] += min(number, 100)
            most.append(held[0])
            await asyncio.sleep(0)
            held[0] -= min(number, 100)

    async def fetch_all():
        await asyncio.gather(*(fetch(number) for number in (30, 30, 30, 30, 500, 1, 99, 60) * 20))

    asyncio.run(fetch_all())
    assert max(most) <= 100 and len(most) == 160 and allowance.free == 100


HANGING = """
import sys, time
from impasto.bot.painting import Studio
from impasto.bot.settings import read_settings
from impasto.bot.worker import run_worker
Studio.paint = lambda *_: time.sleep(600)
Studio.ready = lambda *_: None
sys.exit(run_worker(read_settings(data=sys.argv[1], silence_seconds=2)))
"""


def test_a_worker_that_hangs_ends_itself(tmp_path):
    database = Database(read_settings(data=tmp_path).database_url)
    make_tables(database)
    jobs = Jobs(database)
    job = jobs.make(id="7:1", chat=7, message=1, person=7, language="en", status_message=2)
    jobs.choose(job, Limits(9, 9), styles='["udnie"]')
    jobs.fetched(jobs.find("7:1"), "7/7_1/source")
    words = [sys.executable, "-c", HANGING, str(tmp_path)]
    ended = subprocess.run(words, capture_output=True, text=True, timeout=100)
    assert ended.returncode == 1 and "Timeout" in ended.stderr and "_paint_one" in ended.stderr
    assert jobs.find("7:1").state == "running"  # until it is found dead and its job given to another
    database.close()


@pytest.mark.parametrize("url", ["{folder}/pictures", "memory://impasto-files"])
def test_files_are_stored_and_had_piece_by_piece(url, tmp_path):
    pictures = Pictures(url.format(folder=tmp_path))
    source, target = tmp_path / "a", tmp_path / "b"
    source.write_bytes(os.urandom(300_000))
    pictures.put_file("7/7_4/source", source)
    pictures.get_file("7/7_4/source", target)
    assert target.read_bytes() == source.read_bytes() == pictures.get("7/7_4/source")
    pictures.delete("7/7_4")
    with pytest.raises(FileNotFoundError):
        pictures.get_file("7/7_4/source", target)


def test_a_picture_that_needs_too_much_is_told_of(bot, telegram, guest):
    mine = bot(decode_bytes=300_000_000).start()
    anna = guest(7)
    data = io.BytesIO()
    Image.new("RGB", (6000, 6000)).save(data, "PNG")
    gallery = anna.gallery(telegram.send_document(7, data.getvalue(), mime="image/png", name="a.png"))
    anna.tap(gallery, "style", "starry_night")
    anna.hears("not enough memory")
    anna.tap(gallery, "style", "starry_night")
    anna.until(lambda: mine.rows("SELECT round, state FROM jobs") == [(2, "failed")])
    photo = anna.gallery(anna.photo())
    anna.tap(photo, "style", "starry_night")
    assert anna.avatar(photo).size == (640, 640)
    assert "a fault" not in mine.text()
