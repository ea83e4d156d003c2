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


@pytest.mark.parametrize("style", ["udnie", "great_wave"])  # one listens, one is deaf
def test_a_cancel_takes_two_seconds_at_most(tmp_path, small_jpeg, style):
    engine = shlex.join([sys.executable, str(Path(__file__).with_name("small_engine.py"))])
    settings = read_settings(data=tmp_path, engine_command=engine)
    database = Database(settings.database_url)
    make_tables(database)
    jobs, pictures = Jobs(database), Pictures(settings.pictures_url)
    job = jobs.make(id="7:1", chat=7, message=1, person=7, language="en", status_message=2)
    jobs.choose(job, Limits(9, 9), styles=f'["{style}"]')
    pictures.put("7/7_1/source", small_jpeg)
    jobs.fetched(jobs.find("7:1"), "7/7_1/source")
    studio, begun = Studio(settings, pictures, People(database)), []

    def beat(progress, left):
        # The engine has the job once it has told of a step, or for a second.
        begun.append(time.monotonic())
        return "cancel" if progress or begun[-1] - begun[0] > 1 else "go"

    try:
        with pytest.raises(Stopped, match="cancel"):
            studio.paint(Queue(database, 30).claim(), beat)
        assert time.monotonic() - begun[-1] < 2
        assert studio.ready().alive  # for the next job
    finally:
        studio.close(0)
        database.close()


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
