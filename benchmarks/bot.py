"""The Telegram bot against the tests' Bot API server on loopback: answers, avatars, memory.

    python benchmarks/bot.py                             about 13 minutes on two cores
    python benchmarks/bot.py --minutes 0.5 --taps 3 --results /tmp/r          a trial run

The bot is `impasto bot run` with one worker, the real engine and `--method instant`; everything else is
as it comes. Times are a person's: from the message or the tap until the server has the answer, so a real
network's come on top. The processor's time is counted too, which other work disturbs less. Memory is what
each process holds resident.

1. 50 people write /start, one every 0.2 s; then all 50 at once, where Telegram's limit of 30 messages a
   second makes the last ones wait.
2. One tap after another on styles of the gallery, with nothing else in the queue: an avatar of 640 pixels.
3. `--rate` new people a minute, each with a photograph, for `--minutes`.
"""

from __future__ import annotations

import importlib.util
import io
import itertools
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType
from typing import Any

import psutil
from common import REPOSITORY, environment, other_work, parser, photograph, write_result
from PIL import Image

CHATS = 50
STYLES = ("starry_night", "great_wave", "udnie", "water_lilies", "the_scream")
TARGETS = {"start_seconds": 0.1, "avatar_seconds": 5.0, "avatars_per_minute": 30.0, "bot_megabytes": 150.0}


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--minutes", type=float, default=10.0, help="of the third measurement")
    arguments.add_argument("--rate", type=float, default=30.0, help="people a minute in it")
    arguments.add_argument("--taps", type=int, default=15, help="of the second")
    given = arguments.parse_args()
    busy = other_work()
    image = io.BytesIO()
    Image.fromarray(photograph(given.content)).save(image, "JPEG", quality=90)
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as (telegram, process):
        chat = Chat(telegram, image.getvalue())
        chat.avatar(1, STYLES[0])  # the network is loaded, the examples are at Telegram
        chat.start(1)
        facts: dict[str, Any] = {"start": measure_start(chat), "tap": measure_taps(chat, process, given.taps)}
        facts["sustained"] = measure_sustained(chat, process, given.minutes, given.rate)
    write_result("bot", {"targets": TARGETS} | facts, given.results, busy)


def load_server() -> ModuleType:
    """The tests' Bot API server."""
    path = REPOSITORY / "tests" / "bot" / "fake_telegram.py"
    spec = importlib.util.spec_from_file_location("fake_telegram", path)
    if spec is None or spec.loader is None:
        raise SystemExit(f"{path} is missing")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@contextmanager
def running(folder: Path) -> Iterator[tuple[Any, psutil.Process]]:
    """A server, and a bot that talks to it."""
    module = load_server()
    telegram = module.FakeTelegram().start()
    (folder / "token").write_text(module.TOKEN)
    words = ["--token-file", str(folder / "token"), "--data", str(folder / "data"), "--method", "instant"]
    set_here = {"IMPASTO_BOT_API_URL": telegram.url, "IMPASTO_BOT_LOG_LEVEL": "WARNING"}
    bot = subprocess.Popen(
        [sys.executable, "-m", "impasto.core.cli", "bot", "run", *words],
        env=environment() | set_here,
        stdin=subprocess.DEVNULL,
    )
    try:
        yield telegram, psutil.Process(bot.pid)
    finally:
        bot.terminate()
        bot.wait(60)
        telegram.stop()


class Chat:
    """People who write, and the moments at which they are answered."""

    def __init__(self, telegram: Any, photo: bytes):
        self.telegram, self.photo = telegram, photo

    def start(self, person: int) -> float:
        """Writes /start; returns the seconds until the examples are there."""
        before = len(self.telegram.from_bot(person))
        began = time.perf_counter()
        self.telegram.send(person, text="/start")
        wait_for(lambda: len(self.telegram.from_bot(person)) > before)
        return time.perf_counter() - began

    def gallery(self, person: int) -> dict[str, Any]:
        """Sends the photograph; returns the message with the styles."""
        sent = self.telegram.send_photo(person, self.photo)

        def answer() -> dict[str, Any] | None:
            found = [one for one in self.telegram.from_bot(person) if one["reply_to"] == sent["message_id"]]
            return found[0] if found else None

        return wait_for(answer)

    def tap(self, person: int, message: dict[str, Any], style: str) -> float:
        """Taps a style; returns the seconds until the message is the picture."""
        number = message["message_id"]
        began = time.perf_counter()
        self.telegram.tap(person, message, self.telegram.button(message, "style", style))

        def painted() -> bool:
            now = self.telegram.messages[person][number]
            return self.telegram.button(now, "full") is not None or "did not" in (now.get("caption") or "")

        wait_for(painted)
        seconds = time.perf_counter() - began
        now = self.telegram.messages[person][number]
        if self.telegram.button(now, "full") is None:
            raise SystemExit(f"no picture: {now['caption']}")
        if Image.open(io.BytesIO(now["bytes"])).size != (640, 640):
            raise SystemExit("the avatar is not 640 × 640 pixels")
        return seconds

    def avatar(self, person: int, style: str) -> float:
        """Sends the photograph and taps; returns the seconds from the tap to the picture."""
        return self.tap(person, self.gallery(person), style)


