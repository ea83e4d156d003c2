"""Troubles that pass by themselves, or once an operator has seen to them: nothing is given up for them."""

from __future__ import annotations

from .database import Unreachable
from .disk import is_of_the_disk
from .sending import Unknown, Unsent


def is_passing(error: Exception) -> bool:
    """Whether to wait and try again: Telegram or the database is out of reach, or a disk will not take it."""
    return isinstance(error, (Unsent, Unknown, Unreachable)) or is_of_the_disk(error)
