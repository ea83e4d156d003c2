"""What goes wrong around the bot: the disk, the clock, the network, another bot. Nothing is lost by it."""

import contextlib
import io
import os
import subprocess
import time

import pytest
from PIL import Image

from impasto.bot.avatar import encode_jpeg


def results(telegram, number):
    return [one for one in telegram.from_bot(number) if telegram.button(one, "full")]


def test_two_bots_with_one_token(bot, telegram, guest, tmp_path):
    """Each ends the other's polling; both say so once and keep trying; who is left alone works."""
    (tmp_path / "second").mkdir()
    first = bot().start()
    anna = guest(7)
    anna.gallery(anna.photo())
    second = bot(folder=tmp_path / "second").start()
    line = "another process polls with this bot's token"
    anna.until(lambda: line in first.text() and line in second.text())
    time.sleep(3)  # some more conflicts
    assert (first.text().count(line), second.text().count(line)) == (1, 1)
    assert first.process.poll() is None and second.process.poll() is None
    assert first.stop() == 0
    bella = guest(8)
    gallery = bella.gallery(bella.photo())
    bella.tap(gallery, "style", "starry_night")
    bella.avatar(gallery)
    assert len(telegram.from_bot(8)) == 1


def test_telegram_out_of_reach(bot, telegram, guest):
    """At the start, and when a result is to be delivered; and a flood wait longer than all patience."""
    telegram.stop()
    mine = bot(send_seconds=2)
    mine.environment["SMALL_ENGINE_STEPS"] = "100"  # 2 seconds
    mine.start()
    carla, dina = guest(7), guest(8)
    carla.until(lambda: mine.text().count("Telegram cannot be reached") >= 2)
    assert mine.stop() == 0  # SIGTERM is heard meanwhile
    mine.start()
    carla.until(lambda: mine.text().count("Telegram cannot be reached") >= 4)
    telegram.start()
    gallery, other = carla.gallery(carla.photo()), dina.gallery(dina.photo())
    telegram.fail("editMessageMedia", "flood", seconds=14)
    carla.tap(gallery, "style", "starry_night")
    carla.until(lambda: not telegram.faults["editMessageMedia"])
    dina.tap(other, "style", "water_lilies")
    dina.until(lambda: mine.rows("SELECT state FROM jobs WHERE person = 8") == [("running",)])
    telegram.stop()
    dina.until(lambda: mine.rows("SELECT state FROM jobs WHERE person = 8") == [("painted",)])
    time.sleep(4)  # longer than one delivery is tried for
    telegram.start()
    assert dina.avatar(other).size == carla.avatar(gallery).size == (640, 640)
    for number in (7, 8):
        assert len(telegram.from_bot(number)) == len(results(telegram, number)) == 1
    assert [row[0] for row in mine.rows("SELECT state FROM jobs")] == ["painted"] * 2


CLOCK = """
import os, time
real = time.time
def shifted():
    with open(os.environ["TEST_CLOCK"]) as file:
        return real() + float(file.read())
time.time = shifted
"""


