"""Every setting of a painting with its default and where that comes from, and the named recipes.

The command line, the engine process and the Python call all read their defaults here.

    from impasto.core.recipes import settings_for
    settings_for("quality", size=768, strength=0.7)
"""

from __future__ import annotations

import difflib
import math
import re
from dataclasses import dataclass, fields, replace
from typing import Any

from .errors import UsageError
from .ranges import require_ranges

CHOICES = {
    "method": ("refine", "optimise", "instant"),
    "pooling": ("max", "average", "l2"),
    "first_padding": ("zero", "replicate"),
    "content_loss": ("mean", "sum", "squares", "scaled", "normalised"),
    "style_loss": ("moments", "gram", "means"),
    "gram_scaling": ("paper", "neural-style", "mxnet", "scaled", "normalised"),
    "variation": ("l1", "l2", "neural-style", "laplacian"),
    "optimizer": ("auto", "adam", "lbfgs", "sgd", "nesterov", "scipy"),
    "colours": ("style", "keep", "match"),
    "precision": ("auto", "float32", "bfloat16"),
    "convolution": ("auto", "direct", "winograd"),
}


STEPS = 80  # of a whole run, or more where its last scale would have fewer than these:
LEAST_AT_LAST = 19  # L-BFGS begins anew at each scale; with 12 at 1024 pixels edges stay rough
# Of its steps at a scale `refine` takes the first share, at the full size the second; the scale before that
# is left out. Where there is one scale alone it takes the third. So it takes half of a whole run's time
# (docs/instant.md).
REFINED, REFINED_AT_LAST, REFINED_ALONE = 0.1, 0.9, 0.35


