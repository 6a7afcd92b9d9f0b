"""What the search's choice is worth: corrected for the choosing, and beside one strong default.

Called by `training.fit` with what was found and what was answered for unseen rows. It fits nothing.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mlwright.base.score import Score
from mlwright.base.selection import Rival, Selection
from mlwright.evaluation.intervals import clusters_of, score
from mlwright.evaluation.metrics import Answered, Output, error_of, seen_by
from mlwright.evaluation.paired import gain
from mlwright.evaluation.selection import LEAST_DRAWS, corrected, flattery
from mlwright.training.problem import Problem
from mlwright.training.trial import Trial
from mlwright.training.unseen import Concluded, Unseen, labels_unseen

Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

DEFAULT = "lightgbm"
"""The candidate that stands for one strong model as it comes: the boosted trees that are tried first."""


def selection_of(
    problem: Problem, trials: list[Trial], concluded: Concluded, mixed: Doubles
) -> Selection | None:
    """The choice among finished `trials`, whose blend has the margins `mixed` on the rows that chose; None
    where there was none, or the metric is too slow to be asked so often."""
    rows = problem.split.judged
    real = [t for t in trials if t.config.family != "baseline" and t.score is not None]
    if len(real) < 2 or _too_slow(problem, len(real)):
        return None
    metric, truth, weights = problem.metric, problem.truth[rows], problem.weights_of(rows)
    dependent = problem.dependent(rows)
    outputs = [_seen(problem, problem.output_of(t.margins[rows], rows)) for t in real]
    order = np.argsort([_error(problem, t.score) for t in real], kind="stable")
    first, second = int(order[0]), int(order[1])
    lead = gain(metric, truth, outputs[second], outputs[first], weights=weights, seed=0, **dependent)
    best = real[first]
    assert best.score is not None  # as of all `real` ones
    by = flattery(
        metric, truth, outputs, weights=weights, clusters=clusters_of(**dependent), seed=problem.seed
    )
    margin, labels = concluded.of(mixed, rows)
    answer = problem.answer_of(margin, rows)
    return Selection(
        candidates=len(real),
        best=best.config.name,
        seen=best.score,
        corrected=corrected(best.score, by),
        whole_seen=_score(problem, _judged(problem, answer, labels), rows),
        runner_up=real[second].config.name,
        lead=lead,
    )


def default_beside(problem: Problem, trials: list[Trial], unseen: Unseen) -> Rival | None:
    """One strong default on the rows that judged the model, and the model's gain over it; None where it was
    not tried."""
    found = next((t for t in trials if t.config.name == DEFAULT), None)
    if found is None:
        return None
    rows = unseen.rows
    margins = found.held if len(problem.split.test) else found.margins[rows]
    plain = _judged(problem, problem.answer_of(margins, rows), _labels(problem, found, rows))
    model = _judged(problem, unseen.answer, unseen.labels)
    dependent = problem.dependent(rows)
    by = gain(
        problem.metric,
        problem.truth[rows],
        plain,
        model,
        weights=problem.weights_of(rows),
        seed=0,
        **dependent,
    )
    own = _score(problem, plain, rows)
    return None if by is None or own is None else Rival(name=found.config.name, score=own, gain=by)


def _labels(problem: Problem, trial: Trial, rows: Ints) -> Ints:
    """What the trial decides of `rows` by a line that was drawn without them, as the model's was."""
    split = problem.split
    if problem.classes and len(split.test):
        decision = problem.decide(trial.margins[split.judged], split.judged)
        return problem.labels_of(decision, trial.held, rows)
    return labels_unseen(problem, trial.margins)[rows]


def _judged(problem: Problem, answer: Doubles, labels: Ints) -> Output | Answered:
    return Answered(answer, labels) if problem.classes else answer[:, 0]


def _score(problem: Problem, answer: Output | Answered, rows: Ints) -> Score | None:
    found = score(
        problem.metric,
        problem.truth[rows],
        seen_by(problem.metric, answer),
        weights=problem.weights_of(rows),
        seed=problem.seed,
        effort=0.1,
        **problem.dependent(rows),
    )
    return found if np.isfinite(found.value) else None


def _too_slow(problem: Problem, candidates: int) -> bool:
    """Whether what choosing flatters would take more calls of a user's own metric than two intervals may."""
    metric = problem.metric
    return metric.slow and LEAST_DRAWS * candidates > 2 * metric.calls


def _seen(problem: Problem, output: Doubles) -> Output:
    return output if problem.classes else output[:, 0]


def _error(problem: Problem, seen: Score | None) -> float:
    return np.inf if seen is None else error_of(problem.metric, seen.value)
