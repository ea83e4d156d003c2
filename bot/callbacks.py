"""What a button carries: `1|action|message|round|word`, at most 64 bytes, and nothing to be trusted.

The chat is the tapped message's own, so a button can only ever name a job of its chat; whose job it
is, and whether it is still at that round, is looked up. Buttons for what is a person's own (`set`,
`drop`, `erase`) carry the person's number in the message's place, so that nobody else in a group
changes or deletes by them what is their own.
"""

from __future__ import annotations

from dataclasses import dataclass

VERSION = "1"
MOST_BYTES = 64  # Bot API, InlineKeyboardButton

ACTIONS = {
    "style": "paint in the style named",
    "other": "show the styles again",
    "mix": "show the styles, to mix one with the present",
    "with": "paint in the present style mixed with the one named",
    "back": "show the result's buttons again",
    "softer": "less style",
    "stronger": "more style",
    "colours": "keep the photograph's colours, or take the style's",
    "circle": "show the picture as the circle will cut it",
    "square": "show the picture whole",
    "full": "paint the whole photograph and send it as a document",
    "how": "say how to set it as profile picture",
    "cancel": "stop this job",
    "set": "change one of the person's settings",
    "drop": "forget an own style",
    "erase": "delete everything of the person's",
}


@dataclass(frozen=True)
class Tap:
    """A button's data, read."""

    action: str
    message: int = 0
    round: int = 0
    word: str = ""

    def __str__(self) -> str:
        """The data to send.

        Raises:
            ValueError: it would be longer than Telegram takes.
        """
        data = f"{VERSION}|{self.action}|{self.message}|{self.round}|{self.word}"
        if len(data.encode()) > MOST_BYTES:
            raise ValueError(data)
        return data


def read_tap(data: object) -> Tap | None:
    """Reads a button's data; None for whatever is no data of ours."""
    parts = data.split("|") if isinstance(data, str) and len(data) <= MOST_BYTES else []
    if len(parts) != 5 or parts[0] != VERSION or parts[1] not in ACTIONS:
        return None
    if not all(part.isascii() and part.isdecimal() and len(part) < 17 for part in parts[2:4]):
        return None
    return Tap(parts[1], int(parts[2]), int(parts[3]), parts[4])
