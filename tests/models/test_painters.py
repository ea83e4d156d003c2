"""One-pass networks: their layers against closed forms, their padding, their files."""

from dataclasses import replace

import keras
import numpy as np
import pytest

from impasto.models.errors import UsageError, WeightsError
from impasto.models.generator import build_generator, noise_sides
from impasto.models.painter_layers import RATE, ConditionalInstanceNormalization, pad
from impasto.models.painters import (
    PainterFacts,
    build_painter,
    encode_painter,
    find_painter,
    read_painter,
)
from impasto.models.transformer import build_transformer, start_at_palettes

FACTS = PainterFacts(
    "transformer", {"width": 4, "blocks": 1}, ("dots", "lines"), steps=7, data="six photographs"
)


@pytest.fixture(scope="module")
def transformer():
    keras.utils.set_random_seed(3)
    return build_painter(FACTS)


def random(*shape, seed=0):
    return np.random.default_rng(seed).random(shape, "float32")


def array(tensor):
    return keras.ops.convert_to_numpy(tensor)


def test_conditional_normalisation_by_its_formula():
    x, styles = random(2, 5, 6, 3), np.array([[1, 0], [0.25, 0.75]], "float32")
    layer = ConditionalInstanceNormalization()
    layer.build([x.shape, styles.shape])
    scale, shift = random(2, 3, seed=1), random(2, 3, seed=2)
    layer.set_weights([scale, shift])
    centred = x - x.mean((1, 2), keepdims=True)
    expected = centred / np.sqrt((centred**2).mean((1, 2), keepdims=True) + 1e-5)
    expected = expected * (1 + RATE * styles @ scale)[:, None, None] + (RATE * styles @ shift)[:, None, None]
    np.testing.assert_allclose(array(layer([x, styles])), expected, atol=1e-5)


@pytest.mark.parametrize(("mode", "numpy_mode"), [("reflect", "reflect"), ("circular", "wrap")])
def test_padding_is_numpys(mode, numpy_mode):
    x = random(1, 5, 4, 2)
    widths = ((0, 0), (2, 2), (2, 2), (0, 0))
    np.testing.assert_array_equal(array(pad(x, 2, mode)), np.pad(x, widths, numpy_mode))


def test_a_picture_keeps_its_size_and_stays_between_0_and_1(transformer):
    painted = array(transformer([random(1, 20, 28, 3), np.array([[1, 0]], "float32")]))
    assert painted.shape == (1, 20, 28, 3)
    assert painted.min() >= 0 and painted.max() <= 1 and painted.std() > 0.01


def test_painting_over_the_photograph_begins_in_the_paintings_colours():
    keras.utils.set_random_seed(1)
    model = build_transformer(2, width=2, blocks=0, skip=True)
    paintings = [0.3 + 0.1 * random(40, 40, 3), np.array([0.9, 0.5, 0.2]) * random(30, 50, 3, seed=1) ** 0.3]
    start_at_palettes(model, paintings)
    photograph = random(1, 32, 32, 3, seed=2)
    for style, painting in zip(np.eye(2, dtype="float32"), paintings, strict=True):
        painted = array(model([photograph, style[None]]))[0]
        np.testing.assert_allclose(painted.mean((0, 1)), painting.mean((0, 1)), atol=0.03)
        np.testing.assert_allclose(painted.std((0, 1)), painting.std((0, 1)), rtol=0.2)
        for channel in range(3):
            assert np.corrcoef(painted[..., channel].ravel(), photograph[0, ..., channel].ravel())[0, 1] > 0.9


def test_johnsons_size_of_network():
    # Kernels and biases of c9s1-32, d64, d128, five R128, u64, u32, c9s1-3, and two numbers a channel to
    # normalise each layer but the last.
    kernels = 81 * 3 * 32 + 9 * (32 * 64 + 64 * 128 + 10 * 128 * 128 + 128 * 64 + 64 * 32) + 81 * 32 * 3
    channels = 32 + 64 + 128 + 10 * 128 + 64 + 32
    assert build_transformer().count_params() == kernels + channels + 3 + 2 * channels


def test_a_generators_texture_wraps_round():
    """Noise rolled round gives the texture rolled round: there is no border in it."""
    keras.utils.set_random_seed(0)
    model = build_generator(channels=3, scales=3)
    noises = [random(1, *sides, 3, seed=i) for i, sides in enumerate(noise_sides(32, 16, 3))]
    one = np.ones((1, 1), "float32")
    texture = array(model([*noises, one]))
    rolled = array(model([*(np.roll(noise, 8 >> i, axis=1) for i, noise in enumerate(noises)), one]))
    np.testing.assert_allclose(rolled, np.roll(texture, 8, axis=1), atol=2e-5)
    assert texture.std() > 0.01


def test_a_file_gives_the_network_back(transformer, tmp_path):
    path = tmp_path / "painter.npz"
    path.write_bytes(encode_painter(FACTS, transformer))
    facts, arrays = read_painter(find_painter(path))
    assert facts == FACTS
    inputs = [random(1, 16, 16, 3), np.array([[0.5, 0.5]], "float32")]
    painted = array(build_painter(facts, arrays)(inputs))
    np.testing.assert_allclose(painted, array(transformer(inputs)), atol=5e-3)  # half precision


def test_a_runs_folder_stands_for_its_network(transformer, tmp_path):
    (tmp_path / "painter.npz").write_bytes(encode_painter(FACTS, transformer))
    assert find_painter(tmp_path) == tmp_path / "painter.npz"


def test_other_files_are_refused(transformer, tmp_path):
    path = tmp_path / "painter.npz"
    with pytest.raises(UsageError, match="Received: nothing_like_it"):
        find_painter("nothing_like_it")
    np.savez(path, a=np.zeros(3))
    with pytest.raises(WeightsError, match=r"impasto train.*Received"):
        read_painter(path)
    path.write_bytes(encode_painter(FACTS, transformer)[:900])
    with pytest.raises(WeightsError, match="Received"):
        read_painter(path)
    path.write_bytes(encode_painter(replace(FACTS, version=99), transformer))
    with pytest.raises(WeightsError, match="newer version"):
        read_painter(path)
    path.write_bytes(encode_painter(replace(FACTS, architecture="easel"), transformer))
    with pytest.raises(WeightsError, match="architecture"):
        read_painter(path)


def test_weights_of_another_network_are_refused(transformer, tmp_path):
    path = tmp_path / "painter.npz"
    path.write_bytes(encode_painter(FACTS, transformer))
    facts, arrays = read_painter(path)
    for options, words in (
        ({"width": 8, "blocks": 1}, "expected in/kernel of shape"),
        ({"width": 4, "blocks": 0}, "also block1"),
        ({"width": 4, "height": 1}, "facts are damaged"),
    ):
        with pytest.raises(WeightsError, match=words):
            build_painter(replace(facts, options=options), arrays)
    arrays["in/kernel"][0] = np.nan
    with pytest.raises(WeightsError, match="not finite"):
        build_painter(facts, arrays)
