"""Painting with the real engine: a small network of random weights, small pictures, few steps."""

import io
import itertools
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from impasto.core.assemble import workbench
from impasto.core.backend import to_numpy, to_tensor
from impasto.core.colours import LUMA, match_colours
from impasto.core.errors import Cancelled, PictureError, UsageError
from impasto.core.images import Picture, load_picture, save_picture
from impasto.core.optimizers import resize
from impasto.core.recipes import RECIPES
from impasto.core.starting import noise
from impasto.core.styles import Style
from impasto.core.stylize import stylize
from impasto.models.register import find_network

GRADIENT_OPTIMIZERS = {"adam": 0.02, "lbfgs": 0.02, "sgd": 0.1, "nesterov": 0.1}


@pytest.fixture(scope="module")
def content(blobs):
    return blobs(48, 64, seed=1)


@pytest.fixture(scope="module")
def painting(blobs):
    """Fine strokes, so that its statistics are far from the content's."""
    return blobs(40, 56, seed=2, cells=20)


@pytest.fixture(scope="module")
def other_painting(blobs):
    return np.clip(blobs(56, 40, seed=3, cells=9) ** 3, 0, 1)


@pytest.fixture(scope="module")
def style_distance(small):
    """How far a picture's style is from a painting's, by the quality recipe's loss; one scale."""
    bench = workbench(small(), content=False, style=True)

    def distance(pixels, painting):
        targets = bench.style_targets([painting], [1.0])
        features = bench.features(to_tensor(pixels[None]))
        return sum(
            float(loss(features, loss.prepare(targets[loss.name]))) for loss in bench.style_losses
        ) / len(bench.style_losses)

    return distance


def pixels(*arguments, **options):
    return stylize(*arguments, **options).picture.pixels


def losses(result):
    return [line[3] for line in result.history]


# ---------------------------------------------------------------- what comes out


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_recipe_paints(recipe, small, content, painting):
    settings = small(recipe, steps=16, first_scale=0)
    result = stylize(content, [painting], settings=settings)
    assert result.picture.pixels.shape == content.shape and np.isfinite(result.picture.pixels).all()
    assert result.picture.pixels.min() >= 0 and result.picture.pixels.max() <= 1
    # The two old tools start from noise so faint that random weights are slow to leave it.
    assert losses(result)[-1] < {"classic": 1, "mxnet": 1}.get(recipe, 0.8) * losses(result)[0]
    assert (result.network, result.settings.recipe, result.interrupted) == ("vgg_mini", recipe, False)
    assert np.abs(result.picture.pixels - content).max() > 0.05


@pytest.mark.parametrize("init", ["content", "noise"])
def test_the_same_seed_paints_the_same_picture(init, small, content, painting):
    settings = small(init=init, first_scale=32)
    first = pixels(content, [painting], settings=settings)
    np.testing.assert_array_equal(first, pixels(content, [painting], settings=settings))
    other = pixels(content, [painting], settings=replace(settings, seed=1))
    assert (other != first).any() == (init == "noise")


def test_alpha_depth_and_size_are_the_contents(small, blobs, painting):
    alpha = np.linspace(0, 1, 72, dtype="float32")[None].repeat(90, axis=0)
    photograph = Picture(blobs(90, 72, 1), alpha, bits=16, notices=("Only the first frame.",))
    result = stylize(photograph, [painting], settings=small(size=50, steps=2))
    assert (result.picture.height, result.picture.width, result.picture.bits) == (50, 40, 16)
    np.testing.assert_allclose(result.picture.alpha, photograph.resized(50).alpha)
    assert "Only the first frame." in result.notices
    plain = stylize(blobs(90, 72, 1), [painting], settings=small(size=50, steps=2)).picture
    assert plain.alpha is None and plain.bits == 8


def test_size_0_keeps_the_contents_own(small, blobs, painting):
    assert pixels(blobs(51, 70, 1), [painting], settings=small(size=0, steps=1)).shape == (51, 70, 3)


def test_a_run_says_which_network_it_recognised(small, content, painting):
    result = stylize(content, [painting], settings=small(network="auto", steps=1))
    assert result.network == "vgg_mini" and any("vgg_mini" in notice for notice in result.notices)
    assert stylize(content, [painting], settings=small(steps=1)).notices == ()


