"""Troubles that pass by themselves, or once an operator has seen to them: nothing is given up for them."""

from __future__ import annotations

from impasto.core.failures import kind_of

from .database import Unreachable
from .sending import Unknown, Unsent


def is_passing(error: Exception) -> bool:
    """Whether to wait and try again: Telegram or the database is out of reach, or a disk will not take it."""
    return isinstance(error, (Unsent, Unknown, Unreachable)) or is_of_the_disk(error)


def is_of_the_disk(error: Exception) -> bool:
    """Whether the system refused to read or write: a disk that is full, read-only, or not there."""
    if isinstance(error, OSError):  # Pillow's for a damaged picture has no number
        return error.errno is not None and not isinstance(error, FileNotFoundError)
    return kind_of(error) == "disk"
