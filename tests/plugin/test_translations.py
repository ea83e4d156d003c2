"""The filter's texts in every language that it speaks, as gettext itself loads them."""

import gettext
import string

import pytest

from impasto.plugin.translating import SOURCES, TRANSLATIONS, catalogue, read_po, texts, write_mo

LANGUAGES = ("de", "es", "fr", "ru", "zh_CN")


# The letters of the buttons that GIMP 3 gives each dialog: Load, Save, Reset and Cancel.
BUTTONS = {"en": "lsrc", "de": "gszc", "es": "cgr", "fr": "csrn", "ru": "зст", "zh_CN": "lsrc"}


def fields(text):
    """The names and formats in braces."""
    return sorted((name, form) for _, name, form, _ in string.Formatter().parse(text) if name is not None)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_is_translated(language):
    translation = gettext.translation("impasto", SOURCES / "locale", [language])
    for text in texts():
        given = translation.gettext(text)
        assert given, text
        assert fields(given) == fields(text), given
        assert text.endswith(("{detail}", "{what}", "{command}")) == given.endswith(
            ("{detail}", "{what}", "{command}")
        )
        assert given.count("_") <= max(1, text.count("_")), given  # one underlined letter
    same = {text for text in texts() if translation.gettext(text) == text}
    assert same <= {"style", "second style"}  # French, too


@pytest.mark.parametrize("language", LANGUAGES)
def test_catalogues_are_made_from_the_translations(language, tmp_path):
    entries = read_po(TRANSLATIONS / f"{language}.po")
    assert set(entries) == {"", *texts()}
    write_mo(entries, tmp_path / "impasto.mo")
    assert (tmp_path / "impasto.mo").read_bytes() == catalogue(language).read_bytes()


def test_a_damaged_translation_is_seen(tmp_path):
    """The tests above would fail on a text that is missing."""
    entries = read_po(TRANSLATIONS / "de.po")
    del entries["New layer"]
    write_mo(entries, tmp_path / "de" / "LC_MESSAGES" / "impasto.mo")
    translation = gettext.translation("impasto", tmp_path, ["de"])
    assert translation.gettext("New layer") == "New layer"
    assert translation.gettext("New image") == "Neues Bild"


@pytest.mark.parametrize("language", ["en", *LANGUAGES])
def test_every_control_of_the_dialog_has_a_letter_of_its_own(language):
    """Two controls with one underlined letter: the key reaches neither at once."""
    translation = gettext.translation("impasto", SOURCES / "locale", [language], fallback=language == "en")
    labels = [translation.gettext(text) for text in texts() if "_" in text.replace("starry_night", "")]
    assert len(labels) == 14  # the menu's entry among them
    labels.remove(translation.gettext("_Neural Style…"))
    letters = [label[label.index("_") + 1].lower() for label in labels]
    assert len(set(letters)) == len(letters), sorted(zip(letters, labels, strict=True))
    assert not set(letters) & set(BUTTONS[language])
