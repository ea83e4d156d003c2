"""What is kept of a person: language, wishes, own styles; and how all of it goes at once."""

from __future__ import annotations

from dataclasses import dataclass

from .database import Database, Transaction
from .inbox import fact, set_fact
from .pace import paces
from .schema import STRENGTH


@dataclass(frozen=True)
class Person:
    """A person's own settings."""

    person: int
    language: str | None = None
    strength: float = STRENGTH
    colours: str = "style"


@dataclass(frozen=True)
class OwnStyle:
    """A picture that a person sent as a style; `picture` is its key in the picture store."""

    number: int
    name: str
    picture: str


class People:
    """The tables of people, their styles and those who are banned."""

    def __init__(self, database: Database):
        self.database = database

    def get(self, person: int) -> Person:
        """A person's settings; defaults for one who never changed any."""
        row = self.database.run(
            lambda transaction: transaction.one(
                "SELECT person, language, strength, colours FROM people WHERE person = :person", person=person
            )
        )
        return Person(**row) if row else Person(person)

    def set(self, person: int, name: str, value: str | float) -> None:
        """Changes `language`, `strength` or `colours`."""
        if name not in ("language", "strength", "colours"):
            raise ValueError(name)

        def work(transaction: Transaction) -> None:
            transaction.do(
                "INSERT INTO people (person) VALUES (:person) ON CONFLICT DO NOTHING", person=person
            )
            transaction.do(
                f"UPDATE people SET {name} = :value WHERE person = :person", person=person, value=value
            )

        self.database.run(work)

    def styles(self, person: int) -> list[OwnStyle]:
        """A person's own styles, oldest first."""
        rows = self.database.run(
            lambda transaction: transaction.all(
                "SELECT number, name, picture FROM styles WHERE person = :person ORDER BY number",
                person=person,
            )
        )
        return [OwnStyle(**row) for row in rows]

    def add_style(self, person: int, number: int, name: str, picture: str, most: int) -> bool:
        """Keeps a style; False if the person has as many as are allowed. A number twice is one style."""

        def work(transaction: Transaction) -> bool:
            rows = transaction.all("SELECT number FROM styles WHERE person = :person", person=person)
            if any(row["number"] == number for row in rows):
                return True
            if len(rows) >= most:
                return False
            transaction.do(
                "INSERT INTO styles (person, number, name, picture) "
                "VALUES (:person, :number, :name, :picture)",
                person=person,
                number=number,
                name=name,
                picture=picture,
            )
            return True

        return self.database.run(work)

    def drop_style(self, person: int, number: int) -> str | None:
        """Forgets a style; returns its picture's key."""

        def work(transaction: Transaction) -> str | None:
            values = {"person": person, "number": number}
            which = "FROM styles WHERE person = :person AND number = :number"
            row = transaction.one(f"SELECT picture {which}", **values)
            transaction.do(f"DELETE {which}", **values)
            return row["picture"] if row else None

        return self.database.run(work)

    def forget(self, person: int) -> None:
        """Deletes every row of a person's but a ban; running paintings find their job gone and stop."""

        def work(transaction: Transaction) -> None:
            for table in ("jobs", "styles", "people"):
                transaction.do(f"DELETE FROM {table} WHERE person = :person", person=person)

        self.database.run(work)

    def is_banned(self, person: int) -> bool:
        """Whether an admin shut the person out."""
        return (
            self.database.run(
                lambda transaction: transaction.one(
                    "SELECT person FROM banned WHERE person = :person", person=person
                )
            )
            is not None
        )

    def ban(self, person: int, banned: bool) -> None:
        """Shuts a person out, or lets them in again."""
        sql = (
            "INSERT INTO banned (person) VALUES (:person) ON CONFLICT DO NOTHING"
            if banned
            else "DELETE FROM banned WHERE person = :person"
        )
        self.database.run(lambda transaction: transaction.do(sql, person=person))

    def count(self) -> int:
        """How many people there are."""
        row = self.database.run(lambda transaction: transaction.one("SELECT count(*) AS number FROM people"))
        return row["number"] if row else 0

    def flag(self, name: str) -> str | None:
        """A fact of the whole bot's, such as `paused` or a picture's file id at Telegram."""
        return self.database.run(lambda transaction: fact(transaction, name))

    def paces(self) -> dict[str, float]:
        """Seconds that a picture takes, by kind of job."""
        return self.database.run(paces)

    def set_flag(self, name: str, value: str) -> None:
        """Sets such a fact."""
        self.database.run(lambda transaction: set_fact(transaction, name, value))
