"""What the bot says in English; every other language has the same keys and the same fields."""

NAME = "English"

TEXTS = {
    "start": "Send me a photo and choose a style: it becomes your profile picture. A selfie, a pet, a house, "
    "anything.\n\nAbove: before and after. /help says more.",
    "help": "<b>How it works</b>\n"
    "1. Send a photo, or a file if every pixel matters, or an album.\n"
    "2. Choose a style from the buttons.\n"
    "3. Wait a little: the same message becomes your picture.\n\n"
    "<b>Your own style</b>: send a picture with the caption <i>style</i>, or answer a picture with the word "
    "<i>style</i>.\n"
    "<b>In a group</b>: answer a photo and mention me, or mention me in a photo's caption.\n\n"
    "/styles – the gallery\n/mystyles – your own styles\n/settings – strength, colours, language\n"
    "/queue – where your pictures stand\n/cancel – stop them\n/privacy – what is kept\n"
    "/delete – remove everything of yours\n\n"
    "Limits: files up to {megabytes} MB and {megapixels} million pixels, {per_day} pictures a day.",
    "privacy": "Your photos and pictures are deleted {minutes} minutes after delivery; a photo without a chosen "
    "style after {hours} hours. Beside them only your language, strength and colours, and the styles you sent "
    "are kept, so that they work next time. Nothing is shown to anybody or used for anything else.\n\n"
    "/delete removes all of it at once.",
    "choose": "Which style?",
    "choose_mix": "Mix with which style?",
    "fetching": "Fetching your photo…",
    "waiting": "In the queue: {before} before you{left}.",
    "next": "You are next{left}.",
    "begun": "Painting…",
    "running": "Painting… {percent} %{left}",
    "left_seconds": ", about {number} s left",
    "left_minutes": ", about {number} min left",
    "done": "{style}. Yours!",
    "done_full": "{style}, the whole photo",
    "full_status": "The whole photo is put into the queue…",
    "cancelled": "Cancelled. Choose another style, or send another photo.",
    "failed": "This did not work: {reason}",
    "reason_crash": "painting it failed twice. Try another style or a smaller photo.",
    "reason_damaged": "the picture is damaged or of a kind I cannot read. Send it as JPEG or PNG.",
    "reason_too_many_pixels": "the picture has too many pixels. Send it as a photo instead of a file.",
    "reason_too_small": "the picture is too small: 16 pixels at least.",
    "reason_too_thin": "the picture is too long and thin. Crop it first.",
    "reason_too_large_to_paint": "there is not enough memory for a picture of this size.",
    "reason_too_large_file": "the file is larger than {megabytes} MB. Send it as a photo instead.",
    "reason_expired": "the photo is not kept any more. Send it again.",
    "reason_style_gone": "that style was deleted. Choose another.",
    "reason_unfetched": "Telegram does not hand the photo out any more. Send it again.",
    "first_frame": "Only the first frame was painted.",
    "how": "Save the picture, then: Settings → your picture → Set new photo. A bot cannot do it for you.",
    "not_yours": "This picture is somebody else's.",
    "stale": "These buttons are out of date.",
    "expired": "This photo is not kept any more. Send it again.",
    "limit_waiting": "You have {number} pictures in the queue already. One of them must be done first.",
    "limit_day": "You have had your {number} pictures for today. Come again tomorrow.",
    "banned": "You cannot use this bot.",
    "paused": "Painting pauses at the moment; your picture keeps its place.",
    "not_a_picture": "Send me a photo, or a picture as a file.",
    "queued": "In the queue.",
    "stopping": "Stopping…",
    "nothing_to_cancel": "There is nothing to cancel.",
    "cancelled_number": "Cancelled: {number}.",
    "queue_empty": "You have nothing in the queue. Pictures of others: {others}.",
    "queue_line": "{position}. {style}: {state}",
    "styles": "The gallery. Send a photo to use one.",
    "mystyles_none": "You have no styles of your own yet. Send a picture with the caption <i>style</i>.",
    "mystyles": "Your own styles. A tap forgets one.",
    "style_kept": "Kept as your style “{name}”. It is among the buttons from now on.",
    "style_full": "You have {number} styles already. Forget one first: /mystyles",
    "style_of_what": "Answer a picture with the word style, or send a picture with the caption style.",
    "style_forgotten": "Forgotten.",
    "settings": "Your settings. Strength: {strength} %. Colours: {colours}.",
    "colours_style": "the style's",
    "colours_keep": "the photo's",
    "saved": "Saved.",
    "delete_sure": "Delete all your pictures, styles and settings now?",
    "deleted": "Everything of yours is deleted.",
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
    "command_queue": "where your pictures stand",
    "command_cancel": "stop your pictures",
    "command_privacy": "what is kept",
    "command_delete": "remove everything of yours",
}

# Short enough for half the width of a telephone, with a number before it.
STYLES = {
    "composition_vii": "Composition VII",
    "contrast_of_forms": "Contrast of Forms",
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
