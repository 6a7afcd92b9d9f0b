"""Which generated features are worth keeping: what they tell of what a small model has left unexplained.

Called by `generated` with a sample of the training rows. It knows numbers alone: no columns, no graph.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mlwright.base.machine import rest_idle_threads, threads_for

Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

ROUNDS = 40
MOST_TARGETS = 4
"""Columns of the target that features are judged by: those with most left to explain."""
_BINS = 16
_CELLS = 2_000_000
"""Values that are looked at together."""


@dataclass(frozen=True)
class Base:
    """A small model of a sample: what it leaves, and what it used."""

    residual: Doubles
    """[n, targets], out of fold, extremes cut."""
    gain: Doubles
    """[F] how much each column brought."""
    error: Doubles
    """[n] squared out of fold, all targets together, in units of their variance."""


def fit_base(x: Doubles, y: Doubles, fold: Ints, *, seed: int, threads: int) -> Base:
    """Boosts each target column by squared error in two halves of the folds; residuals are of the other.

    In a thread of its own, with which its OpenMP threads end: beside a second set of them in this process,
    the runtime lets waiting ones sleep at once, and what others fit later takes many times as long.
    """
    with ThreadPoolExecutor(1) as apart:
        return apart.submit(_fitted_base, x, y, fold, seed, threads).result()


def _fitted_base(x: Doubles, y: Doubles, fold: Ints, seed: int, threads: int) -> Base:
    lgb = _library()
    params = {
        "objective": "regression",
        "verbosity": -1,
        "learning_rate": 0.15,
        "num_leaves": 15,
        "min_data_in_leaf": max(5, min(20, len(x) // 50)),
        "max_bin": 63,
        "feature_fraction": 0.6,
        "seed": seed,
        "num_threads": threads_for(x.size, threads),
        "deterministic": True,
        "force_row_wise": True,
        "feature_pre_filter": False,
    }
    kept = np.argsort(-y.var(axis=0), kind="stable")[:MOST_TARGETS]
    residual = np.zeros((len(x), len(kept)))
    gain = np.zeros(x.shape[1])
    error = np.zeros(len(x))
    half = fold % 2 == 0
    parts = [(~half, half), (half, ~half)] if half.any() and not half.all() else [(half | True, half | True)]
    for learn, judge in parts:
        data = lgb.Dataset(x[learn], y[learn, kept[0]], params=params, free_raw_data=False)
        for at, k in enumerate(kept):
            data.set_label(y[learn, k])
            spread = float(y[learn, k].var()) + 1e-300
            booster = lgb.train(params, data, num_boost_round=ROUNDS)
            residual[judge, at] = y[judge, k] - booster.predict(x[judge])
            error[judge] += residual[judge, at] ** 2 / spread
            gain += booster.feature_importance("gain") / spread
    return Base(_without_extremes(residual), gain, error)


def better(before: Base, after: Base) -> bool:
    """Whether the mean error fell by more than 1.5 of its standard errors over the rows."""
    less = before.error - after.error
    return bool(less.mean() > 1.5 * less.std() / np.sqrt(len(less)))


def worth(values: Doubles, residual: Doubles) -> Doubles:
    """By column of `values`, the share of the residual's variance that its bins explain beyond chance.

    Bins are of equal counts, missing ones apart. In units of one part of the rows: 1 / n is what one more
    bin explains of nothing.
    """
    n, width = values.shape
    centred = residual - residual.mean(axis=0)
    spread = (centred**2).sum(axis=0) + 1e-300
    out = np.zeros(width)
    together = max(1, _CELLS // max(n, 1))
    for at in range(0, width, together):
        columns = slice(at, at + together)
        code = _binned(values[:, columns])
        each = code.shape[1] * (_BINS + 1)
        place = (code + np.arange(code.shape[1]) * (_BINS + 1)).ravel(order="F")
        counts = np.bincount(place, minlength=each)
        explained = np.zeros(code.shape[1])
        for k in range(centred.shape[1]):
            sums = np.bincount(place, weights=np.tile(centred[:, k], code.shape[1]), minlength=each)
            parts = (sums**2 / np.maximum(counts, 1)).reshape(-1, _BINS + 1)
            explained = np.maximum(explained, parts.sum(axis=1) / spread[k])
        out[columns] = explained - ((counts.reshape(-1, _BINS + 1) > 0).sum(axis=1) - 1) / n
    return out


def _binned(values: Doubles) -> Ints:
    """The bins [n, F] of `bins_of` for all columns at once; those that hold nothing keep their numbers."""
    ordered = np.sort(values, axis=0)  # NaN comes last
    known = ~np.isnan(values)
    count = known.sum(axis=0)
    code = known.astype(np.int64)
    for q in np.linspace(0, 1, _BINS + 1)[1:-1]:
        at = np.floor(q * np.maximum(count - 1, 0)).astype(np.int64)
        code += values >= np.take_along_axis(ordered, at[None, :], axis=0)
    return code


def bins_of(values: Doubles) -> Ints:
    """Bins of equal counts [n]: 0 for missing, then ascending."""
    known = ~np.isnan(values)
    code = np.zeros(len(values), dtype=np.int64)
    if known.any():
        edges = np.unique(np.quantile(values[known], np.linspace(0, 1, _BINS + 1)[1:-1], method="lower"))
        code[known] = np.searchsorted(edges, values[known], side="right") + 1
    return code


def distinct(values: Doubles, order: Ints, most: int, alike: float = 0.98) -> list[int]:
    """The first `most` columns in `order` that are not nearly a monotone function of one before them."""
    step = max(1, len(values) // 2000)
    sample = values[::step]
    chosen: list[int] = []
    ranks: list[Doubles] = []
    for c in order:
        rank = np.argsort(np.argsort(np.nan_to_num(sample[:, c], nan=-np.inf), kind="stable")).astype(float)
        rank -= rank.mean()
        rank /= np.sqrt((rank**2).sum()) + 1e-300
        if all(abs(float(rank @ r)) < alike for r in ranks):
            chosen.append(int(c))
            ranks.append(rank)
        if len(chosen) == most:
            break
    return chosen


def _without_extremes(residual: Doubles) -> Doubles:
    """Cut at what a normal distribution of the same quartiles would not reach: one row must not decide."""
    low, high = np.quantile(residual, [0.01, 0.99], axis=0)
    middle = np.median(residual, axis=0)
    reach = 2 * np.maximum(high - middle, middle - low) + 1e-300
    return np.clip(residual, middle - reach, middle + reach)


def _library() -> Any:  # Any: lightgbm has no types
    rest_idle_threads()
    import lightgbm

    return lightgbm
