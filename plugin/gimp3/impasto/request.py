"""From the filter's arguments to a request of the engine's protocol (docs/engine.md)."""

from __future__ import annotations

from layers import export, export_image
from problems import Problem
from words import _

DRAFT = 256  # longest side of the dialog's preview, in pixels


def prepare(engine, config, part, methods, preview=False):
    """Writes the pictures into the engine's folder, and says what is to be painted from them.

    Args:
        engine: a ready engine.
        config: the arguments.
        part: what is to be painted.
        methods: what the engine can do, from its `methods` event.
        preview: a small picture for the dialog.

    Returns:
        The keys of a `stylize` request, and the (width, height) that the painting will have.
    """
    number = engine.number + 1
    content = engine.folder / f"content-{number}.png"
    width, height = export(part.layer, content, part.area, 2 * DRAFT if preview else None)
    limit = DRAFT if preview else config.get_property("size-limit")
    size = min(limit, max(width, height)) if limit else max(width, height)
    styles, blend = _styles(engine, config, number)
    settings = {
        "size": size,
        "strength": config.get_property("strength") / 100,
        "style_scale": config.get_property("style-scale"),
        "colours": config.get_property("colours"),
        "seed": config.get_property("seed"),
    }
    if config.get_property("steps"):
        settings["steps"] = config.get_property("steps")
    if preview:
        settings["recipe"] = "draft"
    request = {
        "content": str(content),
        "styles": styles,
        "output": str(engine.folder / f"painting-{number}.png"),
        "settings": settings,
        "preview_seconds": 0.5 if preview else 3,
    }
    if blend:
        request["blend"] = blend
    method = choose(config.get_property("method"), methods, styles)
    if method != "optimise":  # engines without other methods do not know the key
        request["method"] = method
    ratio = size / max(width, height)
    return request, (max(1, round(width * ratio)), max(1, round(height * ratio)))


def choose(method, methods, styles):
    """The method to ask for; `auto` is the quickest that can paint these styles.

    Raises:
        Problem: the engine cannot paint them by the method that was asked for.
    """

    def can(row):
        return row.get("styles") is None or all(style in row["styles"] for style in styles)

    able = [row["name"] for row in methods if can(row)]
    if method == "auto":
        return "instant" if "instant" in able else "optimise"
    if method not in able and method != "optimise":
        raise Problem(
            _(
                "This engine cannot paint this style by the method “{method}”. Choose the method "
                "“{instead}”, or another style."
            ).format(method=method, instead="optimise")
        )
    return method


def title(config, name):
    """What a layer painted in this style is called."""
    kind = config.get_property(f"{name}-from")
    if kind == "gallery":
        return config.get_property(f"{name}-name").replace("_", " ").title()
    thing = config.get_property(f"{name}-{kind}")
    return thing.get_basename() if kind == "file" else thing.get_name()


def names(config):
    """The styles' titles, joined."""
    second = config.get_property("second-from") != "none"
    return " + ".join(title(config, name) for name in (("style", "second") if second else ("style",)))


def _styles(engine, config, number):
    first = _style(engine, config, "style", number)
    if config.get_property("second-from") == "none":
        return [first], None
    mix = config.get_property("mix") / 100
    if mix == 0:
        return [first], None
    second = _style(engine, config, "second", number)
    return ([second], None) if mix == 1 else ([first, second], [1 - mix, mix])


def _style(engine, config, name, number):
    kind = config.get_property(f"{name}-from")
    if kind == "gallery":
        return config.get_property(f"{name}-name")
    thing = config.get_property(f"{name}-{kind}")
    if kind == "file":
        path = thing.get_path() if thing else None
        if not path:
            raise Problem(_("Choose the picture file that the style is to come from."))
        return path
    if thing is None or not thing.is_valid():
        raise Problem(_("Choose the open layer or image that the style is to come from."))
    path = engine.folder / f"{name}-{number}.png"
    if kind == "layer":
        export(thing, path)
    else:
        export_image(thing, path)
    return str(path)
