"""Permutation importance: how much worse a model answers where the values of a column are shuffled.

Columns that tell much the same are shuffled together as well, since each alone is replaced by the others.
It asks a function for answers to rows with values of other rows in some columns, and knows no model.
Sources: Breiman (2001), Machine Learning 45; Fisher, Rudin & Dominici (2019), JMLR 20, on the estimand;
Strobl et al. (2008), BMC Bioinformatics 9, on correlated columns.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from mlwright.base.importance import Change, Importance, Reliance
from mlwright.evaluation.metrics import METRICS, Answered, Metric, Output, Truth, mean_of, seen_by
from mlwright.statistics.intervals import Codes, Floats
from mlwright.statistics.jackknife import GROUPS, deleted_together, half_width
from mlwright.statistics.resampling import Weighted
from mlwright.statistics.together import Values, alike_in_answers, go_together

Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

MOST_ROWS, LEAST_ROWS, FEWEST_ROWS = 2_000, 400, 20
"""Rows that are asked about, where there are more; as many where there is little time; fewer than the last
say nothing."""
REPEATS, LEAST_REPEATS = 5, 2
MOST_COLUMNS, LEAST_COLUMNS = 30, 12
LOOKED_AT, LOOKED_ROWS, LEAST_LOOKED = 120, 300, 100
"""Columns that are shuffled once on so many rows, where there are more than are measured."""
TOO_SLOW = "asking the model often enough would take too long"
FEW_GROUPS, OWN_SHARE = 10, 0.5
"""Groups that are left out for a metric of the user's own, which may be slow: their intervals are wider;
and the share of the seconds that its calls may take for that. Where they would take more it has none."""
DEAR_CLASSES = 10
"""Beyond so many classes an area under a curve for each has no interval here ..."""
TOO_DEAR_CLASSES = 30
"""... and beyond so many it is left out: the loss stands alone."""
NAMED = 100


class Answers(NamedTuple):
    """What a model says of m rows."""

    margin: Doubles
    """[m, M]: log-odds, scores of classes, or numbers behind their link."""
    answer: Doubles
    """[m, K] probabilities, or [m] numbers."""
    labels: Ints | None = None
    """[m] as decided; None of numbers."""


Ask = Callable[[Ints, Mapping[str, Ints]], Answers]
"""Answers to the rows `at` [m] where each column that is named holds the values of other rows [m]."""


@dataclass(frozen=True)
class Examined:
    """A model, and n rows to ask it about."""

    ask: Ask
    columns: Mapping[str, Values]
    """The columns that the model uses, in order: numbers or codes of categories [n]; None of free text."""
    y: Truth
    metric: Metric
    part: Codes | None = None
    """Values are exchanged within these parts [n], as where several models answer."""
    weights: Floats | None = None
    clusters: Codes | None = None
    """Which rows depend on each other [n]."""
    seed: int = 0

    def __len__(self) -> int:
        return len(self.y)

    def rows(self, index: Ints) -> Examined:
        """The same on the rows `index` alone."""

        def ask(at: Ints, taken: Mapping[str, Ints]) -> Answers:
            return self.ask(index[at], {name: index[other] for name, other in taken.items()})

        columns = {name: None if v is None else v[index] for name, v in self.columns.items()}
        picked = (None if v is None else v[index] for v in (self.part, self.weights, self.clusters))
        part, weights, clusters = picked
        return Examined(ask, columns, self.y[index], self.metric, part, weights, clusters, self.seed)  # type: ignore[arg-type]

    def sample(self, most: int, seed: int) -> Examined:
        """At most `most` rows, by lot."""
        if len(self) <= most:
            return self
        return self.rows(np.sort(np.random.default_rng(seed).choice(len(self), most, replace=False)))


@dataclass(frozen=True)
class Effort:
    """What may be spent."""

    asked: float = math.inf
    """Rows that the model may be asked about in all."""
    seconds: float = math.inf
    """Time that it may take; where it ends, what was measured so far stands."""
    clock: Callable[[], float] = time.monotonic


class _Sizes(NamedTuple):
    rows: int
    repeats: int
    columns: int
    looked: int
    """Rows of the first look."""


def importance_of(
    examined: Examined, how: str, *, unseen: bool = True, effort: Effort | None = None
) -> Importance:
    """What the answers rest on. Never raises for want of time or rows: `skipped` then says why.

    Intervals are of other rows and other shuffles (delete-a-group jackknife, in which a row is left out with
    the value it lent), for this model: another training would differ by more.
    """
    effort = effort or Effort()
    began, seed = effort.clock(), examined.seed
    if examined.weights is not None:
        examined = examined.rows(np.flatnonzero(examined.weights > 0))
    some = examined.sample(MOST_ROWS, seed)
    empty = _nothing(some.metric, how, unseen=unseen, classes=some.y.dtype.kind == "i")
    if len(some) < FEWEST_ROWS:
        return msgspec.structs.replace(empty, skipped=f"{len(some)} rows are too few")
    some.ask(np.arange(min(len(some), FEWEST_ROWS)), {})  # the first call loads what it needs
    timed = effort.clock()
    plain = some.ask(np.arange(len(some)), {})
    each = max(effort.clock() - timed, 1e-6) / len(some)
    sizes = _affordable(len(some), len(some.columns), min(effort.asked, 0.8 * effort.seconds / each))
    if sizes is None:
        return msgspec.structs.replace(empty, skipped=TOO_SLOW)
    if sizes.rows < len(some):
        some = some.sample(sizes.rows, seed + 1)
        plain = some.ask(np.arange(len(some)), {})
    units, left = _looked_over(some, plain, sizes)
    shuffled = _Shuffled(some, plain, sizes.repeats, _affords_intervals(some, plain, sizes, effort))
    measured: list[Reliance] = []
    for names in _in_turn(units, sizes.columns):
        if measured and effort.clock() - began > effort.seconds:
            break
        measured.append(shuffled.reliance(names))
    alone = [r for r in measured if len(r.columns) == 1]
    left = sum(len(u) for u in units) + left - len(alone)
    return msgspec.structs.replace(
        empty,
        metric_value=shuffled.value(0),
        loss_value=shuffled.value(1) or 0.0,
        rows=len(some),
        repeats=sizes.repeats,
        columns=_ranked(alone),
        groups=_ranked([r for r in measured if len(r.columns) > 1]),
        not_measured=left,
    )


def skipped(metric: Metric, why: str, *, classes: bool) -> Importance:
    """Where nothing was measured, and why."""
    return msgspec.structs.replace(_nothing(metric, "", unseen=True, classes=classes), skipped=why)


def with_unused(importance: Importance, unused: Sequence[str]) -> Importance:
    """The same, saying which columns nothing rests on."""
    return msgspec.structs.replace(importance, unused=tuple(unused[:NAMED]), unused_count=len(unused))


def in_order(importance: Importance) -> list[str]:
    """Columns that matter, the most important first, members of a group after each other."""
    alone = {r.columns[0]: r.first.value for r in importance.columns}
    out: list[str] = []
    for one in importance.ranked():
        if one.first.value != 0:
            out += sorted((n for n in one.columns if n in alone), key=lambda n: -alone[n])
    return out


def _nothing(metric: Metric, how: str, *, unseen: bool, classes: bool) -> Importance:
    return Importance(
        metric=metric.name,
        greater_is_better=metric.greater_is_better,
        metric_value=None,
        loss="log_loss" if classes else "squared_error",
        loss_value=0.0,
        rows=0,
        repeats=0,
        how=how,
        unseen=unseen,
    )


def _affordable(rows: int, columns: int, asked: float) -> _Sizes | None:
    """How many rows, repeats and columns there may be: repeats go first, then rows, then columns."""
    few = min(columns, MOST_COLUMNS)
    least = min(rows, LEAST_ROWS)
    for repeats in range(REPEATS, LEAST_REPEATS - 1, -1):
        look = _look(columns, few, LOOKED_ROWS)
        if 1.2 * few * repeats * rows + look <= asked:
            return _Sizes(rows, repeats, few, LOOKED_ROWS)
    for count, looked in ((few, LOOKED_ROWS), (few, LEAST_LOOKED), (min(few, LEAST_COLUMNS), LEAST_LOOKED)):
        look = _look(columns, count, looked)
        if count and 1.2 * count * LEAST_REPEATS * least + look <= asked:
            fitting = int((asked - look) / (1.2 * count * LEAST_REPEATS))
            return _Sizes(min(max(fitting, least), rows), LEAST_REPEATS, count, looked)
    return None if few else _Sizes(rows, LEAST_REPEATS, 0, LOOKED_ROWS)


def _look(columns: int, measured: int, rows: int) -> int:
    """Rows that a first look asks about; none where all columns are measured."""
    return min(columns, LOOKED_AT) * rows if columns > measured else 0


def _looked_over(some: Examined, plain: Answers, sizes: _Sizes) -> tuple[list[tuple[str, ...]], int]:
    """Columns in groups that tell much the same, the most important first where there are more than can be
    measured; and how many were not looked at."""
    names = list(some.columns)
    if len(names) > LOOKED_AT:
        names = alike_in_answers(some.columns, plain.margin, LOOKED_AT)
    units = go_together({name: some.columns[name] for name in names})
    if len(names) > sizes.columns:
        at = np.arange(min(len(some), sizes.looked))
        few = some.rows(np.sort(np.random.default_rng(some.seed).choice(len(some), len(at), replace=False)))
        once = _Shuffled(few, few.ask(at, {}), 1, intervals=False)
        units = sorted(units, key=lambda names: -once.growth(names))
    return units, len(some.columns) - len(names)


def _in_turn(units: Sequence[tuple[str, ...]], most: int) -> list[tuple[str, ...]]:
    """What is shuffled: each group, and its columns alone, until there are `most` columns."""
    out: list[tuple[str, ...]] = []
    columns = 0
    for unit in units:
        if columns >= most:
            break
        alone = unit[: most - columns]
        out += [unit] if len(unit) > 1 else []
        out += [(name,) for name in alone]
        columns += len(alone)
    return out


def _affords_intervals(some: Examined, plain: Answers, sizes: _Sizes, effort: Effort) -> bool:
    """Whether there is time for an interval of the metric: what one of the user's own takes nobody knows."""
    if some.metric.bounded or math.isinf(effort.seconds):
        return True
    value = some.metric.on(some.y, _judged(some.metric, plain))
    began = effort.clock()
    value(some.weights)
    calls = (FEW_GROUPS + 1) * sizes.repeats * (sizes.columns + 1)
    return calls * (effort.clock() - began) <= OWN_SHARE * effort.seconds


