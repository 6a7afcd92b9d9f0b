"""evaluate: a Model judged on fresh rows."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from mlwright.base.decoding import category_of
from mlwright.base.errors import DataProblem, SchemaBroken
from mlwright.base.labels import matcher
from mlwright.lifecycle.extras import need

if TYPE_CHECKING:
    import polars as pl

    from mlwright.artifact import Model
    from mlwright.base.evaluation import Evaluation
    from mlwright.base.schema import Column
    from mlwright.data.dataset import Dataset
    from mlwright.sources import ReadOptions


def evaluate(
    model: Model | str | os.PathLike[str], data: object, *, options: ReadOptions | None = None
) -> Evaluation:
    """The model's scores with intervals on `data` (anything `read` takes), beside the plain baseline.

    Rows without a known label, or that break the schema, are left out and counted in `how`. `options` say
    how a file is written, where it is not as it seems or not as the training table was. Raises
    `SchemaBroken` where the target or a needed column is absent, `DataProblem` where no row is left.
    """
    need("train", "evaluating")
    from mlwright.artifact import Model
    from mlwright.data.dataset import Dataset, Provenance
    from mlwright.data.decode import decode_frame
    from mlwright.lifecycle.load import load
    from mlwright.lifecycle.read import as_written
    from mlwright.sources import read_raw

    opened = model if isinstance(model, Model) else load(model)
    name = opened.target.name
    raw, schema = read_raw(data, options), as_written(opened.schema, options)
    if name not in raw.frame.columns:
        raise SchemaBroken(
            f"the target column {name!r} is not there",
            where=raw.source,
            remedy="evaluation needs the true answers; predict does not",
        )
    decoded = decode_frame(raw.frame, schema, text=True, features_only=True)
    truth = _truth(raw.frame[name], opened, schema.column(name))
    usable = ~decoded.refused & ~np.isnan(truth)
    if not usable.any():
        raise DataProblem(
            f"no row has a known {name!r} and fits the schema",
            where=raw.source,
            remedy="compare its labels with the model's: mlwright show",
        )
    fresh = Dataset(decoded.frame.filter(usable), opened.schema, Provenance(raw.source))
    left_out = len(usable) - int(usable.sum())
    how = f"on {len(fresh):,} rows of {raw.source}"
    if left_out:
        how += f"; {left_out:,} rows were left out: no known target, or they break the schema"
    if raw.sha256 and raw.sha256 == opened.manifest.recipe.get("data_sha256"):
        how += "; these are the very rows it was trained on: the scores flatter it"
    return _judged(opened, fresh, truth[usable], how)


def _judged(model: Model, fresh: Dataset, y: npt.NDArray[np.float64], how: str) -> Evaluation:
    from mlwright.base.evaluation import Evaluation
    from mlwright.evaluation.intervals import all_scores
    from mlwright.evaluation.metrics import Output, Truth, confusion

    target, prior = model.target, model.evaluation
    outputs = model.run(fresh.numbers(), fresh.strings())
    plain = _plain(model, y)
    truth: Truth = y
    output: Output | None = outputs.prediction
    if target.task != "regression":
        truth, output = y.astype(np.int64), outputs.probability
    assert output is not None  # the graph has the output of its task
    repeated = np.tile(plain, (len(y), 1)) if output.ndim == 2 else np.full(len(y), float(plain.ravel()[0]))
    table: tuple[tuple[int, ...], ...] = ()
    if 0 < len(target.classes) <= 30:
        counts = confusion(truth, output.argmax(axis=1), len(target.classes))
        table = tuple(tuple(int(v) for v in row) for row in counts)
    return Evaluation(
        task=target.task,
        metric=prior.metric,
        scores=all_scores(target.task, prior.metric, truth, output),
        baseline=all_scores(target.task, prior.metric, truth, repeated),
        rows=len(y),
        how=how,
        split=prior.split,
        confusion=table,
    )


def _plain(model: Model, y: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The answer of the plain baseline of training; where a file does not tell it, that of the fresh rows."""
    kept = model.manifest.recipe.get("baseline")
    if kept is not None:
        return np.asarray(kept, dtype=np.float64)
    if model.target.task == "regression":
        return np.array([y.mean()])
    return np.bincount(y.astype(np.int64), minlength=len(model.target.classes)) / len(y)


def _truth(labels: pl.Series, model: Model, column: Column) -> npt.NDArray[np.float64]:
    """Class numbers or numbers [N]; NaN where there is no label, or one that the model does not know."""
    from mlwright.data.decode import decode_series

    target = model.target
    values, _ = decode_series(labels, column, text=True)
    if target.task == "regression":
        return values.to_numpy().astype(np.float64)
    number = {c: i for i, c in enumerate(target.classes)}
    meant = matcher(target.classes)
    numbers = {"1": "true", "0": "false"} if target.label_type == "boolean" else {}
    out = np.full(len(values), np.nan)
    for i, value in enumerate(values.to_list()):
        if value is None:
            continue
        text = category_of(value)
        text = numbers.get(text, text)
        known = meant(text)
        out[i] = np.nan if known is None else number[known]
    return out
