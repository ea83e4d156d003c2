"""Pictures in an S3-compatible store: a real client against moto's server on loopback."""

import os
import socket
import subprocess
import sys
import time
import urllib.request

import pytest

from impasto.bot.pictures import Pictures

for name in ("s3fs", "moto", "flask", "flask_cors"):
    pytest.importorskip(name, reason=f"NOT TESTED ON S3: {name} is missing; pip install -e '.[dev]'")

SETTINGS = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_DEFAULT_REGION": "us-east-1"}


class Store:
    """A server whose objects are gone when it stops, and its one bucket."""

    url = "s3://pictures/impasto"

    def __init__(self, folder):
        self.log = folder / "s3.log"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.environment = SETTINGS | {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}"}

    def start(self):
        words = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(words, stdout=log, stderr=log, env=os.environ | SETTINGS)
        bucket = urllib.request.Request(f"http://127.0.0.1:{self.port}/pictures", method="PUT")
        deadline = time.monotonic() + 60
        while True:
            try:
                return urllib.request.urlopen(bucket, timeout=10).close()
            except OSError:
                assert time.monotonic() < deadline, self.log.read_text()
                time.sleep(0.1)

    def stop(self):
        self.process.kill()
        self.process.wait()


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    made = Store(tmp_path_factory.mktemp("s3"))
    made.start()
    yield made
    made.stop()


@pytest.fixture
def settings(store, monkeypatch):
    for name, value in store.environment.items():
        monkeypatch.setenv(name, value)


def test_pictures_are_kept_and_deleted(store, settings):
    pictures = Pictures(store.url)
    pictures.put("7/7_1/source", b"a")
    pictures.put("7/7_1/source", b"b")
    pictures.put("8/8_1/source", b"c" * 6_000_000)
    assert pictures.get("7/7_1/source") == b"b" and len(pictures.get("8/8_1/source")) == 6_000_000
    assert sorted(pictures.folders()) == ["7/7_1", "8/8_1"]
    pictures.delete("7")
    pictures.delete("7")
    assert pictures.folders() == ["8/8_1"]
    with pytest.raises(FileNotFoundError):
        pictures.get("7/7_1/source")
    pictures.delete("8")
    assert Pictures(store.url).folders() == []


def test_a_bot_whose_pictures_are_in_a_store(store, settings, bot, telegram, guest):
    mine = bot(pictures=store.url).start()
    anna, bella = guest(7), guest(8)
    galleries = [anna.gallery(anna.photo()), bella.gallery(bella.photo())]
    anna.tap(galleries[0], "style", "starry_night")
    assert anna.avatar(galleries[0]).size == (640, 640)
    assert Pictures(store.url).folders() == [f"7/7_{galleries[0]['reply_to']}"]
    anna.say("/delete")
    sure = anna.until(lambda: [one for one in telegram.from_bot(7) if telegram.button(one, "erase")])
    anna.tap(sure[0], "erase")
    anna.until(lambda: Pictures(store.url).folders() == [])

    store.stop()  # out of reach: the photograph cannot be stored, and is not given up
    bella.tap(galleries[1], "style", "starry_night")
    bella.until(lambda: "the picture store failed" in mine.text() or "; tried again" in mine.text())
    store.start()
    bella.avatar(galleries[1])
    assert mine.rows("SELECT person, state, attempts FROM jobs") == [(8, "painted", 0)]