@dataclass(frozen=True)
class Settings:
    """How to paint. Sources: [c] crowsonkb/style-transfer-pytorch, [n] jcjohnson/neural-style, [m] MXNet.

    Attributes:
        recipe: the recipe that these settings began as; a label only.
        method: `optimise`; `instant`, one pass of a network trained for all styles, which looks at `size`,
            `strength`, `style_scale`, `colours` and `denoise` only; or `refine`, for half of the time: the
            optimiser, wherever it would start from the content, starts from the instant picture, and one
            more pass leads from half to the full size (our own; docs/instant.md).
        size: longest side of the result in pixels; 0 keeps the content's own [n: 512].
        strength: 0 leaves the photograph nearly alone, 1 forgets it; 0.5 is the recipe's balance.
        steps: optimiser steps over all scales; for L-BFGS, function evaluations [n]. None is 80, more where
            there are more than three scales, or as many as refine in half the time.
        first_scale: longest side at which coarse-to-fine begins, in pixels [c: 128]; 0 paints at
            the full size only.
        scale_ratio: from one scale to the next [Gatys et al. 2017, arXiv:1611.07865: 2].
        step_decay: each finer scale gets this share of the steps of the one before it.
        network: `auto`, `vgg19`, `vgg16` or `vgg_mini`.
        weights: a weight file for the network, instead of its own.
        pooling: `max`, `average` or `l2`; None is the network's own.
        rescale_pooling: whether a pooling that replaces the network's own is multiplied so that
            activations keep their size [c]; the original tools do not.
        first_padding: `zero`, or `replicate`, which leaves no frame on the picture [c].
        content_layers, style_layers: None takes the network's defaults.
        content_weight, style_weight, tv_weight: of the three terms, before `strength`.
        style_layer_weights: relative weight of each style layer, normalised to sum 1; None is
            equal, each of the full `style_weight` [n].
        content_loss: `mean` squared error [n], half the `sum` (the paper), the sum of `squares` [m],
            `scaled` to a gradient of L1 norm about 1 [c], or `normalised`: as a share of the
            photograph's own energy.
        style_loss: `moments` (mean and covariance, Wasserstein-2 [c]), `gram` (the paper), `means`.
        gram_scaling: `paper`, `neural-style`, `mxnet` or `normalised` by the target's energy.
        variation: `l1`, `l2` (squared differences [n, c]) or `laplacian` [m].
        calibrated: whether losses of predicted components are divided by as many channels as the layer they
            stand for has (`Head` in `models/vgg_mini.py`), for which the original tools' weights were chosen.
        normalize_gradients: divide each loss layer's gradient by its L1 norm [n: off].
        optimizer: `auto`: L-BFGS, and Adam, which holds fewer arrays, where a picture is painted in tiles;
            `adam`, `lbfgs`, `sgd`, `nesterov` or `scipy` (L-BFGS-B in float64).
        learning_rate: in units of the 0–1 picture [c: 0.02 for Adam].
        average_decay: of Adam's running mean of the pictures [c: 0.99].
        history: pairs that L-BFGS remembers; 10 is enough (measured, docs/recipes.md).
        bounded: whether L-BFGS keeps the picture within 0–1, as it is saved [n: no].
        spectrum: at the first scale L-BFGS multiplies the gradient's spatial frequencies f by f to the minus
            this power, so that coarse structure is found sooner (Olah et al. 2017); 0 does not [n].
        momentum, weight_decay, clip: of SGD [m]; `clip` bounds the gradient's norm per value.
        schedule_every, schedule_factor: SGD's learning rate is multiplied each so many steps [m].
        init: `content`, `noise`, or a picture's path.
        prime_colours: whether a start from the content is recoloured to the style's palette first, as
            far as `strength` goes; only with `colours` `style`.
        noise: deviation of the noise to start from, on the 0–1 scale; see `noise_kind`.
        noise_kind: `normal`, or `uniform` between plus and minus `noise`.
        style_scale: size of the strokes: 2 paints with strokes twice as large [n].
        squash_style: give the style the content's exact shape first [m].
        colours: `style` takes the style's, `keep` the content's chroma in the end, `match` recolours
            the style to the content's palette first (Gatys et al. 2016, arXiv:1606.05897).
        stop_eps: stop a scale when a step changes the picture by less than this share of its norm
            [m: 0.005]; 0 never stops.
        denoise: weight of TV-Chambolle denoising of the result [m: 0.02]; 0 leaves it.
        memory: the most that the painting may hold, such as `4GB`, `800MB` or a number of bytes; `auto`
            takes nine tenths of what is free. What does not fit is painted in tiles (docs/large-pictures.md).
        seed: of all noise. The same seed on the same machine paints the same picture.
        precision: of convolutions: `float32`, `bfloat16` (quicker on processors that have it;
            statistics stay in float32), or `auto`: the latter where it was shown to paint as well.
        convolution: `direct`, `winograd` (fewer multiplications, in float32; TensorFlow on a
            processor), or `auto`: the one that is faster for this painting (docs/performance.md).
    """

    recipe: str = "quality"
    method: str = "optimise"
    size: int = 512
    strength: float = 0.5
    steps: int | None = None
    first_scale: int = 128
    scale_ratio: float = 2.0
    step_decay: float = 0.75
    network: str = "auto"
    weights: str | None = None
    pooling: str | None = None
    rescale_pooling: bool = True
    first_padding: str = "replicate"
    content_layers: tuple[str, ...] | None = None
    style_layers: tuple[str, ...] | None = None
    content_weight: float = 0.05
    style_weight: float = 1.0
    tv_weight: float = 0.5
    style_layer_weights: tuple[float, ...] | None = (1, 1, 1, 1, 1)
    content_loss: str = "normalised"
    style_loss: str = "gram"
    gram_scaling: str = "normalised"
    variation: str = "l2"
    calibrated: bool = False
    normalize_gradients: bool = False
    optimizer: str = "auto"
    learning_rate: float = 0.02
    average_decay: float = 0.8
    history: int = 10
    bounded: bool = True
    spectrum: float = 1.0
    momentum: float = 0.9
    weight_decay: float = 0.0
    clip: float = 0.0
    schedule_every: int = 0
    schedule_factor: float = 0.9
    init: str = "content"
    prime_colours: bool = True
    noise: float = 0.1
    noise_kind: str = "normal"
    style_scale: float = 1.0
    squash_style: bool = False
    colours: str = "style"
    stop_eps: float = 0.0
    denoise: float = 0.0
    memory: str = "auto"
    seed: int = 0
    precision: str = "auto"
    convolution: str = "auto"

    def __post_init__(self):
        for name, allowed in CHOICES.items():
            value = getattr(self, name)
            if value not in allowed and not (name == "pooling" and value is None):
                raise UsageError(f"{name} is one of {', '.join(allowed)}. Received: {value}")
        require_ranges(self, [own for own in _RANGES if (own[0], self.steps) != ("steps", None)])
        parse_memory(self.memory)
        for name in ("content_layers", "style_layers", "style_layer_weights"):
            if isinstance(value := getattr(self, name), list):
                object.__setattr__(self, name, tuple(value))
        if (shares := self.style_layer_weights) and not (min(shares) >= 0 and 0 < sum(shares) < math.inf):
            raise UsageError(
                f"Weights of style layers are not negative, and one is above 0. Received: {list(shares)}"
            )

    def style_multiplier(self) -> float:
        """What `strength` multiplies the style's weight by: (s / (1 − s))², 1 at 0.5.

        Bounded to 10⁻⁴–10⁴ so that 0 and 1 stay well-posed.
        """
        s = min(max(self.strength, 0.01), 0.99)
        return (s / (1 - s)) ** 2

    def optimizer_for(self, divided: bool) -> str:
        """The optimiser's name where `auto` is settled.

        Args:
            divided: whether the picture is painted in tiles.
        """
        if self.optimizer != "auto":
            return self.optimizer
        return "adam" if divided else "lbfgs"

    def settled(self, *, content: bool, style: bool) -> Settings:
        """These settings, with a refinement that has no instant picture to start from optimised instead.

        Args:
            content, style: whether there is a photograph, and a style.
        """
        if self.method == "refine" and not (content and style and self.init == "content"):
            return replace(self, method="optimise")
        return self

    def scales(self, longest: int, least: int = 1) -> tuple[int, ...]:
        """The longest sides to paint at, coarse to fine, ending with `longest`, in pixels.

        Args:
            longest: of the finished picture.
            least: no scale is below this; a thin picture needs more than its strokes do.
        """
        first = max(self.first_scale, least)
        if not self.first_scale or first >= longest or self.method == "instant":
            return (longest,)
        count = round(math.log(longest / first, self.scale_ratio))
        if not count:  # so near that painting it twice would be idle
            return (longest,)
        ratio = (longest / first) ** (1 / count)
        below = [round(first * ratio**i) for i in range(count)]
        if self.method == "refine":
            below.pop()  # a pass takes its place
        return (*below, longest)

    def steps_per_scale(self, scales: int) -> tuple[int, ...]:
        """Splits `steps` over so many scales, at least one each."""
        if self.method == "instant":
            return (1,)
        refines = self.method == "refine"
        whole = [self.step_decay**i for i in range(scales + (refines and scales > 1))]  # one is left out
        shares = whole
        if refines:
            last = REFINED_AT_LAST if scales > 1 else REFINED_ALONE
            shares = [*(REFINED * share for share in whole[: scales - 1]), last * whole[-1]]
        usual = max(STEPS, LEAST_AT_LAST * sum(whole) / whole[-1])
        steps = self.steps or round(usual * sum(shares) / sum(whole))
        counts = [max(1, round(steps * share / sum(shares))) for share in shares]
        counts[0] = max(1, counts[0] + steps - sum(counts))
        while sum(counts) > max(steps, scales):  # the first scale alone could not make up for it
            counts[counts.index(max(counts))] -= 1
        return tuple(counts)


