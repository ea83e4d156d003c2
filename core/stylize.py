"""The main job: a photograph and one or several styles in, a painted picture out.

    from impasto.core.stylize import stylize
    stylize("photo.jpg", ["starry_night"]).save("painted.png")

Here the request is read and checked; `optimise_run.py` paints it step by step, `instant_run.py` in one pass.
Keras is imported by the first of them that needs it, since that takes seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .errors import UsageError
from .hushed import hushed
from .images import MIN_SIDE, load_picture, paintable, require_paintable
from .recipes import Settings
from .result import Result, Step
from .shares import blend_weights
from .styles import load_style
from .unplotted import unplotted

__all__ = ["Result", "Step", "stylize"]


def stylize(
    content: Any,
    styles: Any,
    *,
    settings: Settings | None = None,
    blend: Sequence[float] | None = None,
    on_progress: Callable[[Step], None] | None = None,
    resume: dict[str, np.ndarray] | None = None,
    masks: Sequence[Any] | None = None,
) -> Result:
    """Paints a photograph in the style of one or several paintings.

    Args:
        content: path, bytes, Pillow image, (height, width, 3) array or `Picture`; None for a texture.
        styles: one style or a list of them: gallery names, style files, pictures in any of the
            forms above; empty to see what the content loss alone keeps.
        settings: how to paint; by default the recipe `quality`.
        blend: a weight for each style; equal by default. They are normalised to sum 1.
        on_progress: called after each step with a `Step`, and with the same one again while a pass of the
            network leads to the full size; raise `Cancelled` in it to stop with the picture so far.
        resume: the `state` of an interrupted run of the same content, styles and settings.
        masks: for the method `instant`, a picture for each style, white where that style goes.

    Returns:
        The painted picture and how it came about.

    Raises:
        UsageError: settings that contradict each other, unknown names, wrong number of weights.
        PictureError: a picture cannot be read or is too small.
        WeightsError: the network's weights are missing or damaged.
    """
    settings = settings or Settings()
    several = isinstance(styles, (list, tuple))
    loaded = [load_style(style) for style in (styles if several else [styles])]
    photograph = (
        None
        if content is None
        else load_picture(content, size=settings.size, check=paintable("content", settings.size))
    )
    for style in loaded:  # a `Style` may come ready made
        require_paintable(style.picture, "style")
    weights = blend_weights(len(loaded), blend)
    if photograph is None and not loaded:
        raise UsageError("There is nothing to paint: give a picture, a style, or both. Received: neither")
    if photograph is None and 0 < settings.size < MIN_SIDE:
        raise UsageError(f"A texture is {MIN_SIDE} pixels a side or more. Received: size {settings.size}")
    if masks and settings.method != "instant":
        raise UsageError(f"Masks need the method instant. Received: {len(masks)} masks, {settings.method}")
    tell = on_progress or (lambda _: None)
    if settings.method == "instant":
        from .instant_run import paint_instantly

        return paint_instantly(photograph, loaded, weights, settings, masks, tell)
    with hushed(), unplotted():
        from .optimise_run import OptimiseRun

    settings = settings.settled(content=photograph is not None, style=bool(loaded))
    return OptimiseRun(photograph, loaded, weights, settings).paint(tell, resume)
