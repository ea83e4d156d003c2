"""What another program may ask of the engine process, checked: see `engine.py` and docs/engine.md."""

from __future__ import annotations

import base64
import binascii
import difflib
import json
import types
import typing
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import UsageError
from .recipes import Settings, settings_for

COMMANDS: dict[str, tuple[str, ...]] = {
    "stylize": ("content", "styles", "output", "settings", "blend", "preview_seconds", "method", "masks"),
    "cancel": (),
    "styles": ("thumbnails", "previews"),
    "methods": (),
    "networks": (),
    "ping": (),
    "shutdown": (),
}

_KINDS = {str: "text", int: "a whole number", float: "a number", bool: "true or false", type(None): "null"}


@dataclass(frozen=True)
class StylizeRequest:
    """A painting that is asked for.

    Attributes:
        content: path or bytes of the photograph; None for a texture.
        styles: gallery names, paths, or bytes.
        output: the picture to write.
        settings: how to paint.
        blend: a weight for each style; None for equal ones.
        preview_seconds: time between previews; 0 for none.
        masks: path or bytes of a picture for each style, white where it goes; None for everywhere.
    """

    content: str | bytes | None
    styles: list[str | bytes]
    output: Path
    settings: Settings
    blend: list[float] | None
    preview_seconds: float
    masks: list[str | bytes] | None = None


def read_request(line: bytes) -> dict[str, Any]:
    """Reads a line.

    Returns:
        The request, whose command is known and which has no other keys than that command's. If it is
        refused, `id` of the UsageError is the request's, where it had one.

    Raises:
        UsageError: the line is not such a request.
    """
    try:
        request = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"A request is a JSON object on one line. Received: {error}") from None
    if not isinstance(request, dict):
        raise UsageError(f"A request is a JSON object on one line. Received: {type(request).__name__}")
    try:
        command = request.get("command")
        if not isinstance(command, str) or command not in COMMANDS:
            raise UsageError(
                f"The commands are {', '.join(COMMANDS)}{_near(command, COMMANDS)} Received: {command!r}"
            )
        _only(request, ("id", "command", *COMMANDS[command]))
    except UsageError as error:
        error.id = request.get("id")  # type: ignore[attr-defined]
        raise
    return request


def read_stylize(request: dict[str, Any]) -> StylizeRequest:
    """Checks what is asked of `stylize`; files are looked at later.

    Raises:
        UsageError: something is missing, of another type, unknown or out of range.
    """
    content, styles = request.get("content"), request.get("styles", [])
    output, blend = request.get("output"), request.get("blend")
    previews = request.get("preview_seconds", 0)
    if not isinstance(output, str) or not output:
        raise UsageError(f"output is the path of the picture to write. Received: {output!r}")
    if blend is not None and not _fits(blend, tuple[float, ...]):
        raise UsageError(f"blend is a list of numbers. Received: {blend!r}")
    if not _fits(previews, float) or not previews >= 0:
        raise UsageError(f"preview_seconds is a number, 0 for no previews. Received: {previews!r}")
    masks, given = request.get("masks"), request.get("settings") or {}
    if isinstance(given, dict) and request.get("method") is not None:
        given = given | {"method": request["method"]}
    if masks is not None and not isinstance(masks, list):
        raise UsageError(f"masks is a list of pictures, one for each style. Received: {masks!r}"[:200])
    sources = styles if isinstance(styles, list) else [styles]
    if content is None and not sources:
        raise UsageError("There is nothing to paint; give a content, a style, or both. Received: neither")
    return StylizeRequest(
        None if content is None else _source(content),
        [_source(style) for style in sources],
        Path(output),
        _settings(given),
        blend,
        float(previews),
        None if masks is None else [_source(mask) for mask in masks],
    )


def _settings(given: Any) -> Settings:
    if not isinstance(given, dict):
        raise UsageError(f"settings is a JSON object. Received: {given!r}")
    hints = typing.get_type_hints(Settings)
    for name, value in given.items():
        if name in hints and value is not None and not _fits(value, hints[name]):
            raise UsageError(f"{name} is {_in_words(hints[name])}. Received: {value!r}")
    values = {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}
    recipe = str(values.pop("recipe", None) or Settings.recipe)
    return settings_for(recipe, **values)


def _fits(value: Any, hint: Any) -> bool:
    """Whether a value that came from JSON is of an annotated type."""
    if isinstance(hint, types.UnionType):
        return any(_fits(value, one) for one in typing.get_args(hint))
    if typing.get_origin(hint) is tuple:
        return isinstance(value, list) and all(_fits(item, typing.get_args(hint)[0]) for item in value)
    if isinstance(value, bool):
        return hint is bool
    return isinstance(value, (int, float)) if hint is float else isinstance(value, hint)


def _in_words(hint: Any) -> str:
    if isinstance(hint, types.UnionType):
        return " or ".join(_in_words(one) for one in typing.get_args(hint))
    if typing.get_origin(hint) is tuple:
        return f"a list ({_in_words(typing.get_args(hint)[0])} each)"
    return _KINDS[hint]


def _source(value: Any) -> str | bytes:
    """A path, or the file itself as `{"base64": "..."}`."""
    if isinstance(value, str) and value:
        return value
    if isinstance(value, dict) and list(value) == ["base64"] and isinstance(value["base64"], str):
        try:
            return base64.b64decode(value["base64"], validate=True)
        except binascii.Error as error:
            raise UsageError(f"A picture's base64 text is damaged. Received: {error}") from None
    shown = json.dumps(value)[:80]
    raise UsageError(f'A picture is a path, a gallery name, or {{"base64": "..."}}. Received: {shown}')


def _only(given: Iterable[str], known: tuple[str, ...]) -> None:
    if unknown := [key for key in given if key not in known]:
        raise UsageError(
            f"The request's keys are {', '.join(known)}{_near(unknown[0], known)} Received: {unknown[0]}"
        )


def _near(word: Any, words: Iterable[str]) -> str:
    near = difflib.get_close_matches(str(word), list(words), n=1)
    return f"; did you mean {near[0]}?" if near else "."
