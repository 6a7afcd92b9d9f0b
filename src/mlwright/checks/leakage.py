"""Checks for columns that know the answer: MLW401 to MLW404.

Called by `check` through the table of checks. All look at held-back rows of a sample, and speak only where
the whole 95 % interval lies beyond the threshold.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np
import polars as pl

from mlwright.base.evaluation import Score
from mlwright.base.finding import Severity
from mlwright.base.schema import Column
from mlwright.checks.alone import (
    FEW_VALUES,
    by_bins,
    by_column,
    by_others,
    measured,
    metric_of,
    number_bins,
    strength,
)
from mlwright.checks.outcome import Check, CouldNotLook, Seen, need_rows
from mlwright.checks.probe import probe, without
from mlwright.checks.repeated import disguised_classes, disguised_numbers
from mlwright.checks.table import LARGEST, Table, codes_of, is_number
from mlwright.evaluation.intervals import score
from mlwright.evaluation.metrics import METRICS
from mlwright.statistics.intervals import Floats, normal_quantile

LEAST_ROWS = 100
STRONG = {"roc_auc": 0.9, "r2": 0.7}
"""Alone this strong, a column is compared with all the others."""
PERFECT = {"roc_auc": 0.998, "r2": 0.995}
"""Alone this strong, it is a finding whatever the others can do."""
TIMES = 3.0
"""And a strong one, when it leaves a third of the error that all the others together leave."""
UNLIKELY = {"roc_auc": 0.99, "r2": 0.995}
"""What hardly any honest feature reaches where all the others are so much worse: then it stops `fit`."""
ABSENCE = {"roc_auc": 0.75, "r2": 0.25}
ORDER = {"roc_auc": 0.6, "r2": 0.1}
GRAVE = {"roc_auc": 0.95, "r2": 0.8}
NOT_WEAK = {"roc_auc": 0.7, "r2": 0.3}
"""Alone weaker, it is not what most of the others' knowledge hangs on."""
MOST_OTHERS = 30
TWINS = 0.98
EXACT = 1e-9
MOST_PARTS = 5


def single_feature(table: Table) -> Iterator[Seen]:
    """MLW401."""
    metric = metric_of(table)
    alone = each_alone(table)
    strong = [name for name, reached in alone.items() if reached > STRONG[metric]]
    known = predictions(table, list(alone)) if strong else {}
    told_of = set()
    for name in strong[: MOST_OTHERS + 1]:
        others = [p for n, p in known.items() if n != name and not _says_the_same(table, known, name, n)]
        told = beside_others(table, known[name], others)
        if told is not None:
            told_of.add(name)
            looked_up = _looked_up(table, name)
            yield Seen(
                f"alone it reaches {told.figures}; {table.sample.said}",
                "Make sure that it is known when a prediction is asked for; if not, leave it out.",
                name,
                severity="tip" if looked_up else told.severity,
                stops=told.stops,
            )
    if not told_of:
        yield from _carrying(table, alone)


def _says_the_same(table: Table, known: dict[str, Floats], name: str, other: str) -> bool:
    """Whether two features say the same, so that neither may stand for the others.

    Two honest features that are both right agree as well: what counts is that they agree beyond the target.
    """
    if not twins(known[name], known[other]):
        return False
    y = table.sample.y
    if table.task == "regression":
        return _agree(known[name] - y, known[other] - y)
    pair = [table.dataset.schema.column(n) for n in (name, other)]
    if not all(is_number(c) for c in pair):
        return True
    values = [table.numbers(c)[table.sample.rows] for c in pair]
    both = ~(np.isnan(values[0]) | np.isnan(values[1]))
    within = [np.flatnonzero(both & (y == k)) for k in np.unique(y)]
    ranks = [np.concatenate([middle_ranks(v[rows]) for rows in within]) for v in values]
    return _agree(*ranks)


def middle_ranks(values: Floats) -> Floats:
    """Ranks [N] less their mean; equal numbers share theirs."""
    ranks = pl.Series(values).rank("average").to_numpy()
    return np.asarray(ranks - ranks.mean() if len(ranks) else ranks, dtype=np.float64)


