"""Labels and targets that look wrong: MLW307, by what models say of rows that they were not fitted on.

Called by `check` through the table of checks; built on the probe. Which rows: confident learning. Whether it
is labels or merely hard rows: what even the surest predictions contradict.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

import numpy as np

from mlwright.checks.alone import number_bins
from mlwright.checks.leakage import able
from mlwright.checks.outcome import MOST_ROWS, Check, CouldNotLook, Seen, need_rows, percent
from mlwright.checks.probe import Probe, probe
from mlwright.checks.table import Table
from mlwright.statistics.anchors import contradiction
from mlwright.statistics.intervals import Codes, Floats, clopper_pearson
from mlwright.statistics.multiple import discovered

LEAST_ROWS = 300
STEEP = 1.7
"""How many times more often the next surest may be contradicted where labels, not hard rows, are the "
"cause."""
HOPELESS = 0.25
"""Share of contradictions at which nothing tells wrong labels from a target that features say little "
"about."""
NOTICED = 0.025
GRAVE = 0.05
"""Share of contradictions at which a table that cannot tell them from hard rows has not passed. No
share makes an issue: chance that no column knows of contradicts as evenly as wrong labels do."""
WORST = 20
BODY, TAIL = 0.75, 0.92
"""Between these quantiles of the residuals the weight of their tail is measured."""
FALSE_SHARE = 0.05
FEWEST_FAR = 3


def wrong_labels(table: Table) -> Iterator[Seen]:
    """MLW307."""
    able(table)
    need_rows(len(table.labelled), LEAST_ROWS, "rows with a target")
    made = probe(table)
    if table.task == "regression":
        yield from _far_targets(table, made)
    else:
        yield from _contradicted(table, made)


def confidently_wrong(y: Codes, p: Floats) -> Codes:
    """The rows whose label confident learning takes for wrong, worst first.

    A class's threshold is the mean probability that its own rows are given it; a row counts for the class
    that it reaches the threshold of. Of each pair of classes, as many rows are taken as the calibrated joint
    says, by normalised margin. Source: Northcutt, Jiang & Chuang (2021), JAIR 70 ("prune by noise rate").
    """
    classes = p.shape[1]
    counts = np.bincount(y, minlength=classes).astype(np.float64)
    own = np.bincount(y, weights=p[np.arange(len(y)), y], minlength=classes)
    threshold = np.where(counts > 0, own / np.maximum(counts, 1), np.inf)
    reached = np.where(p >= threshold, p, -1.0)
    suggested = reached.argmax(axis=1)
    sure = reached.max(axis=1) >= 0
    joint = np.zeros((classes, classes))
    np.add.at(joint, (y[sure], suggested[sure]), 1)
    joint += np.diag(np.where(joint.sum(axis=1) == 0, counts, 0))
    joint *= (counts / np.maximum(joint.sum(axis=1), 1))[:, None]
    taken: dict[int, float] = {}
    for label in range(classes):
        rows = np.flatnonzero(y == label)
        for other in range(classes):
            many = round(joint[label, other]) if other != label else 0
            if not many or not len(rows):
                continue
            margin = p[rows, label] - p[rows, other]
            for k in np.argsort(margin, kind="stable")[:many]:
                if margin[k] < 0:
                    row = int(rows[k])
                    taken[row] = min(taken.get(row, 0.0), float(margin[k]))
    return np.array(sorted(taken, key=lambda row: taken[row]), dtype=np.int64)


def _contradicted(table: Table, made: Probe) -> Iterator[Seen]:
    y = np.asarray(made.y, dtype=np.int64)
    share, following, factor = contradiction(y, made.predicted)
    blind = 1 - float(np.bincount(y).max()) / len(y)
    if share.low > NOTICED and share.high >= blind:
        raise CouldNotLook(
            "not_enough_data",
            f"labels contradict {percent(share)} of the surest predictions, which is hardly better than to "
            "say the most frequent class of every row: nothing tells a wrong label from a rare one",
        )
    if share.low <= NOTICED or share.high >= HOPELESS or factor >= STEEP:
        if share.high >= GRAVE and following.low < STEEP * share.high:
            raise CouldNotLook(
                "not_enough_data",
                f"labels contradict {percent(share)} of the surest predictions: in {len(y):,} rows wrong "
                "labels cannot be told from hard rows",
            )
        return
    rows = confidently_wrong(y, made.predicted)
    assert table.target is not None
    yield Seen(
        f"labels contradict {percent(share)} of the predictions that a model, fitted without the row, is "
        f"surest of, and hardly more of the next surest (under {factor:.1f} times), as hard rows alone would "
        "not "
        f"make them; confident learning names {len(rows):,} of {len(y):,} rows",
        "Look at these rows, worst first, and mend or leave out those whose label is wrong.",
        table.target.name,
        tuple(int(r) for r in made.rows[rows[:MOST_ROWS]]),
    )