def test_pictures_come_in_any_form(small, content, painting, tmp_path):
    bytes_of = np.round(content * 255).astype("uint8")
    Image.fromarray(bytes_of).save(tmp_path / "photo.png")
    memory = io.BytesIO()
    Image.fromarray(np.round(painting * 255).astype("uint8")).save(memory, "PNG")
    settings = small(steps=2)
    from_file = pixels(tmp_path / "photo.png", memory.getvalue(), settings=settings)
    from_pillow = pixels(Image.fromarray(bytes_of), [Image.open(memory)], settings=settings)
    np.testing.assert_array_equal(from_file, from_pillow)
    np.testing.assert_array_equal(
        from_file, pixels(bytes_of, (load_picture(memory.getvalue()),), settings=settings)
    )


def test_a_result_is_saved_by_its_extension(small, content, painting, tmp_path):
    result = stylize(content, [painting], settings=small(steps=1))
    result.save(tmp_path / "out.png")
    np.testing.assert_allclose(
        load_picture(tmp_path / "out.png").pixels, result.picture.pixels, atol=0.5 / 255
    )


# ---------------------------------------------------------------- one of the two, or neither


def test_content_alone_is_painted_from_noise(small, content):
    settings = small(init="noise", steps=50, first_scale=0, average_decay=0.5, noise=0.2)
    settings = replace(settings, content_layers=("relu2_1",))
    result = stylize(content, [], settings=settings)
    assert result.picture.pixels.shape == content.shape
    assert losses(result)[-1] < 0.1 * losses(result)[0]
    correlation = np.corrcoef(result.picture.pixels.ravel(), content.ravel())[0, 1]
    assert correlation > 0.6 > 0.1 > np.corrcoef(noise(settings, 48, 64).ravel(), content.ravel())[0, 1]


def test_a_style_alone_becomes_a_texture(small, painting, style_distance):
    settings = small(size=48, steps=40, average_decay=0.5)
    result = stylize(None, [painting], settings=settings)
    assert result.picture.pixels.shape == (48, 48, 3) and result.picture.alpha is None
    target = Style("painting", Picture(painting), span=56).at(48)
    before = style_distance(noise(settings, 48, 48), target)
    assert style_distance(result.picture.pixels, target) < 0.2 * before


@pytest.mark.parametrize("styles", [[], ()])
def test_nothing_to_paint_is_refused(styles, small):
    with pytest.raises(UsageError, match=r"nothing to paint"):
        stylize(None, styles, settings=small())


def test_a_texture_too_small_is_refused(small, painting):
    with pytest.raises(UsageError, match=r"16 pixels a side or more. Received: size 15"):
        stylize(None, [painting], settings=small(size=15))
    assert pixels(None, [painting], settings=small(size=16, steps=1)).shape == (16, 16, 3)


# ---------------------------------------------------------------- several styles


def test_a_blend_of_one_and_none_is_the_first_alone(small, content, painting, other_painting):
    settings, both = small(steps=4), [painting, other_painting]
    first, second = (pixels(content, [style], settings=settings) for style in both)
    np.testing.assert_array_equal(pixels(content, both, settings=settings, blend=(1, 0)), first)
    np.testing.assert_array_equal(pixels(content, both, settings=settings, blend=(0, 7)), second)
    assert (first != second).any()


def test_a_blend_lies_between_its_styles(small, content, painting, other_painting, style_distance):
    settings, both = small(steps=25, strength=0.9, first_scale=0), [painting, other_painting]
    results = [pixels(content, both, settings=settings, blend=blend) for blend in ((1, 0), (1, 1), (0, 1))]
    targets = [Style("", Picture(style), span=56).at(64) for style in both]
    to_first, to_second = ([style_distance(result, target) for result in results] for target in targets)
    assert to_first == sorted(to_first) and to_second == sorted(to_second, reverse=True)


