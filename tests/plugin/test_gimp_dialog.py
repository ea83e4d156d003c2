"""The dialog in the real GIMP 3 with its windows, under Xvfb: opened from GIMP's own search, seen, used.

Set IMPASTO_SCREENSHOTS to a folder to keep what was seen.
"""

import gettext
import os
import re
import shutil
from pathlib import Path

import pytest
from desktop import Desktop
from gimp_root import configure, running, wait_for
from PIL import Image

from impasto.plugin.translating import SOURCES

pytestmark = pytest.mark.gimp
DIALOG = "Neural Style"
FILLED = 50_000  # colours that the dialog shows with its gallery; the photograph alone has 37,000
LOWEST_SCREEN = 768  # pixels; GIMP's own dialogs fit there
# The other languages only where their pictures are kept: each starts a GIMP of its own.
LOCALES = ["de_DE", "zh_CN", *(["es_ES", "fr_FR", "ru_RU"] if os.environ.get("IMPASTO_SCREENSHOTS") else [])]


@pytest.fixture(scope="module")
def photo(tmp_path_factory):
    from skimage import data

    path = tmp_path_factory.mktemp("photo") / "chelsea.png"
    Image.fromarray(data.chelsea()).save(path)
    return path


@pytest.fixture(scope="module")
def desktop(root, tmp_path_factory, small_engine, notes, photo):
    screen = Desktop(root, tmp_path_factory.mktemp("desktop"), small_engine(notes), photo)
    yield screen
    screen.close()


