"""Class-conditional conformal sets: calibrated on rows that no part of the model had seen, and measured on
such rows that did not calibrate them.

Sources: Vovk, Gammerman & Shafer, Algorithmic Learning in a Random World (2005), on Mondrian predictors;
Sadinle, Lei & Wasserman (2019), JASA 114, on sets of the least size. Called by `training`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mlwright.base.conformal import Conformal, Reference, SetSize
from mlwright.base.evaluation import TOO_FEW_ROWS, Score
from mlwright.statistics.intervals import Codes, proportion_interval

Ints = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]

ERRORS = (0.05, 0.1, 0.2)
"""Error rates at which sets are measured; any other may be asked for."""
PARTS = 10
KEPT, KEPT_IN_ALL = 500, 5_000
"""Order statistics that are kept of a class, and of all together: with 200, sets held the truth of 1,100 rows
half a point too often at 20 %, for what lies between is taken as the more plausible."""
_STEP = 1e-7
"""Kept scores are rounded up to it: a p-value may then be too large, never too small."""
_FLOOR = 1e6
"""Ranks of weighted rows are rounded down to a part of so many, likewise."""


def conformal_of(
    probability: Doubles,
    y: Ints,
    classes: int,
    how: str,
    *,
    weights: Doubles | None = None,
    clusters: Codes | None = None,
    seed: int = 0,
) -> Conformal:
    """What sets are made from, by calibrated probabilities [n, K] of unseen rows and their classes `y` [n].

    A row counts by its weight [n], above 0. Rows of one cluster (codes [n]) calibrate or are measured
    together. Each tenth of the rows is measured by the other nine.
    """
    unlike = 1.0 - probability
    most = int(np.clip(KEPT_IN_ALL // classes, 20, KEPT))

    def reference(k: int, of: npt.NDArray[np.bool_]) -> Reference:
        among = of & (y == k)
        return _reference(unlike[among, k], most, None if weights is None else weights[among])

    references = tuple(reference(k, np.ones(len(y), dtype=bool)) for k in range(classes))
    rng = np.random.default_rng(seed)
    units = np.arange(len(y)) if clusters is None else clusters
    part = (rng.permutation(int(units.max()) + 1) % PARTS)[units] if len(y) else units
    plausible = np.empty_like(unlike)
    for p in range(PARTS):
        out = part == p
        for k in range(classes):
            plausible[out, k] = reference(k, ~out).p_values(unlike[out, k])
    found = measured_sets(plausible, y, weights=weights, clusters=clusters)
    return Conformal(references=references, measured=found, how=how)


def measured_sets(
    plausible: Doubles, y: Ints, *, weights: Doubles | None = None, clusters: Codes | None = None
) -> tuple[SetSize, ...]:
    """How large sets are, and how often they hold the truth `y` [n], by the p-values [n, K] of rows that did
    not calibrate them; at the usual error rates."""
    return tuple(_measured(plausible > error, y, error, weights, clusters) for error in ERRORS)


def _reference(scores: Doubles, most: int, weights: Doubles | None) -> Reference:
    """The order statistics of `scores` that are kept: all of few, else those of the unlikest rows all and the
    further ones ever thinner, for small error rates ask for the end alone.

    With weights the rank of a score is the share of weight up to it, of as many rows as they are worth (by
    Kish): weighted quantiles as in Tibshirani et al. (2019), NeurIPS 32, for a new row that weighs what these
    do in the mean.
    """
    n = len(scores)
    order = np.argsort(scores, kind="stable")
    ordered = np.round(np.ceil(scores[order] / _STEP) * _STEP, 7)
    ranks, worth = np.arange(1.0, n + 1), float(n)
    if weights is not None and n:
        shares = weights[order] / weights.sum()
        worth = float(np.round(1 / (shares @ shares), 6))
        upto = np.minimum(np.cumsum(shares), 1.0) * worth
        ranks = np.floor(upto * _FLOOR + 1e-3) / _FLOOR  # never too large, and whole where weights are alike
    kept = np.arange(n)
    if n > most:
        kept = np.sort(n - np.unique(np.round(np.geomspace(1, n, most)).astype(np.int64)))
    return Reference(
        rows=worth,
        ranks=tuple(float(r) for r in ranks[kept]),
        scores=tuple(float(s) for s in ordered[kept]),
    )


def _measured(
    held: npt.NDArray[np.bool_], y: Ints, error: float, weights: Doubles | None, clusters: Codes | None
) -> SetSize:
    sizes = held.sum(axis=1)
    coverage = []
    for k in range(held.shape[1]):
        of = y == k
        hits = held[of, k].astype(np.float64)
        units = None if clusters is None else np.unique(clusters[of], return_inverse=True)[1].astype(np.int64)
        w = None if weights is None else weights[of]
        value, low, high = proportion_interval(hits, w, units)
        told = bool(np.isfinite([value, low, high]).all())
        coverage.append(
            Score(
                metric="coverage",
                value=float(value) if told else float(hits.mean()) if len(hits) else 0.0,
                low=float(low) if told else 0.0,
                high=float(high) if told else 1.0,
                rows=len(hits),
                greater_is_better=True,
                method="Wilson" + (", clustered" if units is not None else "") if told else TOO_FEW_ROWS,
            )
        )
    return SetSize(
        error=error,
        mean=float(np.average(sizes, weights=weights)),
        single=float(np.average(sizes == 1, weights=weights)),
        empty=float(np.average(sizes == 0, weights=weights)),
        coverage=tuple(coverage),
    )
