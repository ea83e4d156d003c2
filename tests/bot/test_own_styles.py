"""Own styles: however they are sent, what is refused, and what is said when one cannot be painted with."""

import io

import pytest
from PIL import Image

from impasto.bot.own_styles import style_name, style_number
from impasto.bot.texts import text


@pytest.fixture(scope="module")
def running(telegram_server, module_bot):
    return module_bot(styles_per_person=3)


def saved(image, kind, **options):
    data = io.BytesIO()
    image.save(data, kind, **options)
    return data.getvalue()


def names(running, person):
    rows = running.rows(f"SELECT name FROM styles WHERE person = {person} ORDER BY number")
    return [row[0] for row in rows]


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("style", ""),
        ("STYLE: Mine", "Mine"),
        ("Style!", ""),
        ("/style Mine", "Mine"),
        ("Style: my garden", "my garden"),
        ("/style", ""),
        ("стиль:\nМой", "Мой"),
        ("风格：星空", "星空"),
        ("風格：夜", "夜"),
        ("Style me like Van Gogh!", None),
        ("style Mine", None),
        ("стиль Ван Гога", None),
        ("styles", None),
        ("/styles", None),
        ("стильно", None),
        ("my style", None),
        ("", None),
    ],
)
def test_words_that_make_a_style(words, name):
    assert style_name(words) == name


def test_messages_of_two_chats_make_two_styles():
    assert style_number(7, 4) == 4
    numbers = {style_number(chat, 4) for chat in (7, -5, -6)}
    assert len(numbers) == 3 and all(0 < number < 10**15 for number in numbers)


def test_a_reply_and_an_album(running, telegram_server, guest_of):
    anna = guest_of(7)
    photo = anna.photo()
    anna.gallery(photo)
    plain = {key: value for key, value in photo.items() if key != "update"}
    anna.say("style: Replied", reply_to_message=plain)
    anna.hears("“Replied”")
    bella = guest_of(8)
    bella.photo(media_group_id="b", caption="style: Album")
    for _ in range(2):
        bella.photo(media_group_id="b")
    bella.hears("“own style 3”")
    assert names(running, 8) == ["Album", "own style 2", "own style 3"]
    bella.photo(caption="style")
    bella.hears(text("en", "style_full", number=3))
    bella.say("style")
    bella.hears(text("en", "style_of_what"))
    assert running.rows("SELECT count(*) FROM jobs WHERE person = 8") == [(0,)]


def test_a_wish_below_a_photograph_is_no_style(running, telegram_server, guest_of):
    flora = guest_of(12)
    flora.gallery(flora.photo(caption="Style me like Van Gogh!"))
    assert names(running, 12) == []


def test_names_that_look_like_markup(running, telegram_server, guest_of):
    carla = guest_of(9)
    carla.photo(caption="style: <b>&")
    carla.hears("“&lt;b&gt;&amp;”")
    gallery = carla.gallery(carla.photo())
    number = running.rows("SELECT number FROM styles WHERE person = 9")[0][0]
    carla.tap(gallery, "style", f"own:{number}")
    carla.avatar(gallery)
    assert "<b>&" in carla.now(gallery)["caption"]


def test_what_is_no_style(running, telegram_server, guest_of):
    dora = guest_of(10)
    frames = [Image.new("RGB", (60, 40), colour) for colour in ("red", "green")]
    moving = saved(frames[0], "GIF", save_all=True, append_images=frames[1:])
    telegram_server.send_document(10, moving, mime="image/gif", name="a.gif", caption="style: Moving")
    dora.hears(text("en", "style_first_frame"))
    for data, reason in (
        (b"no picture at all", "reason_damaged"),
        (saved(Image.new("RGB", (900, 20)), "PNG"), "reason_too_thin"),
        (saved(Image.new("1", (12000, 12000)), "PNG"), "reason_too_many_pixels"),
    ):
        telegram_server.send_document(10, data, name="a.png", caption="style")
        dora.hears(text("en", reason))
    large = telegram_server.send_document(10, b"x", size=21_000_000, caption="style")
    dora.until(lambda: dora.answers(large))
    assert "20 MB" in dora.answers(large)[0]["text"]
    assert names(running, 10) == ["Moving"]


def test_a_style_that_cannot_be_painted_with(running, telegram_server, guest_of):
    edda = guest_of(11)
    whole = saved(Image.effect_noise((200, 200), 90).convert("RGB"), "PNG")
    telegram_server.send_document(11, whole[: len(whole) // 2], name="a.png", caption="style: Torn")
    edda.hears("“Torn”")
    edda.photo(caption="style: Lost")
    edda.hears("“Lost”")
    (torn,), (lost,) = running.rows("SELECT number FROM styles WHERE person = 11 ORDER BY number")
    gallery = edda.gallery(edda.photo())
    (running.folder / "data" / "pictures" / "11" / "styles" / str(lost)).unlink()
    for number, reason in ((torn, "reason_style_unreadable"), (lost, "reason_style_gone")):
        edda.tap(gallery, "style", f"own:{number}")
        edda.until(lambda reason=reason: text("en", reason) in edda.now(gallery)["caption"])
    edda.tap(gallery, "style", "starry_night")  # the photograph is not at fault
    edda.avatar(gallery)
