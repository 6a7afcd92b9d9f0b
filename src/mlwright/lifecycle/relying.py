"""What a packaged model relies on, asked through its graph on rows with known answers.

Used by `evaluate`: fresh rows are unseen ones, which is where importance says what carries over.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from mlwright.artifact import Model
    from mlwright.base.importance import Curve, Importance
    from mlwright.data.dataset import Dataset
    from mlwright.evaluation.importance import Answers, Ask
    from mlwright.evaluation.metrics import Metric
    from mlwright.lifecycle.fresh import Fresh
    from mlwright.statistics.together import Values

Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

WORK_US = 3e7
"""So much CPU time may be spent, by what one-row calls were measured to take; batches take a fifth of it."""


def relied_on(model: Model, rows: Fresh, metric: Metric) -> tuple[Importance, tuple[Curve, ...]]:
    """Importance and effects of the model's columns on fresh rows; seen ones are told to be that."""
    from mlwright.evaluation.effects import MOST_ROWS, Scene, Shown, curves_of
    from mlwright.evaluation.importance import Effort, Examined, importance_of, in_order, with_unused

    schema, target, fresh = model.schema, model.target, rows.dataset
    columns, names = _columns(model, fresh)
    dependent = next(iter(rows.dependent.values()), None)
    examined = Examined(
        ask=_asking(model, fresh.numbers(), fresh.strings()),
        columns=columns,
        y=rows.y.astype(np.int64) if target.classes else rows.y,
        metric=metric,
        weights=rows.weights,
        clusters=None if dependent is None else np.unique(dependent, return_inverse=True)[1],
    )
    effort = Effort(asked=WORK_US / max(model.timings.cpu_us_p50 or 0.0, 1.0))
    how = f"the model, {rows.how.split('; ')[0]}"
    importance = importance_of(examined, how, unseen=not rows.caveat, effort=effort)
    importance = with_unused(importance, [c.name for c in schema.columns if c.unused])
    if importance.skipped:
        return importance, ()
    some = examined.sample(MOST_ROWS, 0)
    given = some.weights if some.weights is not None and some.weights.any() else None
    linked = any(c.role == "exposure" for c in schema.columns)
    scene = Scene(some.ask, len(some), target.classes, linked, given, some.clusters)
    shown = [
        Shown(schema.column(n), some.columns[n], names.get(n, ()))
        for n in in_order(importance)
        if columns[n] is not None
    ]
    return importance, curves_of(scene, shown)


def _columns(model: Model, fresh: Dataset) -> tuple[dict[str, Values], dict[str, list[str]]]:
    """The columns that the model uses, as numbers or codes (None of free text), and the texts by code."""
    numbers, strings = fresh.numbers(), fresh.strings()
    columns: dict[str, Values] = {}
    names: dict[str, list[str]] = {}
    places = {c.name: j for j, c in enumerate(model.schema.numbers)}
    texts = {c.name: j for j, c in enumerate(model.schema.strings)}
    for column in model.schema.features:
        if column.role == "exposure":
            continue
        if column.name in places:
            columns[column.name] = numbers[:, places[column.name]]
        elif column.kind == "text":
            columns[column.name] = None
        else:
            known = strings[:, texts[column.name]].tolist()
            codes = {v: k for k, v in enumerate(dict.fromkeys(known))}
            columns[column.name] = np.array([codes[v] for v in known], dtype=np.int64)
            names[column.name] = list(codes)
    return columns, names


def _asking(model: Model, numbers: Doubles, strings: npt.NDArray[np.object_]) -> Ask:
    from mlwright.evaluation.importance import Answers

    target = model.target
    places = {c.name: j for j, c in enumerate(model.schema.numbers)}
    texts = {c.name: j for j, c in enumerate(model.schema.strings)}
    number = {target.label(k): k for k in range(len(target.classes))}

    def ask(at: Ints, taken: Mapping[str, Ints]) -> Answers:
        mixed, written = numbers[at], strings[at]
        for name, other in taken.items():
            if name in places:
                mixed[:, places[name]] = numbers[other, places[name]]
            else:
                written[:, texts[name]] = strings[other, texts[name]]
        out = model.run(mixed, written)
        if out.prediction is not None:
            return Answers(out.prediction[:, None], out.prediction)
        assert out.probability is not None and out.margin is not None and out.label is not None  # of classes
        labels = np.array([number[label] for label in out.label.tolist()], dtype=np.int64)
        return Answers(out.margin, out.probability, labels)

    return ask