def test_the_clock_jumps(bot, telegram, guest, tmp_path):
    """The time of day of the bot and its workers jumps by days; time.monotonic() does not, as in a system."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(CLOCK)
    clock = tmp_path / "clock"

    def shift(days):
        beside = clock.with_suffix(".new")
        beside.write_text(str(86400 * days))
        beside.replace(clock)

    shift(0)
    mine = bot(admins="99", retention_seconds=3 * 86400, choosing_seconds=90 * 86400, lease_seconds=8)
    path = os.pathsep.join([str(tmp_path / "site"), *os.environ.get("PYTHONPATH", "").split(os.pathsep)])
    mine.environment |= {"PYTHONPATH": path, "TEST_CLOCK": str(clock)}
    mine.start()
    edda, flora, grete = guest(7), guest(8), guest(9)
    galleries = [one.gallery(one.photo()) for one in (edda, flora, grete)]
    telegram.fail("getFile", "error", times=30)
    flora.tap(galleries[1], "style", "starry_night")
    until_failed = "SELECT count(*) FROM jobs WHERE person = 8 AND retry_at > 0"
    flora.until(lambda: mine.rows(until_failed) == [(1,)])
    shift(-1)  # its next try is a day ahead now
    telegram.faults["getFile"].clear()
    flora.avatar(galleries[1])

    edda.tap(galleries[0], "style", "udnie")  # takes 8 seconds
    edda.until(lambda: mine.rows("SELECT count(*) FROM jobs WHERE progress > 0.02") == [(1,)])
    for days in (*range(25), -2):
        shift(days)
        time.sleep(0.13)
    edda.avatar(galleries[0])
    assert (mine.folder / "notes").read_text().split() == ["starry_night", "udnie"]  # each painted once
    assert mine.rows("SELECT losses, attempts FROM jobs WHERE person = 7") == [(0, 0)]

    telegram.send(99, text="/pause")
    grete.until(lambda: any(one.get("text") == "paused" for one in telegram.from_bot(99)))
    grete.tap(galleries[2], "style", "starry_night")
    grete.until(lambda: mine.rows("SELECT state FROM jobs WHERE person = 9") == [("waiting",)])
    assert mine.stop() == 0
    shift(-40)  # its row was made in the future now
    mine.start()
    grete.until(lambda: "were stamped anew" in mine.text())
    telegram.send(99, text="/resume")
    grete.avatar(galleries[2])
    for number in (7, 8, 9):
        assert len(telegram.from_bot(number)) == len(results(telegram, number)) == 1


@pytest.fixture
def small_disk(tmp_path):
    """A folder on a disk of its own, and functions that fill and free it."""
    folder, ballast = tmp_path / "disk", tmp_path / "disk" / "ballast"
    folder.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)]
    try:
        subprocess.run(words, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("NOT TESTED ON A FULL DISK: only root can mount a small one")

    def fill():
        with contextlib.suppress(OSError), ballast.open("ab", buffering=0) as file:
            while True:
                file.write(b"\0" * 65536)
        with contextlib.suppress(OSError), ballast.open("ab", buffering=0) as file:
            while True:
                file.write(b"\0")

    def free():
        ballast.unlink()

    yield folder, fill, free
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.parametrize("whole", [True, False], ids=["everything", "pictures"])
def test_a_full_disk_is_waited_for(small_disk, bot, telegram, guest, whole):
    """First where everything lies on it, then with the tables on another disk."""
    folder, fill, free = small_disk
    mine = bot(**({"data": folder / "data"} if whole else {"pictures": folder / "pictures"}))
    if whole:
        mine.folder.joinpath("data").symlink_to(folder / "data")  # where its rows are looked up
    mine.environment["SMALL_ENGINE_STEPS"] = "100"  # 2 seconds
    mine.start()
    hanna, irma, jana = guest(7), guest(8), guest(9)
    galleries = [one.gallery(one.photo()) for one in (hanna, irma)]
    hanna.tap(galleries[0], "style", "starry_night")
    hanna.until(lambda: mine.rows("SELECT count(*) FROM jobs WHERE progress > 0.02") == [(1,)])
    telegram.fail("getFile", "hang", seconds=1)
    style = telegram.send_photo(9, jpeg_of_noise(), caption="style: Mine")
    hanna.until(lambda: not telegram.faults["getFile"])
    fill()  # while one is painted for, and another's style is fetched
    irma.tap(galleries[1], "style", "starry_night")
    jana.until(lambda: "; later" in mine.text() or "database: OperationalError" in mine.text())
    irma.until(lambda: whole or ("a disk refused it" in mine.text() and "; tried again" in mine.text()))
    time.sleep(2)
    assert mine.process.poll() is None and results(telegram, 7) == results(telegram, 8) == []
    free()
    hanna.avatar(galleries[0])
    irma.avatar(galleries[1])
    answer = jana.until(lambda: jana.answers(style))
    assert "Mine" in answer[0]["text"] and len(answer) == 1
    assert len(telegram.from_bot(7)) == len(telegram.from_bot(8)) == 1
    rows = mine.rows("SELECT state, attempts FROM jobs")
    assert rows == [("painted", 0)] * 2
    hanna.until(lambda: mine.rows("SELECT count(*) FROM inbox WHERE state <> 'done'") == [(0,)])
    fill()
    assert mine.stop() == 0  # within its time, whatever cannot be written


def jpeg_of_noise():
    data = io.BytesIO()
    Image.frombytes("RGB", (600, 600), os.urandom(3 * 600 * 600)).save(data, "JPEG", quality=90)
    return data.getvalue()


def plain_jpeg():
    data = io.BytesIO()
    Image.new("RGB", (2200, 1720), (200, 80, 40)).save(data, "JPEG")
    return data.getvalue()


def test_a_result_above_the_limit_of_a_photo(bot, telegram, guest):
    """A JPEG is made to fit; the whole photograph, of noise above 10 MB, arrives as a document."""
    noise = Image.frombytes("RGB", (300, 300), os.urandom(3 * 300 * 300))
    for most in (60_000, 5_000):  # worse, then smaller too
        data = encode_jpeg(noise, most)
        assert most / 3 < len(data) <= most and Image.open(io.BytesIO(data)).format == "JPEG"
    bot(full_size=2200).start()
    klara = guest(7)
    gallery = klara.gallery(klara.photo(plain_jpeg()))
    klara.tap(gallery, "style", "composition_vii")
    klara.avatar(gallery)
    klara.tap(gallery, "full")
    whole = klara.until(lambda: [one for one in telegram.from_bot(7) if one.get("document")])[0]
    assert 10_000_000 < len(whole["bytes"]) <= 50_000_000
    assert Image.open(io.BytesIO(whole["bytes"])).size == (2200, 1720)
