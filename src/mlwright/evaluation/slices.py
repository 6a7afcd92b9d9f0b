"""Slices in which a model is worse than elsewhere: half of the unseen rows name them, the others confirm.

Called by `training` and `lifecycle.evaluate`. Asked are: where the loss is larger, and where predictions lie
to one side of what happens. What is told of a slice was measured on rows that had no part in naming it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mlwright.base.slices import CHANCE, LEAST_ROWS, Condition, Figure, Kind, Slice, Slices
from mlwright.evaluation.answers import Answers, figure, round_of
from mlwright.evaluation.cuts import holds
from mlwright.evaluation.slice_search import Candidate, Columns, Figured, Search
from mlwright.statistics.intervals import clustered_error, mean_interval, normal_quantile, t_quantile
from mlwright.statistics.power import POWER

Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

SHOWN = 4
"""Slices of each kind of answer."""
LOSS_FLOOR, ERROR_FLOOR = 0.1, 0.05
"""What a difference must exceed: of losses a share of the mean, of errors one of their deviation."""
ALIKE = 0.5
"""Where another slice holds so much of the smaller of the two, they are told as one."""
LEAST_CLUSTERS = 8
"""Clusters of a half, without which it can neither name nor confirm."""
TYPICAL, PLAIN = 0.1, 2.0
"""The share of rows for which it is said what would have been found; and how many times the loss must be
found in it, or else there is not enough data to tell."""


@dataclass(frozen=True)
class _Question:
    """What is asked: where `values` [N] are larger on average than elsewhere by more than `floor`."""

    kind: Kind
    values: Doubles
    floor: float
    chance: float
    """Of any false slice."""
    variance: Doubles | None = None
    """What each row's variance is by the model [N], where it says: few rows may hold no event by chance."""


@dataclass(frozen=True)
class _Confirmed:
    kind: Kind
    values: Doubles
    conditions: tuple[Condition, ...]
    mask: Mask
    """Of all rows."""
    rows: Ints
    """The half that confirmed it."""
    low: float
    high: float


def slices_of(answers: Answers, columns: Columns) -> Slices:
    """Where the loss of N answers is larger than elsewhere, and where predictions are too low or too high.

    Each half of the rows (of the clusters) names up to 6 slices a question, which the other half is asked
    about; told are those where the interval of the difference, which holds for all that were named together,
    lies over a floor. The chance of any false one is at most 5 %. Of many columns, those that matter most
    are looked at in pairs. Sources: Chung et al. (2019), Slice Finder, ICDE; multiaccuracy: Kim, Ghorbani &
    Zou (2019), AIES; sample splitting, as in Cox (1975), Biometrika 62; Bonferroni.
    """
    name, loss = answers.loss()
    if len(loss) == 0 or not columns or not np.isfinite(loss).all() or float(np.ptp(loss)) == 0:
        return Slices(status="not_applicable", loss=name, rows=len(loss), columns=len(columns))
    halves = _halves(answers)
    if halves is None:
        return Slices(status="not_enough_data", loss=name, rows=len(loss), columns=len(columns))
    questions = _questions(answers, name, loss)
    weights = np.ones(len(loss)) if answers.weights is None else answers.weights
    figures = [Figured(q.values, weights, q.floor) for q in questions]
    confirmed: list[_Confirmed] = []
    tried = 0
    for half, other in (halves, halves[::-1]):
        search = Search(columns, half, figures, answers.seed)
        for question, figured in zip(questions, figures, strict=True):
            named = search.named(figured)
            tried += len(named)
            confirmed += _confirm(answers, question, columns, named, other)
    found = tuple(_told(answers, one) for one in _apart(confirmed))
    detectable = _detectable(answers, loss, halves[0])
    known = detectable is not None and detectable <= PLAIN
    return Slices(
        status="found" if found else "passed" if known else "not_enough_data",
        loss=name,
        rows=len(loss),
        columns=len(columns),
        tried=tried,
        found=found,
        detectable=None if detectable is None else round_of(detectable),
    )


