"""How long what is still to be done will take: refits, judging, packaging. By what was timed on the way.

Asked by `search`, which keeps so much time back, and by `fit` and `refit`. Estimates of refits are plain,
for refits have a deadline; those of what has none lean to the long side: a limit is a promise.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mlwright.base.machine import threads_for
from mlwright.evaluation.intervals import FEWEST_DRAWS, OWN_DRAWS, draws_of
from mlwright.training.budget import Budget
from mlwright.training.found import Search
from mlwright.training.prediction_intervals import interval_seconds
from mlwright.training.problem import Problem
from mlwright.training.trial import Trial

NODE_S = 5e-6
"""For each node of the trees: to write it, and to compare the graph with the training path."""
COLUMN_S = 1e-3
"""For each column: to write what is known of it, and to read it from rows that try it out."""
SLICED_S = 2e-4
"""For each column: to see whether the loss differs along it."""
EXPLAINING_SHARE, MOST_EXPLAINING_S = 0.04, 30.0
"""The share of the time limit for importance and effects, and the most seconds."""
SLICED, PAIRED = 14, 1_000
"""Intervals of slices and the like; and calls of a metric that comparing fits takes."""
LIKELY = 4
"""The best so many are what an ensemble most likely keeps, where it was not asked yet."""


def refit_seconds(problem: Problem, found: Search, trials: Sequence[Trial]) -> float:
    """Seconds to refit `trials` on all rows, side by side, features included: a fold's time grown by the
    rows. What a fold spent on rounds beyond its best one, and on validation rows, is left for noise."""
    if not trials:
        return 0.0
    growth = len(problem.y) / max(len(problem.split.folds[-1].train), 1)  # the last is, in time, the longest
    views = {t.config.view for t in trials}
    features = found.prepare_seconds + sum(found.view_seconds.get(view, 0.0) for view in views)
    # CPU seconds as it were: a fold had `fold_threads`, a refit has its share of all of them.
    work = [float(np.median(t.fold_seconds or [0.0])) * found.fold_threads for t in trials]
    side_by_side = min(problem.threads, len(trials))
    cells = problem.table.numbers.size + problem.table.ids.size
    # Of small tables a second thread is not used (`useful_threads`).
    each = threads_for(cells, problem.threads // side_by_side)
    alone = sum(w for w, t in zip(work, trials, strict=True) if t.config.family == "catboost")
    # CatBoost's fits wait for each other.
    fits = max(max(work) / each, alone / each, sum(work) / (each * side_by_side))
    return growth * (features + fits)


def packaging_seconds(problem: Problem, found: Search, budget: Budget) -> float:
    """An upper estimate of the seconds for judging the blend and for making the file."""
    columns = len(problem.table.schema.features)
    cells = len(problem.y) * (columns + 5)
    judged = len(problem.split.test) or len(problem.split.judged)
    # The bootstraps of model and baseline, two seconds from some 20,000 rows on (evaluation.intervals).
    judging = 2.0 * min(1.0, judged / 20_000 * max(1, problem.classes / 2))
    # Slices of all that was judged, and groups of each protected column (50,000 rows x 5,000: 1.8 s).
    judging += (0.6 + 0.3 * len(problem.protected)) * min(1.0, judged / 20_000) + columns * SLICED_S
    # Where rows are cross-fitted, weights are chosen once a fold more.
    choices = 2 if len(problem.split.test) or len(problem.split.folds) == 1 else 1 + len(problem.split.folds)
    chosen = found.choosing_seconds * choices
    nodes = sum(t.shape.nodes for t in likely_kept(found) if t.shape is not None) * NODE_S
    making = 1.0 + judging + nodes + cells * 3e-8 + columns * COLUMN_S
    kept = interval_seconds(problem, budget) + explaining_seconds(budget)
    return making * budget.slowness() + kept + chosen + 2 * found.score_seconds + _own_seconds(problem)


def _own_seconds(problem: Problem) -> float:
    """Seconds that calls of a user's own metric will take: two intervals and two comparisons of what ships,
    and lesser intervals by fold and slice."""
    metric = problem.metric
    if metric.bounded:
        return 0.0
    full, lesser = draws_of(metric, OWN_DRAWS), draws_of(metric, OWN_DRAWS, 0.1)
    lesser = lesser if lesser >= FEWEST_DRAWS else 1
    calls = 6 * full + (SLICED + len(problem.split.folds)) * lesser
    return metric.call_s * (calls + (0 if metric.slow else PAIRED))


def explaining_seconds(budget: Budget) -> float:
    """What is kept of a time limit to say what the model relies on: 0 where none rules."""
    if budget.limit_s is None:
        return 0.0
    return min(EXPLAINING_SHARE * budget.limit_s, MOST_EXPLAINING_S)


def likely_kept(found: Search) -> list[Trial]:
    """The trials that would be refitted if the search ended now."""
    if found.chosen:
        return found.chosen
    return sorted(found.finished, key=lambda t: t.error)[:LIKELY]


def usual_seconds(found: Search, family: str) -> float:
    """Seconds that a fold of the family usually took, where one was timed; else 0."""
    timed = [max(t.fold_seconds) for t in found.finished if t.config.family == family and t.fold_seconds]
    return float(np.median(timed)) if timed else 0.0
