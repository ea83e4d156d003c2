"""The one table of jobs, as the bot sees it: made, chosen for, fetched, told of, forgotten.

`job.py` has the states; `queue.py` the workers' half.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from .database import Database, Row, Transaction
from .job import ACTIVE, ENDED, SHOWN, Job
from .turns import Limits, over_limit, take_turn

LONGEST_PAUSE = 10.0
# A time further ahead than any pause is of a clock that was put back meanwhile.
DUE = f"(retry_at <= :now OR retry_at > :now + {LONGEST_PAUSE})"


class Jobs:
    """The jobs' table."""

    def __init__(self, database: Database):
        self.database = database

    def make(self, **facts: Any) -> Job:
        """Makes a job of `id`, or finds the one that was made when this update was handled before."""

        def work(transaction: Transaction) -> Job:
            row = {"state": "choosing", "created": transaction.now(), "changed": transaction.now()} | facts
            names = ", ".join(row)
            marks = ", ".join(f":{name}" for name in row)
            transaction.do(f"INSERT INTO jobs ({names}) VALUES ({marks}) ON CONFLICT DO NOTHING", **row)
            return _job(transaction.one("SELECT * FROM jobs WHERE id = :id", id=row["id"]))

        return self.database.run(work)

    def find(self, number: str) -> Job | None:
        """The job of that id."""
        row = self.database.run(
            lambda transaction: transaction.one("SELECT * FROM jobs WHERE id = :id", id=number)
        )
        return _job(row) if row else None

    def set_status_message(self, number: str, message: int) -> None:
        """The message that will become the picture."""
        self._do("UPDATE jobs SET status_message = :message WHERE id = :id", id=number, message=message)

    def choose(self, job: Job, limits: Limits, **choice: Any) -> str:
        """Puts a job into the queue, if it is still at the round that the person saw.

        Args:
            job: as it was read; another process may have changed it since.
            limits: of the person.
            **choice: columns such as `styles`, `strength`, `colours`.

        Returns:
            `queued`, or why not: `stale`, `waiting` or `day` (the limits).
        """

        def work(transaction: Transaction) -> str:
            row = transaction.one("SELECT * FROM jobs WHERE id = :id", id=job.id)
            if row is None or row["round"] != job.round or row["state"] in ACTIVE:
                return "stale"
            if row["status_message"] is None and "status_message" not in choice:
                return "stale"
            if refused := over_limit(transaction, job.person, limits):
                return refused
            turn = take_turn(transaction, job.person)
            changes = {
                "state": "waiting" if row["source"] else "fetching",
                "round": job.round + 1,
                "turn": turn,
                "queued": transaction.now(),
                "changed": transaction.now(),
                **dict.fromkeys(("told", "attempts", "losses", "cancel", "retry_at", "tries"), 0),
                **dict.fromkeys(("progress", "seconds_left", "error", "worker", "lease")),
                "notice": "",
                "shown": _shown(row),
            } | choice
            marks = ", ".join(f"{name} = :{name}" for name in changes)
            transaction.do(f"UPDATE jobs SET {marks} WHERE id = :id", id=job.id, **changes)
            return "queued"

        return self.database.run(work)

    def to_fetch(self) -> list[Job]:
        """Jobs whose photograph must be got from Telegram."""
        return self._list(f"state = 'fetching' AND {DUE} AND cancel = 0 ORDER BY turn")

    def fetched(self, job: Job, source: str) -> bool:
        """The photograph is stored: a worker may have the job."""
        return bool(
            self._do(
                "UPDATE jobs SET source = :source, state = 'waiting', tries = 0, retry_at = 0 "
                "WHERE id = :id AND round = :round AND state = 'fetching'",
                id=job.id,
                round=job.round,
                source=source,
            )
        )

    def end(self, job: Job, state: str, error: str | None = None, *, told: bool = False) -> bool:
        """Ends a job that no worker has."""
        return bool(
            self._do(
                "UPDATE jobs SET state = :state, error = :error, told = :told, retry_at = 0, tries = 0, "
                "changed = :now WHERE id = :id AND round = :round "
                f"AND state NOT IN {ENDED} AND state <> 'running'",
                id=job.id,
                round=job.round,
                state=state,
                error=error,
                told=int(told),
            )
        )

    def cancel(self, person: int, number: str | None = None) -> list[str]:
        """Cancels a person's job, or all of them; a running one ends with its worker's next beat.

        Returns:
            The ids of those that were stopped.
        """

        which = "person = :person" + (" AND id = :id" if number else "")
        return self._cancel(which, {"person": person} | ({"id": number} if number else {}))

    def cancel_left(self, job: Job) -> list[str]:
        """Cancels what nobody waits for since the bot was shut out of a job's chat.

        From a group nothing is known of its people, who may wait for pictures in other chats.
        """
        return self.cancel_in(job.chat) if job.is_group else self.cancel(job.person)

    def cancel_in(self, chat: int) -> list[str]:
        """Cancels the jobs of a chat; returns the ids of those that were stopped."""
        return self._cancel("chat = :chat", {"chat": chat})

    def _cancel(self, which: str, values: dict[str, Any]) -> list[str]:
        def work(transaction: Transaction) -> list[str]:
            running = transaction.all(f"SELECT id FROM jobs WHERE {which} AND state = 'running'", **values)
            idle = transaction.all(
                f"SELECT id FROM jobs WHERE {which} AND state IN ('fetching', 'waiting')", **values
            )
            transaction.do(
                f"UPDATE jobs SET cancel = 1, state = CASE state WHEN 'running' THEN state ELSE 'cancelled' "
                f"END, changed = :now WHERE {which} AND state IN {ACTIVE}",
                now=transaction.now(),
                **values,
            )
            return [row["id"] for row in (*running, *idle)]

        return self.database.run(work)

    def to_tell(self) -> list[Job]:
        """Jobs that ended and whose person has not been told."""
        return self._list(f"state IN {ENDED} AND told = 0 AND {DUE} ORDER BY changed")

    def told(self, job: Job) -> bool:
        """The person was told; `changed` is now the time of delivery."""
        return bool(
            self._do(
                "UPDATE jobs SET told = 1, changed = :now WHERE id = :id AND round = :round AND told = 0",
                id=job.id,
                round=job.round,
            )
        )

    def shown_again(self, job: Job, before: Job) -> bool:
        """The person was told that nothing came of this round, and has the picture of an earlier one."""
        back = {name: getattr(before, name) for name in SHOWN}
        marks = ", ".join(f"{name} = :{name}" for name in SHOWN)
        return bool(
            self._do(
                f"UPDATE jobs SET told = 1, changed = :now, state = 'painted', error = NULL, shown = NULL, "
                f"{marks} WHERE id = :id AND round = :round AND told = 0",
                id=job.id,
                round=job.round,
                **back,
            )
        )

    def undelivered(self, job: Job) -> bool:
        """The person was told that Telegram does not take the picture: the message shows none."""
        return bool(
            self._do(
                "UPDATE jobs SET told = 1, changed = :now, result = NULL, circle = NULL, shown = NULL "
                "WHERE id = :id AND round = :round AND told = 0",
                id=job.id,
                round=job.round,
            )
        )

    def later(self, job: Job, seconds: float, *, counted: bool = True) -> None:
        """Tries to fetch or to tell again in so many seconds, at most `LONGEST_PAUSE`.

        Args:
            job: as it was read.
            seconds: to wait.
            counted: among its tries; what the job cannot help is not.
        """

        def work(transaction: Transaction) -> None:
            transaction.do(
                "UPDATE jobs SET retry_at = :at, tries = tries + :more WHERE id = :id AND round = :round",
                id=job.id,
                round=job.round,
                at=transaction.now() + min(LONGEST_PAUSE, seconds),
                more=int(counted),
            )

        self.database.run(work)

    def under_way(self) -> list[Row]:
        """Jobs in the queue or at work, in their order, each with how many are before it."""

        def work(transaction: Transaction) -> list[Row]:
            return transaction.all(f"SELECT * FROM jobs WHERE state IN {ACTIVE} ORDER BY turn, queued")

        rows = self.database.run(work)
        before = sum(row["state"] == "running" for row in rows)
        for row in rows:
            if row["state"] == "running":
                row["before"] = 0
            else:
                row["before"] = before
                before += 1
        return rows

    def of_person(self, person: int) -> list[Job]:
        """A person's jobs that are in the queue or at work."""
        return self._list(f"person = :person AND state IN {ACTIVE} ORDER BY turn", person=person)

    def counts(self) -> dict[str, int]:
        """How many jobs there are in each state; `untold` of those that ended."""

        def work(transaction: Transaction) -> dict[str, int]:
            rows = transaction.all("SELECT state, count(*) AS number FROM jobs GROUP BY state")
            untold = transaction.one(
                f"SELECT count(*) AS number FROM jobs WHERE state IN {ENDED} AND told = 0"
            )
            return {row["state"]: row["number"] for row in rows} | {"untold": (untold or {}).get("number", 0)}

        return self.database.run(work)

    def outlived(self, retention: float, choosing: float) -> list[Job]:
        """Jobs whose pictures are kept no longer: ended and told so long ago, or never chosen for."""
        return self._list(
            f"((state IN {ENDED} AND told = 1 AND changed < :now - :retention) "
            "OR (state = 'choosing' AND changed < :now - :choosing)) AND NOT EXISTS "
            "(SELECT 1 FROM jobs other WHERE other.chat = jobs.chat AND other.message = jobs.message AND "
            f"(other.state IN {ACTIVE} OR (other.state IN {ENDED} AND other.told = 0)))",
            retention=retention,
            choosing=choosing,
        )

    def forget(self, numbers: Sequence[str]) -> None:
        """Deletes rows, but for those that went into the queue meanwhile."""

        def work(transaction: Transaction) -> None:
            for number in numbers:
                transaction.do(f"DELETE FROM jobs WHERE id = :id AND state NOT IN {ACTIVE}", id=number)

        self.database.run(work)

    def known_folders(self) -> set[str]:
        """The folders that belong to a job."""
        return {job.folder for job in self._list("1 = 1")}

    def mend_stamps(self) -> int:
        """Brings times that lie ahead back to now; returns how many.

        A clock that was wrong and put back leaves them, and by them pictures would be kept for ever.
        """
        return self._do("UPDATE jobs SET changed = :now WHERE changed > :now + 1")

    def _list(self, where: str, **values: Any) -> list[Job]:
        def work(transaction: Transaction) -> list[Job]:
            if ":now" in where:
                values["now"] = transaction.now()
            return [_job(row) for row in transaction.all(f"SELECT * FROM jobs WHERE {where}", **values)]

        return self.database.run(work)

    def _do(self, sql: str, **values: Any) -> int:
        def work(transaction: Transaction) -> int:
            if ":now" in sql:
                values["now"] = transaction.now()
            return transaction.do(sql, **values)

        return self.database.run(work)


def _shown(row: Row) -> str | None:
    """What the message of a job that is sent round again shows meanwhile; see `Job.before`."""
    if row["state"] == "painted" and row["result"]:
        return json.dumps({name: row[name] for name in SHOWN})
    return row["shown"]


def _job(row: Row | None) -> Job:
    if row is None:
        raise LookupError("the job was deleted meanwhile")
    return Job(**row)
