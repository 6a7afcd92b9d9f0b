"""A metric of the user's own, clocked before it is asked hundreds of times: a slow one breaks no time limit.

Called by `training.fit`. A fit calls a metric for each draw of each interval, and for each choice of weights:
what it may be called for follows from how long a call takes.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mlwright.evaluation.intervals import FEWEST_DRAWS, LESSER, OWN_DRAWS
from mlwright.evaluation.metrics import Output, smooth_of
from mlwright.training.budget import Budget
from mlwright.training.problem import Problem

SHARE = 0.2
"""Of the time limit, what calls of a user's own metric may take in all."""
INTERVALS = 8
"""So many intervals' worth of calls are made in all: four intervals that matter, twice two that compare."""


def clocked_metric(problem: Problem, budget: Budget) -> tuple[Problem, str]:
    """`problem` with a metric of the user's own clocked, and what is to be said where it is called less often
    than it would be. The same problem, and nothing, for other metrics and where no time limit rules.

    Raises `Misuse` for what the function raises, before anything is fitted.
    """
    metric = problem.metric
    if metric.bounded or budget.limit_s is None:
        return problem, ""
    rows = max(problem.split.judged, problem.split.test, key=len)
    truth, weights = problem.truth[rows], problem.weights_of(rows)
    value = metric.on(truth, _guessed(problem, len(rows)))
    seconds = []
    for _ in range(2):  # the first may import what it needs
        began = budget.clock()
        value(weights)
        seconds.append(budget.clock() - began)
    call_s = min(seconds)
    calls = int(min(SHARE * budget.limit_s / INTERVALS / max(call_s, 1e-9), 1e6))
    metric = replace(metric, calls=calls, call_s=call_s)
    return replace(problem, metric=metric), _said(problem, calls, call_s, smooth_of(metric).name)


def _guessed(problem: Problem, rows: int) -> Output:
    """Some answer to so many rows: drawn probabilities [N, K], or other rows' numbers [N]."""
    random = np.random.default_rng(problem.seed)
    if problem.classes:
        return np.asarray(random.dirichlet(np.ones(problem.classes), rows))
    return np.asarray(random.choice(problem.y, rows))


def _said(problem: Problem, calls: int, call_s: float, stand_in: str) -> str:
    name = problem.metric.name
    if calls // LESSER >= OWN_DRAWS:
        return ""
    drawn = [min(OWN_DRAWS, c) for c in (calls, calls // LESSER)]
    rest = [f"{d} draws" if d >= FEWEST_DRAWS else "no draws, so that there are none" for d in drawn]
    said = f"a call of {name} takes {call_s:.2g} s: the model's intervals rest on {rest[0]}"
    if rest[1] != rest[0]:
        said += f", those of candidates, folds and slices on {rest[1]}"
    return f"{said}; weights were chosen by {stand_in}" if stand_in != name else said
