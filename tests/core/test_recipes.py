"""Settings, their ranges, and how a run is divided into scales and steps."""

import itertools
from dataclasses import FrozenInstanceError, fields, replace

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from impasto.core.errors import UsageError
from impasto.core.recipes import CHOICES, RECIPES, Settings, settings_for
from impasto.models.register import find_network

quickly = hypothesis_settings(max_examples=200, deadline=None)


def test_a_refinement_leaves_out_what_is_near_the_full_size():
    refining = settings_for(method="refine")
    for longest, scales, counts in (
        (128, (128,), (28,)),
        (256, (256,), (28,)),
        (512, (128, 512), (3, 18)),
    ):
        assert refining.scales(longest) == scales
        assert refining.steps_per_scale(len(scales)) == counts
    assert settings_for(method="refine", first_scale=0).scales(512) == (512,)
    assert sum(settings_for(method="refine", steps=200).steps_per_scale(2)) == 200
    assert sum(settings_for(method="optimise").steps_per_scale(3)) == 80
    assert settings_for().steps_per_scale(5)[-1] == 19


def test_each_recipe_is_labelled_with_its_name():
    assert set(RECIPES) == {"quality", "draft", "fine", "classic", "mxnet"}
    assert {name: recipe.recipe for name, recipe in RECIPES.items()} == {name: name for name in RECIPES}
    assert settings_for() == RECIPES["quality"] == Settings()


def test_changes_leave_the_recipe_alone():
    changed = settings_for("mxnet", steps=7, denoise=0)
    assert (changed.steps, changed.denoise) == (7, 0)
    assert (
        replace(changed, steps=RECIPES["mxnet"].steps, denoise=RECIPES["mxnet"].denoise) == RECIPES["mxnet"]
    )
    with pytest.raises(FrozenInstanceError):
        changed.steps = 8


def test_none_keeps_what_the_recipe_says():
    assert settings_for("classic", steps=None, style_layer_weights=None, pooling=None) == RECIPES["classic"]


def test_classic_has_the_original_tools_defaults():
    classic = RECIPES["classic"]
    assert (classic.content_weight, classic.style_weight, classic.tv_weight) == (5, 100, 1e-3)
    assert (classic.steps, classic.size, classic.optimizer, classic.init) == (1000, 512, "lbfgs", "noise")
    assert (classic.style_scale, classic.first_scale) == (1, 0)


def test_the_original_tools_layers_are_vggs_own():
    for network in map(find_network, ("vgg19", "vgg16")):
        assert (network.pooling, network.content_layers) == ("max", ("relu4_2",))
        assert network.style_layers == tuple(f"relu{block}_1" for block in range(1, 6))
    for recipe in (RECIPES["classic"], RECIPES["mxnet"]):
        assert recipe.content_layers is None and recipe.style_layers is None
    assert RECIPES["classic"].pooling is None


def test_mxnet_has_the_original_examples_defaults():
    mxnet = RECIPES["mxnet"]
    assert (mxnet.size, mxnet.steps, mxnet.stop_eps, mxnet.denoise) == (600, 1000, 0.005, 0.02)
    assert (mxnet.optimizer, mxnet.momentum, mxnet.weight_decay) == ("sgd", 0.9, 5e-4)
    assert (mxnet.schedule_every, mxnet.schedule_factor) == (80, 0.9)
    assert mxnet.pooling == "average" and not mxnet.rescale_pooling and mxnet.squash_style


def test_draft_is_quality_with_fewer_steps():
    draft, quality = RECIPES["draft"], RECIPES["quality"]
    differing = {f.name for f in fields(Settings) if getattr(draft, f.name) != getattr(quality, f.name)}
    assert differing == {"recipe", "steps"}
    assert sum(draft.steps_per_scale(4)) < sum(quality.steps_per_scale(4))


@pytest.mark.parametrize(
    ("recipe", "changes", "said"),
    [
        ("qualty", {}, "did you mean quality?"),
        ("zzz", {}, "quality, draft, fine, classic, mxnet"),
        ("quality", {"stregth": 0.3}, "did you mean strength?"),
        ("quality", {"colors": "keep"}, "did you mean colours?"),
        ("quality", {"optimizer": "adma"}, "adam, lbfgs"),
        ("quality", {"colours": "kept"}, "style, keep, match"),
        ("quality", {"pooling": "mean"}, "max, average, l2"),
        ("quality", {"style_loss": ""}, "moments, gram, means"),
        ("quality", {"strength": 1.01}, "between 0 and 1"),
        ("quality", {"strength": float("nan")}, "between 0 and 1"),
        ("quality", {"strength": "high"}, "between 0 and 1"),
        ("quality", {"steps": 0}, "steps lies between 1 and"),
        ("quality", {"size": -1}, "size lies between 0 and"),
        ("quality", {"seed": -1}, "seed lies between 0 and 4294967295"),
        ("quality", {"noise": -0.1}, "noise lies between 0 and 1"),
        ("quality", {"tv_weight": float("inf")}, "tv_weight lies between"),
        ("quality", {"scale_ratio": 1}, "scale_ratio lies between 1.05"),
        ("quality", {"style_layer_weights": (0, 0, 0, 0, 0)}, "one is above 0"),
        ("quality", {"style_layer_weights": (1, -1, 1, 1, 1)}, "not negative"),
    ],
)
def test_wrong_names_and_values_are_refused(recipe, changes, said):
    with pytest.raises(UsageError) as caught:
        settings_for(recipe, **changes)
    message = str(caught.value)
    assert said in message and "Received: " in message and "\n" not in message
    assert caught.value.exit_status == 2


