"""The Telegram bot and its queue (not written yet)."""
