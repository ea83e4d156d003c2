"""What `stylize` does for `--method instant`, and where `--method refine` gets its first picture from."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from .colours import match_colours
from .errors import Cancelled, PictureError, UsageError
from .finishing import finished
from .images import Picture
from .instant import OnTile, instant_painter
from .instant_room import tile_for
from .place import in_onnx_runtime, place
from .progress import Clock
from .recipes import Settings
from .result import Result, Step
from .styles import Style

BUNDLED = "vgg_mini"  # what stands for one pass where a network is named


def _checked(settings: Settings, content: Picture | None, styles: Sequence[Style]) -> Picture:
    """Refuses what one pass cannot do; returns the content."""
    if content is None or not styles:
        raise UsageError(
            "One pass paints a photograph in a style; give both, or choose --method optimise. Received: "
            f"{'no photograph' if content is None else 'no style'}"
        )
    if settings.network not in ("auto", BUNDLED) or settings.weights:
        raise UsageError(
            "One pass is painted with networks of its own; choose --method optimise or refine for a "
            f"network that you name. Received: {settings.weights or settings.network}"
        )
    return content


def paint_instantly(
    content: Picture | None,
    styles: Sequence[Style],
    weights: Sequence[float],
    settings: Settings,
    masks: Sequence[Any] | None,
    on_progress: Callable[[Any], None],
) -> Any:
    """Paints in one pass.

    Args:
        content: the photograph at the size to be painted.
        styles: one or several.
        weights: their blend, summing to 1.
        settings: of which `strength`, `style_scale`, `colours` and `denoise` are looked at.
        masks: a picture for each style, white where it goes; None for everywhere.
        on_progress: called with a `Step` after each tile; may raise `Cancelled`.

    Returns:
        A `Result` whose history is one line without a loss.

    Raises:
        UsageError: there is no photograph or no style, another network is asked for, or another number
            of masks is given than of styles.
        PictureError: a mask cannot be read, or has another shape than the photograph.
    """
    photograph = _checked(settings, content, styles)
    regions = load_masks(masks, photograph, len(styles)) if masks else None
    longest = max(photograph.height, photograph.width)
    so_far, clock = (lambda: photograph.pixels), Clock([1])
    interrupted = False
    with place(settings) as device:

        def on_tile(done: int, tiles: int, look: Callable[[], np.ndarray]) -> None:
            nonlocal so_far
            so_far = look
            clock.plan = [1] * tiles
            clock.tick(done)
            on_progress(
                Step(
                    step=done,
                    steps=tiles,
                    scale=longest,
                    scales=(longest,),
                    loss=math.nan,
                    parts={},
                    seconds=clock.seconds,
                    step_seconds=clock.step_seconds,
                    seconds_left=clock.seconds_left(done),
                    device=device,
                    picture=lambda: finished(look(), photograph, settings).pixels,
                    painted=lambda: finished(look(), photograph, settings),
                    state=dict,
                )
            )

        try:
            painted = instant_pixels(photograph, styles, weights, settings, regions, on_tile)
        except (Cancelled, KeyboardInterrupt):
            painted, interrupted = so_far(), True
    notices = dict.fromkeys([*photograph.notices, *(n for style in styles for n in style.picture.notices)])
    return Result(
        finished(painted, photograph, settings),
        [(1, longest, clock.seconds, math.nan)],
        BUNDLED,
        settings,
        interrupted=interrupted,
        notices=tuple(notices),
    )


def instant_pixels(
    content: Picture,
    styles: Sequence[Style],
    weights: Sequence[float],
    settings: Settings,
    masks: Sequence[np.ndarray] | None = None,
    on_tile: OnTile = lambda done, tiles, look: None,
    begun: tuple[np.ndarray, np.ndarray] | None = None,
) -> np.ndarray:
    """The painted pixels, (height, width, 3), before any finishing.

    Arguments as `paint_instantly`'s and `InstantPainter.paint`'s.
    """
    side = max(content.height, content.width) * settings.style_scale
    pictures = []
    for style in styles:
        pixels = style.picture.pixels
        if settings.colours == "match":
            pixels = match_colours(pixels, content.pixels)
        pictures.append(style.at(side, pixels))
    painter = instant_painter(_way(settings))
    fitting = tile_for(settings, content.height, content.width)
    painter = replace(painter, tile=min(painter.tile, fitting))
    # NumPy's threads wait for each other by spinning: beside other work the small products between the
    # networks took ten times as long on two cores as on one.
    with threadpool_limits(1, user_api="blas"):
        painted = painter.paint(
            content.pixels,
            pictures,
            blend=weights,
            strength=settings.strength,
            masks=masks,
            begun=begun,
            on_tile=on_tile,
        )
    if settings.method != "instant":
        painter.runtime.let_go()  # the optimiser goes on, and takes memory of its own
    return painted


def _way(settings: Settings) -> str:
    """Which runtime paints, and in which precision: see `instant_painter`.

    A refinement has Keras, but tracing functions for each of its sizes would take longer than its passes.
    """
    if in_onnx_runtime(settings):
        return "onnx"
    from .trial import bfloat16_pays

    precise = settings.precision == "float32" or (settings.precision == "auto" and not bfloat16_pays())
    return "direct" if precise else "bfloat16"


def load_masks(sources: Sequence[Any], content: Picture, styles: int) -> list[np.ndarray]:
    """Reads a mask for each style and brings it to the photograph's size.

    Args:
        sources: pictures in any form that `load_picture` takes: white where the style goes.
        content: the photograph.
        styles: how many there are.

    Returns:
        (height, width) float32 of 0-1 each.

    Raises:
        UsageError: another number of masks.
        PictureError: one cannot be read, or has another shape than the photograph.
    """
    from .colours import LUMA
    from .images import load_picture
    from .resizing import lanczos

    if len(sources) != styles:
        raise UsageError(f"Give one mask for each style ({styles}). Received: {len(sources)} masks")
    masks = []
    for source in sources:
        mask = load_picture(source, check=partial(_require_shape, content=content, turned=True))
        grey = mask.pixels @ LUMA
        if mask.alpha is not None:
            grey = grey * mask.alpha
        size = (content.height, content.width)
        _require_shape(mask.width, mask.height, content)
        masks.append(np.clip(lanczos(grey.astype("float32"), size), 0, 1))
    return masks


def _require_shape(width: int, height: int, content: Picture, turned: bool = False) -> None:
    """Refuses a mask of another shape than the photograph; before it is turned upright either way will do."""
    sides = [(width, height), (height, width)] if turned else [(width, height)]
    if all(abs(w * content.height / (h * content.width) - 1) > 0.05 for w, h in sides):
        raise PictureError(
            f"A mask has the photograph's shape, about {content.width}×{content.height} at any size. "
            f"Received: {width}×{height}"
        )
