"""The engine: pictures in, pictures out."""
