"""evaluate: a Model judged on fresh rows."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from mlwright.base.errors import DataProblem, SchemaBroken
from mlwright.lifecycle.extras import need

if TYPE_CHECKING:
    import polars as pl

    from mlwright.artifact import Model
    from mlwright.base.evaluation import Evaluation
    from mlwright.base.schema import Target


def evaluate(model: Model | str | os.PathLike[str], data: object) -> Evaluation:
    """The model's scores with intervals on `data` (anything `read` takes), beside the plain baseline of its
    training.

    Rows without a known label, or that break the schema, are left out and counted in `how`. Raises
    `SchemaBroken` where the
    target or a needed column is absent, `DataProblem` where no row is left.
    """
    need("train", "evaluating")
    from mlwright.artifact import Model
    from mlwright.base.evaluation import Evaluation
    from mlwright.data.dataset import Dataset, Provenance
    from mlwright.data.decode import decode_frame
    from mlwright.evaluation.intervals import all_scores
    from mlwright.evaluation.metrics import confusion
    from mlwright.lifecycle.load import load
    from mlwright.sources import read_raw

    opened = model if isinstance(model, Model) else load(model)
    target = opened.target
    raw = read_raw(data)
    if target.name not in raw.frame.columns:
        raise SchemaBroken(
            f"the target column {target.name!r} is not there",
            where=raw.source,
            remedy="evaluation needs the true answers; predict does not",
        )
    decoded = decode_frame(raw.frame, opened.schema, text=True, features_only=True)
    truth = _truth(raw.frame[target.name], target, opened)
    usable = ~decoded.refused & ~np.isnan(truth)
    if not usable.any():
        raise DataProblem(
            f"no row has a known {target.name!r} and fits the schema",
            where=raw.source,
            remedy="compare its labels with the model's: mlwright show",
        )
    fresh = Dataset(decoded.frame.filter(usable), opened.schema, Provenance(raw.source))
    outputs = opened.run(fresh.numbers(), fresh.strings())
    y = truth[usable]
    prior = opened.evaluation
    if target.task == "regression":
        output, said = outputs.prediction, y
        mean = opened.manifest.recipe.get("baseline", float(y.mean()))
        plain = np.full(len(y), mean)
    else:
        output, said = outputs.probability, y.astype(np.int64)
        shares = opened.manifest.recipe.get("baseline") or np.bincount(
            said, minlength=len(target.classes)
        ) / len(said)
        plain = np.tile(np.asarray(shares, dtype=np.float64), (len(y), 1))
    assert output is not None  # the graph has the output of its task
    table: tuple[tuple[int, ...], ...] = ()
    if 0 < len(target.classes) <= 30:
        counts = confusion(said, output.argmax(axis=1), len(target.classes))
        table = tuple(tuple(int(v) for v in row) for row in counts)
    left_out = len(usable) - int(usable.sum())
    return Evaluation(
        task=target.task,
        metric=prior.metric,
        scores=all_scores(target.task, prior.metric, said, output),
        baseline=all_scores(target.task, prior.metric, said, plain),
        rows=len(y),
        how=f"on {len(y):,} rows of {raw.source}"
        + (
            f"; {left_out:,} rows were left out: no known target, or they break the schema"
            if left_out
            else ""
        ),
        split=prior.split,
        confusion=table,
    )


def _truth(labels: pl.Series, target: Target, model: Model) -> npt.NDArray[np.float64]:
    """Class numbers or numbers [N]; NaN where there is no label, or one that the model does not know."""
    from mlwright.data.decode import decode_series

    column = model.schema.column(target.name)
    values, _ = decode_series(labels, column, text=True)
    if target.task == "regression":
        return values.to_numpy().astype(np.float64)
    spelled = {c.casefold().rstrip("."): i for i, c in enumerate(target.classes)}
    numbers = {"1.0": "true", "0.0": "false"} if target.label_type == "boolean" else {}
    out = np.full(len(values), np.nan)
    for i, value in enumerate(values.to_list()):
        if value is None:
            continue
        text = (
            str(int(value)) if isinstance(value, float) and value.is_integer() and not numbers else str(value)
        )
        text = numbers.get(text, text)
        out[i] = spelled.get(text.casefold().rstrip("."), np.nan)
    return out
