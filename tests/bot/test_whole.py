"""The real engine behind the bot, and the bot on PostgreSQL with workers of their own."""

import io
import os
import signal
import sys

import numpy as np
from PIL import Image


def test_the_real_engine_paints_the_avatar(bot, telegram, guest):
    """With the bundled network, painted small and enlarged: what arrives is opened and looked at."""
    words = f"{sys.executable} -m impasto.core.cli engine"
    bot(engine_command=words, paint_size=64, network="vgg_mini", device="cpu").start()
    tina = guest(7)
    rows, columns = np.mgrid[:90, :120]
    pixels = np.stack([rows * 2, columns * 2, (rows + columns)], axis=-1).astype("uint8")
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "JPEG", quality=95)
    gallery = tina.gallery(tina.photo(data.getvalue()))
    tina.tap(gallery, "style", "starry_night")
    avatar = tina.avatar(gallery, seconds=400)
    assert avatar.size == (640, 640) and avatar.format == "JPEG"
    painted = np.asarray(avatar.convert("RGB").resize((64, 64)), "float32")
    square = Image.fromarray(pixels).crop((15, 0, 105, 90)).resize((64, 64))
    change = np.abs(painted - np.asarray(square, "float32")).mean()
    assert painted.std() > 20 and 8 < change < 120  # a picture, and another one


def test_two_workers_on_postgresql_one_killed_and_the_database_restarted(bot, telegram, guest, postgres):
    url = postgres.fresh()
    mine = bot(database=url, workers=0, lease_seconds=10).start()
    workers = [mine.start_worker(number) for number in (1, 2)]
    try:
        people = [guest(number) for number in range(30, 36)]
        galleries = [person.gallery(person.photo()) for person in people]
        for person, gallery in zip(people, galleries, strict=True):
            person.tap(gallery, "style", "udnie" if person.number == 30 else "starry_night")
        people[0].until(lambda: "Painting" in people[0].now(galleries[0])["caption"])
        os.kill(workers[0].pid, signal.SIGKILL)
        workers[0].wait()
        postgres.stop()
        postgres.start()
        for person, gallery in zip(people, galleries, strict=True):
            person.avatar(gallery, 240)
    finally:
        for worker in workers:
            if worker.poll() is None:
                worker.terminate()
                worker.wait(60)
    for person in people:
        assert len([one for one in telegram.from_bot(person.number) if telegram.button(one, "full")]) == 1
    assert workers[1].returncode == 0


def test_webhook_stores_before_it_answers(bot, telegram, guest):
    import json
    import urllib.error
    import urllib.request

    mine = bot(webhook_url="https://bot.example/webhook", webhook_secret="s3cret")
    mine.start()
    uwe = guest(7)
    uwe.until(lambda: telegram.webhook)
    assert telegram.webhook["secret_token"] == "s3cret"

    def post(body, secret):
        request = urllib.request.Request(
            f"http://127.0.0.1:{mine.port}/webhook",
            data=body,
            headers={"X-Telegram-Bot-Api-Secret-Token": secret},
        )
        try:
            return urllib.request.urlopen(request, timeout=30).status
        except urllib.error.HTTPError as error:
            return error.code

    photo = uwe.photo()
    update = json.dumps(telegram.updates[photo["update"]]).encode()
    assert (post(update, "wrong"), post(b"{", "s3cret")) == (403, 400)
    assert [post(update, "s3cret") for _ in range(2)] == [200, 200]
    gallery = uwe.gallery(photo)
    assert len(uwe.answers(photo)) == 1
    tap = uwe.tap(gallery, "style", "starry_night")
    number = max(telegram.updates)
    assert post(json.dumps(telegram.updates[number]).encode(), "s3cret") == 200 and tap
    uwe.avatar(gallery)
