"""evaluate: a Model judged on fresh rows."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from mlwright.base.decision import LIKELIEST
from mlwright.base.decoding import category_of
from mlwright.base.errors import DataProblem, SchemaBroken
from mlwright.base.labels import matcher
from mlwright.lifecycle.extras import need

if TYPE_CHECKING:
    import polars as pl

    from mlwright.artifact import Model, Outputs
    from mlwright.base.evaluation import Evaluation, Outcome
    from mlwright.base.reliability import Reliability
    from mlwright.base.schema import Column, Target
    from mlwright.data.dataset import Dataset
    from mlwright.evaluation.outcomes import Judged
    from mlwright.sources import ReadOptions

Ints = npt.NDArray[np.int64]


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
    weights = _weights(raw.frame, opened)
    if weights is not None:
        weights = weights[usable]
        how += "; rows count by their weights"
    groups = _groups(raw.frame.filter(usable), opened)
    return _judged(opened, fresh, truth[usable], how, weights, groups)


def _weights(frame: pl.DataFrame, model: Model) -> npt.NDArray[np.float64] | None:
    """What rows count, where the model was trained with weights and the table has them.

    Raises `DataProblem` for what is no weight.
    """
    from mlwright.data.decode import decode_series

    column = next((c for c in model.schema.columns if c.role == "weight"), None)
    if column is None or column.name not in frame.columns:
        return None
    values, _ = decode_series(frame[column.name], column, text=True)
    weights = values.to_numpy().astype(np.float64)
    if not (weights >= 0).all() or not weights.any():
        raise DataProblem(
            f"the weights in {column.name!r} must be numbers of at least 0, none missing",
            remedy="mend the column, or leave it out: rows then count alike",
        )
    return weights


def _judged(
    model: Model,
    fresh: Dataset,
    y: npt.NDArray[np.float64],
    how: str,
    weights: npt.NDArray[np.float64] | None = None,
    groups: Ints | None = None,
) -> Evaluation:
    from mlwright.base.evaluation import Evaluation
    from mlwright.evaluation.intervals import all_scores
    from mlwright.evaluation.metrics import Answered, Output, Truth, confusion
    from mlwright.evaluation.outcomes import outcomes_of

    target, prior = model.target, model.evaluation
    outputs = model.run(fresh.numbers(), fresh.strings())
    plain = _plain(model, y)
    table: tuple[tuple[int, ...], ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    truth: Truth = y
    answer: Output | Answered | None = outputs.prediction
    repeated: Output = np.full(len(y), float(plain.ravel()[0])) * _exposure(model, fresh)
    if outputs.probability is not None:
        truth, labels = y.astype(np.int64), _numbers_of(outputs, target)
        answer = Answered(outputs.probability, labels)
        repeated = np.tile(plain, (len(y), 1))
        known = replace(_decided(outputs, labels, y, model, fresh), weights=weights)
        outcomes = outcomes_of(prior.decision or LIKELIEST, known)
        if len(target.classes) <= 30:
            counts = confusion(truth, labels, len(target.classes))
            table = tuple(tuple(int(v) for v in row) for row in counts)
    assert answer is not None  # the graph has the output of its task
    return Evaluation(
        task=target.task,
        metric=prior.metric,
        scores=all_scores(target.task, prior.metric, truth, answer, weights=weights),
        baseline=all_scores(target.task, prior.metric, truth, repeated, weights=weights),
        rows=len(y),
        how=how,
        split=prior.split,
        confusion=table,
        decision=prior.decision,
        outcomes=outcomes,
        reliability=_reliability(outputs, y, weights, groups),
    )


def _groups(frame: pl.DataFrame, model: Model) -> Ints | None:
    """Codes of the group of each row, where the model was trained with groups and the table has them."""
    column = next((c for c in model.schema.columns if c.role == "group"), None)
    if column is None or column.name not in frame.columns:
        return None
    return frame[column.name].cast(str).fill_null("").rank("dense").to_numpy().astype(np.int64) - 1


def _reliability(
    outputs: Outputs,
    y: npt.NDArray[np.float64],
    weights: npt.NDArray[np.float64] | None,
    groups: Ints | None,
) -> Reliability | None:
    from mlwright.evaluation.reliability import reliability_of, reliability_of_numbers

    if outputs.prediction is not None:
        return reliability_of_numbers(y, outputs.prediction, weights, groups)
    assert outputs.margin is not None and outputs.probability is not None  # classes have both
    return reliability_of(y.astype(np.int64), outputs.margin, outputs.probability, weights, groups)


def _numbers_of(outputs: Outputs, target: Target) -> Ints:
    """The class numbers [N] of the labels that were answered."""
    assert outputs.label is not None  # it stands beside probabilities
    number = {target.label(k): k for k in range(len(target.classes))}
    return np.array([number[label] for label in outputs.label.tolist()], dtype=np.int64)


def _decided(
    outputs: Outputs, labels: Ints, y: npt.NDArray[np.float64], model: Model, fresh: Dataset
) -> Judged:
    from mlwright.evaluation.outcomes import Judged

    assert outputs.margin is not None  # it stands beside probabilities
    decision = model.evaluation.decision or LIKELIEST
    amounts = {one.column: fresh.frame[one.column].to_numpy().astype(np.float64) for one in decision.amounts}
    return Judged(y.astype(np.int64), outputs.margin, labels, model.target.classes, amounts=amounts)


def _exposure(model: Model, fresh: Dataset) -> npt.NDArray[np.float64]:
    """What a rate is answered for in each row; 1 where the model has no exposure."""
    columns = [c.name for c in model.schema.columns if c.role == "exposure"]
    return fresh.frame[columns[0]].to_numpy().astype(np.float64) if columns else np.ones(len(fresh))


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
