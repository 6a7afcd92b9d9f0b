"""From which probability on a model may answer: by its answers to rows that no part of it had seen.

Sources: Geifman & El-Yaniv (2017), NeurIPS 30, on selective classification with a guarantee; Angelopoulos et
al. (2021), "Learn then Test", on testing in a fixed order. Called by `training` and `lifecycle.evaluate`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mlwright.base.abstaining import Abstaining, Step
from mlwright.statistics.intervals import Codes, Floats, clopper_pearson, proportion_interval

STEPS = 40
LEAST_ANSWERED = 30
"""Rows below which a step says nothing."""
ONE_SIDED = 0.9
"""The level of a two-sided interval whose upper end is a one-sided 95 % bound."""


def abstaining_of(
    probability: Floats,
    labels: npt.NDArray[np.int64],
    y: npt.NDArray[np.int64],
    *,
    weights: Floats | None = None,
    clusters: Codes | None = None,
) -> Abstaining | None:
    """Steps by the probability [n, K] of the labels [n] that were answered; `y` [n] are the true classes.

    The bound is Clopper and Pearson's, exact; Wilson's where rows are weighted or dependent (by `clusters`,
    codes [n]). None of fewer rows than one step needs.
    """
    n = len(y)
    if n < LEAST_ANSWERED:
        return None
    sure = probability[np.arange(n), labels]
    order = np.argsort(-sure, kind="stable")
    wrong = (labels != y).astype(np.float64)
    total = 1.0 if weights is None else float(weights.sum())
    steps: list[Step] = []
    for count in np.unique(np.linspace(LEAST_ANSWERED, n, STEPS).astype(np.int64)):
        least = float(sure[order[count - 1]])
        among = sure >= least  # rows that are as sure are answered together
        if steps and steps[-1].least == least:
            continue
        w = None if weights is None else weights[among]
        if w is not None and not w.any():
            continue
        units = (
            None if clusters is None else np.unique(clusters[among], return_inverse=True)[1].astype(np.int64)
        )
        if w is None and units is None:
            value, _, high = clopper_pearson(float(wrong[among].sum()), float(among.sum()), ONE_SIDED)
        else:
            value, _, high = proportion_interval(wrong[among], w, units, ONE_SIDED)
        share = float(among.mean()) if w is None else float(w.sum()) / total
        steps.append(
            Step(
                least=least, answers=int(among.sum()), answered=share, wrong=float(value), at_most=float(high)
            )
        )
    return Abstaining(steps=tuple(steps), rows=n)
