"""What a running bot goes on through: lost answers, failing networks, people who leave, any update at all."""

import urllib.error
import urllib.request

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


@pytest.fixture(scope="module")
def running(telegram_server, module_bot):
    return module_bot(admins="99", waiting_per_person=3)


def test_a_question_that_came_three_times(running, telegram_server, guest_of):
    """Its answer was lost twice: any of the three serves, and the others go."""
    maria = guest_of(23)
    telegram_server.fail("sendPhoto", "lost", times=2)
    photo = maria.photo()
    maria.until(lambda: len(maria.answers(photo)) == 3)
    maria.until(lambda: running.rows("SELECT status_message > 0 FROM jobs WHERE person = 23") == [(1,)])
    galleries = maria.answers(photo)
    maria.tap(galleries[0], "style", "starry_night")
    maria.avatar(galleries[0])
    left = [one for one in maria.answers(photo) if telegram_server.button(one, "style")]
    assert len(left) == 1
    maria.tap(left[0], "style", "water_lilies")
    maria.until(lambda: len(telegram_server.from_bot(23)) == 1)
    assert "Starry Night" in telegram_server.from_bot(23)[0]["caption"]


def test_the_network_fails_in_every_way(running, telegram_server, guest_of):
    lena = guest_of(20)
    telegram_server.fail("getUpdates", "html")
    telegram_server.fail("getUpdates", "drop")
    telegram_server.fail("sendPhoto", "flood", seconds=1)
    telegram_server.fail("sendPhoto", "error")
    gallery = lena.gallery(lena.photo())
    telegram_server.fail("getFile", "error")
    telegram_server.fail("file", "drop")
    telegram_server.fail("answerCallbackQuery", "flood", seconds=1)
    telegram_server.fail("editMessageMedia", "drop")
    telegram_server.fail("editMessageMedia", "hang", seconds=6)  # longer than an answer is waited for
    for kind in ("lost", "error", "html", "lost"):
        telegram_server.fail("editMessageMedia", kind)
    lena.tap(gallery, "style", "starry_night")
    lena.avatar(gallery)
    lena.until(lambda: running.rows("SELECT told FROM jobs WHERE person = 20") == [(1,)])
    assert len(telegram_server.from_bot(20)) == 1  # edited again and again, and still one message
    assert telegram_server.faults["editMessageMedia"] == []


def test_people_who_left(running, telegram_server, guest_of):
    mona, nils = guest_of(21), guest_of(22)
    first, second = mona.gallery(mona.photo()), nils.gallery(nils.photo())
    mona.tap(first, "style", "udnie")
    mona.until(lambda: "Painting" in mona.now(first)["caption"])
    telegram_server.messages[21].pop(first["message_id"])  # deletes the message: does not want the picture
    nils.tap(second, "style", "udnie")
    mona.until(lambda: running.rows("SELECT state, told FROM jobs WHERE person = 21") == [("cancelled", 1)])
    nils.until(lambda: "Painting" in nils.now(second)["caption"])
    telegram_server.blocked.add(22)
    nils.until(lambda: running.rows("SELECT state, told FROM jobs WHERE person = 22") == [("cancelled", 1)])
    assert telegram_server.from_bot(21) == []


def test_health_and_metrics(running, telegram_server):
    def get(path):
        return urllib.request.urlopen(f"http://127.0.0.1:{running.port}/{path}", timeout=20).read().decode()

    assert '"tables": true' in get("health")
    metrics = get("metrics")
    assert 'impasto_bot_jobs{state="painted"}' in metrics and "impasto_bot_painted_total" in metrics


def test_the_token_is_nowhere(running, telegram_server):
    from pathlib import Path

    token = (running.folder / "token").read_text()
    secret = token.partition(":")[2]
    assert secret not in running.text() and running.text()
    for process in running.family():
        try:
            words = (
                Path(f"/proc/{process}/cmdline").read_bytes() + Path(f"/proc/{process}/environ").read_bytes()
            )
        except OSError:
            continue  # not Linux, or gone
        assert secret.encode() not in words


def test_updates_that_are_numbered_anew(running, telegram_server, guest_of):
    """As after a week without any: the offset of before is above them, and must not stay there."""
    wanda = guest_of(41)
    wanda.say("/queue")
    wanda.until(lambda: not telegram_server.updates)
    telegram_server.number_anew()
    for count in (2, 3):
        wanda.say("/queue")
        wanda.until(lambda count=count: len(telegram_server.from_bot(41)) == count)
        wanda.until(lambda: not telegram_server.updates)  # confirmed


_WORDS = st.sampled_from(
    ["/start", "/ban 1", "style", "@impasto_test_bot", "1|erase|0|0|", "", "\x00", "🎨" * 40]
)
_VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**70), 2**70), _WORDS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                [
                    "id",
                    "type",
                    "chat",
                    "from",
                    "text",
                    "caption",
                    "photo",
                    "document",
                    "file_id",
                    "data",
                    "message",
                    "message_id",
                    "date",
                    "is_bot",
                    "first_name",
                    "width",
                    "height",
                    "mime_type",
                ]
            ),
            inner,
            max_size=6,
        ),
    ),
    max_leaves=15,
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(st.sampled_from(["message", "callback_query", "my_chat_member", "poll"]), _VALUES)
def test_fuzzed_updates_are_taken(running, telegram_server, kind, body):
    telegram_server.receive(kind, body)


def test_and_do_not_stop_the_loop(running, telegram_server, guest_of):
    vera = guest_of(40)
    vera.say("/queue")
    vera.hears("nothing in the queue")
    vera.until(lambda: running.rows("SELECT count(*) FROM inbox WHERE state = 'new'") == [(0,)])
    assert telegram_server.updates == {} or vera.until(lambda: not telegram_server.updates)