def _judged(metric: Metric, answers: Answers) -> Output:
    """What the metric takes of answers."""
    answer = answers.answer if answers.labels is None else Answered(answers.answer, answers.labels)
    return seen_by(metric, answer)


class _Shuffled:
    """Rows whose columns can be shuffled: the same shuffles for each column, so that they compare."""

    def __init__(self, examined: Examined, plain: Answers, repeats: int, intervals: bool = True) -> None:
        """With `intervals`, of the metric too."""
        self.examined, self.intervals, n = examined, intervals, len(examined)
        rng = np.random.default_rng(examined.seed + 2)
        self.orders = [_within(examined.part, n, rng) for _ in range(repeats)]
        most = GROUPS if examined.metric.bounded else FEW_GROUPS
        self.group = deleted_together(n, clusters=examined.clusters, seed=examined.seed, most=most)
        groups = int(self.group.max()) + 1
        self.groups = groups if groups > 1 else 0
        statistics = self._statistics(plain)
        self.whole = self._values(statistics, [examined.weights])[0]
        # A row is left out with the value that it lent, and its answer to the column as it is beside both.
        self.kept = [[self._without(order, g) for g in range(self.groups)] for order in self.orders]
        self.plain = [self._values(statistics, kept) for kept in self.kept]

    def value(self, which: int) -> float | None:
        """The metric (0) or the loss (1) of the rows as they are; None where it is undefined."""
        value = float(self.whole[which])
        return value if math.isfinite(value) else None

    def growth(self, names: tuple[str, ...]) -> float:
        """By how much the loss grows, without an interval."""
        at = np.arange(len(self.examined))
        answers = self.examined.ask(at, dict.fromkeys(names, self.orders[0]))
        return self._loss(answers)(self.examined.weights) - float(self.whole[1])

    def reliance(self, names: tuple[str, ...]) -> Reliance:
        """What rests on these columns together."""
        n, repeats = len(self.examined), len(self.orders)
        taken = dict.fromkeys(names, np.concatenate(self.orders))
        answers = self.examined.ask(np.tile(np.arange(n), repeats), taken)
        grown, without = np.zeros(2), np.zeros((self.groups, 2))
        for r, (kept, plain) in enumerate(zip(self.kept, self.plain, strict=True)):
            rows = slice(r * n, (r + 1) * n)
            labels = None if answers.labels is None else answers.labels[rows]
            statistics = self._statistics(Answers(answers.margin[rows], answers.answer[rows], labels))
            grown += (self._values(statistics, [self.examined.weights])[0] - self.whole) / repeats
            without += (self._values(statistics, kept) - plain) / repeats
        sign = np.array([-1.0 if self.examined.metric.greater_is_better else 1.0, 1.0])
        half = half_width(without)
        metric, loss = (_change(float((sign * grown)[k]), float(half[k])) for k in (0, 1))
        return Reliance(columns=names, metric=metric, loss=loss or Change(value=0.0))

    def _without(self, order: Ints, group: int) -> Floats:
        """Weights of the rows without those of a group and those that hold its values."""
        kept = ((self.group != group) & (self.group[order] != group)).astype(np.float64)
        return np.asarray(kept if self.examined.weights is None else kept * self.examined.weights)

    def _statistics(self, answers: Answers) -> tuple[Weighted | None, Weighted]:
        """Metric and loss of these answers as functions of weights."""
        metric = self.examined.metric
        loss = self._loss(answers)
        if metric.slow or (metric.losses is None and self._classes(answers) > TOO_DEAR_CLASSES):
            return None, loss
        value = metric.on(self.examined.y, _judged(metric, answers))
        dear = metric.losses is None and self._classes(answers) > DEAR_CLASSES
        return _once(value, self.examined.weights) if dear or not self.intervals else value, loss

    def _values(
        self, statistics: tuple[Weighted | None, Weighted], weights: Sequence[Floats | None]
    ) -> Doubles:
        """[weights, 2]: metric and loss by each of the weights; NaN where undefined."""
        out = np.full((len(weights), 2), math.nan)
        for g, given in enumerate(weights):
            if given is None or given.any():
                out[g] = [math.nan if s is None else s(given) for s in statistics]
        return out

    @staticmethod
    def _classes(answers: Answers) -> int:
        return answers.answer.shape[1] if answers.answer.ndim == 2 else 0

    def _loss(self, answers: Answers) -> Weighted:
        y = self.examined.y
        if answers.answer.ndim == 2:
            return METRICS["log_loss"].on(y, answers.answer)
        squared = np.asarray((y - answers.answer) ** 2, dtype=np.float64)
        return lambda weights: mean_of(squared, weights)


