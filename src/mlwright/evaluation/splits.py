"""Splits: which rows train, validate and test, and the rule that said so.

Random, stratified (by class), group (all rows of a group on one side), time (later rows judge earlier ones, a
gap between them where labels come late), order (the same, where the order of rows tells the time), group+time
(later rows, of other groups), given (folds that the user names). Who chooses the rule is the task kind;
everything fitted stays inside a fold's training rows.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from mlwright.base.errors import DataProblem
from mlwright.base.evaluation import SplitRule

Ints = npt.NDArray[np.int64]
Keys = npt.NDArray[np.generic]

HOLDOUT_FROM = 10_000
"""Rows from which a holdout is kept that nothing touches (contracts.md, section 6)."""
HOLDOUT_SHARE, HOLDOUT_MOST = 0.2, 50_000
LEAST, STRETCHES = 10, 20


@dataclass(frozen=True)
class Fold:
    """Row numbers that train and that validate."""

    train: Ints
    valid: Ints


@dataclass(frozen=True)
class Split:
    """Folds over the development rows, and the test rows that nothing touches (none in small data)."""

    rule: SplitRule
    why: str
    folds: tuple[Fold, ...]
    test: Ints
    moments: Ints | None = None
    """When each row was, as a rank [N]; None where the rule does not ask."""

    @property
    def development(self) -> Ints:
        """Every row that is not kept for the test."""
        return np.unique(np.concatenate([np.concatenate([f.train, f.valid]) for f in self.folds]))

    @property
    def judged(self) -> Ints:
        """The rows that some fold validates, in order."""
        return np.sort(np.concatenate([f.valid for f in self.folds]))

    def stretches(self, rows: Ints) -> Ints | None:
        """In which of some twenty stretches of time each of `rows` lies: neighbours share what it brings.
        Rows of one moment stay together; None where the rule knows no time."""
        if self.moments is None:
            return None
        return stretches_of(self.moments[rows])


def stretches_of(moments: Ints) -> Ints:
    """In which of some twenty stretches of time each row lies, by the ranks of their moments [N]."""
    count = len(moments)
    before = np.searchsorted(np.sort(moments), moments, side="left")
    return np.asarray(before * min(STRETCHES, max(1, count // 2)) // max(1, count))


@dataclass(frozen=True)
class Rows:
    """What a rule looks at: classes (or None for numbers), groups, times and named folds of N rows."""

    count: int
    classes: Ints | None = None
    groups: Keys | None = None
    times: Keys | None = None
    gap: float | np.timedelta64 = 0.0
    """In the unit of `times`: rows so shortly before those that judge them do not train."""
    folds: Keys | None = None
    """Of the rule `given`: names; rows of TEST are the holdout, those of TRAIN judge nothing."""


TEST, TRAIN = "test", "train"
ALONG_TIME: tuple[SplitRule, ...] = ("time", "order", "group+time")
"""Rules by which later rows judge models fitted on earlier ones."""


def make_split(rule: SplitRule, why: str, rows: Rows, *, seed: int = 0, test: Ints | None = None) -> Split:
    """Splits by `rule`: a holdout from 10,000 rows on (or `test`, where given), folds over the rest. With
    two groups or three moments there is no holdout, for nothing would be left to make folds of.

    8 folds below 2,500 rows, 5 below 50,000, 3 below 150,000, else one validation part. Raises `DataProblem`
    where the rule cannot be followed: one group, or too few rows.

    >>> split = make_split("random", "", Rows(100), seed=1)
    >>> len(split.folds), len(split.test), sorted(set(split.judged)) == list(range(100))
    (8, 0, True)
    """
    if rule == "given":
        return _given(why, rows, test)
    if rule == "order":
        rows = replace(rows, times=np.arange(rows.count))
    everything = rest = np.arange(rows.count)
    if test is not None:
        rest = np.setdiff1d(everything, test)
    elif rows.count >= HOLDOUT_FROM and _divides_further(rule, rows):
        size = min(int(rows.count * HOLDOUT_SHARE), HOLDOUT_MOST)
        test = _parts(rule, rows, everything, max(2, round(rows.count / size)), seed)[-1]
        rest = np.setdiff1d(everything, test)
        if rule in ALONG_TIME:
            last = _apart(rule, rows, rest, test, seed)
            rest, test = last.train, last.valid
    else:
        test = np.zeros(0, dtype=np.int64)
    _refuse_too_few(rest)
    count = 8 if len(rest) < 2_500 else 5 if len(rest) < 50_000 else 3 if len(rest) < 150_000 else 1
    if rule in ALONG_TIME:
        blocks = _parts(rule, rows, rest, count + 2, seed)
        starts = range(2, len(blocks)) if count > 1 else [len(blocks) - 1]
        pairs = [(np.sort(np.concatenate(blocks[:i])), blocks[i]) for i in starts]
        folds = [_apart(rule, rows, earlier, later, seed + 1) for earlier, later in pairs]
    else:
        size = count if count > 1 else max(5, round(len(rest) / HOLDOUT_MOST))
        parts = [p for p in _parts(rule, rows, rest, size, seed + 1) if len(p)]
        folds = [Fold(np.setdiff1d(rest, p), p) for p in (parts if count > 1 else parts[:1])]
    moments = None
    if rule in ALONG_TIME and rows.times is not None:
        moments = np.unique(rows.times, return_inverse=True)[1].astype(np.int64)
    return Split(rule, why, tuple(folds), test, moments)


def _refuse_too_few(rows: Ints, what: str = "") -> None:
    if len(rows) < LEAST:
        raise DataProblem(
            f"{len(rows)} rows{what} are too few to learn from and judge",
            remedy=f"bring at least {LEAST} rows" if not what else "leave it out, or bring a longer history",
        )


def _given(why: str, rows: Rows, test: Ints | None) -> Split:
    """One fold for each name but those of the holdout and of the rows that only train."""
    assert rows.folds is not None  # the rule is chosen only where there are such
    everything = np.arange(rows.count)
    if test is None:
        test = np.flatnonzero(rows.folds == TEST)
    rest = np.setdiff1d(everything, test)
    _refuse_too_few(rest)
    names = [n for n in np.unique(rows.folds[rest]) if n not in (TEST, TRAIN)]
    if not names or (len(names) == 1 and not (rows.folds[rest] == TRAIN).any()):
        raise DataProblem(
            f"the column of folds names {names[0]!r} alone" if names else "the column of folds names no fold",
            remedy=f"name two folds at least, or one beside rows called {TRAIN!r}",
        )
    valid = [rest[rows.folds[rest] == n] for n in names]
    return Split("given", why, tuple(Fold(np.setdiff1d(rest, v), v) for v in valid), test)


def _apart(rule: SplitRule, rows: Rows, earlier: Ints, later: Ints, seed: int) -> Fold:
    """Rows `earlier` that train and `later` that judge, with the gap between them; by `group+time` a group on
    both sides stays on one of them, by lot."""
    assert rows.times is not None  # as in _parts
    if rows.gap:
        known = rows.times[earlier] <= rows.times[later].min() - rows.gap
        earlier = earlier[known]
        long = f"{rows.gap:g}" if isinstance(rows.gap, float) else str(rows.gap.item())
        _refuse_too_few(earlier, f" before a gap of {long}")
    if rule == "group+time":
        assert rows.groups is not None
        both = np.intersect1d(rows.groups[earlier], rows.groups[later])
        lot = np.random.default_rng(seed).random(len(both)) < 0.5
        earlier = earlier[~np.isin(rows.groups[earlier], both[lot])]
        later = later[~np.isin(rows.groups[later], both[~lot])]
        _refuse_too_few(earlier, " of groups that are on one side only")
        if not len(later):
            raise DataProblem(
                "no group is left to judge by: each has earlier rows", remedy="say split='time' or 'group'"
            )
    return Fold(earlier, later)


def _divides_further(rule: SplitRule, rows: Rows) -> bool:
    """Whether folds can still be made once a part is kept back."""
    if rule == "group" and rows.groups is not None:
        return len(np.unique(rows.groups)) > 2
    if rule in ALONG_TIME and rows.times is not None:
        return len(np.unique(rows.times)) > 3
    return True


def _parts(rule: SplitRule, rows: Rows, among: Ints, count: int, seed: int) -> list[Ints]:
    """The rows `among` in `count` parts by the rule, each sorted; time's parts in order of time."""
    rng = np.random.default_rng(seed)
    if rule in ALONG_TIME:
        assert rows.times is not None  # the rule is chosen only where there is a time
        order = among[np.argsort(rows.times[among], kind="stable")]
        edges = np.linspace(0, len(order), count + 1).astype(np.int64)
        # Rows of one moment stay together: an edge moves to the first row of its moment.
        ordered = rows.times[order]
        edges[1:-1] = np.searchsorted(ordered, ordered[edges[1:-1]], side="left")
        parts = [np.sort(order[a:b]) for a, b in itertools.pairwise(edges) if b > a]
        if len(parts) < 3:
            raise DataProblem(
                "the time column has too few moments to split by",
                remedy="leave time= out, or bring a longer history",
            )
        return parts
    if rule == "group":
        assert rows.groups is not None  # the rule is chosen only where there are groups
        return _by_group(rows.groups, among, count, rng)
    order = rng.permutation(among)
    if rule == "stratified" and rows.classes is not None:
        order = order[np.argsort(rows.classes[order], kind="stable")]
    return [np.sort(order[i::count]) for i in range(count)]


def _by_group(groups: Keys, among: Ints, count: int, rng: np.random.Generator) -> list[Ints]:
    """Whole groups dealt to the part that is smallest so far, large groups first."""
    _, code = np.unique(groups[among], return_inverse=True)
    sizes = np.bincount(code)
    if len(sizes) < 2:
        raise DataProblem("the group column holds one group", remedy="leave group= out")
    count = min(count, len(sizes))
    shuffled = rng.permutation(len(sizes))
    part_of, filled = np.zeros(len(sizes), dtype=np.int64), np.zeros(count)
    for g in shuffled[np.argsort(-sizes[shuffled], kind="stable")]:
        part_of[g] = np.argmin(filled)
        filled[part_of[g]] += sizes[g]
    return [np.sort(among[part_of[code] == i]) for i in range(count)]