_RANGES = (
    ("size", 0, 100_000),
    ("strength", 0, 1),
    ("steps", 1, 1_000_000),
    ("first_scale", 0, 100_000),
    ("scale_ratio", 1.05, 16),
    ("step_decay", 0.05, 20),
    ("content_weight", 0, 1e12),
    ("style_weight", 0, 1e12),
    ("tv_weight", 0, 1e12),
    ("learning_rate", 1e-12, 1e6),
    ("average_decay", 0, 0.99999),
    ("history", 1, 1000),
    ("spectrum", 0, 3),
    ("noise", 0, 1),
    ("style_scale", 0.05, 20),
    ("stop_eps", 0, 1),
    ("denoise", 0, 10),
    ("seed", 0, 2**32 - 1),
)


def parse_memory(text: str) -> float | None:
    """Bytes of `4GB`, `800MB`, `1.5 GiB` or a number of them; None of `auto`.

    Raises:
        UsageError: it is none of these, or less than 100 MB.
    """
    if text == "auto":
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b?", str(text).strip().lower())
    size = 0.0
    if match:
        size = float(match[1]) * (1024 if match[3] else 1000) ** " kmgt".index(match[2] or " ")
    if not 1e8 <= size < math.inf:
        raise UsageError(f"memory is auto, or 100MB or more, such as 4GB. Received: {text}")
    return size


