import contextlib
import hashlib
import socket
import threading
import time
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from impasto.core.features import Extractor
from impasto.models.download import _address, download
from impasto.models.errors import UsageError, WeightsError
from impasto.models.register import NETWORKS, VGG16, VGG19
from impasto.models.weights import cache_folder, locate

BODY = np.random.default_rng(5).bytes(1_000_000)
SMALL = replace(VGG19, size=len(BODY), md5=hashlib.md5(BODY).hexdigest())
QUICK = 0.4  # seconds; stands for the five of the real time-out


class Server(ThreadingHTTPServer):
    """Answers /KIND/FILE in the manner of KIND."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.body, self.requests, self.closing = BODY, [], threading.Event()

    def address(self, kind):
        return f"http://127.0.0.1:{self.server_port}/{kind}"


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        self.server.requests.append(self.path)
        kind = self.path.split("/")[1]
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # the client had enough
            getattr(self, kind)(self.server.body)

    def begin(self, length=None):
        self.send_response(200)
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.end_headers()

    def good(self, body):
        self.begin(len(body))
        self.wfile.write(body)

    def unknown_length(self, body):
        self.begin()
        self.wfile.write(body)

    def redirected(self, _):
        self.send_response(302)
        self.send_header("Location", self.path.replace("redirected", "good"))
        self.end_headers()

    def slow(self, body):
        self.begin(len(body))
        for part in range(8):
            time.sleep(QUICK / 4)
            self.wfile.write(body[part * len(body) // 8 : (part + 1) * len(body) // 8])

    def truncated(self, body):
        self.begin(len(body))
        self.wfile.write(body[: len(body) // 2])

    def corrupt(self, body):
        self.good(body[:5000] + b"\0\0\0\0" + body[5004:])

    def longer(self, body):
        self.good(body + b"x")

    def empty(self, _):
        self.good(b"")

    def html(self, _):
        self.good(b"<html>Please sign in to this network</html>")

    def endless(self, body):
        self.begin()
        while not self.server.closing.is_set():
            self.wfile.write(body)

    def missing(self, _):
        self.send_error(404)

    def failing(self, _):
        self.send_error(503)

    def stalled(self, body):
        self.begin(len(body))
        self.wfile.write(body[:300_000])
        self.server.closing.wait(20)

    def silent(self, _):
        self.server.closing.wait(20)

    def garbage(self, _):
        self.wfile.write(b"this is not HTTP\r\n\r\n")

    def broken_chunks(self, _):
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"ffff\r\nshort")


@pytest.fixture
def server():
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.closing.set()
    server.shutdown()
    thread.join()
    server.server_close()


def cached():
    return sorted(path.name for path in cache_folder().iterdir()) if cache_folder().exists() else []


def fails(url, message, network=SMALL):
    """The download fails in time, with one line, and leaves the cache as it was."""
    before, began = cached(), time.monotonic()
    with pytest.raises(WeightsError, match=message) as error:
        download(network, url=url, timeout=QUICK)
    assert time.monotonic() - began < QUICK + 2
    assert "\n" not in str(error.value) and "Received: " in str(error.value)
    assert cached() == before
    return str(error.value)


# ---------------------------------------------------------------- that arrive


@pytest.mark.parametrize("kind", ["good", "unknown_length", "redirected", "slow"])
def test_good(server, keras_home, kind):
    seen = []
    path = download(
        SMALL, url=server.address(kind) + "/", timeout=QUICK, on_progress=lambda *event: seen.append(event)
    )
    assert path == keras_home / "models" / VGG19.file and path.read_bytes() == BODY
    assert cached() == [VGG19.file]
    assert locate(SMALL).state == "cache"
    done = [event[0] for event in seen]
    assert done == sorted(done) and done[-1] == len(BODY)
    assert {event[1] for event in seen} == {None if kind == "unknown_length" else len(BODY)}
    assert server.requests[0] == f"/{kind}/{VGG19.file}"


def test_from_server_to_features(server, keras_home, publish, make_weights, tmp_path, monkeypatch):
    """The whole way: a file in the published layout, downloaded by name, loaded by name."""
    arrays = make_weights(VGG16)
    server.body = publish(tmp_path / "published.h5", arrays).read_bytes()
    monkeypatch.setitem(NETWORKS, "vgg16", replace(VGG16, md5=hashlib.md5(server.body).hexdigest()))
    monkeypatch.setenv("IMPASTO_WEIGHTS_URL", server.address("good"))
    with pytest.raises(WeightsError, match="impasto models download vgg16"):
        Extractor("vgg16", ["relu1_1"])
    assert not server.requests  # nothing is fetched unasked
    download("vgg16")
    extract = Extractor("vgg16", ["relu1_1"], preprocess=False)
    colour = np.array([0.25, 0.5, 1.0], "float32")
    expected = np.maximum(colour @ arrays["block1_conv1/kernel"].sum((0, 1)) + arrays["block1_conv1/bias"], 0)
    middle = np.asarray(extract(np.full((1, 3, 3, 3), colour))["relu1_1"])[0, 1, 1]
    np.testing.assert_allclose(middle, expected, rtol=1e-4, atol=1e-5)


def test_what_is_there_is_not_fetched_again(server, keras_home):
    for _ in range(2):
        download(SMALL, url=server.address("good"))
    assert len(server.requests) == 1


def test_a_damaged_file_is_replaced(server, keras_home):
    path = cache_folder() / SMALL.file
    path.parent.mkdir(parents=True)
    path.write_bytes(BODY[:-1])
    fails(server.address("truncated"), "broke off")
    assert path.read_bytes() == BODY[:-1]  # a failed attempt takes nothing away
    download(SMALL, url=server.address("good"))
    assert path.read_bytes() == BODY and cached() == [SMALL.file]


def test_downloads_at_once_do_not_meet(server, keras_home):
    results, barrier = [], threading.Barrier(4)

    def work(kind):
        barrier.wait()
        try:
            results.append(download(SMALL, url=server.address(kind), timeout=5).read_bytes() == BODY)
        except WeightsError:
            results.append(kind)

    threads = [threading.Thread(target=work, args=(kind,)) for kind in ("slow", "slow", "slow", "truncated")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(str, results)) == ["True", "True", "True", "truncated"]
    assert cached() == [SMALL.file]


# ---------------------------------------------------------------- that do not


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("truncated", "broke off; expected 1,000,000 bytes.*Received: 500,000 bytes"),
        ("corrupt", f"not VGG-19's published file: expected MD5 {SMALL.md5}"),
        ("longer", "not VGG-19's published file"),
        ("html", "not VGG-19's published file"),
        ("empty", "not VGG-19's published file"),
        ("endless", "sends too much; expected 1 MB"),
        ("missing", "the server answered 404 Not Found"),
        ("failing", "the server answered 503"),
        ("stalled", "nothing came for 0.4 seconds"),
        ("silent", "nothing came for 0.4 seconds"),
        ("garbage", "could not be downloaded"),
        ("broken_chunks", "could not be downloaded"),
    ],
)
def test_bad(server, keras_home, kind, message):
    assert server.address(kind) in fails(server.address(kind), message)


def test_wrong_hash(server, keras_home):
    message = fails(server.address("good"), "expected MD5 0000", replace(SMALL, md5="0" * 32))
    assert SMALL.md5 in message


def test_connection_refused(keras_home):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    fails(f"http://127.0.0.1:{port}", "Connection refused")


def test_a_name_that_nobody_answers_for(keras_home, monkeypatch):
    """No socket time-out covers the look-up of a name, which offline can take half a minute."""
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: time.sleep(3))
    fails("http://weights.invalid", "nothing came for 0.4 seconds")


@pytest.mark.parametrize("url", ["nonsense", "gopher://127.0.0.1", "http://", "http://[::1"])
def test_an_address_that_is_none(keras_home, url):
    fails(url, "could not be downloaded")


def test_a_cache_that_cannot_be_written(server, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "file"))
    with pytest.raises(WeightsError, match=r"cannot be written.*KERAS_HOME"):
        download(SMALL, url=server.address("good"))
    assert not server.requests


def test_no_room(server, keras_home):
    resource = pytest.importorskip("resource")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        fails(server.address("good"), "cannot be written.*Make room")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_interrupted_by_the_user(server, keras_home):
    def interrupt(*_):
        assert len(cached()) == 1  # the partial file, under another name than the target's
        assert SMALL.file not in cached()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download(SMALL, url=server.address("good"), on_progress=interrupt)
    assert cached() == []


def test_what_a_killed_process_left_is_cleared(server, keras_home):
    import os

    cache_folder().mkdir(parents=True)
    old, new = (cache_folder() / f".{SMALL.file}.{name}.part" for name in ("old", "new"))
    for path in (old, new):
        path.write_bytes(b"part")
    os.utime(old, (time.time() - 7200,) * 2)
    download(SMALL, url=server.address("good"))
    assert cached() == [new.name, SMALL.file]


# ---------------------------------------------------------------- addresses


def test_bundled_weights_are_not_downloaded(keras_home):
    with pytest.raises(UsageError, match="vgg_mini comes with Impasto"):
        download("vgg_mini")
    with pytest.raises(UsageError, match="no such network"):
        download("vgg")


def test_the_address_is_keras_own(monkeypatch):
    from keras.src.applications import vgg16, vgg19

    monkeypatch.delenv("IMPASTO_WEIGHTS_URL", raising=False)
    assert _address(VGG19, None) == vgg19.WEIGHTS_PATH_NO_TOP
    assert _address(VGG16, None) == vgg16.WEIGHTS_PATH_NO_TOP
    monkeypatch.setenv("IMPASTO_WEIGHTS_URL", "https://mirror.example/weights/")
    assert _address(VGG19, None) == f"https://mirror.example/weights/{VGG19.file}"
    assert _address(VGG19, "https://other.example") == f"https://other.example/{VGG19.file}"


def test_the_installed_keras_keeps_its_address_elsewhere(monkeypatch):
    from keras.src.applications import vgg19

    monkeypatch.delenv("IMPASTO_WEIGHTS_URL", raising=False)
    monkeypatch.delattr(vgg19, "WEIGHTS_PATH_NO_TOP")
    with pytest.raises(WeightsError, match="IMPASTO_WEIGHTS_URL"):
        _address(VGG19, None)
