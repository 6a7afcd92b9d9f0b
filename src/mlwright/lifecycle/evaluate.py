"""evaluate: a Model judged on fresh rows."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import numpy.typing as npt

from mlwright.base.decision import LIKELIEST
from mlwright.base.errors import UnknownName
from mlwright.lifecycle.extras import need
from mlwright.lifecycle.listening import listening, told_when_done
from mlwright.lifecycle.sliced import sliced

if TYPE_CHECKING:
    from mlwright.artifact import Model, Outputs
    from mlwright.base.evaluation import Evaluation, Outcome, Score
    from mlwright.base.progress import Progress
    from mlwright.base.reliability import Reliability
    from mlwright.base.schema import Target
    from mlwright.data.dataset import Dataset
    from mlwright.evaluation.metrics import Answered, Metric, Output, Truth
    from mlwright.evaluation.outcomes import Judged
    from mlwright.lifecycle.fresh import Fresh
    from mlwright.sources import ReadOptions

Ints = npt.NDArray[np.int64]


def evaluate(
    model: Model | str | os.PathLike[str],
    data: object,
    *,
    metric: str | Metric | None = None,
    options: ReadOptions | None = None,
    importance: bool = False,
    progress: Progress | None = None,
) -> Evaluation:
    """The model's scores with intervals on `data` (anything `read` takes), beside the plain baseline; and
    whether sets, intervals and abstaining keep there what the file promises (`promises`).

    Rows without a known label, or that break the schema, are left out and counted in `how`. `metric`
    stands first, by default the one that it was fitted for. `options` say how a file is written, where it is
    not as it seems or not as the training table was. With `importance`, what the answers rest on and how
    columns move them is measured on these rows, in seconds more. Raises `UnknownName` or `Misuse` for a
    metric, `SchemaBroken` where the target or a needed column is absent, `DataProblem` where no row is left.
    """
    need("train", "evaluating")
    from mlwright.artifact import Model
    from mlwright.lifecycle.fresh import fresh_rows
    from mlwright.lifecycle.load import load
    from mlwright.sources import read_raw

    listener = listening(progress)
    with told_when_done(listener):
        opened = model if isinstance(model, Model) else load(model)
        listener.stage("reading the rows")
        fresh = fresh_rows(opened, read_raw(data, options), options)
        chosen, caveat = metric_for(opened, metric)
        listener.stage("answering them")
        rows, outputs = _answered(opened, fresh)
        listener.stage("judging the answers")
        evaluation = _judged(opened, outputs, replace(rows, how=rows.how + caveat), chosen)
        if not importance:
            return evaluation
        from mlwright.lifecycle.relying import relied_on

        listener.stage("asking what they rest on")
        found, effects = relied_on(opened, rows, chosen)
    return msgspec.structs.replace(evaluation, importance=found, effects=effects)


def metric_for(model: Model, asked: str | Metric | None) -> tuple[Metric, str]:
    """The metric that is to stand first, and what is to be known of it."""
    from mlwright.evaluation.asked import metric_of
    from mlwright.evaluation.metrics import default_metric

    task, own = model.target.task, model.evaluation.metric
    try:
        return metric_of(own if asked is None else asked, task), ""
    except UnknownName:
        if asked is not None:
            raise
    return default_metric(task), f"; its own metric {own!r} is not kept in the file: say metric="


def _answered(model: Model, fresh: Fresh) -> tuple[Fresh, Outputs]:
    """The usable rows and their answers."""
    rows = fresh.of(fresh.usable)
    outputs = model.run(rows.dataset.numbers(), rows.dataset.strings())
    kept = finite(fresh, outputs)
    if kept is fresh:
        return rows, outputs
    rows = kept.of(kept.usable)
    return rows, model.run(rows.dataset.numbers(), rows.dataset.strings())


def finite(fresh: Fresh, outputs: Outputs) -> Fresh:
    """The same rows; of the usable ones, which `outputs` answer, those are none any more whose answer is
    larger than any number."""
    if outputs.prediction is None or not np.isinf(outputs.prediction).any():
        return fresh
    usable = fresh.usable.copy()
    usable[np.flatnonzero(usable)[np.isinf(outputs.prediction)]] = False
    return replace(fresh, usable=usable)


def _judged(model: Model, outputs: Outputs, rows: Fresh, metric: Metric) -> Evaluation:
    from mlwright.base.evaluation import Evaluation
    from mlwright.evaluation.intervals import all_scores
    from mlwright.evaluation.metrics import Answered, confusion
    from mlwright.evaluation.outcomes import outcomes_of
    from mlwright.lifecycle.doubted import doubted

    target, prior = model.target, model.evaluation
    fresh, y, weights = rows.dataset, rows.y, rows.weights
    plain = _plain(model, y)
    table: tuple[tuple[int, ...], ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    truth: Truth = y
    answer: Output | Answered | None = outputs.prediction
    labels: Ints | None = None
    repeated: Output = np.full(len(y), float(plain.ravel()[0])) * _exposure(model, fresh)
    if outputs.probability is not None:
        truth, labels = y.astype(np.int64), numbers_of(outputs, target)
        answer = Answered(outputs.probability, labels)
        repeated = np.tile(plain, (len(y), 1))
        known = _decided(outputs, labels, model, rows)
        outcomes = outcomes_of(prior.decision or LIKELIEST, known)
        if len(target.classes) <= 30:
            counts = confusion(truth, labels, len(target.classes))
            table = tuple(tuple(int(v) for v in row) for row in counts)
    assert answer is not None  # the graph has the output of its task
    subgroups, slices = sliced(metric, truth, answer, rows)

    def scored(answer: Output | Answered) -> tuple[Score, ...]:
        return all_scores(target.task, metric, truth, answer, weights=weights, seed=0, **rows.dependent)

    scores, how = scored(answer), rows.how
    if np.isnan(scores[0].value):
        how += f"; {metric.name} is undefined on these rows, {_why_undefined(metric, truth, answer)}"
    return Evaluation(
        task=target.task,
        metric=metric.name,
        scores=scores,
        baseline=scored(repeated),
        rows=len(y),
        how=how,
        split=prior.split,
        confusion=table,
        decision=prior.decision,
        outcomes=outcomes,
        **doubted(model, outputs, labels, rows)._asdict(),
        reliability=_reliability(outputs, rows),
        subgroups=subgroups,
        slices=slices,
    )


def _why_undefined(metric: Metric, truth: Truth, answer: Output | Answered) -> str:
    """What the user's own function answers, or raises; what else may be the reason."""
    from mlwright.evaluation.asked import answered
    from mlwright.evaluation.metrics import METRICS, seen_by

    if metric.name in METRICS:
        of_numbers = "as of a single row, or of numbers that it does not take"
        return of_numbers if metric.needs == "prediction" else "as of rows of one class"
    return f"where it answers {answered(metric, truth, seen_by(metric, answer))}"


