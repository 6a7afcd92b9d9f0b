"""fit: a Dataset becomes a Model, within the limits.

The clock starts when the call does, so that reading, checking and packaging are inside the limit too.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import msgspec

from mlwright.base.amounts import bytes_of, seconds_of
from mlwright.base.decoding import category_of
from mlwright.base.errors import Misuse, SchemaBroken, UnknownName
from mlwright.base.finding import Finding, Findings
from mlwright.base.machine import cpu_count
from mlwright.base.progress import Progress
from mlwright.base.schema import TaskName
from mlwright.lifecycle.bounded import kept_for_measuring, memory_seconds, within
from mlwright.lifecycle.extras import need
from mlwright.lifecycle.foreseen import (
    labels_of,
    purpose_of,
    refuse_absent,
    refuse_metric,
    refuse_settings,
)
from mlwright.lifecycle.listening import listening
from mlwright.lifecycle.read import RoleNames, as_written, read, with_question
from mlwright.lifecycle.state import State, journal_of, state_of
from mlwright.lifecycle.warm import begun_from, members_of, opened

if TYPE_CHECKING:
    from mlwright.artifact import Model
    from mlwright.base.evaluation import Evaluation
    from mlwright.base.profile import Profile
    from mlwright.data.dataset import Dataset, Provenance
    from mlwright.data.whole import Whole
    from mlwright.packaging import Evidence
    from mlwright.sources import ReadOptions
    from mlwright.tasks import TaskKind
    from mlwright.training import Limits, Problem, Trained

CHECKING = 0.15
"""Share of the time limit after which checks begin no look that needs a model."""


class FitSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How long to search, for what, and how: the settings of `fit` beside the data and its roles."""

    task: TaskName | None = None
    """`binary`, `multiclass` or `regression`; None: by the target's values."""
    metric: Any = None  # Any: a name, or what `mlwright.metric` made of a function
    """What to optimise: a name, or a metric of your own (`mlwright.metric`); None: roc_auc, log_loss or rmse,
    by task."""
    time_limit: float | str | None = 60.0
    """Seconds, or "5m", for the whole call. None only with `max_trials`."""
    max_trials: int | None = None
    """Stop after so many candidates instead; equal calls then give equal models."""
    max_latency: float | str | None = None
    """Seconds, or "50us": the CPU time per row of one-row calls (median) that the model may take."""
    max_size: float | str | None = None
    """Bytes, or "3MB": how large the file may be."""
    max_memory: float | str | None = None
    """Bytes, or "200MB": resident memory that opening and serving the model may take."""
    seed: int = 0
    """Every random choice follows from it."""
    threads: int | None = None
    """None: what affinity and the container's quota allow."""
    threshold: float | None = None
    """Of two classes: the probability above which the positive one is answered. At most one of this, `costs`
    and `alerts`; None of them: the likeliest class, or what is best for a `metric` of labels such as f1."""
    costs: Any = None  # Any: nested mappings, or a matrix, of numbers and names of columns
    """What answers cost: `{"fn": 500, "fp": 20}`, `{"actual": {"predicted": 5}}` ("*" for any class), or rows
    by actual and columns by predicted class. A column's name costs what it holds in the row. The label is
    then what costs least in expectation."""
    alerts: float | str | None = None
    """How many rows may be called positive: "50/day", or "2%" of them. The likeliest ones are."""
    rows_per_day: float | None = None
    """How many rows a day will bring, for `alerts` a day; None: as many as the time column says."""
    split: str | None = None
    """How rows are divided into those that train and those that judge: `random`, `stratified`, `group`,
    `time`, `order` (of the rows, where it tells the time), `group+time` (later rows of other groups), `given`
    (by the column `fold`). None: by the roles that are named."""
    gap: float | str | None = None
    """How long labels take to be known, such as "7d": rows so shortly before those that judge them do not
    train. A number where the time column holds numbers; rows, by the rule `order`."""
    monotone: dict[str, int] | None = None
    """By number column: 1 where the prediction may only rise with it, -1 where only fall."""
    simpler: bool = False
    """Whether the cheapest candidate to serve is preferred where its error is within one standard error of
    the best choice's."""
    waive: tuple[str, ...] = ()
    """Codes of findings that are known and borne: `fit` then does not stop for them, and the card says so."""
    intended_use: str | None = None
    """What the answers are for, and who acts on them: a text for the card."""
    not_for: str | None = None
    """What the model must not be used for."""
    owner: str | None = None
    """Who answers for the model."""

    def limits(self) -> Limits:
        """What the model may cost, in numbers. Raises `Misuse` for what is no span of time and no size."""
        from mlwright.training import Limits

        latency, size, memory = self.max_latency, self.max_size, self.max_memory
        return Limits(
            latency_us=None if latency is None else seconds_of(latency, "max_latency") * 1e6,
            size_bytes=None if size is None else bytes_of(size, "max_size"),
            memory_bytes=None if memory is None else bytes_of(memory, "max_memory"),
        )


