"""Every setting of a painter's training with its default and where that comes from.

The named recipes are in `training_recipes.py`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from impasto.models.register import Network

from .errors import UsageError
from .ranges import require_choices, require_ranges
from .recipes import Settings

CHOICES = {
    "architecture": ("transformer", "generator"),
    "precision": ("float32", "mixed_bfloat16", "mixed_float16"),
    "optimizer": ("adam", "muon"),
    "style_loss": ("gram", "moments"),
}


@dataclass(frozen=True)
class TrainSettings:
    """How to train. Sources: [j] Johnson et al. 2016 and fast-neural-style, [u] Ulyanov et al. 2016.

    Attributes:
        recipe: the recipe that these settings began as; a label only.
        architecture: `transformer` [j] or `generator` [u].
        texture: whether textures are made from noise, without photographs; `generator` only.
        width: channels of the first convolution [j: 32], or that each scale adds [u: 8].
        blocks: residual blocks of the transformer [j: 5].
        skip: whether the transformer paints over the photograph [no]: subjects stay sooner, for short runs.
        scales: of the generator's noise [u: 5 for textures, 6 for stylisation].
        steps: optimiser steps in all [j: 40,000; u: 2,000].
        taught: the first steps, in which the network imitates what the method `instant` paints, before the
            losses judge it [none]: a network for many styles has their colours sooner (`teacher.py`).
        imitation: weight, beside the losses, of the distance from what `instant` paints of the same crop, in
            all steps [none]: it keeps many styles from one pattern in all quiet places.
        batch: pictures a step [j: 4; u: 16].
        side: their side in pixels [j, u: 256].
        style_side: longest side of the paintings in pixels, which sets the strokes' size [j: 256].
        learning_rate: at its highest [j: Adam, 0.001; u: 0.1, falling].
        warmup: steps over which it rises [j: none].
        decay: last share of the steps, over which it falls to nothing [j: none].
        network: the loss network: `auto`, `vgg19`, `vgg16`, `vgg_mini`; weights: its file.
        weights: a weight file for the loss network, instead of its own.
        content_layers, style_layers: as `relu3_2`, or `end3` and `first3` for a block's last and
            first convolution; None takes the network's own.
        content_weight, style_weight, tv_weight: of the three terms.
        style_loss: `gram` [j, u], or `moments`, the mean and covariance that a painting is optimised by: of
            many styles none is an outlier then, as a dark painting's Gram matrix is.
        style_layer_weights: as in `recipes.Settings`.
        style_root: whether the root of each style layer's loss is taken: a distance for its square, so
            that the style farthest from its painting does not drown the others.
        content_loss, gram_scaling, variation, calibrated, first_padding: as in `recipes.Settings`.
        precision: `float32`, `mixed_bfloat16` or `mixed_float16`.
        recompute: whether both networks are computed once more on the way back, part by part, instead of
            kept (`recomputed.py`): less memory, more time [no].
        optimizer: `adam` [j, u], or `muon`, which the compact network is trained with.
        held_out: photographs that are never trained on, for the curves and the sheets.
        seed: draws weights, crops, styles and noise.
        checkpoint_minutes: time between checkpoints.
        evaluate_every: steps between points of the curves.
        sheet_every: steps between sample sheets; the first ones come sooner.
    """

    recipe: str = "balanced"
    architecture: str = "transformer"
    texture: bool = False
    width: int = 32
    blocks: int = 5
    skip: bool = False
    scales: int = 5
    steps: int = 40_000
    taught: int = 0
    imitation: float = 0.0
    batch: int = 4
    side: int = 256
    style_side: int = 256
    learning_rate: float = 1e-3
    warmup: int = 0
    decay: float = 0.0
    network: str = "auto"
    weights: str | None = None
    content_layers: tuple[str, ...] | None = None
    style_layers: tuple[str, ...] | None = None
    content_weight: float = 1.0
    style_weight: float = 1.0
    tv_weight: float = 1.0
    style_loss: str = "gram"
    style_layer_weights: tuple[float, ...] | None = None
    style_root: bool = True
    content_loss: str = "normalised"
    gram_scaling: str = "normalised"
    variation: str = "l2"
    calibrated: bool = False
    first_padding: str = "replicate"
    precision: str = "float32"
    recompute: bool = False
    optimizer: str = "adam"
    held_out: int = 8
    seed: int = 0
    checkpoint_minutes: float = 3.0
    evaluate_every: int = 500
    sheet_every: int = 1000

    def __post_init__(self):
        require_choices(self, CHOICES)
        require_ranges(self, _RANGES)
        for name in ("content_layers", "style_layers", "style_layer_weights"):
            if isinstance(value := getattr(self, name), list):
                object.__setattr__(self, name, tuple(value))
        if self.texture and self.architecture != "generator":
            raise UsageError(
                f"A texture is made by the generator; leave out the architecture. "
                f"Received: {self.architecture}"
            )
        if self.texture and (self.taught or self.imitation):
            raise UsageError(
                f"A texture has no photographs to be taught on. Received: taught {self.taught}, "
                f"imitation {self.imitation:g}"
            )
        if self.taught and self.imitation:
            raise UsageError(
                f"Imitate first (taught) or all along (imitation), not both. Received: taught {self.taught}, "
                f"imitation {self.imitation:g}"
            )
        if self.imitation and self.side % 16:
            raise UsageError(f"To imitate, side is a multiple of 16 pixels. Received: {self.side}")
        if self.side % self.multiple:
            raise UsageError(
                f"side is a multiple of {self.multiple} pixels here; 128 will do. Received: {self.side}"
            )
        if self.architecture == "generator" and self.side >> (self.scales - 1) < 4:
            raise UsageError(
                f"The coarsest noise of {self.scales} scales must be 4 pixels or more; choose a larger side "
                f"or fewer scales. Received: side {self.side}"
            )

    @property
    def multiple(self) -> int:
        """The pictures' sides are multiples of it, in pixels."""
        return 4 if self.architecture == "transformer" else 2 ** (self.scales - 1)

    @property
    def options(self) -> dict[str, Any]:
        """The network's builder's arguments."""
        if self.architecture == "transformer":
            return {"width": self.width, "blocks": self.blocks} | ({"skip": True} if self.skip else {})
        return {"channels": self.width, "scales": self.scales, "content": not self.texture}

    def losses(self, network: Network) -> Settings:
        """The settings of the losses, in the words of a painting's.

        Raises:
            UsageError: of a layer that the network has not, or another number of weights than of layers.
        """
        layers = _layers(network, self.style_layers)
        count, weights = len(layers or network.style_layers), self.style_layer_weights
        if weights is not None and len(weights) != count:
            raise UsageError(
                f"Give one weight for each style layer ({count}), or none for equal ones. "
                f"Received: {len(weights)} weights"
            )
        return Settings(
            recipe=self.recipe,
            network=network.name,
            weights=self.weights,
            content_layers=_layers(network, self.content_layers),
            style_layers=layers,
            content_weight=self.content_weight,
            style_weight=self.style_weight,
            tv_weight=self.tv_weight,
            style_layer_weights=weights,
            content_loss=self.content_loss,
            style_loss=self.style_loss,
            gram_scaling=self.gram_scaling,
            variation=self.variation,
            calibrated=self.calibrated,
            first_padding=self.first_padding,
        )


