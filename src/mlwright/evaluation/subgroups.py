"""How a model does for each group of the protected columns, and which differences are more than chance.

Called by `training` and `lifecycle.evaluate` with answers to unseen rows. Each group, and each group of two
columns together, is compared with all other rows; p-values are corrected for all that was compared.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np
import numpy.typing as npt

from mlwright.base.slices import LEAST_OF_CLASS, LEAST_ROWS, Apart, Condition, Figure, Subgroup, Subgroups
from mlwright.evaluation.answers import Answers, Rate, figure, round_of
from mlwright.evaluation.cuts import FEWEST_NAMED, Cut, Values, cuts_of
from mlwright.evaluation.metrics import METRICS
from mlwright.statistics.intervals import (
    Codes,
    Interval,
    clustered_error,
    mean_interval,
    proportion_interval,
    t_quantile,
)
from mlwright.statistics.multiple import adjusted
from mlwright.statistics.ranking import Ranked
from mlwright.statistics.shares import share_shift
from mlwright.statistics.two_samples import design_effect, two_sided

Doubles = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

BANDS = 5
MOST_COLUMNS, MOST_NAMED, MOST_PAIRED, MOST_TOGETHER = 6, 8, 3, 12
"""Protected columns that are looked at, categories of one that are named, columns that are looked at in
pairs, and groups of pairs."""
LEAST_UNITS = 5
"""Clusters that a group must have in order to be compared."""
LEAST_EXPECTED = 5.0
"""Expected positives and negatives of a group whose calibration is compared."""


@dataclass
class _Draft:
    """A group, and the number of the test of each of its differences."""

    conditions: tuple[Condition, ...]
    mask: Mask
    mirrors: _Draft | None = None
    """The only other group of its column: what is found of it is found of this one."""
    figures: list[Figure] = field(default_factory=list)
    apart: dict[str, tuple[Interval, int]] = field(default_factory=dict)


def subgroups_of(answers: Answers, protected: Sequence[Values]) -> Subgroups | None:
    """Every group of the protected columns of the same N rows; None where no column has two groups.

    Numbers are cut into fifths of the rows, or where they are few each is a group; missing is a group; what
    fewer than five rows have is `other`. A group of fewer than 30 rows is named without figures, and shares
    that rest on fewer than 10 rows of a class are not compared.
    """
    cuts = [
        c
        for v in protected[:MOST_COLUMNS]
        for c in itertools.islice(cuts_of(v, bands=BANDS, ranges=False, most=MOST_NAMED), 1)
    ]
    drafts, left_out = _alone(cuts)
    together, more = _together(cuts[:MOST_PAIRED])
    if not drafts:
        return None
    tests: list[float] = []
    rates = answers.rates()
    for draft in (*drafts, *together):
        _measure(draft, answers, rates, tests)
    chances = adjusted(np.array(tests)) if tests else np.zeros(0)
    looked_at = tuple(c.column for c in cuts)
    return Subgroups(
        columns=looked_at,
        groups=tuple(_finished(d, answers, chances) for d in (*drafts, *together)),
        compared=len(tests),
        left_out=left_out + more,
        not_looked_at=tuple(v.column.name for v in protected if v.column.name not in looked_at),
    )


def _alone(cuts: Sequence[Cut]) -> tuple[list[_Draft], int]:
    """The groups of each column, and how many are too small to be named."""
    drafts: list[_Draft] = []
    left_out = 0
    for cut in cuts:
        own = [_Draft((c,), cut.mask(i)) for i, (c, _, _) in enumerate(cut.choices)]
        named = [d for d in own if _nameable(d)]
        left_out += len(own) - len(named)
        if len(named) == 2 == len(own):
            named[1].mirrors = named[0]
        drafts += named
    return drafts, left_out


def _nameable(draft: _Draft) -> bool:
    said = all(c.other or c.missing for c in draft.conditions)
    return said or int(draft.mask.sum()) >= FEWEST_NAMED


def _together(cuts: Sequence[Cut]) -> tuple[list[_Draft], int]:
    """Groups of two columns with enough rows, the largest; and how many more there are."""
    drafts = []
    for one, other in itertools.combinations(cuts, 2):
        for (i, (a, _, _)), (j, (b, _, _)) in itertools.product(
            enumerate(one.choices), enumerate(other.choices)
        ):
            mask = one.mask(i) & other.mask(j)
            if int(mask.sum()) >= LEAST_ROWS:
                drafts.append(_Draft((a, b), mask))
    largest = sorted(drafts, key=lambda d: -int(d.mask.sum()))[:MOST_TOGETHER]
    chosen = {id(d) for d in largest}
    return [d for d in drafts if id(d) in chosen], len(drafts) - len(largest)


def _measure(draft: _Draft, answers: Answers, rates: Sequence[Rate], tests: list[float]) -> None:
    """Figures of a group and, where it has enough rows, how far they are from those of all other rows."""
    inside, rows = draft.mask, int(draft.mask.sum())
    if rows < LEAST_ROWS:
        return
    own = answers.rows(inside)
    first = own.scored()
    draft.figures += [first] if first is not None else []
    draft.figures += [f for f in _means(draft, answers, rates) if first is None or f.metric != first.metric]
    if answers.classes == 0 and (first is None or first.metric != "rmse"):
        root = own.scored(METRICS["rmse"])
        draft.figures += [root] if root is not None else []
    if len(answers) - rows < LEAST_ROWS or not _independent(answers, inside):
        return
    gaps = list(_gaps(draft, answers, rates))
    if draft.mirrors is not None:
        known = draft.mirrors.apart
        draft.apart = {name: (gap, known[name][1]) for name, gap, _ in gaps if name in known}
        return
    for name, gap, p in gaps:
        if not np.isfinite((*gap, p)).all():
            continue
        draft.apart[name] = (gap, len(tests))
        tests.append(p)


def _means(draft: _Draft, answers: Answers, rates: Sequence[Rate]) -> Iterator[Figure]:
    for rate in rates:
        rows = np.flatnonzero(draft.mask & rate.over)
        if not len(rows):
            continue
        weights = None if answers.weights is None else answers.weights[rows]
        units = None if answers.clusters is None else _codes(answers.clusters[rows])
        interval = (proportion_interval if rate.share else mean_interval)(rate.of[rows], weights, units)
        yield figure(rate.name, interval, len(rows))


def _independent(answers: Answers, inside: Mask) -> bool:
    """Whether enough clusters are on both sides."""
    if answers.clusters is None:
        return True
    return all(len(np.unique(answers.clusters[side])) >= LEAST_UNITS for side in (inside, ~inside))


# Differences between a group and all other rows ----------------------------------------------------------


def _gaps(draft: _Draft, answers: Answers, rates: Sequence[Rate]) -> Iterator[tuple[str, Interval, float]]:
    """Differences that the rows can tell: name, group less others, and the p-value of none."""
    inside = draft.mask
    if answers.classes == 2 and answers.metric.name == "roc_auc" and _both_classes(answers, inside):
        yield "roc_auc", *_auc_gap(answers, inside)
    for rate in rates:
        counts = [int((side & rate.over).sum()) for side in (inside, ~inside)]
        if min(counts) < (LEAST_OF_CLASS if rate.name.endswith("positive_rate") else LEAST_ROWS):
            continue
        if rate.name == "calibration" and not _expected(answers, inside):
            continue
        if rate.name == "log_loss" and answers.classes == 2 and not _both_classes(answers, inside):
            continue
        yield rate.name, *(_share_gap if rate.share else _mean_gap)(rate, answers, inside)


def _both_classes(answers: Answers, inside: Mask) -> bool:
    truly = answers.y == 1
    sides = (inside & truly, inside & ~truly, ~inside & truly, ~inside & ~truly)
    return min(int(side.sum()) for side in sides) >= LEAST_OF_CLASS


def _expected(answers: Answers, inside: Mask) -> bool:
    assert answers.probability is not None  # calibration is of probabilities
    p = answers.probability[:, 1]
    return (
        min(float(s) for side in (inside, ~inside) for s in (p[side].sum(), (1 - p[side]).sum()))
        >= LEAST_EXPECTED
    )


def _sides(rate: Rate, answers: Answers, inside: Mask) -> tuple[Doubles, Doubles, Doubles]:
    """Weights [N] of the rows that count, and each row's share [N] in the group's mean and in that of the
    others."""
    weights = np.ones(len(answers)) if answers.weights is None else answers.weights
    weights = np.where(rate.over, weights, 0.0)
    one, other = np.where(inside, weights, 0.0), np.where(inside, 0.0, weights)
    return weights, one / one.sum(), other / other.sum()


def _mean_gap(rate: Rate, answers: Answers, inside: Mask) -> tuple[Interval, float]:
    """The difference of two means, with Student's t interval by cluster.

    The test takes the larger of two variances: that of the rows around the common mean, by cluster, and that
    of rows alike on both sides (of outcomes, the model's own), for a small group may by chance hold no row
    of a large loss.
    """
    weights, one, other = _sides(rate, answers, inside)
    mean, others = float(one @ rate.of), float(other @ rate.of)
    spread = np.where(inside, one * (rate.of - mean), -other * (rate.of - others))
    error, _ = clustered_error(spread, answers.clusters)
    freedom = _freedom(answers, inside & rate.over, ~inside & rate.over)
    half = t_quantile(0.975, freedom) * error
    middle = float(weights @ rate.of / weights.sum())
    around, _ = clustered_error((one - other) * (rate.of - middle), answers.clusters)
    squares = (rate.of - middle) ** 2
    each = float(weights @ squares / weights.sum()) if rate.variance is None else rate.variance
    alike = math.sqrt(float(((one**2 + other**2) * each).sum()))
    gap = mean - others
    return Interval(gap, gap - half, gap + half), two_sided(abs(gap), max(around, alike), freedom)


def _share_gap(rate: Rate, answers: Answers, inside: Mask) -> tuple[Interval, float]:
    """Newcombe's interval of the difference, and the score or Fisher's exact test, of as many independent
    rows as weights and clusters leave."""
    weights, one, other = _sides(rate, answers, inside)
    shares = [(float(s @ rate.of), 1 / float(s @ s)) for s in (one, other)]
    design = 1.0
    if answers.clusters is not None:
        middle = float(weights @ rate.of / weights.sum())
        parts = (one - other) * (rate.of - middle)
        design = design_effect(parts, answers.clusters)
        freedom = _freedom(answers, inside & rate.over, ~inside & rate.over)
        design *= max(
            1.0, (t_quantile(0.975, freedom) / t_quantile(0.975, len(np.unique(answers.clusters)))) ** 2
        )
    (share, rows), (others, other_rows) = shares
    shift = share_shift((others * other_rows, other_rows), (share * rows, rows), design)
    return shift.effect, shift.p


def _auc_gap(answers: Answers, inside: Mask) -> tuple[Interval, float]:
    """The difference of two ROC AUCs by DeLong's influences, by cluster; the test takes the larger of two
    variances, as that of means does."""
    assert answers.probability is not None  # ranks rest on probabilities
    parts, values = np.zeros(len(answers)), []
    for sign, side in ((1.0, inside), (-1.0, ~inside)):
        weights = None if answers.weights is None else answers.weights[side]
        value, influence = Ranked(answers.y[side] == 1, answers.probability[side, 1]).influence(weights)
        parts[side] = sign * influence
        values.append(value)
    error, _ = clustered_error(parts, answers.clusters)
    truly = answers.y == 1
    freedom = min(_freedom(answers, inside & c, ~inside & c) for c in (truly, ~truly))
    gap, half = values[0] - values[1], t_quantile(0.975, freedom) * error
    return Interval(gap, gap - half, gap + half), two_sided(
        abs(gap), max(error, _alike(answers, inside)), freedom
    )


def _alike(answers: Answers, inside: Mask) -> float:
    """The standard error of a difference of two ROC AUCs of rows that are ranked alike on both sides, as all
    rows together are."""
    assert answers.probability is not None  # ranks rest on probabilities
    truly = answers.y == 1
    influence = Ranked(truly, answers.probability[:, 1]).influence()[1]
    weights = np.ones(len(answers)) if answers.weights is None else answers.weights
    variance = 0.0
    for kind in (truly, ~truly):
        each = float(influence[kind] @ influence[kind]) * int(kind.sum())
        for side in (inside, ~inside):
            own = weights[side & kind]
            variance += each * float(own @ own) / float(own.sum()) ** 2
    return math.sqrt(variance)


def _freedom(answers: Answers, one: Mask, other: Mask) -> float:
    """Degrees of freedom: by the side that has fewer rows, or clusters."""
    if answers.clusters is None:
        return max(1.0, min(int(one.sum()), int(other.sum())) - 1.0)
    return max(1.0, min(len(np.unique(answers.clusters[side])) for side in (one, other)) - 1.0)


def _finished(draft: _Draft, answers: Answers, chances: Doubles) -> Subgroup:
    rows = int(draft.mask.sum())
    figures = []
    for one in draft.figures:
        gap = draft.apart.get(one.metric)
        apart = None
        if gap is not None:
            value, low, high = (round_of(v) for v in gap[0])
            apart = Apart(value=value, low=low, high=high, p=round_of(float(chances[gap[1]])))
        figures.append(msgspec.structs.replace(one, apart=apart))
    two = answers.classes == 2
    return Subgroup(
        conditions=draft.conditions,
        rows=rows,
        events=int((answers.y[draft.mask] == 1).sum()) if two and rows >= LEAST_ROWS else None,
        figures=tuple(figures),
        enough=bool(figures),
    )


def _codes(clusters: Codes) -> Codes:
    return np.unique(clusters, return_inverse=True)[1].astype(np.int64)
