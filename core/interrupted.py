"""An interrupted run in a file beside its output, and the means to know it again.

    save_state(state_path("out.png"), result.state, fingerprint(content, styles, blend, settings))
    state = load_state(state_path("out.png"), fingerprint(content, styles, blend, settings))

The file is a `.npz` of the arrays that `stylize(..., resume=state)` takes, and a fingerprint of
the pictures, the network and the settings, so that a run is gone on with only as it was begun.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from .errors import ImpastoError, UsageError
from .images import Picture, load_picture
from .picture_writing import write_file
from .recipes import Settings
from .styles import Style

VERSION = 1
_KEY = "fingerprint"


def state_path(output: str | os.PathLike[str]) -> Path:
    """Where the state of the run that paints `output` is kept: `out.resume.npz` for `out.png`."""
    return Path(output).with_suffix(".resume.npz")


def fingerprint(
    content: Picture | None, styles: Sequence[Style], blend: Sequence[float] | None, settings: Settings
) -> dict[str, Any]:
    """All that decides what a run paints, in a form that JSON can hold.

    Args:
        content: the photograph at the size to be painted; None for a texture.
        styles: the styles.
        blend: their weights; None is equal ones.
        settings: the settings.

    Raises:
        UsageError, WeightsError: there is no such network, or its weights are not here.
    """
    from impasto.models.weights import choose

    network, weights, _ = choose(settings.network, settings.weights)
    own = asdict(settings)
    for name in ("recipe", "network", "weights", "memory"):
        del own[name]  # a label only, what stands for the other two, and what changes rounding only
    if own["init"] not in ("content", "noise"):
        own["init"] = _hash_pixels(load_picture(own["init"]).pixels)
    return {
        "version": VERSION,
        "content": content and _hash_pixels(content.pixels),
        "style": [[_hash_pixels(style.picture.pixels), style.span] for style in styles],
        "blend": blend and list(blend),
        "network": network.name,
        "weights": _hash_file(weights),
    } | {name: list(value) if isinstance(value, tuple) else value for name, value in own.items()}


def save_state(path: Path, state: dict[str, np.ndarray], identity: dict[str, Any]) -> None:
    """Writes a state, beside first and then renamed.

    Args:
        path: where to, as `state_path` gives it.
        state: as `Result.state`.
        identity: the run's `fingerprint`.

    Raises:
        PictureError: the file could not be written.
    """
    packed = io.BytesIO()
    np.savez(packed, **{_KEY: np.array(json.dumps(identity))}, **state)  # type: ignore[arg-type]
    write_file(path, packed.getvalue())


def load_state(path: Path, identity: dict[str, Any]) -> dict[str, np.ndarray]:
    """Reads a state.

    Args:
        path: the file that `save_state` wrote.
        identity: the `fingerprint` of the run that is to go on.

    Raises:
        UsageError: there is no such file, or it is of another run.
        ImpastoError: the file is damaged.
    """
    if not path.exists():
        raise UsageError(
            f"There is nothing to resume; start without resuming, or name the interrupted run's output. "
            f"Received: no file {path}"
        )
    try:
        with np.load(path, allow_pickle=False) as file:
            state = {name: file[name] for name in file.files}
        saved = json.loads(str(state.pop(_KEY)))
        differing = [name for name in {**saved, **identity} if saved.get(name) != identity.get(name)]
    except Exception as error:  # damage makes NumPy, zipfile and json raise a dozen kinds
        raise ImpastoError(
            "The interrupted run's state is damaged; delete it and start anew without resuming. "
            f"Received: {path}"
        ) from error
    if differing:
        raise UsageError(
            f"The interrupted run differs in {', '.join(differing)}; give the same pictures and settings, or "
            f"start anew without resuming. Received: {path}"
        )
    return state


def _hash_pixels(pixels: np.ndarray) -> str:
    pixels = np.ascontiguousarray(pixels, "float32")
    return hashlib.sha256(repr(pixels.shape).encode() + pixels.tobytes()).hexdigest()


def _hash_file(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
