"""No line of tifffile's or libtiff's stands before ours."""

import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from impasto.core.errors import PictureError
from impasto.core.images import load_picture
from impasto.core.silenced import silenced

CASES = Path(__file__).parent / "cases"


def damaged_tiff(compression):
    numbers = np.random.default_rng(0).integers(0, 255, (64, 64, 3)).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(numbers).save(buffer, "TIFF", compression=compression)
    data = bytearray(buffer.getvalue())
    data[300:900] = bytes([7]) * 600
    return bytes(data)


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate"])
def test_libtiff_says_nothing(compression, capfd):
    data = damaged_tiff(compression)
    with pytest.raises(PictureError):
        load_picture(data)
    with pytest.raises(PictureError):
        load_picture(Image.open(io.BytesIO(data)))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("closed", ["", " 2>&-"])
def test_a_command_says_one_line_of_a_tiff_that_is_only_a_header(closed):
    program = (
        "import os, sys\n"
        "from impasto.core.errors import PictureError\n"
        "from impasto.core.images import load_picture\n"
        "try:\n    load_picture(sys.argv[1])\n"
        "except PictureError as error:\n    print(error)\n"
    )
    command = f'exec "$0" -c "$1" "$2"{closed}'
    done = subprocess.run(
        ["sh", "-c", command, sys.executable, program, str(CASES / "tiff_header_only.tif")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    assert len(done.stdout.splitlines()) == 1 and "ends before its first page" in done.stdout


def test_what_comes_after_is_heard_even_behind_a_failure(capfd):
    with pytest.raises(ValueError), silenced():
        os.write(2, b"not heard")
        raise ValueError
    os.write(2, b"heard")
    assert capfd.readouterr().err == "heard"
