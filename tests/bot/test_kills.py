"""kill -9 at any moment: nothing lost, nothing sent twice.

One seed in the suite; `IMPASTO_BOT_SEEDS=5 IMPASTO_BOT_PEOPLE=30 IMPASTO_BOT_KILLS=6 pytest
tests/bot/test_kills.py` is the long form.
"""

import os
import random
import sqlite3
import threading
import time
import urllib.error
import urllib.request

import pytest

SEEDS = int(os.environ.get("IMPASTO_BOT_SEEDS", "1"))
PEOPLE = int(os.environ.get("IMPASTO_BOT_PEOPLE", "8"))
KILLS = int(os.environ.get("IMPASTO_BOT_KILLS", "3"))


def has_result(telegram, message):
    return bool(telegram.button(message, "full"))


def assert_all_is_well(bot, telegram, people):
    """Exactly one result a photograph, and nothing left over."""
    for number in people:
        results = [one for one in telegram.from_bot(number) if has_result(telegram, one)]
        answered = {one["reply_to"] for one in results}
        photos = [one["message_id"] for one in telegram.chat(number) if not one["from"]["is_bot"]]
        assert len(results) == len(photos) and answered == set(photos), number
    assert bot.rows("SELECT id, state, told FROM jobs WHERE state <> 'painted' OR told = 0") == []
    assert bot.rows("SELECT update_id FROM inbox WHERE state <> 'done'") == []


def person_taps(telegram, number, stop):
    """Taps a style below each gallery as it appears, again if nothing comes of it."""
    while not stop.is_set():
        done = {one["reply_to"] for one in telegram.from_bot(number) if has_result(telegram, one)}
        for message in telegram.from_bot(number):
            data = telegram.button(message, "style", "starry_night")
            if data and message.get("reply_to") not in done:
                telegram.tap(number, message, data)
                break
        stop.wait(5)


@pytest.mark.parametrize("seed", range(SEEDS))
def test_killed_at_any_moment(bot, telegram, guest, seed):
    mine = bot(workers=1, progress_seconds=0.2).start()

    def strike():
        mine.kill()
        mine.start()

    endure(mine, telegram, guest, random.Random(seed), strike)


@pytest.mark.parametrize("seed", range(SEEDS))
def test_killed_at_any_moment_on_postgresql(bot, telegram, guest, postgres, seed):
    """With two workers on machines of their own: now the bot falls, now a worker, now the database."""
    dice = random.Random(1000 + seed)
    mine = bot(workers=0, progress_seconds=0.2, lease_seconds=10, database=postgres.fresh()).start()
    workers = {number: mine.start_worker(number) for number in (1, 2)}
    coming: list[str] = []

    def strike():
        if not coming:
            coming.extend(dice.sample(["bot", "worker", "database"], 3))
        what = coming.pop()
        if what == "bot":
            mine.kill()
            mine.start()
        elif what == "worker":
            number = dice.choice(list(workers))
            workers[number].kill()
            workers[number].wait()
            workers[number] = mine.start_worker(number)
        else:
            postgres.stop()
            postgres.start()

    try:
        endure(mine, telegram, guest, dice, strike)
    finally:
        for worker in workers.values():
            worker.terminate()
            worker.wait(60)


