"""The intervals of a regression: learned from what the blend left over on rows that it had not seen.

Called by `training.fit` with such answers. Quantiles of truth less prediction are boosted over plain features
and the prediction itself; one conformal step makes intervals of them. Where rows are few, time is short or
rows do not differ, every row gets the same. Quantiles of what is left over, not of the target: intervals then
lie around the blend, and are as narrow as it is good (sources in `evaluation.prediction_intervals`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from mlwright.base.prediction_intervals import Intervals
from mlwright.evaluation.prediction_intervals import Unseen as Rows
from mlwright.evaluation.prediction_intervals import intervals_of, narrowness
from mlwright.features.transform import CODE, NUMBER, Feature
from mlwright.learners import Part
from mlwright.learners.quantile import FittedQuantiles, fit_quantiles
from mlwright.packaging.blend import Blend
from mlwright.packaging.tails import Tails, matrix_of
from mlwright.statistics.links import unlinked
from mlwright.training.budget import Budget
from mlwright.training.lane import reason_of
from mlwright.training.problem import Problem
from mlwright.training.unseen import Unseen

Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

LEVELS = (0.05, 0.25, 0.75, 0.95)
"""Two intervals within each other say most of a row's spread; six or eight levels brought nothing more, and
what lies between or beyond is a matter of proportion (`statistics.nested`)."""
ROUNDS = (0, 20, 60)
"""Of trees, the best of which is kept; 0: the same for every row."""
GAIN = 0.01
"""By so much must quantiles row by row be better to be worth a second graph."""
FEWEST, FEWEST_LEARNED = 20, 200
"""Rows without which there are no intervals, and without which every row gets the same."""
MOST_ROWS, MOST_FEATURES = 20_000, 200
"""What is learned from at most: more rows hardly narrow intervals, and cost as much as a candidate."""
PARTS = 5
SHARE, SHORT_S, SHARE_LEFT = 0.08, 1.0, 0.5
"""What this may take: a share of the time limit or, of a short one, a second; never more than half of what is
left of it."""
MOST_SLOWNESS = 2.0
"""A machine is taken to be no slower than this before it was tried: the first of several fits is timed."""
SIZE_SHARE, NODE_BYTES = 0.1, 60
"""Of a limit on the file's size that the second graph may take, and what a split takes with its leaves."""
FIT_S, FIT_S_A_CELL, OTHER_COLUMNS = 0.02, 1.5e-6, 10
"""Seconds of one fit of all levels, and for each row and column (as if there were ten more)."""
OF_MEDIAN, OF_SIZE, LEAST = 0.02, 1e-9, 1e-12
"""The least distance of neighbouring ends: of the median distance of truth from prediction, of the size of
predictions."""


@dataclass(frozen=True)
class Leftover:
    """What a blend left over on rows that it had not seen."""

    problem: Problem
    blend: Blend
    rows: Ints
    middle: Doubles
    """Predictions [n] of one unit of exposure, behind the link."""

    @classmethod
    def of(cls, problem: Problem, blend: Blend, rows: Ints, margin: Doubles) -> Leftover:
        """From margins [n, 1] of `rows`; rows of no weight are as if they were not there."""
        weights = problem.weights_of(rows)
        kept = np.ones(len(rows), dtype=bool) if weights is None else weights > 0
        return cls(problem, blend, rows[kept], blend.ending.behind_link(margin[kept, 0]))

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def truth(self) -> Doubles:
        """What is true [n], likewise."""
        return self.problem.linked_rates(self.rows)

    @property
    def away(self) -> Doubles:
        return self.truth - self.middle

    @cached_property
    def weights(self) -> Doubles | None:
        return self.problem.weights_of(self.rows)

    @cached_property
    def clusters(self) -> Ints | None:
        units = next(iter(self.problem.dependent(self.rows).values()), None)
        return None if units is None else np.unique(units, return_inverse=True)[1].astype(np.int64)

    @cached_property
    def least(self) -> float:
        """The least distance between neighbouring ends of intervals."""
        away, size = np.abs(self.away), float(np.abs(self.middle).mean())
        usual = float(np.median(away)) or float(away.mean())
        return max(OF_MEDIAN * usual, OF_SIZE * size, LEAST)

    def only(self, which: Ints) -> Leftover:
        return replace(self, rows=self.rows[which], middle=self.middle[which])

    def parts(self, count: int, seed: int) -> Ints:
        """For each row one of `count` parts, dependent rows in the same."""
        units = np.arange(len(self)) if self.clusters is None else self.clusters
        order = np.random.default_rng(seed).permutation(int(units.max()) + 1)
        return np.asarray((order % count)[units], dtype=np.int64)

    def matrix(self, features: tuple[Feature, ...]) -> Doubles:
        plan = self.blend.plan
        return matrix_of(plan, features, self.problem.table.rows(self.rows), self.middle)

    def constant(self) -> Doubles:
        """The quantiles of all rows alike [Q]."""
        order = np.argsort(self.away, kind="stable")
        sums = np.cumsum(np.ones(len(order)) if self.weights is None else self.weights[order])
        return np.asarray(self.away[order[np.searchsorted(sums, np.array(LEVELS) * sums[-1])]])

    def unseen(self, quantiles: Doubles, least: float, even: bool) -> Rows:
        """With quantiles [n, Q] that were made without them."""
        problem = self.problem
        exposure = None if problem.exposure is None else problem.exposure[self.rows]
        rate = unlinked(self.middle, problem.link)
        return Rows(
            middle=self.middle,
            truth=self.truth,
            prediction=rate if exposure is None else rate * exposure,
            quantiles=quantiles,
            least=least,
            even=even,
            exposure=exposure,
            weights=self.weights,
            clusters=self.clusters,
            link=problem.link,
            # Deviances keep answers above 0; what is true may be 0.
            floor=None if problem.floor is None else 0.0,
        )


