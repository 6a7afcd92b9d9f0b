"""How predicted numbers may depend on columns and behind which link they are learned: monotone, link.

Called by `problem`, and by `lifecycle.foreseen` before any time is spent.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from mlwright.base.errors import Misuse, UnknownName
from mlwright.base.schema import Schema, Target
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
