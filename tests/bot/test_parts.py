"""Parts that need no bot running: texts, buttons, crops, pictures, settings, secrets."""

import io
import logging
import math
import socket
import string
import struct
import sys
import threading
import tomllib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from impasto.bot.avatar import HEAD, best_square, circle_preview, crop_square
from impasto.bot.callbacks import ACTIONS, Tap, read_tap
from impasto.bot.decoding import Refused, decode, look
from impasto.bot.faces import Box, find_faces
from impasto.bot.gallery_sheet import CELL, COLUMNS, GAP, gallery_sheet
from impasto.bot.inbox import chat_of
from impasto.bot.pictures import Pictures
from impasto.bot.redaction import Redactor, passwords_of, start_log
from impasto.bot.settings import read_settings
from impasto.bot.supervisor import environment_for
from impasto.bot.texts import LANGUAGES, language_for, span, text
from impasto.core.errors import UsageError
from impasto.core.styles import gallery_names

TOKEN = "123456:AAthis-is-no-real-token_0123456789"


def _fields(words):
    return {name for _, name, _, _ in string.Formatter().parse(words) if name}


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_language_says_everything(language):
    english, other = LANGUAGES["en"].TEXTS, LANGUAGES[language].TEXTS
    assert english.keys() == other.keys()
    for key, words in other.items():
        assert _fields(words) == _fields(english[key]), key
        assert len(words) < (200 if key == "how" else 1000)  # an alert; a caption
    assert set(LANGUAGES[language].STYLES) == set(gallery_names())
    assert max(map(len, LANGUAGES[language].STYLES.values())) <= 17  # half the width of a telephone
    assert [language_for(code) for code in ("zh-hans", "RU", "de", None, 5)] == ["zh", "ru", "en", "en", "en"]
    assert text("xx", "queued") == english["queued"]


def test_the_sheet_shows_every_style():
    sheet = Image.open(io.BytesIO(gallery_sheet(tuple(gallery_names())))).convert("RGB")
    step, cells = CELL + GAP, len(gallery_names())
    for index in range(cells):
        left, top = index % COLUMNS * step, index // COLUMNS * step
        cell = np.asarray(sheet.crop((left, top, left + CELL, top + CELL)), "float32")
        assert cell[30:60, 30:60].max() > 230  # its number
        assert cell[100:].std() > 15  # and a picture
    assert np.asarray(sheet)[-CELL:, -20:].min() > 240  # nothing beyond the last


def test_buttons_fit_and_come_back():
    for name in [*gallery_names(), "own:" + "9" * 10]:
        tap = Tap("style", 2**31, 999, name)
        assert read_tap(str(tap)) == tap
    with pytest.raises(ValueError):
        str(Tap("style", 1, 1, "x" * 60))


@given(st.one_of(st.none(), st.text(max_size=80), st.from_regex(r"1\|[a-z]+\|\d*\|\d*\|.*", fullmatch=True)))
def test_no_button_data_can_do_harm(data):
    tap = read_tap(data)
    assert tap is None or (tap.action in ACTIONS and tap.message >= 0 and tap.round >= 0)


@given(
    st.dictionaries(
        st.sampled_from(["update_id", "message", "callback_query", "x"]),
        st.one_of(
            st.none(),
            st.integers(),
            st.text(),
            st.dictionaries(
                st.sampled_from(["chat", "from", "message", "id"]),
                st.one_of(
                    st.none(),
                    st.integers(),
                    st.dictionaries(st.just("id"), st.one_of(st.integers(), st.text())),
                ),
            ),
        ),
    )
)
def test_any_update_has_a_chat(update):
    assert abs(chat_of(update)) < 2**63


@given(st.integers(16, 900), st.integers(16, 900), st.floats(0, 1), st.floats(0, 1), st.floats(0.02, 0.9))
@settings(max_examples=200)
def test_the_square_is_in_the_picture_and_its_circle_holds_the_subject(width, height, x, y, share):
    size = share * min(width, height)
    left, top = x * (width - size), y * (height - size)
    subject = Box(left, top, left + size, top + size)
    square_left, square_top, side = best_square(width, height, subject)
    assert 0 < side <= min(width, height)
    assert 0 <= square_left <= width - side and 0 <= square_top <= height - side
    middle_x, middle_y, radius = left + size / 2, top + size / 2, HEAD * size * math.sqrt(2) / 2
    room = min(middle_x, middle_y, width - middle_x, height - middle_y)
    distance = math.hypot(square_left + side / 2 - middle_x, square_top + side / 2 - middle_y)
    if room > radius + 2:  # some circle within the picture holds it
        assert distance + radius <= side / 2 + 2


