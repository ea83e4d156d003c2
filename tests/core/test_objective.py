"""The weighted sum of losses, compiled with its gradient."""

import keras
import numpy as np
import pytest
from keras import ops

from impasto.core import backend
from impasto.core.losses import ContentLoss, GramLoss, MeanLoss
from impasto.core.objective import Objective, targets_from
from impasto.core.variation import TotalVariation


class Identity:
    """A network whose only layer is the picture; counts how often Python ran it."""

    def __init__(self):
        self.layers = ["layer"]
        self.calls = 0

    def __call__(self, image):
        self.calls += 1
        return {"layer": image}


def picture(height=4, width=5, seed=1):
    image = np.random.default_rng(seed).random((1, height, width, 3)).astype("float32")
    return backend.to_tensor(image)


def objective_for(target, **weights):
    losses = [ContentLoss("layer", weights.get("content", 2.0)), MeanLoss("layer", weights.get("means", 3.0))]
    objective = Objective(Identity(), losses, [TotalVariation(weights.get("variation", 0.5))])
    objective.targets = targets_from(losses, {"layer": target})
    return objective


def test_parts_are_weighted_and_sum_to_the_loss():
    x, y = picture(seed=1), picture(seed=2)
    loss, parts, _ = objective_for(y)(x)
    assert set(parts) == {"content:layer", "means:layer", "variation"}
    np.testing.assert_allclose(float(loss), sum(float(part) for part in parts.values()), rtol=1e-6)
    difference = backend.to_numpy(x) - backend.to_numpy(y)
    np.testing.assert_allclose(float(parts["content:layer"]), 2 * np.mean(difference**2), rtol=1e-5)
    np.testing.assert_allclose(
        float(parts["means:layer"]), 3 * np.mean(difference.mean((0, 1, 2)) ** 2), rtol=1e-4
    )


def test_gradient_against_finite_differences():
    x, step = picture(), 1e-2
    objective = objective_for(picture(seed=2))
    gradient = backend.to_numpy(objective(x)[2])
    for index in [(0, 0, 0, 0), (0, 2, 3, 1), (0, 3, 4, 2)]:
        moved = [backend.to_numpy(x).copy() for _ in range(2)]
        moved[0][index] += step
        moved[1][index] -= step
        above, below = (float(objective(backend.to_tensor(image))[0]) for image in moved)
        np.testing.assert_allclose(gradient[index], (above - below) / (2 * step), rtol=1e-2, atol=1e-4)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="about tf.function")
def test_new_targets_sizes_and_weights_are_not_traced_again():
    objective = objective_for(picture(seed=2))
    first, _, _ = objective(picture())
    objective.weights = {name: 2 * weight for name, weight in objective.weights.items()}
    np.testing.assert_allclose(float(objective(picture())[0]), 2 * float(first), rtol=1e-5)
    objective.targets = targets_from(objective.losses, {"layer": picture(7, 6)})
    loss, _, gradient = objective(picture(7, 6))
    assert tuple(gradient.shape) == (1, 7, 6, 3)
    np.testing.assert_allclose(
        float(loss), 2 * float(objective_for(picture(7, 6))(picture(7, 6))[0]), rtol=1e-5
    )
    assert objective.extractor.calls == 1


def test_a_weight_of_zero_turns_a_loss_off():
    x = picture()
    objective = objective_for(picture(seed=2), content=0.0, variation=0.0)
    loss, parts, _ = objective(x)
    assert float(parts["content:layer"]) == 0
    np.testing.assert_allclose(float(loss), float(parts["means:layer"]), rtol=1e-6)


def test_arrays_will_do_as_targets():
    objective = Objective(Identity(), [GramLoss("layer")])
    objective.targets = {"gram:layer": np.eye(3, dtype="float32"), "another": np.zeros(1)}
    assert set(objective.targets) == {"gram:layer"}
    assert np.isfinite(float(objective(picture())[0]))


def test_losses_on_the_picture_alone_need_no_network():
    objective = Objective(Identity(), [], [TotalVariation(1.0)])
    assert float(objective(picture())[0]) > 0
    assert objective.extractor.calls == 0


def test_mistakes_are_named():
    with pytest.raises(ValueError, match="share a name"):
        Objective(Identity(), [GramLoss("layer"), GramLoss("layer")])
    objective = Objective(Identity(), [GramLoss("layer")])
    with pytest.raises(ValueError, match="no targets"):
        objective(picture())
    with pytest.raises(ValueError, match="gram:layer"):
        objective.targets = {}


def test_the_loss_leaves_its_inputs_alone():
    x = picture()
    before = backend.to_numpy(x).copy()
    objective_for(picture(seed=2))(x)
    np.testing.assert_array_equal(backend.to_numpy(x), before)
    assert float(ops.sum(x)) > 0
