"""The filter's translations: finds its texts, reads the `.po` files and writes what gettext loads.

    python -m impasto.plugin.translating        rewrites every locale/*/LC_MESSAGES/impasto.mo

A translation is plugin/translations/LANGUAGE.po; the format is gettext's, without plurals and contexts,
which the filter does without.
"""

from __future__ import annotations

import ast
import struct
from pathlib import Path

HERE = Path(__file__).parent
SOURCES = HERE / "gimp3" / "impasto"
OLD_SOURCES = HERE / "gimp2"
TRANSLATIONS = HERE / "translations"


def texts() -> list[str]:
    """All texts that the filter translates: the literals in `_("…")`."""
    found = []
    for path in sorted([*SOURCES.glob("*.py"), *OLD_SOURCES.glob("*.py")]):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "_":
                found.append(ast.literal_eval(node.args[0]))
    return sorted(set(found))


def read_po(path: Path) -> dict[str, str]:
    """Texts and their translations; the header is that of the empty text."""
    found: dict[str, str] = {}
    entry: dict[str, str] = {}
    key = ""
    for line in [*path.read_text("utf-8").splitlines(), ""]:
        word, _, rest = line.partition(" ")
        if word in ("msgid", "msgstr"):
            key, entry[word] = word, ast.literal_eval(rest)
        elif line.startswith('"'):
            entry[key] += ast.literal_eval(line)
        elif "msgstr" in entry:
            found[entry["msgid"]] = entry["msgstr"]
            entry = {}
    return found


def write_mo(entries: dict[str, str], path: Path) -> None:
    """Writes a catalogue (gettext's manual, 10.3: The Format of GNU MO Files)."""
    pairs = [(text.encode(), entries[text].encode()) for text in sorted(entries) if entries[text]]
    count = len(pairs)
    start = 28 + 16 * count
    tables, body = [b"", b""], b""
    for side in (0, 1):
        for pair in pairs:
            tables[side] += struct.pack("<II", len(pair[side]), start + len(body))
            body += pair[side] + b"\0"
    header = struct.pack("<7I", 0x950412DE, 0, count, 28, 28 + 8 * count, 0, 0)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(header + tables[0] + tables[1] + body)


def catalogue(language: str) -> Path:
    """Where the filter looks for a language."""
    return SOURCES / "locale" / language / "LC_MESSAGES" / "impasto.mo"


def main() -> None:
    """Writes all catalogues."""
    for path in sorted(TRANSLATIONS.glob("*.po")):
        write_mo(read_po(path), catalogue(path.stem))


if __name__ == "__main__":
    main()