def fit(
    data: object,
    *,
    test: object = None,
    findings: Findings | None = None,
    settings: FitSettings | None = None,
    progress: Progress | None = None,
    options: ReadOptions | None = None,
    state: str | os.PathLike[str] | State | None = None,
    resume: bool = False,
    warm_start: Model | str | os.PathLike[str] | None = None,
    spent_s: float = 0.0,
    **named: Any,  # Any: the fields of FitSettings and RoleNames, checked below
) -> Model:
    """The best model for `data` (a Dataset, or anything `read` takes) within the limits, on unseen rows.

    Keyword arguments are those of `FitSettings` (task, metric, time_limit, max_trials, max_latency, max_size,
    max_memory, costs, alerts, threshold, split, gap, monotone, simpler, seed, threads, waive, intended_use,
    not_for, owner) and of `read` (target, time, ...). `test` is a table like `data` to be judged on;
    `options` say how both are written, where they are files.
    `findings` is what `check` found, where it ran already.
    Ctrl-C ends the search and keeps the best so far.

    In the folder `state`, where one is named, what is finished is kept as it goes: with `resume` the same
    call goes on there after a crash, in what is left of its time. The folder is gone after a finished fit.
    `warm_start` is an earlier model (or its file) whose candidates are tried first.
    `spent_s` are seconds of the time limit that the caller spent before, as on reading: what is left rules,
    and the recipe holds the limit as it was asked.

    Raises `Misuse` for arguments, `DataProblem` for data, `ChecksRefused` where a finding would make the
    model a lie (a leak) and is not waived, `LimitUnmet` where no model keeps to the limits, `ParityFailed`
    where the graph would not answer as training does.
    """
    began = time.monotonic()
    need("train", "training")
    settings, roles = _settings(settings, named)
    options, roles = with_question(options, roles)
    listener = listening(progress)
    try:
        kept = state_of(state, resume)
        earlier = None if warm_start is None else opened(warm_start)
        call = _Call(data, test, findings, settings, options, roles, listener, began, kept, earlier, spent_s)
        return _fit(call)
    finally:
        listener.done()


def left_of(time_limit: float | str | None, spent_s: float) -> float | None:
    """Seconds that are left of a limit of which some were spent; a second, or a shorter limit, always is.

    >>> left_of("1m", 2.5), left_of(60, 90.0)
    (57.5, 1.0)
    """
    if time_limit is None:
        return None
    limit_s = seconds_of(time_limit)
    return max(limit_s - spent_s, min(limit_s, 1.0))


@dataclass(frozen=True)
class _Call:
    data: object
    test: object
    findings: Findings | None
    settings: FitSettings
    options: ReadOptions | None
    roles: RoleNames
    progress: Progress
    began: float
    state: State | None = None
    earlier: Model | None = None
    spent_s: float = 0.0

    @property
    def limit_s(self) -> float | None:
        """Seconds for the whole call. Raises `Misuse` where the limit is no span of time."""
        return left_of(self.settings.time_limit, self.spent_s)


@dataclass(frozen=True)
class _Admitted:
    """What passed the gate: the table to train on, test rows to judge by, and all that was found of both."""

    dataset: Dataset
    test: Dataset | None
    findings: tuple[Finding, ...]