def keep(path):
    if folder := os.environ.get("IMPASTO_SCREENSHOTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        shutil.copy(path, folder)


def open_dialog(desktop):
    """Opens the dialog; its own window number."""
    desktop.call("chelsea", "Neural Style")
    return wait_for(lambda: desktop.windows(DIALOG), every=0.5)[-1]


def colours(desktop, window, path):
    """How many colours a window shows."""
    desktop.picture(path, window)
    with Image.open(path) as picture:
        return len(picture.convert("RGB").getcolors(1 << 24))


def layers(desktop, number):
    """Waits until the image window's title tells of so many layers."""
    words = f"{number} layer" + ("s" if number != 1 else "")
    wait_for(lambda: any("chelsea" in title and words in title for title in desktop.titles()), every=0.5)


def test_paint_undo_cancel(desktop, notes, tmp_path):
    layers(desktop, 1)
    window = open_dialog(desktop)
    path = tmp_path / "dialog.png"
    wait_for(lambda: colours(desktop, window, path) > FILLED, every=1)
    desktop.run("xdotool", "mousemove", "5", "900", "sleep", "1")  # away: no tooltip over the dialog
    keep(desktop.picture(path, window))
    desktop.press(DIALOG, "alt+v")  # Preview
    wait_for(lambda: notes.exists() and len(notes.read_text().splitlines()) == 1)
    desktop.run("sleep", "2")
    keep(desktop.picture(tmp_path / "preview.png", window))
    desktop.press(DIALOG, "Return")
    layers(desktop, 2)
    wait_for(lambda: not desktop.windows(DIALOG), every=0.5)
    keep(desktop.picture(tmp_path / "painted.png"))
    assert running(str(notes)) == []

    desktop.press("chelsea", "ctrl+z")
    layers(desktop, 1)  # one step takes everything back

    open_dialog(desktop)
    desktop.press(DIALOG, "Escape")
    wait_for(lambda: not desktop.windows(DIALOG), every=0.5)
    wait_for(lambda: running(str(notes)) == [])
    layers(desktop, 1)
    assert len(notes.read_text().splitlines()) == 2  # the preview and the painting


def test_cancel_while_it_paints(desktop, notes, small_engine, tmp_path):
    configure(desktop.folder / "gimp", small_engine(notes, "slow"))
    seen = len(notes.read_text().splitlines())
    window = open_dialog(desktop)
    desktop.run("sleep", "5")
    desktop.press(DIALOG, "Return")
    wait_for(lambda: len(notes.read_text().splitlines()) > seen)
    keep(desktop.picture(tmp_path / "painting.png", window))
    desktop.press(DIALOG, "Escape")
    wait_for(lambda: running(str(notes)) == [])
    wait_for(lambda: not desktop.windows(DIALOG), every=0.5)
    layers(desktop, 1)
    configure(desktop.folder / "gimp", small_engine(notes))


def choose_result(desktop, number):
    """Chooses what becomes of the painting, by the list's number; GIMP keeps that for the next time."""
    desktop.press(DIALOG, "alt+e", "Home", *["Down"] * number)


def test_a_group_with_the_steps_is_one_step_of_undo(desktop, notes):
    open_dialog(desktop)
    desktop.run("sleep", "5")
    choose_result(desktop, 2)
    desktop.press(DIALOG, "alt+p")  # Paint; Return would open the list again
    layers(desktop, 8)  # the group, five steps, what is finished, and the photograph
    wait_for(lambda: not desktop.windows(DIALOG), every=0.5)
    desktop.press("chelsea", "ctrl+z")
    layers(desktop, 1)


def test_methods_that_the_engine_has_not_are_grey(desktop, start_gimp):
    gimp = start_gimp(None, environment={"DISPLAY": desktop.environment["DISPLAY"]})
    chosen, told, hints = gimp.do(
        """
import sys
sys.path.insert(0, folder)
gi.require_version("GimpUi", "3.0")
from gi.repository import GimpUi
GimpUi.init("test")
from arguments import Given
from rows import MethodRow
config = Gimp.get_pdb().lookup_procedure("impasto-neural-style").create_config()
row = MethodRow(config, Given(config))
choice = Gimp.param_spec_choice_get_choice(config.find_property("method"))
config.set_property("style-name", "udnie")
config.set_property("method", "instant")
chosen, told, hints = [], [], []
def look():
    chosen.append(config.get_property("method"))
    told.append([name for name in choice.list_nicks() if choice.is_valid(name)])
    hints.append(row.hint.get_visible())
row.take(methods)
look()
config.set_property("style-name", "starry_night")
look()
row.take([*methods[:1], dict(name="instant", styles=None), dict(name="refine", styles=None)])
look()
result = [chosen, told, hints]
""",
        folder=str(gimp.profile / "plug-ins" / "impasto"),
        methods=[{"name": "optimise", "styles": None}, {"name": "instant", "styles": ["udnie"]}],
    )
    everything = ["auto", "instant", "refine", "optimise"]
    assert told == [["auto", "instant", "optimise"], ["auto", "optimise"], everything]
    assert chosen == ["instant", "auto", "auto"]  # what cannot be had any more gives way
    assert hints == [True, True, False]


def test_a_failure_is_told_in_gimps_own_dialog(desktop, notes, small_engine, tmp_path):
    configure(desktop.folder / "gimp", small_engine(notes, "memory"))
    open_dialog(desktop)
    desktop.run("sleep", "5")
    desktop.press(DIALOG, "Return")
    wait_for(lambda: desktop.windows("GIMP Message"), every=0.5)
    keep(desktop.picture(tmp_path / "failure.png"))
    layers(desktop, 1)
    assert running(str(notes)) == []


def new_images(desktop):
    """The image that the window shows, such as `Untitled]-10`, if it has no file."""
    return [match[0] for title in desktop.titles() if (match := re.search(r"Untitled\]-\d+", title))]


def test_a_new_image_is_shown_also_when_the_filter_is_repeated(desktop, notes, small_engine):
    if message := desktop.windows("GIMP Message"):  # of the test before
        desktop.run("xdotool", "windowactivate", "--sync", message[0], "key", "Return")
    configure(desktop.folder / "gimp", small_engine(notes))
    open_dialog(desktop)
    desktop.run("sleep", "5")
    choose_result(desktop, 1)
    desktop.press(DIALOG, "alt+p")  # Paint; Return would open the list again
    first = wait_for(lambda: new_images(desktop), every=0.5)
    wait_for(lambda: not desktop.windows(DIALOG), every=0.5)
    desktop.press("Untitled", "ctrl+f")  # Repeat "Neural Style"
    wait_for(lambda: new_images(desktop) not in ([], first), every=0.5)
    wait_for(lambda: running(str(notes)) == [])


CALL = """
import gi
gi.require_version("Gimp", "3.0")
from gi.repository import Gimp
procedure, image = Gimp.get_pdb().lookup_procedure("impasto-neural-style"), Gimp.get_images()[0]
config = procedure.create_config()
config.set_property("run-mode", Gimp.RunMode.INTERACTIVE)
config.set_property("image", image)
config.set_core_object_array("drawables", image.get_layers())
procedure.run(config)
"""


@pytest.mark.parametrize("locale", LOCALES)
def test_in_other_languages(locale, root, tmp_path, small_engine, photo):
    """The dialog speaks GIMP's language, and its longest words leave it small enough for a small screen."""
    language = locale if locale == "zh_CN" else locale[:2]
    title = gettext.translation("impasto", SOURCES / "locale", [language]).gettext(DIALOG)
    environment = {"LANG": f"{locale}.UTF-8", "LANGUAGE": language}
    engine = small_engine(tmp_path / "notes")
    screen = Desktop(root, tmp_path, engine, photo, environment, program=CALL)
    try:
        window = wait_for(lambda: screen.windows(title), every=0.5)[-1]
        path = tmp_path / f"dialog_{language}.png"
        wait_for(lambda: colours(screen, window, path) > FILLED, every=1)
        screen.run("xdotool", "mousemove", "5", "900", "sleep", "1")
        keep(screen.picture(path, window))
        with Image.open(path) as picture:
            assert picture.height < LOWEST_SCREEN - 60 and picture.width < 1100
        screen.press(title, "Escape")
        wait_for(lambda: not screen.windows(title), every=0.5)
        wait_for(lambda: running(str(tmp_path / "notes")) == [])
    finally:
        screen.close()
