"""The one table of jobs, on SQLite and on a real PostgreSQL: order, limits, leases, stale claims."""

import time

import pytest

from impasto.bot.database import Database
from impasto.bot.inbox import Inbox
from impasto.bot.jobs import Jobs
from impasto.bot.pace import seconds_until_done
from impasto.bot.people import People
from impasto.bot.queue import ATTEMPTS, LOSSES, Queue
from impasto.bot.schema import VERSION, make_tables
from impasto.bot.turns import Limits
from impasto.core.errors import UsageError

PLENTY = Limits(1000, 1000)


class Tables:
    def __init__(self, database, lease=30.0):
        self.database = database
        self.jobs, self.queue = Jobs(database), Queue(database, lease)
        self.people, self.inbox = People(database), Inbox(database)

    def job(self, person, message, limits=PLENTY, choose=True):
        """A job that is in the queue, its photograph fetched."""
        job = self.jobs.make(
            id=f"{person}:{message}", chat=person, message=message, person=person, language="en"
        )
        self.jobs.set_status_message(job.id, message + 1)
        job = self.jobs.find(job.id)
        if choose:
            self.answer = self.jobs.choose(job, limits, styles='["udnie"]')
            self.jobs.fetched(self.jobs.find(job.id), "key")
        return self.jobs.find(job.id)

    def one(self, number):
        return self.jobs.find(number)


@pytest.fixture(params=["sqlite", "postgresql"])
def tables(request, tmp_path):
    if request.param == "sqlite":
        database = Database(f"sqlite:///{tmp_path / 'bot.sqlite3'}")
    else:
        database = Database(request.getfixturevalue("postgres").fresh())
    make_tables(database)
    make_tables(database)  # twice does no more than once
    yield Tables(database)
    database.close()


def test_a_hundred_jobs_of_one_person_stand_behind_everybody_s_first(tables):
    for message in range(100):
        tables.job(1, 10 * message)
    first = tables.queue.claim()
    assert first.person == 1 and tables.queue.claim() is None  # one running a person
    for person in range(2, 7):
        tables.job(person, 5)
    order = []
    for _ in range(5):
        job = tables.queue.claim()
        order.append(job.person)
        assert tables.queue.finish(job, "result", "circle", "", 1.0)
    assert sorted(order) == [2, 3, 4, 5, 6]
    rows = tables.jobs.under_way()
    assert [row["before"] for row in rows[:3]] == [0, 1, 2] and len(rows) == 100
    tables.queue.finish(first, "result", None, "", 1.0)
    assert tables.queue.claim().person == 1


def test_nobody_is_passed_over_for_ever(tables):
    for message in range(3):
        tables.job(1, 10 * message)
    served = []
    for newcomer in range(50, 60):
        tables.job(newcomer, 1)
        job = tables.queue.claim()
        served.append(job.person)
        tables.queue.finish(job, "result", None, "", 1.0)
    assert served.count(1) == 3


def test_a_job_is_claimable_only_with_a_status_message_and_a_photograph(tables):
    job = tables.jobs.make(id="1:1", chat=1, message=1, person=1, language="en")
    assert tables.jobs.choose(job, PLENTY, styles='["udnie"]') == "stale"
    tables.jobs.set_status_message("1:1", 2)
    assert tables.jobs.choose(tables.one("1:1"), PLENTY, styles='["udnie"]') == "queued"
    assert tables.one("1:1").state == "fetching" and tables.queue.claim() is None
    assert tables.jobs.fetched(tables.one("1:1"), "key")
    assert tables.queue.claim().id == "1:1"


def test_limits_and_rounds(tables):
    for message in (1, 10, 20):
        tables.job(1, message, Limits(2, 1000))
    assert tables.answer == "waiting" and tables.one("1:20").state == "choosing"
    for message in (1, 10):
        tables.job(2, message, Limits(10, 1))
    assert tables.answer == "day"
    old = tables.one("1:1")
    job = tables.queue.claim()
    assert tables.jobs.choose(old, PLENTY) == "stale"  # running
    tables.queue.finish(job, "result", None, "", 1.0)
    assert tables.jobs.choose(tables.one("1:1"), PLENTY, strength=0.8) == "queued"
    assert tables.jobs.choose(old, PLENTY) == "stale"
    again = tables.one("1:1")
    assert (again.round, again.strength, again.state) == (2, 0.8, "waiting")
    assert tables.jobs.told(old) is False  # an earlier round's delivery marks nothing


