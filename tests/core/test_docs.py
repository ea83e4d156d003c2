"""What the documentation tells of defaults is what the code does."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from impasto.core import recipes
from impasto.core import training_recipes as training

DOCS = Path(__file__).parents[2] / "docs"


def shown(value, name=""):
    """A value as the page's table writes it."""
    if value is None:
        return "the method's" if name == "steps" else "the network's"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return " ".join(map(shown, value))
    return f"{value:.4g}" if isinstance(value, float) else str(value)


PAGES = [DOCS.parent / "README.md", *DOCS.rglob("*.md"), *DOCS.parent.glob("models/**/*.md")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files_and_headings_that_are_there(page):
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.S)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        name, _, heading = link.partition("#")
        if "://" in link:
            continue
        target = page.parent / name if name else page
        assert target.exists(), link
        if heading:
            titles = re.findall(r"^#+ (.*)$", target.read_text(encoding="utf-8"), re.M)
            assert heading in {re.sub(r"[^\w\s-]", "", one).lower().replace(" ", "-") for one in titles}, link


@pytest.mark.parametrize(
    ("page", "heading", "recipes"),
    [("recipes.md", "## All settings", recipes.RECIPES), ("training.md", "## Recipes", training.RECIPES)],
)
def test_the_table_of_settings_is_the_code(page, heading, recipes):
    text = (DOCS / page).read_text(encoding="utf-8").split(heading)[1]
    rows = re.findall(r"^\| `(\w+)` \|(.*)\|$", text, re.M)
    table = {name: [cell.strip() for cell in cells.split("|")] for name, cells in rows}
    names = [field.name for field in fields(next(iter(recipes.values()))) if field.name != "recipe"]
    assert table == {
        name: [shown(getattr(recipe, name), name) for recipe in recipes.values()] for name in names
    }