QUALITY = Settings()

RECIPES = {
    "quality": QUALITY,
    # The same objective, ended early: for a look at what a style will do.
    "draft": replace(QUALITY, recipe="draft", steps=25),
    # The same objective, nearer to its end: cleaner edges, more of the photograph's detail.
    "fine": replace(QUALITY, recipe="fine", steps=300, step_decay=0.85),
    # neural-style's defaults, in its own units (features of 0–255 pictures; TV's unit in docs/recipes.md).
    "classic": Settings(
        recipe="classic",
        method="optimise",
        steps=1000,
        first_scale=0,
        # Pooling and layers stay the network's own, which for VGG are the tool's: max, relu1_1 to relu5_1.
        rescale_pooling=False,
        calibrated=True,
        first_padding="zero",
        content_weight=5.0,
        style_weight=100.0,
        tv_weight=1e-3,
        style_layer_weights=None,
        content_loss="mean",
        style_loss="gram",
        gram_scaling="neural-style",
        variation="neural-style",
        optimizer="lbfgs",
        learning_rate=10 / 255,
        average_decay=0.0,
        history=100,
        bounded=False,
        spectrum=0.0,
        init="noise",
        prime_colours=False,
        noise=0.001 / 255,
        precision="float32",
    ),
    # MXNet's example: SGD on sums of squares, uniform noise, one style squashed to the content's shape.
    "mxnet": Settings(
        recipe="mxnet",
        method="optimise",
        size=600,
        steps=1000,
        first_scale=0,
        pooling="average",
        rescale_pooling=False,
        calibrated=True,
        first_padding="zero",
        content_weight=10.0,
        style_weight=1.0,
        tv_weight=1e-2,
        style_layer_weights=None,
        content_loss="squares",
        style_loss="gram",
        gram_scaling="mxnet",
        variation="laplacian",
        optimizer="sgd",
        learning_rate=0.001,  # the tool's default; its tutorial speaks of 0.1 to 0.3
        average_decay=0.0,
        momentum=0.9,
        weight_decay=5e-4,
        clip=1.0,  # times 3·height·width, the number of values
        schedule_every=80,
        schedule_factor=0.9,
        init="noise",
        prime_colours=False,
        noise=0.1 / 255,
        noise_kind="uniform",
        squash_style=True,
        stop_eps=0.005,
        denoise=0.02,
        precision="float32",
    ),
}


def settings_for(recipe: str = "quality", **changes: Any) -> Settings:
    """A recipe's settings with some of them changed.

    Args:
        recipe: `quality`, `draft`, `fine`, `classic` or `mxnet`.
        **changes: fields of `Settings`; those that are None keep the recipe's value.

    Raises:
        UsageError: an unknown recipe or setting, or a value out of range.
    """
    if recipe not in RECIPES:
        near = difflib.get_close_matches(recipe, RECIPES, n=1)
        hint = f"; did you mean {near[0]}?" if near else "."
        raise UsageError(f"The recipes are {', '.join(RECIPES)}{hint} Received: {recipe}")
    known = {field.name for field in fields(Settings)}
    if unknown := sorted(set(changes) - known):
        near = difflib.get_close_matches(unknown[0], known, n=1)
        hint = f"; did you mean {near[0]}?" if near else "."
        raise UsageError(f"There is no such setting{hint} Received: {unknown[0]}")
    given = {name: value for name, value in changes.items() if value is not None}
    shares, layers = RECIPES[recipe].style_layer_weights, given.get("style_layers")
    if shares and layers and len(layers) != len(shares):
        given.setdefault("style_layer_weights", (1.0,) * len(layers))  # the recipe's own cannot fit
    return replace(RECIPES[recipe], **given)
