"""Nobody waits without an answer, and each answer says what is so."""

import io

import pytest
from PIL import Image

from impasto.bot.keyboards import style_title
from impasto.bot.texts import text
from impasto.core.styles import gallery_names


@pytest.fixture(scope="module")
def running(telegram_server, module_bot):
    return module_bot(admins="99", engine_seconds=4)


def pause(server, running, one, paused=True):
    server.send(99, text="/pause" if paused else "/resume")
    flag = [("1" if paused else "0",)]
    one.until(lambda: running.rows("SELECT value FROM facts WHERE name = 'paused'") == flag)


def test_the_first_words_come_with_pictures(running, telegram_server, guest_of):
    for number, language in ((7, "en"), (8, "ru"), (9, "zh-hans")):
        anna = guest_of(number, language)
        anna.say("/start")
        anna.until(lambda n=number: len(telegram_server.from_bot(n)) == 2)
        album = telegram_server.from_bot(number)
        assert all(one["photo"] for one in album) and album[0]["caption"] == text(language, "start")
        anna.say("/help")
        anna.hears("/delete")
        anna.say("/styles")
        listed = anna.hears(text(language, "styles"))
        sheet = telegram_server.from_bot(number)[2]
        assert sheet["photo"] and listed["photo"]
        for index, name in enumerate(gallery_names(), 1):
            line = f"{index}. {style_title(name, language)}"
            assert line in sheet["caption"].splitlines() and line in listed["caption"].splitlines()


def test_what_cannot_be_handled_is_owned_up_to(running, telegram_server, guest_of):
    bella = guest_of(10)
    bella.say("/queue")
    bella.hears("nothing in the queue")
    odd = bella.photo()
    plain = {key: value for key, value in odd.items() if key != "update"} | {"message_id": 2**70}
    telegram_server.receive("message", plain)
    bella.hears(text("en", "fault"))
    assert len([one for one in bella.words() if one == text("en", "fault")]) == 1
    bella.until(lambda: running.rows("SELECT count(*) FROM inbox WHERE state = 'poison'") == [(1,)])


def test_a_result_that_telegram_never_takes(running, telegram_server, guest_of):
    carla = guest_of(11)
    gallery = carla.gallery(carla.photo())
    telegram_server.fail("editMessageMedia", "bad", times=5, text="Bad Request: IMAGE_PROCESS_FAILED")
    carla.tap(gallery, "style", "starry_night")
    carla.hears(text("en", "reason_undelivered"))
    telegram_server.faults["editMessageMedia"].clear()
    carla.tap(gallery, "style", "starry_night")
    carla.avatar(gallery)


def test_the_place_in_the_queue_and_a_pause(running, telegram_server, guest_of):
    dora, edda = guest_of(12), guest_of(13)
    galleries = [one.gallery(one.photo()) for one in (dora, edda)]
    edda.tap(galleries[1], "style", "starry_night")  # by which it is known how long a picture takes
    edda.avatar(galleries[1])
    dora.tap(galleries[0], "style", "udnie")  # takes 8 seconds
    dora.until(lambda: "Painting" in dora.now(galleries[0])["caption"])
    edda.tap(galleries[1], "stronger")
    edda.until(lambda: "In the queue: 1 ahead of you" in edda.now(galleries[1])["caption"])
    edda.until(lambda: "about" in edda.now(galleries[1])["caption"])  # and how long that will take
    dora.until(lambda: "%, about" in dora.now(galleries[0])["caption"])
    pause(telegram_server, running, dora)
    edda.until(lambda: edda.now(galleries[1])["caption"] == text("en", "paused"))
    edda.say("/queue")
    assert text("en", "paused") in edda.hears("Starry Night: waiting")["text"]
    pause(telegram_server, running, dora, False)
    dora.avatar(galleries[0])
    edda.until(lambda: "|2|" in (telegram_server.button(edda.now(galleries[1]), "full") or ""))


def test_as_strong_and_as_soft_as_it_gets(running, telegram_server, guest_of):
    flora = guest_of(14)
    settings = flora.say("/settings") and flora.hears("Strength")
    flora.tap(settings, "set", "strength:0.8")
    flora.until(lambda: "80%" in flora.now(settings)["text"])
    gallery = flora.gallery(flora.photo())
    flora.tap(gallery, "style", "starry_night")
    flora.avatar(gallery)
    flora.tap(gallery, "stronger")
    flora.until(lambda: "|2|" in (telegram_server.button(flora.now(gallery), "full") or ""))
    assert running.rows("SELECT strength FROM jobs WHERE person = 14") == [(0.95,)]
    assert flora.answered(flora.tap(gallery, "stronger")) == text("en", "strongest")
    assert running.rows("SELECT round FROM jobs WHERE person = 14") == [(2,)]


def test_the_way_back_leads_to_what_was_seen(running, telegram_server, guest_of):
    gerda = guest_of(15)
    frames = [Image.new("RGB", (60, 40), colour) for colour in ("red", "green")]
    data = io.BytesIO()
    frames[0].save(data, "GIF", save_all=True, append_images=frames[1:])
    gallery = gerda.gallery(telegram_server.send_document(15, data.getvalue(), mime="image/gif"))
    gerda.tap(gallery, "style", "starry_night")
    gerda.avatar(gallery)
    for kind, other in (("circle", "square"), ("square", "circle")):
        gerda.tap(gallery, kind)
        gerda.until(lambda o=other: telegram_server.button(gerda.now(gallery), o))
        assert text("en", "first_frame") in gerda.now(gallery)["caption"]
        gerda.tap(gallery, "mix")
        gerda.tap(gallery, "back")
        gerda.until(lambda o=other: telegram_server.button(gerda.now(gallery), o))


@pytest.mark.parametrize(
    ("style", "reason"), [("contrast_of_forms", "reason_too_large_to_paint"), ("great_wave", "reason_crash")]
)
def test_an_engine_without_memory_and_one_that_hangs(running, telegram_server, guest_of, style, reason):
    number = 16 if style == "great_wave" else 17
    hanna = guest_of(number)
    gallery = hanna.gallery(hanna.photo())
    hanna.tap(gallery, "style", style)
    hanna.until(lambda: text("en", reason) in hanna.now(gallery)["caption"])
    times = (running.folder / "notes").read_text().split().count(style)
    assert times == (2 if style == "great_wave" else 1)
    hanna.tap(gallery, "style", "starry_night")
    hanna.avatar(gallery)
