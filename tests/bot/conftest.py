"""The bot as a real child process, and a Telegram for it on loopback."""

import importlib.util
import io
import logging
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

HERE = Path(__file__).parent


def _load(name):
    spec = importlib.util.spec_from_file_location(f"impasto_tests_{name}", HERE / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


fake_telegram = _load("fake_telegram")
postgres_server = _load("postgres_server")


@pytest.fixture(autouse=True)
def own_logging():
    """Puts the process's logging back: the bot sets it up, and its stream is closed with the test."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


class BotProcess:
    """`impasto bot run`, started as a person would, and killed as a test may."""

    def __init__(self, server, folder, **settings):
        self.server, self.folder, self.log = server, folder, folder / "bot.log"
        (folder / "token").write_text(fake_telegram.TOKEN)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        engine = f"{sys.executable} {HERE / 'small_engine.py'}"
        given = {
            "api_url": server.url,
            "engine_command": engine,
            "data": str(folder / "data"),
            "poll_seconds": 2,
            "progress_seconds": 0.3,
            "lease_seconds": 20,
            "send_seconds": 4,
            "listen": f"127.0.0.1:{self.port}",
            "waiting_per_person": 200,
            "per_day": 1000,
        } | settings
        self.environment = {key: value for key, value in os.environ.items() if "IMPASTO_BOT" not in key}
        self.environment |= {f"IMPASTO_BOT_{key.upper()}": str(value) for key, value in given.items()}
        self.environment |= {"SMALL_ENGINE_NOTES": str(folder / "notes"), "TF_CPP_MIN_LOG_LEVEL": "3"}
        self.process = None

    def start(self):
        words = ["bot", "run", "--token-file", str(self.folder / "token")]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "impasto.core.cli", *words],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        return self

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self, patience=30):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(patience)
            except subprocess.TimeoutExpired:
                self.kill()
                raise
        return self.process.returncode if self.process else None

    def start_worker(self, number):
        """`impasto bot worker` on a "machine" of its own: only the database and the pictures in common."""
        environment = self.environment | {"IMPASTO_BOT_PICTURES": str(self.folder / "data" / "pictures")}
        environment |= {"IMPASTO_BOT_DATA": str(self.folder / f"machine{number}")}
        with (self.folder / f"worker{number}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "impasto.core.cli", "bot", "worker"],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def rows(self, sql):
        url = self.environment.get("IMPASTO_BOT_DATABASE", "")
        if url.startswith("postgresql:"):
            import psycopg

            with psycopg.connect(url) as connection:
                return connection.execute(sql).fetchall()
        with closing(sqlite3.connect(self.folder / "data" / "bot.sqlite3", timeout=30)) as connection:
            return connection.execute(sql).fetchall()

    def family(self):
        """The process ids of the bot and all that it started."""
        listed = subprocess.run(["ps", "-eo", "pid,ppid"], capture_output=True, text=True).stdout.split()[2:]
        parents = dict(zip(map(int, listed[::2]), map(int, listed[1::2]), strict=True))
        found = [self.process.pid]
        for _ in range(3):
            found += [pid for pid, parent in parents.items() if parent in found and pid not in found]
        return found

    def text(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""


def until(what, seconds=90, message=""):
    """Waits until `what()` is true, and returns it."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := what():
            return found
        time.sleep(0.03)
    raise AssertionError(message() if callable(message) else message or f"not within {seconds} s")


def jpeg(width=96, height=64, colour=(200, 80, 40)):
    """A small photograph."""
    image = Image.new("RGB", (width, height), colour)
    image.paste((20, 60, 200), (width // 4, height // 4, width // 2, height // 2))
    data = io.BytesIO()
    image.save(data, "JPEG", quality=90)
    return data.getvalue()


@pytest.fixture(scope="session")
def small_jpeg():
    return jpeg()


@pytest.fixture(scope="module")
def telegram_server():
    server = fake_telegram.FakeTelegram().start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def module_bot(telegram_server, tmp_path_factory):
    """Starts a bot that lives as long as the test file."""
    started = []

    def start(**settings):
        process = BotProcess(telegram_server, tmp_path_factory.mktemp("bot"), **settings)
        started.append(process)
        return process.start()

    yield start
    for process in started:
        process.stop()


@pytest.fixture
def telegram():
    server = fake_telegram.FakeTelegram().start()
    yield server
    server.stop()


@pytest.fixture
def bot(telegram, tmp_path):
    """Makes bots, not started: `bot(workers=2).start()`; each ends with the test."""
    made = []

    def make(folder=tmp_path, **settings):
        made.append(BotProcess(telegram, folder, **settings))
        return made[-1]

    yield make
    for process in made:
        process.stop()


class Guest:
    """A person in a chat with the bot."""

    def __init__(self, server, number, language="en"):
        self.server, self.number, self.language, self.until = server, number, language, until

    def say(self, text, **content):
        return self.server.send(self.number, text=text, language=self.language, **content)

    def photo(self, data=None, **content):
        return self.server.send_photo(self.number, data or jpeg(), language=self.language, **content)

    def words(self, chat=None):
        """What the bot says in a chat, as it stands there now."""
        found = self.server.from_bot(chat or self.number)
        return [message.get("text") or message.get("caption") or "" for message in found]

    def hears(self, part, chat=None):
        """Waits for words of the bot's; returns the last message that has them."""

        def found():
            said = self.server.from_bot(chat or self.number)
            return [one for one in said if part in (one.get("text") or one.get("caption") or "")]

        return until(found, 90, lambda: f"{part!r} not in {self.words(chat)}")[-1]

    def answered(self, tap):
        """Waits for the answer to a tap."""
        until(lambda: tap in self.server.answered, 60)
        return self.server.answered[tap]

    def answers(self, message):
        """The bot's messages that answer one of ours."""
        found = self.server.from_bot(self.number)
        return [answer for answer in found if answer.get("reply_to") == message["message_id"]]

    def gallery(self, message, seconds=90):
        def found():
            return [one for one in self.answers(message) if self.server.button(one, "style")]

        return until(found, seconds, lambda: f"no gallery: {self.server.from_bot(self.number)}")[0]

    def tap(self, message, action, word=None):
        data = until(lambda: self.server.button(self.now(message), action, word), 60)
        return self.server.tap(self.number, self.now(message), data, self.language)

    def now(self, message):
        return next(
            one for one in self.server.chat(self.number) if one["message_id"] == message["message_id"]
        )

    def avatar(self, message, seconds=120):
        """Waits until a message has become a result, and returns the picture."""

        def done():
            now = self.now(message)
            return now if self.server.button(now, "full") else None

        found = until(done, seconds, lambda: f"no avatar: {self.now(message).get('caption')}")
        return Image.open(io.BytesIO(found["bytes"]))


@pytest.fixture
def guest(telegram):
    """Makes people: `guest(7)`, `guest(8, "ru")`."""
    return lambda number, language="en": Guest(telegram, number, language)


@pytest.fixture
def guest_of(telegram_server):
    """The same, in the chats of the file's one server."""
    return lambda number, language="en": Guest(telegram_server, number, language)


@pytest.fixture(scope="session")
def postgres():
    """A running PostgreSQL of our own."""
    programs = postgres_server.find_programs()
    if programs is None:
        pytest.skip(
            "NOT TESTED ON POSTGRESQL: it is not installed; `apt-get install postgresql` and run again"
        )
    server = postgres_server.Postgres(programs)
    yield server
    server.stop()
    shutil.rmtree(server.folder, ignore_errors=True)


@pytest.fixture(scope="session")
def film():
    """Makes the bytes of a film of two frames, a light and a dark one: `film(width, height)`.

    With a sky the lower half of the first is dark, too.
    """
    import av

    def made(width, height, sky=False):
        data = io.BytesIO()
        with av.open(data, "w", format="mp4") as container:
            stream = container.add_stream("mpeg4", rate=5)
            stream.width, stream.height = width, height
            for level in (200, 20):
                pixels = np.full((height, width, 3), level, "uint8")
                pixels[height // 2 :] = 20 if sky else level
                frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
        return data.getvalue()

    return made