def _far_targets(table: Table, made: Probe) -> Iterator[Seen]:
    """Targets farther from what rows like theirs have than the tail of residuals explains."""
    y = np.asarray(made.y, dtype=np.float64)
    far, p = far_from_alike(y, made.predicted)
    rows = np.flatnonzero(discovered(p, FALSE_SHARE))
    if len(rows) < FEWEST_FAR:
        return
    rows = rows[np.argsort(-far[rows], kind="stable")]
    share = clopper_pearson(len(rows), len(y))
    assert table.target is not None
    yield Seen(
        f"{len(rows):,} of {len(y):,} targets, {percent(share)}, lie {far[rows].min():.0f} to "
        f"{far[rows].max():.0f} "
        "times the usual spread from what a model, fitted without them, gives rows like them; at most 5 % of "
        "them "
        "by chance",
        "Look at these rows, worst first: a slipped decimal point, another unit, a wrong row.",
        table.target.name,
        tuple(int(r) for r in made.rows[rows[:MOST_ROWS]]),
    )


def far_from_alike(y: Floats, predicted: Floats) -> tuple[Floats, Floats]:
    """How far targets y [N] lie from their predictions, in spreads of rows predicted alike; and how likely a
    residual is to be as large, by a Pareto tail fitted to the larger ones.

    Spreads are median absolute deviations. The tail's weight is Hill's estimate, Annals of Statistics 3
    (1975), between two quantiles that lie below what is looked for.
    """
    alike = number_bins(predicted)
    residual = y - predicted
    far = np.zeros(len(y))
    whole = float(np.median(np.abs(residual - np.median(residual))))
    for group in np.unique(alike):
        rows = np.flatnonzero(alike == group)
        middle = np.median(residual[rows])
        spread = max(float(np.median(np.abs(residual[rows] - middle))), 0.1 * whole, 1e-300)
        far[rows] = np.abs(residual[rows] - middle) / (1.4826 * spread)
    low, high = np.quantile(far, [BODY, TAIL])
    between = far[(far > low) & (far <= high)]
    if low <= 0 or not len(between):
        raise CouldNotLook("not_applicable", "the model's errors are all alike")
    # Hill's estimate of rows cut off above: those beyond count as lying at the cut.
    beyond = int((far > high).sum())
    excess = float(np.log(between / low).sum()) + beyond * math.log(high / low)
    weight = len(between) / max(excess, 1e-12)
    tail = (1 - TAIL) * np.where(far > high, far / high, 1.0) ** -weight
    return far, np.where(far > high, tail, 1.0)


CHECKS: Final[tuple[Check[Table], ...]] = (
    Check(
        "MLW307",
        "targets look wrong",
        "tip",
        wrong_labels,
        "Boosted trees predict every row of a sample from the other folds (of more than 300 features, from "
        "those that tell most in the rows fitted). Classes: found where the 95 % interval of labels that "
        "contradict the surest predictions lies over 2.5 %, under 25 % and under the error of always saying "
        "the most frequent class, and the next surest are contradicted less than 1.7 times as often, which "
        "hard rows alone would not do; rows by confident learning. Numbers: found where residuals exceed a "
        "Pareto tail of their neighbours', at a false discovery rate of 5 %.",
        "Northcutt, Jiang & Chuang (2021), Confident learning, JAIR 70; anchors: Patrini et al. (2017), "
        "CVPR; "
        "tail: Hill (1975); Benjamini & Hochberg (1995)",
    ),
)