def _agree(one: Floats, other: Floats) -> bool:
    """Whether what two features leave over goes together; True where one leaves nothing."""
    if not len(one) or one.std() < EXACT or other.std() < EXACT:
        return True
    return bool(abs(np.corrcoef(one, other)[0, 1]) > TWINS)


def _looked_up(table: Table, name: str) -> bool:
    """Whether it may be the key of a list, as of prices or of towns, from which the target is honestly read:
    few values that stand for a number, or many categories that stand for a class."""
    column = table.dataset.schema.column(name)
    distinct = table.series(column)[table.sample.rows].drop_nulls().n_unique()
    if table.task == "regression":
        return not is_number(column) or distinct <= FEW_VALUES
    return not is_number(column) and distinct > FEW_VALUES


def _carrying(table: Table, alone: dict[str, float]) -> Iterator[Seen]:
    """The strongest feature, where all others lose most of what all together know."""
    metric = metric_of(table)
    name, reached = next(iter(alone.items()))
    if len(alone) < 2 or reached < NOT_WEAK[metric]:
        return
    try:
        whole = probe(table)
        if METRICS[metric].function(whole.y, whole.predicted) < STRONG[metric]:
            return
        rest = without(table, [name])
    except CouldNotLook:
        return  # there is no time for it; what the feature reaches alone has been looked at
    if rest is None:
        return
    both = [score(METRICS[metric], p.y, p.predicted, seed=table.seed) for p in (whole, rest)]
    if TIMES * (1 - both[0].low) < 1 - both[1].high:
        yield Seen(
            f"most of what is known hangs on it: all features reach {figure(both[0])}, without it "
            f"{figure(both[1])}; {len(whole):,} rows",
            "Make sure that it is known when a prediction is asked for; if not, leave it out.",
            name,
            severity="tip",
        )


def each_alone(table: Table) -> dict[str, float]:
    """What each feature reaches alone, strongest first. Raises `CouldNotLook` where none can be tried."""
    reached = {c.name: strength(table, by_column(table, c)) for c in _learnable(table)}
    return dict(sorted(reached.items(), key=lambda item: -item[1]))


def predictions(table: Table, names: list[str]) -> dict[str, Floats]:
    """Held-back predictions from each of the first features in `names`, as many as are compared with."""
    column = table.dataset.schema.column
    return {n: by_column(table, column(n)) for n in names[: MOST_OTHERS + 1]}


@dataclass(frozen=True)
class Beside:
    """How far predictions from one thing stand out beside those from all the others."""

    figures: str
    severity: Severity
    stops: bool = False


def beside_others(table: Table, predicted: Floats, others: list[Floats]) -> Beside | None:
    """Predictions that are too good beside all `others` together; None where they are not.

    An issue where others are there and leave three times as much error. It stops `fit` only where hardly any
    honest feature reaches as far: yesterday's value, or the one cause that counts, may be that strong.
    """
    metric, own = metric_of(table), measured(table, predicted)
    if own.low <= STRONG[metric]:
        return None
    near_perfect = own.low > PERFECT[metric]
    if not others:
        # A table of one feature, or of its twins: there is nothing that it could be too good beside.
        return Beside(f"{figure(own)}, there is no other", "tip") if near_perfect else None
    best = max(strength(table, p) for p in others)
    if not near_perfect and TIMES * (1 - own.low) >= 1 - best:
        return None  # together they reach no less than the best of them, and need not be fitted
    together = by_others(table, others)
    assert together is not None
    rest = measured(table, together)
    apart = TIMES * (1 - own.low) < 1 - rest.high
    if not near_perfect and not apart:
        return None
    figures = f"{figure(own)}, {figure(rest)} by the others together"
    return Beside(figures, "issue" if apart else "tip", stops=apart and own.value > UNLIKELY[metric])


def repeated_target(table: Table) -> Iterator[Seen]:
    """MLW402."""
    able(table)
    numbers = table.task == "regression"
    told = set()
    for one in disguised_numbers(table) if numbers else disguised_classes(table):
        told.add(one.column)
        yield one
    try:
        for one in _formulas(table) if numbers else _recodings(table):
            if one.column not in told:
                yield one
    except CouldNotLook:
        if not told:
            raise


