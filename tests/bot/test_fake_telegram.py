"""The tests' Bot API server, proved honest by a second client whose answers are validated: aiogram."""

import asyncio
import io

import pytest
from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.exceptions import (
    TelegramBadRequest,
    TelegramConflictError,
    TelegramForbiddenError,
    TelegramRetryAfter,
    TelegramServerError,
    TelegramUnauthorizedError,
)
from aiogram.types import (
    BufferedInputFile,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InputMediaDocument,
    InputMediaPhoto,
)
from PIL import Image


def thin():
    data = io.BytesIO()
    Image.new("RGB", (420, 20)).save(data, "PNG")
    return data.getvalue()


def query_offset(telegram):
    """The offset that confirms all updates there are."""
    return max(telegram.updates, default=0) + 1


def test_aiogram_understands_it(telegram, small_jpeg):
    token = "4242:AAfake-token_for-tests-0123456789abcdef"

    async def talk():
        server = TelegramAPIServer.from_base(telegram.url)
        bot = Bot(token, session=AiohttpSession(api=server))
        stranger = Bot("1:AA" + "x" * 33, session=AiohttpSession(api=server))
        photo = BufferedInputFile(small_jpeg, "a.jpg")
        try:
            assert (await bot.get_me()).username == "impasto_test_bot"
            with pytest.raises(TelegramUnauthorizedError):
                await stranger.get_me()
            telegram.send_photo(7, small_jpeg, caption="hello")
            updates = await bot.get_updates(timeout=1)
            assert updates[0].message.caption == "hello"
            file = await bot.get_file(updates[0].message.photo[-1].file_id)
            received = io.BytesIO()
            await bot.download_file(file.file_path, received)
            assert received.getvalue() == small_jpeg
            assert await bot.get_updates(offset=updates[0].update_id + 1, timeout=0) == []

            said = await bot.send_message(7, "status")
            changed = await bot.edit_message_media(
                InputMediaPhoto(media=photo, caption="done"), chat_id=7, message_id=said.message_id
            )
            assert changed.photo and changed.caption == "done" and changed.text is None
            album = await bot.send_media_group(
                7, [InputMediaPhoto(media=photo), InputMediaPhoto(media=photo)]
            )
            assert len(album) == 2
            document = await bot.edit_message_media(
                InputMediaDocument(media=photo), chat_id=7, message_id=said.message_id
            )
            assert document.document and document.photo is None
            with pytest.raises(TelegramBadRequest, match="not modified"):
                await bot.edit_message_reply_markup(chat_id=7, message_id=said.message_id)
            with pytest.raises(TelegramBadRequest, match="not found"):
                await bot.edit_message_text("x", chat_id=7, message_id=999)
            with pytest.raises(TelegramBadRequest, match="too long"):
                await bot.send_message(7, "x" * 4097)
            with pytest.raises(TelegramBadRequest, match="entities"):
                await bot.send_message(7, "a < b", parse_mode="HTML")
            assert (await bot.send_message(7, "<b>a</b> &lt; b", parse_mode="HTML")).text
            button = InlineKeyboardButton(text="x", callback_data="я" * 33)
            with pytest.raises(TelegramBadRequest, match="BUTTON_DATA"):
                markup = InlineKeyboardMarkup(inline_keyboard=[[button]])
                await bot.send_message(7, "x", reply_markup=markup)
            with pytest.raises(TelegramBadRequest, match="DIMENSIONS"):
                await bot.send_photo(7, BufferedInputFile(thin(), "a.png"))
            with pytest.raises(TelegramBadRequest, match="album"):
                await bot.send_media_group(7, [InputMediaPhoto(media=photo)])
            large = telegram.store(bytes(20_000_001))["file_id"]
            with pytest.raises(TelegramBadRequest, match="too big"):
                await bot.get_file(large)
            telegram.tap(7, telegram.from_bot(7)[0], "1|how|1|1|")
            query = (await bot.get_updates(timeout=1))[-1].callback_query
            assert await bot.answer_callback_query(query.id, "once")
            with pytest.raises(TelegramBadRequest, match="too old"):
                await bot.answer_callback_query(query.id, "twice")
            other = asyncio.create_task(bot.get_updates(query_offset(telegram), timeout=5))
            await asyncio.sleep(0.3)
            with pytest.raises(TelegramConflictError):
                await asyncio.gather(other, bot.get_updates(query_offset(telegram), timeout=1))
            telegram.fail("sendMessage", "flood", seconds=1)
            with pytest.raises(TelegramRetryAfter):
                await bot.send_message(7, "x")
            telegram.fail("sendMessage", "error")
            with pytest.raises(TelegramServerError):
                await bot.send_message(7, "x")
            telegram.blocked.add(7)
            with pytest.raises(TelegramForbiddenError):
                await bot.send_message(7, "x")
        finally:
            await bot.session.close()
            await stranger.session.close()

    asyncio.run(talk())
