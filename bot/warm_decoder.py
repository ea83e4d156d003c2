"""Imported by the server of a worker's decoding processes, once, so that none of them has to."""

from . import preparing  # noqa: F401
from .faces import (
    find_faces,  # noqa: F401
    load_detector,
)

load_detector()
