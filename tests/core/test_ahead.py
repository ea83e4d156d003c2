"""Batches made ahead of the step that takes them."""

import threading
import time

import numpy as np
import pytest

from impasto.core.ahead import ahead


def test_batches_come_in_order_whoever_is_ready_first():
    slow = np.random.default_rng(0).uniform(0, 0.01, 40)

    def make(step):
        time.sleep(slow[step])
        return 10 * step

    assert list(ahead(make, range(3, 40), threads=4)) == [(step, 10 * step) for step in range(3, 40)]
    assert list(ahead(make, range(5, 5))) == []


def test_the_next_ones_are_made_while_one_is_used():
    made, third = [], threading.Event()

    def make(step):
        made.append(step)
        if len(made) == 3:
            third.set()

    batches = ahead(make, range(1000), threads=1)
    next(batches)
    assert third.wait(10)  # though only the first was asked for
    batches.close()
    assert len(made) < 10  # and no more than a few


def test_what_goes_wrong_is_raised_where_the_batch_is_taken():
    def make(step):
        if step == 2:
            raise OSError("the disk is gone")
        return step

    batches = ahead(make, range(5), threads=2)
    assert [next(batches)[0], next(batches)[0]] == [0, 1]
    with pytest.raises(OSError, match="the disk is gone"):
        next(batches)
