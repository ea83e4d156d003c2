"""The student and its teacher in one model: what `distill.py` trains.

The student's block ends predict the teacher's standardised activations through 1×1 adapters; the
model's output is the errors themselves, so that any Keras training loop can make them small.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from impasto.models.register import MEANS

from .errors import UsageError

if TYPE_CHECKING:
    import keras

SPREAD = 64.0  # about the deviation of a photograph's pixels; divided out while training, folded in at export


class Tap(NamedTuple):
    """One thing to learn: a student layer predicts a teacher layer on the picture enlarged `zoom` times."""

    student: str
    teacher: str
    zoom: int = 1

    @property
    def title(self) -> str:
        """For logs and tables, such as `relu3_2<-fire5@2`."""
        b, c = self.student.removeprefix("block").split("_conv")
        return f"relu{b}_{c}<-{self.teacher}" + (f"@{self.zoom}" if self.zoom != 1 else "")


SQUEEZENET_TAPS = (
    Tap("block1_conv2", "conv1", 2),
    Tap("block2_conv2", "conv1"),
    Tap("block2_conv2", "fire3", 2),
    Tap("block3_conv2", "fire3"),
    Tap("block3_conv2", "fire5", 2),
    Tap("block4_conv2", "fire5"),
    Tap("block4_conv2", "fire9", 2),
    Tap("block5_conv1", "fire9"),
    Tap("block5_conv1", "fire7"),
)
# At fine resolutions every other row and column tells as much: neighbouring errors are alike.
THINNED = ("block1_conv2", "block2_conv2")
VGG_TAPS = tuple(
    Tap(s, t)
    for s, t in (
        ("block1_conv2", "block1_conv2"),
        ("block2_conv2", "block2_conv2"),
        ("block3_conv2", "block3_conv4"),
        ("block4_conv2", "block4_conv2"),
        ("block4_conv2", "block4_conv4"),
        ("block5_conv1", "block5_conv1"),
    )
)


class Distiller:
    """Student, adapters and teacher in one Keras model whose output is the errors themselves.

    Args:
        student: model whose layers the taps name.
        teacher: model whose layers the taps name; not trained.
        taps: what to learn.
        sample: (n, side, side, 3) uint8 crops over which the teacher's channels are standardised.
    """

    def __init__(self, student: keras.Model, teacher: keras.Model, taps: tuple[Tap, ...], sample: np.ndarray):
        import keras

        self.taps, self.student = taps, student
        known = {layer.name for layer in teacher.layers}
        if missing := [tap.teacher for tap in taps if tap.teacher not in known]:
            raise UsageError(
                f"The teacher has no such layer; it has {', '.join(sorted(known))}. Received: {missing}"
            )
        if len(set(taps)) < len(taps):
            raise UsageError(f"A tap is named twice. Received: {', '.join(tap.title for tap in taps)}")
        crops = keras.Input((None, None, 3), dtype="uint8", name="crops")
        picture = _Preprocess(name="preprocess")(crops)
        targets = self._targets(keras, teacher, picture)
        self.watching = keras.Model(crops, targets)
        learner = keras.Model(student.input, [student.get_layer(t.student).output for t in taps])
        _check_resolutions(taps, learner, self.watching, sample.shape[1:])
        self.statistics = _channel_statistics(self.watching, sample)

        # Called anew on its input, so that bfloat16 casts apply to it.
        features = learner(keras.layers.Rescaling(1 / SPREAD)(picture))
        features = features if isinstance(features, (list, tuple)) else [features]
        errors = []
        for tap, feature, target, (mean, deviation) in zip(
            taps, features, targets, self.statistics, strict=True
        ):
            name = tap.title.replace("<-", "_").replace("@", "_x")
            adapter = keras.layers.Conv2D(len(mean), 1, name=f"adapter_{name}")
            if tap.student in THINNED:
                feature, target = feature[:, ::2, ::2], target[:, ::2, ::2]
            errors.append(_StandardisedError(mean, deviation, name=name)([adapter(feature), target]))
        self.model = keras.Model(crops, keras.layers.Concatenate(dtype="float32")(errors))

    def _targets(self, keras: Any, teacher: keras.Model, picture: Any) -> list:
        """The teacher's activations for each tap, symbolic."""
        by_zoom: dict[tuple[str, int], Any] = {}
        for zoom in sorted({tap.zoom for tap in self.taps}):
            names = [tap.teacher for tap in self.taps if tap.zoom == zoom]
            enlarge = keras.layers.UpSampling2D(zoom, interpolation="bilinear", name=f"enlarge_{zoom}")
            outputs = keras.Model(teacher.input, [teacher.get_layer(n).output for n in names])(
                enlarge(picture) if zoom > 1 else picture
            )
            outputs = outputs if isinstance(outputs, (list, tuple)) else [outputs]
            by_zoom |= {(name, zoom): output for name, output in zip(names, outputs, strict=True)}
        return [by_zoom[tap.teacher, tap.zoom] for tap in self.taps]

    def errors(self, crops: np.ndarray) -> np.ndarray:
        """Mean standardised error of each tap over the crops; (taps,)."""
        return self.model.predict(crops, batch_size=8, verbose=0).mean(axis=0)

    def spread(self, crops: np.ndarray) -> np.ndarray:
        """The errors that predicting each channel's own mean over the crops would make; (taps,).

        Other photographs vary more or less than the sample did: `errors` over this is the share of
        their variance that the student leaves unexplained.
        """
        moments = _channel_statistics(self.watching, crops)
        pairs = zip(moments, self.statistics, strict=True)
        return np.array([np.mean(np.square(own / sample)) for (_, own), (_, sample) in pairs])

    def export(self, path: Path, sample: np.ndarray) -> None:
        """Writes the student in half precision, each channel's mean activation scaled to 1.

        Gatys et al. (2015) normalise VGG so; with ReLU and linear pooling it changes no
        activation but by a factor, and lets one set of loss weights serve every layer.
        """
        write_half_precision(normalised_weights(self.student, sample), path)


