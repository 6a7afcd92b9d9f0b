"""What a row, a target and a prediction are in a table: which task it is, which classes, which rows count.

Called by `lifecycle.fit` through the kind `tabular`. It decides by the target's values, and every decision
can be overruled.
"""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
import numpy.typing as npt
import polars as pl

from mlwright.base.decoding import category_of
from mlwright.base.errors import DataProblem, Misuse, TargetUnusable, UnknownName
from mlwright.base.finding import Finding
from mlwright.base.labels import matcher
from mlwright.base.schema import Column, LabelType, Target, TaskName
from mlwright.data.dataset import Dataset
from mlwright.data.weights import weights_of
from mlwright.evaluation.asked import metric_of
from mlwright.evaluation.cuts import values_of
from mlwright.evaluation.metrics import default_metric
from mlwright.features import table_of
from mlwright.tasks.kind import Asked
from mlwright.tasks.tabular.candidates import portfolio
from mlwright.tasks.tabular.deciding import wanted_of
from mlwright.tasks.tabular.shape import exposed_by, exposure_of, link_of, monotone_of, watched
from mlwright.tasks.tabular.split import choose_split
from mlwright.training.problem import Problem

TASKS: tuple[TaskName, ...] = ("binary", "multiclass", "regression")
_NUMBERS = ("numeric", "datetime")
MOST_NUMERIC_CLASSES = 10
MOST_CLASSES = 1_000
POSITIVE = ("1", "true", "yes", "y", "t", "positive", "pos", "up")
"""Spellings of a label that are the positive class where one of two labels is among them."""


class Tabular:
    """The kind `tabular`."""

    name = "tabular"

    def judgeable(
        self, dataset: Dataset, test: Dataset, task: TaskName | None
    ) -> tuple[Dataset, tuple[Finding, ...]]:
        """See `tasks.kind.TaskKind.judgeable`: labels spelt as in training, unknown classes left out."""
        return with_known_labels(dataset, test, task)

    def problem(self, dataset: Dataset, asked: Asked) -> tuple[Problem, tuple[Finding, ...]]:
        """See `tasks.kind.TaskKind.problem`."""
        column = dataset.target
        if column is None:
            raise Misuse("no target was named", remedy="say target=, the column to predict")
        if not dataset.schema.features:
            raise DataProblem(
                "no usable column is left to predict from", remedy="bring more columns, or overrule kinds="
            )
        joined, test = _joined(dataset, asked.test)
        target, y, findings = read_target(joined, column, asked.task)
        schema = msgspec.structs.replace(joined.schema, target=target)
        joined = joined.with_schema(schema)
        exposed = exposed_by(schema, target)
        if exposed is not None:
            joined = joined.with_schema(watched(schema, exposed))
        table = table_of(joined)
        metric = metric_of(asked.metric, target.task) if asked.metric else default_metric(target.task)
        wanted = wanted_of(joined, target, metric, asked.labels)
        split = choose_split(
            joined, y if target.classes else None, test=test, seed=asked.seed, rule=asked.split, gap=asked.gap
        )
        problem = Problem(
            table=table,
            y=y,
            target=target,
            metric=metric,
            split=split,
            portfolio=portfolio(len(target.classes), len(y), len(schema.features)),
            weights=_weights(joined),
            groups=_groups(joined),
            link=link_of(metric, target, y),
            exposed=exposed.name if exposed else "",
            exposure=exposure_of(joined, exposed) if exposed else None,
            monotone=monotone_of(joined.schema, target, asked.monotone),
            wanted=wanted,
            protected=tuple(values_of(joined, c) for c in joined.role("protected")),
            seed=asked.seed,
            threads=asked.threads,
        )
        problem.refuse_too_few()
        return problem, findings


def refuse_task(column: Column, task: str | None, source: str) -> None:
    """Raises `TargetUnusable` where the task asks for numbers and the target's column holds none."""
    if task == "regression" and column.kind not in _NUMBERS:
        raise TargetUnusable(
            f"the target {column.name!r} is {column.kind}, not a number",
            where=source,
            remedy="leave task= out, or mend the column",
        )


def read_target(
    dataset: Dataset, column: Column, task: str | None = None
) -> tuple[Target, npt.NDArray[np.float64], tuple[Finding, ...]]:
    """The target, and every row's class number or number. `task` overrules what the values say.

    Raises `TargetUnusable` where the column is empty, constant, or cannot be what `task` says.
    """
    if task is not None and task not in TASKS:
        raise UnknownName("task", task, TASKS)
    values = dataset.frame[column.name]
    if values.null_count() == len(values):
        raise TargetUnusable(
            f"the target {column.name!r} is missing in every row", remedy="name another target"
        )
    distinct = values.drop_nulls().n_unique()
    if distinct < 2:
        raise TargetUnusable(
            f"the target {column.name!r} has one value in every row", remedy="name another target"
        )
    numeric = column.kind in _NUMBERS
    if task is None:
        task, findings = _task_of(column, values, distinct, numeric)
    else:
        findings = ()
    refuse_task(column, task, dataset.provenance.source)
    if task == "regression":
        return Target(name=column.name, task="regression"), values.to_numpy().astype(np.float64), findings
    if task == "binary" and distinct != 2:
        fitting = "regression" if numeric and distinct > MOST_NUMERIC_CLASSES else "multiclass"
        raise TargetUnusable(
            f"the target {column.name!r} has {distinct} values, not two",
            remedy=f"say task={fitting!r}",
        )
    if distinct > MOST_CLASSES:
        raise TargetUnusable(
            f"the target {column.name!r} has {distinct} classes; {MOST_CLASSES} are the most",
            remedy="say task='regression', or group rare classes",
        )
    target, y = _classes(column, values)
    return target, y, findings


