"""Which picture a message brings, and whether it is within the limits before a byte of it is fetched."""

from __future__ import annotations

import mimetypes
from dataclasses import dataclass

from telegram import Document, Message

from impasto.core.picture_formats import named_as_picture

from .decoding import check_extent
from .refused import Refused
from .settings import BotSettings


@dataclass(frozen=True)
class Attachment:
    """A file at Telegram."""

    file_id: str
    media: str
    bytes: int = 0
    width: int = 0
    height: int = 0


def attachment_of(message: Message | None, settings: BotSettings) -> Attachment | None:
    """The picture of a message: photo, document, animation, video or sticker; None if it has none.

    A video too large to be fetched is stood for by its thumbnail, which is its first frame.
    """
    if message is None:
        return None
    if message.photo:
        photo = max(message.photo, key=lambda size: size.width * size.height)
        return Attachment(photo.file_id, "photo", photo.file_size or 0, photo.width, photo.height)
    moving = message.animation or message.video or message.video_note
    if moving:
        width = getattr(moving, "width", 0) or getattr(moving, "length", 0)
        height = getattr(moving, "height", 0) or getattr(moving, "length", 0)
        thumbnail = moving.thumbnail
        if thumbnail and (moving.file_size or 0) > settings.max_bytes:
            return Attachment(thumbnail.file_id, "video", 0, thumbnail.width, thumbnail.height)
        return Attachment(moving.file_id, "video", moving.file_size or 0, width, height)
    if message.sticker:
        sticker = message.sticker
        if sticker.is_animated or sticker.is_video:
            small = sticker.thumbnail
            return Attachment(small.file_id, "video", 0, small.width, small.height) if small else None
        return Attachment(sticker.file_id, "photo", sticker.file_size or 0, sticker.width, sticker.height)
    document = message.document
    family = _family(document) if document else ""
    if document and family in ("image", "video"):
        media = "video" if family == "video" else "document"
        return Attachment(document.file_id, media, document.file_size or 0)
    return None


def _family(document: Document) -> str:
    """`image` of `image/png`; by the file's name where the sender's app did not know."""
    kind = document.mime_type or ""
    if kind in ("", "application/octet-stream"):
        name = document.file_name or ""  # not every system's list of kinds has all that are read
        kind = "image/*" if named_as_picture(name) else mimetypes.guess_type(name)[0] or ""
    return kind.partition("/")[0]


def check(attachment: Attachment, settings: BotSettings) -> None:
    """Refuses what is over the limits by what Telegram says of it.

    Raises:
        Refused: with the reason.
    """
    if attachment.bytes > settings.max_bytes:
        raise Refused("too_large_file")
    if attachment.width and attachment.height:
        check_extent(attachment.width, attachment.height, settings.max_pixels, settings.max_ratio)
