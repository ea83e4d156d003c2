"""How to divide a picture."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Plan:
    points: tuple[int, ...]
    tiles: tuple[tuple[int, int], ...]
    maps_on_disk: bool = False
    content_on_disk: bool = False
    band_values: int = 1 << 24

    @property
    def last_is_whole(self) -> bool:
        return self.tiles[-1] == (1, 1)
