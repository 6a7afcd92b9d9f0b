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


def conformal_of(
    probability: Doubles, y: Ints, classes: int, how: str, *, clusters: Codes | None = None, seed: int = 0
) -> Conformal:
    """What sets are made from, by calibrated probabilities [n, K] of unseen rows and their classes `y` [n].

    Rows of one cluster (codes [n]) calibrate or are measured together. Each tenth of the rows is measured by
    the other nine.
    """
    unlike = 1.0 - probability
    most = int(np.clip(KEPT_IN_ALL // classes, 20, KEPT))
    references = tuple(_reference(unlike[y == k, k], most) for k in range(classes))
    rng = np.random.default_rng(seed)
    units = np.arange(len(y)) if clusters is None else clusters
    part = (rng.permutation(int(units.max()) + 1) % PARTS)[units] if len(y) else units
    plausible = np.empty_like(unlike)
    for p in range(PARTS):
        out, fit = part == p, part != p
        for k in range(classes):
            plausible[out, k] = _reference(unlike[fit & (y == k), k], most).p_values(unlike[out, k])
    measured = tuple(_measured(plausible > error, y, error, clusters) for error in ERRORS)
    return Conformal(references=references, measured=measured, how=how)


def _reference(scores: Doubles, most: int) -> Reference:
    """The order statistics of `scores` that are kept: all of few, else those of the unlikest rows all and the
    further ones ever thinner, for small error rates ask for the end alone."""
    n = len(scores)
    ordered = np.round(np.ceil(np.sort(scores) / _STEP) * _STEP, 7)
    if n <= most:
        ranks = np.arange(1, n + 1)
    else:
        from_end = np.unique(np.round(np.geomspace(1, n, most)).astype(np.int64))
        ranks = np.sort(n + 1 - from_end)
    return Reference(
        rows=n, ranks=tuple(int(r) for r in ranks), scores=tuple(float(s) for s in ordered[ranks - 1])
    )


def _measured(held: npt.NDArray[np.bool_], y: Ints, error: float, clusters: Codes | None) -> SetSize:
    sizes = held.sum(axis=1)
    coverage = []
    for k in range(held.shape[1]):
        of = y == k
        hits = held[of, k].astype(np.float64)
        units = None if clusters is None else np.unique(clusters[of], return_inverse=True)[1].astype(np.int64)
        value, low, high = proportion_interval(hits, None, units)
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
        mean=float(sizes.mean()),
        single=float((sizes == 1).mean()),
        empty=float((sizes == 0).mean()),
        coverage=tuple(coverage),
    )