def learn_intervals(
    problem: Problem,
    blend: Blend,
    unseen: Unseen,
    mixed: Doubles,
    budget: Budget,
    *,
    most_bytes: float | None = None,
) -> tuple[Intervals | None, Tails | None]:
    """The intervals of `blend`, and the second graph that they need, where they do; neither of classes, nor
    of fewer than 20 rows.

    `unseen` are its answers to rows that it had not seen; `mixed` [m, 1] its margins of the rows that chose
    it, from which quantiles are learned where others are held out to calibrate them. `most_bytes` is how
    large the whole file may be.
    """
    if problem.classes:
        return None, None
    rows = Leftover.of(problem, blend, unseen.rows, unseen.margin)
    if len(rows) < FEWEST or not np.isfinite(rows.away).all():
        return None, None
    held = bool(len(problem.split.test))
    source = Leftover.of(problem, blend, problem.split.judged, mixed) if held else rows
    room = float("inf") if most_bytes is None else SIZE_SHARE * most_bytes
    learning = _Learning(source, _clock(budget), room)
    if held:
        quantiles, tails = learning.for_others(rows)
    else:
        quantiles, tails = learning.for_themselves()
    constant = () if tails else tuple(learning.constant.tolist())
    made = intervals_of(
        rows.unseen(quantiles, source.least, learning.shape.even),
        LEVELS,
        "by " + unseen.how.removeprefix("on ").removesuffix("."),
        seed=problem.seed,
        exposure=problem.exposed,
        constant=constant,
        why_constant="" if tails else learning.why,
    )
    return made, tails


def interval_seconds(problem: Problem, budget: Budget) -> float:
    """An upper estimate of what `learn_intervals` takes."""
    if problem.classes:
        return 0.0
    rows, columns = min(len(problem.y), MOST_ROWS), min(len(problem.table.schema.features), MOST_FEATURES)
    fits = 1 if len(problem.split.test) else PARTS + 1
    return min(fits * _fit_seconds(rows, columns) * _slowness(budget), _most_seconds(budget))


@dataclass(frozen=True)
class Shape:
    """How quantiles become intervals: of so many rounds of trees, as wide on both sides or not."""

    rounds: int
    even: bool


