"""Whether a person may have another job, and when it is its turn."""

from __future__ import annotations

from dataclasses import dataclass

from .database import Transaction
from .inbox import fact
from .job import ACTIVE

DAY = 86400


@dataclass(frozen=True)
class Limits:
    """How much one person may have: pictures waiting at once, and a day."""

    waiting: int
    per_day: int


def over_limit(transaction: Transaction, person: int, limits: Limits) -> str:
    """Counts a job for its person; returns the limit it is over, `waiting` or `day`, or an empty text."""
    row = transaction.one(
        f"SELECT count(*) AS number FROM jobs WHERE person = :person AND state IN {ACTIVE}", person=person
    )
    if row and row["number"] >= limits.waiting:
        return "waiting"
    day = int(transaction.now() // DAY)
    row = transaction.one("SELECT day, today FROM people WHERE person = :person", person=person)
    today = row["today"] if row and row["day"] == day else 0
    if today >= limits.per_day:
        return "day"
    transaction.do("INSERT INTO people (person) VALUES (:person) ON CONFLICT DO NOTHING", person=person)
    transaction.do(
        "UPDATE people SET day = :day, today = :today WHERE person = :person",
        person=person,
        day=day,
        today=today + 1,
    )
    return ""


def take_turn(transaction: Transaction, person: int) -> int:
    """The job's place in the fair order, after start-time fair queueing (Goyal et al. 1996).

    A person's jobs get turns one apart; whoever comes anew gets the turn after the one now served. So
    a hundred jobs of one person stand behind the first of everybody else's, and newcomers, however
    many, do not pass over them for ever.
    """
    served = int(fact(transaction, "turn") or 0)
    row = transaction.one("SELECT turn FROM people WHERE person = :person", person=person)
    turn = max(served, row["turn"] if row else 0) + 1
    transaction.do("UPDATE people SET turn = :turn WHERE person = :person", person=person, turn=turn)
    return turn
