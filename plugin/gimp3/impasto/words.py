"""Translations, by gettext, in the language that GIMP itself speaks."""

import gettext
import os

try:
    from gi.repository import GLib

    LANGUAGES = GLib.get_language_names()  # also on Windows and macOS, where no variable tells
except ImportError:  # outside GIMP 3: gettext looks at the environment by itself
    LANGUAGES = None

_folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "locale")
_translation = gettext.translation("impasto", _folder, LANGUAGES, fallback=True)
_ = getattr(_translation, "ugettext", _translation.gettext)  # Python 2 has another for Unicode