def test_a_face_stays_in_the_circle():
    import skimage.data

    portrait = skimage.data.astronaut().astype("float32") / 255
    wide = np.full((512, 1400, 3), 0.6, "float32")
    wide[:, 880:] = (
        portrait[:, :520]
        if portrait.shape[1] >= 520
        else np.pad(portrait, ((0, 0), (0, 520 - portrait.shape[1]), (0, 0)), constant_values=0.6)
    )
    face = find_faces(wide)
    assert face is not None and 950 < (face.left + face.right) / 2 < 1250
    square = crop_square(wide)
    again = find_faces(square)
    assert again is not None
    side = square.shape[0]
    corners = [(x, y) for x in (again.left, again.right) for y in (again.top, again.bottom)]
    assert all(math.hypot(x - side / 2, y - side / 2) < side / 2 for x, y in corners)
    assert find_faces(np.full((300, 400, 3), 0.5, "float32")) is None
    middle = crop_square(np.linspace(0, 1, 3 * 100 * 60, dtype="float32").reshape(60, 100, 3))
    assert middle.shape == (60, 60, 3)


def test_the_circle_preview_fades_the_corners():
    preview = circle_preview(Image.new("RGB", (64, 64), (200, 0, 0)))
    assert preview.getpixel((32, 32)) == (200, 0, 0) and min(preview.getpixel((1, 1))) > 200


def test_a_video_s_first_frame(film):
    data = film(64, 48)
    decoded = decode(data, 10**6, 6)
    assert decoded.notice == "first_frame" and decoded.pixels.shape == (48, 64, 3)
    assert abs(decoded.pixels.mean() - 200 / 255) < 0.03
    with pytest.raises(Refused):
        decode(data[:100], 10**6, 6)


def turned_film(data, degrees):
    """A film whose track header says that it is to be shown turned clockwise, as phones write it."""
    a, b = {90: (0, 1), 180: (-1, 0), 270: (0, -1)}[degrees]
    matrix = struct.pack(">9i", a << 16, b << 16, 0, -b << 16, a << 16, 0, 0, 0, 1 << 30)
    at = data.index(b"tkhd") + 44  # ISO/IEC 14496-12, 8.3.2, version 0
    return data[:at] + matrix + data[at + 36 :]


@pytest.mark.parametrize(("degrees", "light"), [(90, "right"), (180, "bottom"), (270, "left")])
def test_a_phone_s_video_stands_upright(film, degrees, light):
    decoded = decode(turned_film(film(64, 48, sky=True), degrees), 10**6, 6)
    pixels = decoded.pixels.mean(axis=2)
    assert pixels.shape == ((48, 64) if degrees == 180 else (64, 48))
    halves = {"right": pixels[:, 30:], "left": pixels[:, :18], "bottom": pixels[30:]}
    assert halves[light].mean() > 0.6 > 0.4 > pixels.min()


def test_heic_is_read_and_measured_first():
    pillow_heif = pytest.importorskip("pillow_heif", reason="NOT TESTED: HEIC; `pip install pillow-heif`")
    data = io.BytesIO()
    pillow_heif.from_pillow(Image.new("RGB", (64, 48), (200, 80, 40))).save(data, quality=90)
    decoded = decode(data.getvalue(), 64 * 48, 6)
    assert decoded.pixels.shape == (48, 64, 3) and abs(decoded.pixels[..., 0].mean() - 200 / 255) < 0.05
    for ask in (decode, look):
        with pytest.raises(Refused, match="too_many_pixels"):
            ask(data.getvalue(), 64 * 48 - 1, 6)


def test_the_bot_s_install_reads_heic():
    bot = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    assert any("pillow-heif" in one for one in bot["project"]["optional-dependencies"]["bot"])


@pytest.mark.parametrize("url", ["{folder}/pictures", "memory://impasto-test"])
def test_pictures_are_kept_and_deleted(url, tmp_path):
    store = Pictures(url.format(folder=tmp_path))
    store.put("7/7_1/source", b"a")
    store.put("7/7_1/source", b"b")
    store.put("8/8_1/source", b"c")
    assert store.get("7/7_1/source") == b"b" and sorted(store.folders()) == ["7/7_1", "8/8_1"]
    store.delete("7")
    store.delete("7")
    assert store.folders() == ["8/8_1"]
    with pytest.raises(FileNotFoundError):
        store.get("7/7_1/source")
    with pytest.raises(ValueError):
        store.get("../secret")
    store.delete("8")