@dataclass
class _Learning:
    """Quantiles learned from some rows, and why every row has the same, where it has."""

    source: Leftover
    left_s: Callable[[], float]
    most_bytes: float
    """How large a second graph may be."""
    why: str = ""
    shape: Shape = Shape(0, False)
    constant: Doubles = field(default_factory=lambda: np.zeros(len(LEVELS)))
    """The quantiles of every row, where all have the same."""

    def for_others(self, others: Leftover) -> tuple[Doubles, Tails | None]:
        """Quantiles of `others` by most of the source; the rest of it says which shape is good."""
        source = self._affordable(1)
        whole = self.source if source is None else source
        part = whole.parts(PARTS, whole.problem.seed)
        fit, judge = whole.only(np.flatnonzero(part > 0)), whole.only(np.flatnonzero(part == 0))
        if not len(fit) or not len(judge):  # of one cluster
            fit = judge = whole
        self.constant = fit.constant()
        features = () if source is None else _features(whole)
        fitted = None if source is None else self._tried(fit, features)
        x = judge.matrix(features)
        self.shape = self._best([_told(fit, fitted, x, r) for r in ROUNDS], judge, fitted is not None)
        if fitted is None or not self.shape.rounds:
            return np.tile(self.constant, (len(others), 1)), None
        tails = Tails(whole.blend.plan, features, fitted, self.shape.rounds)
        if self._is_too_large(tails):
            return np.tile(self.constant, (len(others), 1)), None
        return fitted.values(others.matrix(features), self.shape.rounds), tails

    def for_themselves(self) -> tuple[Doubles, Tails | None]:
        """Quantiles of the source's rows, each by what the other parts say, and those of all of them."""
        whole, learns = self.source, self._affordable(PARTS + 1) is not None
        part = whole.parts(PARTS, whole.problem.seed)
        told = [np.empty((len(whole), len(LEVELS))) for _ in ROUNDS]
        features = _features(whole) if learns else ()
        every = whole.matrix(features)
        for p in np.unique(part):
            of, others = np.flatnonzero(part == p), np.flatnonzero(part != p)
            fit = whole.only(others) if len(others) else whole
            began = time.monotonic()
            fitted = self._tried(fit, features, every[others] if len(others) else every) if learns else None
            learns = fitted is not None
            for k, rounds in enumerate(ROUNDS):
                told[k][of] = _told(fit, fitted, every[of], rounds)
            if learns and p == part.min() and PARTS * (time.monotonic() - began) > self.left_s():
                learns, self.why = False, LATE
        self.shape, self.constant = self._best(told, whole, learns), whole.constant()
        if not self.shape.rounds:
            return told[0], None
        fitted = self._tried(whole, features, every)
        if fitted is None:
            self.shape = replace(self.shape, rounds=0)
            return told[0], None
        tails = Tails(whole.blend.plan, features, fitted, self.shape.rounds)
        if self._is_too_large(tails):
            return told[0], None
        return told[ROUNDS.index(self.shape.rounds)], tails

    def _is_too_large(self, tails: Tails) -> bool:
        if tails.fitted.trees(tails.rounds).node_count * NODE_BYTES <= self.most_bytes:
            return False
        self.shape = replace(self.shape, rounds=0)
        self.why = "what more was learned would take more than a tenth of max_size"
        return True

    def _affordable(self, fits: int) -> Leftover | None:
        """The source, or part of it, that there is time to learn from; None where there is not."""
        source = self.source
        columns = min(len(source.problem.table.schema.features), MOST_FEATURES)
        most = min(len(source), MOST_ROWS)
        if most < FEWEST_LEARNED:
            self.why = f"{most} rows are too few to learn more"
            return None
        if not np.ptp(source.away) > 0:
            self.why = "all rows are alike"
            return None
        while fits == 1 and most >= 2 * FEWEST_LEARNED and _fit_seconds(most, columns) > self.left_s():
            most //= 2
        if fits * _fit_seconds(most, columns) > self.left_s():
            self.why = LATE
            return None
        rng = np.random.default_rng(source.problem.seed)
        return source.only(np.sort(rng.choice(len(source), most, replace=False)))

    def _tried(
        self, rows: Leftover, features: tuple[Feature, ...], x: Doubles | None = None
    ) -> FittedQuantiles | None:
        try:
            return self._fit(rows, features, x)
        except Exception as problem:  # noqa: BLE001  # whatever LightGBM raises must not cost the model
            self.why = f"more could not be learned: {reason_of(problem)}"
            return None

    @staticmethod
    def _fit(rows: Leftover, features: tuple[Feature, ...], x: Doubles | None = None) -> FittedQuantiles:
        x = rows.matrix(features) if x is None else x
        problem = rows.problem
        sets = rows.blend.plan.sets(features)
        part = Part(x, rows.away, rows.weights)
        return fit_quantiles(
            part, LEVELS, ROUNDS[-1], members=sets, seed=problem.seed, threads=problem.threads
        )

    def _best(self, told: list[Doubles], rows: Leftover, learns: bool) -> Shape:
        """The shape that makes the best intervals of quantiles by rounds; without trees unless they are
        better by enough.

        Half of it is the mean width and half the interval score, each beside those of the plainest shape: by
        width alone rows of much noise would be missed most, by score alone a few outliers would make every
        interval wide (insurance: twice as wide at 10 %).
        """
        shapes = [Shape(r, e) for r in (ROUNDS if learns else ROUNDS[:1]) for e in (True, False)]
        quantiles = dict(zip(ROUNDS, told, strict=True))
        found = [narrowness(rows.unseen(quantiles[s.rounds], self.source.least, s.even)) for s in shapes]
        usual = np.isfinite(found[0]) & (found[0] > 0)
        scores = [float(np.mean(f[usual] / found[0][usual])) if usual.any() else 1.0 for f in found]
        plain, best = int(np.argmin(scores[:2])), int(np.argmin(scores))
        if shapes[best].rounds and scores[best] <= (1 - GAIN) * scores[plain]:
            return shapes[best]
        self.why = self.why or "rows were not found to differ in how far the truth lies from the prediction"
        return shapes[plain]


