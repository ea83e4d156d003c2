"""A conversation, as the person has it."""

import io

from PIL import Image


def test_a_photo_becomes_an_avatar(bot, telegram, guest):
    bot()
    anna = guest(7)
    photo = anna.photo()
    gallery = anna.gallery(photo)
    anna.tap(gallery, "style", "starry_night")
    avatar = anna.avatar(gallery)
    assert avatar.size == (640, 640)
    assert "Starry Night" in anna.now(gallery)["caption"]
    assert len(telegram.from_bot(7)) == 1  # the gallery's message became the picture
