"""Keras without Matplotlib, and Matplotlib afterwards; in a process that has loaded neither."""

import subprocess
import sys

PROGRAM = """
import sys
from impasto.core.unplotted import unplotted
with unplotted():
    import keras
assert not any(name.startswith("matplotlib") for name in sys.modules)
import matplotlib.pyplot
assert "pyplot" in matplotlib.pyplot.__name__
with unplotted():
    import matplotlib.pyplot as again  # loaded: nothing is hidden
assert again is matplotlib.pyplot
"""


def test_matplotlib_is_hidden_while_keras_is_imported_and_there_afterwards():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
