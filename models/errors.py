"""The errors that Impasto raises for what a user can put right.

Each carries one line: what happened, what was expected, what to do. The command line prints
that line and exits with `exit_status`; a program catches `ImpastoError`.
"""


class ImpastoError(Exception):
    """The work could not be done: exit status 1."""

    exit_status = 1


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
