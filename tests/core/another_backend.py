"""Under the backend that KERAS_BACKEND names: runs tests, then paints small pictures into a file.

    KERAS_BACKEND=jax python tests/core/another_backend.py OUT.npz test_backend.py test_objective.py

One process for both, since importing a backend takes longer than either. See test_backends.py.
"""

import sys

import numpy as np
import pytest


def photograph() -> np.ndarray:
    """What is painted: shapes and some grain, (40, 56, 3) of 0-1."""
    rows, columns = np.mgrid[:40, :56] / 56
    shapes = np.stack([rows, columns, 0.5 + 0.4 * np.sin(12 * rows * columns)], axis=-1)
    return np.clip(shapes + np.random.default_rng(0).normal(0, 0.08, shapes.shape), 0, 1)


def paint() -> dict[str, np.ndarray]:
    """Pictures that every backend should paint alike, by name, (height, width, 3) float32 of 0-1."""
    from impasto.core.recipes import settings_for
    from impasto.core.stylize import stylize

    paintings = {
        "quality": settings_for("quality", size=56, steps=12, network="vgg_mini"),
        # Plain descent: L-BFGS' line search, and Adam's steps of one size whatever the gradient's, make a
        # visible difference of a rounding error within a few steps.
        "noise": settings_for(
            "mxnet", size=40, steps=12, network="vgg_mini", seed=3, learning_rate=0.02, denoise=0.0
        ),
    }
    return {
        name: stylize(photograph(), ["starry_night"], settings=settings).picture.pixels
        for name, settings in paintings.items()
    }


if __name__ == "__main__":
    output, *files = sys.argv[1:]
    status = pytest.main(["-p", "no:cacheprovider", *files])
    if status == 0:
        np.savez(output, **paint())
    sys.exit(status)
