"""What every training does alike: the rate's rise and fall, and the files that its folder goes on from.

A run's folder holds `checkpoint.npz`, `settings.json` and `log.csv`. All three are written beside and then
renamed, so an interruption or a full disk leaves the last whole ones.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from impasto.models.weights import one_line

from . import allocator
from .errors import ImpastoError, UsageError, WeightsError
from .picture_writing import write_file

if TYPE_CHECKING:
    import keras


@contextmanager
def freed_memory_kept() -> Iterator[None]:
    """Keeps what a step frees for the next where TensorFlow's allocator does not; over a training."""
    from .devices import plain_tensorflow

    if plain_tensorflow():
        allocator.keep()
    try:
        yield
    finally:
        allocator.as_usual()


def jit_compiled() -> bool:
    """What Keras is told of compiling a step: JAX would run it operation by operation, while TensorFlow's
    graphs are quicker without XLA on a processor, and `torch.compile` needs a compiler."""
    import keras

    return keras.backend.backend() == "jax"


def learning_rate(settings: Any, step: int) -> float:
    """The rate of a step (0-based): rise, plateau, linear fall (Hu et al. 2024, arXiv:2404.06395).

    Args:
        settings: with `learning_rate`, `warmup` and `steps` in steps, `decay` as a share of them.
        step: which.
    """
    rise = min(1.0, (step + 1) / max(settings.warmup, 1))
    fall = (settings.steps - step) / max(settings.decay * settings.steps, 1)
    return settings.learning_rate * min(rise, fall, 1.0)


def require_finite(step: int, loss: float, measured: Any = 0.0) -> None:
    """Ends a training whose numbers are none any more.

    Raises:
        ImpastoError: they are not.
    """
    if not (math.isfinite(loss) and np.isfinite(measured).all()):
        raise ImpastoError(
            "The training diverged; the last checkpoint is kept. Choose a lower --learning-rate and "
            f"another output folder. Received: a loss of {loss:g} at step {step}"
        )


class Checkpoint:
    """Model, optimiser and step in one file, replaced whole.

    Args:
        path: the file.
        model: compiled, its optimiser built.
    """

    def __init__(self, path: Path, model: keras.Model):
        self.path, self.model = path, model

    def _variables(self) -> dict[str, Any]:
        variables = [*self.model.trainable_variables, *self.model.optimizer.variables]
        return {f"{i:04d} {variable.path}": variable for i, variable in enumerate(variables)}

    def save(self, step: int) -> None:
        """Writes the file.

        Raises:
            PictureError: it cannot be written; the old one stays.
        """
        import keras

        arrays = {name: keras.ops.convert_to_numpy(variable) for name, variable in self._variables().items()}
        packed = io.BytesIO()
        np.savez(packed, step=np.array(step), **arrays)  # type: ignore[arg-type]
        write_file(self.path, packed.getvalue())

    def load(self) -> int:
        """Restores everything; returns the step to go on from, 0 without a file.

        Raises:
            WeightsError: the file is damaged or another network's.
        """
        if not self.path.exists():
            return 0
        try:
            with np.load(self.path) as file:
                for name, variable in self._variables().items():
                    variable.assign(file[name])
                return int(file["step"])
        except Exception as error:  # damage makes NumPy and zipfile raise half a dozen kinds
            raise WeightsError(
                f"The checkpoint belongs to another network or is damaged; remove it or choose another "
                f"output folder. Received: {self.path} ({one_line(error)})"
            ) from None


class RunLog:
    """`log.csv`: a line for each look; what came after the step that a run goes on from is dropped.

    Args:
        path: the file.
        columns: names of what is measured at a look.
        start: the step that the run goes on from.
    """

    def __init__(self, path: Path, columns: Sequence[str], start: int):
        self.path = path
        self._rows = [["step", "seconds", "training", *columns]]
        old = list(csv.reader(path.read_text(encoding="utf-8").splitlines())) if path.exists() else []
        self._rows += [row for row in old if _before(row, len(self._rows[0]), start)]
        self._seconds = float(self._rows[-1][1]) if len(self._rows) > 1 else 0.0

    def write(
        self, step: int, seconds: float, training: float, measured: Sequence[float] | np.ndarray
    ) -> None:
        """Adds a line.

        Args:
            step: steps done.
            seconds: since this part of the run began; the log's go on from the earlier parts'.
            training: mean loss since the last line.
            measured: one number for each column.

        Raises:
            PictureError: it cannot be written; the old lines stay.
        """
        values = (f"{value:.5f}" for value in (training, *measured))
        self._rows.append([str(step), f"{self._seconds + seconds:.0f}", *values])
        text = io.StringIO()
        csv.writer(text).writerows(self._rows)
        write_file(self.path, text.getvalue().encode())


def _before(row: Sequence[str], columns: int, start: int) -> bool:
    """Whether a line is whole and of a step that the run still has behind it."""
    try:
        numbers = [float(cell) for cell in row]
    except ValueError:
        return False
    return len(numbers) == columns and numbers[0] <= start


def read_log(path: Path) -> tuple[list[str], np.ndarray]:
    """A run's `log.csv`: the column names and the values, (lines, columns)."""
    header, *rows = csv.reader(path.read_text(encoding="utf-8").splitlines())
    return header, np.array(rows, float).reshape(-1, len(header))


def compare_notes(
    output: Path, notes: Mapping[str, Any], differences: Callable[[dict[str, Any]], list[str]]
) -> None:
    """Notes a run's settings beside its checkpoint, or compares them with those noted there.

    Args:
        output: the run's folder.
        notes: what to note, in a form that JSON can hold.
        differences: takes what was noted, and says of each setting that may not differ and does what it was.

    Raises:
        UsageError: the folder holds a run of other settings, or damaged notes.
        PictureError: the notes cannot be written.
    """
    file = output / "settings.json"
    if (output / "checkpoint.npz").exists() and file.exists():
        try:
            found = differences(json.loads(file.read_text(encoding="utf-8")))
        except (ValueError, TypeError, KeyError, AttributeError, OSError) as error:
            raise UsageError(
                f"The notes on the run in this folder are damaged; choose another folder. Received: {file} "
                f"({one_line(error)})"
            ) from None
        if found:
            raise UsageError(
                f"The folder holds a run of other settings; give the same ones to go on with it, or choose "
                f"another folder. Received: {output} ({', '.join(found)})"
            )
    write_file(file, (json.dumps(notes, indent=1) + "\n").encode())