def _once(statistic: Weighted, given: Floats | None) -> Weighted:
    """The statistic for the weights that are given; undefined for others, for which it is too dear."""
    return lambda weights: statistic(weights) if weights is given else math.nan


def _within(part: Codes | None, rows: int, rng: np.random.Generator) -> Ints:
    """Row numbers [rows] in which each part's are shuffled among themselves."""
    if part is None:
        return np.asarray(rng.permutation(rows), dtype=np.int64)
    order = np.arange(rows)
    for p in np.unique(part):
        at = np.flatnonzero(part == p)
        order[at] = rng.permutation(at)
    return order


def _change(value: float, half: float) -> Change | None:
    """The difference in six digits, for a file holds it."""
    if not math.isfinite(value):
        return None
    if not math.isfinite(half):
        return Change(value=rounded(value))
    return Change(value=rounded(value), low=rounded(value - half), high=rounded(value + half))


def rounded(value: float, digits: int = 6) -> float:
    """`value` to so many digits that count.

    >>> rounded(1234.56789, 4), rounded(0.0)
    (1235.0, 0.0)
    """
    return float(f"{value:.{digits}g}")


def _ranked(found: Sequence[Reliance]) -> tuple[Reliance, ...]:
    return tuple(sorted(found, key=lambda r: (-r.first.value, -r.loss.value)))
