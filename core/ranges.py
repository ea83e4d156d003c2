"""Checks of settings that a user may give: numbers within their ranges, words among their choices."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .errors import UsageError

Range = tuple[str, float, float]  # a setting's name, its least and its greatest value


def require_ranges(settings: Any, ranges: Iterable[Range]) -> None:
    """Makes sure that numbers lie where they may, both ends included; NaN does not.

    Raises:
        UsageError: the first that does not, or is no number.
    """
    for name, least, most in ranges:
        value = getattr(settings, name)
        if not isinstance(value, (int, float)) or not least <= value <= most:
            raise UsageError(f"{name} lies between {least:.10g} and {most:.10g}. Received: {value}")


def require_choices(settings: Any, choices: Mapping[str, Sequence[str]]) -> None:
    """Makes sure that words are among those allowed, by setting.

    Raises:
        UsageError: the first that is not.
    """
    for name, allowed in choices.items():
        if (value := getattr(settings, name)) not in allowed:
            raise UsageError(f"{name} is one of {', '.join(allowed)}. Received: {value}")
