"""The samples of a model file, run again when it is opened: other answers mean damage.

Called by `model.load`, and by `packaging` to see that what it wrote opens. It compares values, never bytes:
processors differ in their last digits.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from mlwright.artifact.decode import decode_rows
from mlwright.artifact.opening import Samples
from mlwright.artifact.session import Outputs
from mlwright.base.errors import ModelDamaged
from mlwright.base.schema import Schema

TOLERANCE = 1e-6
"""Relative and absolute."""

Kept = tuple[float, ...] | tuple[tuple[float, ...], ...]
MOST_ROWS, MOST_SECONDS = 1024, 30.0
"""What an opening may spend on samples."""

Run = Callable[[npt.NDArray[np.float64], npt.NDArray[np.object_], float], Outputs]


def replay(samples: Samples, schema: Schema, run: Run) -> None:
    """Raises `ModelDamaged` where the model does not answer its samples as it did when it was made."""
    if not 1 <= len(samples.rows) <= MOST_ROWS:
        raise _damaged(f"it has {len(samples.rows)} samples instead of 1 to {MOST_ROWS}")
    decoded = decode_rows(samples.rows, schema)
    if decoded.problems:
        raise _damaged(f"its samples break its schema: {decoded.problems[0]}")
    outputs = run(decoded.numbers, decoded.strings, MOST_SECONDS)
    for name in ("probability", "label", "margin", "prediction"):
        kept, answered = getattr(samples.outputs, name), getattr(outputs, name)
        if (kept is None) != (answered is None) or (kept is not None and len(kept) != len(answered)):
            raise _damaged(f"its samples do not hold {name!r} as its graph does")
    unlike = np.zeros(len(decoded), dtype=bool)
    for name in ("probability", "margin", "prediction"):
        kept = getattr(samples.outputs, name)
        if kept is not None:
            unlike |= _unlike(name, kept, getattr(outputs, name))
    labels = samples.outputs.label
    if labels is not None and outputs.label is not None and outputs.probability is not None:
        pairs = zip(labels, outputs.label.tolist(), strict=True)
        unlike |= np.array([a != b for a, b in pairs], bool) & ~_tied(outputs.probability)
    if unlike.any():
        raise _damaged(
            f"it answers {int(unlike.sum())} of its {len(unlike)} samples otherwise than when it was made"
        )


def _unlike(name: str, kept: Kept, answered: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Which rows differ by more than the tolerance."""
    if answered.ndim == 2 and any(isinstance(row, tuple) and len(row) != answered.shape[1] for row in kept):
        raise _damaged(f"its samples do not hold {name!r} as its graph does")
    expected = np.asarray(kept, dtype=np.float64).reshape(answered.shape)
    close = np.isclose(answered, expected, TOLERANCE, TOLERANCE).reshape(len(answered), -1)
    return np.asarray(~close.all(axis=1), dtype=bool)


def _tied(probability: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Rows whose two likeliest classes lie within the tolerance, so that either may be the label."""
    top = np.sort(probability, axis=1)[:, -2:]
    return np.asarray(top[:, 1] - top[:, 0] <= 2 * TOLERANCE, dtype=bool)


def _damaged(problem: str) -> ModelDamaged:
    return ModelDamaged(problem, remedy="copy the file again, or make the model again on this machine")