def _check_resolutions(
    taps: tuple[Tap, ...], student: keras.Model, teacher: keras.Model, shape: tuple[int, ...]
) -> None:
    """Makes sure that each tap's two layers have one resolution, but for a last row of the teacher's."""
    for tap, mine, theirs in zip(taps, _heights(student, shape), _heights(teacher, shape), strict=True):
        if not mine <= theirs <= mine + 1:
            raise UsageError(
                f"A tap's two layers have one resolution; choose another layer or @ZOOM. Received: "
                f"{tap.title}, {mine} and {theirs} high on a picture of {shape[0]}"
            )


def _heights(model: keras.Model, shape: tuple[int, ...]) -> list[int]:
    shapes = model.compute_output_shape((1, *shape))
    return [int(own[1]) for own in (shapes if isinstance(shapes, list) else [shapes])]


def _layers() -> tuple[type, type]:
    """The two layers of the distiller; defined on first use, for importing Keras is slow."""
    import keras
    from keras import ops

    class Preprocess(keras.layers.Layer):
        """RGB bytes to Caffe's blue-green-red floats."""

        def __init__(self, **kwargs):
            super().__init__(dtype="float32", autocast=False, **kwargs)

        def call(self, crops):
            return ops.cast(crops, "float32")[..., ::-1] - ops.convert_to_tensor(MEANS, "float32")

    class StandardisedError(keras.layers.Layer):
        """Mean squared error in units of the target's own variance; (batch, 1)."""

        def __init__(self, mean, deviation, **kwargs):
            super().__init__(dtype="float32", **kwargs)
            self.mean, self.deviation = mean, deviation

        def call(self, pair):
            prediction, target = pair
            height, width = ops.shape(prediction)[1], ops.shape(prediction)[2]
            wanted = (target[:, :height, :width] - self.mean) / self.deviation
            return ops.mean(ops.square(prediction - wanted), axis=(1, 2, 3))[:, None]

    return Preprocess, StandardisedError


def _Preprocess(**kwargs):
    return _layers()[0](**kwargs)


def _StandardisedError(*args, **kwargs):
    return _layers()[1](*args, **kwargs)


def _channel_statistics(model: keras.Model, sample: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """(mean, deviation) of each output's channels; channels that never speak count as deviation 1."""
    sums: list = []
    for start in range(0, len(sample), 8):
        outputs = model.predict_on_batch(sample[start : start + 8])
        outputs = outputs if isinstance(outputs, (list, tuple)) else [outputs]
        moments = [
            np.stack([o.mean((0, 1, 2)), np.square(o, dtype="float64").mean((0, 1, 2))]) for o in outputs
        ]
        sums.append(moments)
    counts = [len(sample[start : start + 8]) for start in range(0, len(sample), 8)]
    means = [np.average(column, axis=0, weights=counts) for column in zip(*sums, strict=True)]
    result = []
    for first, second in means:
        deviation = np.sqrt(np.maximum(second - first**2, 0))
        deviation[deviation < 1e-3 * deviation.max()] = 1
        result.append((first.astype("float32"), deviation.astype("float32")))
    return result


def normalised_weights(student: keras.Model, sample: np.ndarray) -> dict[str, np.ndarray]:
    """The student's weights, scaled so that each channel's mean activation over the sample is 1.

    Channels that are almost silent are not raised above a twentieth of their layer's mean: their
    noise would be heard instead.

    Args:
        student: `vgg_mini`.
        sample: (n, side, side, 3) uint8 crops.

    Returns:
        `{"block1_conv1/kernel": ..., "block1_conv1/bias": ...}` in float32.
    """
    import keras

    names = [layer.name for layer in student.layers if "_conv" in layer.name]
    features = keras.Model(student.input, [student.get_layer(name).output for name in names])
    picture = (sample[..., ::-1].astype("float32") - np.array(MEANS, "float32")) / SPREAD
    batches = [features.predict_on_batch(picture[i : i + 8]) for i in range(0, len(picture), 8)]
    weights, previous = {}, np.full(3, 1 / SPREAD, "float32")
    for i, name in enumerate(names):
        means = [np.asarray(batch[i], "float32").mean((0, 1, 2)) for batch in batches]
        mean = np.average(means, axis=0, weights=[len(batch[i]) for batch in batches]).astype("float32")
        mean = np.maximum(mean, max(mean.mean() / 20, 1e-12))
        kernel, bias = student.get_layer(name).get_weights()
        weights[f"{name}/kernel"] = kernel * previous[:, None] / mean
        weights[f"{name}/bias"] = bias / mean
        previous = mean
    return weights


def write_half_precision(
    weights: dict[str, np.ndarray], path: Path, more: dict[str, np.ndarray] | None = None
) -> None:
    """Writes arrays as float16, and `more` as they are, to an .npz, beside it first and then renamed."""
    largest = np.finfo("float16").max  # a silent channel's bias may be beyond it, and stays as silent
    halved = {name: np.clip(array, -largest, largest).astype("float16") for name, array in weights.items()}
    temporary = path.with_name(path.name + ".part")
    with open(temporary, "wb") as file:
        np.savez_compressed(file, **halved, **(more or {}))  # type: ignore[arg-type]
    os.replace(temporary, path)
