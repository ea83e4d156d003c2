"""The bot's own small web server: /health, /metrics for Prometheus, and the webhook."""

from __future__ import annotations

import asyncio
import hmac
import json
import time

from aiohttp import web
from prometheus_client import CollectorRegistry, Gauge, generate_latest

from impasto.core.errors import UsageError

from .context import Context
from .updates import Dispatcher, receive

SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"
SILENCE = 120.0  # seconds without an answer of Telegram's after which the bot is not healthy
ANSWER_SECONDS = 5.0  # for the tables
MOST_BYTES = 1 << 20


async def start_web(context: Context, dispatcher: Dispatcher) -> web.AppRunner | None:
    """Starts the server if `listen` has a port."""
    host, port = context.settings.address
    if not port:
        return None
    server = _Server(context, dispatcher)
    app = web.Application(client_max_size=MOST_BYTES)
    app.router.add_get("/health", server.health)
    app.router.add_get("/metrics", server.metrics)
    if context.settings.webhook_url:
        app.router.add_post("/webhook", server.webhook)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        await runner.cleanup()
        raise UsageError(
            f"Nothing can be served at the address given by listen; choose another port. Received: "
            f"{host}:{port} ({error.strerror or error})"
        ) from None
    return runner


class _Server:
    def __init__(self, context: Context, dispatcher: Dispatcher):
        self.context, self.dispatcher = context, dispatcher

    async def health(self, _: web.Request) -> web.Response:
        """200 while the tables answer and Telegram does, 503 otherwise."""
        context = self.context
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await context.do(context.people.flag, "version")
            tables = True
        except Exception:  # TimeoutError among them: tables that are waited for do not answer
            tables = False
        silent = time.monotonic() - context.polled
        heard = silent < SILENCE + context.settings.poll_seconds
        facts = {"tables": tables, "telegram": heard}
        return web.json_response(facts, status=200 if all(facts.values()) else 503)

    async def metrics(self, _: web.Request) -> web.Response:
        """Counters, in Prometheus's text format."""
        context, registry = self.context, CollectorRegistry()
        jobs = Gauge("impasto_bot_jobs", "jobs by state", ["state"], registry=registry)
        for state, number in (await context.do(context.jobs.counts)).items():
            jobs.labels(state).set(number)
        for name, text, value in (
            ("painted_total", "pictures painted", await context.do(context.people.flag, "painted")),
            (
                "job_seconds",
                "seconds an avatar takes",
                (await context.do(context.people.paces)).get("avatar"),
            ),
            ("updates_handled_total", "updates handled", context.handled),
            ("faults_total", "faults met and survived", context.faults),
            ("chats_waiting", "chats with updates not handled yet", len(self.dispatcher.chats)),
        ):
            Gauge(f"impasto_bot_{name}", text, registry=registry).set(float(value or 0))
        calls = Gauge("impasto_bot_calls_total", "Bot API calls by outcome", ["outcome"], registry=registry)
        for outcome, number in context.sending.counts.items():
            calls.labels(outcome).set(number)
        return web.Response(body=generate_latest(registry), content_type="text/plain")

    async def webhook(self, request: web.Request) -> web.Response:
        """Takes an update; 200 only once it is stored, so that Telegram sends it again otherwise."""
        secret = self.context.settings.webhook_secret
        known = secret.get_secret_value() if secret else ""
        if not known or not hmac.compare_digest(
            request.headers.get(SECRET_HEADER, "").encode(), known.encode()
        ):
            return web.Response(status=403)
        try:
            update = json.loads(await request.read())
        except (ValueError, RecursionError):
            return web.Response(status=400)
        await receive(self.context, self.dispatcher, [update])
        return web.Response()
