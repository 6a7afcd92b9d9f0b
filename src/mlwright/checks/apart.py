"""The check whether a classifier can tell two tables apart by all columns together: MLW602.

Called by `compare` through its table of checks. It finds what no column shows alone, such as two columns that
went up and down together and no longer do.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from mlwright.base.machine import cpu_count
from mlwright.base.schema import Column
from mlwright.checks.outcome import Check, CouldNotLook, Seen
from mlwright.checks.pair import Pair
from mlwright.checks.table import codes_of, is_number
from mlwright.learners.lightgbm import LightGBM, gains_of
from mlwright.learners.protocol import Config, Fitted, Job, Part
from mlwright.statistics.intervals import Codes, Floats, Interval
from mlwright.statistics.links import sigmoid
from mlwright.statistics.power import harmonic, rows_beside, rows_needed
from mlwright.statistics.ranking import Ranked, auc_interval
from mlwright.statistics.two_samples import Sample, TwoSamples

FLOOR, WORTH_FINDING, GRAVE = 0.55, 0.65, 0.9
"""ROC AUC: what the interval must lie over, what must not be missed, and what is an issue."""
FOLDS = 5
MOST_ROWS = 5_000
"""Of each table."""
MOST_TIMES = 10
"""And times the rows of the smaller one."""
MOST_CELLS = 1_000_000
MOST_COLUMNS = 300
MEMBERS = 30
"""Categories up to which trees split by sets of them; beyond, by how frequent they are."""
ROUNDS = 60
MOST_TRIED, MOST_NAMED = 10, 5
CARRIES = 0.01
"""ROC AUC lost when a column's values are shuffled."""


@dataclass(frozen=True)
class _Rows:
    """Rows of both tables: features, whether a row is fresh, clusters, folds, [N] each."""

    x: Floats
    fresh: np.ndarray[tuple[int], np.dtype[np.bool_]]
    clusters: Codes | None
    folds: Codes
    columns: tuple[Column, ...]
    members: tuple[int, ...]


def told_apart(pair: Pair) -> Iterator[Seen]:
    """MLW602."""
    rows = _rows(pair)
    scores, weighty = np.empty(len(rows.fresh)), np.zeros(len(rows.columns))
    fitted, p = list[Fitted](), list[float]()
    for fold in range(FOLDS):
        held = rows.folds == fold
        if len(set(rows.fresh[~held])) < 2 or len(set(rows.fresh[held])) < 2:
            raise CouldNotLook("not_enough_data", "too few groups to hold some of both tables back")
        try:
            model = LightGBM().fit(_job(rows, ~held, pair.seed, pair.threads))
        except ImportError:
            raise CouldNotLook("skipped", "LightGBM is not installed; the extra train brings it") from None
        fitted.append(model)
        weighty += gains_of(model, len(rows.columns))
        raw = sigmoid(model.margin(rows.x[held])[:, 0])[:, 1]
        scores[held] = codes_of(pl.Series(raw)) / held.sum()  # folds differ in level, not in order
        p.append(_chance(raw, rows.fresh[held], None if rows.clusters is None else rows.clusters[held]))
    reached = auc_interval(rows.fresh, scores, clusters=rows.clusters)
    if reached.low <= FLOOR or averaged(np.array(p)) > 0.05:
        _need_power(int((~rows.fresh).sum()), int(rows.fresh.sum()))
        return
    named = _carriers(rows, fitted, weighty, pair.seed)
    by = f", carried most by {named}" if named else ""
    n, m = int((~rows.fresh).sum()), int(rows.fresh.sum())
    yield Seen(
        f"held-back rows are told apart at roc_auc {_figure(reached)}{by}; {n:,} reference and {m:,} fresh "
        "rows",
        "Look at the columns named, together: a model trained on one table meets other rows in the other.",
        severity="issue" if reached.low > GRAVE else "tip",
    )


def averaged(p: Floats) -> float:
    """One p-value from several that may depend on each other in any way: e times their geometric mean.

    Folds share training rows, so that their tests do. Source: Vovk & Wang (2020), Biometrika 107.

    >>> round(averaged(np.array([0.01, 0.04])), 3)
    0.054
    """
    return float(min(1.0, math.e * np.exp(np.log(np.maximum(p, 1e-300)).mean())))


