"""The named recipes for training a painter, and how their settings are changed.

from impasto.core.training_recipes import training_settings
training_settings("johnson", steps=2000, side=128)
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from impasto.models.register import did_you_mean

from .errors import UsageError
from .recipes import QUALITY
from .training_settings import TrainSettings

# The original tools' losses, in their own units (features of 0–255 pictures, as large as VGG's).
_PAPER: dict[str, Any] = {
    "style_root": False,
    "content_loss": "mean",
    "gram_scaling": "neural-style",
    "variation": "neural-style",
    "calibrated": True,
    "first_padding": "zero",
}

RECIPES = {
    # Every loss a share of its target's energy, so that no style outweighs another and the weights mean
    # the same under every network; layers are the loss network's own. Weights chosen by eye.
    "balanced": TrainSettings(),
    # What the optimiser makes small by the recipe of the same name: the painter learns to do as it does.
    "quality": TrainSettings(
        recipe="quality",
        style_loss=QUALITY.style_loss,
        style_layer_weights=QUALITY.style_layer_weights,
        style_root=False,
        content_weight=QUALITY.content_weight,
        style_weight=QUALITY.style_weight,
        tv_weight=QUALITY.tv_weight,
    ),
    # fast-neural-style's train.lua: VGG-16's relu1_2 relu2_2 relu3_3 relu4_3 are its blocks' last
    # convolutions. Its variation is summed over a batch of 4, ours averaged: four times 1e-6.
    "johnson": TrainSettings(
        recipe="johnson",
        content_layers=("end3",),
        style_layers=("end1", "end2", "end3", "end4"),
        content_weight=1.0,
        style_weight=5.0,
        tv_weight=4e-6,
        **_PAPER,
    ),
    # Ulyanov et al., sections 4.1 and 5: VGG-19's layers; batch, steps and rate of their supplement. Their
    # rate of 0.1 falls by 0.7 each 200 steps from the 1,000th on; ours falls linearly over the same half.
    "ulyanov": TrainSettings(
        recipe="ulyanov",
        architecture="generator",
        width=8,
        scales=6,
        steps=2000,
        batch=16,
        learning_rate=0.1,
        decay=0.5,
        content_layers=("relu4_2",),
        style_layers=("first1", "first2", "first3", "first4", "first5"),
        content_weight=1.0,
        style_weight=1.0,
        tv_weight=0.0,
        **_PAPER,
    ),
}
# What `--texture` changes: [u]'s generator, 5 scales, 2,000 steps; small batches and a rate for them.
TEXTURE: dict[str, Any] = {
    "architecture": "generator", "texture": True, "width": 8, "scales": 5, "steps": 2000, "decay": 0.5,
    "content_weight": 0.0, "tv_weight": 0.0,
}  # fmt: skip
# What `--architecture generator` changes in the other recipes.
GENERATOR: dict[str, Any] = {"architecture": "generator", "width": 8, "scales": 6}


def training_settings(recipe: str | None = None, *, texture: bool = False, **changes: Any) -> TrainSettings:
    """A recipe's settings with some of them changed.

    Args:
        recipe: `balanced`, `quality`, `johnson` or `ulyanov`; `balanced` if None.
        texture: whether to train a texture's generator.
        **changes: fields of `TrainSettings`; those that are None keep the recipe's value.

    Raises:
        UsageError: an unknown recipe or setting, or a value out of range.
    """
    recipe = recipe or TrainSettings.recipe
    if recipe not in RECIPES:
        raise UsageError(
            f"The recipes are {', '.join(RECIPES)}.{did_you_mean(recipe, RECIPES)} Received: {recipe}"
        )
    known = {entry.name for entry in fields(TrainSettings)}
    if unknown := sorted(set(changes) - known):
        raise UsageError(f"There is no such setting.{did_you_mean(unknown[0], known)} Received: {unknown[0]}")
    given = {name: value for name, value in changes.items() if value is not None}
    if "style_layers" in given:
        given.setdefault("style_layer_weights", None)  # the recipe's own are of its layers
    if texture:
        given = TEXTURE | given
    elif given.get("architecture") == "generator" and RECIPES[recipe].architecture != "generator":
        given = GENERATOR | given
    elif given.get("architecture") == "transformer" and RECIPES[recipe].architecture != "transformer":
        given = {"width": TrainSettings.width} | given
    return replace(RECIPES[recipe], **given)
