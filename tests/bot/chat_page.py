"""Draws a conversation with the bot as a person sees it: recorded from the tests' server, as a page of HTML.

    python tests/bot/chat_page.py chat.html            with the real engine, in all languages, side by side
    python tests/bot/chat_page.py chat.html --languages en        one, in three columns: docs/bot-chat.jpg
    chromium --headless --no-sandbox --window-size=1160,4000 --screenshot=chat.png chat.html

A message that the bot edits is drawn once for each of its states that are worth seeing. Buttons are as
wide as on a telephone, and what does not fit is cut as there, and marked red.
"""

import argparse
import base64
import html
import importlib.util
import io
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image

HERE = Path(__file__).parent
LANGUAGES = {"en": "English", "ru": "Русский", "zh": "中文"}
PHOTO, STYLE = "astronaut", "starry_night"

PAGE = """<!doctype html><meta charset="utf-8"><title>The bot</title><style>
body { margin: 0; display: flex; gap: 16px; padding: 16px; background: #fff;
  font: 15px/1.32 "Noto Sans", "Noto Sans CJK SC", "DejaVu Sans", sans-serif, "Noto Color Emoji"; }
.phone { width: 360px; background: #c9dbc3; padding: 10px 8px; border-radius: 14px; }
.one { display: flex; flex-direction: column; margin-bottom: 8px; align-items: flex-start; }
.mine { align-items: flex-end; }
.bubble { background: #fff; border-radius: 12px; max-width: 292px; overflow: hidden; }
.mine .bubble { background: #e7fcd4; }
.wide { width: 292px; }
.bubble img { display: block; width: 100%; }
.album { display: flex; gap: 2px; } .album img { width: calc(50% - 1px); }
.words { padding: 6px 10px 7px; white-space: pre-wrap; overflow-wrap: anywhere; }
.file { padding: 8px 10px 0; color: #2a7ac0; }
.row { display: flex; gap: 3px; margin-top: 3px; width: 292px; }
.key { flex: 1 1 0; min-width: 0; background: #7fa381; color: #fff; border-radius: 7px; padding: 7px 6px;
  text-align: center; font-weight: 500; font-size: 14px; }
.key span { display: block; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
.cut { background: #c22; }
.spread { width: 1108px; columns: 3; column-gap: 12px; } .spread .one { break-inside: avoid; }
.note { align-self: center; color: #476; font-size: 12px; margin: 2px 0 6px; }
</style><body>CHATS<script>
for (const one of document.querySelectorAll(".key span"))
  if (one.scrollWidth > one.clientWidth) one.parentNode.classList.add("cut");
</script>"""


def load(name):
    spec = importlib.util.spec_from_file_location(name, HERE / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def main():
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("page", type=Path)
    arguments.add_argument("--engine", help="command that starts the engine, instead of Impasto's")
    arguments.add_argument("--languages", nargs="+", default=list(LANGUAGES), choices=LANGUAGES)
    given = arguments.parse_args()
    fake = load("fake_telegram")
    telegram = fake.FakeTelegram().start()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "token").write_text(fake.TOKEN)
        set_here = {"API_URL": telegram.url, "DATA": str(folder / "data"), "PROGRESS_SECONDS": "0.3"}
        if given.engine:
            set_here["ENGINE_COMMAND"] = given.engine
        words = ["bot", "run", "--token-file", str(folder / "token")]
        bot = subprocess.Popen(
            [sys.executable, "-m", "impasto.core.cli", *words],
            env=os.environ | {f"IMPASTO_BOT_{key}": value for key, value in set_here.items()},
            stdin=subprocess.DEVNULL,
        )
        try:
            chats = converse(telegram, given.languages)
        finally:
            bot.terminate()
            bot.wait(60)
    telegram.stop()
    given.page.write_text(PAGE.replace("CHATS", "".join(chats)), encoding="utf-8")


