"""convert: somebody's fitted model becomes a Model, without its library, compared with the original."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec

from mlwright.base.errors import Misuse, UnknownName
from mlwright.base.evaluation import Entry, Evaluation
from mlwright.base.finding import Findings
from mlwright.base.purpose import stated
from mlwright.base.texts import clean
from mlwright.base.unjudged import CODE as UNJUDGED
from mlwright.base.unjudged import unjudged
from mlwright.lifecycle.extras import need
from mlwright.lifecycle.foreseen import refuse_absent
from mlwright.lifecycle.listening import listening, told_when_done

if TYPE_CHECKING:
    from mlwright.artifact import Model
    from mlwright.base.progress import Progress
    from mlwright.conversion import Converted
    from mlwright.data.dataset import Dataset
    from mlwright.packaging import Evidence
    from mlwright.sources import ReadOptions

NOT_EVALUATED = "Not evaluated here: no rows with known answers were given when it was converted (data=)"
SCORES_ONLY = (
    "The original has no probabilities: those that are answered rise with its scores and are not calibrated"
)


def convert(
    model: Any,  # Any: somebody's fitted model
    *,
    example: Any,  # Any: a pandas frame, an array, or a path
    target: str,
    data: object = None,
    kinds: Mapping[str, str] | None = None,
    drop: Iterable[str] = (),
    waive: Iterable[str] = (),
    options: ReadOptions | None = None,
    intended_use: str | None = None,
    not_for: str | None = None,
    owner: str | None = None,
    progress: Progress | None = None,
) -> Model:
    """A fitted `model` of scikit-learn or LightGBM as a Model: one graph, its schema, and how nearly both
    answer alike.

    `example` are rows as its `predict` takes them, without the target: a pandas frame or an array [N, M].
    They say which columns there are and of which types, and are the reference that monitoring compares with;
    some hundred rows are better than five. They may stand in a file, too: its columns are given to the model
    in the types that it was fitted on, where it tells them, else as pandas reads files; `kinds` (of a column:
    numeric, boolean, text, or pandas' category) and `drop` (columns that are not the model's) overrule that.
    `target` is what the answer is called. `data`, anything that `read` takes, are rows with known answers
    that the model was not fitted on: with them it is evaluated. Without them the file holds an issue
    (MLW901), which `waive` marks as known and borne. `options` say how tables are written.

    Raises `ConversionRefused` for a step that no graph does exactly as it does, `ParityFailed` where graph
    and original differ all the same, `Misuse` for rows that the model does not take.

    >>> from sklearn.linear_model import LinearRegression
    >>> line = LinearRegression().fit([[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0])
    >>> import numpy as np
    >>> found = convert(line, example=np.array([[0.0], [1.0]]), target="y")
    >>> found.predict({"x0": 4.0}).round(6).tolist()
    [9.0]
    """
    need("train", "converting")
    from mlwright.checks import waived
    from mlwright.conversion import converted
    from mlwright.packaging import package_graph

    began, listener, borne = time.monotonic(), listening(progress), tuple(_codes(waive))
    if not isinstance(target, str) or not clean(target):
        raise Misuse("target= is the name of what is predicted", remedy='say target="price"')
    refuse_absent(data, options)
    with told_when_done(listener):
        listener.stage("reading the model's steps")
        example = _rows(example, model, clean(target), options, kinds, drop)
        made = converted(model, example, clean(target))
        rows = made.dataset(made.example)
        purpose = {"intended_use": intended_use, "not_for": not_for, "owner": owner}
        evidence = _evidence(made, rows, purpose, began)
        listener.stage("comparing")
        issue = waived(Findings.of([unjudged()]), borne)
        bare = replace(evidence, findings=issue if data is None else evidence.findings)
        found = package_graph("tabular", made.graph, rows, bare, made.compared)
        if data is None:
            return found
        from mlwright.lifecycle.evaluate import evaluate

        judged = evaluate(found, data, options=options, progress=listener)
        told = msgspec.structs.replace(
            judged,
            calibration=evidence.evaluation.calibration,
            how=f"{judged.how}; whether it was fitted on some of them is not known here",
            leaderboard=evidence.evaluation.leaderboard,
        )
        listener.stage("packaging")
        return package_graph("tabular", made.graph, rows, replace(evidence, evaluation=told), made.compared)


def _rows(
    example: Any,  # Any: as given to `convert`
    model: Any,  # Any: somebody's fitted model
    target: str,
    options: ReadOptions | None,
    kinds: Mapping[str, str] | None,
    drop: Iterable[str],
) -> Any:  # Any: the same, or an Example
    """The example's rows; of a file, in the types that the model takes. Raises `Misuse` where what is said
    of a file is said of a frame."""
    left = (drop,) if isinstance(drop, str) else tuple(drop)
    if isinstance(example, (str, os.PathLike)):
        from mlwright.conversion import Said, example_of

        return example_of(example, model, Said(target, options, dict(kinds or {}), left))
    if kinds or left:
        name = "kinds" if kinds else "drop"
        raise Misuse(
            f"{name}= has no effect on a frame or an array, which has types and columns of its own",
            remedy=f"leave {name}= out",
        )
    return example


def _codes(waive: Iterable[str]) -> Iterator[str]:
    """The codes that are waived. Raises `UnknownName` for one that a conversion never finds."""
    for code in (waive,) if isinstance(waive, str) else waive:
        if code != UNJUDGED:
            raise UnknownName("finding", code, [UNJUDGED], where="waive=")
        yield code


def _evidence(made: Converted, rows: Dataset, purpose: dict[str, str | None], began: float) -> Evidence:
    from mlwright.data.profile import profile_of
    from mlwright.evaluation.metrics import default_metric
    from mlwright.packaging import Evidence, prediction_profiles

    target, steps = made.schema.target, made.steps
    assert target is not None  # of every converted schema
    whole = Entry(
        name=steps[-1],
        family="converted",
        score=None,
        fit_seconds=0.0,
        weight=1.0,
        reason="kept",
    )
    profile = profile_of(rows.with_schema(msgspec.structs.replace(made.schema, columns=made.schema.features)))
    predictions = prediction_profiles(target, made.answered(rows))
    versions = made.versions
    return Evidence(
        evaluation=Evaluation(
            task=target.task,
            metric=default_metric(target.task).name,
            scores=(),
            baseline=(),
            rows=0,
            how=NOT_EVALUATED,
            split="given",
            leaderboard=(whole,),
            calibration=SCORES_ONLY if made.scores_only else "",
        ),
        findings=Findings(),
        profile=msgspec.structs.replace(profile, predictions=predictions),
        recipe={
            "converted": {"steps": list(steps), "versions": versions},
            **msgspec.structs.asdict(stated(**purpose)),
        },
        facts={
            "Converted from": f"{' > '.join(steps)} ({', '.join(f'{k} {v}' for k, v in versions.items())})",
            "Reference": f"{len(rows):,} example rows",
        },
        fit_seconds=time.monotonic() - began,
        source="example rows",
    )
