"""The optimisers against references of their own: NumPy for Adam and SGD, SciPy for L-BFGS."""

import io

import numpy as np
import pytest
from keras import ops
from scipy.ndimage import gaussian_filter
from scipy.optimize import fmin_l_bfgs_b

from impasto.core import backend
from impasto.core.errors import UsageError
from impasto.core.losses import gram, relative_error
from impasto.core.optimizers import LBFGS, OPTIMIZERS, SGD, Adam, ScipyLBFGS, create_optimizer, resize
from impasto.core.spectrum import precondition, spectrum


def objective_of(function):
    """An objective from a loss written with ``keras.ops``."""
    compiled = backend.compile_value_and_grad(lambda image, _: (function(image), {"loss": function(image)}))
    return lambda image: compiled(image, {})


def picture(height=6, width=7, seed=0):
    return np.random.default_rng(seed).random((1, height, width, 3)).astype("float32")


def towards(target):
    """Half the squared distance: the gradient is image - target."""
    target = backend.to_tensor(target)
    return objective_of(lambda image: 0.5 * ops.sum(ops.square(image - target)))


def bumpy(image):
    return ops.sum(ops.square(ops.sin(3.0 * image) - 0.5)) + 0.1 * ops.sum(
        ops.square(image[:, 1:] - image[:, :-1])
    )


# ---- Adam


@pytest.mark.parametrize("clip", [True, False])
def test_adam_and_its_average_match_numpy(clip):
    target = (picture(seed=1) * 1.6 - 0.3).astype("float32")  # partly outside 0-1
    x = picture().astype("float64")
    optimizer, objective = Adam(picture(), clip=clip), towards(target)
    m, v, average = np.zeros_like(x), np.zeros_like(x), 0.01 * x
    for count in range(1, 31):
        loss = optimizer.step(objective)
        g = x - target
        np.testing.assert_allclose(loss, 0.5 * np.sum(g**2), rtol=1e-4)
        m, v = 0.9 * m + 0.1 * g, 0.99 * v + 0.01 * g**2
        x = x - 0.02 * (m / (1 - 0.9**count)) / (np.sqrt(v / (1 - 0.99**count)) + 1e-8)
        x = np.clip(x, 0, 1) if clip else x
        average = 0.99 * average + 0.01 * x
    np.testing.assert_allclose(backend.to_numpy(optimizer.image), x, atol=2e-5)
    shown = np.clip(average / (1 - 0.99**31), 0, 1)
    np.testing.assert_allclose(backend.to_numpy(optimizer.result), shown, atol=2e-5)
    assert (optimizer.steps, optimizer.evaluations, optimizer.reason) == (30, 30, None)
    assert set(optimizer.parts) == {"loss"}


def test_adam_without_an_average_shows_the_last_iterate():
    optimizer = Adam(picture(), average_decay=0.0)
    optimizer.step(towards(picture(seed=1)))
    np.testing.assert_array_equal(backend.to_numpy(optimizer.result), backend.to_numpy(optimizer.image))


def test_adam_starts_with_its_start():
    np.testing.assert_allclose(backend.to_numpy(Adam(picture()).result), picture(), atol=1e-6)


def test_adam_carries_its_moments_and_average_to_the_next_scale():
    optimizer, objective = Adam(picture()), objective_of(bumpy)
    for _ in range(5):
        optimizer.step(objective)
    before, result = optimizer.state(), backend.to_numpy(optimizer.result)
    optimizer.rescale((9, 11))
    after = optimizer.state()
    share = 6 * 7 / (9 * 11)  # of a mean's gradient that a pixel has now
    np.testing.assert_allclose(after["first"], share * resize(before["first"], (9, 11)), rtol=1e-6)
    assert after["second"].shape == (1, 9, 11, 3) and after["second"].min() >= 0
    np.testing.assert_allclose(after["second"].mean(), share**2 * before["second"].mean(), rtol=0.2)
    np.testing.assert_allclose(
        backend.to_numpy(optimizer.image), np.clip(resize(result, (9, 11)), 0, 1), atol=1e-6
    )
    np.testing.assert_allclose(
        backend.to_numpy(optimizer.result), backend.to_numpy(optimizer.image), atol=1e-6
    )
    assert optimizer.steps == 5
    losses = [optimizer.step(objective) for _ in range(20)]
    assert losses[-1] < losses[0]


def test_adams_steps_are_as_long_at_the_next_scale():
    optimizer, objective = Adam(0.5 + 0 * picture(), average_decay=0.0), objective_of(ops.mean)
    for size in ((6, 7), (12, 14), (5, 5)):
        optimizer.rescale(size)
        for _ in range(3):
            before = backend.to_numpy(optimizer.image)
            optimizer.step(objective)
            np.testing.assert_allclose(before - backend.to_numpy(optimizer.image), 0.02, rtol=1e-3)


