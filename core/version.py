"""Which version of Impasto this is."""

from importlib import metadata


def version() -> str:
    """The installed version, or `unknown` where the package was not installed."""
    try:
        return metadata.version("impasto")
    except metadata.PackageNotFoundError:
        return "unknown"
