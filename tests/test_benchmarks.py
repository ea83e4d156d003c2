"""The benchmarks take from the package only what is there: they run rarely, and would break unnoticed."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parent.parent / "benchmarks"
SCRIPTS = sorted(FOLDER.glob("*.py"))


def taken(script: Path) -> list[tuple[str, str]]:
    """(module, name) of every `from impasto... import name`."""
    tree = ast.parse(script.read_text())
    return [
        (node.module, alias.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("impasto")
        for alias in node.names
    ]


def test_there_are_benchmarks_that_use_the_package():
    assert len([script for script in SCRIPTS if taken(script)]) > 5


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_what_a_benchmark_takes_is_there(script):
    missing = [f"{module}.{name}" for module, name in taken(script) if not exists(module, name)]
    assert not missing


def exists(module: str, name: str) -> bool:
    return hasattr(importlib.import_module(module), name)