def endure(mine, telegram, guest, dice, strike):
    """Everybody sends a photograph and taps, something falls at KILLS moments, and everybody is served."""
    people, stop = range(100, 100 + PEOPLE), threading.Event()
    for number in people:
        guest(number).photo()
    for kind in ("lost", "error", "drop", "flood"):
        telegram.fail("editMessageMedia", kind)
    threads = [threading.Thread(target=person_taps, args=(telegram, number, stop)) for number in people]
    for thread in threads:
        thread.start()
    try:
        calls = 0
        for _ in range(KILLS):
            calls += dice.randint(2, 3 * PEOPLE // max(1, KILLS))  # after so many more calls
            wanted, deadline = calls, time.monotonic() + 40
            while len(telegram.new_messages) + len(telegram.edits) < wanted and time.monotonic() < deadline:
                time.sleep(0.002)
            time.sleep(dice.random() * 0.05)
            strike()
            calls = len(telegram.new_messages) + len(telegram.edits)

        def all_have_theirs():
            return all(any(has_result(telegram, one) for one in telegram.from_bot(n)) for n in people)

        guest(100).until(all_have_theirs, 240, mine.text)
        stop.set()
        guest(100).until(lambda: not telegram.updates, 60)
        guest(100).until(
            lambda: (
                mine.rows("SELECT count(*) FROM inbox WHERE state = 'new'") == [(0,)]
                and mine.rows("SELECT count(*) FROM jobs WHERE told = 0 AND state <> 'choosing'") == [(0,)]
            ),
            120,
        )
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert_all_is_well(mine, telegram, people)
    begun, messages = len((mine.folder / "notes").read_text().split()), len(telegram.new_messages)
    print(f"{PEOPLE} jobs, {KILLS} kills; {begun} paintings begun, {messages} messages sent")


def test_killed_at_each_step(bot, telegram, guest):
    """The server holds a call for ever, and the bot is killed in it; another bot goes on."""
    mine = bot(send_seconds=60).start()
    olga = guest(7)
    telegram.fail("sendPhoto", "hang")
    photo = olga.photo()
    olga.until(lambda: any(call[1] == "sendPhoto" for call in telegram.calls))
    mine.kill()  # stored, not handled
    mine.start()
    gallery = olga.gallery(photo)
    telegram.fail("getFile", "hang")
    olga.tap(gallery, "style", "starry_night")
    olga.until(lambda: any(call[1] == "getFile" for call in telegram.calls))
    mine.kill()  # chosen, not fetched
    telegram.fail("editMessageMedia", "hang", seconds=1)  # carried out a second later, nobody listens
    mine.start()
    olga.until(lambda: any(call[1] == "editMessageMedia" for call in telegram.calls))
    mine.kill()  # result on its way, not marked
    mine.start()
    olga.avatar(gallery)
    olga.until(lambda: mine.rows("SELECT told FROM jobs") == [(1,)])
    assert len([one for one in telegram.from_bot(7) if has_result(telegram, one)]) == 1


def test_killed_before_an_update_is_stored_and_before_a_message_is_noted(bot, telegram, guest):
    mine = bot(send_seconds=60).start()
    quirin = guest(7)
    quirin.say("/queue")
    quirin.hears("nothing in the queue")
    lock = sqlite3.connect(mine.folder / "data" / "bot.sqlite3", isolation_level=None)
    lock.execute("BEGIN EXCLUSIVE")
    photo = quirin.photo()
    time.sleep(1.5)  # fetched, and cannot be stored
    mine.kill()
    lock.execute("ROLLBACK")
    lock.close()
    assert photo["update"] in telegram.updates  # so it was not confirmed
    telegram.fail("sendPhoto", "hang", seconds=1)
    mine.start()
    quirin.until(lambda: any(call[1] == "sendPhoto" for call in telegram.calls))
    mine.kill()
    quirin.until(lambda: len(quirin.answers(photo)) == 1)  # carried out, and nobody knows of it
    mine.start()
    quirin.until(lambda: len(quirin.answers(photo)) == 2)
    quirin.until(lambda: mine.rows("SELECT count(*) FROM jobs WHERE status_message > 0") == [(1,)])
    first = quirin.answers(photo)[0]
    quirin.tap(first, "style", "starry_night")
    quirin.avatar(first)
    quirin.until(lambda: len(quirin.answers(photo)) == 1)
    assert_all_is_well_with(mine, telegram, photo)


def assert_all_is_well_with(mine, telegram, photo):
    """One job, one result, though other messages were written beside the photograph."""
    results = [one for one in telegram.from_bot(7) if has_result(telegram, one)]
    assert [one["reply_to"] for one in results] == [photo["message_id"]]
    assert mine.rows("SELECT state FROM jobs") == [("painted",)]


def test_a_worker_is_killed_and_a_stop_in_mid_job(bot, telegram, guest):
    mine = bot().start()
    petra = guest(7)
    gallery = petra.gallery(petra.photo())
    petra.tap(gallery, "style", "udnie")  # takes 8 seconds
    petra.until(lambda: mine.rows("SELECT count(*) FROM jobs WHERE progress > 0.02") == [(1,)])
    worker = int(mine.rows("SELECT worker FROM jobs")[0][0].split("/")[1])
    os.kill(worker, 9)
    petra.until(lambda: mine.rows("SELECT losses FROM jobs") == [(1,)])  # its lease ended with it
    again = f"SELECT count(*) FROM jobs WHERE progress > 0.02 AND worker NOT LIKE '%/{worker}/%'"
    petra.until(lambda: mine.rows(again) == [(1,)])
    assert mine.stop() == 0  # SIGTERM in mid-job: the job is put back
    assert mine.rows("SELECT state, worker, attempts FROM jobs") == [("waiting", None, 0)]
    mine.start()
    petra.avatar(gallery)


def test_duplicate_updates_and_a_refused_token(bot, telegram, guest):
    mine = bot().start()
    rosa = guest(7)
    photo = rosa.photo()
    gallery = rosa.gallery(photo)
    plain = {key: value for key, value in photo.items() if key != "update"}
    telegram.receive("message", plain, update_id=photo["update"])  # the same number again
    telegram.receive("message", plain)  # the same message under another number
    rosa.say("/queue")
    rosa.until(lambda: any("nothing in the queue" in (m.get("text") or "") for m in telegram.from_bot(7)))
    assert [one["message_id"] for one in rosa.answers(photo)] == [gallery["message_id"]]
    mine.stop()
    (mine.folder / "token").write_text("4242:AA" + "revoked" * 5)
    mine.start()
    assert mine.process.wait(60) == 1
    assert "refuses the bot's token" in mine.text() and "revoked" not in mine.text()


@pytest.mark.parametrize("way", ["polling", "webhook"])
def test_a_token_revoked_while_the_bot_runs(bot, telegram, guest, way):
    hook = {"webhook_url": "https://bot.example/webhook", "webhook_secret": "s3cret"}
    mine = bot(**hook if way == "webhook" else {}).start()
    guest(7).until(lambda: "running as @" in mine.text())
    telegram.revoked = True
    assert mine.process.wait(60) == 1
    secret = (mine.folder / "token").read_text().partition(":")[2]
    assert "refuses the bot's token" in mine.text() and secret not in mine.text()


def test_a_locked_database_is_waited_for(bot, telegram, guest):
    mine = bot().start()
    sven = guest(7)
    gallery = sven.gallery(sven.photo())
    lock = sqlite3.connect(mine.folder / "data" / "bot.sqlite3", isolation_level=None)
    lock.execute("BEGIN EXCLUSIVE")
    sven.tap(gallery, "style", "starry_night")
    with pytest.raises(urllib.error.HTTPError, match="503"):
        urllib.request.urlopen(f"http://127.0.0.1:{mine.port}/health", timeout=30)
    lock.execute("ROLLBACK")
    lock.close()
    sven.avatar(gallery)
    assert urllib.request.urlopen(f"http://127.0.0.1:{mine.port}/health", timeout=30).status == 200
