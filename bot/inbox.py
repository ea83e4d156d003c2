"""Updates, kept before they are confirmed, until they are handled."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from .database import Database, Transaction

ATTEMPTS = 3  # an update that fails so often is set aside
KEPT_SECONDS = 2 * 86400  # Telegram keeps updates for a day; numbers are kept longer, against repeats


@dataclass(frozen=True)
class Letter:
    """An update that waits: its number, the chat it belongs to, and what came."""

    update_id: int
    chat: int
    body: dict[str, Any]


class Inbox:
    """The inbox's table."""

    def __init__(self, database: Database):
        self.database = database

    def keep(self, updates: list[Any]) -> list[Letter]:
        """Stores updates as they came and the offset behind them; returns those that are new.

        What is no update at all (no number) is passed over: it cannot be confirmed either.
        """
        numbered = [update for update in updates if _number(update) is not None]

        def work(transaction: Transaction) -> list[Letter]:
            new = []
            for update in numbered:
                number, chat = update["update_id"], chat_of(update)
                stored = transaction.do(
                    "INSERT INTO inbox (update_id, chat, body, received) "
                    "VALUES (:number, :chat, :body, :now) ON CONFLICT DO NOTHING",
                    number=number,
                    chat=chat,
                    body=json.dumps(update),
                    now=transaction.now(),
                )
                if stored:
                    new.append(Letter(number, chat, update))
            if numbered:
                set_fact(transaction, "offset", str(numbered[-1]["update_id"] + 1))
            return new

        return self.database.run(work)

    def offset(self) -> int:
        """The first update that has not been stored."""
        return int(self.database.run(lambda transaction: fact(transaction, "offset")) or 0)

    def waiting(self) -> list[Letter]:
        """Updates that were stored and not handled, in their order: what a crash left."""
        rows = self.database.run(
            lambda transaction: transaction.all(
                "SELECT update_id, chat, body FROM inbox WHERE state = 'new' ORDER BY update_id"
            )
        )
        return [Letter(row["update_id"], row["chat"], json.loads(row["body"])) for row in rows]

    def done(self, number: int) -> None:
        """An update was handled: its number is kept, what it said and where is not."""
        self._end(number, "done")

    def failed(self, number: int) -> bool:
        """Counts a failure; returns whether the update is to be tried again."""

        def work(transaction: Transaction) -> bool:
            transaction.do(
                "UPDATE inbox SET attempts = attempts + 1 WHERE update_id = :number", number=number
            )
            row = transaction.one("SELECT attempts FROM inbox WHERE update_id = :number", number=number)
            return row is not None and row["attempts"] < ATTEMPTS

        again = self.database.run(work)
        if not again:
            self._end(number, "poison")
        return again

    def _end(self, number: int, state: str) -> None:
        self.database.run(
            lambda transaction: transaction.do(
                "UPDATE inbox SET state = :state, body = '{}', chat = 0 WHERE update_id = :number",
                state=state,
                number=number,
            )
        )

    def sweep(self) -> None:
        """Forgets the numbers of updates handled long ago."""
        self.database.run(
            lambda transaction: transaction.do(
                "DELETE FROM inbox WHERE state <> 'new' AND (received < :since OR received > :until)",
                since=transaction.now() - KEPT_SECONDS,
                until=transaction.now() + KEPT_SECONDS,  # stamped by a clock that was put back since
            )
        )


def fact(transaction: Transaction, name: str) -> str | None:
    """A counter or flag of the whole bot's."""
    row = transaction.one("SELECT value FROM facts WHERE name = :name", name=name)
    return row["value"] if row else None


def set_fact(transaction: Transaction, name: str, value: str) -> None:
    """Sets a counter or flag."""
    transaction.do(
        "INSERT INTO facts (name, value) VALUES (:name, :value) "
        "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        name=name,
        value=value,
    )


def chat_of(update: dict[str, Any]) -> int:
    """The chat whose updates wait for one another; 0 where there is none."""
    for value in update.values():
        if isinstance(value, dict):
            inner = value.get("message")
            message = inner if isinstance(inner, dict) else value
            for owner in (message.get("chat"), value.get("from")):
                if isinstance(owner, dict) and _fits(owner.get("id")):
                    return owner["id"]
    return 0


def _number(update: Any) -> int | None:
    number = update.get("update_id") if isinstance(update, dict) else None
    return number if _fits(number) else None


def _fits(number: Any) -> bool:
    return isinstance(number, int) and not isinstance(number, bool) and abs(number) < 2**63