def _fit(call: _Call) -> Model:
    from mlwright.data.profile import profile_of
    from mlwright.packaging import package
    from mlwright.tasks import Asked, kind_named
    from mlwright.training import Budget, Explaining, train

    settings, limits = call.settings, call.settings.limits()
    limit = None if settings.max_trials else call.limit_s
    kept = kept_for_measuring(limits, limit)
    budget = Budget(limit, settings.max_trials, began=call.began, kept_s=kept)
    kind = kind_named("tabular")
    admitted = _admitted(call, kind)
    asked = Asked(
        task=settings.task,
        metric=settings.metric,
        test=admitted.test,
        seed=settings.seed,
        threads=settings.threads or cpu_count(),
        labels=labels_of(settings),
        monotone=settings.monotone,
        split=settings.split,
        gap=settings.gap,
    )
    problem, more = kind.problem(admitted.dataset, asked)
    if call.earlier is not None:
        problem = begun_from(problem, call.earlier, call.progress.note)
    with journal_of(call.state, problem, budget, call.progress) as journal:
        trained = train(
            problem, budget, call.progress, limits=limits, journal=journal, simpler=settings.simpler
        )
        call.progress.stage("packaging")
        admitted = replace(admitted, findings=(*admitted.findings, *more))
        everything = _with_test(admitted).with_schema(problem.table.schema)
        whole = admitted.dataset.whole
        profile = profile_of(everything) if whole is None else whole.profile
        explaining = Explaining(budget)

        def packaged(trained: Trained) -> Model:
            trained = explaining.of(trained)
            evidence = _evidence(call, admitted, problem, trained, profile)
            patient, memory_s = limits.latency_us is not None, memory_seconds(limits, budget)
            return package(kind.name, trained.blend, everything, evidence, patient=patient, memory_s=memory_s)

        return within(limits, trained, packaged, budget)


def _admitted(call: _Call, kind: TaskKind) -> _Admitted:
    """Reads and checks what was not read or checked before, and holds it to the gate."""
    from mlwright.checks import check as run_checks
    from mlwright.checks import known_codes, pass_or_refuse, waived
    from mlwright.data.dataset import Dataset

    settings, dataset, found = call.settings, call.data, call.findings
    told = next((name for name, value in call.roles.items() if value), None)
    if isinstance(dataset, Dataset) and told:
        raise Misuse(f"{told}= has no effect on data already read", remedy="say it to read")
    if not isinstance(dataset, Dataset):
        refuse_absent(call.test, call.options and call.options.for_another)
        known_codes(settings.waive, found or ())
        call.progress.stage("reading")
        dataset = read(dataset, options=call.options, **call.roles)
    if call.test is None:  # else its rows have a say in what the task is
        refuse_metric(dataset, settings)
    if found is None:
        call.progress.stage("checking")
        seconds = None if settings.max_trials or call.limit_s is None else CHECKING * call.limit_s
        threads = settings.threads
        found = run_checks(dataset, task=settings.task, seed=settings.seed, seconds=seconds, threads=threads)
    known_codes(settings.waive, found)
    found = waived(found, settings.waive)
    pass_or_refuse(found, dataset.provenance.source)
    test, unlike = _judged_by(call, dataset, kind)
    return _Admitted(dataset, test, (*found, *unlike))


def _evidence(
    call: _Call, admitted: _Admitted, problem: Problem, trained: Trained, profile: Profile
) -> Evidence:
    """What the model file says of how the model came to be."""
    from mlwright.checks import waived
    from mlwright.packaging import Evidence, prediction_profiles

    provenance, whole = admitted.dataset.provenance, admitted.dataset.whole
    predictions = prediction_profiles(trained.blend.target, trained.unseen)
    evaluation = trained.evaluation
    if evaluation.fit_report is not None:
        report = evaluation.fit_report.beside(admitted.findings)
        evaluation = msgspec.structs.replace(evaluation, fit_report=report)
    return Evidence(
        evaluation=evaluation
        if whole is None
        else _of_sample(evaluation, whole, judged=admitted.test is None),
        findings=waived(Findings.of((*admitted.findings, *evaluation.weak)), call.settings.waive),
        profile=msgspec.structs.replace(profile, predictions=predictions),
        recipe=_recipe(call, problem, provenance)
        | {
            "baseline": trained.baseline.tolist(),
            "data_sha256": provenance.sha256,
            "members": members_of(trained.blend),
        },
        facts={
            "Data": f"{provenance.source}, "
            + (f"{profile.rows:,} rows" if whole is None else f"larger than memory: {whole.said}")
            + (f", SHA-256 {provenance.sha256}" if provenance.sha256 else ""),
            "Search": "; ".join(trained.notes),
            **_kept_to(call.settings, problem),
        },
        fit_seconds=time.monotonic() - call.began,
        source=provenance.source,
        test_source="" if admitted.test is None else admitted.test.provenance.source,
    )


