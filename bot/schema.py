"""The tables: the inbox, the one table of jobs, people, and a few counters."""

from __future__ import annotations

from impasto.core.errors import UsageError

from .database import Database
from .inbox import fact, set_fact

VERSION = 2
STRENGTH = 0.35  # before a person chooses: faces stay, and a profile picture is a face

TABLES = (
    # Each update as it came, stored before Telegram is told that it was received.
    """CREATE TABLE IF NOT EXISTS inbox (
        update_id BIGINT PRIMARY KEY, chat BIGINT NOT NULL, body TEXT NOT NULL,
        state TEXT NOT NULL DEFAULT 'new', attempts INTEGER NOT NULL DEFAULT 0,
        received DOUBLE PRECISION NOT NULL)""",
    "CREATE INDEX IF NOT EXISTS inbox_new ON inbox (state, update_id)",
    # id is `chat:message` of the photo. The check is the rule that a worker never sees a job whose
    # result could only be delivered by a new message.
    f"""CREATE TABLE IF NOT EXISTS jobs (
        id TEXT PRIMARY KEY, kind TEXT NOT NULL DEFAULT 'avatar', chat BIGINT NOT NULL,
        message BIGINT NOT NULL, person BIGINT NOT NULL, is_group INTEGER NOT NULL DEFAULT 0,
        language TEXT NOT NULL, state TEXT NOT NULL, told INTEGER NOT NULL DEFAULT 0,
        round INTEGER NOT NULL DEFAULT 0, status_message BIGINT, media TEXT NOT NULL DEFAULT 'photo',
        file_id TEXT, source TEXT, styles TEXT NOT NULL DEFAULT '[]',
        strength DOUBLE PRECISION NOT NULL DEFAULT {STRENGTH}, colours TEXT NOT NULL DEFAULT 'style',
        turn BIGINT NOT NULL DEFAULT 0, queued DOUBLE PRECISION, worker TEXT, lease DOUBLE PRECISION,
        attempts INTEGER NOT NULL DEFAULT 0, losses INTEGER NOT NULL DEFAULT 0,
        cancel INTEGER NOT NULL DEFAULT 0, progress DOUBLE PRECISION, seconds_left DOUBLE PRECISION,
        result TEXT, circle TEXT, shown TEXT, notice TEXT NOT NULL DEFAULT '', error TEXT,
        retry_at DOUBLE PRECISION NOT NULL DEFAULT 0, tries INTEGER NOT NULL DEFAULT 0,
        created DOUBLE PRECISION NOT NULL, changed DOUBLE PRECISION NOT NULL,
        CHECK (state NOT IN ('waiting', 'running') OR status_message IS NOT NULL))""",
    "CREATE INDEX IF NOT EXISTS jobs_state ON jobs (state, turn)",
    "CREATE INDEX IF NOT EXISTS jobs_person ON jobs (person)",
    "CREATE UNIQUE INDEX IF NOT EXISTS one_running_each ON jobs (person) WHERE state = 'running'",
    f"""CREATE TABLE IF NOT EXISTS people (
        person BIGINT PRIMARY KEY, language TEXT, strength DOUBLE PRECISION NOT NULL DEFAULT {STRENGTH},
        colours TEXT NOT NULL DEFAULT 'style', turn BIGINT NOT NULL DEFAULT 0,
        day BIGINT NOT NULL DEFAULT 0, today INTEGER NOT NULL DEFAULT 0)""",
    """CREATE TABLE IF NOT EXISTS styles (
        person BIGINT NOT NULL, number BIGINT NOT NULL, name TEXT NOT NULL, picture TEXT NOT NULL,
        PRIMARY KEY (person, number))""",
    "CREATE TABLE IF NOT EXISTS banned (person BIGINT PRIMARY KEY)",
    "CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
)
# What makes the tables of a version into those of the next.
CHANGES = {1: ("ALTER TABLE jobs ADD COLUMN shown TEXT",)}


def make_tables(database: Database) -> None:
    """Makes the tables that are not there, and brings those of an older version up to date.

    Raises:
        UsageError: they are of a newer version of Impasto.
    """

    def work(transaction):  # type: ignore[no-untyped-def]
        if database.is_postgres:  # two processes that start at once would collide
            transaction.do("SELECT pg_advisory_xact_lock(73317)")
        for sql in TABLES:
            transaction.do(sql)
        before = int(fact(transaction, "version") or VERSION)
        if before > VERSION:
            raise UsageError(
                f"The bot's database was made by a newer Impasto; update this one. Received: version {before}"
            )
        for version in range(before, VERSION):
            for sql in CHANGES[version]:
                transaction.do(sql)
        set_fact(transaction, "version", str(VERSION))

    database.run(work)
