"""The Telegram bot: a photo in, a styled profile picture out, and a queue that nothing is lost from."""