# ---- every optimiser


SETTINGS = {
    "adam": {},
    "lbfgs": {"history": 4},
    "sgd": {"learning_rate": 500.0, "weight_decay": 0.0},
    "nesterov": {"learning_rate": 500.0, "weight_decay": 0.0},
    "scipy": {"evaluations_per_step": 5},
}


def test_every_optimiser_is_tried():
    assert set(SETTINGS) == set(OPTIMIZERS)


@pytest.mark.parametrize("name", SETTINGS)
def test_the_loss_falls_and_the_result_stays_within_range(name):
    optimizer, objective = create_optimizer(name, picture(), **SETTINGS[name]), objective_of(bumpy)
    first = float(objective(backend.to_tensor(picture()))[0])
    for _ in range(20):
        optimizer.step(objective)
    result = backend.to_numpy(optimizer.result)
    assert result.min() >= 0 and result.max() <= 1
    assert float(objective(optimizer.image)[0]) < 0.8 * first
    assert optimizer.evaluations >= min(optimizer.steps, 20) > 0


@pytest.mark.parametrize("name", SETTINGS)
def test_a_saved_run_goes_on_bit_for_bit(name):
    objective = objective_of(bumpy)
    straight = create_optimizer(name, picture(), **SETTINGS[name])
    for _ in range(4):
        straight.step(objective)
    file = io.BytesIO()
    np.savez(file, **straight.state())
    file.seek(0)
    resumed = create_optimizer(name, picture(seed=9), **SETTINGS[name])
    resumed.load_state(np.load(file))
    assert (resumed.steps, resumed.evaluations) == (straight.steps, straight.evaluations)
    for _ in range(4):
        assert straight.step(objective) == resumed.step(objective)
    np.testing.assert_array_equal(backend.to_numpy(straight.result), backend.to_numpy(resumed.result))


@pytest.mark.parametrize("name", SETTINGS)
def test_a_state_before_the_first_step(name):
    optimizer = create_optimizer(name, picture(), **SETTINGS[name])
    other = create_optimizer(name, picture(seed=9), **SETTINGS[name])
    other.load_state(optimizer.state())
    np.testing.assert_array_equal(backend.to_numpy(other.image), picture())
    assert np.isfinite(other.step(objective_of(bumpy)))


def test_states_of_other_optimisers_are_refused():
    with pytest.raises(UsageError, match=r"Expected LBFGS\. Received: Adam"):
        LBFGS(picture()).load_state(Adam(picture()).state())


@pytest.mark.parametrize("name", SETTINGS)
def test_the_last_good_picture_is_kept_when_the_loss_is_not_a_number(name):
    good = objective_of(bumpy)
    bad = objective_of(lambda image: ops.sum(image) * float("nan"))
    optimizer = create_optimizer(name, picture(), **SETTINGS[name])
    optimizer.step(good)
    optimizer.rescale((6, 7))
    before = backend.to_numpy(optimizer.result)
    optimizer.step(bad)
    assert "not a number" in optimizer.reason
    np.testing.assert_array_equal(backend.to_numpy(optimizer.result), before)


def test_adam_notices_a_gradient_that_is_not_a_number():
    # The root's gradient at zero is infinite while the loss is finite.
    optimizer = Adam(np.zeros((1, 2, 2, 3), "float32"))
    optimizer.step(objective_of(lambda image: ops.sum(ops.sqrt(ops.square(image) * 0.0))))
    assert "not a number" in optimizer.reason
    assert not np.any(backend.to_numpy(optimizer.result))


@pytest.mark.parametrize("name", SETTINGS)
def test_another_size_and_another_start(name):
    optimizer = create_optimizer(name, picture(), **SETTINGS[name])
    objective = objective_of(bumpy)
    for _ in range(3):
        optimizer.step(objective)
    optimizer.rescale((8, 5))
    assert tuple(optimizer.image.shape) == (1, 8, 5, 3)
    optimizer.step(objective)
    other = picture(4, 4, seed=3)
    optimizer.rescale((4, 4), image=other)
    np.testing.assert_array_equal(backend.to_numpy(optimizer.image), other)
    assert np.isfinite(optimizer.step(objective))


