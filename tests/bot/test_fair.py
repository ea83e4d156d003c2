"""One person's hundred photographs against five people's single ones, through the bot itself."""

import re

from impasto.bot.texts import text

MANY = 100


def test_a_hundred_jobs_of_one_person_keep_nobody_waiting(bot, telegram, guest):
    mine = bot(admins="99").start()
    greedy, others = guest(7), [guest(number) for number in range(20, 25)]
    telegram.send(99, text="/pause")
    guest(99).hears("paused")

    def queue(one, galleries):
        for gallery in galleries:
            assert one.answered(one.tap(gallery, "style", "starry_night")) == text("en", "queued")

    photos = [greedy.photo() for _ in range(MANY)]
    queue(greedy, [greedy.gallery(photo) for photo in photos])
    for one in others:
        queue(one, [one.gallery(one.photo())])
    waiting = "SELECT count(*) FROM jobs WHERE state = 'waiting'"
    greedy.until(lambda: mine.rows(waiting) == [(MANY + len(others),)])
    telegram.send(99, text="/resume")
    greedy.until(
        lambda: mine.rows("SELECT count(*) FROM jobs WHERE told = 1") == [(MANY + len(others),)], 300
    )

    begun = [int(chat) for chat in re.findall(r"job (\d+):\d+, round 1: begun", mine.text())]
    assert len(begun) == MANY + len(others)  # each painted once
    assert set(begun[: len(others) + 1]) == {7, *(one.number for one in others)}
    for number, jobs in ((7, MANY), *((one.number, 1) for one in others)):
        results = [one for one in telegram.from_bot(number) if telegram.button(one, "full")]
        assert len(results) == len(telegram.from_bot(number)) == jobs
    assert mine.rows("SELECT count(*) FROM jobs WHERE state <> 'painted'") == [(0,)]
