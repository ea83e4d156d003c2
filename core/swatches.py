"""Makes style files: synthesises a texture whose statistics are a painting's (see `styles.py`).

The texture must stand for the painting at every size that coarse-to-fine painting looks at, so its
means and covariances are matched in three octaves at once: as it is, halved, and quartered.

    from impasto.core.swatches import make_style
    from impasto.core.styles import save_style
    save_style(make_style("starry_night.jpg", title="The Starry Night"), "starry_night.webp")
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from keras import ops

from .assemble import features_of, workbench
from .backend import Tensor, Tree, to_numpy, to_tensor
from .colours import match_colours
from .errors import UsageError
from .images import Picture, require_paintable
from .losses import blend
from .moments import MomentsLoss
from .objective import Objective, targets_from
from .optimizers import Optimizer, create_optimizer
from .progress import Clock, OnProgress, Progress
from .recipes import Settings
from .shares import blend_weights
from .starting import noise, palette
from .styles import Style, load_style

SPAN = 640  # longest side of the painting, in pixels, whose strokes a finished swatch shows
OCTAVES = (1, 2, 4)
SIDES, STEPS = (128, 256, 512), (80, 60, 60)  # the swatch's own sides, coarse to fine


class Octaves:
    """A network's features of a picture, of its half and of its quarter.

    Args:
        extractor: gives the features of one picture by layer.
    """

    def __init__(self, extractor: Any):
        self.extractor = extractor
        self.layers = [f"{layer}/{octave}" for octave in OCTAVES for layer in extractor.layers]

    def __call__(self, image: Tensor) -> dict[str, Tensor]:
        """Features by `layer/octave`, such as `relu3_2/4`."""
        features: dict[str, Tensor] = {}
        for octave in OCTAVES:
            reduced = ops.average_pool(image, octave) if octave > 1 else image
            features |= {f"{layer}/{octave}": value for layer, value in self.extractor(reduced).items()}
        return features


def make_style(
    painting: Any,
    *,
    name: str = "",
    title: str = "",
    author: str = "",
    year: str = "",
    kind: str = "",
    licence: str = "",
    source: str = "",
    network: str = "vgg_mini",
    weights: str | None = None,
    seed: int = 0,
    on_progress: OnProgress | None = None,
) -> Style:
    """Makes a swatch from a painting.

    Args:
        painting: gallery name, style file, or picture in any form that `load_picture` takes.
        name, title, author, year, kind, licence, source: what is known of the painting.
        network, weights: whose statistics are matched.
        seed: of the noise to start from.
        on_progress: called after each step; raise `Cancelled` in it to give up.

    Returns:
        A style that holds no pixel of the painting.

    Raises:
        UsageError, PictureError, WeightsError: as `stylize` does.
    """
    style = load_style(painting)
    require_paintable(style.picture)
    facts = {"title": title, "author": author, "year": year, "kind": kind}
    facts |= {"licence": licence, "source": source}
    facts = {key: value or getattr(style, key) for key, value in facts.items()}
    return _Synthesis([style], [1.0], network, weights, seed).run(name or style.name, facts, on_progress)


def blend_styles(
    styles: Sequence[Any],
    weights: Sequence[float] | None = None,
    *,
    name: str,
    network: str = "vgg_mini",
    network_weights: str | None = None,
    seed: int = 0,
    on_progress: OnProgress | None = None,
) -> Style:
    """Makes a swatch between several styles: their means and covariances are blended.

    Args:
        styles: two or more, as `load_style` takes them.
        weights: one for each; equal by default.
        name: of the new style.
        network, network_weights, seed, on_progress: as for `make_style`.

    Raises:
        UsageError: fewer than two styles, or another number of weights.
    """
    if len(styles) < 2:
        raise UsageError(f"A blend is made of two styles or more. Received: {len(styles)}")
    loaded = [load_style(style) for style in styles]
    shares = blend_weights(len(loaded), weights)
    named = " + ".join(
        f"{share:.0%} {style.title or style.name}" for style, share in zip(loaded, shares, strict=True)
    )
    facts = {"title": named, "author": "; ".join(dict.fromkeys(s.author for s in loaded if s.author))}
    facts["licence"] = "; ".join(dict.fromkeys(s.licence for s in loaded if s.licence))
    return _Synthesis(loaded, shares, network, network_weights, seed).run(name, facts, on_progress)


class _Synthesis:
    """One swatch in the making."""

    def __init__(self, styles: list[Style], weights: list[float], network: str, file: str | None, seed: int):
        self.settings = Settings(network=network, weights=file, seed=seed, noise=0.15, tv_weight=0.0)
        extractor = workbench(self.settings, content=False, style=True).extractor
        self.network = extractor.name
        octaves = Octaves(extractor)
        losses = [MomentsLoss(layer, _weight(layer), "normalised") for layer in octaves.layers]
        self.objective = Objective(octaves, losses)
        self.features = features_of(extractor)
        self.styles, self.weights = styles, weights

    def _targets(self, side: float) -> dict[str, Tree]:
        return blend([self._targets_of(style, side) for style in self.styles], self.weights)

    def _targets_of(self, style: Style, side: float) -> dict[str, Tree]:
        """Each octave's statistics, from the painting resized as it will be when it is painted after."""
        features: dict[str, Tensor] = {}
        for octave in OCTAVES:
            picture = to_tensor(style.at(side / octave)[None])
            features |= {f"{layer}/{octave}": value for layer, value in self.features(picture).items()}
        return targets_from(self.objective.losses, features)

    def run(self, name: str, facts: dict[str, str], on_progress: OnProgress | None) -> Style:
        """Synthesises coarse to fine; returns the style."""
        colours = palette([style.picture.pixels for style in self.styles], self.weights)
        start = match_colours(noise(self.settings, SIDES[0], SIDES[0]), colours)
        optimizer = create_optimizer("lbfgs", start[None])
        clock = Clock([side * side for side, steps in zip(SIDES, STEPS, strict=True) for _ in range(steps)])
        done = 0
        for side, steps in zip(SIDES, STEPS, strict=True):
            self.objective.targets = self._targets(SPAN * side / SIDES[-1])
            if done:
                optimizer.rescale((side, side))
            for _ in range(steps):
                loss = optimizer.step(self.objective)
                done += 1
                clock.tick(done)
                if on_progress:
                    on_progress(self._event(optimizer, clock, done, side, loss))
        picture = Picture(to_numpy(optimizer.result)[0].astype("float32"))
        return Style(name, picture, span=SPAN, network=self.network, **facts)

    def _event(self, optimizer: Optimizer, clock: Clock, done: int, side: int, loss: float) -> Progress:
        from .backend import describe_device

        return Progress(
            step=done,
            steps=sum(STEPS),
            scale=side,
            scales=SIDES,
            loss=loss,
            parts={},
            seconds=clock.seconds,
            step_seconds=clock.step_seconds,
            seconds_left=clock.seconds_left(done),
            device=describe_device(),
            picture=lambda: np.asarray(to_numpy(optimizer.result)[0]),
        )


def _weight(layer: str) -> float:
    """Shallow layers weigh more: they hold the colours, in which the eye finds noise first."""
    return {"1": 4.0, "2": 2.0}.get(layer.removeprefix("relu")[0], 1.0)
