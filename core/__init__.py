"""The engine: pictures in, pictures out."""

from .telemetry import switch_off

switch_off()
