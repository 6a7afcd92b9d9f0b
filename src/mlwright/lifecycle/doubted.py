"""A model's doubt on fresh rows: sets, abstaining and intervals as the evaluation of a fit has them, and
whether what its file promised was kept. Called by `evaluate`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from mlwright.artifact import Model, Outputs
    from mlwright.base.abstaining import Abstaining
    from mlwright.base.conformal import Conformal
    from mlwright.base.prediction_intervals import Intervals
    from mlwright.base.promise import Promise
    from mlwright.lifecycle.fresh import Fresh

Ints = npt.NDArray[np.int64]


class Doubted(NamedTuple):
    """Fields of an `Evaluation`, by their names."""

    sets: Conformal | None = None
    abstaining: Abstaining | None = None
    intervals: Intervals | None = None
    promises: tuple[Promise, ...] = ()


def doubted(model: Model, outputs: Outputs, labels: Ints | None, rows: Fresh) -> Doubted:
    """What is measured on `rows`, where `labels` [N] are the class numbers that were answered. Rows of no
    weight are as if they were not there."""
    kept = np.ones(len(rows.y), dtype=bool) if rows.weights is None else rows.weights > 0
    if not kept.any():
        return Doubted()
    if outputs.prediction is not None:
        return _between(model, outputs.prediction, rows, kept)
    assert outputs.probability is not None and labels is not None  # classes have both
    return _of_classes(model, outputs.probability, labels, rows, kept)


def _of_classes(
    model: Model, probability: npt.NDArray[np.float64], labels: Ints, rows: Fresh, kept: npt.NDArray[np.bool_]
) -> Doubted:
    from mlwright.evaluation.abstaining import abstaining_of
    from mlwright.evaluation.conformal import measured_sets
    from mlwright.evaluation.promises import of_abstaining, of_sets

    weights, clusters = _weights_and_clusters(rows, kept)
    probability, labels, y = probability[kept], labels[kept], rows.y[kept].astype(np.int64)
    sets, known = model.evaluation.sets, model.evaluation.abstaining
    promises: list[Promise] = []
    if sets is not None:
        found = measured_sets(sets.p_values(probability), y, weights=weights, clusters=clusters)
        promises += of_sets(sets, found, model.target.classes)
        sets = msgspec.structs.replace(sets, measured=found, how=rows.how)
    if known is not None:
        sure = probability[np.arange(len(y)), labels]
        promises += of_abstaining(known, sure, labels != y, weights, clusters)
    return Doubted(
        sets=sets,
        abstaining=abstaining_of(probability, labels, y, weights=weights, clusters=clusters),
        promises=tuple(promises),
    )


def _between(
    model: Model, prediction: npt.NDArray[np.float64], rows: Fresh, kept: npt.NDArray[np.bool_]
) -> Doubted:
    from mlwright.evaluation.conformal import ERRORS
    from mlwright.evaluation.prediction_intervals import measured_ends
    from mlwright.evaluation.promises import of_intervals

    ends, promised = model.ends, model.evaluation.intervals
    if ends is None or promised is None:
        return Doubted()
    weights, clusters = _weights_and_clusters(rows, kept)
    numbers, strings = rows.dataset.numbers()[kept], rows.dataset.strings()[kept]
    prediction, truth = prediction[kept], rows.y[kept]
    quantiles = ends.quantiles(prediction, numbers, strings)
    sizes = []
    reach = promised.reach.at(np.array(ERRORS))
    for error in (e for e, out in zip(ERRORS, reach, strict=True) if np.isfinite(out)):
        made = ends.around(prediction, quantiles, numbers, np.full(len(truth), error))
        size = measured_ends(made, truth, prediction, error, weights=weights, clusters=clusters)
        sizes += [size] if np.isfinite([size.mean, size.median]).all() else []
    return Doubted(
        intervals=msgspec.structs.replace(promised, measured=tuple(sizes), how=rows.how),
        promises=tuple(of_intervals(promised, sizes)),
    )


def _weights_and_clusters(
    rows: Fresh, kept: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.float64] | None, Ints | None]:
    named = next(iter(rows.dependent.values()), None)
    clusters = None if named is None else np.unique(named[kept], return_inverse=True)[1].astype(np.int64)
    return None if rows.weights is None else rows.weights[kept], clusters
