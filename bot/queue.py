"""The workers' half of the jobs' table: take one, say how it goes, hand in the result.

A worker holds a job by a lease that it renews, under a name that no other claim has. Whatever it
does later under a lost lease changes nothing.
"""

from __future__ import annotations

import os
import secrets
import socket
import time
from typing import Any

from impasto.core.engine_folder import is_alive

from .database import Database, Row, Transaction
from .inbox import fact, set_fact
from .job import Job
from .pace import note_seconds

ATTEMPTS = 2  # an engine that dies of a job is given it once more
LOSSES = 4  # a worker that vanishes with its machine is no fault of the job's; yet not for ever


class Queue:
    """Takes jobs and hands in results.

    Args:
        database: with the tables made.
        lease: seconds after which a silent worker's job is given to another.
    """

    def __init__(self, database: Database, lease: float):
        self.database, self.lease = database, lease
        self.heard: dict[str, tuple[tuple[str, float], float]] = {}  # job: its holder's last beat, and when

    def claim(self) -> Job | None:
        """Takes the job whose turn it is, of a person of whom none is running."""
        worker = f"{socket.gethostname()}/{os.getpid()}/{secrets.token_hex(4)}"

        def work(transaction: Transaction) -> Job | None:
            if fact(transaction, "paused") == "1":
                return None
            row = transaction.one(
                "SELECT * FROM jobs WHERE state = 'waiting' AND NOT EXISTS (SELECT 1 FROM jobs other "
                "WHERE other.person = jobs.person AND other.state = 'running') "
                "ORDER BY turn, queued LIMIT 1" + transaction.locking
            )
            if row is None:
                return None
            changes = {"worker": worker, "lease": transaction.now() + self.lease, "progress": 0.0}
            transaction.do(
                "UPDATE jobs SET state = 'running', worker = :worker, lease = :lease, progress = :progress, "
                "seconds_left = NULL, changed = :now WHERE id = :id",
                id=row["id"],
                now=transaction.now(),
                **changes,
            )
            if row["turn"] > int(fact(transaction, "turn") or 0):
                set_fact(transaction, "turn", str(row["turn"]))
            return Job(**row | changes | {"state": "running"})

        return self.database.run(work)

    def beat(self, job: Job, progress: float | None = None, left: float | None = None) -> str:
        """Renews the lease; returns `go`, `cancel`, or `lost` if the job is another's or gone."""

        def work(transaction: Transaction) -> str:
            row = transaction.one(
                "SELECT cancel FROM jobs WHERE id = :id AND worker = :worker AND state = 'running'",
                id=job.id,
                worker=job.worker,
            )
            if row is None:
                return "lost"
            transaction.do(
                "UPDATE jobs SET lease = :lease, progress = :progress, seconds_left = :left WHERE id = :id",
                id=job.id,
                lease=transaction.now() + self.lease,
                progress=progress,
                left=left,
            )
            return "cancel" if row["cancel"] else "go"

        return self.database.run(work)

    def finish(self, job: Job, result: str, circle: str | None, notice: str, seconds: float | None) -> bool:
        """Hands in a picture; returns False if the job is another's by now, or cancelled.

        Args:
            job: claimed by this worker.
            result: key of the picture.
            circle: key of its circle.
            notice: key of a notice, or an empty text.
            seconds: that it took; None if that says nothing of the next.
        """

        def work(transaction: Transaction) -> bool:
            done = self._end(
                transaction, job, "cancel = 0", state="painted", result=result, circle=circle, notice=notice
            )
            if done:
                if seconds is not None:
                    note_seconds(transaction, job.kind, seconds)
                set_fact(transaction, "painted", str(int(fact(transaction, "painted") or 0) + 1))
            return done

        return self.database.run(work)

    def cancelled(self, job: Job) -> bool:
        """The painting was stopped because the person wanted it so."""
        return self.database.run(lambda transaction: self._end(transaction, job, state="cancelled"))

    def fail(self, job: Job, error: str) -> bool:
        """The painting cannot be done; the person will be told why."""
        return self.database.run(lambda transaction: self._end(transaction, job, state="failed", error=error))

    def again(self, job: Job, error: str) -> str:
        """The engine died of it: once more, or never again. Returns the state that the job is in now."""
        if job.attempts + 1 >= ATTEMPTS:
            self.fail(job, error)
            return "failed"
        self.release(job, attempts=job.attempts + 1)
        return "waiting"

    def release(self, job: Job, **counts: Any) -> bool:
        """Puts a job back at its old place in the queue."""
        values: dict[str, Any] = counts | {
            "worker": None,
            "lease": None,
            "progress": None,
            "seconds_left": None,
        }
        return self.database.run(lambda transaction: self._end(transaction, job, state="waiting", **values))

    def reap(self) -> int:
        """Puts back the jobs of workers that died on this machine, or fell silent since they were looked at.

        Silence is a beat that does not change, timed by a clock that nobody sets: the time of day may
        jump on either machine.

        Returns:
            How many there were.
        """

        def work(transaction: Transaction) -> int:
            reaped = 0
            rows = transaction.all("SELECT * FROM jobs WHERE state = 'running'" + transaction.locking)
            self._listen(rows)
            for row in rows:
                silent = time.monotonic() - self.heard[row["id"]][1] > self.lease
                if not silent and not _died_here(row["worker"]):
                    continue
                job, losses = Job(**row), row["losses"] + 1
                changes: dict[str, Any] = {"state": "waiting", "worker": None, "lease": None}
                if job.cancel:
                    changes = {"state": "cancelled"}
                elif losses >= LOSSES:
                    changes = {"state": "failed", "error": "crash"}
                reaped += self._end(transaction, job, **changes, losses=losses)
            return reaped

        return self.database.run(work)

    def _listen(self, rows: list[Row]) -> None:
        beats = {row["id"]: (row["worker"], row["lease"]) for row in rows}
        before, now = self.heard, time.monotonic()
        self.heard = {
            number: before[number] if number in before and before[number][0] == beat else (beat, now)
            for number, beat in beats.items()
        }

    def _end(self, transaction: Transaction, job: Job, where: str = "", **changes: Any) -> bool:
        changes["changed"] = transaction.now()
        marks = ", ".join(f"{name} = :{name}" for name in changes)
        held = f"id = :id AND worker = :holder AND state = 'running'{' AND ' + where if where else ''}"
        sql = f"UPDATE jobs SET {marks} WHERE {held}"
        return transaction.do(sql, id=job.id, holder=job.worker, **changes) == 1


def _died_here(worker: str) -> bool:
    host, pid, _ = worker.rsplit("/", 2)
    return host == socket.gethostname() and not is_alive(int(pid))
