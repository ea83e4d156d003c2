"""From settings to the objects that do the work: network, losses, optimiser.

The network and the compiled objective are kept from one call to the next (`workbench`), so that a
second picture in the same process pays neither for loading nor for tracing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import numpy as np

from impasto.models.register import Network
from impasto.models.weights import choose

from .backend import Tree, compile_function, to_tensor
from .devices import current_devices
from .errors import UsageError
from .features import Extractor
from .losses import ContentLoss, GramLoss, Loss, MeanLoss, blend
from .moments import MomentsLoss
from .objective import Objective, targets_from
from .optimizers import Optimizer, create_optimizer
from .recipes import Settings
from .segments import cut_points
from .spread import spread
from .summed_losses import summed
from .tile_plan import Plan
from .tiles import TiledObjective
from .variation import TotalVariation

STYLE_LOSSES = {"moments": MomentsLoss, "gram": GramLoss, "means": MeanLoss}


class Ingredients(NamedTuple):
    """What a workbench is made of; a network's weights lie on the devices where it was built.

    Another process can make the same.
    """

    network: str
    weights: str | None
    pooling: str | None
    rescale_pooling: bool
    first_padding: str
    content_layers: tuple[str, ...] | None
    style_layers: tuple[str, ...] | None
    content_loss: str
    style_loss: str
    gram_scaling: str
    variation: str
    normalise: bool
    devices: tuple[str, ...]


@dataclass(frozen=True)
class Workbench:
    """What paints, ready to take targets.

    Attributes:
        made_of: what it was made of.
        extractor: the network, pruned.
        components_share: how many values a layer has for one of the layer that it stands for.
        notice: which network `auto` took and how to get the other; None where one was named.
        objective: losses compiled with their gradient.
        content_losses, style_losses: those of the objective that take each kind of target.
        features: the extractor, compiled without a gradient, for making targets.
        objectives: the objective by the way of computing it; see `objective_in`.
        kept: style targets of the latest runs, by what they were made of.
    """

    made_of: Ingredients
    extractor: Extractor
    components_share: Callable[[str], float]
    notice: str | None
    objective: Objective
    content_losses: list[Loss]
    style_losses: list[Loss]
    features: Any
    objectives: dict[str, Objective] = field(default_factory=dict)
    kept: dict[Any, dict[str, Tree]] = field(default_factory=dict, repr=False)

    KEPT = 16  # of a few megabytes each: three runs of five scales

    def objective_in(self, way: str) -> Objective:
        """The objective with convolutions computed in another way (`ways.py`); targets remain float32's."""
        if way not in self.objectives:
            direct = self.objective
            other = (
                direct
                if way == "direct"
                else Objective(self.extractor.in_way(way), direct.losses, direct.image_losses)
            )
            self.objectives[way] = other
        self.objectives[way].weights = self.objective.weights
        return self.objectives[way]

    @cached_property
    def undivided_because(self) -> str | None:
        """Why pictures cannot be painted in tiles; None where they can."""
        try:
            cut_points(self.extractor)
            for loss in self.objective.losses:
                summed(loss)
        except UsageError as error:
            return str(error)
        return None

    @cached_property
    def tiled(self) -> TiledObjective:
        """The same objective for pictures in tiles."""
        devices = self.made_of.devices
        tiled = TiledObjective(self.extractor, self.objective.losses, self.objective.image_losses)
        if len(devices) > 1:
            tiled.mapper = spread(devices, lambda function: (self.made_of, *tiled.address(function)))
        tiled.weights = self.objective.weights
        return tiled

    def content_targets(self, pixels: np.ndarray, plan: Plan | None = None) -> dict[str, Tree]:
        """Targets from the photograph at the size to be painted, (height, width, 3) 0-1.

        Args:
            pixels: the photograph.
            plan: how the picture is divided, as `tiled` has been arranged; None for not at all.
        """
        if not self.content_losses:
            return {}
        if plan is not None and plan.divided:
            return self.tiled.content_targets(pixels[None])
        return targets_from(self.content_losses, self.features(to_tensor(pixels[None])))

    def style_targets(
        self, pictures: list[np.ndarray], weights: list[float], plans: Sequence[Plan | None] | None = None
    ) -> dict[str, Tree]:
        """Blended targets from each style's picture, (height, width, 3) 0-1.

        Args:
            pictures: the styles.
            weights: one for each.
            plans: how each picture is divided; None for not at all.
        """
        if not self.style_losses:
            return {}
        targets = [
            targets_from(self.style_losses, self.features(to_tensor(picture[None])))
            if plan is None
            else self.tiled.style_targets(picture[None], plan)
            for picture, plan in zip(pictures, plans or [None] * len(pictures), strict=True)
        ]
        return targets[0] if len(targets) == 1 else blend(targets, weights)

    def kept_style_targets(self, key: Any, make: Callable[[], dict[str, Tree]]) -> dict[str, Tree]:
        """Style targets, made once for several photographs in one manner.

        Args:
            key: what stands for the pictures, their weights and their size.
            make: makes the targets, as `style_targets` does, where there are none for that key.
        """
        if key not in self.kept:
            while len(self.kept) >= self.KEPT:
                del self.kept[next(iter(self.kept))]
            self.kept[key] = make()
        return self.kept[key]


