"""convert: somebody's fitted model becomes a Model, without its library, compared with the original."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from mlwright.base.errors import DataProblem, Misuse, ParityFailed, UnknownName
from mlwright.base.evaluation import Entry, Evaluation
from mlwright.base.finding import Findings
from mlwright.base.purpose import stated
from mlwright.base.texts import clean
from mlwright.base.unjudged import CODE as UNJUDGED
from mlwright.base.unjudged import unjudged
from mlwright.lifecycle.extras import need
from mlwright.lifecycle.foreseen import refuse_absent
from mlwright.lifecycle.listening import listening, told_when_done
from mlwright.lifecycle.smaller import Verdict, judged

if TYPE_CHECKING:
    from mlwright.artifact import Model
    from mlwright.base.progress import Progress
    from mlwright.conversion import Converted
    from mlwright.packaging import Evidence
    from mlwright.sources import ReadOptions

NOT_EVALUATED = "Not evaluated here: no rows with known answers were given when it was converted (data=)"
SCORES_ONLY = (
    "The original has no probabilities: those that are answered rise with its scores and are not calibrated"
)


def convert(
    model: Any,  # Any: somebody's fitted model, or the path of its file
    *,
    example: Any,  # Any: a pandas frame, an array, or a path
    target: str,
    data: object = None,
    kinds: Mapping[str, str] | None = None,
    drop: Iterable[str] = (),
    waive: Iterable[str] = (),
    options: ReadOptions | None = None,
    answers: Literal["numbers", "probabilities", "logits"] | None = None,
    classes: Sequence[Any] | None = None,  # Any: labels of whatever type
    int8: bool = False,
    weights: str | os.PathLike[str] | None = None,
    intended_use: str | None = None,
    not_for: str | None = None,
    owner: str | None = None,
    progress: Progress | None = None,
) -> Model:
    """A fitted `model` as a Model: one graph, its schema, and how nearly both answer alike. It is somebody's
    pipeline or estimator of scikit-learn, a booster, a module of PyTorch, a model of Keras, a function of
    TensorFlow, an ONNX file, or the path of a file that is data and no code: LightGBM's text, XGBoost's JSON
    or UBJSON, CatBoost's cbm or JSON, a `.skops` file. A pickle or a SavedModel is refused: load it yourself
    if you trust it, and give the object.

    `example` are rows as its `predict` takes them, without the target: a pandas frame or an array [N, M]; for
    networks a tensor as well, or a dict of one array for each input.
    They say which columns there are and of which types, and are the reference that monitoring compares with;
    some hundred rows are better than five. They may stand in a file, too: its columns are given to the model
    in the types that it was fitted on, where it tells them, else as pandas reads files; `kinds` (of a column:
    numeric, boolean, text, or pandas' category) and `drop` (columns that are not the model's) overrule that.
    `target` is what the answer is called. `data`, anything that `read` takes, are rows with known answers
    that the model was not fitted on: with them it is evaluated. Without them the file holds an issue
    (MLW901), which `waive` marks as known and borne. `options` say how tables are written.

    What a network's last tensor is, it may not say: `answers` are "numbers" (what is predicted),
    "probabilities" or "logits"; `classes` are the labels in the order of its outputs. With `int8` its
    weights are kept in eight bits where that costs no more than 1 % of the score (or changes no more of the
    example's answers, without `data`); the card says what became of it. `weights` is a safetensors file of
    what a module of PyTorch learned: all of its tensors, put into a copy of the module.

    Raises `ConversionRefused` for a step that no graph does exactly as it does, `ParityFailed` where graph
    and original differ all the same, `Misuse` for rows that the model does not take, `NotAModel` and
    `ModelRefused` for a file that is not opened.

    >>> from sklearn.linear_model import LinearRegression
    >>> line = LinearRegression().fit([[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0])
    >>> import numpy as np
    >>> found = convert(line, example=np.array([[0.0], [1.0]]), target="y")
    >>> found.predict({"x0": 4.0}).round(6).tolist()
    [9.0]
    """
    need("train", "converting")
    from mlwright.checks import waived
    from mlwright.conversion import Wording, converted, opened, with_weights

    began, listener, borne = time.monotonic(), listening(progress), tuple(_codes(waive))
    if not isinstance(target, str) or not clean(target):
        raise Misuse("target= is the name of what is predicted", remedy='say target="price"')
    if isinstance(data, tuple):
        raise Misuse(
            "data= is one table, in which the answers are a column", remedy=f"give X.assign({target}=y)"
        )
    if isinstance(model, (str, os.PathLike)):
        model = opened(model)
    if weights is not None:
        model = with_weights(model, weights)
    refuse_absent(data, options)
    with told_when_done(listener):
        listener.stage("reading the model's steps")
        example = _rows(example, model, clean(target), options, kinds, drop)
        wording = Wording(answers, None if classes is None else tuple(classes))
        made = converted(model, example, clean(target), wording)
        evidence = _evidence(made, {"intended_use": intended_use, "not_for": not_for, "owner": owner}, began)
        if data is None:
            evidence = replace(evidence, findings=waived(Findings.of([unjudged()]), borne))
        judges = _Judges(data, options, listener)
        found = _packaged(made, evidence, judges)
        return _smallest(made, found, evidence, judges) if int8 else found


@dataclass(frozen=True)
class _Judges:
    """The rows that a converted model is judged by; None where there are none."""

    data: object
    options: ReadOptions | None
    listener: Progress


def _packaged(made: Converted, evidence: Evidence, judges: _Judges) -> Model:
    """The file, evaluated where there are rows with known answers."""
    from mlwright.packaging import package_graph

    judges.listener.stage("comparing")
    rows, before = made.dataset(made.example), made.original.cpu_us(made.example)
    found = package_graph("tabular", made.graph, rows, evidence, made.compared, original_us=before)
    if judges.data is None:
        return found
    from mlwright.lifecycle.evaluate import evaluate

    scored = evaluate(found, judges.data, options=judges.options, progress=judges.listener)
    if math.isnan(scored.scores[0].value):  # a file would say of it that it is evaluated
        raise DataProblem(
            f"these rows do not tell how good the model is: {scored.how}",
            where="data=",
            remedy="give more rows with known answers, or leave data out",
        )
    told = msgspec.structs.replace(
        scored,
        scores=tuple(s for s in scored.scores if not math.isnan(s.value)),
        baseline=tuple(s for s in scored.baseline if not math.isnan(s.value)),
        calibration=evidence.evaluation.calibration,
        how=f"{scored.how}; whether it was fitted on some of them is not known here",
        leaderboard=evidence.evaluation.leaderboard,
    )
    judges.listener.stage("packaging")
    known = replace(evidence, evaluation=told)
    return package_graph("tabular", made.graph, rows, known, made.compared, original_us=before)


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


def _smallest(made: Converted, whole: Model, evidence: Evidence, judges: _Judges) -> Model:
    """The network with weights of eight bits where they answer as well, and as it was where not; both stand
    in the leaderboard."""
    from mlwright.packaging.costing import measure

    rows, small = made.dataset(made.example), made.in_int8()
    verdict, chosen, entries = Verdict(False, "no large weights to make small"), made, []
    if small is not None:
        try:
            less = _packaged(small, evidence, judges)
        except ParityFailed as failed:
            verdict = Verdict(False, f"weights of 8 bits given up: {failed.message.split(';')[0]}")
        else:
            verdict = judged(whole, less, rows, (len(made.graph), len(small.graph)))
        chosen = small if verdict.accepted else made
        [first] = evidence.evaluation.leaderboard
        for one in (made, small):
            cost = measure(one.graph, rows).cost
            entry = msgspec.structs.replace(
                first,
                name=f"{first.name}, {'int8' if one.int8 else 'as it was'}",
                cpu_us=cost.cpu_us,
                size_bytes=len(one.graph),
                weight=1.0 if one is chosen else 0.0,
                reason="kept" if one is chosen else "dropped",
            )
            entries.append(entry)
    evaluation = msgspec.structs.replace(
        evidence.evaluation, leaderboard=tuple(entries) or evidence.evaluation.leaderboard
    )
    facts = {**evidence.facts, "Weights": verdict.told}
    return _packaged(chosen, replace(evidence, evaluation=evaluation, facts=facts), judges)


def _evidence(made: Converted, purpose: dict[str, str | None], began: float) -> Evidence:
    from mlwright.data.profile import profile_of
    from mlwright.evaluation.metrics import default_metric
    from mlwright.packaging import Evidence, prediction_profiles

    target, steps, rows = made.schema.target, made.steps, made.dataset(made.example)
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
        }
        | ({"Holds rows it was fitted on": ", ".join(made.holds)} if made.holds else {}),
        fit_seconds=time.monotonic() - began,
        source="example rows",
    )