def _reliability(outputs: Outputs, rows: Fresh) -> Reliability | None:
    from mlwright.evaluation.reliability import reliability_of, reliability_of_numbers

    labels = next(iter(rows.dependent.values()), None)
    units = None if labels is None else np.unique(labels, return_inverse=True)[1].astype(np.int64)
    if outputs.prediction is not None:
        return reliability_of_numbers(rows.y, outputs.prediction, rows.weights, units)
    assert outputs.margin is not None and outputs.probability is not None  # classes have both
    y = rows.y.astype(np.int64)
    return reliability_of(y, outputs.margin, outputs.probability, rows.weights, units)


def numbers_of(outputs: Outputs, target: Target) -> Ints:
    """The class numbers [N] of the labels that were answered."""
    assert outputs.label is not None  # it stands beside probabilities
    number = {target.label(k): k for k in range(len(target.classes))}
    return np.array([number[label] for label in outputs.label.tolist()], dtype=np.int64)


def _decided(outputs: Outputs, labels: Ints, model: Model, rows: Fresh) -> Judged:
    from mlwright.evaluation.outcomes import Judged

    assert outputs.margin is not None  # it stands beside probabilities
    decision = model.evaluation.decision or LIKELIEST
    frame = rows.dataset.frame
    return Judged(
        rows.y.astype(np.int64),
        outputs.margin,
        labels,
        model.target.classes,
        weights=rows.weights,
        groups=next(iter(rows.dependent.values()), None),
        amounts={one.column: frame[one.column].to_numpy().astype(np.float64) for one in decision.amounts},
    )


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
