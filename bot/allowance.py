"""One limit in bytes for all that is downloaded at the same moment."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Allowance:
    """So many bytes; who wants more than are free waits. One larger than all goes alone."""

    def __init__(self, most: int):
        self.most = self.free = most
        self.changed = asyncio.Condition()

    @asynccontextmanager
    async def of(self, number: int) -> AsyncIterator[None]:
        """Holds so many bytes for as long as the block runs."""
        number = min(number, self.most)
        async with self.changed:
            await self.changed.wait_for(lambda: self.free >= number)
            self.free -= number
        try:
            yield
        finally:
            self.free += number
            async with self.changed:
                self.changed.notify_all()
