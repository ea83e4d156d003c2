"""Albums: Telegram sends each picture by itself, and what was written below them with the first alone."""

from __future__ import annotations

from collections import OrderedDict

from telegram import Message

REMEMBERED = 1000  # albums; their pictures follow one another within seconds


class Albums:
    """What was written below albums, for their other pictures.

    It is kept in memory alone. A crash in the middle of an album forgets it: the rest is taken for
    photographs, of which a person is asked the style, or in a group passed over.
    """

    def __init__(self) -> None:
        self.words: OrderedDict[tuple[int, int, str], str] = OrderedDict()

    def words_of(self, message: Message, words: str) -> str:
        """The words that hold for a picture: its own, or those of the album that it belongs to."""
        if message.media_group_id is None or message.from_user is None:
            return words
        key = (message.chat_id, message.from_user.id, message.media_group_id)
        if words:
            self.words[key] = words
            while len(self.words) > REMEMBERED:
                self.words.popitem(last=False)
        return words or self.words.get(key, "")
