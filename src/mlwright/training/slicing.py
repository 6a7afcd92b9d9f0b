"""What a blend is worth for whom: its answers to unseen rows by protected group, and where it is weak.

Called by `judging`. It brings the Problem's columns to `evaluation.subgroups` and `evaluation.slices`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from mlwright.base.slices import Slices, Subgroups
from mlwright.evaluation.answers import Answers
from mlwright.evaluation.cuts import Values
from mlwright.evaluation.slices import slices_of
from mlwright.evaluation.subgroups import subgroups_of
from mlwright.features import Table
from mlwright.training.problem import Problem
from mlwright.training.unseen import Unseen

Ints = npt.NDArray[np.int64]


def sliced(problem: Problem, unseen: Unseen) -> tuple[Subgroups | None, Slices | None]:
    """Subgroups by the protected columns, and slices by them and the features; nothing of no rows."""
    weights = problem.weights_of(unseen.rows)
    kept = np.flatnonzero(np.ones(len(unseen.rows)) if weights is None else weights > 0)
    rows = unseen.rows[kept]
    if not len(rows):
        return None, None
    dependent = problem.dependent(rows)
    units = next(iter(dependent.values()), None)
    answers = Answers(
        y=problem.truth[rows],
        probability=unseen.answer[kept] if problem.classes else None,
        labels=unseen.labels[kept] if problem.classes else None,
        prediction=None if problem.classes else unseen.answer[kept, 0],
        metric=problem.metric,
        weights=None if weights is None else weights[kept],
        clusters=None if units is None else np.unique(units, return_inverse=True)[1].astype(np.int64),
        in_time="blocks" in dependent,
        seed=problem.seed,
    )
    columns = features_of(problem.table) | {v.column.name: v.rows for v in problem.protected}
    of_judged = {name: _of_rows(of, rows) for name, of in columns.items()}
    groups = subgroups_of(answers, [v.rows(rows) for v in problem.protected]) if problem.protected else None
    return groups, slices_of(answers, of_judged)


def features_of(table: Table) -> dict[str, Callable[[Ints], Values]]:
    """What gives the values of each feature that can be cut, by name; texts cannot."""

    def numbers(place: int) -> Callable[[Ints], Values]:
        return lambda rows: Values(table.schema.numbers[place], numbers=table.numbers[rows, place])

    def texts(place: int) -> Callable[[Ints], Values]:
        column, known = table.categorical[place], table.vocabularies[place]
        return lambda rows: Values(column, ids=table.ids[rows, place], vocabulary=known)

    found = {c.name: numbers(place) for place, c in enumerate(table.schema.numbers)}
    return found | {c.name: texts(place) for place, c in enumerate(table.categorical)}


def _of_rows(of: Callable[[Ints], Values], rows: Ints) -> Callable[[Ints], Values]:
    return lambda index: of(rows[index])