@pytest.mark.parametrize("name", CHOICES)
def test_every_choice_can_be_chosen(name):
    for value in CHOICES[name]:
        assert getattr(settings_for("quality", **{name: value}), name) == value


def test_lists_become_tuples():
    settings = settings_for(style_layers=["relu1_1", "relu2_1"], style_layer_weights=[1, 2])
    assert settings.style_layers == ("relu1_1", "relu2_1") and settings.style_layer_weights == (1, 2)
    assert hash(settings) == hash(replace(settings))


def test_other_style_layers_drop_layer_weights_that_cannot_fit():
    assert settings_for(style_layers=("relu1_1", "relu2_1")).style_layer_weights == (1, 1)
    five = tuple(f"relu{block}_1" for block in range(1, 6))
    assert settings_for(style_layers=five).style_layer_weights == RECIPES["quality"].style_layer_weights
    assert settings_for("classic", style_layers=("relu1_1",)).style_layer_weights is None


# ---------------------------------------------------------------- strength


def test_strength_in_the_middle_is_the_recipes_balance():
    assert settings_for(strength=0.5).style_multiplier() == 1


def test_strength_grows_without_end_but_stays_finite():
    multipliers = [settings_for(strength=i / 100).style_multiplier() for i in range(101)]
    assert all(a < b for a, b in itertools.pairwise(multipliers[1:100]))
    assert multipliers == sorted(multipliers)
    assert 1e-5 < multipliers[0] < 1.1e-4 and 0.9e4 < multipliers[-1] < 1e5


def test_strength_is_symmetric_about_the_middle():
    for s in (0.1, 0.3, 0.45):
        product = (
            settings_for(strength=s).style_multiplier() * settings_for(strength=1 - s).style_multiplier()
        )
        assert product == pytest.approx(1)


# ---------------------------------------------------------------- scales and steps


def test_scales_of_the_default_size():
    assert settings_for(method="optimise").scales(512) == (128, 256, 512)


@pytest.mark.parametrize("longest", [1, 50, 128])
def test_a_picture_no_longer_than_the_first_scale_has_one_scale(longest):
    assert settings_for().scales(longest) == (longest,)


def test_without_a_first_scale_there_is_one():
    assert settings_for(first_scale=0).scales(5000) == (5000,)
    assert settings_for("classic").scales(5000) == (5000,)


@quickly
@given(longest=st.integers(16, 20_000), first=st.integers(16, 1000))
def test_scales_rise_evenly_to_the_longest_side(longest, first):
    scales = settings_for(method="optimise", first_scale=first).scales(longest)
    assert settings_for(method="refine", first_scale=first).scales(longest) == (*scales[:-2], longest)
    assert scales[-1] == longest
    ratios = [finer / coarser for coarser, finer in itertools.pairwise(scales)]
    # Rounding a count n of scales stretches each by at most 2^(1/2n); rounding pixels adds a bit.
    assert all(2**0.5 - 0.1 < ratio < 2**1.5 + 0.1 for ratio in ratios)
    if longest > 3 * first:
        assert scales[0] == first and all(abs(ratio - 2) < 0.5 for ratio in ratios)


@quickly
@given(longest=st.integers(16, 5000), least=st.integers(1, 6000))
def test_no_scale_is_below_the_least(longest, least):
    scales = settings_for().scales(longest, least)
    assert scales[-1] == longest and min(scales) >= min(least, longest)


@quickly
@given(
    steps=st.integers(1, 2000), scales=st.integers(1, 40), decay=st.floats(0.05, 20, allow_subnormal=False)
)
def test_steps_are_split_without_loss(steps, scales, decay):
    counts = settings_for(steps=steps, step_decay=decay).steps_per_scale(scales)
    assert len(counts) == scales and min(counts) >= 1
    assert sum(counts) == max(steps, scales)


def test_finer_scales_get_their_share():
    counts = settings_for(method="optimise", steps=1000, step_decay=0.5).steps_per_scale(4)
    assert counts == pytest.approx([1000 * 0.5**i / 1.875 for i in range(4)], abs=1)
    settings = settings_for(method="optimise", steps=400, step_decay=1)
    assert settings.steps_per_scale(4) == (100, 100, 100, 100)


def test_the_original_tools_weights_count_the_channels_of_the_layers_predicted(mini_weights):
    from impasto.core.assemble import workbench

    settings = settings_for("classic", network="vgg_mini", weights=str(mini_weights))
    weights = workbench(settings, content=True, style=True).objective.weights
    assert weights["content:relu4_2"] == pytest.approx(settings.content_weight * 192 / 512)
    assert weights["gram:relu1_1"] == pytest.approx(settings.style_weight * (16 / 64) ** 4)
    plain = workbench(replace(settings, calibrated=False), content=True, style=True).objective.weights
    assert plain["gram:relu1_1"] == pytest.approx(settings.style_weight)