def test_equal_weights_are_the_default(small, content, painting, other_painting):
    settings, both = small(steps=2), [painting, other_painting]
    equal = pixels(content, both, settings=settings)
    np.testing.assert_array_equal(equal, pixels(content, both, settings=settings, blend=[3, 3]))


@pytest.mark.parametrize(
    "blend", [(1, 2, 3), (1,), (), (0, 0), (-1, 2), (float("nan"), 1), (float("inf"), 1)], ids=str
)
def test_blend_weights_that_make_no_sense_are_refused(blend, small, content, painting, other_painting):
    with pytest.raises(UsageError, match=r"Received: "):
        stylize(content, [painting, other_painting], settings=small(), blend=blend)


def test_layer_weights_must_fit_the_layers(small, content, painting):
    with pytest.raises(UsageError, match=r"each style layer \(2\).*Received: 3 weights"):
        stylize(
            content,
            [painting],
            settings=small(style_layers=("relu1_1", "relu2_1"), style_layer_weights=(1, 2, 3)),
        )


# ---------------------------------------------------------------- settings that steer


def test_strength_grows_monotonically(small, content, painting, style_distance):
    target, content = Style("", Picture(painting), span=56).at(48), load_picture(content, size=48).pixels
    results = [
        pixels(content, [painting], settings=small(size=48, strength=strength, steps=50, first_scale=0))
        for strength in (0.1, 0.5, 0.9)
    ]
    distances = [style_distance(result, target) for result in results]
    assert all(weaker > stronger for weaker, stronger in itertools.pairwise(distances))
    assert style_distance(content, target) > distances[0] > 2 * distances[-1]
    departures = [np.abs(result - content).mean() for result in results]
    assert departures == sorted(departures)


def test_kept_colours_are_the_contents(small, content, painting):
    content = 0.35 + 0.3 * content
    settings = small(colours="keep", steps=20, prime_colours=False)
    result = pixels(content, [painting], settings=settings)

    def chroma(picture):
        return picture - (picture @ LUMA)[..., None]

    inside = ((result > 0) & (result < 1)).all(axis=-1)
    assert inside.mean() > 0.9
    np.testing.assert_allclose(chroma(result)[inside], chroma(content)[inside], atol=1e-5)
    assert np.abs((result - content) @ LUMA).mean() > 0.01
    plain = pixels(content, [painting], settings=replace(settings, colours="style"))
    np.testing.assert_allclose((result @ LUMA)[inside], (plain @ LUMA)[inside], atol=1e-5)


def test_matched_colours_recolour_the_style_first(small, blobs):
    blue, red = blobs(48, 64, 1) * (0.2, 0.3, 0.9), blobs(40, 56, 2, cells=20) * (0.9, 0.2, 0.1)
    blue, red = blue.astype("float32"), red.astype("float32")
    means = {
        colours: pixels(blue, [red], settings=small(colours=colours, strength=0.9, steps=25)).mean((0, 1))
        for colours in ("style", "match")
    }
    assert means["style"][0] > means["style"][2]
    np.testing.assert_allclose(means["match"], blue.mean((0, 1)), atol=0.06)


@pytest.mark.parametrize("init", ["content", "noise", "file"])
def test_painting_begins_where_it_is_told(init, small, content, painting, blobs, tmp_path):
    start = {"content": content, "noise": noise(small(noise=0.3), 48, 64)}.get(init)
    if init == "file":
        save_picture(Picture(blobs(30, 50, 9)), tmp_path / "start.png")
        start = np.clip(resize(load_picture(tmp_path / "start.png").pixels[None], (48, 64)), 0, 1)[0]
    where = str(tmp_path / "start.png") if init == "file" else init
    settings = small(init=where, noise=0.3, steps=1, first_scale=0, learning_rate=1e-6, average_decay=0)
    settings = replace(settings, prime_colours=False)
    np.testing.assert_allclose(pixels(content, [painting], settings=settings), start, atol=1e-5)