def missingness(table: Table) -> Iterator[Seen]:
    """MLW403."""
    able(table)
    metric, looked = metric_of(table), 0
    for column in table.features:
        absent = _absent(table, column)
        if not 10 <= absent.sum() <= len(absent) - 10:
            continue
        looked += 1
        own, of_class = _told_by_absence(table, absent)
        if own is not None and own.low > ABSENCE[metric]:
            yield Seen(
                f"whether it is missing reaches {figure(own)} by itself{of_class}; {table.sample.said}",
                "Find out when it is filled in: if that is after the outcome, leave it out.",
                column.name,
                severity="issue" if own.low > GRAVE[metric] and not of_class else "tip",
            )
    if not looked:
        raise CouldNotLook("not_applicable", "no feature is missing in some rows and present in others")


def _told_by_absence(
    table: Table, absent: np.ndarray[tuple[int], np.dtype[np.bool_]]
) -> tuple[Score | None, str]:
    """How much absence tells, and of which class where there are several; None where that is little.

    Absence says yes or no: of many classes it can tell one from the others, which their mean would hide. The
    interval of the class that is told best allows for the choice among them.
    """
    metric, sample = metric_of(table), table.sample
    predicted = by_bins(sample, absent.astype(np.int64))
    if table.task == "regression" or int(sample.y.max()) < 2:
        return (measured(table, predicted) if strength(table, predicted) > ABSENCE[metric] else None), ""
    classes = int(sample.y.max()) + 1
    auc = METRICS["roc_auc"].function
    ranked = {k: auc((sample.y == k).astype(np.int64), _against(predicted[:, k])) for k in range(classes)}
    best = max(ranked, key=lambda k: ranked[k])
    if ranked[best] <= ABSENCE[metric]:
        return None, ""
    two = (sample.y == best).astype(np.int64)
    groups = table.dataset.role("group")
    labels = codes_of(table.series(groups[0])[sample.rows]) if groups else None
    own = score(METRICS["roc_auc"], two, _against(predicted[:, best]), groups=labels, seed=table.seed)
    wider = normal_quantile(1 - 0.025 / classes) / normal_quantile(0.975)
    low, high = (own.value + wider * (end - own.value) for end in (own.low, own.high))
    own = msgspec.structs.replace(own, low=max(low, 0.0), high=min(high, 1.0))
    return own, f" on one of the {classes} classes"


def _against(probability: Floats) -> Floats:
    """Probabilities of one class [N] as those of the others and of it [N, 2]."""
    return np.column_stack([1 - probability, probability])


def order(table: Table) -> Iterator[Seen]:
    """MLW404."""
    able(table)
    if table.dataset.role("time"):
        raise CouldNotLook("not_applicable", "a time column is named, and rows are split by it")
    position = table.places(table.sample.rows).astype(np.float64)
    yield from _order(table, position, "", "the row number")
    for column in table.ids:
        numbers = table.series(column).cast(pl.Float64, strict=False)[table.sample.rows]
        if numbers.null_count() < 0.05 * len(numbers):
            yield from _order(
                table, numbers.fill_null(np.nan).to_numpy(), column.name, "the id, as a number,"
            )


def _order(table: Table, numbers: Floats, name: str, what: str) -> Iterator[Seen]:
    metric = metric_of(table)
    predicted = by_bins(table.sample, number_bins(numbers))
    if strength(table, predicted) <= ORDER[metric]:
        return
    own = measured(table, predicted)
    if own.low > ORDER[metric]:
        yield Seen(
            f"{what} alone reaches {figure(own)}; {table.sample.said}",
            "If rows are in order of time, name the time column, so that the split respects it; if they are "
            "sorted by the target, never split them by position.",
            name,
        )


def able(table: Table) -> None:
    """Raises `CouldNotLook` where the target cannot be learned from at all."""
    if table.target is None:
        raise CouldNotLook("not_applicable", "no target is named")
    need_rows(len(table.labelled), LEAST_ROWS, "rows with a target")
    if len(np.unique(table.sample.y)) < 2:
        raise CouldNotLook("not_applicable", "the target has one value")
    if not table.features:
        raise CouldNotLook("not_applicable", "no column is a feature")