def _task_of(
    column: Column, values: pl.Series, distinct: int, numeric: bool
) -> tuple[TaskName, tuple[Finding, ...]]:
    if distinct == 2:
        return "binary", ()
    if not numeric:
        return "multiclass", ()
    present = values.drop_nulls().to_numpy()
    whole = bool((present == np.round(present)).all())
    if not whole or distinct > MOST_NUMERIC_CLASSES or len(present) < 10 * distinct:
        return "regression", ()
    said = Finding(
        code="MLW030",
        title="a target of few whole numbers is taken as classes",
        severity="tip",
        status="found",
        column=column.name,
        evidence=f"{distinct} different whole numbers in {len(present):,} rows",
        remedy="say task='regression' if they are amounts",
    )
    return "multiclass", (said,)


def _classes(column: Column, values: pl.Series) -> tuple[Target, npt.NDArray[np.float64]]:
    """Classes in order: numbers by size, text by alphabet; of two, the positive one second."""
    label_type: LabelType = "text"
    if column.kind == "boolean":
        label_type = "boolean"
        texts = values.replace_strict({0.0: "false", 1.0: "true"}, return_dtype=pl.String)
    elif column.kind in ("numeric", "datetime"):
        present = values.drop_nulls()
        whole = bool((present == present.round(0)).all()) and bool((present.abs() < 2**53).all())
        label_type = "integer" if whole else "text"
        spelled = {v: category_of(v) for v in present.unique().to_list()}
        texts = values.replace_strict(spelled, return_dtype=pl.String)
    else:
        texts = values
        if column.codes:
            label_type = "integer"
    classes = texts.unique().drop_nulls().to_list()
    classes.sort(key=(lambda t: (float(t), t)) if column.kind == "numeric" or column.codes else None)
    positive = None
    if len(classes) == 2:
        counts = dict(texts.value_counts().iter_rows())
        known = [c for c in classes if c.lower() in POSITIVE]
        ordered = column.kind in ("numeric", "boolean") or column.codes
        rarer = classes[1] if ordered else min(classes, key=lambda c: (counts[c], c))
        positive = known[0] if len(known) == 1 else rarer
        classes.sort(key=lambda c: c == positive)
    y = texts.replace_strict({c: i for i, c in enumerate(classes)}, return_dtype=pl.Float64).to_numpy()
    task: TaskName = "binary" if len(classes) == 2 else "multiclass"
    target = Target(
        name=column.name, task=task, classes=tuple(classes), label_type=label_type, positive=positive
    )
    return target, y.astype(np.float64)


def with_known_labels(
    dataset: Dataset, test: Dataset, task: str | None = None
) -> tuple[Dataset, tuple[Finding, ...]]:
    """`test` with its labels spelt as those of `dataset`; rows of a class that training never saw left out.

    Only for classes: numbers to predict are kept as they are.
    """
    column = dataset.target
    if column is None or read_target(dataset, column, task)[0].task == "regression":
        return test, ()
    labels, known = test.frame[column.name], dataset.frame[column.name].drop_nulls().unique()
    if labels.dtype == pl.String:
        meant = matcher(known.to_list())
        spelt = {label: meant(label) for label in labels.drop_nulls().unique().to_list()}
        labels = labels.replace_strict(spelt, default=None, return_dtype=pl.String)
    usable = labels.is_in(known.implode()).fill_null(False)
    left_out = len(test) - int(usable.sum())
    kept = replace(test, frame=test.frame.with_columns(labels.alias(column.name)).filter(usable))
    if not left_out:
        return kept, ()
    return kept, (
        Finding(
            code="MLW031",
            title="test rows of a class that training never saw were left out",
            severity="issue",
            status="found",
            column=column.name,
            evidence=f"{left_out:,} of {len(test):,} test rows",
            rows=tuple(int(i) for i in (~usable).arg_true()[:20]),
            remedy="see whether both files spell their labels alike, or train on rows of that class too",
        ),
    )


def _joined(dataset: Dataset, test: Dataset | None) -> tuple[Dataset, npt.NDArray[np.int64] | None]:
    """The data with the test rows behind it, and their numbers."""
    if test is None:
        return dataset, None
    if not len(test):
        raise DataProblem("the test data has no row with a target", remedy="leave test= out, or bring rows")
    frame = pl.concat([dataset.frame, test.frame.select(dataset.frame.columns)])
    return replace(dataset, frame=frame), np.arange(len(dataset), len(frame))


def _weights(dataset: Dataset) -> npt.NDArray[np.float64] | None:
    columns = dataset.role("weight")
    if not columns:
        return None
    weights = weights_of(dataset.frame[columns[0].name], dataset.provenance.source)
    return np.asarray(weights / weights.mean())


def _groups(dataset: Dataset) -> npt.NDArray[np.generic] | None:
    columns = dataset.role("group")
    if not columns:
        return None
    codes = dataset.frame[columns[0].name].cast(pl.String).fill_null("").rank("dense")
    return np.asarray(codes.to_numpy().astype(np.int64))
