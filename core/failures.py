"""What kind of failure an exception is, in whichever backend's words it comes."""

from __future__ import annotations

from .errors import PictureError, UsageError, WeightsError


def out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out: Python's exception for that, a backend's or ONNX Runtime's."""
    kinds = {kind.__name__ for kind in type(error).__mro__}
    words = ("RESOURCE_EXHAUSTED", "Failed to allocate memory", "bad allocation", "std::bad_alloc")
    return bool(kinds & {"MemoryError", "ResourceExhaustedError", "OutOfMemoryError"}) or any(
        word in str(error) for word in words
    )


def kind_of(error: BaseException) -> str:
    """`usage`, `weights`, `disk`, `picture`, `memory` or, for a fault of Impasto's, `internal`."""
    if isinstance(error, UsageError):
        return "usage"
    if isinstance(error, WeightsError):
        return "weights"
    if isinstance(error, PictureError):
        # Pillow reports damage by an OSError too, but only the system's have a number.
        return "disk" if isinstance(cause := error.__cause__, OSError) and cause.errno else "picture"
    return "memory" if out_of_memory(error) else "internal"