def test_relative_change():
    target, start = picture(seed=1), picture()
    optimizer = SGD(start, learning_rate=0.5 * 255**2, momentum=0.0, weight_decay=0.0, clip=0.0)
    assert optimizer.relative_change() == np.inf
    optimizer.step(towards(target))  # half the way
    new = (start + target) / 2
    expected = np.linalg.norm(new - start) / np.linalg.norm(new)
    np.testing.assert_allclose(optimizer.relative_change(), expected, rtol=1e-4)
    centred = np.linalg.norm(new - start) / np.linalg.norm(new - [0.5, 0.4, 0.3])
    np.testing.assert_allclose(optimizer.relative_change(np.array([0.5, 0.4, 0.3])), centred, rtol=1e-4)


def test_unknown_optimisers():
    with pytest.raises(UsageError, match=r"adam.*Received: 'newton'"):
        create_optimizer("newton", picture())


def test_resizing_keeps_means_and_dtype():
    x = picture(8, 8)
    for method in ("bicubic", "bilinear"):
        large = resize(x, (16, 12), method)
        assert large.shape == (1, 16, 12, 3) and large.dtype == x.dtype
        np.testing.assert_allclose(large.mean(), x.mean(), atol=0.03)
    flat = np.full((1, 3, 4, 3), 0.25, "float32")
    np.testing.assert_allclose(resize(flat, (7, 2)), 0.25, atol=1e-6)


# ---- SGD