def converse(telegram, languages):
    """Has a person of each language talk to the bot; returns each's chat as HTML."""
    people = {number: language for number, language in enumerate(languages, 7)}
    photo = photograph()
    galleries = {}
    for number, language in people.items():
        say(telegram, number, language, "/start")
        sent = telegram.send_photo(number, photo, language=language)
        galleries[number] = wait(
            lambda sent=sent, number=number: next(
                (one for one in telegram.from_bot(number) if one["reply_to"] == sent["message_id"]), None
            )
        )["message_id"]
    first = {number: at(telegram, number, galleries[number]) for number in people}
    for number, language in people.items():
        tap(telegram, number, galleries[number], "style", STYLE, language)
    for number, language in people.items():
        wait(lambda number=number: telegram.button(at(telegram, number, galleries[number]), "full"))
        tap(telegram, number, galleries[number], "circle", None, language)
        wait(lambda number=number: telegram.button(at(telegram, number, galleries[number]), "square"))
        tap(telegram, number, galleries[number], "mix", None, language)
        wait(lambda number=number: telegram.button(at(telegram, number, galleries[number]), "with"))
        say(telegram, number, language, "/settings")
        say(telegram, number, language, "/queue")
    return [
        f'<div class="phone{" spread" if len(people) == 1 else ""}">'
        + "".join(draw(telegram, number, message, first, galleries) for message in telegram.chat(number))
        + "</div>"
        for number in people
    ]


def photograph():
    from skimage import data

    image = io.BytesIO()
    Image.fromarray(getattr(data, PHOTO)()).save(image, "JPEG", quality=90)
    return image.getvalue()


def say(telegram, number, language, words):
    """Writes something and waits until it is answered."""
    before = len(telegram.from_bot(number))
    telegram.send(number, text=words, language=language)
    wait(lambda: len(telegram.from_bot(number)) > before)
    time.sleep(0.5)  # an album is more than one message


def tap(telegram, number, message, action, word, language):
    now = at(telegram, number, message)
    telegram.tap(number, now, telegram.button(now, action, word), language)


def at(telegram, number, message):
    return next(one for one in telegram.chat(number) if one["message_id"] == message)


def wait(found, seconds=300):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if what := found():
            return what
        time.sleep(0.05)
    raise SystemExit("the bot did not answer")


# ------------------------------------------------------------ drawing


def draw(telegram, number, message, first, galleries):
    if message["message_id"] != galleries[number]:
        return bubble(message, telegram)
    states, seen = [first[number]], set()
    for _, chat, which, state in telegram.edits:
        if (chat, which) == (number, message["message_id"]):
            states.append(state)
    drawn = []
    for index, state in enumerate(states):
        kind = (state.get("caption") or "").split("…")[0].rstrip("0123456789")
        keys = [
            telegram.button(state, action) is not None for action in ("cancel", "circle", "square", "with")
        ]
        # One of each kind, and of "Painting…" one in the middle.
        mark = (kind if keys[0] else "", *keys)
        last_of_kind = index + 1 < len(states) and telegram.button(states[index + 1], "cancel") is None
        if mark in seen and not (keys[0] and last_of_kind):
            continue
        seen.add(mark)
        drawn.append(bubble(state, telegram))
    return '<div class="note">↓ ↓ ↓</div>'.join(drawn)


def bubble(message, telegram):
    mine = "" if message["from"]["is_bot"] else " mine"
    data = message.get("bytes")
    if data is None and message.get("photo"):
        data = telegram.files[message["photo"][-1]["file_id"]]
    parts = ""
    if message.get("document"):
        parts += f'<div class="file">📄 {len(message["bytes"]) // 1000} KB</div>'
    elif data:
        parts += f'<img src="{inline(data)}">'
    words = message.get("text") or message.get("caption") or ""
    if words:
        shown = words if message.get("text") and not mine else html.escape(words)
        parts += f'<div class="words">{shown}</div>'
    keys = ""
    for row in (message.get("reply_markup") or {}).get("inline_keyboard", []):
        labels = "".join(f'<div class="key"><span>{html.escape(one["text"])}</span></div>' for one in row)
        keys += f'<div class="row">{labels}</div>'
    wide = " wide" if data or keys else ""
    return f'<div class="one{mine}"><div class="bubble{wide}">{parts}</div>{keys}</div>'


def inline(data):
    image = Image.open(io.BytesIO(data)).convert("RGB")
    image.thumbnail((584, 584))
    small = io.BytesIO()
    image.save(small, "JPEG", quality=85)
    return "data:image/jpeg;base64," + base64.b64encode(small.getvalue()).decode()


if __name__ == "__main__":
    main()