def _kept_to(settings: FitSettings, problem: Problem) -> dict[str, str]:
    """What holds of every answer, in words."""
    directions = settings.monotone or {}
    said = {
        "The prediction never falls where these rise": [n for n, d in directions.items() if d > 0],
        "The prediction never rises where these rise": [n for n, d in directions.items() if d < 0],
        "Answers are a rate times": [problem.exposed] if problem.exposed else [],
        "Learned as": ["log(1 + y)"] if problem.link == "log1p" else [],
    }
    return {words: ", ".join(names) for words, names in said.items() if names}


def _judged_by(call: _Call, dataset: Dataset, kind: TaskKind) -> tuple[Dataset | None, tuple[Finding, ...]]:
    """The test rows that were given, and what was found of them beside the training rows.

    Raises `ChecksRefused` where too many are copies of training rows.
    """
    from mlwright.checks import compare, contaminated, pass_or_refuse, waived

    if call.test is None:
        return None, ()
    task, seed = call.settings.task, call.settings.seed
    written = call.options and call.options.for_another
    test, unlike = kind.judgeable(dataset, like(dataset, call.test, written), task)
    call.progress.stage("checking the test rows")
    beside = (
        *contaminated(dataset, test, task=task, seed=seed),
        *compare(dataset, test, task=task, seed=seed, threads=call.settings.threads),
    )
    found = waived(Findings.of(beside), call.settings.waive)
    pass_or_refuse(found, test.provenance.source)
    return test, (*unlike, *found)


def _of_sample(evaluation: Evaluation, whole: Whole, *, judged: bool) -> Evaluation:
    """An evaluation that says that a sample of the table was trained on, and judged by where it was."""
    what = "trained and judged" if judged else "trained"
    how = f"{evaluation.how.rstrip('.')}; {what} on a sample, {whole.said}"
    return msgspec.structs.replace(evaluation, how=how)


def like(dataset: Dataset, other: object, options: ReadOptions | None = None) -> Dataset:
    """`other` as a Dataset decoded by the schema of `dataset`.

    Rows without a target, or that break the schema, are left out.
    """
    from mlwright.data.dataset import Dataset, Provenance
    from mlwright.data.decode import decode_frame
    from mlwright.sources import read_raw

    if isinstance(other, Dataset):
        return _alike(dataset, other)
    raw = read_raw(other, options)
    decoded = decode_frame(raw.frame, as_written(dataset.schema, options), text=True, where=raw.source)
    target = dataset.target
    frame = decoded.frame.filter(~decoded.refused)
    if target is not None:
        frame = frame.filter(frame[target.name].is_not_null())
    return Dataset(
        frame,
        dataset.schema,
        Provenance(raw.source, raw.sha256, raw.frame.height, raw.frame.height - frame.height),
    )


def _alike(dataset: Dataset, other: Dataset) -> Dataset:
    """`other`, already read, if its columns were read as those of `dataset`; without rows of no target."""
    for column in dataset.schema.columns:
        own = next((c for c in other.schema.columns if c.name == column.name), None)
        moments = own is not None and (own.kind == "datetime") != (column.kind == "datetime")
        frames = (dataset.frame, other.frame)
        if own is None or moments or len({f.schema[column.name] for f in frames}) > 1:
            raise SchemaBroken(
                f"column {column.name!r} is {own.kind if own else 'absent'} in the test data, "
                f"{column.kind} in the training data",
                remedy="give test= as a path or a data frame: it is then read by the training data's schema",
            )
    frame = other.frame.select(dataset.frame.columns)
    if dataset.target is not None:
        frame = frame.filter(frame[dataset.target.name].is_not_null())
    return replace(other, frame=frame)