@pytest.mark.parametrize("strength", [0, 0.4, 1])
def test_priming_recolours_the_start_as_far_as_strength_goes(strength, small, content, painting):
    # No loss pulls: what comes out is what it started from.
    settings = small(
        strength=strength, prime_colours=True, steps=1, first_scale=0, learning_rate=1e-6, average_decay=0
    )
    start = pixels(content, [painting], settings=settings)
    recoloured = match_colours(content, painting)
    np.testing.assert_allclose(start, content + strength * (recoloured - content), atol=0.02)
    assert np.abs(recoloured - content).max() > 0.1
    for colours in ("keep", "match"):
        result = pixels(content, [painting], settings=replace(settings, colours=colours))
        np.testing.assert_allclose(result, content, atol=1e-5)


def test_primed_colours_are_blended_as_the_styles_are(small, content, painting, other_painting):
    settings = small(
        strength=1, prime_colours=True, steps=1, first_scale=0, learning_rate=1e-6, average_decay=0
    )
    starts = [
        pixels(content, [painting, other_painting], settings=settings, blend=blend)
        for blend in ((1, 0), (1, 1), (0, 1))
    ]
    means = np.array([start.mean((0, 1)) for start in starts])
    assert (means[1] > means[[0, 2]].min(axis=0)).all() and (means[1] < means[[0, 2]].max(axis=0)).all()


def test_a_start_that_is_not_there_is_refused(small, content, painting, tmp_path):
    with pytest.raises(PictureError, match=r"missing.png"):
        stylize(content, [painting], settings=small(init=str(tmp_path / "missing.png")))


def test_noise_is_as_asked(small):
    normal = noise(small(noise=0.05, seed=3), 40, 60) - np.array([123.68, 116.779, 103.939]) / 255
    assert normal.shape == (40, 60, 3) and abs(normal.std() - 0.05) < 0.002 and np.abs(normal).max() > 0.12
    uniform = (
        noise(small(noise=0.05, noise_kind="uniform"), 40, 60) - np.array([123.68, 116.779, 103.939]) / 255
    )
    assert abs(uniform.std() - 0.05 / 3**0.5) < 0.001 and np.abs(uniform).max() < 0.0501


def test_style_scale_enlarges_the_strokes(small, content, painting, style_distance):
    style = Style("", Picture(painting), span=56)
    results = {
        scale: pixels(
            content, [style], settings=small(style_scale=scale, steps=40, strength=0.95, first_scale=0)
        )
        for scale in (0.6, 1.6)
    }
    for own, other in ((0.6, 1.6), (1.6, 0.6)):
        target = style.at(64 * own)
        assert style_distance(results[own], target) < style_distance(results[other], target)


def test_a_squashed_style_has_the_contents_shape(small, content, painting):
    settings = small(steps=3, first_scale=0, prime_colours=False)
    squashed = np.clip(resize(painting[None], (48, 64)), 0, 1)[0]
    result = pixels(content, [painting], settings=replace(settings, squash_style=True))
    np.testing.assert_array_equal(result, pixels(content, [squashed], settings=settings))
    assert (result != pixels(content, [painting], settings=settings)).any()


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_stop_eps_ends_each_scale_early_and_says_so(optimizer, small, content, painting):
    settings = small(
        stop_eps=1.0,
        steps=12,
        first_scale=32,
        optimizer=optimizer,
        learning_rate=GRADIENT_OPTIMIZERS[optimizer],
    )
    events = []
    result = stylize(content, [painting], settings=settings, on_progress=events.append)
    assert [line[1] for line in result.history] == [32, 45, 64]  # one step each
    assert result.reason.startswith("At 64 pixels, step ") and "less than 1 of it" in result.reason
    steps = [event.step for event in events]
    assert steps == sorted(steps) and steps[-1] < 12
    assert len(stylize(content, [painting], settings=replace(settings, stop_eps=1e-9)).history) == 12


def test_denoising_is_tv_chambolle_on_the_result(small, content, painting):
    from skimage.restoration import denoise_tv_chambolle

    settings = small(steps=4, init="noise")
    rough = pixels(content, [painting], settings=settings)
    smooth = pixels(content, [painting], settings=replace(settings, denoise=0.05))
    np.testing.assert_allclose(smooth, denoise_tv_chambolle(rough, weight=0.05, channel_axis=-1), atol=1e-6)
    assert np.abs(np.diff(smooth, axis=0)).sum() < 0.9 * np.abs(np.diff(rough, axis=0)).sum()


