"""What the commands that train read alike: settings that were given, and photographs to learn from."""

from __future__ import annotations

import argparse
import sys
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UsageError

if TYPE_CHECKING:
    from ..crops import Folder


def given_settings(arguments: argparse.Namespace, kind: Any) -> dict[str, Any]:
    """The options that are fields of a dataclass of settings and were given."""
    found = {field.name: getattr(arguments, field.name, None) for field in fields(kind)}
    return {name: value for name, value in found.items() if value is not None}


def split_photographs(folders: list[Path], settings: Any) -> tuple[Folder, Folder]:
    """The photographs to train on, and those held out: `settings.held_out` of them, drawn by its seed.

    Raises:
        UsageError: too few photographs, or no folder.
    """
    from ..crops import Folder

    photographs, held_out = Folder.read(*folders).split(settings.held_out, settings.seed)
    if not photographs.pictures:
        raise UsageError(f"More photographs than --held-out are needed. Received: {len(held_out.pictures)}")
    return photographs, held_out


def tell_unreadable(*folders: Folder) -> None:
    """Says which files of the folders are passed over."""
    for folder in folders:
        for path in folder.unreadable:
            print(f"passed over, not a readable picture: {path}", file=sys.stderr)
