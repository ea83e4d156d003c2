"""Texts by language: a person's own choice, or what their Telegram says, or English."""

from __future__ import annotations

from typing import Any

from . import texts_en, texts_ru, texts_zh

LANGUAGES = {"en": texts_en, "ru": texts_ru, "zh": texts_zh}
STYLE_WORDS = ("style", "стиль", "风格", "風格")  # captions that make a picture a person's own style


def language_for(code: object) -> str:
    """The language for an IETF tag such as `zh-hans`; English for one that is not here."""
    short = code.lower().partition("-")[0] if isinstance(code, str) else ""
    return short if short in LANGUAGES else "en"


def span(language: str, seconds: float) -> str:
    """A span of time in whole hours, where it is some, or else in minutes, one at least."""
    if seconds >= 7200 and seconds % 3600 == 0:
        return text(language, "span_hours", number=round(seconds / 3600))
    return text(language, "span_minutes", number=max(1, round(seconds / 60)))


def text(language: str, key: str, **fields: Any) -> str:
    """A text with its fields filled in."""
    return LANGUAGES[language_for(language)].TEXTS[key].format(**fields)