def mxnet_steps(x, target, count, rate, nesterov, decay=5e-4, momentum=0.9, every=3, factor=0.5, clip=0.0):
    """MXNet's SGD and NAG, in pixels of 0-255 minus the mean colour."""
    means = np.array([123.68, 116.779, 103.939])
    p, state = x.astype("float64") * 255 - means, 0.0
    for step in range(count):
        lr = rate * factor ** (step // every)
        g = ((p + means) / 255 - target) / 255  # of half the squared distance of 0-1 pixels
        norm = np.linalg.norm(g)
        if clip and norm > clip * p.size:
            g = g * clip * p.size / norm
        g = g + decay * p
        if nesterov:
            state = momentum * state + g
            p = p - lr * (g + momentum * state)
        else:
            state = momentum * state - lr * g
            p = p + state
    return (p + means) / 255


@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("clip", [0.0, 5e-5])
def test_sgd_matches_mxnets(nesterov, clip):
    target = picture(seed=1)
    optimizer = SGD(picture(), 3000.0, nesterov=nesterov, clip=clip, schedule_every=3, schedule_factor=0.5)
    objective = towards(target)
    for _ in range(10):
        optimizer.step(objective)
    expected = mxnet_steps(picture(), target, 10, 3000.0, nesterov, clip=clip)
    np.testing.assert_allclose(backend.to_numpy(optimizer.image), expected, atol=1e-5)
    np.testing.assert_allclose(optimizer.current_learning_rate, 3000 * 0.5**3)
    free = mxnet_steps(picture(), target, 10, 3000.0, nesterov)
    assert (np.abs(expected - free).max() > 5e-3) == (clip > 0)  # the clip does bite here


# ---- L-BFGS


def rosenbrock(x):
    x = ops.reshape(x, (-1,))
    return ops.sum(100.0 * ops.square(x[1:] - ops.square(x[:-1])) + ops.square(1.0 - x[:-1]))


def ill_conditioned(x):
    scales = backend.to_tensor(np.logspace(0, 4, 100).astype("float32").reshape(1, 10, 10, 1))
    return 0.5 * ops.sum(scales * ops.square(x - 0.3))


class SmallStyle:
    """Gram matrices and content of a random two-layer network at 24×24 pixels."""

    def __init__(self):
        random = np.random.default_rng(0)
        self.first = (0.3 * random.normal(size=(3, 3, 3, 12))).astype("float32")
        self.second = (0.1 * random.normal(size=(3, 3, 12, 24))).astype("float32")
        content, style = (self._blobs(random, size) for size in (2, 1))
        self.content = content
        self.grams = [gram(layer) for layer in self.features(backend.to_tensor(style))]
        self.target = self.features(backend.to_tensor(content))[1]

    @staticmethod
    def _blobs(random, size):
        noise = gaussian_filter(random.normal(size=(1, 24, 24, 3)), (0, size, size, 0))
        return ((noise - noise.min()) / np.ptp(noise)).astype("float32")

    def features(self, image):
        first = ops.relu(ops.conv(255.0 * image - 100.0, self.first, padding="same"))
        return first, ops.relu(ops.conv(ops.average_pool(first, 2, 2), self.second, padding="same"))

    def __call__(self, image):
        first, second = self.features(image)
        style = relative_error(gram(first), self.grams[0]) + relative_error(gram(second), self.grams[1])
        return style + 0.05 * relative_error(second, self.target)


def scipy_losses(objective, start, evaluations):
    """The lowest loss after each evaluation of SciPy's L-BFGS-B in float64."""
    losses = []

    def evaluate(values):
        loss, _, gradient = objective(backend.to_tensor(values.reshape(start.shape).astype("float32")))
        losses.append(float(loss))
        return float(loss), backend.to_numpy(gradient).astype("float64").ravel()

    fmin_l_bfgs_b(evaluate, start.astype("float64").ravel(), m=10, maxfun=evaluations, factr=0, pgtol=0)
    return np.minimum.accumulate(losses)


def own_losses(objective, start, evaluations):
    optimizer, lowest = LBFGS(start), []
    while len(lowest) < evaluations and not optimizer.reason:
        loss = optimizer.step(objective)
        lowest += [loss] * (optimizer.evaluations - len(lowest))
    return np.array(lowest), optimizer


@pytest.mark.parametrize(
    ("problem", "marks", "factor"),
    [("rosenbrock", (10, 20, 60), 2), ("quadratic", (20, 40, 80), 2), ("style", (10, 20, 40, 80), 1.25)],
)
def test_lbfgs_gets_as_far_as_scipys(problem, marks, factor):
    style = SmallStyle()
    function, start = {
        "rosenbrock": (rosenbrock, np.array([-1.2, 1.0], "float32").reshape(1, 1, 2, 1)),
        "quadratic": (ill_conditioned, np.zeros((1, 10, 10, 1), "float32")),
        "style": (style, style.content),
    }[problem]
    objective = objective_of(function)
    reference = scipy_losses(objective, start, max(marks))
    losses, _ = own_losses(objective, start, max(marks))
    for mark in marks:
        theirs, ours = reference[min(mark, len(reference)) - 1], losses[min(mark, len(losses)) - 1]
        assert ours <= factor * theirs + 1e-6, f"after {mark} evaluations {ours:g}, SciPy's {theirs:g}"


def test_lbfgs_counts_evaluations_and_reports_the_loss_after_the_step():
    optimizer, calls = LBFGS(picture()), []
    objective = objective_of(bumpy)

    def counted(image):
        calls.append(1)
        return objective(image)

    for _ in range(6):
        loss = optimizer.step(counted)
        assert optimizer.evaluations == len(calls)
    np.testing.assert_allclose(loss, float(objective(optimizer.image)[0]), rtol=1e-6)


def test_lbfgs_says_that_it_arrived():
    objective = towards(picture(seed=1))
    optimizer = LBFGS(picture(), history=3)
    for _ in range(50):
        loss = optimizer.step(objective)
        if optimizer.reason:
            break
    assert loss < 1e-6 and "minimum" in optimizer.reason
    image, evaluations = backend.to_numpy(optimizer.image), optimizer.evaluations
    assert optimizer.step(objective) == loss  # and stays there
    assert optimizer.evaluations == evaluations
    np.testing.assert_array_equal(backend.to_numpy(optimizer.image), image)


def test_lbfgs_stops_where_the_gradient_is_zero():
    optimizer = LBFGS(picture())
    optimizer.step(objective_of(lambda image: 0.0 * ops.sum(image)))
    assert "gradient is zero" in optimizer.reason
    assert optimizer.steps == 0


def test_lbfgs_starts_afresh_when_the_landscape_changes():
    # Its memory is of another problem, scaled the other way round: the restart still gets down.
    scales = backend.to_tensor(np.logspace(-3, 3, 126).astype("float32").reshape(1, 6, 7, 3))
    optimizer = LBFGS(picture())
    first = objective_of(lambda image: ops.sum(scales * ops.square(image - 0.5)))
    for _ in range(10):
        optimizer.step(first)
    second = objective_of(lambda image: ops.sum(ops.square(image - 0.2) / scales))
    before = float(second(optimizer.image)[0])
    losses = [optimizer.step(second) for _ in range(60)]
    assert losses[-1] < 1e-2 * before


def test_lbfgs_gives_up_in_words_when_gradients_lie():
    true = objective_of(bumpy)

    def lying(image):
        loss, parts, gradient = true(image)
        return loss, parts, -gradient

    optimizer = LBFGS(picture())
    optimizer.step(lying)
    assert "steepest descent" in optimizer.reason
    np.testing.assert_array_equal(backend.to_numpy(optimizer.image), picture())


def test_lbfgs_steps_back_from_where_the_loss_is_not_a_number():
    # The root is not a number below -1, which the first step overshoots.
    objective = objective_of(lambda image: ops.sum(ops.square(image - 0.3) - 0.01 * ops.sqrt(image + 1.0)))
    optimizer = LBFGS(picture(), first_step=5.0)
    losses = [optimizer.step(objective) for _ in range(20)]
    assert np.all(np.isfinite(losses)) and optimizer.evaluations > optimizer.steps
    np.testing.assert_allclose(backend.to_numpy(optimizer.image), 0.3, atol=5e-3)


def test_lbfgs_forgets_at_another_scale():
    objective = objective_of(bumpy)
    optimizer = LBFGS(picture())
    for _ in range(5):
        optimizer.step(objective)
    optimizer.rescale((9, 8))
    fresh = LBFGS(backend.to_numpy(optimizer.image))
    for _ in range(3):
        assert optimizer.step(objective) == fresh.step(objective)


# ---- L-BFGS that knows of pictures


def blurred_quadratic(size):
    """½ (x - ½)ᵀ A (x - ½), where A weighs a frequency f by f: the preconditioner undoes it."""
    weights = (1 / spectrum(*size, 1.0)).astype("float32")

    def loss(image):
        rest = image - 0.5
        return 0.5 * ops.sum(rest * precondition(rest, backend.to_tensor(weights)))

    return objective_of(loss)


def test_the_right_spectrum_makes_a_problem_round():
    start = np.random.default_rng(0).random((1, 32, 32, 3)).astype("float32")
    objective, lowest = blurred_quadratic((32, 32)), {}
    for power in (0.0, 1.0):
        optimizer = LBFGS(start, power=power)
        while optimizer.evaluations < 8 and not optimizer.reason:
            lowest[power] = optimizer.step(objective)
    assert lowest[1.0] < 1e-3 * lowest[0.0]


def test_the_spectrum_is_for_the_first_size_only():
    objective = objective_of(lambda image: ops.sum(ops.square(ops.sin(3.0 * image) - 0.5)))
    optimizer = LBFGS(picture(), power=1.0)
    optimizer.step(objective)
    state = optimizer.state()
    resumed = LBFGS(picture(), power=1.0)
    resumed.load_state(state)
    assert optimizer.step(objective) == resumed.step(objective)
    optimizer.rescale((9, 8))
    plain = LBFGS(backend.to_numpy(optimizer.image))
    for _ in range(3):
        assert optimizer.step(objective) == plain.step(objective)
    resumed = LBFGS(picture(), power=1.0)
    resumed.load_state(optimizer.state())
    assert optimizer.step(objective) == resumed.step(objective)


def test_bounded_lbfgs_gets_as_far_as_scipys_within_the_bounds():
    style = SmallStyle()
    # A wider range of colours than a picture can have: the bounds take part.
    style.target = style.features(backend.to_tensor(2.0 * style.content - 0.5))[1]
    objective, start, losses = objective_of(style), style.content, []

    def evaluate(values):
        loss, _, gradient = objective(backend.to_tensor(values.reshape(start.shape).astype("float32")))
        losses.append(float(loss))
        return float(loss), backend.to_numpy(gradient).astype("float64").ravel()

    bounds = [(0, 1)] * start.size
    fmin_l_bfgs_b(evaluate, start.astype("float64").ravel(), bounds=bounds, maxfun=80, factr=0, pgtol=0)
    optimizer = LBFGS(start, clip=True)
    while optimizer.evaluations < 80 and not optimizer.reason:
        loss = optimizer.step(objective)
        image = backend.to_numpy(optimizer.image)
        assert image.min() >= 0 and image.max() <= 1
    assert np.mean((image == 0) | (image == 1)) > 0.01
    assert loss <= 1.25 * min(losses)


def test_bounded_lbfgs_finds_the_corner():
    optimizer = LBFGS(picture(), clip=True)
    objective = objective_of(lambda image: ops.sum(ops.square(image - backend.to_tensor([-1.0, 0.5, 2.0]))))
    for _ in range(20):
        optimizer.step(objective)
    expected = np.broadcast_to(np.array([0, 0.5, 1], "float32"), (1, 6, 7, 3))
    np.testing.assert_allclose(backend.to_numpy(optimizer.image), expected, atol=1e-4)
    assert "minimum" in optimizer.reason


# ---- SciPy's


def test_scipys_rounds():
    objective = objective_of(bumpy)
    optimizer = ScipyLBFGS(picture(), evaluations_per_step=8)
    assert optimizer.step(objective) > optimizer.step(objective)
    assert 16 <= optimizer.evaluations <= 30
    for _ in range(10):
        optimizer.step(objective)
        if optimizer.reason:
            break
    assert "L-BFGS-B" in optimizer.reason