def _rows(pair: Pair) -> _Rows:
    """A sample of as many rows of each table as a quick look can bear, as numbers."""
    pair.both  # noqa: B018 - raises where there are no rows to learn from
    columns = [c for c in pair.features if c.kind != "datetime"]
    if not columns:
        raise CouldNotLook("not_applicable", "no column but dates and ids stands in both tables")
    random = np.random.default_rng(pair.seed)
    if len(columns) > MOST_COLUMNS:
        picked = np.sort(random.choice(len(columns), MOST_COLUMNS, replace=False))
        columns = [columns[j] for j in picked]
    most = min(MOST_ROWS, max(500, MOST_CELLS // (2 * len(columns))))
    # Beyond ten times the rows of the smaller table, the others say hardly more.
    most = min(most, max(500, MOST_TIMES * min(pair.sizes)))
    chosen = [
        np.arange(n) if n <= most else np.sort(random.choice(n, most, replace=False)) for n in pair.sizes
    ]
    if min(len(c) for c in chosen) < 2 * FOLDS:
        least = min(len(c) for c in chosen)
        raise CouldNotLook("not_enough_data", f"{least} rows in one table; {2 * FOLDS} are needed to look")
    made = [_as_numbers(c, *(s[k] for s, k in zip(pair.series(c), chosen, strict=True))) for c in columns]
    fresh = np.repeat([False, True], [len(c) for c in chosen])
    clusters = None
    if pair.clusters is not None:
        parts = [c[k] for c, k in zip(pair.clusters, chosen, strict=True)]
        clusters = np.unique(np.concatenate(parts), return_inverse=True)[1].astype(np.int64)
    return _Rows(
        np.column_stack([x for x, _ in made]),
        fresh,
        clusters,
        _folds(fresh, clusters, random),
        tuple(columns),
        tuple(j for j, (_, member) in enumerate(made) if member),
    )


def _as_numbers(column: Column, reference: pl.Series, fresh: pl.Series) -> tuple[Floats, bool]:
    """The values of both tables as numbers, NaN where missing, and whether they are codes of sets."""
    both = pl.concat([reference, fresh])
    if column.kind == "text":
        both = both.str.len_chars()
    if is_number(column) or column.kind == "text":
        return both.cast(pl.Float64).fill_null(np.nan).to_numpy(), False
    codes = codes_of(both)
    counts = np.bincount(codes)
    if len(counts) <= MEMBERS:
        return codes.astype(np.float64), True
    return counts[codes].astype(np.float64), False


def _folds(
    fresh: np.ndarray[tuple[int], np.dtype[np.bool_]], clusters: Codes | None, random: np.random.Generator
) -> Codes:
    """Folds with both tables in each; rows of one cluster share it."""
    folds = np.empty(len(fresh), dtype=np.int64)
    if clusters is None:
        for side in (fresh, ~fresh):
            folds[side] = random.permutation(np.arange(side.sum()) % FOLDS)
        return folds
    units = int(clusters.max()) + 1
    of_unit = np.zeros(units, dtype=np.int64)
    mostly = np.bincount(clusters, weights=fresh, minlength=units) * 2 > np.bincount(
        clusters, minlength=units
    )
    for side in (mostly, ~mostly):
        of_unit[side] = random.permutation(np.arange(side.sum()) % FOLDS)
    return of_unit[clusters]


def _job(
    rows: _Rows, learn: np.ndarray[tuple[int], np.dtype[np.bool_]], seed: int, threads: int | None
) -> Job:
    settings = {"learning_rate": 0.1, "num_leaves": 15, "min_data_in_leaf": int(max(5, learn.sum() // 200))}
    part = Part(rows.x[learn], rows.fresh[learn].astype(np.float64))
    return Job(
        Config("apart", "lightgbm", "", dict(settings)),
        2,
        part,
        rounds=ROUNDS,
        members=rows.members,
        seed=seed,
        threads=threads or cpu_count(),
    )


def _chance(
    scores: Floats, fresh: np.ndarray[tuple[int], np.dtype[np.bool_]], clusters: Codes | None
) -> float:
    """The chance that held-back rows, dealt anew to the two tables, are told apart as well."""
    sides = [
        Sample.of_rows(scores[side], None if clusters is None else clusters[side]) for side in (~fresh, fresh)
    ]
    order = TwoSamples(*sides).order()
    return order.p / 2 if order.effect.value > 0 else 1.0


def _carriers(rows: _Rows, fitted: list[Fitted], weighty: Floats, seed: int) -> str:
    """The columns whose shuffling among held-back rows costs most, in words with what it costs."""
    random = np.random.default_rng(seed)
    lost: dict[int, list[float]] = {}
    for fold, model in enumerate(fitted):
        held = rows.folds == fold
        x, fresh = rows.x[held], rows.fresh[held]
        whole = Ranked(fresh, model.margin(x)[:, 0]).auc()
        for j in np.argsort(-weighty, kind="stable")[:MOST_TRIED]:
            shuffled = x.copy()
            shuffled[:, j] = random.permutation(shuffled[:, j])
            lost.setdefault(int(j), []).append(whole - Ranked(fresh, model.margin(shuffled)[:, 0]).auc())
    costs = sorted(((float(np.mean(v)), j) for j, v in lost.items()), reverse=True)
    named = [f"{rows.columns[j].name!r} ({cost:.3f})" for cost, j in costs[:MOST_NAMED] if cost > CARRIES]
    return ", ".join(named)


def _figure(s: Interval) -> str:
    return f"{s.value:.3f} ({s.low:.3f} to {s.high:.3f})"


def _need_power(n: int, m: int) -> None:
    """Raises `CouldNotLook` where the tables could be apart and too few rows would hide it."""
    effect, floor = 2 * WORTH_FINDING - 1, 2 * FLOOR - 1
    needed = rows_needed(effect=effect, floor=floor, unit_variance=1 / 3)
    if harmonic(n, m) < needed:
        rows = rows_beside(needed, n)
        wanted = f"{rows:,} fresh rows" if rows is not None else f"{2 * needed:,.0f} rows in each table"
        raise CouldNotLook("not_enough_data", f"{n:,} reference and {m:,} fresh rows; {wanted} are needed")


CHECKS: Final[tuple[Check[Pair], ...]] = (
    Check(
        "MLW602",
        "the tables can be told apart",
        "tip",
        told_apart,
        "Boosted trees learn from up to 5,000 rows of each table which is which, in 5 folds, from all "
        "columns but dates and ids. Found where the 95 % interval of ROC AUC on held-back rows lies over "
        "0.55, and dealing held-back rows anew gives as much with p at most 0.05 (folds joined by Vovk and "
        "Wang); an issue over 0.9. Names the columns whose shuffling costs most. Rows of one group or "
        "stretch of time stay in one fold and count together.",
        "Lopez-Paz & Oquab (2017), ICLR; Vovk & Wang (2020), Biometrika 107; DeLong et al. (1988)",
    ),
)
