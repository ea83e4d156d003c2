"""The student, its heads and the teacher in one model: what `distill.py` trains.

The heads predict the principal components of the teacher's layers, each divided by its own root
energy; the model's output is the errors themselves, so that any Keras training loop can make them small.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from impasto.models.register import MEANS, keras_spelling
from impasto.models.vgg_mini import HEADS, Head

from .errors import UsageError, WeightsError
from .principal import Components, principal_components

if TYPE_CHECKING:
    import keras

SPREAD = 64.0  # about the deviation of a photograph's pixels; divided out while training, folded in at export
# A component's error is weighted by its share of the energy to this power: 1 would leave weak
# components untrained, 0 would spend the student on them.
EMPHASIS = 0.5
# At fine resolutions every other row and column tells as much: neighbouring errors are alike.
THINNED = ("relu1_1", "relu2_1")


class Distiller:
    """Student, heads and teacher in one Keras model whose output is the errors themselves.

    Args:
        student: the trunk, whose convolutions `heads` name.
        teacher: model whose layers are learnt; not trained.
        sample: (n, side, side, 3) uint8 crops over which the components are computed.
        heads: for each of the teacher's layers (`relu4_1`), what is to be predicted where.
        components: the layers' components where they are known from an earlier run, in place of the sample's.

    Attributes:
        layers: the layers that are learnt, shallow to deep.
        components: of each layer.
        model: from crops (batch, side, side, 3) uint8 to errors (batch, layers): of each layer the mean over
            positions of the squared errors of its components, weighted by their shares of the energy to the
            power `EMPHASIS`; 1 where nothing is predicted.
        errors_model: the same, but each layer's squared error as a share of its energy.
    """

    def __init__(
        self,
        student: keras.Model,
        teacher: keras.Model,
        sample: np.ndarray,
        heads: Mapping[str, Head] = HEADS,
        components: Mapping[str, Components] | None = None,
    ):
        import keras

        self.heads, self.layers = dict(heads), tuple(heads)
        self.student, self.teacher = student, teacher
        known = {layer.name for layer in teacher.layers}
        if missing := [layer for layer in heads if keras_spelling(layer) not in known]:
            raise UsageError(
                f"The teacher has no such layer; it has {', '.join(sorted(known))}. Received: {missing}"
            )
        crops = keras.Input((None, None, 3), dtype="uint8", name="crops")
        picture = _Preprocess(name="preprocess")(crops)
        watching = keras.Model(
            teacher.input, {layer: teacher.get_layer(keras_spelling(layer)).output for layer in heads}
        )
        self.watching = keras.Model(crops, watching(picture))
        counts = {layer: head.components for layer, head in heads.items()}
        self.components = dict(components or principal_components(self.watching, sample, counts))

        # Called anew on its input, so that bfloat16 casts apply to it.
        taps = keras.Model(student.input, [student.get_layer(head.tap).output for head in heads.values()])
        features = taps(keras.layers.Rescaling(1 / SPREAD)(picture))
        weighted, shares = [], []
        targets = self.watching(crops)
        for (layer, head), feature in zip(heads.items(), features, strict=True):
            prediction = keras.layers.Conv2D(head.components, 1, name=f"head_{layer}")(feature)
            target = targets[layer]
            if layer in THINNED:
                prediction, target = prediction[:, ::2, ::2], target[:, ::2, ::2]
            own = _ComponentErrors(self.components[layer], name=f"errors_{layer}")([prediction, target])
            weighted.append(own[..., :1])
            shares.append(own[..., 1:])
        self.model = keras.Model(crops, keras.layers.Concatenate(dtype="float32", name="weighted")(weighted))
        self.errors_model = keras.Model(
            crops, keras.layers.Concatenate(dtype="float32", name="shares")(shares)
        )

    def errors(self, crops: np.ndarray, batch: int = 8) -> np.ndarray:
        """Each layer's mean squared error over the crops as a share of the layer's energy; (layers,)."""
        return self.errors_model.predict(crops, batch_size=batch, verbose=0).mean(axis=0)

    def fit_heads(self, crops: np.ndarray, batch: int = 8, ridge: float = 1e-5) -> None:
        """Fits the heads by least squares to the taps' activations over crops (n, side, side, 3), uint8."""
        import keras

        taps = [self.student.get_layer(head.tap).output for head in self.heads.values()]
        tapped = keras.Model(self.student.input, dict(zip(self.layers, taps, strict=True)))
        sums: dict[str, list[Any]] = {layer: [0.0, 0.0] for layer in self.layers}
        for start in range(0, len(crops), batch):
            part = crops[start : start + batch]
            pictures = (part[..., ::-1].astype("float32") - np.array(MEANS, "float32")) / SPREAD
            features, targets = tapped.predict_on_batch(pictures), self.watching.predict_on_batch(part)
            for layer in self.layers:
                every = max(1, features[layer].shape[1] // 32)  # neighbours tell the same
                mine, theirs = (
                    np.asarray(maps[layer][:, ::every, ::every], "float32").reshape(-1, maps[layer].shape[-1])
                    for maps in (features, targets)
                )
                rows = np.concatenate([mine, np.ones((len(mine), 1), "float32")], axis=1)
                found = self.components[layer]
                wanted = theirs @ (found.directions / np.sqrt(found.energies)).astype("float32")
                sums[layer][0] = sums[layer][0] + (rows.T @ rows).astype("float64")
                sums[layer][1] = sums[layer][1] + (rows.T @ wanted).astype("float64")
        for layer, (square, right) in sums.items():
            square += np.eye(len(square)) * ridge * np.trace(square) / len(square)
            solution = np.linalg.solve(square, right).astype("float32")
            self.model.get_layer(f"head_{layer}").set_weights([solution[:-1][None, None], solution[-1]])

    def arrays(self) -> dict[str, np.ndarray]:
        """The trunk's and the heads' weights in the teacher's units, and the components, by name.

        `block4_conv1/kernel`, `heads/relu4_1/kernel` (taps' channels, components), and of each layer
        `components/relu4_1/directions`, `energies` and `total`.
        """
        arrays: dict[str, np.ndarray] = {}
        for layer in self.student.layers:
            if layer.weights:
                kernel, bias = layer.get_weights()
                first = not arrays
                arrays[f"{layer.name}/kernel"] = kernel / SPREAD if first else kernel
                arrays[f"{layer.name}/bias"] = bias
        for layer in self.layers:
            kernel, bias = self.model.get_layer(f"head_{layer}").get_weights()
            scale = np.sqrt(self.components[layer].energies).astype("float32")
            arrays[f"heads/{layer}/kernel"] = kernel[0, 0] * scale
            arrays[f"heads/{layer}/bias"] = bias * scale
        return arrays | _named(self.components)

    def begin(self, arrays: Mapping[str, np.ndarray], path: Path) -> None:
        """Takes over the weights of a trained network, as `arrays` gives them.

        Raises:
            WeightsError: they are another network's.
        """
        try:
            first = True
            for layer in self.student.layers:
                if layer.weights:
                    kernel = np.asarray(arrays[f"{layer.name}/kernel"], "float32")
                    layer.set_weights([kernel * SPREAD if first else kernel, arrays[f"{layer.name}/bias"]])
                    first = False
            for layer in self.layers:
                scale = np.sqrt(self.components[layer].energies).astype("float32")
                kernel = np.asarray(arrays[f"heads/{layer}/kernel"], "float32") / scale
                bias = np.asarray(arrays[f"heads/{layer}/bias"], "float32") / scale
                self.model.get_layer(f"head_{layer}").set_weights([kernel[None, None], bias])
        except (KeyError, ValueError) as error:
            raise WeightsError(
                f"Expected the weights of a network of this shape. Received: {path} ({error})"
            ) from None

    def export(self, path: Path) -> None:
        """Writes what `arrays` gives in half precision; energies, which may be beyond it, in single."""
        arrays = self.arrays()
        whole = {name: array for name, array in arrays.items() if name.endswith(("/energies", "/total"))}
        write_half_precision(
            {name: array for name, array in arrays.items() if name not in whole}, path, whole
        )


def _named(components: Mapping[str, Components], dtype: str = "float32") -> dict[str, np.ndarray]:
    return {
        f"components/{layer}/{name}": np.asarray(value, dtype)
        for layer, own in components.items()
        for name, value in own._asdict().items()
    }


def write_components(components: Mapping[str, Components], path: Path) -> None:
    """Writes components in double precision, for a run to go on with."""
    write_half_precision({}, path, _named(components, "float64"))


def components_in(arrays: Mapping[str, np.ndarray]) -> dict[str, Components]:
    """The components that a file of `Distiller.export` holds, by layer."""
    layers = {name.split("/")[1] for name in arrays if name.startswith("components/")}
    return {
        layer: Components(
            np.asarray(arrays[f"components/{layer}/directions"], "float64"),
            np.asarray(arrays[f"components/{layer}/energies"], "float64"),
            float(arrays[f"components/{layer}/total"]),
        )
        for layer in layers
    }


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

    class ComponentErrors(keras.layers.Layer):
        """Errors of predicted components; (batch, 2): weighted, and as a share of the layer's energy."""

        def __init__(self, components, **kwargs):
            super().__init__(dtype="float32", **kwargs)
            scale = np.sqrt(components.energies)
            self.directions = (components.directions / scale).astype("float32")
            emphasis = components.shares**EMPHASIS
            self.weights_of_errors = np.stack([emphasis / emphasis.sum(), components.shares], -1).astype(
                "float32"
            )

        def call(self, pair):
            prediction, target = pair
            wanted = ops.matmul(target, ops.convert_to_tensor(self.directions))
            squares = ops.mean(ops.square(prediction - wanted), axis=(1, 2))  # (batch, components)
            return ops.matmul(squares, ops.convert_to_tensor(self.weights_of_errors))

    return Preprocess, ComponentErrors


def _Preprocess(**kwargs: Any) -> Any:
    return _layers()[0](**kwargs)


def _ComponentErrors(*args: Any, **kwargs: Any) -> Any:
    return _layers()[1](*args, **kwargs)


def write_half_precision(
    weights: Mapping[str, np.ndarray], path: Path, more: Mapping[str, np.ndarray] | None = None
) -> None:
    """Writes arrays as float16, and `more` as they are, to an .npz, beside it first and then renamed."""
    largest = np.finfo("float16").max  # a silent channel's bias may be beyond it, and stays as silent
    halved = {name: np.clip(array, -largest, largest).astype("float16") for name, array in weights.items()}
    temporary = path.with_name(path.name + ".part")
    with open(temporary, "wb") as file:
        np.savez_compressed(file, **halved, **(more or {}))  # type: ignore[arg-type]
    os.replace(temporary, path)
