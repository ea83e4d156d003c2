"""Fetches a network's published weights into Keras's cache, whole or not at all.

    from impasto.models.download import download
    download("vgg19")

The address is the one that the installed Keras itself uses; the environment variable
`IMPASTO_WEIGHTS_URL` (a folder's address) puts a mirror in its place.
"""

import contextlib
import hashlib
import importlib
import os
import queue
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

from .errors import UsageError, WeightsError
from .register import Network, find_network
from .weights import cache_folder, locate

TIMEOUT = 5.0  # seconds without a byte after which a transfer counts as stalled
CHUNK = 1 << 18
ABANDONED = 3600.0  # seconds after which a partial file that nobody writes to is cleared away


def download(
    network: str | Network,
    *,
    url: str | None = None,
    timeout: float = TIMEOUT,
    on_progress: Callable[[int, int | None], None] = lambda *_: None,
) -> Path:
    """Downloads a network's weights to the place where Keras and Impasto look for them.

    The bytes go to a file of a name of its own beside the target; only when all are there and their
    hash is the published one does it take the target's name. So nothing half-fetched is ever found
    in the cache, and two downloads at once do not meet.

    Args:
        network: a network of the register, or its name.
        url: address of a folder that holds the file; `IMPASTO_WEIGHTS_URL` or else Keras's own by default.
        timeout: seconds to wait for the connection, and for each further byte.
        on_progress: called with (bytes so far, bytes in all or None where the server does not say).

    Returns:
        The weight file. Where it was already there and intact, nothing is fetched.

    Raises:
        UsageError: there is no such network, or it is bundled.
        WeightsError: the file could not be fetched, is not the published one, or cannot be written.
    """
    network = find_network(network) if isinstance(network, str) else network
    if network.bundled or network.md5 is None:
        raise UsageError(
            f"{network.name} comes with Impasto; there is nothing to download. Received: {network.name!r}"
        )
    place = locate(network)
    if place.state == "cache":
        return place.path
    address = _address(network, url)
    target = cache_folder() / network.file
    partial = target.with_name(f".{network.file}.{uuid.uuid4().hex}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _clear_abandoned(target)
        with open(partial, "xb") as file:
            received = _fetch(network, address, file, timeout, on_progress)
        if received != network.md5:
            raise WeightsError(
                f"The download is not {network.title}'s published file: expected MD5 {network.md5}."
                f" Try again, or another mirror. Received: {received} from {address}"
            )
        os.replace(partial, target)
    except OSError as error:
        raise WeightsError(
            f"The weights cannot be written ({error.strerror or error}). Make room there, or set"
            f" KERAS_HOME to another folder. Received: {target.parent}"
        ) from None
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
    return target


def _address(network: Network, url: str | None) -> str:
    base = url or os.environ.get("IMPASTO_WEIGHTS_URL")
    if base:
        return f"{base.rstrip('/')}/{network.file}"
    try:
        return importlib.import_module(f"keras.src.applications.{network.name}").WEIGHTS_PATH_NO_TOP
    except (ImportError, AttributeError):
        raise WeightsError(
            "The installed Keras does not say where it keeps its weights. Give a folder's address with"
            f" IMPASTO_WEIGHTS_URL, or the file itself with --weights. Received: {network.name!r}"
        ) from None


def _fetch(network: Network, address: str, file: Any, timeout: float, on_progress: Callable) -> str:
    """Writes the transfer to an open file and returns its MD5."""
    md5, done, total = hashlib.md5(usedforsecurity=False), 0, None
    with contextlib.closing(_stream(address, timeout)) as stream:
        for item in stream:
            if isinstance(item, int):
                total = item
                continue
            file.write(item)
            md5.update(item)
            done += len(item)
            if done > 2 * network.size:
                raise WeightsError(
                    f"The server sends too much; expected {network.size / 1e6:.0f} MB."
                    f" Received: {done / 1e6:.0f} MB and more from {address}"
                )
            on_progress(done, total)
    if total is not None and done < total:
        raise WeightsError(
            f"The download broke off; expected {total:,} bytes. Try again."
            f" Received: {done:,} bytes from {address}"
        )
    return md5.hexdigest()


def _stream(address: str, timeout: float) -> Generator[bytes | int, None, None]:
    """Yields the length, if known, and then the pieces of a transfer.

    The transfer runs in a thread of its own, because no socket timeout covers the look-up of a name
    or a server that answers one header at a time: whatever the cause, silence ends the wait.
    """
    pieces: queue.Queue = queue.Queue(maxsize=16)
    stopped = threading.Event()

    def put(item: Any) -> None:
        while not stopped.is_set():
            with contextlib.suppress(queue.Full):
                pieces.put(item, timeout=0.1)
                return

    def transfer() -> None:
        try:
            with urllib.request.urlopen(address, timeout=timeout) as response:
                length = response.headers.get("Content-Length", "")
                if length.isdecimal():
                    put(int(length))
                while not stopped.is_set() and (piece := response.read1(CHUNK)):
                    put(piece)
            put(None)
        except Exception as error:  # whatever it is, the main thread must hear of it
            put(error)

    threading.Thread(target=transfer, daemon=True, name="impasto-download").start()
    try:
        while True:
            try:
                item = pieces.get(timeout=timeout)
            except queue.Empty:
                item = TimeoutError()
            if item is None:
                return
            if isinstance(item, Exception):
                raise WeightsError(_explain(item, address, timeout)) from None
            yield item
    finally:
        stopped.set()


def _explain(error: Exception, address: str, timeout: float) -> str:
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(error, urllib.error.HTTPError):
        error.close()
        what = f"the server answered {error.code} {error.reason}"
    elif isinstance(reason, TimeoutError):
        what = f"nothing came for {timeout:g} seconds"
    else:
        what = " ".join(str(reason).split()) or type(reason).__name__
    return (
        "The weights could not be downloaded. Check the connection, or fetch the file elsewhere and pass"
        f" it with --weights FILE. Received: {what}, from {address}"
    )


def _clear_abandoned(target: Path) -> None:
    """Removes what a killed process left: a download that lives was written to a moment ago."""
    for partial in target.parent.glob(f".{target.name}.*.part"):
        with contextlib.suppress(OSError):
            if time.time() - partial.stat().st_mtime > ABANDONED:
                partial.unlink()
