"""Channel pruning: a narrow network begins as the wide one it learns from, with its most telling channels.

Of each layer the channels are kept from which the others are best told (a pivoted Cholesky factorisation of
the second moment), and the kernel is fitted by least squares: the kept channels' values before the ReLU, from
what the narrow network itself has one layer earlier. So an error is not passed on where the next layer can
make up for it (He, Zhang & Sun 2017, arXiv:1707.06168, section 3; they choose by LASSO and solve for the
layer's output).

    prune_into(student, teacher, crops, spread=64.0)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from impasto.models.register import MEANS

if TYPE_CHECKING:
    import keras

BATCH = 8  # crops a pass
ROWS = 20  # equations for each unknown of a kernel's column
LEAST_ROWS = 20_000
RIDGE = 1e-4  # of the mean diagonal: patches of neighbouring pixels are nearly dependent
CHOSEN_FROM = 60_000  # positions from which channels are chosen


def prune_into(
    student: keras.Model, teacher: keras.Model, crops: np.ndarray, spread: float = 1.0, seed: int = 0
) -> dict[str, float]:
    """Fills a network's convolutions from a wider one's of the same names.

    Args:
        student: a chain of 3×3 convolutions with ReLU and poolings; what it takes is divided by `spread`.
        teacher: has a convolution for each of the student's, at least as wide, and the same poolings.
        crops: (n, side, side, 3) uint8, RGB.
        spread: what the student's pictures are divided by.
        seed: draws the positions that are looked at.

    Returns:
        For each convolution the squared error of the kept channels, as a share of their energy.
    """
    import keras

    random = np.random.default_rng(seed)
    wide = crops[..., ::-1].astype("float32") - np.array(MEANS, "float32")
    narrow = wide / np.float32(spread)
    errors: dict[str, float] = {}
    for layer in student.layers:
        if isinstance(layer, keras.layers.Conv2D):
            before = _convolved(wide, *teacher.get_layer(layer.name).get_weights())
            after = np.maximum(before, 0)
            kept = _most_telling(after, layer.filters, random)
            kernel, bias = _fitted(narrow, before[..., kept], random)
            narrow = np.maximum(_convolved(narrow, kernel, bias), 0)
            errors[layer.name] = float(
                np.square(narrow - after[..., kept]).sum() / max(np.square(after[..., kept]).sum(), 1e-12)
            )
            size = max(float(np.sqrt(np.mean(np.square(narrow)))), 1e-6)
            narrow /= size  # activations of about 1, as the optimiser and half precision like them
            layer.set_weights([kernel / size, bias / size])
            wide = after
        elif layer.weights == [] and hasattr(layer, "pool_size"):
            wide, narrow = _batched(layer, wide), _batched(layer, narrow)
    return errors


def _batched(function: Any, values: np.ndarray) -> np.ndarray:
    import keras

    parts = [
        keras.ops.convert_to_numpy(function(values[i : i + BATCH])) for i in range(0, len(values), BATCH)
    ]
    return np.concatenate(parts).astype("float32", copy=False)


def _convolved(values: np.ndarray, kernel: np.ndarray, bias: np.ndarray) -> np.ndarray:
    from keras import ops

    kernel, bias = np.asarray(kernel, "float32"), np.asarray(bias, "float32")
    return _batched(lambda batch: ops.conv(batch, kernel, padding="same") + bias, values)


def _most_telling(features: np.ndarray, count: int, random: np.random.Generator) -> np.ndarray:
    """The channels to keep, ascending: each next one is what those before it tell least of."""
    channels = features.shape[-1]
    if count >= channels:
        return np.arange(channels)
    rows = features.reshape(-1, channels)
    rows = rows[random.integers(len(rows), size=min(CHOSEN_FROM, len(rows)))].astype("float64")
    moment = rows.T @ rows / len(rows)
    moment = moment / max(np.trace(moment), 1e-12) + np.eye(channels) * 1e-6 / channels
    left, factor, kept = moment.diagonal().copy(), np.zeros((channels, count)), []
    for i in range(count):
        pivot = int(left.argmax())
        kept.append(pivot)
        column = moment[:, pivot] - factor[:, :i] @ factor[pivot, :i]
        factor[:, i] = column / np.sqrt(max(column[pivot], 1e-15))
        left -= factor[:, i] ** 2
        left[kept] = -1
    return np.sort(kept)


def _fitted(
    values: np.ndarray, wanted: np.ndarray, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """The 3×3 kernel and the bias that come nearest to the wanted values, by least squares."""
    from keras import ops

    n, height, width, channels = values.shape
    unknowns = 9 * channels + 1
    positions = min(height * width, -(-max(ROWS * unknowns, LEAST_ROWS) // n))
    square, right = np.zeros((unknowns, unknowns)), np.zeros((unknowns, wanted.shape[-1]))
    for i in range(0, n, BATCH):
        patches = ops.convert_to_numpy(
            ops.image.extract_patches(values[i : i + BATCH], (3, 3), strides=1, padding="same")
        )
        drawn = random.permutation(height * width)[:positions]
        rows = patches.reshape(len(patches), -1, unknowns - 1)[:, drawn].reshape(-1, unknowns - 1)
        rows = np.concatenate([rows, np.ones((len(rows), 1), "float32")], axis=1)
        target = wanted[i : i + BATCH].reshape(len(patches), -1, wanted.shape[-1])[:, drawn]
        square += rows.T @ rows
        right += rows.T @ target.reshape(-1, wanted.shape[-1])
    square += np.eye(unknowns) * RIDGE * np.trace(square) / unknowns
    solution = np.linalg.solve(square, right).astype("float32")
    return solution[:-1].reshape(3, 3, channels, -1), solution[-1]
