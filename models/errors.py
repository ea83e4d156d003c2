"""The errors that Impasto raises for what a user can put right.

Each carries one line: what happened, what was expected, what to do. The command line prints
that line and exits with `exit_status`; a program catches `ImpastoError`.
"""

import re

# Control characters, halves of surrogate pairs, and what turns the direction of writing.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069]")


def printable(text: str) -> str:
    """Returns a text from a file or a name with the characters spelled out that would steer a terminal."""
    return _UNPRINTABLE.sub(lambda found: ascii(found[0])[1:-1], text)


class ImpastoError(Exception):
    """The work could not be done: exit status 1."""

    exit_status = 1

    def __str__(self) -> str:
        return printable(super().__str__())


class UsageError(ImpastoError):
    """The request itself is wrong (an unknown name, a bad number): exit status 2."""

    exit_status = 2


class WeightsError(ImpastoError):
    """A weight file is missing, damaged, of another network, or could not be fetched."""


class PictureError(ImpastoError):
    """A picture cannot be read, is too small or too large, or cannot be written."""


class PictureTooLarge(PictureError):
    """A picture has more pixels than are read."""


class NotEnoughMemory(ImpastoError, MemoryError):
    """The picture takes more memory than there is, or than is allowed."""


class Cancelled(ImpastoError):
    """The user stopped the work: exit status 130, as a shell gives for Ctrl-C."""

    exit_status = 130
