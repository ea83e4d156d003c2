"""A stand-in for GIMP 2.10's gimpfu: keeps what is registered, so that `gimp.pdb` can call it."""

import gimp

PF_IMAGE, PF_LAYER, PF_DRAWABLE = 13, 14, 16
PF_SLIDER, PF_SPINNER, PF_FILENAME, PF_OPTION = 1001, 1002, 1011, 1013


class CancelError(RuntimeError):
    pass


def register(
    name, blurb, help, author, copyright, date, label, imagetypes, params, results, function, menu=None
):
    for text in (name, blurb, help, label, menu):
        str(text)  # GIMP takes bytes, or what is ASCII
    for kind, key, text, default in [row[:4] for row in params]:
        str(key), text.decode("utf-8"), kind, default
    gimp.registered.update(name=str(name), params=params, results=results, menu=menu, label=label)
    setattr(gimp.pdb, str(name).replace("-", "_"), lambda *values: function(*values))


def main():
    pass
