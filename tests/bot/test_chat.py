"""Conversations, as people have them: one bot for the whole file, other people for each test."""

import io

import pytest
from PIL import Image

from impasto.bot.texts import text


@pytest.fixture(scope="module")
def running(telegram_server, module_bot):
    return module_bot(admins="99", waiting_per_person=3)


def words(server, chat):
    return [message.get("text") or message.get("caption") or "" for message in server.from_bot(chat)]


def wait_for_words(until, server, chat, part):
    def found():
        return [one for one in server.from_bot(chat) if part in (one.get("text") or one.get("caption") or "")]

    return until(found, 90, lambda: f"{part!r} not in {words(server, chat)}")[-1]


def test_a_photo_becomes_an_avatar_in_one_message(running, telegram_server, guest_of):
    anna = guest_of(7)
    photo = anna.photo()
    gallery = anna.gallery(photo)
    anna.tap(gallery, "style", "starry_night")
    avatar = anna.avatar(gallery)
    assert avatar.size == (640, 640) and avatar.format == "JPEG"
    assert "Starry Night" in anna.now(gallery)["caption"]
    assert len(telegram_server.from_bot(7)) == 1

    anna.tap(gallery, "circle")  # and what can be done with it
    anna.until(lambda: telegram_server.button(anna.now(gallery), "square"))
    corner = Image.open(io.BytesIO(anna.now(gallery)["bytes"])).getpixel((2, 2))
    assert min(corner) > 200 and min(avatar.getpixel((2, 2))) < 120
    anna.tap(gallery, "square")
    anna.until(lambda: telegram_server.button(anna.now(gallery), "circle"))

    anna.tap(gallery, "colours")  # the small engine paints these grey
    anna.until(lambda: "|2|" in (telegram_server.button(anna.now(gallery), "full") or ""))
    red, green, blue = anna.avatar(gallery).convert("RGB").getpixel((20, 20))
    assert max(red, green, blue) - min(red, green, blue) < 8

    anna.tap(gallery, "mix")
    anna.tap(gallery, "with", "water_lilies")
    anna.until(lambda: "|3|" in (telegram_server.button(anna.now(gallery), "full") or ""))
    assert "Starry Night + Water Lilies" in anna.now(gallery)["caption"]

    anna.tap(gallery, "full")
    whole = anna.until(lambda: [one for one in telegram_server.from_bot(7) if one.get("document")])[0]
    assert Image.open(io.BytesIO(whole["bytes"])).size == (96, 64)  # the whole photograph, at its own size
    assert len(telegram_server.from_bot(7)) == 2


def test_languages_and_commands(running, telegram_server, guest_of):
    boris = guest_of(8, "ru")
    for command in ("/start", "/help", "/styles", "/mystyles", "/settings", "/queue", "/privacy", "/cancel"):
        boris.say(command)
    wait_for_words(boris.until, telegram_server, 8, text("ru", "nothing_to_cancel"))
    seen = words(telegram_server, 8)
    assert text("ru", "start") in seen and any("60 мин" in one for one in seen)
    settings = next(one for one in telegram_server.from_bot(8) if telegram_server.button(one, "set"))
    boris.tap(settings, "set", "language:zh")
    boris.until(lambda: "强度" in boris.now(settings)["text"])
    boris.tap(settings, "set", "strength:0.8")
    boris.until(lambda: "80%" in boris.now(settings)["text"])
    assert set(telegram_server.commands) == {"", "ru", "zh"}


def test_own_style_is_kept_used_and_forgotten(running, telegram_server, guest_of):
    clara = guest_of(9)
    clara.photo(caption="style: Mine")
    wait_for_words(clara.until, telegram_server, 9, "Mine")
    photo = clara.photo()
    gallery = clara.gallery(photo)
    number = [row[-1] for row in gallery["reply_markup"]["inline_keyboard"]][-1]["callback_data"].split("|")[
        4
    ]
    assert number.startswith("own:")
    clara.tap(gallery, "style", number)
    clara.avatar(gallery)
    assert "Mine" in clara.now(gallery)["caption"]
    clara.say("/mystyles")
    mine = clara.until(
        lambda: [one for one in telegram_server.from_bot(9) if telegram_server.button(one, "drop")]
    )
    clara.tap(mine[0], "drop")
    clara.until(lambda: "no styles" in clara.now(mine[0])["text"])


