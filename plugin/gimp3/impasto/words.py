"""Translations, by gettext, in the language that GIMP itself speaks."""

from __future__ import annotations

import gettext
from pathlib import Path

try:
    from gi.repository import GLib

    LANGUAGES = GLib.get_language_names()  # also on Windows and macOS, where no variable tells
except ImportError:  # outside GIMP: gettext looks at the environment by itself
    LANGUAGES = None

_translation = gettext.translation("impasto", Path(__file__).parent / "locale", LANGUAGES, fallback=True)
_ = _translation.gettext