def wait_for(found: Callable[[], Any], seconds: float = 600.0) -> Any:
    """Waits until a function finds something, and returns it.

    Raises:
        SystemExit: it did not.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if what := found():
            return what
        time.sleep(0.002)
    raise SystemExit(f"the bot did not answer within {seconds:g} s")


def measure_start(chat: Chat) -> dict[str, Any]:
    """Seconds to the answer of /start, in turn and at once."""
    in_turn = []
    for person in range(100, 100 + CHATS):
        in_turn.append(chat.start(person))
        time.sleep(max(0.0, 0.2 - in_turn[-1]))
    time.sleep(2)
    together = side_by_side(chat.start, range(200, 200 + CHATS))
    result = {"in_turn": summary(in_turn), "at_once": summary(together)}
    print(f"/start, seconds: {result}", flush=True)
    return result


def side_by_side(do: Callable[[int], float], people: range) -> list[float]:
    """Has all people do something at once."""
    seconds: list[float] = []
    threads = [threading.Thread(target=lambda one=one: seconds.append(do(one))) for one in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return seconds


def measure_taps(chat: Chat, bot: psutil.Process, taps: int) -> dict[str, Any]:
    """Seconds from a tap to the avatar with an empty queue; and of the processor's time."""
    styles, used = itertools.cycle(STYLES), processor_seconds(bot)
    result: dict[str, Any] = summary([chat.avatar(300 + number, next(styles)) for number in range(taps)])
    spent = processor_seconds(bot)
    result["processor_seconds_each"] = {name: round((spent[name] - used[name]) / taps, 3) for name in spent}
    print(f"avatar after the tap, seconds: {result}", flush=True)
    return result


def measure_sustained(chat: Chat, bot: psutil.Process, minutes: float, rate: float) -> dict[str, Any]:
    """Avatars a minute where so many new people come in each, and memory meanwhile."""
    seconds: list[float] = []
    memory: list[dict[str, float]] = []
    styles, began, used = itertools.cycle(STYLES), time.monotonic(), processor_seconds(bot)
    people = round(rate * minutes)
    for number in range(people):
        time.sleep(max(0.0, began + 60 / rate * number - time.monotonic()))
        words = (1000 + number, next(styles))
        work = threading.Thread(target=lambda words=words: seconds.append(chat.avatar(*words)), daemon=True)
        work.start()
        if number % 5 == 0:
            memory.append({"minute": round((time.monotonic() - began) / 60, 2)} | megabytes(bot))
        if number % 30 == 29:
            print(f"{number + 1} came, {len(seconds)} have theirs, {memory[-1]}", flush=True)
    time.sleep(max(0.0, began + 60 * minutes - time.monotonic()))
    painted, passed = len(seconds), time.monotonic() - began
    spent = processor_seconds(bot)
    result = {
        "people": people,
        "painted": painted,
        "per_minute": round(60 * painted / passed, 1),
        "seconds_from_tap": summary(seconds[:painted]),
        "processor_seconds_each": {
            name: round((spent[name] - used[name]) / max(1, painted), 3) for name in spent
        },
        "memory": memory,
        "most_megabytes": {name: max(one[name] for one in memory) for name in memory[0] if name != "minute"},
    }
    print({name: value for name, value in result.items() if name != "memory"}, flush=True)
    return result


def parts(bot: psutil.Process) -> Iterator[tuple[str, psutil.Process]]:
    """The bot, its worker and the worker's engine, by name."""
    yield "bot", bot
    for child in bot.children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            yield ("engine" if "engine" in child.cmdline() else "worker"), child


def megabytes(bot: psutil.Process) -> dict[str, float]:
    """What each holds resident."""
    return {name: round(one.memory_info().rss / 1e6, 1) for name, one in parts(bot)}


def processor_seconds(bot: psutil.Process) -> dict[str, float]:
    """What each has spent of the processor's time: little disturbed by other work."""
    return {name: sum(one.cpu_times()[:2]) for name, one in parts(bot)}


def summary(seconds: list[float]) -> dict[str, float]:
    """Median, 95th percentile and longest, where there are any."""
    ordered = sorted(seconds)
    if not ordered:
        return {"number": 0}
    return {
        "median": round(statistics.median(ordered), 3),
        "p95": round(ordered[min(len(ordered) - 1, round(0.95 * (len(ordered) - 1)))], 3),
        "most": round(ordered[-1], 3),
        "number": len(ordered),
    }


if __name__ == "__main__":
    main()
