"""A picture that is not painted, and why."""

from __future__ import annotations

from impasto.core.errors import ImpastoError


class Refused(ImpastoError):
    """A picture that is not painted; `reason` is the key of the text that tells the person why."""

    def __init__(self, reason: str):
        super().__init__(reason)
        self.reason = reason