def _layers(network: Network, names: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """Layers by the network's own names: `end3` is a block's last convolution, `first3` its first."""
    if names is None:
        return None
    return tuple(_layer(network, name) for name in names)


def _layer(network: Network, name: str) -> str:
    for word, position in (("end", -1), ("first", 0)):
        number = name.removeprefix(word)
        if name.startswith(word) and number.isdecimal() and 1 <= int(number) <= len(network.blocks):
            return [own for own in network.layers if own.startswith(f"relu{number}_")][position]
    return network.layer(name)


_RANGES = (
    ("width", 1, 1024),
    ("blocks", 0, 100),
    ("scales", 1, 10),
    ("steps", 1, 100_000_000),
    ("taught", 0, 100_000_000),
    ("imitation", 0, 1e6),
    ("batch", 1, 10_000),
    ("side", 32, 4096),
    ("style_side", 32, 8192),
    ("learning_rate", 1e-9, 10),
    ("warmup", 0, 1_000_000),
    ("decay", 0, 1),
    ("content_weight", 0, 1e12),
    ("style_weight", 0, 1e12),
    ("tv_weight", 0, 1e12),
    ("held_out", 1, 10_000),
    ("seed", 0, 2**32 - 1),
    ("checkpoint_minutes", 0, 100_000),
    ("evaluate_every", 1, 100_000_000),
    ("sheet_every", 1, 100_000_000),
)

# What may change between the parts of one run: its length, the fall of the rate, and the looks.
FREE = (
    "recipe",
    "steps",
    "decay",
    "checkpoint_minutes",
    "evaluate_every",
    "sheet_every",
    "precision",
    "recompute",
)


def differing(before: dict[str, Any], now: TrainSettings) -> list[str]:
    """What a run's settings were before, where they may not differ and do."""
    after = asdict(now)
    return [
        f"{name} was {before[name]}"
        for name, value in after.items()
        if name not in FREE and name in before and _plain(before[name]) != _plain(value)
    ]


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
