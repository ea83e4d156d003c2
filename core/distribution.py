"""Several devices through the backend's own distribution: each takes its share of every batch.

TensorFlow: `tf.distribute.MirroredStrategy`. JAX: `keras.distribution.DataParallel`. Keras offers
neither on PyTorch.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from .assemble import made_from
from .backend import backend_title
from .errors import UsageError


class Distribution:
    """Where a training runs.

    Args:
        devices: how many devices share each batch; 0 takes all that the backend sees, 1 is plain training.
        batch: pictures a step, a multiple of the number of devices.

    Attributes:
        count: the number of devices.

    Raises:
        UsageError: there are fewer devices, the batch cannot be shared, or the backend offers none of it.
    """

    def __init__(self, devices: int, batch: int):
        self.strategy: Any = None
        self.count = devices
        if devices == 1:
            return
        names = _names()
        self.count = devices or len(names)
        if self.count > len(names):
            raise UsageError(f"{backend_title()} sees {len(names)} device(s). Received: --devices {devices}")
        if batch % self.count:
            raise UsageError(
                f"The batch is shared evenly by {self.count} devices; choose a multiple. Received: {batch}"
            )
        if self.count == 1:
            return
        if keras.backend.backend() == "tensorflow":
            import tensorflow as tf

            self.strategy = tf.distribute.MirroredStrategy(names[: self.count])
        else:
            made_from.cache_clear()  # networks made before lie on one device
            keras.distribution.set_distribution(
                keras.distribution.DataParallel(devices=names[: self.count], auto_shard_dataset=False)
            )

    @contextlib.contextmanager
    def scope(self) -> Iterator[None]:
        """Within it all variables are made."""
        with self.strategy.scope() if self.strategy else contextlib.nullcontext():
            yield

    def train(self, model: keras.Model, x: dict[str, np.ndarray], y: np.ndarray) -> float:
        """One optimiser step; returns the loss."""
        if self.strategy is None:
            return float(model.train_on_batch(x, y))
        share = len(y) // self.count
        parts = [
            (
                {name: array[i * share : (i + 1) * share] for name, array in x.items()},
                y[i * share : (i + 1) * share],
            )
            for i in range(self.count)
        ]
        # Keras's own step gives each replica the whole of a NumPy batch; these are already shared out.
        shared = self.strategy.experimental_distribute_values_from_function(
            lambda context: _tensors(parts[context.replica_id_in_sync_group])
        )
        model.make_train_function()
        model.reset_metrics()
        return float(np.asarray(model.train_function(iter([shared]))["loss"]))

    def close(self) -> None:
        """Leaves JAX as it was."""
        if self.count > 1 and self.strategy is None:
            keras.distribution.set_distribution(None)
            made_from.cache_clear()


def _tensors(part: Any) -> Any:
    import tensorflow as tf

    return tf.nest.map_structure(tf.convert_to_tensor, part)


def _names() -> list[str]:
    """The GPUs, or where there is none the CPUs, in the words that the backend's distribution takes."""
    name = keras.backend.backend()
    if name == "tensorflow":
        import tensorflow as tf

        kind = "GPU" if tf.config.list_logical_devices("GPU") else "CPU"
        return [device.name for device in tf.config.list_logical_devices(kind)]
    if name == "jax":
        return list(keras.distribution.list_devices())
    raise UsageError(
        "Keras distributes over several devices on TensorFlow and JAX; set KERAS_BACKEND to one of them, or "
        f"train on one device. Received: {backend_title()}"
    )
