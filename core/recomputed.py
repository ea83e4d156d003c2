"""Gradient checkpointing: what a network holds for the way back is computed once more there, part by part.

    objective = Objective(Recomputed(extractor), losses)  # the same loss and gradient

A gradient wants every layer's result. Here the network's parts keep their inputs only, and each is run once
more when the gradient comes by (Chen et al. 2016, arXiv:1604.06174): less memory, for one more pass forward.

Pictures that `stylize` paints have no need of it: tiles hold less still, and a picture of which each part is
one tile is this very thing (`tile_plan.py`). It is for what tiles cannot do: the crops of a training
(`TrainSettings.recompute`), networks with branches, losses that are no sums over positions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import keras

from .backend import Tensor
from .segments import inputs_of

SIDE = 1024  # of a picture by which maps' sizes are compared, in pixels


class Recomputed:
    """An extractor whose gradient holds one part's results at a time, beside the inputs of all parts.

    Args:
        extractor: an `Extractor`.

    Attributes:
        layers: the extractor's.
        model: its network in parts.
    """

    def __init__(self, extractor: Any):
        self.extractor, self.layers = extractor, tuple(extractor.layers)
        self.model = InParts(extractor.model)

    def __call__(self, image: Tensor) -> dict[str, Tensor]:
        """As the extractor: features (pictures, height, width, channels) by layer, of pictures of 0-1."""
        features = self.model([self.extractor.preprocessed(image)])
        return {layer: self.extractor.predicted(layer, features[layer]) for layer in self.layers}


class InParts:
    """A functional model of the same function, cut where one map leads on.

    It is cut where a map has just become smaller and where it is about to grow: behind poolings and strides,
    before enlargements. Finer parts would hold no less (measured: docs/performance.md).

    Args:
        model: whose first input is a picture (batch, height, width, channels); any part may take its other
            inputs.

    Attributes:
        count: the number of parts.
    """

    def __init__(self, model: keras.Model):
        self.model = model
        self._parts = [
            # Outputs by number, since Keras gives one output of a list as itself.
            (takes, gives, keras.Model(takes, {str(number): tensor for number, tensor in enumerate(gives)}))
            for takes, gives in _parts(model)
        ]
        self.count = len(self._parts)

    def __call__(self, inputs: Sequence[Tensor]) -> Any:
        """The model's outputs, in its own structure."""
        known = {id(tensor): value for tensor, value in zip(self.model.inputs, inputs, strict=True)}
        for takes, gives, part in self._parts:
            # A function anew each time: JAX remembers the weights that one saw when it was traced.
            results = keras.remat(lambda *values, part=part: dict(part(list(values))))(
                *(known[id(tensor)] for tensor in takes)
            )
            known |= {id(tensor): results[str(number)] for number, tensor in enumerate(gives)}
        return keras.tree.map_structure(lambda tensor: known[id(tensor)], self.model.output)


def _parts(model: keras.Model) -> Iterator[tuple[list[Any], list[Any]]]:
    """What each part takes and gives."""
    operations, start = model.operations, None
    outputs = keras.tree.flatten(model.output)
    ends = [*_cuts(model), len(operations)]
    for first, end in zip([0, *ends], ends, strict=False):
        part = operations[first:end]
        seen = {id(tensor) for operation in part for tensor in inputs_of(operation)}
        takes = [tensor for tensor in model.inputs if id(tensor) in seen and tensor is not start]
        own = {id(operation.output) for operation in part}
        gives = {id(tensor): tensor for tensor in outputs if id(tensor) in own}
        if end < len(operations):
            onward = operations[end - 1].output
            gives[id(onward)] = onward
        yield [start, *takes] if start is not None else takes, list(gives.values())
        start = operations[end - 1].output


def _cuts(model: keras.Model) -> list[int]:
    """Places among a model's operations, each that of a part's first."""
    operations, given = model.operations, {id(tensor) for tensor in model.inputs}
    sides = _sides(model)
    taken: dict[int, int] = {}  # the last place at which each map is taken
    for place, operation in enumerate(operations):
        taken |= {id(tensor): place for tensor in inputs_of(operation)}
    cuts, side = [], max(sides)  # the side of the map at the last cut
    for place in range(len(operations) - 1):
        here = id(operations[place].output)
        before = [id(one.output) for one in operations[:place]]
        alone = here not in given and taken.get(here, 0) > place
        alone = alone and not any(taken.get(tensor, 0) > place for tensor in before if tensor not in given)
        smaller, growing = sides[place] < 0.75 * side, sides[place] < 0.75 * sides[place + 1]
        if alone and (smaller or growing):
            cuts.append(place + 1)
            side = sides[place]
    return cuts


def _sides(model: keras.Model) -> list[int]:
    """The side of each operation's result, of a picture of `SIDE`; 0 of what is no map."""
    results = keras.Model(model.inputs, [operation.output for operation in model.operations])
    shapes = [(1, *[SIDE] * (len(tensor.shape) - 2), tensor.shape[-1]) for tensor in model.inputs]
    found = results.compute_output_shape(shapes if len(shapes) > 1 else shapes[0])
    return [shape[1] if len(shape) == 4 else 0 for shape in found]
