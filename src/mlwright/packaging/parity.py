"""The parity report: training path against graph, one row against many, before against after the file.

A failed comparison raises `ParityFailed`, and no file is written. Tolerances are those of contracts.md,
section 3.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mlwright.artifact import Decoded, Model, Outputs
from mlwright.base.errors import ParityFailed
from mlwright.base.evaluation import Parity
from mlwright.data.dataset import Dataset
from mlwright.features import Table
from mlwright.packaging.blend import Blend

Doubles = npt.NDArray[np.float64]

TOLERANCE = 1e-12
MOST_REAL = 500
MOST_ALONE = 40


def compare(
    blend: Blend, model: Model, table: Table, dataset: Dataset, edges: Decoded, edge_table: Table
) -> Parity:
    """Compares on real rows (`table` and `dataset`, the same rows) and on `edges`. Raises `ParityFailed`."""
    largest, where, rows = 0.0, "", 0
    real = Decoded(dataset.numbers(), dataset.strings(), (), np.zeros(len(dataset), dtype=bool))
    for name, decoded, part in (("real rows", real, table), ("edge rows", edges, edge_table)):
        margin, probability = blend.answer(part)
        outputs = model.run(decoded.numbers, decoded.strings)
        checks = [(f"{name}: training path against graph", _relative(margin, _margin(outputs)))]
        if outputs.probability is not None:
            checks.append((f"{name}: probabilities", _relative(probability, outputs.probability)))
            checks.append((f"{name}: labels", _unlike(blend.preferences(margin, part), outputs, model)))
        if blend.tails is not None and model.ends is not None:
            assert outputs.prediction is not None  # of a regression
            drawn = model.ends.quantiles(outputs.prediction, decoded.numbers, decoded.strings)
            made = blend.tails.values(part, model.ends.middle(outputs.prediction, decoded.numbers))
            checks.append((f"{name}: quantiles", _relative(made.ravel(), drawn.ravel())))
        alone = _one_by_one(model, decoded)
        checks.append((f"{name}: one row against many", _relative(_margin(outputs)[: len(alone)], alone)))
        rows += len(decoded.numbers)
        for place, difference in checks:
            if not difference <= TOLERANCE:
                raise ParityFailed(
                    f"{place} differ by {difference:.3g}; {TOLERANCE:g} is allowed",
                    remedy="this is a defect of mlwright or of a learner: please report it",
                )
            if difference > largest:
                largest, where = difference, place
    return Parity(rows=rows, largest=largest, where=where, tolerance=TOLERANCE)


def _margin(outputs: Outputs) -> Doubles:
    answer = outputs.margin if outputs.margin is not None else outputs.prediction
    assert answer is not None  # a graph has one of the two
    return answer


def _unlike(preferences: Doubles, outputs: Outputs, model: Model) -> float:
    """Infinite where a label is another than the training path's, though no other was as good; else 0."""
    assert outputs.label is not None  # it stands beside probabilities
    target = model.target
    number = {target.label(k): k for k in range(len(target.classes))}
    given = np.array([number[label] for label in outputs.label.tolist()], dtype=np.int64)
    rows = np.arange(len(given))
    best = preferences.max(axis=1)
    scale = np.maximum(np.abs(preferences).max(axis=1), 1.0)
    return float("inf") if (best - preferences[rows, given] > 1e-9 * scale).any() else 0.0


def _one_by_one(model: Model, decoded: Decoded) -> Doubles:
    count = min(len(decoded.numbers), MOST_ALONE)
    answers = [
        _margin(model.run(decoded.numbers[i : i + 1], decoded.strings[i : i + 1])) for i in range(count)
    ]
    return np.concatenate(answers)


def _relative(a: Doubles, b: Doubles) -> float:
    """The largest difference relative to the larger of the values and 1; for numbers to the largest of
    all."""
    if a.shape != b.shape or not (np.isfinite(a) == np.isfinite(b)).all():
        return float("inf")
    scale = np.maximum(
        np.maximum(np.abs(a), np.abs(b)), 1.0 if a.ndim > 1 else max(float(np.abs(a).mean()), 1e-300)
    )
    return float(np.max(np.abs(a - b) / scale, initial=0.0))
