"""PostgreSQL at scale: procrastinate wakes workers on any machine, the jobs' table says which job.

A ticket of procrastinate's means "there is a job"; whoever takes one claims the job whose turn it is.
procrastinate knows no fair order and no place in a queue, and our table knows no waking up. A lost
ticket loses no job: the bot sees that there are as many tickets as jobs.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import procrastinate

if TYPE_CHECKING:
    from .worker import Worker

log = logging.getLogger("impasto.bot.tickets")

QUEUE = "impasto"
NAME = "impasto.paint"
LOOK_SECONDS = 5.0  # an idle worker looks for itself so often, should a notice have been lost


class Tickets:
    """Defers tickets.

    Args:
        url: `postgresql://…`
    """

    def __init__(self, url: str):
        self.app = procrastinate.App(connector=procrastinate.SyncPsycopgConnector(conninfo=url))
        self.app.open()
        make_ticket_tables(self.app)
        self.paint = self.app.configure_task(NAME, queue=QUEUE)

    def defer(self) -> None:
        """Leaves one ticket; where that fails, the job it stands for is found without."""
        try:
            self.paint.defer()
        except procrastinate.exceptions.ConnectorException as error:
            log.warning("tickets: %s; left for later", type(error).__name__)

    def top_up(self, jobs: int) -> None:
        """Sees that there are as many tickets as jobs that wait."""
        there = len(list(self.app.job_manager.list_jobs(queue=QUEUE, status="todo")))
        for _ in range(min(100, jobs - there)):
            self.defer()


def make_ticket_tables(app: Any) -> None:
    """Makes procrastinate's tables unless they are there."""
    row = app.connector.execute_query_one("SELECT to_regclass('procrastinate_jobs')::text AS name")
    if row["name"] is None:
        try:
            app.schema_manager.apply_schema()
        except procrastinate.exceptions.ConnectorException:  # another process was quicker
            log.info("procrastinate's tables were made by another process")


def run_by_tickets(worker: Worker) -> None:
    """Paints whenever a ticket comes, until the worker is told to stop."""
    worker.prepare()
    try:
        asyncio.run(_take_tickets(worker))
    finally:
        worker.studio.close(0.5)


async def _take_tickets(worker: Worker) -> None:
    app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=worker.settings.database_url))
    busy = threading.Lock()

    @app.task(name=NAME, queue=QUEUE)
    def paint() -> None:  # in a thread of procrastinate's
        with busy:
            while not worker.is_stopping() and worker.paint_one():
                pass

    async def listen() -> None:
        while True:
            try:
                async with app.open_async():
                    await app.run_worker_async(
                        queues=[QUEUE],
                        concurrency=1,
                        install_signal_handlers=False,
                        delete_jobs="always",
                        fetch_job_polling_interval=LOOK_SECONDS,
                    )
            except Exception as error:
                log.warning("tickets: %s; looking without them", type(error).__name__)
            await asyncio.sleep(2)

    async def look() -> None:
        while True:
            if not busy.locked():
                await asyncio.to_thread(paint)
            await asyncio.sleep(LOOK_SECONDS)

    tasks = [asyncio.create_task(listen()), asyncio.create_task(look())]
    while not worker.is_stopping() and not any(task.done() for task in tasks):
        await asyncio.sleep(0.2)
    worker.stopping.set()
    with suppress(TimeoutError):
        await asyncio.wait_for(asyncio.to_thread(busy.acquire), 4)  # the job is put back
    for task in tasks:
        task.cancel()
