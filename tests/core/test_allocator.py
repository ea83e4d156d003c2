"""What becomes of freed arrays: in processes of their own, since an allocator's state is the process's."""

import os
import subprocess
import sys

import pytest

from impasto.core.allocator import can_keep

pytestmark = pytest.mark.skipif(not can_keep(), reason="there is no glibc")

# Arrays of 40 and of 8 MB, as a step makes and frees; prints what was fetched from the system, and is held.
PROGRAM = """
import resource, sys
import numpy as np
from impasto.core import allocator
from impasto.core.host import resident_memory

def step():
    for megabytes in (40, 8, 40):
        np.ones(megabytes << 20, "uint8")

def fetched():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    step()
    return (resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) * resource.getpagesize()

allocator.one_arena()
at_first = resident_memory()
for command in sys.argv[1:]:
    exec(command)
print(fetched(), resident_memory() - at_first)
"""
MEGABYTE = 1 << 20


def after(*commands):
    """Bytes that a step fetched after these commands, and bytes held then beside those of before."""
    words = [sys.executable, "-c", PROGRAM, *commands]
    small_pages = os.environ | {"NUMPY_MADVISE_HUGEPAGE": "0"}  # or a page may be 4 kB or 2 MB
    said = subprocess.run(words, check=True, capture_output=True, text=True, env=small_pages).stdout
    return [float(word) for word in said.split()]


def test_kept_arrays_are_not_fetched_again():
    fetched, held = after("allocator.keep()", "step()")
    assert fetched < MEGABYTE and 39 * MEGABYTE < held < 100 * MEGABYTE


def test_what_was_kept_is_given_back():
    for end in ("allocator.give_back()", "allocator.as_usual()"):
        fetched, held = after("allocator.keep()", "step()", end)
        assert fetched > 79 * MEGABYTE and held < 20 * MEGABYTE
    fetched, _ = after("allocator.give_back()", "step()")
    assert fetched > 87 * MEGABYTE  # the small one too


def test_too_much_is_given_back_and_keeping_goes_on():
    enough = "allocator.keep(1 << 40)"
    assert after(enough, "step()", "allocator.tidy()")[0] < MEGABYTE
    much = "allocator.keep(1); step(); allocator.tidy()"
    assert after(much)[0] > 39 * MEGABYTE
    assert after(much, "step()")[0] < MEGABYTE
    fetched, _ = after("allocator.tidy()", "step()")  # nothing is kept: nothing to do
    assert fetched > 79 * MEGABYTE


def test_a_training_keeps_memory_to_its_end():
    begun = (
        "from impasto.core import devices; devices.plain_tensorflow = lambda: True",
        "from impasto.core.training_run import freed_memory_kept; training = freed_memory_kept()",
        "training.__enter__()",
        "step()",
    )
    assert after(*begun)[0] < 2 * MEGABYTE
    assert after(*begun, "training.__exit__(None, None, None)")[0] > 79 * MEGABYTE