def test_settings_and_their_errors(monkeypatch, tmp_path):
    monkeypatch.setenv("IMPASTO_BOT_ADMINS", "1,2")
    monkeypatch.setenv("IMPASTO_BOT_DATABASE", "postgresql://me:hidden@nowhere/x")
    monkeypatch.setenv("IMPASTO_BOT_TOKEN", TOKEN)
    read = read_settings(data=tmp_path, workers=3)
    assert (read.admins, read.workers, read.read_token()) == ([1, 2], 3, TOKEN)
    assert "hidden" not in repr(read) and TOKEN not in repr(read)
    environment = environment_for(read)
    assert TOKEN not in "".join(environment.values()) and environment["IMPASTO_BOT_ADMINS"] == "1,2"
    assert environment["IMPASTO_BOT_DATABASE"].startswith("postgresql://me:hidden")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert read_settings(token=TOKEN).model_dump(exclude={"token"}) == read.model_dump(exclude={"token"})
    with pytest.raises(UsageError, match="avatar_size"):
        read_settings(avatar_size=100)
    (tmp_path / "token").write_text("nonsense")
    for file in (tmp_path / "token", tmp_path / "none"):
        with pytest.raises(UsageError, match="token"):
            read_settings(token_file=file).read_token()


def test_secrets_are_kept_out_of_log_and_traceback(capsys):
    before = sys.excepthook, logging.getLogger().handlers[:], logging.getLogger().level
    try:
        redact = start_log("INFO", TOKEN, "pass+word")
        logging.getLogger("x").info("https://api/bot%s/getMe", TOKEN)
        try:
            raise ValueError(f"postgresql://me:pass+word@host {TOKEN}")
        except ValueError as error:
            logging.getLogger("x").exception("failed")
            sys.excepthook(ValueError, error, error.__traceback__)
    finally:
        sys.excepthook, logging.getLogger().handlers[:] = before[0], before[1]
        logging.getLogger().setLevel(before[2])
    written = capsys.readouterr().err
    assert written.count("<secret>") >= 5 and "AAthis" not in written and "pass+word" not in written
    assert redact("bot99999:" + "A" * 35) == "bot<secret>"  # another's, of the same look
    assert Redactor()("nothing to hide 12:30") == "nothing to hide 12:30"


def test_command_line(impasto, capsys, monkeypatch):
    monkeypatch.delenv("IMPASTO_BOT_TOKEN", raising=False)
    assert impasto("bot", "run") == 2
    assert "BotFather" in capsys.readouterr().err
    assert impasto("bot", "run", "--workers", "x") == 2
    assert impasto("bot", "worker", "--database", "mysql://x") == 2
    assert "postgresql" in capsys.readouterr().err.splitlines()[-1]
    assert not Path("impasto-bot").exists()
    assert impasto("bot", "run", "--token-file", TOKEN) == 2  # the token in its file's place
    assert "cannot be read" in (said := capsys.readouterr().err) and "AAthis" not in said
    assert impasto("bot", "worker", "--pictures", "nonsense://me:hidden@host") == 2
    assert "nonsense" in (said := capsys.readouterr().err) and "hidden" not in said


@pytest.mark.parametrize("address", ["localhost", "host:", "host:x", "host:70000"])
def test_an_address_that_is_none(address):
    with pytest.raises(UsageError, match="listen"):
        read_settings(listen=address)
    assert read_settings(listen="[::1]:80").address == ("::1", 80)
    assert read_settings(listen="8080").address == ("127.0.0.1", 8080)


def test_an_address_that_is_taken(impasto, capsys, tmp_path):
    (tmp_path / "token").write_text(TOKEN)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        words = ["--token-file", str(tmp_path / "token"), "--data", str(tmp_path / "data"), "--workers", "0"]
        assert impasto("bot", "run", *words, "--listen", f"127.0.0.1:{taken.getsockname()[1]}") == 2
    assert "listen" in capsys.readouterr().err.splitlines()[-1]


def test_passwords_are_found_in_urls():
    found = passwords_of("postgresql://me:a%2Fb@host/x", "postgresql://host/x?user=me&password=c", "/folder")
    assert set(found) == {"a%2Fb", "a/b", "c"}
    assert passwords_of("postgresql://[bad") == []


def test_secrets_are_kept_out_of_threads_and_of_lines_that_fail(capsys, monkeypatch):
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    start_log("INFO", TOKEN)
    logging.getLogger("x").info("%d", TOKEN)  # no number: logging itself would print it

    def fail():
        raise ValueError(TOKEN)

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    written = capsys.readouterr().err
    assert "could not be logged" in written and "<secret>" in written and "AAthis" not in written


def test_spans_of_time_in_words():
    assert [span("en", seconds) for seconds in (0, 90, 3600, 7200, 86400)] == [
        "1 min",
        "2 min",
        "60 min",
        "2 h",
        "24 h",
    ]


def test_no_empty_folder_keeps_a_person_s_number(tmp_path):
    store = Pictures(str(tmp_path / "pictures"))
    store.put("7/7_1/source", b"a")
    store.put("7/7_2/source", b"b")
    store.delete("7/7_1")
    assert store.folders() == ["7/7_2"]
    store.delete("7/7_2/source")
    assert list((tmp_path / "pictures").iterdir()) == []
