"""A worker: takes jobs one by one and has an engine process paint them.

It knows neither Telegram nor the token. It may die at any moment: its lease runs out, the job goes
to another, and what it had painted is nobody's.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import time

from impasto.core.engine_folder import sweep

from .contained import warm_up
from .database import Database, Unreachable
from .disk import FOLDERS, is_of_the_disk
from .engine_client import EngineDied
from .job import Job
from .painting import Files, Stopped, Studio
from .people import People
from .pictures import Pictures
from .queue import Queue
from .refused import Refused
from .schema import make_tables
from .settings import BotSettings
from .watchdog import Watchdog

log = logging.getLogger("impasto.bot.worker")

IDLE_SECONDS = 0.2  # between two looks into an empty queue
DISK_SECONDS = 5.0  # between two tries to write to a disk that is full


class Worker:
    """Paints until it is told to stop.

    Args:
        settings: where the tables and pictures are, and how to paint.
        parent: process with which it ends; None for none.
    """

    def __init__(self, settings: BotSettings, parent: int | None = None):
        self.settings, self.parent = settings, parent
        self.database = Database(settings.database_url)
        make_tables(self.database)
        self.queue = Queue(self.database, settings.lease_seconds)
        self.pictures = Pictures(settings.pictures_url)
        self.studio = Studio(settings, self.pictures, People(self.database))
        self.stopping = threading.Event()
        self.watchdog = Watchdog()

    def run(self) -> None:
        """Paints job after job."""
        self.prepare()  # the network is loaded while nobody waits yet
        try:
            while not self.is_stopping():
                if not self.paint_one():
                    self.stopping.wait(IDLE_SECONDS)
        finally:
            self.studio.close(0.5)

    def prepare(self) -> None:
        """Deletes photographs that killed workers of this machine left behind, and starts the engine."""
        sweep(FOLDERS)
        warm_up("impasto.bot.warm_decoder")
        self.studio.ready()

    def is_stopping(self) -> bool:
        """Whether it is told to end, or whoever started it has ended."""
        if self.parent is not None and os.getppid() != self.parent:
            self.stopping.set()
        return self.stopping.is_set()

    def paint_one(self) -> bool:
        """Paints the job whose turn it is; returns False if there is none, or the tables are out of reach."""
        self.watchdog.wind()
        try:
            return self._paint_one()
        except Unreachable as error:  # what was held is given to another once its lease has run out
            log.error("%s", error)
            self.stopping.wait(DISK_SECONDS)
            return False

    def _paint_one(self) -> bool:
        job = self.queue.claim()
        if job is None:
            return False
        log.info("job %s, round %s: begun", job.id, job.round)
        began = time.monotonic()
        try:
            files = self.studio.paint(job, lambda progress, left: self._beat(job, progress, left))
            seconds = time.monotonic() - began if self.studio.was_warm else None
            if not self.queue.finish(job, *files, seconds):
                self._withdraw(files)
                self.queue.cancelled(job)
                log.info("job %s: finished, but not wanted any more", job.id)
        except Stopped as stop:
            log.info("job %s: stopped (%s)", job.id, stop.why)
            if stop.why == "cancel":
                self.queue.cancelled(job)
            elif stop.why == "stopping":
                self.queue.release(job)
        except Refused as refused:
            self.queue.fail(job, refused.reason)
        except EngineDied as death:
            if self.stopping.is_set():  # it was told to end when we were
                self.queue.release(job)
                return True
            log.error("job %s: the engine died (%s); now %s", job.id, death, self.queue.again(job, "crash"))
        except Exception as error:
            if is_of_the_disk(error):
                log.error("job %s: a disk refused it (%s); put back", job.id, error)
                self.queue.release(job)
                self.stopping.wait(DISK_SECONDS)
                return True
            if isinstance(error, Unreachable):
                raise
            log.exception("job %s: a fault", job.id)
            self.stopping.wait(1)
            self.queue.again(job, "crash")
        return True

    def _beat(self, job: Job, progress: float | None, left: float | None) -> str:
        self.watchdog.wind()
        return "stopping" if self.is_stopping() else self.queue.beat(job, progress, left)

    def _withdraw(self, files: Files) -> None:
        for key in (files.result, files.circle):
            if key:
                self.pictures.delete(key)


def run_worker(settings: BotSettings, parent: int | None = None) -> int:
    """Runs a worker in this process until SIGTERM or SIGINT; returns the exit status.

    Args:
        settings: of the bot.
        parent: the process that started this one, and with which it ends; None for none.
    """
    worker = Worker(settings, parent)
    worker.watchdog = Watchdog(settings.silence_seconds)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: worker.stopping.set())
    if worker.database.is_postgres:
        from .tickets import run_by_tickets

        run_by_tickets(worker)
    else:
        worker.run()
    worker.watchdog.stop()
    worker.database.close()
    return 0
