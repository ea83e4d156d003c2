"""Which pictures a command reads and where each result goes: files, folders, stdin and stdout."""

from __future__ import annotations

import sys
from pathlib import Path

from ..errors import UsageError
from ..images import Picture, check_output, encode_picture, save_picture, saving_notices
from ..picture_formats import pictures_in, usual_endings
from ..picture_writing import make_folder
from .common import tell


class Outputs:
    """The sources of a command and the places of its results, checked before the work.

    Args:
        words: pictures, folders (searched recursively), or `-` for stdin.
        output: a file, a folder, `-` for stdout, or None for files in the current folder.
        labels: what is painted of each source; more than one result needs a folder.
        extension: of results in a folder or on stdout, such as `".png"`.

    Attributes:
        sources: paths, or `"-"`.

    Raises:
        UsageError: a source does not exist, a folder holds no picture, or the results do not fit the output.
    """

    def __init__(self, words: list[str], output: str | None, labels: list[str], extension: str):
        self.sources: list[Path | str] = []
        self._roots: dict[Path | str, Path] = {}
        self._taken: dict[Path, Path | str] = {}  # where results go, and of which source
        for word in words:
            self._add(word)
        if self.sources.count("-") > 1:
            raise UsageError("Standard input holds one picture. Received: - twice")
        self.extension, self.labelled = extension, len(labels) > 1
        several = len(self.sources) * len(labels) > 1
        self.stdout = output == "-"
        path = Path(output) if output and not self.stdout else None
        folder = path is not None and (path.is_dir() or several or not path.suffix)
        self.file = path if path and not folder else None
        self.folder = path if path and folder else Path()
        if self.stdout and several:
            raise UsageError("Standard output takes one picture; give -o FOLDER for several. Received: -o -")
        if several and path and path.suffix and not path.is_dir():
            raise UsageError(f"Several pictures need a folder: -o FOLDER. Received: {output}")
        if self.file:
            check_output(self.file)
        elif not self.stdout:
            make_folder(self.folder)

    def _add(self, word: str) -> None:
        path = Path(word).expanduser()
        if word == "-":
            self.sources.append("-")
        elif path.is_dir():
            found = pictures_in(path, below=True)
            if not found:
                raise UsageError(f"No picture in the folder ({usual_endings()}). Received: {word}")
            self.sources += found
            self._roots |= dict.fromkeys(found, path)
        elif path.is_file():
            self.sources.append(path)
        else:
            raise UsageError(f"Expected a picture, a folder or - for stdin. Received: no file {word}")

    @staticmethod
    def read(source: Path | str) -> Path | bytes:
        """What `load_picture` takes."""
        return sys.stdin.buffer.read() if source == "-" else Path(source)

    def write(self, source: Path | str, label: str, picture: Picture) -> Path | None:
        """Writes one result; returns its path, or None for stdout."""
        if self.stdout:
            sys.stdout.buffer.write(encode_picture(picture, self.extension))
            sys.stdout.buffer.flush()
            return None
        path = self.file or self._place(source, label)
        for notice in (*picture.notices, *saving_notices(picture, path.suffix)):
            tell(notice)
        save_picture(picture, path)
        return path

    def _place(self, source: Path | str, label: str) -> Path:
        """`FOLDER/sub/photo_style.png`; a folder's own subfolders are kept.

        Of two sources with one name, such as `photo.jpg` and `photo.png`, the second becomes
        `photo-2_style.png`.
        """
        if source == "-":
            return self.folder / f"stdin_{label}{self.extension}"
        source = Path(source)
        root = self._roots.get(source)
        below = source.parent.relative_to(root) if root else Path()
        folder, number = make_folder(self.folder / below), 1
        while True:
            stem = source.stem if number == 1 else f"{source.stem}-{number}"
            path = folder / f"{stem}_{label}{self.extension}"
            if self._taken.setdefault(path, source) == source:
                return path
            number += 1