def _questions(answers: Answers, name: str, loss: Doubles) -> list[_Question]:
    """The loss, and errors to either side; of several classes, losses beyond those foretold."""
    asked = [_Question("unsure", loss, LOSS_FLOOR * _mean(answers, loss), CHANCE / 2)]
    if answers.classes > 2:
        foretold = answers.foreseen(name)
        assert foretold is not None  # classes have probabilities
        over = loss - foretold
        return [*asked, _Question("too_sure", over, _floor(answers, over), CHANCE / 2)]
    error, variance = answers.error()
    floor = _floor(answers, error)
    return [
        *asked,
        _Question("too_low", error, floor, CHANCE / 4, variance),
        _Question("too_high", -error, floor, CHANCE / 4, variance),
    ]


def _floor(answers: Answers, values: Doubles) -> float:
    return ERROR_FLOOR * _deviation(answers, values)


def _halves(answers: Answers) -> tuple[Ints, Ints] | None:
    """Two halves of the rows, clusters whole; None where there are too few."""
    random = np.random.default_rng([answers.seed, 0x511CE])
    n = len(answers)
    if answers.clusters is None:
        order = random.permutation(n)
        halves = np.sort(order[: n // 2]), np.sort(order[n // 2 :])
    else:
        units = int(answers.clusters.max()) + 1
        if units < 2 * LEAST_CLUSTERS:
            return None
        first = np.zeros(units, dtype=bool)
        first[random.permutation(units)[: units // 2]] = True
        own = first[answers.clusters]
        halves = np.flatnonzero(own), np.flatnonzero(~own)
    return halves if min(map(len, halves)) >= 2 * LEAST_ROWS else None


# Confirming ----------------------------------------------------------------------------------------------


def _confirm(
    answers: Answers, asked: _Question, columns: Columns, named: Sequence[Candidate], other: Ints
) -> Iterator[_Confirmed]:
    """Those whose interval on the other half, which holds for all that were named, lies over the floor."""
    everyone = np.arange(len(answers))
    for candidate in named:
        each = [holds(c, columns[c.column](everyone)) for c in candidate.conditions]
        mask = np.asarray(np.logical_and.reduce(each))
        low, high = _difference(answers, asked, mask, other, 1 - asked.chance / len(named))
        if low > asked.floor:
            yield _Confirmed(asked.kind, asked.values, candidate.conditions, mask, other, low, high)


def _difference(
    answers: Answers, asked: _Question, mask: Mask, rows: Ints, level: float
) -> tuple[float, float]:
    """The interval of the difference of means, in the slice less elsewhere, on some rows; infinitely wide
    where they cannot tell."""
    inside = mask[rows]
    units = [len(_units(answers, rows[side])) for side in (inside, ~inside)]
    if min(int(inside.sum()), int((~inside).sum())) < LEAST_ROWS or min(units) < 3:
        return -math.inf, math.inf
    own = asked.values[rows]
    weights = np.ones(len(rows)) if answers.weights is None else answers.weights[rows]
    one, rest = np.where(inside, weights, 0.0), np.where(inside, 0.0, weights)
    one, rest = one / one.sum(), rest / rest.sum()
    means = float(one @ own), float(rest @ own)
    parts = np.where(inside, one * (own - means[0]), -rest * (own - means[1]))
    error, _ = clustered_error(parts, None if answers.clusters is None else answers.clusters[rows])
    if asked.variance is not None:
        error = max(error, math.sqrt(float(((one**2 + rest**2) * asked.variance[rows]).sum())))
    half = t_quantile(0.5 + level / 2, min(units) - 1) * error
    gap = means[0] - means[1]
    return gap - half, gap + half


def _units(answers: Answers, rows: Ints) -> Ints:
    """What counts as independent among `rows`: themselves, or their clusters."""
    return rows if answers.clusters is None else np.unique(answers.clusters[rows])


def _apart(confirmed: Sequence[_Confirmed]) -> list[_Confirmed]:
    """The slices to be told, first those that are surest to matter; of two much alike, the first."""
    told: list[_Confirmed] = []
    for one in sorted(confirmed, key=lambda c: -c.low * math.sqrt(float(c.mask.mean()))):
        same = [t for t in told if t.kind == one.kind]
        both = [(one.mask & t.mask).sum() / min(one.mask.sum(), t.mask.sum()) for t in same]
        if max(both, default=0.0) < ALIKE and len(same) < SHOWN:
            told.append(one)
    return sorted(told, key=lambda c: c.kind == "unsure")


def _told(answers: Answers, one: _Confirmed) -> Slice:
    """A slice with what was measured on the half that confirmed it."""
    inside, outside = one.rows[one.mask[one.rows]], one.rows[~one.mask[one.rows]]
    means = [_mean(answers.rows(rows), one.values[rows]) for rows in (inside, outside)]
    spread = _deviation(answers.rows(one.rows), one.values[one.rows])
    return Slice(
        kind=one.kind,
        conditions=one.conditions,
        rows=int(one.mask.sum()),
        share=round_of(float(one.mask.mean())),
        measured=len(inside),
        inside=round_of(means[0]),
        elsewhere=round_of(means[1]),
        low=round_of(one.low),
        high=round_of(one.high),
        effect=round_of((means[0] - means[1]) / spread),
        figures=_figures(answers.rows(inside)),
        outside=_figures(answers.rows(outside)),
    )


def _figures(part: Answers) -> tuple[Figure, ...]:
    """The metric on these rows; of numbers and two classes, what was predicted and observed on average."""
    figures = [part.scored()]
    both: list[tuple[str, Doubles]] = []
    if part.prediction is not None:
        both = [("predicted", part.prediction), ("observed", np.asarray(part.y, dtype=np.float64))]
    elif part.probability is not None and part.classes == 2:
        both = [("predicted", part.probability[:, 1]), ("observed", (part.y == 1).astype(np.float64))]
    for name, values in both:
        figures.append(figure(name, mean_interval(values, part.weights, part.clusters), len(part)))
    return tuple(f for f in figures if f is not None)


def _mean(answers: Answers, values: Doubles) -> float:
    return float(np.average(values, weights=answers.weights))


def _deviation(answers: Answers, values: Doubles) -> float:
    return math.sqrt(_mean(answers, (values - _mean(answers, values)) ** 2))


def _detectable(answers: Answers, loss: Doubles, half: Ints) -> float | None:
    """How many times the loss elsewhere a tenth of the rows must have for four proofs in five, where it is
    one of three that were named; None where a tenth is too few rows, or no loss would do."""
    units = len(_units(answers, half))
    if TYPICAL * len(half) < LEAST_ROWS or TYPICAL * units < 3:
        return None
    part, own = answers.rows(half), loss[half]
    mean = _mean(part, own)
    error = _deviation(part, own) / math.sqrt(len(half))
    if part.weights is not None:
        error *= math.sqrt(len(half) * float(part.weights @ part.weights)) / float(part.weights.sum())
    if part.clusters is not None:
        shares = np.ones(len(half)) if part.weights is None else part.weights
        error = max(error, clustered_error(shares / shares.sum() * (own - mean), part.clusters)[0])
    beyond = t_quantile(1 - CHANCE / 4 / 3, TYPICAL * units) + normal_quantile(POWER)
    difference = LOSS_FLOOR * mean + beyond * error * math.sqrt(1 / TYPICAL + 1 / (1 - TYPICAL))
    elsewhere = mean - TYPICAL * difference  # the mean of all is `mean`
    return (elsewhere + difference) / elsewhere if elsewhere > 0 else None
