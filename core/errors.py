"""The library's errors, by the name under which users of `impasto.core` import them."""

from impasto.models.errors import (
    Cancelled,
    ImpastoError,
    NotEnoughMemory,
    PictureError,
    PictureTooLarge,
    UsageError,
    WeightsError,
    printable,
)

__all__ = [
    "Cancelled",
    "ImpastoError",
    "NotEnoughMemory",
    "PictureError",
    "PictureTooLarge",
    "UsageError",
    "WeightsError",
    "printable",
]
