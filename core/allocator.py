"""What becomes of arrays that the process has let go: kept for the next ones, or given back at once.

    one_arena()                # before the backend is imported
    keep()
    step()
    step()                     # finds its arrays where the first left them
    as_usual()

Each page that comes anew from the system is fetched by an interrupt and filled with zeros. glibc's `malloc`
gives arrays of more than 32 MB back whenever they are freed, so that a step of `vgg_mini` at 1024 pixels may
fetch 1.4 million pages: half its time on a virtual machine (docs/performance.md). Kept memory costs none of
that, and lies in pieces: a step holds somewhat more. Elsewhere than under glibc nothing happens.
"""

import ctypes
import math
import platform
from functools import cache

from .host import resident_memory

# Of glibc's malloc.h.
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MMAP_MAX, _ARENA_MAX = -1, -3, -4, -8
_MEGABYTE = 1 << 20

_most: float | None = None  # bytes that may be held while freed memory is kept; None where it is not


@cache
def can_keep() -> bool:
    """Whether this process's allocator can be told."""
    return platform.libc_ver()[0] == "glibc" and hasattr(ctypes.CDLL(None), "mallopt")


def _set(*options: tuple[int, int]) -> None:
    if can_keep():
        for option, value in options:
            ctypes.CDLL(None).mallopt(option, value)


def one_arena() -> None:
    """Lets all threads that start from now on share one heap, the only one that can keep large arrays."""
    _set((_ARENA_MAX, 1))


def keep(most: float = math.inf) -> None:
    """Keeps whatever is freed from now on for later arrays.

    Args:
        most: bytes that the process may hold before `tidy` gives back what is not in use.
    """
    global _most
    _most = most
    _set((_MMAP_MAX, 0), (_TRIM_THRESHOLD, -1))


def tidy() -> None:
    """Gives back what is kept and not in use, where that has become too much; keeping goes on."""
    if _most is not None and resident_memory() > _most:
        _trim()


def give_back() -> None:
    """Gives back what was kept, and from now on arrays of a megabyte and more as soon as they are freed.

    glibc itself would keep freed ones of up to 32 MB for later ones, which seldom fit: tiles of many shapes
    would hold half as much again as they use.
    """
    _keep_no_more(_MEGABYTE)


def as_usual() -> None:
    """Gives back what was kept, and does from now on as glibc does in the end: up to 32 MB are kept."""
    _keep_no_more(32 * _MEGABYTE)


def _keep_no_more(least: int) -> None:
    """Gives back what was kept, and from now on arrays of so many bytes when they are freed."""
    global _most
    _most = None
    _set((_MMAP_MAX, 1 << 16), (_MMAP_THRESHOLD, least), (_TRIM_THRESHOLD, 2 * least))
    _trim()


def _trim() -> None:
    if can_keep():
        ctypes.CDLL(None).malloc_trim(0)