def test_a_lost_lease_changes_nothing(tables):
    tables.queue.lease = 0.2
    tables.job(1, 1)
    slow = tables.queue.claim()
    assert tables.queue.reap() == 0
    time.sleep(0.3)
    assert tables.queue.beat(slow) == "go" and tables.queue.reap() == 0  # it was silent, and is not now
    time.sleep(0.3)
    assert tables.queue.reap() == 1
    tables.queue.lease = 30.0
    quick = tables.queue.claim()
    assert quick.worker != slow.worker
    assert tables.queue.beat(slow) == "lost" and not tables.queue.finish(slow, "late", None, "", 1.0)
    assert not tables.queue.fail(slow, "crash") and not tables.queue.release(slow)
    assert tables.queue.beat(quick, 0.5, 3.0) == "go"
    assert tables.queue.finish(quick, "good", None, "", 1.0) and tables.one("1:1").result == "good"


def test_poison_ends(tables):
    tables.job(1, 1)
    for _ in range(ATTEMPTS - 1):
        assert tables.queue.again(tables.queue.claim(), "crash") == "waiting"
    assert tables.queue.again(tables.queue.claim(), "crash") == "failed"
    assert tables.queue.claim() is None and tables.one("1:1").error == "crash"
    tables.job(2, 1)
    tables.queue.lease = -1.0  # each claim is late at once
    for _ in range(LOSSES):
        assert tables.queue.claim()
        assert tables.queue.reap() == 1
    assert (tables.one("2:1").state, tables.queue.claim()) == ("failed", None)


def test_a_clock_that_was_put_back_keeps_nothing_waiting(tables):
    for message, state in ((1, "failed"), (10, "cancelled")):
        tables.job(1, message)
        tables.jobs.end(tables.one(f"1:{message}"), state)
    tables.jobs.later(tables.one("1:1"), 1000)
    assert [job.id for job in tables.jobs.to_tell()] == ["1:10"]

    def ahead(transaction):
        return transaction.do("UPDATE jobs SET retry_at = :at, changed = :at", at=transaction.now() + 86400)

    tables.database.run(ahead)
    assert len(tables.jobs.to_tell()) == 2
    for job in tables.jobs.to_tell():
        tables.jobs.told(job)
    tables.database.run(ahead)
    assert len(tables.jobs.known_folders()) == 2 and tables.jobs.outlived(-3, 3600) == []
    assert tables.jobs.mend_stamps() == 2 and tables.jobs.mend_stamps() == 0
    assert len(tables.jobs.outlived(-3, 3600)) == 2


def test_what_a_job_cannot_help_is_not_counted(tables):
    tables.job(1, 1)
    tables.jobs.later(tables.one("1:1"), 1, counted=False)
    assert tables.one("1:1").tries == 0
    tables.jobs.later(tables.one("1:1"), 1)
    assert tables.one("1:1").tries == 1


def test_cancel_and_forget(tables):
    tables.job(1, 1)
    tables.job(1, 10)
    running = tables.queue.claim()
    assert sorted(tables.jobs.cancel(1)) == ["1:1", "1:10"]
    assert tables.queue.beat(running) == "cancel"
    assert not tables.queue.finish(running, "too late", None, "", 1.0)
    assert tables.queue.cancelled(running)
    assert {job.state for job in tables.jobs.to_tell()} == {"cancelled"}
    for job in tables.jobs.to_tell():
        assert tables.jobs.told(job)
    assert tables.jobs.outlived(3600, 3600) == [] and len(tables.jobs.outlived(-1, 3600)) == 2
    tables.job(1, 20)
    running = tables.queue.claim()
    tables.people.forget(1)
    assert tables.queue.beat(running) == "lost" and tables.jobs.find("1:20") is None


def test_pause(tables):
    tables.job(1, 1)
    tables.people.set_flag("paused", "1")
    assert tables.queue.claim() is None
    tables.people.set_flag("paused", "0")
    assert tables.queue.claim()


