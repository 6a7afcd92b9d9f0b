"""What one column alone, or all the others together, can tell about the target, on rows held back.

Used by the checks of leakage. The models are as plain as can be: means of the target by bin or category, and
least squares over such means; strong enough to show a leak, quick enough to try every column.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mlwright.base.evaluation import Score
from mlwright.base.schema import Column
from mlwright.checks.table import FOLDS, LARGEST, Sample, Table, codes_of, is_number
from mlwright.evaluation.intervals import score
from mlwright.evaluation.metrics import METRICS
from mlwright.statistics.intervals import Codes, Floats

MOST_BINS = 256
ROWS_PER_BIN = 50
FEW_VALUES = 32
"""Up to so many distinct numbers, each has its own bin."""
PRIOR_ROWS = 1.0
"""Rows that the overall mean counts as, in each bin."""
RIDGE = 1e-6


def strength(table: Table, output: Floats) -> float:
    """How well `output` ranks the classes (ROC AUC) or explains the numbers (R squared) of the sample."""
    return METRICS[metric_of(table)].function(table.sample.y, output)


def measured(table: Table, output: Floats) -> Score:
    """The same with its interval."""
    groups = table.dataset.role("group")
    labels = codes_of(table.series(groups[0])[table.sample.rows]) if groups else None
    return score(METRICS[metric_of(table)], table.sample.y, output, groups=labels, seed=table.seed)


def metric_of(table: Table) -> str:
    return "r2" if table.task == "regression" else "roc_auc"


def by_column(table: Table, column: Column) -> Floats:
    """Held-back predictions of the target from one column: [N, K], or [N] for numbers."""
    if is_number(column):
        return by_numbers(table.sample, table.numbers(column)[table.sample.rows])
    return by_bins(table.sample, codes_of(table.series(column)[table.sample.rows]))


def by_numbers(sample: Sample, numbers: Floats) -> Floats:
    """Held-back predictions of the target from numbers [N], by their bins; NaN is missing."""
    bins = number_bins(numbers)
    if sample.y.dtype.kind != "f":
        return _between_bins(sample, bins, numbers)
    predicted = by_bins(sample, bins)
    # Means by bin are flat within a bin, which loses the far tails; the number itself has them.
    known = ~np.isnan(numbers)
    filled = np.where(known, numbers, numbers[known].mean() if known.any() else 0.0)
    return _least_squares(np.column_stack([predicted, filled]), sample.y, sample.folds)


def by_bins(sample: Sample, bins: Codes) -> Floats:
    """Held-back predictions from bin numbers [N]: the bin's mean target, or class shares, in other folds."""
    return np.asarray(_of_bins(sample, bins)[sample.folds, bins])


def _between_bins(sample: Sample, bins: Codes, numbers: Floats) -> Floats:
    """Class shares of `by_bins`, drawn on in straight lines from the middle of each bin to the next.

    A bin in which one class gives way to another would count as a tie of all its rows, and hide in a small
    table how sharply a number tells the classes apart. Equal numbers stay equal.
    """
    shares, last = _of_bins(sample, bins), int(bins.max(initial=0))
    start = np.append(0, np.cumsum(np.bincount(bins)))
    ordered = np.sort(np.where(bins == 0, -np.inf, numbers))
    rank = (np.searchsorted(ordered, numbers) + np.searchsorted(ordered, numbers, side="right")) / 2
    place = np.where(bins == 0, 0.0, (rank - start[bins]) / np.maximum(np.diff(start)[bins], 1) - 0.5)
    neighbour = np.clip(bins + np.sign(place).astype(np.int64), min(1, last), last)
    weight = np.abs(place)[:, None]
    folds = sample.folds
    return np.asarray((1 - weight) * shares[folds, bins] + weight * shares[folds, neighbour])