def test_a_cancel_and_the_same_message_again(running, telegram_server, guest_of):
    dora = guest_of(10)
    gallery = dora.gallery(dora.photo())
    dora.tap(gallery, "style", "udnie")  # slowly
    dora.until(lambda: "Painting" in dora.now(gallery)["caption"], 90)
    dora.tap(gallery, "cancel")
    dora.until(lambda: dora.now(gallery)["caption"] == text("en", "cancelled"))
    dora.tap(gallery, "style", "starry_night")  # the same message serves again
    dora.avatar(gallery)


def test_a_cancelled_change_gives_the_picture_its_buttons_back(running, telegram_server, guest_of):
    nora = guest_of(21)
    avatar = nora.gallery(nora.photo())
    nora.tap(avatar, "style", "starry_night")
    first = nora.avatar(avatar)
    nora.tap(avatar, "other")
    nora.tap(avatar, "style", "udnie")  # slowly
    nora.until(lambda: "Painting" in nora.now(avatar)["caption"], 90)
    nora.tap(avatar, "cancel")
    nora.until(lambda: text("en", "cancelled") in nora.now(avatar)["caption"])
    assert "Starry Night" in nora.now(avatar)["caption"]
    assert nora.avatar(avatar) == first
    nora.tap(avatar, "stronger")  # of the picture that is shown
    nora.until(lambda: nora.now(avatar)["caption"].startswith("Starry Night"))


def test_an_engine_that_dies_is_tried_once_more(running, telegram_server, guest_of):
    erik, fatima = guest_of(11), guest_of(12)
    dies, twice = erik.gallery(erik.photo()), fatima.gallery(fatima.photo())
    erik.tap(dies, "style", "plum_tree")
    fatima.tap(twice, "style", "the_scream")
    erik.avatar(dies)
    fatima.until(lambda: text("en", "reason_crash") in fatima.now(twice)["caption"])
    notes = (running.folder / "notes").read_text().split()
    assert notes.count("plum_tree") == 2 and notes.count("the_scream") == 2


def test_forged_stale_and_double_taps(running, telegram_server, guest_of):
    gina, mallory = guest_of(13), guest_of(14)
    gallery = gina.gallery(gina.photo())
    mallory.photo()  # so that a chat with Mallory exists
    data = telegram_server.button(gallery, "style", "udnie")
    taps = [telegram_server.tap(14, gallery, data)]  # somebody else taps Gina's button
    for forged in (
        "",
        data.replace("udnie", "../../etc"),
        "2|style|1|0|udnie",
        "1|erase",
        "1|full|999999|0|",
        "x" * 64,
    ):
        taps.append(telegram_server.tap(13, gallery, forged))
    gina.until(lambda: all(tap in telegram_server.answered for tap in taps))
    assert telegram_server.answered[taps[0]] == text("en", "not_yours")
    assert telegram_server.answered[taps[2]] == text("en", "stale")
    for _ in range(3):
        telegram_server.tap(13, gallery, telegram_server.button(gallery, "style", "starry_night"))
    gina.avatar(gallery)
    last = telegram_server.tap(13, gallery, telegram_server.button(gallery, "style", "starry_night"))
    gina.until(lambda: last in telegram_server.answered)
    assert telegram_server.answered[last] == text("en", "stale")
    assert (running.folder / "notes").read_text().count("starry_night\n") >= 1
    assert len([one for one in telegram_server.from_bot(13) if telegram_server.button(one, "full")]) == 1


def _saved(image, kind, **options):
    data = io.BytesIO()
    image.save(data, kind, **options)
    return data.getvalue()