def workbench(settings: Settings, *, content: bool, style: bool) -> Workbench:
    """The workbench for these settings.

    Args:
        settings: what to use.
        content, style: whether there is a photograph, and a style; a run may lack one of the two.

    Raises:
        UsageError: unknown network or layer, or weights that do not match the style layers.
        WeightsError: the network's weights are missing or damaged.
    """
    parts = Ingredients(
        settings.network,
        settings.weights,
        settings.pooling,
        settings.rescale_pooling,
        settings.first_padding,
        settings.content_layers if content else (),
        settings.style_layers if style else (),
        settings.content_loss,
        settings.style_loss,
        settings.gram_scaling,
        settings.variation if settings.tv_weight else "",
        settings.normalize_gradients,
        tuple(current_devices()),
    )
    bench = made_from(parts)
    bench.objective.weights = _weights(settings, bench)
    if "tiled" in vars(bench):
        bench.tiled.weights = bench.objective.weights
    return bench


@lru_cache(maxsize=4)
def made_from(parts: Ingredients) -> Workbench:
    """The workbench that is made of these, kept for the next picture."""
    entry, _, notice = choose(parts.network, parts.weights)
    content = _layers(entry, entry.content_layers if parts.content_layers is None else parts.content_layers)
    style = _layers(entry, entry.style_layers if parts.style_layers is None else parts.style_layers)
    extractor = Extractor(
        entry.name,
        (*content, *style),
        pooling=parts.pooling,
        rescale_pooling=parts.rescale_pooling,
        first_padding=parts.first_padding,
        weights=parts.weights,
    )
    normalise = parts.normalise
    contents: list[Loss] = [
        ContentLoss(x, 1.0, parts.content_loss, normalise_gradient=normalise) for x in content
    ]
    variant = {"moments": "normalised", "gram": parts.gram_scaling, "means": "normalised"}[parts.style_loss]
    kind = STYLE_LOSSES[parts.style_loss]
    styles: list[Loss] = [kind(x, 1.0, variant, normalise_gradient=normalise) for x in style]
    variation = parts.variation
    scale = 1.0 if variation in ("l1", "l2") else 255.0  # the two original tools count in 0-255
    image_losses = [TotalVariation(1.0, variation, scale=scale)] if variation else []
    return Workbench(
        parts,
        extractor,
        entry.components_share,
        notice,
        Objective(extractor, contents + styles, image_losses),
        contents,
        styles,
        features_of(extractor),
    )


def features_of(extractor: Any) -> Any:
    """The extractor compiled without a gradient; on TensorFlow one trace serves every size."""
    return compile_function(lambda image: extractor(image))


def _layers(entry: Network, names: tuple[str, ...]) -> tuple[str, ...]:
    """Canonical names, each once."""
    return tuple(dict.fromkeys(entry.layer(name) for name in names))


def _weights(settings: Settings, bench: Workbench) -> dict[str, float]:
    """The weight of each loss by name."""
    count = len(bench.style_losses)
    shares = settings.style_layer_weights
    if shares is None:
        parts = [1.0] * count
    elif len(shares) == count:
        parts = [share / sum(shares) for share in shares]
    elif count:
        raise UsageError(
            f"Give one weight for each style layer ({count}), or none for equal ones. "
            f"Received: {len(shares)} weights"
        )
    style = settings.style_weight * settings.style_multiplier()
    weights = {
        loss.name: settings.content_weight * _calibration(settings, bench, loss)
        for loss in bench.content_losses
    }
    for loss, part in zip(bench.style_losses, parts if count else [], strict=True):
        weights[loss.name] = style * part * _calibration(settings, bench, loss)
    # It quiets the style's noise; where there is little style it would only blur the photograph.
    variation = settings.tv_weight * min(1.0, settings.style_multiplier())
    return weights | {loss.name: variation for loss in bench.objective.image_losses}


# How an original tool's loss falls with the number of channels: content's mean, and the Gram scalings.
_CHANNEL_POWERS = {"mean": 1, "neural-style": 4, "paper": 2, "mxnet": 2}


def _calibration(settings: Settings, bench: Workbench, loss: Loss) -> float:
    """What a loss in an original tool's units is multiplied by, to count as under the network it stands for.

    Fewer components than channels hold nearly the same sums, and those are divided by fewer values.
    """
    if not settings.calibrated or settings.normalize_gradients:
        return 1.0
    return bench.components_share(loss.layer) ** _CHANNEL_POWERS.get(loss.variant, 0)


def make_optimizer(settings: Settings, pixels: np.ndarray) -> Optimizer:
    """The optimiser, started at a picture (height, width, 3) 0-1."""
    s = settings
    options: dict[str, dict[str, Any]] = {
        "adam": {"learning_rate": s.learning_rate, "average_decay": s.average_decay},
        "lbfgs": {"history": s.history, "clip": s.bounded, "power": s.spectrum},
        "scipy": {"history": s.history},
        "sgd": _sgd(s),
        "nesterov": _sgd(s) | {"nesterov": True},
    }
    chosen = s.optimizer_for(divided=False)
    name = "sgd" if chosen == "nesterov" else chosen
    return create_optimizer(name, pixels[None].astype("float32"), **options[chosen])


def _sgd(s: Settings) -> dict[str, Any]:
    return {
        "learning_rate": s.learning_rate,
        "momentum": s.momentum,
        "weight_decay": s.weight_decay,
        "clip": s.clip,
        "schedule_every": s.schedule_every,
        "schedule_factor": s.schedule_factor,
    }
