"""Installs the project's four folders as ``impasto.core``, ``.models``, ``.plugin`` and ``.bot``.

The folders stay at the top of the repository, where people look for them, and nothing called
``core`` or ``models`` lands in anybody's site-packages. Everything else is in ``pyproject.toml``.
"""

from setuptools import setup

FOLDERS = ("core", "models", "plugin", "bot")

setup(
    package_dir={f"impasto.{folder}": folder for folder in FOLDERS} | {"impasto.core.cli": "core/cli"},
    packages=[*(f"impasto.{folder}" for folder in FOLDERS), "impasto.core.cli"],
    include_package_data=False,  # package_data says it all; folders of data are no packages
    package_data={
        "impasto.models": ["*.npz", "*.md", "gallery/*", "gallery/previews/*", "painters/*"],
        "impasto.bot": ["examples/*.jpg"],
        "impasto.plugin": [
            "gimp2/*.py",
            "gimp3/impasto/*.py",
            "gimp3/impasto/locale/*/LC_MESSAGES/*.mo",
        ],
    },
)