def _of_bins(sample: Sample, bins: Codes) -> Floats:
    """What the other folds say of each bin: means [folds, bins], or class shares [folds, bins, K]."""
    folds, count = sample.folds, int(bins.max(initial=0)) + 1
    if sample.y.dtype.kind == "f":
        cell = folds * count + bins
        held = np.bincount(cell, weights=sample.y, minlength=FOLDS * count).reshape(FOLDS, count)
        sums = _others(np.asarray(held, dtype=np.float64))
        rows = _others(np.bincount(cell, minlength=FOLDS * count).astype(np.float64).reshape(FOLDS, count))
        prior = sums.sum(axis=1, keepdims=True) / np.maximum(rows.sum(axis=1, keepdims=True), 1)
        means = (sums + PRIOR_ROWS * prior) / (rows + PRIOR_ROWS)
        return np.asarray(means)
    classes = int(sample.y.max()) + 1
    cell = (folds * count + bins) * classes + sample.y.astype(np.int64)
    counts = np.bincount(cell, minlength=FOLDS * count * classes).astype(np.float64)
    rows = _others(counts.reshape(FOLDS, count, classes))
    prior = rows.sum(axis=1, keepdims=True)
    prior /= np.maximum(prior.sum(axis=2, keepdims=True), 1)
    shares = (rows + PRIOR_ROWS * prior) / (rows.sum(axis=2, keepdims=True) + PRIOR_ROWS)
    return np.asarray(shares)


def by_others(table: Table, parts: Sequence[Floats]) -> Floats | None:
    """Held-back predictions that add up what columns tell alone (`by_column` of each); None without any."""
    if not parts:
        return None
    sample = table.sample
    if table.task == "regression":
        return _least_squares(np.column_stack(parts), sample.y, sample.folds)
    classes = parts[0].shape[1]
    shares = np.concatenate([np.log(p[:, 1:] + 1e-3) for p in parts], axis=1)
    hits = (sample.y[:, None] == np.arange(classes)).astype(np.float64)
    return _least_squares(shares, hits, sample.folds)


def number_bins(numbers: Floats) -> Codes:
    """Bin numbers from 0 [N] by quantile, as many as the rows bear; NaN in a bin of its own.

    >>> number_bins(np.array([1.0, np.nan, 5.0])).tolist()
    [1, 0, 2]
    """
    missing = np.isnan(numbers)
    count = int(np.clip(len(numbers) / ROWS_PER_BIN, 8, MOST_BINS))
    distinct = np.unique(numbers[~missing])
    if len(distinct) <= FEW_VALUES:
        return np.where(missing, 0, 1 + np.searchsorted(distinct, numbers))
    edges = np.unique(np.quantile(numbers[~missing], np.arange(1, count) / count))
    return np.where(missing, 0, 1 + np.searchsorted(edges, numbers))


def _others(of_fold: Floats) -> Floats:
    """From sums by fold to the sums of all other folds."""
    return np.asarray(of_fold.sum(axis=0, keepdims=True) - of_fold)


def _least_squares(x: Floats, y: Codes | Floats, folds: Codes) -> Floats:
    """Held-back predictions by least squares with a whiff of ridge, so that twins do no harm."""
    greatest = np.abs(x).max(axis=0, initial=0.0)
    x = x / np.where(greatest > LARGEST, greatest, 1.0)  # or squares would be no numbers
    deviation = x.std(axis=0)
    x = (x - x.mean(axis=0)) / np.where(deviation > 0, deviation, 1)
    x = np.column_stack([np.ones(len(x)), x])
    predicted = np.empty(y.shape, dtype=np.float64)
    rows = [np.flatnonzero(folds == fold) for fold in range(FOLDS)]
    squares = [(x[held].T @ x[held], x[held].T @ y[held]) for held in rows]
    whole_xx = sum(xx for xx, _ in squares) + RIDGE * len(x) * np.eye(x.shape[1])
    whole_xy = sum(xy for _, xy in squares)
    for held, (xx, xy) in zip(rows, squares, strict=True):
        predicted[held] = x[held] @ np.linalg.solve(whole_xx - xx, whole_xy - xy)
    return predicted
