"""What `evaluate` says of protected groups and of slices: the columns of fresh rows, and the answers to them.

Called by `evaluate`. Protected columns and the group are looked for in the fresh table; neither has to be
there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import polars as pl

    from mlwright.base.schema import Schema, TaskName
    from mlwright.base.slices import Slices, Subgroups
    from mlwright.data.dataset import Dataset
    from mlwright.evaluation.cuts import Values
    from mlwright.evaluation.metrics import Answered, Output, Truth

Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Beside:
    """Columns of N fresh rows that the model is not given."""

    protected: tuple[Values, ...] = ()
    clusters: Ints | None = None
    """Which rows are of one group, where training named one and the table has it."""

    @classmethod
    def of(cls, frame: pl.DataFrame, schema: Schema, usable: npt.NDArray[np.bool_]) -> Beside:
        """Those of the rows `usable` of a raw table. A value that a column cannot hold counts as missing."""
        import polars as pl

        from mlwright.data.dataset import Dataset, Provenance
        from mlwright.data.decode import decode_series
        from mlwright.evaluation.cuts import values_of

        def decoded(role: str) -> Dataset:
            there = [c for c in schema.columns if c.role == role and c.name in frame.columns]
            columns = [decode_series(frame[c.name], c, text=True)[0].filter(usable) for c in there]
            return Dataset(pl.DataFrame(columns), schema, Provenance("fresh rows"))

        known = decoded("protected")
        protected = tuple(values_of(known, schema.column(name)) for name in known.frame.columns)
        groups = decoded("group").frame
        if not groups.width:
            return cls(protected)
        texts = groups.to_series(0).cast(pl.String).fill_null("")
        codes = np.unique(texts.to_numpy(), return_inverse=True)[1].astype(np.int64)
        return cls(protected, codes)


def sliced(
    metric: str,
    task: str,
    truth: Truth,
    answer: Output | Answered,
    weights: Doubles | None,
    beside: Beside,
    fresh: Dataset,
) -> tuple[Subgroups | None, Slices | None]:
    """Subgroups by the protected columns of the fresh table, and slices by them and the model's columns."""
    from threadpoolctl import threadpool_limits

    from mlwright.evaluation.answers import Answers
    from mlwright.evaluation.cuts import values_of
    from mlwright.evaluation.metrics import Answered, metric_named
    from mlwright.evaluation.slices import slices_of
    from mlwright.evaluation.subgroups import subgroups_of

    rows = np.arange(len(truth)) if weights is None else np.flatnonzero(weights > 0)
    if not len(rows):
        return None, None
    named: TaskName = task  # type: ignore[assignment]  # a model file's task is one of three
    classes = isinstance(answer, Answered)
    units = None if beside.clusters is None else beside.clusters[rows]
    clusters = None if units is None else np.unique(units, return_inverse=True)[1].astype(np.int64)
    answers = Answers(
        y=truth[rows],
        probability=answer.probability[rows] if isinstance(answer, Answered) else None,
        labels=answer.label[rows] if isinstance(answer, Answered) else None,
        prediction=None if classes else np.asarray(answer, dtype=np.float64)[rows],
        metric=metric_named(metric, named),
        weights=None if weights is None else weights[rows],
        clusters=clusters,
    )
    protected = [v.rows(rows) for v in beside.protected]
    columns = {c.name: values_of(fresh, c) for c in fresh.schema.features if c.kind != "text"}
    held: dict[str, Values] = {name: v.rows(rows) for name, v in columns.items()}
    held |= {v.column.name: v for v in protected}
    with threadpool_limits(limits=1, user_api="blas"):  # a second thread spins ten times as long as it works
        groups = subgroups_of(answers, protected) if protected else None
        return groups, slices_of(answers, {name: v.rows for name, v in held.items()})
