"""The buttons below messages, and names of styles as people read them."""

from __future__ import annotations

from collections.abc import Sequence

from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from .callbacks import Tap
from .job import Job
from .people import OwnStyle
from .texts import LANGUAGES, language_for, text

STRENGTHS = (0.2, 0.35, 0.5, 0.65, 0.8)


def style_title(name: str, language: str, own: Sequence[OwnStyle] = ()) -> str:
    """`starry_night` as "Starry Night" or 星夜; an own style by its own name."""
    if not name.startswith("own:"):
        return LANGUAGES[language_for(language)].STYLES.get(name) or name.replace("_", " ").title()
    numbers = {f"own:{style.number}": style.name for style in own}
    return numbers.get(name) or text(language, "own_style", number="")


def styles_title(job: Job, own: Sequence[OwnStyle] = ()) -> str:
    """The styles of a job, in words."""
    return " + ".join(style_title(name, job.language, own) for name in job.style_list)


def result_caption(job: Job, own: Sequence[OwnStyle] = ()) -> str:
    """What stands below a picture that was delivered."""
    key = "done_full" if job.kind == "full" else "done"
    notice = f"\n{text(job.language, job.notice)}" if job.notice else ""
    return text(job.language, key, style=styles_title(job, own)) + notice


def gallery_list(gallery: Sequence[str], language: str) -> str:
    """The gallery's names, numbered as on the sheet."""
    return "\n".join(f"{number}. {style_title(name, language)}" for number, name in enumerate(gallery, 1))


def gallery_keyboard(
    job: Job,
    gallery: Sequence[str],
    own: Sequence[OwnStyle],
    action: str = "style",
    back: str | None = None,
) -> InlineKeyboardMarkup:
    """A button for each style, numbered as on the sheet.

    Args:
        job: whose style is chosen.
        gallery: names of the gallery's styles.
        own: the person's own.
        action: `style`, or `with` to mix.
        back: None for no way back; otherwise how the picture is shown, `circle` or an empty text.
    """
    titles = [f"{number}. {style_title(name, job.language)}" for number, name in enumerate(gallery, 1)]
    names = [*gallery, *(f"own:{style.number}" for style in own)]
    titles += [style_title(name, job.language, own) for name in names[len(gallery) :]]
    buttons = [
        (title, Tap(action, job.message, job.round, name)) for title, name in zip(titles, names, strict=True)
    ]
    rows = [buttons[i : i + 2] for i in range(0, len(buttons), 2)]
    if back is not None:
        rows.append([(text(job.language, "button_back"), Tap("back", job.message, job.round, back))])
    return _keyboard(rows)


def result_keyboard(job: Job, *, circle: bool = False) -> InlineKeyboardMarkup:
    """What can be done with a picture that was delivered."""

    def button(key: str, action: str) -> tuple[str, Tap]:
        word = "circle" if circle and action in ("other", "mix") else ""  # the way back leads there
        return text(job.language, f"button_{key}"), Tap(action, job.message, job.round, word)

    keep = ("take", "colours") if job.colours == "keep" else ("keep", "colours")
    seen = ("square", "square") if circle else ("circle", "circle")
    return _keyboard(
        [
            [button("other", "other"), button("mix", "mix")],
            [button("softer", "softer"), button("stronger", "stronger")],
            [button(*keep), button(*seen)],
            [button("full", "full"), button("how", "how")],
        ]
    )


def cancel_keyboard(job: Job) -> InlineKeyboardMarkup:
    """The one button of a job in the queue or at work."""
    _, _, rest = job.id.partition(f"{job.chat}:{job.message}")
    tap = Tap("cancel", job.message, job.round, rest.removeprefix(":"))
    return _keyboard([[(text(job.language, "button_cancel"), tap)]])


def percent(language: str, share: float) -> str:
    """A share of one as people write it: 35% or, in Russian, 35 %."""
    return text(language, "percent", number=round(100 * share))


def settings_keyboard(language: str, person: int) -> InlineKeyboardMarkup:
    """Strength, colours and language; for that person alone, as are the two below."""
    strengths = [(percent(language, one), Tap("set", person, word=f"strength:{one}")) for one in STRENGTHS]
    colours = [
        (text(language, f"button_{key}"), Tap("set", person, word=f"colours:{value}"))
        for key, value in (("take", "style"), ("keep", "keep"))
    ]
    languages = [
        (module.NAME, Tap("set", person, word=f"language:{code}")) for code, module in LANGUAGES.items()
    ]
    return _keyboard([strengths, colours, languages])


def own_styles_keyboard(styles: Sequence[OwnStyle], person: int) -> InlineKeyboardMarkup:
    """A button for each own style, to forget it."""
    return _keyboard([[(f"✖ {style.name}", Tap("drop", person, word=str(style.number)))] for style in styles])


def delete_keyboard(language: str, person: int) -> InlineKeyboardMarkup:
    """The one button that deletes everything."""
    return _keyboard([[(text(language, "button_delete"), Tap("erase", person))]])


def _keyboard(rows: Sequence[Sequence[tuple[str, Tap]]]) -> InlineKeyboardMarkup:
    return InlineKeyboardMarkup(
        [[InlineKeyboardButton(label, callback_data=str(tap)) for label, tap in row] for row in rows]
    )
