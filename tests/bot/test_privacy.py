"""What /privacy promises, to the letter: /delete, the time that pictures are kept, what a kill leaves."""

import os

import pytest

from impasto.bot.texts import text

NAME = "Xyzzyword"


@pytest.fixture(scope="module")
def running(telegram_server, module_bot):
    return module_bot(admins="99", retention_seconds=20)  # swept every second


def traces(folder, word):
    """Files of the bot's that hold a word."""
    return [path.name for path in folder.rglob("*") if path.is_file() and word.encode() in path.read_bytes()]


def erase(server, one):
    one.say("/delete")
    sure = one.hears(text("en", "delete_sure"))
    return one.answered(one.tap(sure, "erase"))


def test_no_byte_is_left_of_what_was_deleted(running, telegram_server, guest_of):
    anna, data = guest_of(7), running.folder / "data"
    anna.photo(caption=f"style: {NAME}")
    anna.hears(NAME)
    assert traces(data, NAME)
    gallery = anna.gallery(anna.photo())
    anna.tap(gallery, "style", "starry_night")
    anna.avatar(gallery)
    assert erase(telegram_server, anna) == text("en", "deleted")
    assert not (data / "pictures" / "7").exists()
    anna.until(lambda: not traces(data, NAME), message=lambda: str(traces(data, NAME)))
    anna.until(lambda: running.rows("SELECT count(*) FROM inbox WHERE state = 'new'") == [(0,)])
    assert running.rows("SELECT count(*) FROM inbox WHERE chat <> 0 OR body <> '{}'") == [(0,)]
    for table in ("jobs", "styles", "people"):
        assert running.rows(f"SELECT count(*) FROM {table} WHERE person = 7") == [(0,)]


def test_delete_ends_what_is_under_way(running, telegram_server, guest_of):
    bella, pictures = guest_of(8), running.folder / "data" / "pictures" / "8"
    running_one, waiting = (bella.gallery(bella.photo()) for _ in range(2))
    bella.tap(running_one, "style", "udnie")
    bella.until(lambda: "Painting" in bella.now(running_one)["caption"])
    bella.tap(waiting, "style", "udnie")
    bella.until(lambda: "In the queue: 1" in bella.now(waiting)["caption"])
    erase(telegram_server, bella)
    for one in (running_one, waiting):
        bella.until(lambda one=one: bella.now(one)["caption"] == text("en", "erased"))
        assert not bella.now(one)["reply_markup"]
    clara = guest_of(9)  # the worker is free for others, and hands nothing in
    gallery = clara.gallery(clara.photo())
    clara.tap(gallery, "style", "starry_night")
    clara.avatar(gallery)
    assert not pictures.exists()
    assert [bella.now(one)["caption"] for one in (running_one, waiting)] == [text("en", "erased")] * 2


def test_the_banned_may_still_ask_and_delete(running, telegram_server, guest_of):
    dora = guest_of(10)
    dora.photo(caption="style: Kept")
    dora.hears("Kept")
    telegram_server.send(99, text="/ban 10")
    dora.until(lambda: running.rows("SELECT person FROM banned") == [(10,)])
    dora.say("/privacy")
    dora.hears("1 min")
    assert erase(telegram_server, dora) == text("en", "deleted")
    assert running.rows("SELECT count(*) FROM styles WHERE person = 10") == [(0,)]
    dora.say("/styles")
    dora.hears(text("en", "banned"))  # the ban stays


def test_pictures_go_when_their_time_is_over(bot, telegram, guest):
    mine = bot(retention_seconds=3, choosing_seconds=8).start()
    edda = guest(7)
    gallery = edda.gallery(edda.photo())
    edda.tap(gallery, "style", "starry_night")
    edda.avatar(gallery)
    pictures = mine.folder / "data" / "pictures"
    edda.until(lambda: not list(pictures.iterdir()) and mine.rows("SELECT * FROM jobs") == [])
    assert edda.answered(edda.tap(gallery, "stronger")) == text("en", "expired")
    unchosen = edda.gallery(edda.photo())
    assert mine.rows("SELECT state FROM jobs") == [("choosing",)]
    edda.until(lambda: mine.rows("SELECT * FROM jobs") == [])
    assert edda.answered(edda.tap(unchosen, "style")) == text("en", "expired")


def test_a_killed_worker_s_photographs_are_swept(bot, telegram, guest, tmp_path):
    (tmp_path / "scratch").mkdir()
    mine = bot()
    mine.environment["TMPDIR"] = str(tmp_path / "scratch")
    mine.start()
    flora = guest(7)
    gallery = flora.gallery(flora.photo())
    flora.tap(gallery, "style", "udnie")  # takes 8 seconds

    def photographs():
        return set((tmp_path / "scratch").glob("impasto-bot-*/photo.png"))

    before = flora.until(photographs)
    flora.until(lambda: mine.rows("SELECT count(*) FROM jobs WHERE progress > 0.02") == [(1,)])
    os.kill(int(mine.rows("SELECT worker FROM jobs")[0][0].split("/")[1]), 9)
    flora.until(lambda: not before & photographs())
    flora.avatar(gallery)
    assert not photographs()
