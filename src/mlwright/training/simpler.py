"""The simpler model where nobody can tell the difference: the one-standard-error rule, paired by row.

Breiman, Friedman, Olshen & Stone, "Classification and Regression Trees" (1984), section 3.4.3; here with the
standard error of the difference on the same rows, which is smaller than that of either error. Asked by
`choosing`; it fits nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from mlwright.base.fit_report import brief
from mlwright.evaluation.paired_rows import PairedRows
from mlwright.training.ensemble import Price
from mlwright.training.problem import Problem
from mlwright.training.trial import Trial

Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

MOST_ROWS = 10_000


def simplest(
    problem: Problem, trials: Sequence[Trial], weights: Doubles, price: Price, rows: Ints
) -> tuple[Doubles, str]:
    """All weight on the candidate that is cheapest to serve among those within one standard error of the
    choice `weights` on `rows`, and why in words; `weights` where none is, or the choice is as cheap."""
    if not weights.any():
        return weights, ""
    if len(rows) > MOST_ROWS:
        rows = np.sort(np.random.default_rng(problem.seed).choice(rows, MOST_ROWS, replace=False))
    paired = PairedRows(
        metric=problem.metric,
        y=problem.truth[rows],
        answer=lambda margin: problem.answer_of(margin, rows),
        weights=problem.weights_of(rows),
        units=next(iter(problem.dependent(rows).values()), None),
        seed=problem.seed,
    )
    best = np.asarray(sum(w * t.margins[rows] for w, t in zip(weights, trials, strict=True) if w > 0))
    spent = price(weights > 0)
    costs = [price(np.arange(len(trials)) == i) for i in range(len(trials))]
    for i in sorted(range(len(trials)), key=lambda i: (costs[i], i)):
        trial = trials[i]
        if not costs[i] < spent or trial.config.family == "baseline":
            continue
        errors, drawn = paired.errors([best, trial.margins[rows]])
        if not len(drawn):
            continue
        less = float(errors[1] - errors[0])
        error = float((drawn[:, 1] - drawn[:, 0]).std())
        if less <= error:
            kept = int((weights > 0).sum())
            said = (
                f"simpler: {trial.config.name} alone, whose {paired.smooth.name} error is {brief(less, 2)} "
                f"larger than that of {kept} candidate{'s' if kept > 1 else ''} (standard error "
                f"{brief(error, 2)})"
            )
            return np.asarray(np.arange(len(trials)) == i, dtype=np.float64), said
    return weights, "simpler: nothing cheaper is within one standard error"
