"""How predicted numbers may depend on columns, and what they are learned as: monotone, exposure, link.

Called by `problem`, and by `lifecycle.foreseen` before any time is spent.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from mlwright.base.errors import DataProblem, Misuse, UnknownName
from mlwright.base.schema import Column, Schema, Target
from mlwright.data.dataset import Dataset
from mlwright.evaluation.metrics import Metric
from mlwright.statistics.links import Link


def link_of(metric: Metric, target: Target, y: npt.NDArray[np.float64]) -> Link:
    """The link behind which squared differences are what the metric judges.

    >>> from mlwright.evaluation.metrics import METRICS
    >>> link_of(METRICS["rmsle"], Target(name="n", task="regression"), np.array([0.0, 9.0]))
    'log1p'
    """
    return "log1p" if not target.classes and metric.name == "rmsle" and y.min() >= 0 else "identity"


def monotone_of(schema: Schema, target: Target, asked: Mapping[str, int] | None) -> dict[int, int]:
    """The asked directions by place among `schema.numbers`.

    Raises `UnknownName` for a column that does not exist, `Misuse` for one that has no order, or for a
    target of more than two classes.
    """
    if not asked:
        return {}
    if target.task == "multiclass":
        raise Misuse(
            f"monotone= is for numbers and two classes, and {target.name!r} has {len(target.classes)}",
            remedy="leave it out",
        )
    features = [c.name for c in schema.features]
    numbers = [c.name for c in schema.numbers]
    out = {}
    for name, direction in asked.items():
        if name not in features:
            if name in schema.names:
                raise Misuse(
                    f"the prediction cannot rise or fall with {name!r}: it is no feature", where="monotone="
                )
            raise UnknownName("column", name, features, where="monotone=")
        kind = schema.column(name).kind
        if kind not in ("numeric", "boolean"):
            raise Misuse(
                f"the prediction cannot rise or fall with {name!r}: it is {kind}, which has no plain order",
                where="monotone=",
                remedy="name number columns, or make it one: kinds={'" + name + "': 'numeric'}",
            )
        out[numbers.index(name)] = direction
    return out


LEAST_EXPOSURE = 1e-9
"""What a request must hold at least, in place of "above 0": a rule of a schema has an end that is allowed."""


def exposed_by(schema: Schema, target: Target) -> Column | None:
    """The column that a rate is answered for. Raises `Misuse` where the target is no amount."""
    columns = [c for c in schema.columns if c.role == "exposure"]
    if not columns:
        return None
    if target.classes:
        raise Misuse(
            f"exposure={columns[0].name!r} is for counts and amounts, and {target.name!r} has classes",
            remedy="leave it out, or say task='regression'",
        )
    return columns[0]


def exposure_of(dataset: Dataset, column: Column) -> npt.NDArray[np.float64]:
    """The exposure of every row. Raises `DataProblem` where one is missing or not above 0."""
    values = dataset.frame[column.name].to_numpy().astype(np.float64)
    wrong = ~(values >= LEAST_EXPOSURE)
    if wrong.any():
        raise DataProblem(
            f"{int(wrong.sum()):,} exposures are missing or not above 0, the first in row "
            f"{int(wrong.argmax())}",
            where=f"column {column.name!r}",
            remedy="mend the column, or leave those rows out",
        )
    return values


def watched(schema: Schema, column: Column) -> Schema:
    """The schema that refuses rows without an exposure, by which an answer would be nothing."""
    least = max(column.least or 0.0, LEAST_EXPOSURE)
    return schema.changed(column.name, nullable=False, least=least)


def refuse_directions(asked: object) -> None:
    """Raises `Misuse` for directions that no table could make good."""
    if asked is None:
        return
    if not isinstance(asked, Mapping):
        raise Misuse("monotone= takes a mapping", remedy='monotone={"age": 1, "income": -1}')
    for name, direction in asked.items():
        if isinstance(direction, bool) or direction not in (1, -1):
            raise Misuse(
                f"monotone= of {name!r} is {direction!r}",
                remedy="1 where the prediction may only rise with the column, -1 where only fall",
            )