def test_total_variation_is_counted_in_the_tools_own_units(small, content, painting):
    for variation, factor in (("l2", 1), ("neural-style", 255**2)):
        bench = workbench(small(variation=variation, tv_weight=2.0), content=True, style=True)
        (loss,) = bench.objective.image_losses
        assert bench.objective.weights[loss.name] == 2 and loss.scale**2 == factor
    assert workbench(small(tv_weight=0), content=True, style=True).objective.image_losses == []


def test_style_weights_are_shared_among_the_layers(small):
    bench = workbench(small(style_layer_weights=(2, 1, 1, 0, 0), strength=0.75), content=True, style=True)
    weights = [bench.objective.weights[loss.name] for loss in bench.style_losses]
    np.testing.assert_allclose(weights, np.array([0.5, 0.25, 0.25, 0, 0]) * 9)


def test_the_original_tools_losses_are_divided_as_under_the_network_predicted(small, content):
    """The components hold nearly all of a layer's sums; the tools divide those by numbers of channels."""
    share = find_network("vgg_mini").components_share
    for recipe, content_power, style_power in (("classic", 1, 4), ("mxnet", 0, 2)):
        settings = small(recipe)
        bench = workbench(settings, content=True, style=True)
        for losses_of, weight, power in (
            (bench.content_losses, settings.content_weight, content_power),
            (bench.style_losses, settings.style_weight, style_power),
        ):
            for loss in losses_of:
                wanted = weight * share(loss.layer) ** power
                assert bench.objective.weights[loss.name] == pytest.approx(wanted)
    assert {find_network("vgg19").components_share(layer) for layer in find_network("vgg19").layers} == {1}
    for plain in ({"normalize_gradients": True}, {"calibrated": False}):
        bench = workbench(small("classic", **plain), content=True, style=True)
        assert [bench.objective.weights[loss.name] for loss in bench.style_losses] == [100] * 5


def test_a_step_that_overshoots_leaves_the_last_good_picture(small, content, painting):
    settings = small(
        optimizer="sgd", learning_rate=1e6, steps=9, first_scale=32, style_loss="gram", style_weight=1e6
    )
    result = stylize(content, [painting], settings=settings)
    assert np.isfinite(result.picture.pixels).all()
    assert "not a number" in result.reason and "smaller learning rate" in result.reason


# ---------------------------------------------------------------- stopping and going on


def interrupted(content, painting, settings, stop, kind=Cancelled):
    """A run stopped after step `stop` (from 1, counted in events)."""
    seen = 0

    def watch(_):
        nonlocal seen
        seen += 1
        if seen == stop:
            raise kind("enough")

    return stylize(content, [painting], settings=settings, on_progress=watch)