def _told(rows: Leftover, fitted: FittedQuantiles | None, x: Doubles, rounds: int) -> Doubles:
    """Quantiles of the rows of a matrix: of `rows` alike, or as boosters that were fitted on them say."""
    if fitted is None or not rounds:
        return np.tile(rows.constant(), (len(x), 1))
    return fitted.values(x, rounds)


LATE = "no time was left to learn more"


def _clock(budget: Budget) -> Callable[[], float]:
    """Seconds that are left for intervals; infinite without a time limit."""
    if budget.limit_s is None:
        return lambda: float("inf")
    ends = time.monotonic() + max(min(_most_seconds(budget), SHARE_LEFT * budget.left_s()), 0.0)
    slowness = _slowness(budget)
    return lambda: (ends - time.monotonic()) / slowness


def _most_seconds(budget: Budget) -> float:
    return float("inf") if budget.limit_s is None else max(SHARE * budget.limit_s, SHORT_S)


def _slowness(budget: Budget) -> float:
    return min(budget.slowness(), MOST_SLOWNESS)


def _fit_seconds(rows: int, columns: int) -> float:
    return FIT_S + FIT_S_A_CELL * rows * (columns + OTHER_COLUMNS)


def _features(rows: Leftover) -> tuple[Feature, ...]:
    """The plain features that rest on columns that the blend asks for anyway, and the exposure; of very many,
    those that go with how far the truth lies from the prediction."""
    problem, plan, unused = rows.problem, rows.blend.plan, set(rows.blend.unused)
    table = problem.table
    numbers, strings, categorical = table.schema.numbers, table.schema.strings, table.categorical
    features = plan.untaught()
    if problem.exposed:
        features.append(Feature(NUMBER, [c.name for c in numbers].index(problem.exposed)))

    def is_asked(feature: Feature) -> bool:
        if feature.transform in (NUMBER, CODE):  # of thousands of columns nearly all
            column = (numbers if feature.transform == NUMBER else categorical)[feature.column]
            return column.name not in unused
        inputs = plan.inputs_of([feature])
        names = [numbers[i].name for i in inputs.numbers] + [strings[i].name for i in inputs.strings]
        return not unused.intersection(names)

    kept = [f for f in features if is_asked(f)]
    if len(kept) <= MOST_FEATURES:
        return tuple(kept)
    few = rows.only(np.arange(0, len(rows), max(1, len(rows) // 2_000)))
    x, away = few.matrix(tuple(kept))[:, :-1], np.abs(few.away)
    x = np.where(np.isfinite(x), x, np.nanmean(np.where(np.isfinite(x), x, np.nan), axis=0))
    x = np.nan_to_num(x - x.mean(axis=0))
    size = np.sqrt((x**2).sum(axis=0))
    told = np.abs(x.T @ (away - away.mean())) / np.where(size > 0, size, np.inf)
    best = np.sort(np.argsort(-told, kind="stable")[:MOST_FEATURES])
    return tuple(kept[i] for i in best)
