"""The style part of the dialog: the gallery with its pictures, a file, an open layer or image."""

from __future__ import annotations

import gi

gi.require_version("Gtk", "3.0")
from gi.repository import GdkPixbuf, GimpUi, Gio, GObject, Gtk  # noqa: E402
from rows import choice_row  # noqa: E402
from words import _  # noqa: E402

THUMBNAIL = 64  # longest side in pixels
WIDTH = 500  # of the gallery before it is filled, so that the dialog keeps its size
ROW = 106  # height of a row of pictures with their titles, in pixels


class Gallery(Gtk.ScrolledWindow):
    """Pictures to choose a style from; the choice is kept in a property of the configuration."""

    def __init__(self, config, name):
        super().__init__(min_content_width=WIDTH)
        self.set_rows(2)
        self.set_policy(Gtk.PolicyType.AUTOMATIC, Gtk.PolicyType.AUTOMATIC)
        self.set_shadow_type(Gtk.ShadowType.IN)
        self.config, self.name = config, f"{name}-name"
        self.store = Gtk.ListStore(str, str, GdkPixbuf.Pixbuf, str)
        self.view = Gtk.IconView(model=self.store, item_width=THUMBNAIL + 32)
        self.view.set_text_column(1)
        self.view.set_pixbuf_column(2)
        self.view.set_tooltip_column(3)
        self.view.set_margin(4)
        self.view.set_row_spacing(2)
        self.view.set_column_spacing(2)
        self.view.set_selection_mode(Gtk.SelectionMode.BROWSE)
        self.view.get_accessible().set_name(_("Gallery"))
        for renderer in self.view.get_cells():
            if isinstance(renderer, Gtk.CellRendererText):
                renderer.set_property("scale", 0.85)
                renderer.set_property("xalign", 0.5)
        self.filling = False
        self.view.connect("selection-changed", self._chosen)
        config.connect(f"notify::{self.name}", lambda *_: self.show_choice())
        self.add(self.view)

    def set_rows(self, count):
        """So many rows are seen at once."""
        self.set_min_content_height(count * ROW)

    def fill(self, styles):
        """Shows the styles of the engine's `styles` event, by what they paint or by what they are from."""
        self.filling = True
        self.store.clear()
        for style in styles:
            title = style.get("title") or style["name"].replace("_", " ")
            author = ", ".join(str(style[key]) for key in ("author", "year") if style.get(key))
            try:
                picture = GdkPixbuf.Pixbuf.new_from_file_at_size(
                    style.get("preview") or style.get("thumbnail", ""), THUMBNAIL, THUMBNAIL
                )
            except Exception:  # a gallery without this picture is still a gallery
                picture = None
            tip = title.replace("&", "&amp;").replace("<", "&lt;") + (f"\n{author}" if author else "")
            self.store.append([style["name"], title, picture, tip])
        self.filling = False
        self.show_choice()

    def show_choice(self):
        """Selects the picture that the configuration names."""
        wanted = self.config.get_property(self.name)
        for row in self.store:
            if row[0] == wanted and not self.view.path_is_selected(row.path):
                self.view.select_path(row.path)
                self.view.scroll_to_path(row.path, False, 0, 0)

    def _chosen(self, view):
        if not self.filling and (paths := view.get_selected_items()):
            self.config.set_property(self.name, self.store[paths[0]][0])


class StyleChooser(Gtk.Box):
    """Where one style comes from, and below that the controls to choose it.

    Args:
        config: the arguments.
        name: `style` or `second`.
    """

    def __init__(self, config, name):
        super().__init__(orientation=Gtk.Orientation.VERTICAL, spacing=6)
        self.config, self.name = config, name
        self.kind = choice_row(config, f"{name}-from")
        self.pack_start(self.kind, False, False, 0)
        self.stack = Gtk.Stack(vhomogeneous=False)
        self.gallery = Gallery(config, name)
        self.stack.add_named(Gtk.Box(), "none")
        self.stack.add_named(self.gallery, "gallery")
        self.stack.add_named(self._file(), "file")
        self.stack.add_named(self._open(GimpUi.LayerComboBox, "layer"), "layer")
        self.stack.add_named(self._open(GimpUi.ImageComboBox, "image"), "image")
        self.pack_start(self.stack, True, True, 0)
        config.connect(f"notify::{name}-from", self._switch)
        self.show_all()
        self._switch()

    def _switch(self, *_args):
        kind = self.config.get_property(f"{self.name}-from")
        self.stack.set_visible(kind != "none")
        self.stack.set_visible_child_name(kind)

    def _file(self):
        button = Gtk.FileChooserButton(
            title=_("Choose a picture or a style file"), action=Gtk.FileChooserAction.OPEN
        )
        pictures = Gtk.FileFilter()
        pictures.set_name(_("Pictures"))
        for ending in ("png", "jpg", "jpeg", "webp", "tif", "tiff", "bmp", "avif"):
            pictures.add_pattern(f"*.{ending}")
            pictures.add_pattern(f"*.{ending.upper()}")
        button.add_filter(pictures)
        if given := self.config.get_property(f"{self.name}-file"):
            button.set_file(given)
        button.connect(
            "file-set",
            lambda chosen: self.config.set_property(f"{self.name}-file", _local(chosen.get_file())),
        )
        button.set_valign(Gtk.Align.START)
        return button

    def _open(self, kind, ending):
        """A list of the open layers or images; what was chosen the last time may be closed by now."""
        from gi.repository import Gimp

        find = Gimp.Layer.get_by_id if ending == "layer" else Gimp.Image.get_by_id
        box, key = kind.new(None), f"{self.name}-{ending}"
        given = self.config.get_property(key)
        if given is not None and given.is_valid():
            box.set_active(given.get_id())

        def chosen(*_args):
            found, number = box.get_active()
            self.config.set_property(key, find(number) if found and number > 0 else None)

        GObject.Object.connect(box, "changed", chosen)  # the box has a `connect` of its own
        chosen()
        box.set_valign(Gtk.Align.START)
        return box


def _local(file):
    """The file under its path: a chooser may give it another address."""
    return Gio.File.new_for_path(file.get_path()) if file and file.get_path() else file
