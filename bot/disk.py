"""Refusals of the disk: full, read-only, or not there."""

from __future__ import annotations

from impasto.core.failures import kind_of

FOLDERS = "impasto-bot-"  # temporary folders with photographs; the process's number follows


def is_of_the_disk(error: Exception) -> bool:
    """Whether the system refused to read or write."""
    if isinstance(error, OSError):  # Pillow's for a damaged picture has no number
        return error.errno is not None and not isinstance(error, FileNotFoundError)
    return kind_of(error) == "disk"