def _learnable(table: Table) -> list[Column]:
    able(table)
    columns = [c for c in table.features if c.kind != "text"]
    if not columns:
        raise CouldNotLook("not_applicable", "the only features are free text")
    return columns


def _absent(table: Table, column: Column) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    series = table.series(column)[table.sample.rows]
    absent = series.is_null()
    return (absent | (series == "").fill_null(True) if series.dtype == pl.String else absent).to_numpy()


def twins(one: Floats, other: Floats) -> bool:
    """Whether two columns say the same about the target, so that neither may stand for the others."""
    a, b = one.ravel(), other.ravel()
    if a.std() == 0 or b.std() == 0:
        return False
    return bool(abs(np.corrcoef(a, b)[0, 1]) > TWINS)


def figure(s: Score) -> str:
    return f"{s.metric} {s.value:.3f} ({s.low:.3f} to {s.high:.3f})"


def _recodings(table: Table) -> Iterator[Seen]:
    """Columns whose values match the classes one to one."""
    target, codes = table.target, table.class_codes
    assert target is not None
    classes = len(np.unique(codes))
    need_rows(int(np.sort(np.bincount(codes))[:-1].sum()), 5, "rows outside the most frequent class")
    for column in table.features:
        series = table.series(column)[table.labelled]
        known = series.is_not_null().to_numpy()
        if known.mean() < 0.9 or series.drop_nulls().n_unique() != classes:
            continue
        pairs = codes_of(series.filter(known)) * (int(codes.max()) + 1) + codes[known]
        if len(np.unique(pairs)) == classes:
            rows = (
                f"all {len(codes):,} rows" if known.all() else f"all {known.sum():,} rows where it is known"
            )
            yield Seen(
                f"its {classes} values match the classes one to one in {rows}",
                "Leave it out: it is the target under another name.",
                column.name,
            )


def _formulas(table: Table) -> Iterator[Seen]:
    """Numbers of which the target is a multiple, a steady function, or a weighted sum."""
    y = np.asarray(table.sample.y, dtype=np.float64)
    columns = [c for c in table.features if is_number(c)]
    if not columns:
        raise CouldNotLook("not_applicable", "no feature is a number")
    if len(np.unique(y)) <= 10:
        raise CouldNotLook("not_applicable", "the target has 10 values or fewer")
    numbers = [table.numbers(c)[table.sample.rows] for c in columns]
    left: list[int] = []
    for j, (column, x) in enumerate(zip(columns, numbers, strict=True)):
        known = ~np.isnan(x)
        if np.abs(x[known]).max(initial=0.0) > LARGEST:
            continue  # its squares are no numbers
        relation = _relation(x[known], y[known]) if known.sum() >= LEAST_ROWS else ""
        if relation:
            yield Seen(
                f"the target is {relation} of it in all {int(known.sum()):,} rows where it is known",
                "Leave it out: it is the target under another name.",
                column.name,
            )
        elif known.mean() > 0.9 and x[known].std() > 0:
            left.append(j)
    yield from _sum_of(table, [columns[j] for j in left], [numbers[j] for j in left], y)