def test_the_inbox_keeps_what_is_not_handled(tables):
    def update(number, **more):
        return {"update_id": number, "message": {"chat": {"id": 5}}} | more

    assert [one.chat for one in tables.inbox.keep([update(3), update(4)])] == [5, 5]
    assert tables.inbox.offset() == 5
    assert tables.inbox.keep([update(4), update(5), {"no": "number"}, None, update("6")])[0].update_id == 5
    tables.inbox.done(3)
    assert [one.update_id for one in tables.inbox.waiting()] == [4, 5]
    assert [tables.inbox.failed(4) for _ in range(3)] == [True, True, False]
    assert [one.update_id for one in tables.inbox.waiting()] == [5]


def test_own_styles(tables):
    assert tables.people.add_style(1, 7, "Mine", "1/styles/7", 1)
    assert tables.people.add_style(1, 7, "Mine", "1/styles/7", 1)  # a replay
    assert not tables.people.add_style(1, 8, "More", "1/styles/8", 1)
    assert tables.people.drop_style(1, 7) == "1/styles/7" and tables.people.styles(1) == []


def test_a_round_that_comes_to_nothing_leaves_the_picture_of_the_one_before(tables):
    tables.job(1, 1)
    assert tables.queue.finish(tables.queue.claim(), "first.jpg", "first-circle.jpg", "animation", 1.0)
    assert tables.jobs.told(tables.one("1:1"))
    for end in ("cancelled", "failed"):
        painted = tables.one("1:1")
        assert tables.jobs.choose(painted, PLENTY, styles='["the_scream"]', strength=0.8) == "queued"
        running = tables.queue.claim()
        assert tables.queue.cancelled(running) if end == "cancelled" else tables.queue.fail(running, "crash")
        job = tables.one("1:1")
        assert (job.state, job.styles) == (end, '["the_scream"]')
        assert tables.jobs.shown_again(job, job.before)
        job = tables.one("1:1")
        assert (job.state, job.styles, job.strength, job.told) == ("painted", '["udnie"]', 0.35, 1)
        assert (job.result, job.circle, job.notice) == ("first.jpg", "first-circle.jpg", "animation")
        assert job.round == painted.round + 1 and job.shown is None and not tables.jobs.to_tell()
    # Another picture takes its place; one that Telegram refuses is none to go back to.
    tables.jobs.choose(tables.one("1:1"), PLENTY, styles='["plum_tree"]')
    tables.queue.finish(tables.queue.claim(), "second.jpg", None, "", 1.0)
    assert tables.one("1:1").before.result == "first.jpg"
    assert tables.jobs.undelivered(tables.one("1:1"))
    tables.jobs.choose(tables.one("1:1"), PLENTY, styles='["udnie"]')
    assert tables.one("1:1").before is None


def test_tables_of_the_first_version_are_brought_up_to_date(tables):
    tables.job(1, 1)
    tables.database.run(lambda transaction: transaction.do("ALTER TABLE jobs DROP COLUMN shown"))
    tables.people.set_flag("version", "1")
    with pytest.raises(TypeError):
        tables.one("1:1")
    make_tables(tables.database)
    assert tables.one("1:1").shown is None and tables.people.flag("version") == str(VERSION)
    tables.people.set_flag("version", str(VERSION + 1))
    with pytest.raises(UsageError, match="newer Impasto"):
        make_tables(tables.database)


def test_how_long_it_takes_is_the_median_of_the_latest_of_each_kind(tables):
    for number, seconds in enumerate((40, 2, 2, None, 3)):  # one slow; of one nothing is to be learnt
        tables.job(5, 10 * number)
        assert tables.queue.finish(tables.queue.claim(), "a", None, "", seconds)
    known = tables.people.paces()
    assert known == {"avatar": 2.5}
    for number in (11, 12, 13):
        tables.job(number, 1)
    tables.queue.claim()
    rows = tables.jobs.under_way()
    rows[0]["progress"] = 0.6
    assert seconds_until_done(rows, rows[0]["id"], known, 1) == 2.5
    assert seconds_until_done(rows, rows[2]["id"], known, 1) == pytest.approx(0.4 * 2.5 + 2.5 + 2.5)
    assert seconds_until_done(rows, rows[2]["id"], known, 2) == pytest.approx(0.7 * 2.5 + 2.5)
    rows[1]["kind"] = "full"
    assert seconds_until_done(rows, rows[2]["id"], known, 1) == 0  # none was ever timed
