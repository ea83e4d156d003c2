"""`impasto gimp install|check|uninstall`: the filter for GIMP."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from impasto.core.errors import ImpastoError


def add_parser(commands: Any) -> None:
    """Adds the command to `impasto`'s."""
    parser = commands.add_parser(
        "gimp",
        help="the filter for GIMP: install, check, uninstall",
        description="Puts the filter Neural Style into GIMP 3 and 2.10, and proves that it works. "
        "docs/gimp.md describes it.",
    )
    actions = parser.add_subparsers(dest="action", metavar="install|check|uninstall", required=True)
    for name, text in (
        ("install", "copy the filter into GIMP's folders, then check it"),
        ("check", "paint a tiny picture through the engine and through GIMP"),
        ("uninstall", "take the filter out of GIMP"),
    ):
        action = actions.add_parser(name, help=text)
        action.add_argument(
            "--folder", type=Path, metavar="DIR", help="GIMP's own folder, such as ~/.config/GIMP/3.0"
        )
        if name == "install":
            action.add_argument(
                "--engine", metavar="COMMAND", help="how GIMP starts the engine, if not by this Python"
            )
            action.add_argument("--no-check", action="store_true", help="copy only")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs the command."""
    from . import installer

    gimps = installer.places(arguments.folder)
    for gimp in gimps:
        if arguments.action == "install":
            print(f"{gimp.title}: installed in {installer.install(gimp, arguments.engine)}", flush=True)
        elif arguments.action == "uninstall":
            was = "taken out" if installer.uninstall(gimp) else "was not there"
            print(f"{gimp.title}: {was}: {gimp.plug_in}", flush=True)
    if arguments.action == "uninstall" or getattr(arguments, "no_check", False):
        return 0
    failures = [gimp for gimp in gimps if not _check(gimp, only=len(gimps) == 1)]
    if len(failures) < len(gimps):  # a 2.10 that is left over beside a newer one need not work
        failures = [gimp for gimp in failures if not gimp.is_old]
    if failures:
        raise ImpastoError(
            f"The filter does not work yet in {', '.join(gimp.title for gimp in failures)}; see above. "
            f"Received: {len(failures)} of {len(gimps)}"
        )
    print("Start GIMP (again): Filters, Artistic, Neural Style…")
    return 0


def _check(gimp: Any, only: bool) -> bool:
    from . import checking

    try:
        words = checking.check_files(gimp)
        print(f"{gimp.title}: files: fine", flush=True)
        # flatpak-spawn is there inside of the Flatpak only.
        inside = words[words.index("-E") - 1 :] if words[0] == "flatpak-spawn" and "-E" in words else words
        print(f"{gimp.title}: engine {checking.check_engine(inside)}: paints", flush=True)
        if checking.check_gimp(gimp):
            print(f"{gimp.title}: the filter painted in GIMP itself", flush=True)
        else:
            print(f"{gimp.title}: not tried in GIMP itself: no program to run it without a window")
    except ImpastoError as error:
        if only:
            raise
        print(f"{gimp.title}: {error}", flush=True)
        return False
    return True
