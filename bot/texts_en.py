"""What the bot says in English; every other language has the same keys and the same fields."""

NAME = "English"

TEXTS = {
    "start": "Send me a photo and choose a style: it becomes your profile picture. A selfie, a pet, a house: "
    "anything goes.\n\nAbove: before and after. More: /help",
    "help": "<b>How it works</b>\n"
    "1. Send a photo, or a file if every pixel matters, or an album.\n"
    "2. Choose a style from the buttons.\n"
    "3. Wait a little: the same message becomes your picture.\n\n"
    "<b>Your own style</b>: send a picture with the caption <i>style</i>, or reply to a picture with the word "
    "<i>style</i>.\n"
    "<b>In a group</b>: reply to a photo and mention me, or mention me in a photo's caption.\n"
    "Of a GIF or a video the first frame is painted.\n\n"
    "/styles – the gallery\n/mystyles – your own styles\n/settings – strength, colours, language\n"
    "/queue – your place in the queue\n/cancel – stop your pictures\n/privacy – what is kept\n"
    "/delete – remove everything of yours\n\n"
    "Limits: files up to {megabytes} MB and {megapixels} million pixels, {per_day} pictures a day.",
    "privacy": "Your photos and pictures are deleted {kept} after delivery; a photo without a chosen style is "
    "forgotten after {choosing}. Until you delete them I keep the styles you sent, your language, strength and "
    "colours, and how many pictures you had today. I show them to nobody outside the chat you sent them in, "
    "and use them for nothing else. The messages in the chat are kept by Telegram.\n\n"
    "/delete removes all that I keep, at once.",
    "choose": "Which style?",
    "choose_mix": "Mix with which style?",
    "fetching": "Fetching your photo…",
    "waiting": "In the queue: {before} ahead of you{left}.",
    "next": "You are next{left}.",
    "begun": "Painting…",
    "running": "Painting… {percent}{left}",
    "left_seconds": ", about {number} s left",
    "left_minutes": ", about {number} min left",
    "span_minutes": "{number} min",
    "span_hours": "{number} h",
    "percent": "{number}%",
    "done": "{style}. Yours!",
    "done_full": "{style}, the whole photo",
    "full_status": "Putting the whole photo into the queue…",
    "cancelled": "Cancelled. Choose another style, or send another photo.",
    "failed": "That did not work: {reason}",
    "reason_crash": "painting it failed twice. Try another style or a smaller photo.",
    "reason_damaged": "the picture is damaged or of a kind I cannot read. Send it as JPEG or PNG.",
    "reason_too_many_pixels": "the picture has too many pixels. Send it as a photo instead of a file.",
    "reason_too_small": "the picture is too small: 16 pixels at least.",
    "reason_too_thin": "the picture is too long and thin. Crop it first.",
    "reason_too_slow_to_read": "the picture takes too long to read. Send it as a photo instead of a file.",
    "reason_too_large_to_paint": "there is not enough memory for a picture of this size.",
    "reason_too_large_file": "the file is larger than {megabytes} MB. Send it as a photo instead.",
    "reason_expired": "I no longer have the photo. Send it again.",
    "reason_style_gone": "that style was removed. Choose another.",
    "reason_style_unreadable": "the picture of your own style cannot be read. Choose another style.",
    "reason_undelivered": "Telegram did not take the picture. Choose a style to try again.",
    "reason_unfetched": "Telegram no longer hands out the photo. Send it again.",
    "first_frame": "Only the first frame was painted.",
    "style_first_frame": "Only its first frame is used.",
    "how": "Save the picture, then: Settings → your picture → Set new photo. A bot cannot do it for you.",
    "not_yours": "These buttons are somebody else's.",
    "stale": "These buttons are out of date.",
    "softest": "It cannot get any softer.",
    "strongest": "It cannot get any stronger.",
    "expired": "I no longer have this photo. Send it again.",
    "limit_waiting": "You already have {number} pictures in the queue. Wait for one of them first.",
    "limit_day": "That was your last picture for today (limit: {number}). Come back tomorrow.",
    "banned": "You cannot use this bot.",
    "paused": "Painting is paused at the moment; your picture keeps its place.",
    "not_a_picture": "Send me a photo, or a picture as a file.",
    "group_how": "Reply to a photo and mention me, or mention me in a photo's caption.",
    "no_pictures_here": "I may not send pictures here. Write to me in private, or let an admin allow it.",
    "fault": "Something went wrong on my side. Please try again.",
    "queued": "In the queue.",
    "stopping": "Stopping…",
    "nothing_to_cancel": "There is nothing to cancel.",
    "cancelled_number": "Cancelled: {number}.",
    "queue_empty": "You have nothing in the queue. Pictures of others: {others}.",
    "queue_line": "{position}. {style}: {state}",
    "queue_waits": "waiting",
    "styles": "The gallery. Send a photo to use one of these.",
    "mystyles_none": "You have no styles of your own yet. Send a picture with the caption <i>style</i>.",
    "mystyles": "Your own styles. Tap one to remove it.",
    "style_kept": "Saved as your style “{name}”. You will find it among the buttons from now on.",
    "style_full": "You have {number} styles of your own, and no more fit. Remove one first: /mystyles",
    "style_of_what": "Reply to a picture with the word style, or send a picture with the caption style.",
    "style_forgotten": "Removed.",
    "settings": "Your settings for the next photos. Strength of the style: {strength}. Colours: {colours}.",
    "colours_style": "the style's",
    "colours_keep": "the photo's",
    "saved": "Saved.",
    "delete_sure": "Delete all your pictures, styles and settings now?",
    "deleted": "I have deleted everything I had of yours. The messages in our chat are yours to delete.",
    "erased": "Deleted.",
    "own_style": "own style {number}",
    "button_other": "🎨 Another style",
    "button_mix": "➕ Mix with…",
    "button_softer": "➖ Softer",
    "button_stronger": "💪 Stronger",
    "button_keep": "🌈 Keep my colours",
    "button_take": "🌈 Style's colours",
    "button_circle": "⭕ As a circle",
    "button_square": "⬜ As a square",
    "button_full": "🖼 Whole, as a file",
    "button_how": "❓ How to set it",
    "button_cancel": "✖ Cancel",
    "button_back": "↩ Back",
    "button_delete": "🗑 Yes, delete all",
    "command_start": "what this bot does",
    "command_help": "how to use it",
    "command_styles": "the gallery",
    "command_mystyles": "your own styles",
    "command_settings": "strength, colours, language",
    "command_queue": "your place in the queue",
    "command_cancel": "stop your pictures",
    "command_privacy": "what is kept",
    "command_delete": "remove everything of yours",
}

# Short enough for half the width of a telephone, with a number before it.
STYLES = {
    "composition_vii": "Composition VII",
    "contrast_of_forms": "Forms",
    "great_wave": "Great Wave",
    "plum_tree": "Plum Tree",
    "portrait_of_metzinger": "Metzinger",
    "shipwreck_of_the_minotaur": "The Minotaur",
    "starry_night": "Starry Night",
    "tableau_no_2": "Tableau No. 2",
    "the_scream": "The Scream",
    "udnie": "Udnie",
    "water_lilies": "Water Lilies",
    "woman_in_peasant_dress": "Peasant Dress",
    "woman_with_a_hat": "Woman with a Hat",
}