def test_what_people_send(running, telegram_server, guest_of, small_jpeg):
    hugo = guest_of(15)
    frames = [Image.new("RGB", (60, 40), colour) for colour in ("red", "green")]
    turned = Image.Exif()
    turned[0x0112] = 6
    good = {
        "a.gif": _saved(frames[0], "GIF", save_all=True, append_images=frames[1:]),
        "cmyk.jpg": _saved(Image.new("CMYK", (60, 40)), "JPEG"),
        "alpha.png": _saved(Image.new("RGBA", (60, 40), (255, 0, 0, 100)), "PNG"),
        "turned.jpg": _saved(frames[0], "JPEG", exif=turned),
    }
    bad = {
        "torn.jpg": (small_jpeg[:200], "reason_damaged"),
        "thin.png": (_saved(Image.new("RGB", (900, 20)), "PNG"), "reason_too_thin"),
        "bomb.png": (_saved(Image.new("1", (12000, 12000)), "PNG"), "reason_too_many_pixels"),
        "tiny.png": (_saved(Image.new("RGB", (8, 8)), "PNG"), "reason_too_small"),
    }
    for name, data in good.items():
        gallery = hugo.gallery(telegram_server.send_document(15, data, name=name))
        hugo.tap(gallery, "style", "starry_night")
        assert hugo.avatar(gallery).size == (640, 640), name
        assert ("first frame" in hugo.now(gallery)["caption"]) == (name == "a.gif")
    for name, (data, reason) in bad.items():
        gallery = hugo.gallery(telegram_server.send_document(15, data, name=name))
        hugo.tap(gallery, "style", "starry_night")
        hugo.until(lambda g=gallery, r=reason: text("en", r) in hugo.now(g)["caption"])
    large = telegram_server.send_document(15, b"x", size=21_000_000)
    hugo.until(lambda: hugo.answers(large))
    assert "20 MB" in hugo.answers(large)[0]["text"]


def test_groups_albums_and_limits(running, telegram_server, guest_of, small_jpeg):
    ivan = guest_of(16)
    photo = telegram_server.send_photo(16, small_jpeg, chat=-5)  # not addressed: passed over
    asked = telegram_server.send(
        16,
        chat=-5,
        text="@impasto_test_bot please",
        reply_to_message={key: value for key, value in photo.items() if key != "update"},
    )
    found = ivan.until(lambda: telegram_server.from_bot(-5))
    assert [one["reply_to"] for one in found] == [asked["message_id"]]
    album = [ivan.photo(small_jpeg, media_group_id="a") for _ in range(4)]
    galleries = [ivan.gallery(one) for one in album]
    telegram_server.send(99, text="/pause")
    ivan.until(lambda: "paused" in words(telegram_server, 99))
    taps = [ivan.tap(one, "style", "starry_night") for one in galleries]
    ivan.until(lambda: all(tap in telegram_server.answered for tap in taps))
    assert telegram_server.answered[taps[3]] == text("en", "limit_waiting", number=3)
    ivan.say("/queue")
    wait_for_words(ivan.until, telegram_server, 16, text("en", "paused"))
    telegram_server.send(99, text="/resume")
    for one in galleries[:3]:
        ivan.avatar(one)


def test_admins_alone_may_ban(running, telegram_server, guest_of):
    judy = guest_of(17)
    judy.say("/ban 18")
    wait_for_words(judy.until, telegram_server, 17, "How it works")  # no such command, for her
    telegram_server.send(99, text="/ban 17")
    judy.until(lambda: "banned 17" in words(telegram_server, 99))
    judy.photo()
    wait_for_words(judy.until, telegram_server, 17, text("en", "banned"))
    telegram_server.send(99, text="/stats")
    wait_for_words(judy.until, telegram_server, 99, "painted")


def test_delete_leaves_nothing(running, telegram_server, guest_of):
    karl = guest_of(19)
    karl.photo(caption="style")
    gallery = karl.gallery(karl.photo())
    karl.tap(gallery, "style", "starry_night")
    karl.avatar(gallery)
    pictures = running.folder / "data" / "pictures" / "19"
    assert len(list(pictures.rglob("*.jpg"))) >= 2
    karl.say("/delete")
    sure = karl.until(
        lambda: [one for one in telegram_server.from_bot(19) if telegram_server.button(one, "erase")]
    )
    karl.tap(sure[0], "erase")
    karl.until(lambda: not pictures.exists())
    tap = karl.tap(gallery, "stronger")
    karl.until(lambda: tap in telegram_server.answered)
    assert telegram_server.answered[tap] == text("en", "expired")
    assert running.rows("SELECT * FROM jobs WHERE person = 19") == []
    assert running.rows("SELECT * FROM styles WHERE person = 19") == []
