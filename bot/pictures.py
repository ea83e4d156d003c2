"""Where pictures lie: a folder, or an S3-compatible store; bot and workers see the same.

fsspec is the door, so `/srv/impasto`, `s3://bucket/impasto` and others are one to us.
"""

from __future__ import annotations

import errno
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import fsspec

from impasto.core.errors import UsageError


class Pictures:
    """A store of files by key, such as `17/17_4/source`.

    Args:
        url: a folder or an fsspec URL.

    Raises:
        UsageError: a protocol that fsspec does not know, or whose package is missing.
    """

    def __init__(self, url: str):
        try:
            self.system, self.root = fsspec.core.url_to_fs(url)
        except (ImportError, ValueError) as error:
            raise UsageError(
                f"Pictures are kept in a folder or a store that fsspec knows ({error}). Received: "
                f"{url.partition(':')[0]}:…"  # the rest may hold a password
            ) from None
        self.is_local = "file" in _protocols(self.system)
        if self.is_local:
            Path(self.root).mkdir(parents=True, exist_ok=True, mode=0o700)

    def put(self, key: str, data: bytes) -> None:
        """Stores bytes: all of them, or nothing."""
        path = self._path(key)
        if not self.is_local:
            with _failing_like_a_disk():
                self.system.pipe_file(path, data)  # object stores show whole objects only
            return
        self._put_beside(path, lambda beside: beside.write_bytes(data))

    def _put_beside(self, path: str, write: Callable[[Path], object]) -> None:
        beside = Path(f"{path}.{secrets.token_hex(4)}.part")
        try:
            beside.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            try:
                write(beside)
            except FileNotFoundError:  # the folder was empty yet, and swept
                beside.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                write(beside)
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)

    def put_file(self, key: str, source: Path) -> None:
        """Stores a file's contents, piece by piece: all of them, or nothing."""
        path = self._path(key)
        if not self.is_local:
            with _failing_like_a_disk():
                self.system.put_file(str(source), path)
            return
        self._put_beside(path, lambda beside: shutil.copyfile(source, beside))

    def get_file(self, key: str, target: Path) -> None:
        """Writes what is stored into a file, piece by piece.

        Raises:
            FileNotFoundError: it was deleted.
            OSError: the disk or the store failed.
        """
        path = self._path(key)
        with _failing_like_a_disk():
            self.system.get_file(path, str(target))

    def get(self, key: str) -> bytes:
        """A file's bytes.

        Raises:
            FileNotFoundError: it was deleted.
            OSError: the disk or the store failed.
        """
        path = self._path(key)
        with _failing_like_a_disk():
            return self.system.cat_file(path)

    def delete(self, key: str) -> None:
        """Deletes a file, or a folder with all in it; one that is not there is passed over.

        A folder that is empty then goes too: its name is a person's number.
        """
        path = self._path(key)
        with _failing_like_a_disk(), suppress(FileNotFoundError):  # another may delete it just now
            self.system.invalidate_cache()
            if self.system.exists(path):
                self.system.rm(path, recursive=True)
        if self.is_local:
            with suppress(OSError):  # not empty, or another deleted it
                for folder in Path(path).relative_to(self.root).parents[:-1]:
                    Path(self.root, folder).rmdir()

    def folders(self) -> list[str]:
        """The folders of all jobs: `person/chat_message`."""
        self.system.invalidate_cache()
        found = []
        for person in self._names(self.root):
            found += [f"{person}/{name}" for name in self._names(f"{self.root}/{person}")]
        return found

    def _names(self, path: str) -> list[str]:
        rows: list[object] = []
        with _failing_like_a_disk(), suppress(FileNotFoundError):  # another may delete it just now
            if self.system.isdir(path):
                rows = self.system.ls(path, detail=False)
        return [str(row).rstrip("/").rpartition("/")[2] for row in rows]

    def _path(self, key: str) -> str:
        if ".." in key.split("/") or key.startswith("/"):
            raise ValueError(key)
        return f"{self.root}/{key}"


@contextmanager
def _failing_like_a_disk() -> Iterator[None]:
    """A store's client has exceptions of its own; a store that is out of reach is one kind to us."""
    try:
        yield
    except OSError:
        raise
    except Exception as error:
        raise OSError(errno.EIO, f"the picture store failed: {type(error).__name__}") from error


def _protocols(system: fsspec.AbstractFileSystem) -> tuple[str, ...]:
    protocol = system.protocol
    return (protocol,) if isinstance(protocol, str) else tuple(protocol)
