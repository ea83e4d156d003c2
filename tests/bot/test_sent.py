"""What people send besides photographs: moving pictures, files without a kind, what is no message."""

import io

import pytest
from PIL import Image

from impasto.bot.texts import text


@pytest.fixture(scope="module")
def running(telegram_server, module_bot):
    return module_bot()


def moving(server, data, size=None, **more):
    return server.store(data, size) | {"width": 96, "height": 64, "duration": 1} | more


def test_moving_pictures_are_painted_by_their_first_frame(
    running, telegram_server, guest_of, small_jpeg, film
):
    anna = guest_of(7)
    thumbnail = telegram_server.store(small_jpeg) | {"width": 96, "height": 64}
    sticker = {"width": 96, "height": 64, "type": "regular", "is_animated": True, "is_video": False}
    sent = {
        "GIF": {"animation": moving(telegram_server, film(96, 64))},
        "video": {"video": moving(telegram_server, film(96, 64))},
        "round video": {"video_note": moving(telegram_server, film(96, 64), length=64)},
        "large video": {"video": moving(telegram_server, b"x", 21_000_000, thumbnail=thumbnail)},
        "sticker": {"sticker": telegram_server.store(b"x") | sticker | {"thumbnail": thumbnail}},
    }
    galleries = {kind: anna.gallery(anna.server.send(7, **content)) for kind, content in sent.items()}
    for kind, gallery in galleries.items():
        anna.tap(gallery, "style", "starry_night")
        avatar = anna.avatar(gallery)
        assert avatar.size == (640, 640), kind
        assert text("en", "first_frame") in anna.now(gallery)["caption"], kind
        if "video" in kind and "large" not in kind:
            assert min(avatar.convert("RGB").getpixel((320, 320))) > 150  # the second is dark


def test_a_file_whose_kind_the_app_did_not_know(running, telegram_server, guest_of, small_jpeg):
    bella = guest_of(8)
    named = telegram_server.send_document(8, small_jpeg, mime="application/octet-stream", name="A.HEIC")
    bella.gallery(named)
    other = telegram_server.send_document(8, b"%PDF", mime="application/pdf", name="a.pdf")
    assert bella.hears(text("en", "not_a_picture"))["reply_to"] == other["message_id"]
    telegram_server.send(8, voice=telegram_server.store(b"x") | {"duration": 1})
    bella.until(lambda: bella.words().count(text("en", "not_a_picture")) == 2)


def test_a_photograph_that_telegram_does_not_hand_out(running, telegram_server, guest_of):
    edda = guest_of(11)
    photo = edda.photo()
    gallery = edda.gallery(photo)
    telegram_server.pathless.add(photo["photo"][-1]["file_id"])
    edda.tap(gallery, "style", "starry_night")
    edda.hears(text("en", "reason_unfetched"))
    assert "a fault" not in running.text()


def test_what_nobody_wrote_is_not_answered(running, telegram_server, guest_of, small_jpeg):
    carla = guest_of(9)
    photo = carla.photo()
    carla.gallery(photo)
    plain = {key: value for key, value in photo.items() if key != "update"}
    telegram_server.send(9, pinned_message=plain)
    carla.say("/queue")
    carla.hears("nothing in the queue")
    assert len(telegram_server.from_bot(9)) == 2


def test_the_whole_photograph_stands_upright(running, telegram_server, guest_of):
    dora = guest_of(10)
    turned, data = Image.Exif(), io.BytesIO()
    turned[0x0112] = 6  # to be turned by a quarter
    image = Image.new("RGB", (60, 40), "red")
    image.paste((0, 0, 255), (0, 0, 60, 20))  # above; at the right once it stands upright
    image.save(data, "JPEG", exif=turned, quality=95)
    gallery = dora.gallery(telegram_server.send_document(10, data.getvalue()))
    dora.tap(gallery, "style", "starry_night")
    dora.avatar(gallery)
    dora.tap(gallery, "full")
    whole = dora.until(lambda: [one for one in telegram_server.from_bot(10) if one.get("document")])[0]
    picture = Image.open(io.BytesIO(whole["bytes"])).convert("RGB")
    assert picture.size == (40, 60)
    assert picture.getpixel((5, 30))[0] > 100 > picture.getpixel((35, 30))[0]
