"""A small engine process that speaks docs/engine.md's protocol and paints at once, for tests of the queue.

A style's name tells it how: `udnie` slowly, `the_scream` dies at once, `plum_tree` dies the first time,
`great_wave` hangs and does not hear a cancel, `contrast_of_forms` has no memory, `composition_vii` is
noise, which no format makes small.
Each painting it begins is noted in a file.
"""

import json
import os
import sys
import threading
import time

from PIL import Image, ImageOps

NOTES = os.environ.get("SMALL_ENGINE_NOTES", "")
cancelled: set = set()
requests: list = []
arrived = threading.Condition()


def tell(event, **facts):
    print(json.dumps({"event": event} | facts), flush=True)


def read():
    for line in sys.stdin:
        request = json.loads(line)
        with arrived:
            if request["command"] == "cancel":
                cancelled.add(request["id"])
            else:
                requests.append(request)
            arrived.notify()
    os._exit(0)


def note(what):
    if NOTES:
        with open(NOTES, "a") as file:
            file.write(what + "\n")
        with open(NOTES) as file:
            return file.read().count(what + "\n")
    return 1


def paint(request):
    number, settings = request["id"], request["settings"]
    style = os.path.basename(request["styles"][0])
    times = note(style)
    steps = int(os.environ.get("SMALL_ENGINE_STEPS", "3")) if style != "udnie" else 400
    tell("started", id=number, steps=steps)
    for step in range(1, steps + 1):
        if style == "the_scream" or (style == "plum_tree" and times == 1):
            os._exit(9)
        if style == "contrast_of_forms":
            return tell("error", id=number, kind="memory", message="no memory", advice="")
        if style == "great_wave":
            time.sleep(60)
        if number in cancelled:
            return tell("cancelled", id=number)
        left = (steps - step) * (0.02 if step > 1 else 0.6)  # the first step compiles
        tell("progress", id=number, step=step, steps=steps, seconds_left=left)
        time.sleep(0.02)
    image = ImageOps.posterize(Image.open(request["content"]).convert("RGB"), 3)
    if style == "composition_vii":
        image = Image.frombytes("RGB", image.size, os.urandom(3 * image.width * image.height))
    if settings.get("colours") == "keep":
        image = ImageOps.grayscale(image).convert("RGB")
    image.save(request["output"])
    tell("done", id=number, output=request["output"])


threading.Thread(target=read, daemon=True).start()
tell("ready", protocol=1, version="0")
while True:
    with arrived:
        arrived.wait_for(lambda: requests)
        todo = requests.pop(0)
    paint(todo)
