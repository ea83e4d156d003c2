"""What an operator can set: environment variables `IMPASTO_BOT_…`, over which the command line goes."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from impasto.core.errors import UsageError

from .redaction import Redactor


class BotSettings(BaseSettings):
    """Settings of the bot and of its workers; docs/bot.md has them in a table."""

    model_config = SettingsConfigDict(env_prefix="IMPASTO_BOT_", extra="ignore", hide_input_in_errors=True)

    token_file: Path | None = Field(None, description="file that holds the bot's token")
    token: SecretStr | None = Field(None, description="the token itself; a file is safer")
    data: Path = Field(Path("impasto-bot"), description="folder of the database and the pictures")
    database: SecretStr | None = Field(None, description="postgresql://… instead of SQLite in `data`")
    pictures: str | None = Field(None, description="folder or fsspec URL (s3://…) for pictures")
    api_url: str = Field("https://api.telegram.org", description="Bot API server")

    workers: int = Field(1, ge=0, le=64, description="worker processes that `run` starts")
    method: str = Field("auto", pattern="^(auto|instant|refine|optimise)$", description="how to paint")
    recipe: str = Field("quality", description="recipe of `optimise` and `refine`")
    network: str = Field("auto", description="network of `optimise`")
    device: str | None = Field(None, description="cpu, gpu or gpu:1")
    avatar_size: int = Field(640, ge=640, le=2560, description="side of the profile picture, pixels")
    full_size: int = Field(1280, ge=64, le=10000, description="longest side of the full picture, pixels")
    paint_size: int = Field(0, ge=0, le=2560, description="paint at this size, then enlarge; 0 as delivered")
    engine_command: Annotated[list[str], NoDecode] = Field(
        [sys.executable, "-m", "impasto.core.cli", "engine"], description="command that starts the engine"
    )
    engine_seconds: float = Field(300, gt=0, description="longest silence of an engine at work")

    admins: Annotated[list[int], NoDecode] = Field([], description="ids of those who may use admin commands")
    per_day: int = Field(50, ge=1, description="pictures a person and day")
    waiting_per_person: int = Field(10, ge=1, description="pictures a person may have in the queue")
    styles_per_person: int = Field(10, ge=0, description="own styles a person may keep")
    max_bytes: int = Field(20_000_000, ge=1, le=2_000_000_000, description="largest file taken")
    max_pixels: int = Field(50_000_000, ge=1, description="most pixels taken")
    download_bytes: int = Field(80_000_000, ge=1, description="of all files that are fetched at once")
    decode_bytes: int = Field(3_000_000_000, ge=10_000_000, description="memory for decoding one file")
    decode_seconds: float = Field(60, gt=0, description="longest decoding of one file")
    max_ratio: float = Field(6, ge=1, description="longest side over shortest")
    retention_seconds: float = Field(3600, ge=0, description="pictures are deleted so long after delivery")
    choosing_seconds: float = Field(86400, ge=0, description="a photo without a chosen style is forgotten")

    progress_seconds: float = Field(3, gt=0, description="least time between two edits of a chat")
    lease_seconds: float = Field(30, gt=0, description="a silent worker's job is given to another")
    silence_seconds: float = Field(300, ge=0, description="a worker that hangs so long ends itself; 0: none")
    send_seconds: float = Field(20, gt=0, description="longest wait for an answer of the Bot API")
    poll_seconds: int = Field(30, ge=0, le=50, description="long polling")
    webhook_url: str | None = Field(None, description="public https address; polling if left out")
    webhook_secret: SecretStr | None = Field(None, description="secret that Telegram sends along")
    listen: str = Field("127.0.0.1:0", description="address of /health, /metrics and /webhook; port 0: none")
    log_level: str = Field("INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="of the log")

    @field_validator("engine_command", mode="before")
    @classmethod
    def _split_words(cls, value: Any) -> Any:
        return shlex.split(value) if isinstance(value, str) else value

    @field_validator("admins", mode="before")
    @classmethod
    def _split_numbers(cls, value: Any) -> Any:
        return [word for word in value.split(",") if word.strip()] if isinstance(value, str) else value

    @field_validator("listen")
    @classmethod
    def _has_port(cls, value: str) -> str:
        port = value.rpartition(":")[2]
        if not port.isascii() or not port.isdecimal() or int(port) > 65535:
            raise ValueError("an address is HOST:PORT")
        return value

    @property
    def database_url(self) -> str:
        """Where the tables are: `sqlite:///…` or `postgresql://…`."""
        if self.database is not None:
            return self.database.get_secret_value()
        return f"sqlite:///{self.data.absolute() / 'bot.sqlite3'}"

    @property
    def pictures_url(self) -> str:
        """Where the pictures are, a folder or an fsspec URL."""
        return self.pictures or str(self.data.absolute() / "pictures")

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of `listen`."""
        host, _, port = self.listen.rpartition(":")
        return host.strip("[]") or "127.0.0.1", int(port)

    def read_token(self) -> str:
        """The token, from its file or the environment.

        Raises:
            UsageError: there is none, or the file cannot be read.
        """
        if self.token_file is not None:
            try:
                token = self.token_file.read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                # Whoever gives the token in its file's place must not find it in a log.
                raise UsageError(
                    f"The token's file cannot be read; write BotFather's token into it. Received: "
                    f"{Redactor()(str(self.token_file))} ({getattr(error, 'strerror', None) or 'not text'})"
                ) from None
        else:
            token = self.token.get_secret_value().strip() if self.token else ""
        number, _, rest = token.partition(":")
        if not number.isdecimal() or not rest or any(letter.isspace() for letter in token):
            raise UsageError(
                "A token of BotFather's is a number, a colon and letters; give it by --token-file. "
                f"Received: {len(token)} characters that are no such token"
            )
        return token


def read_settings(**given: Any) -> BotSettings:
    """The environment's settings, over which those given go; None keeps the environment's.

    Raises:
        UsageError: a value is out of range. Secrets are not repeated in the message.
    """
    try:
        return BotSettings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        name = ".".join(str(part) for part in first["loc"])
        raise UsageError(
            f"The bot's setting {name} is wrong: {first['msg']}; see docs/bot.md. Received: {name} so set"
        ) from None
