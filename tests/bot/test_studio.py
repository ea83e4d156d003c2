"""A worker's studio by itself: how soon it lets go of a painting, and what its supervisor survives."""

import asyncio
import shlex
import sys
import time
from pathlib import Path

import pytest

from impasto.bot.database import Database
from impasto.bot.jobs import Jobs
from impasto.bot.painting import Stopped, Studio
from impasto.bot.people import People
from impasto.bot.pictures import Pictures
from impasto.bot.queue import Queue
from impasto.bot.schema import make_tables
from impasto.bot.settings import read_settings
from impasto.bot.supervisor import Workers
from impasto.bot.turns import Limits


@pytest.fixture
def workshop(tmp_path, small_jpeg):
    """Makes a studio and a job that it has claimed: `workshop("udnie")`."""
    engine = shlex.join([sys.executable, str(Path(__file__).with_name("small_engine.py"))])
    settings = read_settings(data=tmp_path, engine_command=engine)
    database = Database(settings.database_url)
    make_tables(database)
    jobs, pictures = Jobs(database), Pictures(settings.pictures_url)
    studio = Studio(settings, pictures, People(database))

    def make(style, message=1, source=small_jpeg):
        number, key = f"7:{message}", f"7/7_{message}/source"
        job = jobs.make(id=number, chat=7, message=message, person=message, language="en", status_message=2)
        jobs.choose(job, Limits(9, 9), styles=f'["{style}"]')
        pictures.put(key, source)
        jobs.fetched(jobs.find(number), key)
        return studio, Queue(database, 30).claim()

    yield make
    studio.close(0)
    database.close()


@pytest.mark.parametrize("style", ["udnie", "great_wave"])  # one listens, one is deaf
def test_a_cancel_takes_two_seconds_at_most(workshop, style):
    studio, job = workshop(style)
    begun = []

    def beat(progress, left):
        # The engine has the job once it has told of a step, or for a second.
        begun.append(time.monotonic())
        return "cancel" if progress or begun[-1] - begun[0] > 1 else "go"

    with pytest.raises(Stopped, match="cancel"):
        studio.paint(job, beat)
    assert time.monotonic() - begun[-1] < 2
    assert studio.ready().alive  # for the next job


def test_the_first_estimates_are_kept_back(workshop, monkeypatch):
    """Those of the step that compiles, and the whole time of an engine's first painting."""
    monkeypatch.setattr("impasto.bot.painting.BEAT_SECONDS", 0.0)  # a beat after each event
    told = []

    def beat(progress, left):
        told.append((progress, left))
        return "go"

    studio, job = workshop("starry_night")
    studio.paint(job, beat)
    assert not studio.was_warm
    assert next(left for progress, left in told if progress == pytest.approx(1 / 3)) is None
    assert max(left for _, left in told if left is not None) <= 0.02
    studio.paint(workshop("starry_night", 2)[1], beat)
    assert studio.was_warm
    studio.close()
    studio.paint(workshop("starry_night", 3)[1], beat)
    assert not studio.was_warm


def test_a_worker_that_cannot_be_started_is_tried_again(tmp_path, monkeypatch):
    workers, tries, real_sleep = Workers(read_settings(data=tmp_path, workers=2)), [], asyncio.sleep

    def start():
        tries.append(1)
        raise OSError("no memory")

    async def no_sleep(seconds):
        await real_sleep(0)

    monkeypatch.setattr(workers, "_start", start)
    monkeypatch.setattr("impasto.bot.supervisor.asyncio.sleep", no_sleep)

    async def watch():
        task = asyncio.create_task(workers.keep_alive())
        for _ in range(50):
            await real_sleep(0)
        assert not task.done()
        task.cancel()

    asyncio.run(watch())
    assert len(tries) >= 6 and workers.processes == []
