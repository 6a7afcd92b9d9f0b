"""What `evaluate` says of protected groups and of slices, from answers to fresh rows and their columns.

It brings fresh rows to `evaluation`, as `training.slicing` brings those of a Problem.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from mlwright.base.slices import Slices, Subgroups
    from mlwright.evaluation.metrics import Answered, Metric, Output, Truth
    from mlwright.lifecycle.fresh import Fresh


def sliced(
    metric: Metric, truth: Truth, answer: Output | Answered, rows: Fresh
) -> tuple[Subgroups | None, Slices | None]:
    """Subgroups by the protected columns of the fresh table, and slices by them and the model's columns."""
    from threadpoolctl import threadpool_limits

    from mlwright.evaluation.answers import Answers
    from mlwright.evaluation.cuts import values_of
    from mlwright.evaluation.metrics import Answered
    from mlwright.evaluation.slices import slices_of
    from mlwright.evaluation.subgroups import subgroups_of

    weights = rows.weights
    kept = np.arange(len(truth)) if weights is None else np.flatnonzero(weights > 0)
    if not len(kept):
        return None, None
    units = next(iter(rows.dependent.values()), None)
    classes = isinstance(answer, Answered)
    answers = Answers(
        y=truth,
        probability=answer.probability if isinstance(answer, Answered) else None,
        labels=answer.label if isinstance(answer, Answered) else None,
        prediction=None if classes else np.asarray(answer, dtype=np.float64),
        metric=metric,
        weights=weights,
        clusters=None if units is None else np.unique(units, return_inverse=True)[1].astype(np.int64),
        in_time="blocks" in rows.dependent,
    ).rows(kept)
    protected = [v.rows(kept) for v in rows.protected]
    fresh = rows.dataset
    columns = [values_of(fresh, c).rows(kept) for c in fresh.schema.features if c.kind != "text"]
    held = {v.column.name: v.rows for v in (*columns, *protected)}
    with threadpool_limits(limits=1, user_api="blas"):  # a second thread spins ten times as long as it works
        groups = subgroups_of(answers, protected) if protected else None
        return groups, slices_of(answers, held)
