"""The database refuses for a while, in whichever way: every chat and every worker goes on afterwards."""

import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing

import pytest

from impasto.bot.database import Database, Unreachable
from impasto.bot.schema import make_tables
from impasto.bot.settings import read_settings
from impasto.bot.worker import Worker

# Of no kind that passes by itself.
BROKEN = "CREATE TRIGGER broken BEFORE UPDATE ON inbox BEGIN SELECT RAISE(ABORT, 'broken'); END"


def test_a_worker_loads_neither_telegram_nor_its_client():
    code = (
        "import sys, impasto.bot.main, impasto.bot.worker, impasto.bot.tickets\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules} & {'telegram', 'httpx', 'aiohttp'}))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"


def test_a_chat_goes_on_after_a_fault_that_nobody_foresaw(bot, telegram, guest):
    mine = bot().start()
    anna = guest(7)
    anna.say("/queue")
    anna.hears("nothing in the queue")
    anna.until(lambda: mine.rows("SELECT count(*) FROM inbox WHERE state = 'new'") == [(0,)])
    with closing(sqlite3.connect(mine.folder / "data" / "bot.sqlite3", timeout=30)) as connection:
        connection.execute(BROKEN)
        anna.say("/privacy")
        anna.until(lambda: "could not be noted" in mine.text())
        connection.execute("DROP TRIGGER broken")
    anna.say("/settings")
    anna.hears("Your settings")


@pytest.fixture
def tables(postgres):
    database = Database(postgres.fresh())
    make_tables(database)
    yield database
    database.close()


def write(database, patience=30.0):
    database.run(lambda transaction: transaction.do("INSERT INTO banned (person) VALUES (1)"), patience)


def set_read_only(url, value):
    import psycopg

    with psycopg.connect(url, autocommit=True, options="-c default_transaction_read_only=off") as connection:
        connection.execute(f"ALTER SYSTEM SET default_transaction_read_only = {value}")
        connection.execute("SELECT pg_reload_conf()")


def test_a_postgresql_that_is_read_only_for_a_while(tables, postgres):
    url = postgres.url(f"bot{postgres.databases}")
    set_read_only(url, "on")
    try:
        time.sleep(0.5)  # until the server has read its settings
        with pytest.raises(Unreachable, match="ReadOnlySqlTransaction"):
            write(tables, patience=0.2)
        writer = threading.Thread(target=write, args=(tables,))
        writer.start()
    finally:
        set_read_only(url, "off")
    writer.join(60)
    assert tables.run(lambda transaction: transaction.one("SELECT person FROM banned")) == {"person": 1}


def test_a_postgresql_that_ends_a_connection_in_the_middle(tables, postgres):
    import psycopg

    url, times = postgres.url(f"bot{postgres.databases}"), []

    def work(transaction):
        times.append(transaction.one("SELECT pg_backend_pid() AS pid")["pid"])
        if len(times) == 1:
            with psycopg.connect(url, autocommit=True) as operator:
                operator.execute("SELECT pg_terminate_backend(%s)", [times[0]])
        return transaction.do("INSERT INTO banned (person) VALUES (2)")

    assert tables.run(work) == 1 and len(set(times)) == 2


def test_a_worker_outlives_an_outage_of_its_tables(tmp_path, monkeypatch):
    settings = read_settings(data=tmp_path)
    worker = Worker(settings)
    monkeypatch.setattr("impasto.bot.worker.DISK_SECONDS", 0.01)
    worker.database.close()  # waits for nothing any more
    path = tmp_path / "bot.sqlite3"
    path.rename(tmp_path / "elsewhere")
    path.mkdir()
    assert worker.paint_one() is False
    path.rmdir()
    (tmp_path / "elsewhere").rename(path)
    assert worker.paint_one() is False  # an empty queue
