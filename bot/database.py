"""SQLite or PostgreSQL behind one small door: a function runs in a transaction, again if it must.

SQL here is what both understand, with `:name` for parameters. SQLite is written through to the disk
at each commit (`synchronous=FULL`): what was stored outlives the process and the machine.
"""

from __future__ import annotations

import logging
import re
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, TypeVar

from impasto.core.errors import ImpastoError, UsageError

T = TypeVar("T")
Row = dict[str, Any]

log = logging.getLogger("impasto.bot.database")

PATIENCE = 60.0  # seconds that a locked or restarting database is waited for
_NAME = re.compile(r"(?<![:\w]):([a-z_]+)")


class Unreachable(ImpastoError):
    """The database could not be reached or written for as long as was allowed."""


class Transaction(Protocol):
    """A transaction under way."""

    def all(self, sql: str, **values: Any) -> list[Row]:
        """Runs a statement and returns its rows."""
        ...

    def one(self, sql: str, **values: Any) -> Row | None:
        """Runs a statement and returns its first row."""
        ...

    def do(self, sql: str, **values: Any) -> int:
        """Runs a statement and returns how many rows it changed."""
        ...

    def now(self) -> float:
        """The database's clock, seconds since 1970: machines' own clocks differ."""
        ...

    @property
    def locking(self) -> str:
        """What a SELECT ends with to take rows that no other worker is taking."""
        ...


class Database:
    """Opens a database.

    Args:
        url: `sqlite:///…` or `postgresql://…`.

    Raises:
        UsageError: another kind of URL, or a missing driver.
    """

    def __init__(self, url: str):
        if url.startswith("sqlite:///"):
            self.engine: _Sqlite | _Postgres = _Sqlite(Path(url.removeprefix("sqlite:///")))
        elif url.startswith(("postgresql://", "postgres://")):
            self.engine = _Postgres(url)
        else:
            kind = url.partition(":")[0][:20]
            raise UsageError(f"A database is sqlite:///… or postgresql://…. Received: {kind}:…")
        self.is_postgres = isinstance(self.engine, _Postgres)
        self.closed = threading.Event()

    def run(self, work: Callable[[Transaction], T], patience: float = PATIENCE) -> T:
        """Runs `work` in a transaction and commits; nothing of it stays if it raises.

        Where the database is locked, restarts, or refuses two transactions at once, the whole of
        `work` is run again, so it must do the same when it is run twice.

        Raises:
            Unreachable: the database was out of reach for `patience` seconds.
        """
        deadline, pause = time.monotonic() + patience, 0.05
        while True:
            try:
                with self.engine.transaction() as transaction:
                    return work(transaction)
            except self.engine.passing as error:
                if time.monotonic() > deadline or self.closed.is_set():
                    raise Unreachable(
                        "The bot's database cannot be reached or written; see that it runs, has space and "
                        f"may be written. Received: {type(error).__name__} {str(error)[:200]}"
                    ) from error
                log.warning("database: %s; trying again", type(error).__name__)
            self.closed.wait(pause)
            pause = min(2.0, pause * 2)

    def scrub(self) -> None:
        """Empties SQLite's log of changes, which holds what was deleted until it is written over.

        Where somebody reads just now it is left for the next time.
        """
        if isinstance(self.engine, _Sqlite):
            self.engine.scrub()

    def close(self) -> None:
        """Closes all connections; whoever waits for the database in another thread gives up."""
        self.closed.set()
        self.engine.close()


class _SqliteTransaction:
    locking = ""

    def __init__(self, connection: sqlite3.Connection):
        self.connection = connection

    def all(self, sql: str, **values: Any) -> list[Row]:
        cursor = self.connection.execute(sql, values)
        names = [column[0] for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def one(self, sql: str, **values: Any) -> Row | None:
        rows = self.all(sql, **values)
        return rows[0] if rows else None

    def do(self, sql: str, **values: Any) -> int:
        return self.connection.execute(sql, values).rowcount

    def now(self) -> float:
        return time.time()


class _Sqlite:
    passing = (sqlite3.OperationalError,)

    def __init__(self, path: Path):
        self.path, self.local = path, threading.local()
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        connection = self._connection()
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield _SqliteTransaction(connection)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def _connection(self) -> sqlite3.Connection:
        if not hasattr(self.local, "connection"):
            connection = sqlite3.connect(self.path, isolation_level=None, timeout=10, check_same_thread=False)
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute("PRAGMA secure_delete=ON")  # /delete means it
            self.local.connection = connection
        return self.local.connection

    def scrub(self) -> None:
        try:
            self._connection().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        except sqlite3.OperationalError as error:
            log.info("database: its log was not emptied (%s)", error)

    def close(self) -> None:
        if hasattr(self.local, "connection"):
            self.local.connection.close()
            del self.local.connection


class _PostgresTransaction:
    locking = " FOR UPDATE SKIP LOCKED"

    def __init__(self, connection: Any):
        self.connection = connection

    def _execute(self, sql: str, values: dict[str, Any]) -> Any:
        return self.connection.execute(_NAME.sub(r"%(\1)s", sql.replace("%", "%%")), values)

    def all(self, sql: str, **values: Any) -> list[Row]:
        cursor = self._execute(sql, values)
        return cursor.fetchall() if cursor.description else []

    def one(self, sql: str, **values: Any) -> Row | None:
        rows = self.all(sql, **values)
        return rows[0] if rows else None

    def do(self, sql: str, **values: Any) -> int:
        return self._execute(sql, values).rowcount

    def now(self) -> float:
        row = self.one("SELECT extract(epoch FROM clock_timestamp())::float8 AS now")
        return row["now"] if row else time.time()


class _Postgres:
    def __init__(self, url: str):
        try:
            import psycopg
            from psycopg.rows import dict_row
            from psycopg_pool import ConnectionPool, PoolTimeout
        except ImportError:
            raise UsageError(
                'PostgreSQL needs its driver; run `pip install "impasto[bot-scale]"`. Received: postgresql://…'
            ) from None
        self.passing = (
            psycopg.OperationalError,  # a restart, a lost connection, a deadlock, a full disk
            psycopg.InterfaceError,  # a connection that was ended between two statements
            # A standby that is not the first yet, or an operator's hand on the server.
            psycopg.errors.ReadOnlySqlTransaction,
            psycopg.errors.IdleInTransactionSessionTimeout,
            psycopg.errors.UniqueViolation,  # two workers took two jobs of one person at once
            PoolTimeout,
        )
        # A connection that the server closed is found out before it is handed on.
        self.pool = ConnectionPool(
            url,
            min_size=1,
            max_size=4,
            timeout=5,
            kwargs={"row_factory": dict_row, "connect_timeout": 5},
            check=ConnectionPool.check_connection,
            open=True,
        )

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        with self.pool.connection() as connection:
            yield _PostgresTransaction(connection)

    def close(self) -> None:
        self.pool.close()
