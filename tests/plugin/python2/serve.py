"""Does in GIMP 2.10, or in its stand-in, what comes over a socket: one JSON text of Python a line.

python2.7 serve.py SOCKET PLUG-IN      with the stand-in
(python-fu-serve RUN-NONINTERACTIVE "SOCKET")      as a plug-in
"""

import json
import os
import socket
import sys
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))


def serve(path):
    near = socket.socket(socket.AF_UNIX)
    near.connect(path)
    names = {}
    with open(os.path.join(HERE, "helpers.py")) as file:
        exec(file.read(), names)
    for line in iter(near.makefile("rb").readline, b""):
        request = json.loads(line)
        names.update(request["names"], result=None)
        try:
            exec(request["code"].encode("utf-8"), names)
            answer = {"result": names["result"]}
        except Exception:
            answer = {"failure": traceback.format_exc()}
        near.sendall(json.dumps(answer).encode("ascii") + b"\n")


if len(sys.argv) == 3:
    sys.path.insert(0, os.path.dirname(sys.argv[2]))
    with open(sys.argv[2]) as file:
        code = compile(file.read(), sys.argv[2], "exec")
    exec(code, {"__name__": "plug-in", "__file__": sys.argv[2]})
    serve(sys.argv[1])
else:
    from gimpfu import PF_STRING, main, register

    register("python-fu-serve", "", "", "", "", "", "", "", [(PF_STRING, "path", "", "")], [], serve)
    main()
