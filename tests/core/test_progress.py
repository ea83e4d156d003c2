"""What a long job tells: seconds gone, seconds left, the parts of its loss."""

import math

import pytest

from impasto.core.progress import Clock, Parts


@pytest.fixture
def time(monkeypatch):
    """A clock that is set by hand: `time[0] = 3.5`."""
    now = [100.0]
    monkeypatch.setattr("impasto.core.progress.time.perf_counter", lambda: now[0])
    return now


def run(clock, time, durations, start=0):
    for done, seconds in enumerate(durations, start + 1):
        time[0] += seconds
        clock.tick(done)


def test_before_the_first_step_nobody_knows(time):
    clock = Clock([10, 10])
    assert math.isnan(clock.seconds_left(0)) and clock.seconds == 0 and clock.step_seconds == 0


def test_equal_steps_take_equal_time(time):
    clock = Clock([100] * 10)
    run(clock, time, [0.5] * 4)
    assert clock.seconds == pytest.approx(2) and clock.step_seconds == pytest.approx(0.5)
    assert clock.seconds_left(4) == pytest.approx(3)
    run(clock, time, [0.5] * 6, start=4)
    assert clock.seconds_left(10) == 0


def test_larger_pictures_take_longer(time):
    clock = Clock([100] * 5 + [400] * 5)
    run(clock, time, [1.0] * 5)
    assert clock.seconds_left(5) == pytest.approx(20)


def test_the_slow_first_step_is_no_oracle(time):
    clock = Clock([100] * 10)
    run(clock, time, [30.0, 1, 1, 1, 1])
    assert clock.seconds == pytest.approx(34)
    assert clock.seconds_left(5) == pytest.approx(5)


def test_only_the_latest_steps_count(time):
    clock = Clock([1] * 100)
    run(clock, time, [5.0] * 30)
    run(clock, time, [1.0] * Clock.LATEST, start=30)
    assert clock.seconds_left(50) == pytest.approx(50)


def test_a_tick_may_stand_for_several_steps(time):
    clock = Clock([10] * 12)
    time[0] += 8.0
    clock.tick(4, steps=4)
    assert clock.step_seconds == pytest.approx(8)
    assert clock.seconds_left(4) == pytest.approx(16)


def test_a_resumed_job_counts_from_where_it_is(time):
    clock = Clock([100] * 10)
    run(clock, time, [2.0], start=7)
    assert clock.seconds_left(8) == pytest.approx(4)


def test_parts_are_fetched_when_they_are_read():
    class Scalar:
        fetched = 0

        def __float__(self):
            Scalar.fetched += 1
            return 2.5

    parts = Parts({"content": Scalar(), "style": Scalar()})
    assert list(parts) == ["content", "style"] and len(parts) == 2 and Scalar.fetched == 0
    assert parts["style"] == 2.5 and Scalar.fetched == 1
    assert dict(parts) == {"content": 2.5, "style": 2.5}
