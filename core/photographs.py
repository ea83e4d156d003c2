"""Photographs to train on: a folder's, read when they are needed, or a TensorFlow Datasets collection's.

A folder may hold a hundred thousand pictures, so they are opened one by one, the latest kept. One
that cannot be read is told of once, and the next readable one stands in for it: always the same,
so that a resumed run sees what an uninterrupted one sees.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from PIL import Image

from .crops import Folder, read_photograph
from .errors import ImpastoError, PictureError, UsageError
from .picture_formats import pictures_in, usual_endings

PREFIX = "tfds:"
LARGEST = 640  # COCO's longest side; larger pictures are reduced to it
KEPT_BYTES = 600 << 20  # of decoded pictures
FROM_TFDS = 4096  # pictures taken of a collection, which has no order to come back to


class Photographs(Sequence):
    """Pictures by number, decoded on demand.

    Args:
        paths: their files.
        on_unreadable: called once with each path that cannot be read.

    Attributes:
        unreadable: the numbers of those found so far.
    """

    def __init__(self, paths: Sequence[Path], on_unreadable: Callable[[Path], None] = lambda _: None):
        self.paths, self.on_unreadable = list(paths), on_unreadable
        self.unreadable: set[int] = set()
        self._kept: dict[int, Image.Image] = {}
        self._bytes = 0
        self._lock = Lock()  # crops are cut by several threads

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, number: Any) -> Any:
        if not 0 <= number < len(self):
            raise IndexError(number)
        for candidate in (*range(number, len(self)), *range(number)):
            if candidate not in self.unreadable and (picture := self._read(candidate)):
                return picture
        raise ImpastoError(
            f"No picture can be read any more; check the folder. Received: {len(self)} unreadable pictures, "
            f"the first {self.paths[0]}"
        )

    def _read(self, number: int) -> Image.Image | None:
        if kept := self._kept.get(number):
            return kept
        path = self.paths[number]
        try:
            picture = read_photograph(path, LARGEST)
        except PictureError:
            self.unreadable.add(number)
            self.on_unreadable(path)
            return None
        with self._lock:
            if number not in self._kept:
                self._bytes += 3 * picture.width * picture.height
            while self._kept and self._bytes > KEPT_BYTES:
                oldest = self._kept.pop(next(iter(self._kept)))
                self._bytes -= 3 * oldest.width * oldest.height
            self._kept[number] = picture
        return picture


def open_photographs(
    sources: Sequence[str | os.PathLike[str]],
    held_out: int,
    on_unreadable: Callable[[Path], None] = lambda _: None,
) -> tuple[Folder, list[Image.Image]]:
    """The photographs to train on, and those held out.

    Which are held out depends on the sources alone, never on a run's seed: curves of several runs
    over the same photographs are measured on the same pictures.

    Args:
        sources: folders, searched recursively, or `tfds:NAME` such as `tfds:coco/2017`.
        held_out: how many to hold out; at most a quarter of all.
        on_unreadable: called once with each path that cannot be read.

    Raises:
        UsageError: a folder does not exist or holds no picture, or there are fewer than two; or
            TensorFlow Datasets is asked for and not installed, or does not know the name.
    """
    paths: list[Path] = []
    collected: list[Image.Image] = []
    for source in sources:
        if str(source).startswith(PREFIX):
            collected += _from_tfds(str(source).removeprefix(PREFIX))
            continue
        folder = Path(source).expanduser()
        if not folder.is_dir():
            raise UsageError(f"Expected a folder of photographs, or tfds:NAME. Received: {source}")
        found = pictures_in(folder, below=True)
        if not found:
            raise UsageError(
                f"No picture in the folder; put photographs ({usual_endings()}) there. Received: {source}"
            )
        paths += found
    total = len(paths) + len(collected)
    tell = _once(on_unreadable)
    if total < 2:
        raise UsageError(f"Two photographs or more are needed, one of them held out. Received: {total}")
    drawn = np.random.default_rng(0).permutation(total)
    count = min(held_out, max(1, total // 4))
    everything = _Joined(Photographs(paths, tell), collected)
    held: list[Image.Image] = []
    taken = 0
    while len(held) < count and taken < total - 1:
        if picture := everything.read(int(drawn[taken])):
            held.append(picture)
        taken += 1
    rest = [int(number) for number in sorted(drawn[taken:])]
    if not held or not any(everything.read(number) for number in rest):
        raise UsageError(
            f"No readable photograph to train on; check the pictures. "
            f"Received: {', '.join(map(str, sources))}"
        )
    training = Photographs([paths[number] for number in rest if number < len(paths)], tell)
    more = [collected[number - len(paths)] for number in rest if number >= len(paths)]
    pictures: Sequence[Image.Image] = _Joined(training, more) if more else training
    return Folder(pictures), held  # type: ignore[arg-type]  # a sequence will do


def _once(function: Callable[[Path], None]) -> Callable[[Path], None]:
    """A function that passes each path on the first time only."""
    seen: set[Path] = set()

    def tell(path: Path) -> None:
        if path not in seen:
            seen.add(path)
            function(path)

    return tell


class _Joined(Sequence):
    """Photographs from files, then pictures in memory."""

    def __init__(self, files: Photographs, pictures: list[Image.Image]):
        self.files, self.pictures = files, pictures

    def __len__(self) -> int:
        return len(self.files) + len(self.pictures)

    def __getitem__(self, number: Any) -> Any:
        return self.files[number] if number < len(self.files) else self.pictures[number - len(self.files)]

    def read(self, number: int) -> Image.Image | None:
        """That picture and no other; None where it cannot be read."""
        if number >= len(self.files):
            return self.pictures[number - len(self.files)]
        return None if number in self.files.unreadable else self.files._read(number)


def _from_tfds(name: str) -> list[Image.Image]:
    """The first pictures of a collection of TensorFlow Datasets, downloaded by it if need be."""
    try:
        import tensorflow_datasets as tfds
    except ImportError:
        raise UsageError(
            "TensorFlow Datasets is not installed: pip install 'impasto[tfds]', or give a folder of "
            f"photographs. Received: {PREFIX}{name}"
        ) from None
    try:
        examples = tfds.load(name, split="train", shuffle_files=False)
        pictures = []
        for example in examples.take(FROM_TFDS).as_numpy_iterator():
            picture = Image.fromarray(np.asarray(example["image"], "uint8").squeeze()).convert("RGB")
            picture.thumbnail((LARGEST, LARGEST), Image.Resampling.LANCZOS)
            pictures.append(picture)
    except Exception as error:  # it raises its own kinds, TensorFlow's and the network's
        raise UsageError(
            "TensorFlow Datasets cannot give these pictures; expected a collection with the feature `image`, "
            f"such as tfds:coco/2017. Received: {PREFIX}{name} ({' '.join(str(error).split())[:160]})"
        ) from None
    return pictures