def _relation(x: Floats, y: Floats) -> str:
    # A tier of prices has a price of its own as well: only numbers that hardly repeat are copies.
    if x.std() == 0 or y.std() == 0 or len(np.unique(x)) <= max(10, min(100, len(x) // 20)):
        return ""
    if abs(np.corrcoef(x, y)[0, 1]) > 1 - EXACT:
        return "a multiple, but for a constant,"
    by_rank = np.corrcoef(codes_of(pl.Series(x)), codes_of(pl.Series(y)))[0, 1]
    same_steps = len(np.unique(x)) == len(np.unique(y))
    return "a steadily rising or falling function" if same_steps and abs(by_rank) > 1 - EXACT else ""


def _sum_of(table: Table, columns: list[Column], numbers: list[Floats], y: Floats) -> Iterator[Seen]:
    """Columns whose weighted sum is the target, fitted on one half of the rows and exact on the other."""
    strongest = sorted(range(len(columns)), key=lambda j: -_correlation(numbers[j], y))[:200]
    if len(strongest) < 2:
        return
    x = np.column_stack([numbers[j] for j in strongest])
    complete = np.flatnonzero(~np.isnan(x).any(axis=1))
    complete = np.random.default_rng(table.seed).permutation(complete)[:5_000]
    half = len(complete) // 2
    if half < 2 * x.shape[1] + 20 or y[complete].std() == 0:
        return
    shares = _weights(x[complete], y[complete], half)
    if shares is None:
        return
    parts = [columns[strongest[k]].name for k in np.flatnonzero(np.abs(shares) > 1e-6)]
    more = ", ..." if len(parts) > MOST_PARTS + 1 else ""
    named = " and ".join(map(repr, parts[: MOST_PARTS + 1]))
    for name in parts if len(parts) <= MOST_PARTS else [""]:
        yield Seen(
            f"the target is a weighted sum of {named}{more}, exact in {half:,} rows "
            "that the weights had not seen",
            "Leave all of them out: together they are the target, and one alone may tell most of it.",
            name,
        )


def _weights(x: Floats, y: Floats, half: int) -> Floats | None:
    """Standardised weights of the columns if they give `y` exactly in the second half of rows, or None."""
    deviation = x.std(axis=0)
    scaled = (x - x.mean(axis=0)) / np.where(deviation > 0, deviation, 1)
    centred = (y - y.mean()) / y.std()
    scaled1 = np.column_stack([np.ones(len(scaled)), scaled])
    weights = np.linalg.lstsq(scaled1[:half], centred[:half], rcond=1e-10)[0]
    worst = np.abs(scaled1[half:] @ weights - centred[half:]).max()
    return np.asarray(weights[1:]) if worst < 1e-7 else None


def _correlation(x: Floats, y: Floats) -> float:
    known = ~np.isnan(x)
    return abs(float(np.corrcoef(x[known], y[known])[0, 1])) if y[known].std() > 0 else 0.0


CHECKS: Final[tuple[Check[Table], ...]] = (
    Check(
        "MLW401",
        "one feature nearly gives the target away",
        "issue",
        single_feature,
        "Predicts the target from each feature alone, by means of bins, in 5 folds. Found where the 95 % "
        "interval lies over ROC AUC 0.9 (R squared 0.7) and leaves less than a third of the error that all "
        "other features leave together; or, as a tip, over 0.998 (0.995) whatever the others can do. Stops "
        "training only where it reaches 0.99 (0.995) alone, beyond what honest features do. A tip also where "
        "it may be the key of a list (a category for a number, or one of over 32 for a class), and where "
        "boosted trees of all features reach the former and leave three times the error without this one.",
        "Kaufman et al. (2012), Leakage in data mining, ACM TKDD 6",
        stops=True,
    ),
    Check(
        "MLW402",
        "features are the target in disguise",
        "issue",
        repeated_target,
        "Found where a feature's values match the classes one to one, where steps of a number are the "
        "classes, "
        "where one of two values stands for one class, where texts hold the row's own label (95 % intervals "
        "over half the rows, and over 90 % of these); where a number determines the target by a line or a "
        "steady function, where values are ranges of the target that do not overlap, where it is the target "
        "of "
        "the next row; or where a weighted sum of numbers is the target in rows held back.",
        stops=True,
    ),
    Check(
        "MLW403",
        "missing values tell the target",
        "tip",
        missingness,
        "Predicts the target from whether the feature is missing, in 5 folds; found where the 95 % interval "
        "lies over ROC AUC 0.75 (R squared 0.25), an issue over 0.95 (0.8). Of three classes or more, it "
        "is the one that is told best, with an interval that allows for the choice (Bonferroni), and a tip: "
        "a kind of thing may honestly lack a part.",
        "Kaufman et al. (2012), Leakage in data mining, ACM TKDD 6",
        stops=True,
    ),
    Check(
        "MLW404",
        "the order of rows tells the target",
        "tip",
        order,
        "Predicts the target from the row number, and from ids that are numbers, in 5 folds; found where the "
        "95 % interval lies over ROC AUC 0.6 (R squared 0.1).",
        "Kaufman et al. (2012), Leakage in data mining, ACM TKDD 6",
    ),
)