def _with_test(admitted: _Admitted) -> Dataset:
    import polars as pl

    dataset, test = admitted.dataset, admitted.test
    if test is None:
        return dataset
    return replace(dataset, frame=pl.concat([dataset.frame, test.frame.select(dataset.frame.columns)]))


def _settings(settings: FitSettings | None, named: dict[str, Any]) -> tuple[FitSettings, RoleNames]:
    settings = settings or FitSettings()
    fields = set(FitSettings.__struct_fields__)
    known = fields | set(RoleNames.__annotations__)
    for name in named:
        if name not in known:
            raise UnknownName("argument", name, sorted(known))
    chosen = {k: v for k, v in named.items() if k in fields}
    roles: RoleNames = {k: v for k, v in named.items() if k not in fields}  # type: ignore[assignment]
    if "waive" in chosen:  # a single code is one, not its letters
        codes = chosen["waive"]
        chosen["waive"] = (codes,) if isinstance(codes, str) else tuple(codes)
    settings = msgspec.structs.replace(settings, **chosen)
    settings = msgspec.structs.replace(settings, costs=_plain(settings.costs))
    refuse_settings(settings)
    said = {name: text or None for name, text in msgspec.structs.asdict(purpose_of(settings)).items()}
    return msgspec.structs.replace(settings, **said), roles


def _plain(costs: Any) -> Any:  # Any: as in FitSettings, and as JSON has it
    """Costs as JSON values: pairs of labels become nested mappings."""
    if isinstance(costs, Mapping):
        out: dict[str, Any] = {}
        for key, value in costs.items():
            if isinstance(key, tuple) and len(key) == 2:
                out.setdefault(category_of(key[0]), {})[category_of(key[1])] = value
            else:
                out[category_of(key)] = _plain(value)
        return out
    if isinstance(costs, (list, tuple)) or hasattr(costs, "tolist"):
        rows = costs.tolist() if hasattr(costs, "tolist") else costs
        return [_plain(row) for row in rows] if isinstance(rows, (list, tuple)) else rows
    return costs


def _recipe(call: _Call, problem: Problem, provenance: Provenance) -> dict[str, Any]:  # Any: JSON values
    """The settings as plain JSON: what would make the model again."""
    from mlwright.sources.sql import query_digest

    settings = call.settings
    recipe: dict[str, Any] = {k: v for k, v in msgspec.structs.asdict(settings).items() if v is not None}
    recipe.pop("waive")
    if not settings.simpler:
        recipe.pop("simpler")
    if settings.waive:
        recipe["waive"] = list(settings.waive)
    if settings.max_trials is not None:
        recipe.pop("time_limit", None)  # it did not rule, and equal models should be equal files
    if call.options is not None:
        usual = asdict(type(call.options)())
        said = {k: v for k, v in asdict(call.options).items() if v != usual[k]}
        if said.pop("query", None) is not None:  # its text, too, may hold what is nobody's business
            said["query_sha256"] = query_digest(call.options)
            said["parameters"] = sorted(said.get("parameters") or ())
        recipe["options"] = {k: list(v) if isinstance(v, tuple) else v for k, v in said.items()}
    roles: dict[str, list[str]] = {}
    for column in problem.table.schema.columns:
        if column.role not in ("feature", "ignored"):
            roles.setdefault(column.role, []).append(column.name)
    if call.earlier is not None:
        recipe["warm_start"] = call.earlier.digest
    recipe |= {"drop": list(provenance.dropped)} if provenance.dropped else {}
    recipe |= {"by_schema": True} if provenance.by_schema else {}
    recipe |= {"own_metric": True} if not isinstance(settings.metric, str | None) else {}
    return recipe | {"metric": problem.metric.name, "task": problem.target.task, "roles": roles}
