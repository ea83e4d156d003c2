"""The line search on functions of one number."""

import math

import pytest

from impasto.core.line_search import Trial, line_search


class Function:
    """Evaluates a function and its derivative, and counts."""

    def __init__(self, function, derivative):
        self.function, self.derivative, self.calls = function, derivative, 0

    def __call__(self, step):
        self.calls += 1
        return Trial(step, self.function(step), self.derivative(step), payload=step)

    @property
    def start(self):
        return Trial(0.0, self.function(0.0), self.derivative(0.0))


def parabola(minimum, steepness=1.0):
    return Function(lambda t: steepness * (t - minimum) ** 2, lambda t: 2 * steepness * (t - minimum))


def wolfe(function, trial, decrease=1e-4, curvature=0.9):
    start = function.start
    enough = trial.loss <= start.loss + decrease * trial.step * start.slope + 1e-6 * abs(start.loss)
    return enough and abs(trial.slope) <= curvature * abs(start.slope) * (1 + 1e-9)


@pytest.mark.parametrize("minimum", [1e-4, 0.03, 0.6, 1.0, 1.8, 7.0, 400.0])
def test_steps_far_too_long_or_short_are_mended(minimum):
    function = parabola(minimum)
    trial = line_search(function, function.start, 1.0)
    assert trial is not None and wolfe(function, trial)
    assert trial.payload == trial.step


def test_a_good_first_step_costs_one_evaluation():
    function = parabola(1.1)
    assert line_search(function, function.start, 1.0).step == 1.0
    assert function.calls == 1


@pytest.mark.parametrize("first", [0.001, 0.1, 1.0, 10.0, 1000.0])
def test_functions_that_wiggle_and_steepen(first):
    wiggle = Function(
        lambda t: -t / (t * t + 2) + 0.02 * math.sin(9 * t),
        lambda t: (t * t - 2) / (t * t + 2) ** 2 + 0.18 * math.cos(9 * t),
    )  # not monotonous, and flat far away
    quartic = Function(lambda t: (t - 3) ** 4 - t, lambda t: 4 * (t - 3) ** 3 - 1)
    for function in (wiggle, quartic):
        start = function.start
        if start.slope >= 0:
            continue
        trial = line_search(function, start, first, limit=30)
        assert trial is not None and wolfe(function, trial)


def test_steps_where_the_loss_is_not_a_number_are_shortened():
    def log(t):
        return -math.log(t + 0.1) + t if t < 2 else math.nan

    function = Function(log, lambda t: 1 - 1 / (t + 0.1) if t < 2 else math.nan)
    trial = line_search(function, function.start, 100.0)
    assert trial is not None and wolfe(function, trial)


def test_no_step_where_nothing_is_lower():
    lying = Function(lambda t: 1 + t, lambda t: -1.0)  # the slope says down, the loss goes up
    assert line_search(lying, lying.start, 1.0) is None
    assert lying.calls <= 10


def test_the_best_lower_step_when_the_trials_run_out():
    endless = Function(lambda t: -t, lambda t: -1.0)  # always falls, never flattens
    trial = line_search(endless, endless.start, 1.0, limit=4)
    assert trial.step >= 8 and endless.calls == 4


def test_rounding_near_a_minimum_is_no_obstacle():
    # Losses of a float32: the true decrease is far below its last bit.
    function = Function(lambda t: 1000.0 + 3e-5 * (t > 0.5), lambda t: 1e-9 * (t - 1))
    assert line_search(function, function.start, 1.0) is not None
