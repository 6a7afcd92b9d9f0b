"""Checks whether a test table is as unseen as it should be: MLW651, MLW653 to MLW655.

Called by `contaminated` through its table of checks: the reference is the training table, the fresh one the
test table. Near copies are looked for in `copies`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import polars as pl

from mlwright.base.finding import counted
from mlwright.base.schema import Column
from mlwright.checks.outcome import Check, CouldNotLook, Seen, first_rows, need_rows, percent
from mlwright.checks.pair import Pair, spelt_as
from mlwright.checks.table import Table, codes_of
from mlwright.statistics.intervals import Codes, Floats, mean_interval, wilson
from mlwright.statistics.shares import share_shift

COPIED = 0.01
"""Share of test rows beyond chance over which copies from training are an issue."""
CONTRADICTED = 0.05
OVERLAPPING = 0.01
LEAST_TWINS = 20
IN_ORDER = 0.99
"""Share of steps forward over which a table of one date column is in order of time."""


def copied_rows(pair: Pair) -> Iterator[Seen]:
    """MLW651."""
    _need_both(pair)
    train, test = _keys(pair, pair.features)
    shared = np.isin(test, train)
    if not shared.any():
        return
    among = np.bincount(np.unique(train, return_inverse=True)[1])
    repeated = int(among[among > 1].sum())  # rows of training that have a twin there
    shift = share_shift((repeated, len(train)), (int(shared.sum()), len(test)))
    if shift.effect.low <= 0 or shift.p > 0.05:
        return  # rows repeat as often within training: cases of few kinds, or a table with duplicates
    same = _with_target(pair, shared)
    yield Seen(
        f"{int(shared.sum()):,} of {len(test):,} test rows stand in training too, "
        f"{percent(wilson(float(shared.sum()), len(test)))}{same}; within training "
        f"{percent(wilson(repeated, len(train)))} have a twin",
        "Take them out of the test table, or cut one table anew with `mlwright split`: a score on rows that "
        "were learned says nothing about new ones.",
        rows=first_rows(shared),
        severity="issue" if shift.effect.low > COPIED else "tip",
    )


def times_overlap(pair: Pair) -> Iterator[Seen]:
    """MLW653."""
    _need_both(pair)
    column, certain = _time(pair)
    train, test = (Table(t).series(column).drop_nulls().to_numpy() for t in pair.both)
    need_rows(min(len(train), len(test)), 2, "moments in one of the tables")
    early = test < train.max()
    moments = Table(pair.fresh).series(column)
    before = wilson(float(early.sum()), len(test))
    if before.low <= OVERLAPPING:
        return
    rows = np.flatnonzero((moments < float(train.max())).fill_null(False).to_numpy())
    wholly = bool(test.max() < train.min())
    said = (
        "all of the test table is older than training"
        if wholly
        else (f"{percent(before)} of test rows are older than the last of training")
    )
    yield Seen(
        said,
        "Let the test table begin where training ends: in use no model knows what comes after its rows.",
        column.name,
        first_rows(rows),
        severity="issue" if certain else "tip",
    )


def entities_in_both(pair: Pair) -> Iterator[Seen]:
    """MLW654."""
    _need_both(pair)
    columns = [c for c in pair.shared if c.role == "group" or c.role == "id" or c.kind == "id"]
    columns = [c for c in columns if c.role not in ("target", "weight", "ignored")]
    if not columns:
        raise CouldNotLook("not_applicable", "no column is a group or an id")
    for column in columns:
        train, test = (Table(t).series(column).cast(pl.String) for t in pair.both)
        known = (test.is_in(train.drop_nulls().unique().to_list()) & test.is_not_null()).fill_null(False)
        both = test.filter(known).n_unique()
        if not both or (column.role != "group" and not _names_alike(pair, column)):
            continue
        rows = known.to_numpy()
        clusters = codes_of(test)
        share = mean_interval(rows.astype(np.float64), clusters=clusters).within(0.0, 1.0)
        if not share.low > COPIED and column.role != "group":
            continue
        yield Seen(
            f"{counted(both, 'value')} of {column.name!r} "
            f"{'stands' if both == 1 else 'stand'} in both tables, in {percent(share)} of test rows",
            "Keep all rows of one subject on one side: a model is else not judged on new subjects.",
            column.name,
            first_rows(rows),
            severity="issue" if column.role == "group" else "tip",
        )


def labels_contradict(pair: Pair) -> Iterator[Seen]:
    """MLW655."""
    _need_both(pair)
    if pair.target is None:
        raise CouldNotLook("not_applicable", "no target stands in both tables")
    if pair.task == "regression":
        raise CouldNotLook("not_applicable", "the target is a number")
    train, test = _keys(pair, pair.features)
    labels = _labels(pair)
    of_train, own, within = _majority(train, labels[0])
    twins = np.flatnonzero(np.isin(test, list(of_train)))
    if not len(twins):
        raise CouldNotLook("not_applicable", "no test row equals a training row")
    need_rows(min(len(twins), within), LEAST_TWINS, "rows of a table with a twin in training")
    disagree = np.array([labels[1][k] != of_train[int(test[k])] for k in twins])
    shift = share_shift((own, within), (int(disagree.sum()), len(twins)))
    if shift.effect.low > CONTRADICTED and shift.p <= 0.05:
        yield Seen(
            f"of {counted(len(twins), 'test row')} that equal training rows, "
            f"{percent(wilson(float(disagree.sum()), len(twins)))} have another label than most of those; "
            f"within training {percent(wilson(own, within))}",
            "Make sure that labels mean the same in both tables, and were given by the same rules.",
            pair.target.name,
            first_rows(twins[disagree]),
        )


def _need_both(pair: Pair) -> None:
    """Raises `CouldNotLook` where there are no two tables with columns in common."""
    train, test = pair.both
    need_rows(min(len(train), len(test)), 1, "rows in one of the tables")
    if not pair.features:
        raise CouldNotLook("not_applicable", "no column but ids stands in both tables")


def _keys(pair: Pair, columns: tuple[Column, ...]) -> tuple[Codes, Codes]:
    """Codes of the rows of each table; equal rows of either have equal codes."""
    names = [c.name for c in columns]
    frames = [t.frame.select(names) for t in pair.both]
    both = pl.concat(frames)
    codes = codes_of(both.hash_rows(pair.seed))
    return codes[: len(frames[0])], codes[len(frames[0]) :]


def _labels(pair: Pair) -> tuple[list[str], list[str]]:
    assert pair.target is not None
    one, other = (t.frame[pair.target.name].cast(pl.String) for t in pair.both)
    return one.to_list(), spelt_as(other, one.drop_nulls().unique().to_list()).to_list()


def _with_target(pair: Pair, shared: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> str:
    if pair.target is None:
        return ""
    train, test = _keys(pair, pair.features)
    labels = _labels(pair)
    known = set(zip(train.tolist(), labels[0], strict=True))
    same = sum((int(test[k]), labels[1][k]) in known for k in np.flatnonzero(shared))
    return f", {same:,} of them with the same target"


def _majority(keys: Codes, labels: list[str]) -> tuple[dict[int, str], float, int]:
    """The most frequent label of each key; and of the rows with a twin, how many have not the label of most
    of their twins (ties by half), and how many there are."""
    pairs = pl.DataFrame({"key": keys, "label": labels}).group_by("key", "label").len()
    pairs = pairs.sort(["key", "len", "label"], descending=[False, True, False])
    most = pairs.unique("key", keep="first", maintain_order=True)
    twins = pairs.with_columns(
        rows=pl.col("len").sum().over("key"),
        first=pl.col("len").max().over("key"),
        second=pl.col("len").sort(descending=True).get(1, null_on_oob=True).fill_null(0).over("key"),
    ).filter(pl.col("rows") > 1)
    mine = twins["len"].to_numpy().astype(np.int64)
    first, second = (twins[n].to_numpy().astype(np.int64) for n in ("first", "second"))
    others = np.where(mine == first, second, first)
    apart = (mine - 1 < others) + 0.5 * (mine - 1 == others)
    return dict(zip(most["key"], most["label"], strict=True)), float(mine @ apart), int(mine.sum())


def _time(pair: Pair) -> tuple[Column, bool]:
    """The column that says when, and whether the user named it."""
    named = next((c for c in pair.shared if c.role == "time"), None)
    if named is not None:
        return named, True
    dates = [c for c in pair.features if c.kind == "datetime"]
    if len(dates) != 1:
        raise CouldNotLook("not_applicable", "no column is named as the time")
    for table in pair.both:
        steps = np.diff(Table(table).series(dates[0]).drop_nulls().to_numpy())
        if not len(steps) or float((steps >= 0).mean()) < IN_ORDER:
            raise CouldNotLook("not_applicable", "no column is named as the time, and none orders the rows")
    return dates[0], False


def _names_alike(pair: Pair, column: Column) -> bool:
    """Whether rows of both tables with one id are alike, more than any two rows: counters that begin anew
    in each file name nobody."""
    train, test = (t.frame.with_row_index("row") for t in pair.both)
    ids = pl.col(column.name).cast(pl.String)
    joined = (
        test.select(ids.alias("id"), pl.col("row").alias("at"))
        .drop_nulls()
        .join(train.select(ids.alias("id"), "row").drop_nulls().unique("id", keep="first"), on="id")
    )
    if len(joined) < 2:
        return False
    random = np.random.default_rng(pair.seed)
    picked = joined[np.sort(random.choice(len(joined), min(len(joined), 2_000), replace=False))]
    names = [c.name for c in pair.features]
    here = test[picked["at"].to_numpy()].select(names)
    there = train[picked["row"].to_numpy()].select(names)
    others = there[random.permutation(len(there))]
    more = _agreement(here, there) - _agreement(here, others)
    return mean_interval(more).low > 0.02


def _agreement(one: pl.DataFrame, other: pl.DataFrame) -> Floats:
    """The share of columns in which rows agree [N]."""
    same = [one[n].eq_missing(other[n]).cast(pl.Float64).to_numpy() for n in one.columns]
    return np.asarray(np.mean(same, axis=0))


CHECKS: Final[tuple[Check[Pair], ...]] = (
    Check(
        "MLW651",
        "test rows stand in training too",
        "issue",
        copied_rows,
        "Counts test rows that equal a training row in every feature, against training rows that equal "
        "another one: of one population both are as frequent, however few kinds of rows there are. Found "
        "where the 95 % interval of the difference lies over 0, an issue over 1 %.",
        "Barz & Denzler (2020), Journal of Imaging 6; interval: Newcombe (1998)",
        stops=True,
    ),
    Check(
        "MLW653",
        "the test table begins before training ends",
        "issue",
        times_overlap,
        "Where a column is named as the time: test rows older than training's last. Found where the 95 % "
        "interval of their share lies over 1 %; a tip where the only date column orders both tables unnamed.",
        "Kaufman et al. (2012), ACM TKDD 6",
    ),
    Check(
        "MLW654",
        "subjects stand in both tables",
        "issue",
        entities_in_both,
        "Counts test rows whose group stands in training, by groups. Ids count as a tip, where rows of one "
        "id are alike in both tables beyond any two rows: counters that begin anew are no subjects.",
        "Kapoor & Narayanan (2023), Patterns 4",
    ),
    Check(
        "MLW655",
        "equal rows have other labels in the test table",
        "tip",
        labels_contradict,
        "Of test rows that equal training rows, those whose label is not that of most of these, against the "
        "same within training. Found where the 95 % interval of the difference lies over 5 points.",
        "interval: Newcombe (1998)",
    ),
)
