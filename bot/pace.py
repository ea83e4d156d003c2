"""How long pictures take: the median of the latest of each kind, so that no single one misleads."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import median

from .database import Row, Transaction
from .inbox import fact, set_fact

LATEST = 9


def note_seconds(transaction: Transaction, kind: str, seconds: float) -> None:
    """Notes how long a picture of a kind took."""
    name = f"seconds:{kind}"
    before = (fact(transaction, name) or "").split()
    set_fact(transaction, name, " ".join([*before[1 - LATEST :], f"{seconds:.3f}"]))


def paces(transaction: Transaction) -> dict[str, float]:
    """Seconds that a picture takes, by kind; of a kind that was never timed there is none."""
    rows = transaction.all("SELECT name, value FROM facts WHERE name LIKE 'seconds:%'")
    return {
        row["name"].partition(":")[2]: median(map(float, row["value"].split()))
        for row in rows
        if row["value"]
    }


def seconds_until_done(rows: Iterable[Row], number: str, known: dict[str, float], workers: int) -> float:
    """Estimates when a job is done, from those before it in the queue.

    Args:
        rows: jobs under way, in their order.
        number: id of the one asked for.
        known: seconds by kind.
        workers: that share the work, 1 or more.

    Returns:
        Seconds; 0 where a kind was never timed.
    """
    before = 0.0
    for row in rows:
        own = known.get(row["kind"], 0.0)
        if not own:
            return 0.0
        if row["id"] == number:
            return before / workers + own
        begun = row["state"] == "running" and row["progress"]
        before += own * (1 - row["progress"]) if begun else own
    return 0.0
