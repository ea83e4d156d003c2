"""Groups: who is answered, whose settings hold, whose buttons are whose, and what ends with the group."""

import pytest

from impasto.bot.texts import text

MENTION = "@impasto_test_bot"


@pytest.fixture(scope="module")
def running(telegram_server, module_bot):
    return module_bot(admins="99")


def plain(message):
    return {key: value for key, value in message.items() if key != "update"}


def in_group(server, chat):
    return [one for one in server.from_bot(chat) if server.button(one, "style")]


def test_the_senders_own_settings_hold(running, telegram_server, guest_of):
    anna, bella = guest_of(7), guest_of(8)
    settings = anna.say("/settings") and anna.hears("Strength")
    anna.tap(settings, "set", "colours:keep")
    anna.tap(settings, "set", "strength:0.65")
    anna.until(lambda: "65%" in anna.now(settings)["text"])
    photo = bella.photo(chat=-5)  # addressed to nobody
    for one in (anna, bella):
        one.say(f"{MENTION} please", chat=-5, reply_to_message=plain(photo))
    anna.until(lambda: len(in_group(telegram_server, -5)) == 2)
    wishes = dict(
        (person, (strength, colours))
        for person, strength, colours in running.rows("SELECT person, strength, colours FROM jobs")
    )
    assert wishes == {7: (0.65, "keep"), 8: (0.35, "style")}
    mine = next(one for one in in_group(telegram_server, -5) if running_person(running, one) == 7)
    data = telegram_server.button(mine, "style", "starry_night")
    tap = telegram_server.tap(8, mine, data)
    assert bella.answered(tap) == text("en", "not_yours")
    telegram_server.tap(7, mine, data)
    anna.until(
        lambda: telegram_server.button(
            next(one for one in telegram_server.from_bot(-5) if one["message_id"] == mine["message_id"]),
            "full",
        )
    )


def running_person(running, message):
    rows = running.rows(f"SELECT person FROM jobs WHERE status_message = {message['message_id']}")
    return rows[0][0] if rows else None


def test_a_mention_below_an_album_holds_for_all_of_it(running, telegram_server, guest_of):
    carla = guest_of(9)
    for caption in (f"for us {MENTION}", None, None):
        carla.photo(chat=-6, media_group_id="album", **({"caption": caption} if caption else {}))
    carla.photo(chat=-6, media_group_id="another")
    carla.until(lambda: len(in_group(telegram_server, -6)) == 3)
    carla.say("/queue", chat=-6)
    carla.hears("nothing in the queue", -6)
    assert len(in_group(telegram_server, -6)) == 3


def test_a_mention_without_a_picture_is_told_how(running, telegram_server, guest_of):
    dora = guest_of(10)
    dora.say("good morning", chat=-7)
    asked = dora.say(f"{MENTION} paint something", chat=-7)
    assert dora.hears(text("en", "group_how"), -7)["reply_to"] == asked["message_id"]
    assert len(telegram_server.from_bot(-7)) == 1


def test_buttons_for_ones_own_are_ones_own(running, telegram_server, guest_of):
    edda, flora = guest_of(11), guest_of(12)
    flora.photo(caption="style: Hers")
    flora.hears("Hers")
    asked = edda.say("/settings", chat=-8)
    settings = edda.hears("Strength", -8)
    assert settings["reply_to"] == asked["message_id"]
    data = telegram_server.button(settings, "set", "strength:0.8")
    assert flora.answered(telegram_server.tap(12, settings, data)) == text("en", "not_yours")
    assert edda.answered(telegram_server.tap(11, settings, data)) == text("en", "saved")
    assert running.rows("SELECT person FROM people WHERE strength > 0.7") == [(11,)]
    edda.say("/delete", chat=-8)
    sure = edda.hears(text("en", "delete_sure"), -8)
    data = telegram_server.button(sure, "erase")
    assert flora.answered(telegram_server.tap(12, sure, data)) == text("en", "not_yours")
    assert running.rows("SELECT person FROM styles") == [(12,)]
    assert edda.answered(telegram_server.tap(11, sure, data)) == text("en", "deleted")
    assert running.rows("SELECT count(*) FROM people WHERE person = 11") == [(0,)]


@pytest.mark.parametrize("how", ["told", "refused"])
def test_a_group_that_shuts_the_bot_out_ends_its_own_jobs_alone(running, telegram_server, guest_of, how):
    number, chat = (13, -9) if how == "told" else (14, -10)
    gerda = guest_of(number)
    gallery = gerda.gallery(gerda.photo())
    gerda.photo(chat=chat, caption=MENTION)
    gerda.until(lambda: in_group(telegram_server, chat))
    telegram_server.send(99, text="/pause")
    gerda.until(lambda: running.rows("SELECT value FROM facts WHERE name = 'paused'") == [("1",)])
    there = in_group(telegram_server, chat)[0]
    taps = [gerda.tap(gallery, "style", "starry_night")]
    data = telegram_server.button(there, "style", "starry_night")
    taps.append(telegram_server.tap(number, there, data))
    assert [gerda.answered(tap) for tap in taps] == [text("en", "queued")] * 2
    telegram_server.blocked.add(chat)
    if how == "told":
        telegram_server.member(number, chat, "kicked")
        gerda.until(
            lambda: running.rows(f"SELECT state, told FROM jobs WHERE chat = {chat}") == [("cancelled", 1)]
        )
    telegram_server.send(99, text="/resume")
    gerda.avatar(gallery)
    gerda.until(lambda: running.rows(f"SELECT told FROM jobs WHERE chat = {chat}") == [(1,)])


def test_a_group_without_pictures_is_told(running, telegram_server, guest_of):
    hanna = guest_of(15)
    hanna.until(lambda: not telegram_server.faults["sendPhoto"])
    telegram_server.fail("sendPhoto", "bad", text="Bad Request: not enough rights to send photos to the chat")
    asked = hanna.photo(chat=-11, caption=MENTION)
    assert hanna.hears(text("en", "no_pictures_here"), -11)["reply_to"] == asked["message_id"]


def test_who_blocks_the_bot_waits_for_nothing(running, telegram_server, guest_of):
    irma = guest_of(16)
    gallery = irma.gallery(irma.photo())
    irma.tap(gallery, "style", "udnie")
    irma.until(lambda: "Painting" in irma.now(gallery)["caption"])
    telegram_server.blocked.add(16)
    telegram_server.member(16, 16, "kicked")
    irma.until(lambda: running.rows("SELECT state, told FROM jobs WHERE person = 16") == [("cancelled", 1)])
