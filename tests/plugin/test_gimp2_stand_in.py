"""The filter for GIMP 2.10 in the real Python 2.7 with a stand-in: what no GIMP without a window shows."""

import pytest
from gimp2_sessions import StandIn, engine_words, find_python2
from gimp_root import host_python, running
from painted import array


@pytest.fixture
def stand_in(tmp_path, notes, tmp_path_factory):
    """A stand-in of the test's own, with a slow engine."""
    if not find_python2():
        pytest.skip("There is no Python 2.7 here, neither on the PATH nor pyenv's.")
    started, python = [], host_python(tmp_path_factory.mktemp("python"), inside=False)

    def start(*fault, environment=None):
        started.append(StandIn(tmp_path, engine_words(notes, *fault, python=python), environment))
        started[-1].do("GALLERY = 0")
        return started[-1]

    yield start
    for gimp in started:
        gimp.close()


def test_one_step_of_undo_progress_and_cancel(stand_in, notes):
    groups, progress = (gimp := stand_in("slow")).do("""
image = new_image()
run_filter(image, new_layer(image), result=2)
result = [[image.groups, image.open], gimp.progress]
""")
    assert groups == [1, 0]
    assert "Step 1 of 5, 1:14 left" in progress
    fractions = [one for one in progress if isinstance(one, float)]
    assert fractions == sorted(fractions) and 0 < fractions[0] < 1
    # gimpfu's dialog, as far as its Cancel goes: GIMP calls what listens for it between two moves of the bar.
    status, messages, names, sensitive = gimp.do("""
import sys, types
gtk = types.ModuleType("gtk")
class Dialog(object):
    listeners, sensitive = [], []
    def connect(self, signal, listener):
        self.listeners.append(listener)
    def set_response_sensitive(self, response, sensitive):
        self.sensitive.append((response, sensitive))
gtk.Dialog, gtk.RESPONSE_CANCEL, dialog = Dialog, -6, Dialog()
gtk.window_list_toplevels = lambda: [object(), dialog]
sys.modules.update(gtk=gtk, gimpui=gtk)
gimp.progress_update = lambda fraction: [listener(dialog, -6) for listener in dialog.listeners]
image = new_image()
layer = new_layer(image)
status = run_filter(image, layer)[0]
result = [status, gimp.messages, tree(image), dialog.sensitive]
""")
    assert (status, messages, names, sensitive) == ("error", [], ["source"], [[-6, True]])
    assert running(str(notes)) == []


def test_the_selection_is_that_of_the_call(stand_in):
    """A painting takes minutes, in which its user selects something else."""
    masks, now = stand_in("slow").do("""
image = new_image()
layer = new_layer(image)
masks = []
for result in (0, 1):
    select(image, 10, 4, 40, 20, 128)
    gimp.progress_update = lambda fraction: select(image, 0, 0, 4, 4)
    masks.append(pixels(run_filter(image, layer, result=result)[0].mask))
result = [masks, sum(image.selection.data)]
""")
    assert now == 16 * 255
    for mask in masks:
        assert array(mask)[1].shape[:2] == (20, 40) and set(array(mask)[1].flat) == {128}


def test_speaks_the_languages(stand_in):
    label, params = stand_in(environment={"LANGUAGE": "ru", "LANG": "ru_RU.UTF-8"}).do("""
import gimpfu
result = [gimp.registered["label"], [list(row[1:3]) for row in gimp.registered["params"]]]
""")
    assert label == "Нейро_стиль…" or ("…" in label and label != "_Neural Style…")
    labels = dict(params)
    assert labels["style-name"].startswith("Галерея (") and labels["method"] != "_Method"
