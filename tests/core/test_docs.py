"""What the documentation tells of defaults is what the code does."""

import re
from dataclasses import fields
from pathlib import Path

from impasto.core.recipes import RECIPES, Settings

PAGE = Path(__file__).parents[2] / "docs" / "recipes.md"


def shown(value):
    """A value as the page's table writes it."""
    if value is None:
        return "the network's"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return " ".join(map(shown, value))
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def test_the_table_of_settings_is_the_code():
    page = PAGE.read_text(encoding="utf-8").split("## All settings")[1]
    rows = re.findall(r"^\| `(\w+)` \|(.*)\|$", page, re.M)
    table = {name: [cell.strip() for cell in cells.split("|")] for name, cells in rows}
    expected = {
        field.name: [shown(getattr(recipe, field.name)) for recipe in RECIPES.values()]
        for field in fields(Settings)
        if field.name != "recipe"
    }
    assert table == expected
