"""A strict Bot API server on loopback: real bytes over HTTP, Telegram's own limits, and its failures.

    server = FakeTelegram(); server.start()
    message = server.send_photo(person=7, data=jpeg)      # a person sends something
    server.fail("sendPhoto", "lost", times=2)             # carried out, the answer lost
    server.chat(7)                                        # what the person sees now

It runs in a thread of its own and may be looked at from any other.
"""

import asyncio
import hashlib
import io
import itertools
import json
import re
import threading
import time
from collections import defaultdict

from aiohttp import web
from PIL import Image

TOKEN = "4242:AAfake-token_for-tests-0123456789abcdef"
BOT = {"id": 4242, "is_bot": True, "first_name": "Impasto", "username": "impasto_test_bot"}


class ApiError(Exception):
    def __init__(self, code, text, **parameters):
        self.code, self.text, self.parameters = code, text, parameters


class FakeTelegram:
    """The server, and the people who write to the bot."""

    def __init__(self):
        self.lock = threading.RLock()
        self.updates, self.files = {}, {}
        self.messages = defaultdict(dict)  # chat -> message id -> message, as it is now
        self.calls, self.new_messages, self.edits = [], [], []
        self.faults = defaultdict(list)
        self.pathless = set()  # files that cannot be had, though nothing says so
        self.blocked, self.answered, self.queries = set(), {}, {}
        self.update_ids, self.message_ids = itertools.count(1000), itertools.count(1)
        self.polling = 0
        self.webhook, self.down, self.revoked = None, False, False
        self.commands = {}
        self.delay, self.port = 0.0, 0

    # ------------------------------------------------------------ life

    def start(self):
        ready = threading.Event()
        self.thread = threading.Thread(target=self._run, args=(ready,), daemon=True)
        self.thread.start()
        assert ready.wait(20)
        return self

    def _run(self, ready):
        self.loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self.loop)
        app = web.Application(client_max_size=60 << 20)
        app.router.add_route("*", "/bot{token}/{method}", self._serve)
        app.router.add_get("/file/bot{token}/{path:.*}", self._file)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        self.loop.run_until_complete(runner.setup())
        # Started again it is where it was: an outage, seen from a bot.
        site = web.TCPSite(runner, "127.0.0.1", self.port, reuse_address=True)
        self.loop.run_until_complete(site.start())
        self.port = site._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        ready.set()
        self.loop.run_forever()
        self.loop.run_until_complete(runner.cleanup())
        held = asyncio.all_tasks(self.loop)  # calls that nobody waits for any more
        for task in held:
            task.cancel()
        self.loop.run_until_complete(asyncio.gather(*held, return_exceptions=True))
        self.loop.close()

    def stop(self):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)

    def fail(self, method, kind, times=1, **options):
        """The next calls of a method fail: flood, error, html, drop, hang, lost, blocked, gone, bad."""
        with self.lock:
            self.faults[method] += [(kind, options)] * times

    # ------------------------------------------------------------ what people do

    def person(self, number, language="en"):
        return {"id": number, "is_bot": False, "first_name": f"P{number}", "language_code": language}

    def _chat(self, number):
        return {"id": number, "type": "private" if number > 0 else "supergroup", "title": "g"}

    def receive(self, kind, body, update_id=None):
        with self.lock:
            number = next(self.update_ids) if update_id is None else update_id
            self.updates[number] = {"update_id": number, kind: body}
            return number

    def send(self, person, chat=None, language="en", **content):
        """A message of a person's; returns it."""
        chat = chat or person
        with self.lock:
            message = {
                "message_id": next(self.message_ids),
                "date": int(time.time()),
                "chat": self._chat(chat),
                "from": self.person(person, language),
            } | content
            self.messages[chat][message["message_id"]] = message
            message["update"] = None
        plain = {key: value for key, value in message.items() if key != "update"}
        message["update"] = self.receive("message", plain)
        return message

    def number_anew(self):
        """Updates are numbered from somewhere else, lower here: as after a week without any."""
        with self.lock:
            self.update_ids = itertools.count(10)

    def member(self, person, chat, status):
        """The bot's own standing in a chat changes, by a person's doing: `kicked`, `left`, `member`."""
        new = {"user": BOT, "status": status} | ({"until_date": 0} if status == "kicked" else {})
        old = {"user": BOT, "status": "member"}
        body = {"chat": self._chat(chat), "from": self.person(person), "date": int(time.time())}
        return self.receive("my_chat_member", body | {"old_chat_member": old, "new_chat_member": new})

    def photo_of(self, data, size=(640, 480)):
        return [
            self.store(data) | {"width": size[0] // 4, "height": size[1] // 4},
            self.store(data) | {"width": size[0], "height": size[1]},
        ]

    def send_photo(self, person, data, **content):
        size = Image.open(io.BytesIO(data)).size
        return self.send(person, photo=self.photo_of(data, size), **content)

    def send_document(self, person, data, mime="image/jpeg", name="a.jpg", size=None, **content):
        document = self.store(data, size) | {"mime_type": mime, "file_name": name}
        return self.send(person, document=document, **content)

    def tap(self, person, message, data, language="en"):
        with self.lock:
            number = f"q{next(self.update_ids)}"
            plain = {key: value for key, value in message.items() if key not in ("update", "bytes")}
            self.queries[number] = time.monotonic()
            body = {
                "id": number,
                "from": self.person(person, language),
                "message": plain,
                "chat_instance": "1",
                "data": data,
            }
        self.receive("callback_query", body)
        return number

    def chat(self, number):
        """The chat's messages as they are now, oldest first."""
        with self.lock:
            return [dict(self.messages[number][key]) for key in sorted(self.messages[number])]

    def from_bot(self, number):
        return [message for message in self.chat(number) if message["from"]["is_bot"]]

    def button(self, message, action, word=None):
        """The data of a message's button, or None."""
        for row in (message.get("reply_markup") or {}).get("inline_keyboard", []):
            for button in row:
                parts = button["callback_data"].split("|")
                if parts[1] == action and word in (None, parts[4]):
                    return button["callback_data"]
        return None

    def store(self, data, size=None):
        number = hashlib.sha256(data).hexdigest()[:16] + str(next(self.message_ids))
        with self.lock:
            self.files[number] = data
        return {
            "file_id": number,
            "file_unique_id": number[:12],
            "file_size": len(data) if size is None else size,
        }

    # ------------------------------------------------------------ HTTP

    async def _serve(self, request):
        method = request.match_info["method"]
        if self.down:
            request.transport.close()
            return web.Response()
        if request.match_info["token"] != TOKEN or self.revoked:
            return _answer(401, {"ok": False, "error_code": 401, "description": "Unauthorized"})
        given, files = await _arguments(request)
        with self.lock:
            self.calls.append((time.monotonic(), method, given))
            kind, options = self.faults[method].pop(0) if self.faults[method] else ("", {})
        if kind == "flood":
            seconds = options.get("seconds", 1)
            return _error(ApiError(429, f"Too Many Requests: retry after {seconds}", retry_after=seconds))
        if kind == "error":
            return _error(ApiError(500, "Internal Server Error"))
        if kind == "html":
            return web.Response(status=502, text="<html>Bad Gateway</html>", content_type="text/html")
        if kind == "bad":
            return _error(ApiError(400, options["text"]))
        if kind == "drop":
            request.transport.close()
            return web.Response()
        if kind == "hang":
            await asyncio.sleep(options.get("seconds", 60))
        if self.delay:
            await asyncio.sleep(self.delay)
        try:
            handler = getattr(self, f"_{method}", None)
            if handler is None:
                raise ApiError(404, f"Not Found: method {method}")
            result = handler(given, files)
            if asyncio.iscoroutine(result):
                result = await result
        except ApiError as error:
            return _error(error)
        if kind == "lost":
            request.transport.close()
            return web.Response()
        return _answer(200, {"ok": True, "result": result})

    async def _file(self, request):
        with self.lock:
            kind, _ = self.faults["file"].pop(0) if self.faults["file"] else ("", {})
            data = self.files.get(request.match_info["path"])
        if kind == "drop":
            request.transport.close()
            return web.Response()
        if request.match_info["token"] != TOKEN or data is None or kind == "missing":
            return _answer(404, {"ok": False, "error_code": 404, "description": "Not Found"})
        return web.Response(body=data)

    # ------------------------------------------------------------ methods

    def _getMe(self, given, files):
        return BOT | {"can_join_groups": True, "can_read_all_group_messages": False}

    def _setMyCommands(self, given, files):
        self.commands[given.get("language_code", "")] = given["commands"]
        return True

    def _deleteWebhook(self, given, files):
        self.webhook = None
        return True

    def _setWebhook(self, given, files):
        self.webhook = given
        return True

    async def _getUpdates(self, given, files):
        if self.webhook:
            raise ApiError(409, "Conflict: can't use getUpdates method while webhook is active")
        self.polling += 1
        mine = self.polling  # a newer poller ends an older one
        offset = int(given.get("offset", 0))
        with self.lock:
            # An offset beyond all that there is comes from a numbering before: nothing is confirmed by it.
            known = offset <= max(self.updates, default=offset) + 1
            for number in [number for number in self.updates if known and number < offset]:
                del self.updates[number]  # confirmed
        deadline = time.monotonic() + int(given.get("timeout", 0))
        while True:
            with self.lock:
                found = [self.updates[number] for number in sorted(self.updates)]
            if found:
                return found[: int(given.get("limit", 100))]
            if time.monotonic() > deadline:
                return []
            if mine != self.polling:
                raise ApiError(409, "Conflict: terminated by other getUpdates request")
            await asyncio.sleep(0.01)

    def _getFile(self, given, files):
        data = self.files.get(given.get("file_id"))
        if data is None:
            raise ApiError(400, "Bad Request: invalid file_id")
        if len(data) > 20_000_000:
            raise ApiError(400, "Bad Request: file is too big")
        number = given["file_id"]
        file = {"file_id": number, "file_unique_id": number[:12], "file_size": len(data)}
        return file if number in self.pathless else file | {"file_path": number}

    def _sendMessage(self, given, files):
        return self._new(given, text=_limited(_parsed(given), 4096, least=1))

    def _sendPhoto(self, given, files):
        data = self._media(given["photo"], files)
        return self._new(given, **self._photo(data, given.get("caption")))

    def _sendMediaGroup(self, given, files):
        media = given["media"]
        if not 2 <= len(media) <= 10:
            raise ApiError(400, "Bad Request: wrong number of messages in the album")
        return [
            self._new(given, **self._photo(self._media(one["media"], files), one.get("caption")))
            for one in media
        ]

    def _editMessageText(self, given, files):
        return self._edit(given, {"text": _limited(_parsed(given), 4096, least=1)}, needs="text")

    def _editMessageCaption(self, given, files):
        return self._edit(given, {"caption": _limited(given.get("caption"), 1024)}, needs="media")

    def _editMessageReplyMarkup(self, given, files):
        return self._edit(given, {})

    def _editMessageMedia(self, given, files):
        media = given["media"]
        data = self._media(media["media"], files)
        if media["type"] == "photo":
            content = self._photo(data, media.get("caption"))
        else:
            if len(data) > 50_000_000:
                raise ApiError(413, "Request Entity Too Large")
            content = {"document": self.store(data), "caption": media.get("caption"), "bytes": data}
        content = {"text": None, "photo": None, "document": None} | content
        return self._edit(given, content)

    def _deleteMessage(self, given, files):
        if self.messages[int(given["chat_id"])].pop(int(given["message_id"]), None) is None:
            raise ApiError(400, "Bad Request: message to delete not found")
        return True

    def _answerCallbackQuery(self, given, files):
        number = given["callback_query_id"]
        _limited(given.get("text"), 200)
        if number not in self.queries or number in self.answered:
            raise ApiError(400, "Bad Request: query is too old and response timeout expired")
        self.answered[number] = given.get("text", "")
        return True

    # ------------------------------------------------------------ parts

    def _media(self, value, files):
        if value.startswith("attach://"):
            value = value.removeprefix("attach://")
        if value in files:
            return files[value]
        if value in self.files:
            return self.files[value]
        raise ApiError(400, "Bad Request: wrong file identifier/HTTP URL specified")

    def _photo(self, data, caption):
        if len(data) > 10_000_000:
            raise ApiError(400, "Bad Request: photo is too big")
        try:
            width, height = Image.open(io.BytesIO(data)).size
        except OSError:
            raise ApiError(400, "Bad Request: IMAGE_PROCESS_FAILED") from None
        if width + height > 10_000 or max(width, height) > 20 * min(width, height):
            raise ApiError(400, "Bad Request: PHOTO_INVALID_DIMENSIONS")
        photo = [self.store(data) | {"width": width, "height": height}]
        return {"photo": photo, "caption": _limited(caption, 1024), "bytes": data}

    def _check_chat(self, given):
        chat = int(given["chat_id"])
        if chat in self.blocked:
            raise ApiError(403, "Forbidden: bot was blocked by the user")
        if chat not in self.messages:
            raise ApiError(400, "Bad Request: chat not found")
        return chat

    def _new(self, given, **content):
        with self.lock:
            chat = self._check_chat(given)
            message = {
                "message_id": next(self.message_ids),
                "date": int(time.time()),
                "chat": self._chat(chat),
                "from": {key: BOT[key] for key in ("id", "is_bot", "first_name", "username")},
                "reply_markup": _markup(given),
                "reply_to": (given.get("reply_parameters") or {}).get("message_id"),
            } | content
            self.messages[chat][message["message_id"]] = message
            self.new_messages.append((chat, message["message_id"]))
            return _shown(message)

    def _edit(self, given, content, needs=None):
        with self.lock:
            chat = self._check_chat(given)
            message = self.messages[chat].get(int(given["message_id"]))
            if message is None:
                raise ApiError(400, "Bad Request: message to edit not found")
            if not message["from"]["is_bot"]:
                raise ApiError(400, "Bad Request: message can't be edited")
            if needs == "text" and not message.get("text"):
                raise ApiError(400, "Bad Request: there is no text in the message to edit")
            if needs == "media" and not (message.get("photo") or message.get("document")):
                raise ApiError(400, "Bad Request: there is no caption in the message to edit")
            changed = message | content | {"reply_markup": _markup(given)}
            compared = ("text", "caption", "reply_markup", "bytes")
            if all(changed.get(key) == message.get(key) for key in compared):
                raise ApiError(400, "Bad Request: message is not modified: the same content and markup")
            message.update(changed)
            self.edits.append((time.monotonic(), chat, message["message_id"], dict(changed)))
            return _shown(message)


def _shown(message):
    hidden = ("bytes", "reply_to", "update")
    return {key: value for key, value in message.items() if value is not None and key not in hidden}


def _markup(given):
    markup = given.get("reply_markup")
    for row in (markup or {}).get("inline_keyboard", []):
        for button in row:
            if not 1 <= len(button["callback_data"].encode()) <= 64:
                raise ApiError(400, "Bad Request: BUTTON_DATA_INVALID")
    return markup or None


def _parsed(given):
    """The text; refused if it is said to be HTML and is not what Telegram takes for that."""
    text = given.get("text")
    if given.get("parse_mode") == "HTML":
        rest = re.sub(r"<(b|i)>[^<]*</\1>", "", text or "")
        if "<" in rest or re.search(r"&(?!(amp|lt|gt|quot);)", rest):
            raise ApiError(400, "Bad Request: can't parse entities")
    return text


def _limited(text, most, least=0):
    if len(text or "") > most or len(text or "") < least:
        raise ApiError(400, "Bad Request: message is too long or empty")
    return text


async def _arguments(request):
    """Arguments and files: urlencoded, JSON or multipart; nested objects come as JSON text."""
    given, files = {}, {}
    if request.content_type == "application/json":
        return await request.json(), files
    for name, value in (await request.post()).items():
        if isinstance(value, web.FileField):
            files[name] = value.file.read()
            given.setdefault(name, name)
        else:
            given[name] = value
    for name in ("media", "reply_markup", "reply_parameters", "commands", "allowed_updates"):
        if isinstance(given.get(name), str):
            given[name] = json.loads(given[name])
    return given, files


def _answer(status, body):
    return web.json_response(body, status=status)


def _error(error):
    body = {"ok": False, "error_code": error.code, "description": error.text}
    return _answer(error.code, body | ({"parameters": error.parameters} if error.parameters else {}))
