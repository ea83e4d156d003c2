"""Files of one-pass networks: one `.npz` that holds the weights in half precision and, as JSON, all facts.

    from impasto.models.painters import find_painter, read_painter
    facts, arrays = read_painter(find_painter("thirteen"))
    model = build_painter(facts, arrays)

Bundled networks lie in `painters/` beside this file, each with a model card. Nothing here imports Keras
before a network is built.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import UsageError, WeightsError
from .register import did_you_mean
from .weights import Arrays, one_line

if TYPE_CHECKING:
    import keras

VERSION = 1
EXTENSION = ".npz"
FOLDER = Path(__file__).parent / "painters"
KEY = "impasto_painter"
ARCHITECTURES = ("transformer", "generator")
OF_STYLES = ("/scale", "/shift")  # ends of the names of what each style has for itself


@dataclass(frozen=True)
class PainterFacts:
    """What a network's file tells of it.

    Attributes:
        architecture: `"transformer"` (Johnson et al. 2016) or `"generator"` (Ulyanov et al. 2016).
        options: the builder's arguments, but for the number of styles and the padding.
        styles: the styles' names, in the order of the network's style weights.
        steps: optimiser steps that the network saw.
        batch, side: pictures a step, and their side in pixels.
        style_side: longest side of the paintings when their strokes were learnt, in pixels.
        network: the loss network.
        data: what it was trained on, in words.
        title, licence, source: for people.
        version: of this layout.
    """

    architecture: str
    options: dict[str, Any]
    styles: tuple[str, ...]
    steps: int = 0
    batch: int = 0
    side: int = 0
    style_side: int = 0
    network: str = ""
    data: str = ""
    title: str = ""
    licence: str = ""
    source: str = ""
    version: int = field(default=VERSION)

    @property
    def takes_picture(self) -> bool:
        """Whether it paints photographs; otherwise it makes textures."""
        return self.architecture == "transformer" or bool(self.options.get("content"))

    @property
    def multiple(self) -> int:
        """Height and width of what it paints are multiples of it, in pixels."""
        return 4 if self.architecture == "transformer" else 2 ** (self.options["scales"] - 1)


def bundled_painters() -> dict[str, Path]:
    """The files that come with Impasto, by name."""
    return {path.stem: path for path in sorted(FOLDER.glob(f"*{EXTENSION}"))}


def find_painter(name: str | os.PathLike[str]) -> Path:
    """The file of a bundled network, or of one's own.

    Args:
        name: a bundled network's name, or a path; a file of that name goes first. A folder of
            `impasto train` stands for the network in it.

    Raises:
        UsageError: there is neither.
    """
    path = Path(name).expanduser()
    if path.is_dir() and (path / f"painter{EXTENSION}").is_file():
        return path / f"painter{EXTENSION}"
    if path.is_file():
        return path
    known = bundled_painters()
    if str(name) in known:
        return known[str(name)]
    raise UsageError(
        f"Expected a network that `impasto train` wrote, or a bundled one ({', '.join(known) or 'none'})."
        f"{did_you_mean(str(name), known)} Received: {name}"
    )


def read_painter(path: Path) -> tuple[PainterFacts, Arrays]:
    """Reads a network's file.

    Returns:
        The facts, and the weights by variable (float32).

    Raises:
        WeightsError: the file cannot be read, is damaged, or is no such file.
    """
    import numpy as np

    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        told = json.loads(str(arrays.pop(KEY)))
        version = told.get("version", 0)
        known = {entry.name for entry in fields(PainterFacts)}
        facts = PainterFacts(
            **{k: v for k, v in told.items() if k in known} | {"styles": tuple(told["styles"])}
        )
    except Exception as error:  # damage makes NumPy, zipfile and json raise a dozen kinds
        raise WeightsError(
            f"Expected a network that `impasto train` wrote. Received: {path} ({one_line(error)})"
        ) from None
    if version > VERSION:
        raise WeightsError(
            f"The network's file is of a newer version than this Impasto reads ({VERSION}); upgrade Impasto. "
            f"Received: {path}, version {version}"
        )
    if facts.architecture not in ARCHITECTURES or not facts.styles:
        raise WeightsError(
            f"Expected a network of the architecture {' or '.join(ARCHITECTURES)} with one style or more. "
            f"Received: {path} ({facts.architecture}, {len(facts.styles)} styles)"
        )
    return facts, {name: array.astype("float32") for name, array in arrays.items()}


def for_styles(facts: PainterFacts, arrays: Arrays, styles: Sequence[str]) -> Arrays:
    """A network's weights for other styles, to train on with.

    Args:
        facts, arrays: as `read_painter` gives them.
        styles: names, in their new order. Those that the network knows keep what is their own; a new one
            begins as the mean of all.
    """
    import numpy as np

    def rows(array: np.ndarray) -> np.ndarray:
        known = dict(zip(facts.styles, array, strict=True))
        return np.stack([known.get(style, array.mean(axis=0)) for style in styles])

    own = {name for name in arrays if name.endswith(OF_STYLES)}
    return {name: rows(array) if name in own else array for name, array in arrays.items()}


def build_painter(
    facts: PainterFacts, arrays: Arrays | None = None, padding: str | None = None
) -> keras.Model:
    """Builds a network.

    Args:
        facts: what to build.
        arrays: its weights by variable; random ones if None.
        padding: `"reflect"` or `"circular"`; by default the architecture's own. The weights fit both.

    Raises:
        WeightsError: the weights are another network's.
    """
    from .generator import build_generator
    from .transformer import build_transformer
    from .vgg import channels_last

    builder = {"transformer": build_transformer, "generator": build_generator}[facts.architecture]
    options = facts.options | ({"padding": padding} if padding else {})
    try:
        with channels_last():
            model = builder(len(facts.styles), **options)
    except (TypeError, ValueError) as error:
        raise WeightsError(
            f"The network's facts are damaged. Received: {facts.architecture} with {facts.options} "
            f"({one_line(error)})"
        ) from None
    if arrays is not None:
        _assign(model, arrays)
    return model


def _assign(model: keras.Model, arrays: Arrays) -> None:
    import numpy as np

    wanted = {variable.path: variable for variable in model.variables}
    for name, variable in wanted.items():
        array = arrays.get(name)
        if array is None or array.shape != tuple(variable.shape) or not np.isfinite(array).all():
            received = (
                "nothing"
                if array is None
                else f"{array.shape}"
                + " with numbers that are not finite" * (array.shape == tuple(variable.shape))
            )
            raise WeightsError(
                f"The weights are damaged or another network's; expected {name} of shape "
                f"{tuple(variable.shape)}. Received: {received}"
            )
        variable.assign(array)
    if more := sorted(set(arrays) - set(wanted)):
        raise WeightsError(f"The weights are another network's. Received: also {', '.join(more[:3])}")


def encode_painter(facts: PainterFacts, model: keras.Model) -> bytes:
    """A network as the bytes of its file, weights in half precision."""
    import keras
    import numpy as np

    arrays = {variable.path: keras.ops.convert_to_numpy(variable) for variable in model.variables}
    packed = io.BytesIO()
    told = json.dumps(asdict(facts))
    half = {name: array.astype("float16") for name, array in arrays.items()}
    np.savez_compressed(packed, **{KEY: np.array(told)}, **half)  # type: ignore[arg-type]
    return packed.getvalue()