def through_a_file(state, tmp_path):
    np.savez(tmp_path / "state.npz", **state)
    with np.load(tmp_path / "state.npz", allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


@pytest.mark.parametrize("optimizer", GRADIENT_OPTIMIZERS)
def test_a_resumed_run_paints_what_an_uninterrupted_one_does(optimizer, small, content, painting, tmp_path):
    settings = small(
        optimizer=optimizer,
        learning_rate=GRADIENT_OPTIMIZERS[optimizer],
        steps=9,
        first_scale=32,
        init="noise",
    )
    whole = stylize(content, [painting], settings=settings)
    scales = [line[1] for line in whole.history]
    last_of_first = scales.index(45)  # events are counted from 1
    for stop in (2, last_of_first, last_of_first + 1, len(scales)):
        part = interrupted(content, painting, settings, stop)
        assert part.interrupted and len(part.history) == stop
        rest = stylize(content, [painting], settings=settings, resume=through_a_file(part.state, tmp_path))
        np.testing.assert_array_equal(rest.picture.pixels, whole.picture.pixels, err_msg=f"stopped at {stop}")
        assert [line[:2] for line in part.history + rest.history] == [line[:2] for line in whole.history]
        assert not rest.interrupted and rest.state == {}


def test_a_run_may_be_interrupted_again_and_again(small, content, painting):
    settings = small(steps=9, first_scale=32)
    whole = pixels(content, [painting], settings=settings)
    state = {}
    for _ in range(20):
        seen = []

        def watch(event, seen=seen):
            seen.append(event)
            if len(seen) == 2:
                raise Cancelled("enough")

        result = stylize(content, [painting], settings=settings, on_progress=watch, resume=state)
        state = result.state
        if not result.interrupted:
            break
    assert not result.interrupted
    np.testing.assert_array_equal(result.picture.pixels, whole)


def test_ctrl_c_keeps_the_picture_so_far(small, content, painting):
    settings = small(steps=9, first_scale=32)
    result = interrupted(content, painting, settings, 4, KeyboardInterrupt)
    assert result.interrupted and result.picture.pixels.shape == content.shape
    assert np.isfinite(result.picture.pixels).all() and len(result.history) == 4
    np.testing.assert_array_equal(
        result.picture.pixels, interrupted(content, painting, settings, 4).picture.pixels
    )


def test_other_errors_in_on_progress_are_not_swallowed(small, content, painting):
    with pytest.raises(ZeroDivisionError):
        interrupted(content, painting, small(), 1, ZeroDivisionError)


def test_any_events_state_can_be_resumed(small, content, painting):
    settings, states = small(steps=4, first_scale=32), []
    whole = stylize(
        content, [painting], settings=settings, on_progress=lambda event: states.append(event.state())
    )
    for state in states:
        rest = stylize(content, [painting], settings=settings, resume=state)
        np.testing.assert_array_equal(rest.picture.pixels, whole.picture.pixels)


def test_a_run_of_another_size_is_not_resumed(small, blobs, content, painting):
    settings = small(steps=6, first_scale=32)
    state = interrupted(content, painting, settings, 2).state
    for other, photograph in (
        (replace(settings, size=48), content),
        (replace(settings, steps=7), content),
        (settings, blobs(64, 64, 1)),
    ):
        with pytest.raises(UsageError, match=r"another size or other steps"):
            stylize(photograph, [painting], settings=other, resume=state)
    with pytest.raises(UsageError, match=r"another optimiser"):
        stylize(content, [painting], settings=replace(settings, optimizer="lbfgs"), resume=state)


def test_a_run_that_stopped_early_goes_on_at_the_next_scale(small, content, painting):
    settings = small(steps=9, first_scale=32, stop_eps=1.0)
    whole = stylize(content, [painting], settings=settings)
    state = interrupted(content, painting, settings, 1).state
    rest = stylize(content, [painting], settings=settings, resume=state)
    assert [line[1] for line in rest.history] == [45, 64]
    np.testing.assert_array_equal(rest.picture.pixels, whole.picture.pixels)


# ---------------------------------------------------------------- progress


@pytest.mark.parametrize("optimizer", [*GRADIENT_OPTIMIZERS, "scipy"])
def test_events_tell_a_consistent_story(optimizer, small, content, painting):
    settings = small(
        optimizer=optimizer,
        learning_rate=GRADIENT_OPTIMIZERS.get(optimizer, 1),
        steps=13,
        first_scale=32,
        init="noise",
    )
    events = []
    result = stylize(content, [painting], settings=settings, on_progress=events.append)
    steps = [event.step for event in events]
    assert steps == sorted(steps) and steps[0] >= 1 and steps[-1] == 13
    assert {event.steps for event in events} == {13} and {event.scales for event in events} == {(32, 45, 64)}
    scales = [event.scale for event in events]
    assert scales == sorted(scales) and set(scales) == {32, 45, 64}
    assert [(e.step, e.scale, e.seconds, e.loss) for e in events] == result.history
    assert all(a.seconds < b.seconds for a, b in itertools.pairwise(events))
    for event in events:
        assert np.isfinite(event.loss) and event.step_seconds > 0
        assert np.isfinite(event.seconds_left) and event.seconds_left >= 0
        assert "CPU" in event.device or "GPU" in event.device
    assert events[-1].seconds_left == 0 < events[0].seconds_left
    if optimizer in ("adam", "sgd", "nesterov"):  # one evaluation a step, of the very picture
        assert steps == list(range(1, 14))
        for event in events:
            assert sum(event.parts.values()) == pytest.approx(event.loss, rel=1e-4)
    assert {name.split(":")[0] for name in events[0].parts} == {"content", "moments", "variation"}


def test_an_events_picture_is_what_would_be_saved(small, content, painting):
    alpha = np.full(content.shape[:2], 0.5, "float32")
    settings = small(steps=6, first_scale=32, colours="keep", denoise=0.02)
    shown = []
    result = stylize(
        Picture(content, alpha),
        [painting],
        settings=settings,
        on_progress=lambda event: shown.append((event.picture(), event.painted())),
    )
    for plain, painted in shown:
        assert plain.shape == content.shape  # at the finished size from the first scale on
        np.testing.assert_array_equal(plain, painted.pixels)
        np.testing.assert_array_equal(painted.alpha, alpha)
    np.testing.assert_array_equal(shown[-1][0], result.picture.pixels)
    assert (shown[0][0] != shown[-1][0]).any()


# ---------------------------------------------------------------- hard pictures


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("value", [0.0, 0.5, 1.0], ids=["black", "grey", "white"])
def test_pictures_of_one_colour_give_finite_pictures(recipe, value, small, blobs):
    flat, lively = np.full((32, 40, 3), value, "float32"), blobs(32, 40, 1)
    for content, style in ((flat, lively), (lively, flat), (flat, flat)):
        result = stylize(content, [style], settings=small(recipe, size=40, steps=5))
        assert np.isfinite(result.picture.pixels).all() and np.isfinite(losses(result)).all()
        assert result.picture.pixels.shape == (32, 40, 3) and "not a number" not in result.reason
    matched = stylize(flat, [lively], settings=small(recipe, size=40, steps=2, colours="match"))
    assert np.isfinite(matched.picture.pixels).all()


@pytest.mark.parametrize("shape", [(16, 16), (16, 300), (300, 16), (17, 161)], ids=str)
def test_tiny_and_thin_pictures_are_painted(shape, small, blobs, painting):
    events = []
    result = stylize(
        blobs(*shape, 1),
        [painting],
        settings=small(size=0, steps=3, first_scale=20),
        on_progress=events.append,
    )
    assert result.picture.pixels.shape == (*shape, 3) and np.isfinite(result.picture.pixels).all()
    assert events[0].scale >= 16 * max(shape) / min(shape)  # the network can take no less


def test_thin_styles_are_painted_after(small, blobs, content):
    assert np.isfinite(pixels(content, [blobs(20, 400, 2)], settings=small(steps=2))).all()


@pytest.mark.parametrize(
    ("content_shape", "style_shape", "size"),
    [((15, 40), (40, 40), 0), ((40, 40), (40, 15), 0), ((1, 1), (40, 40), 0), ((3, 2000), (40, 40), 64)],
    ids=str,
)
def test_pictures_too_small_are_refused(content_shape, style_shape, size, small, blobs):
    with pytest.raises(PictureError, match=r"at least 16 pixels on its short side.*Received: "):
        stylize(blobs(*content_shape), [blobs(*style_shape)], settings=small(size=size))


def test_the_workbench_is_kept_for_the_next_picture(small):
    first = workbench(small(), content=True, style=True)
    second = workbench(small(strength=0.9, size=99), content=True, style=True)
    assert first is second
    assert second.objective.weights[second.style_losses[0].name] > 1
    features = second.features(to_tensor(np.zeros((1, 32, 48, 3), "float32")))
    assert to_numpy(features["relu1_1"]).shape == (1, 32, 48, 16)


def test_loading_the_backend_says_nothing():
    script = (
        "import numpy as np\n"
        "from impasto.core.stylize import stylize\n"
        "from impasto.core.recipes import Settings\n"
        "photo = np.random.default_rng(0).random((32, 32, 3), 'float32')\n"
        "stylize(photo, photo, settings=Settings(size=32, steps=1, network='vgg_mini'))\n"
    )
    environment = {key: value for key, value in os.environ.items() if key != "TF_CPP_MIN_LOG_LEVEL"}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == "" and "oneDNN" not in done.stderr  # of the lines that TensorFlow begins with
