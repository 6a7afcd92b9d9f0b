"""package: a Blend and its evidence become the bytes of a `.mlw`, opened and compared before anyone gets
them."""

from __future__ import annotations

import contextlib
import datetime as dt
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import msgspec
import numpy as np

from mlwright.artifact import (
    Decoded,
    Ends,
    Model,
    Samples,
    Spent,
    Timings,
    assemble,
    decode_rows,
    draw_rows,
    load,
)
from mlwright.base.canonical import canonical_json
from mlwright.base.errors import EnvironmentProblem
from mlwright.base.evaluation import Evaluation, Parity
from mlwright.base.finding import Findings
from mlwright.base.machine import cpu_name
from mlwright.base.profile import ColumnProfile, Profile
from mlwright.base.purpose import Purpose
from mlwright.base.schema import Schema, Target
from mlwright.data.dataset import Dataset
from mlwright.features import Table
from mlwright.features.text import tokenise_against
from mlwright.graph.running import session
from mlwright.packaging.blend import Blend
from mlwright.packaging.card import render_card
from mlwright.packaging.costing import Measured, Pricer, measure, memory_by_size, memory_of
from mlwright.packaging.described import MOST_PROFILE_BYTES, SAMPLES
from mlwright.packaging.parity import MOST_REAL, compare
from mlwright.packaging.samples import edge_rows
from mlwright.packaging.tails import Tails
from mlwright.version import __version__

BARE_BYTES = 200
"""A column without its distribution takes about so much of a profile."""
LIBRARIES = ("numpy", "onnxruntime", "polars", "lightgbm", "catboost", "scipy")


@dataclass(frozen=True)
class Evidence:
    """What goes into the file beside the graph."""

    evaluation: Evaluation
    findings: Findings
    profile: Profile
    recipe: Mapping[str, Any]  # Any: JSON values
    facts: Mapping[str, str]
    fit_seconds: float
    source: str = ""
    """Of the table and of the test rows, what they were called."""
    test_source: str = ""


def package(
    kind: str,
    blend: Blend,
    dataset: Dataset,
    evidence: Evidence,
    *,
    patient: bool = False,
    memory_s: float = 0.0,
) -> Model:
    """The opened model of a file made in memory. Raises `ParityFailed` where graph and training path differ.

    `dataset` holds the rows that `blend.plan` was fitted on. `patient` measures CPU time for a second, where
    a limit depends on it. Memory may take `memory_s` seconds to measure; with 0 it is estimated.
    """
    known = blend.plan.table.schema
    schema = without(known, blend.unused)
    graph = blend.graph()
    evidence = replace(evidence, profile=sized(evidence.profile, blend.unused))
    timings = _begun(evidence)
    fixed = _fixed(schema, graph, evidence)
    if blend.tails is not None:
        more, evidence = _second_graph(blend.tails, schema, fixed, evidence)
        fixed |= more
    draft = _write(kind, schema, evidence, timings, fixed)
    rng = np.random.default_rng(0)
    picked = np.sort(rng.choice(len(dataset), min(MOST_REAL, len(dataset)), replace=False))
    # Training knows all columns, the graph those that it asks for.
    edges = edge_rows(known, evidence.profile)
    edge_table = _table_of_decoded(blend, decode_rows(edges, known))
    real = dataset.rows(picked).with_schema(schema)
    table = blend.plan.table.rows(picked)
    parity = compare(blend, draft, table, real, decode_rows(edges, schema), edge_table)
    measured = measure(graph, real, patient=patient)
    seconds = {e.name: e.fit_seconds for e in evidence.evaluation.leaderboard}
    spent = {
        m.config.name: Spent(fit_seconds=round(seconds[m.config.name], 3), cpu_us=round(cost, 1))
        for m, cost in zip(blend.members, _costs_alone(blend, measured.cost.cpu_us), strict=True)
    }
    timings = _clocked(timings, measured, spent)
    evaluation = msgspec.structs.replace(evidence.evaluation, parity=parity)
    timings = _remembered(timings, draft, graph, memory_s)
    return _write(kind, schema, replace(evidence, evaluation=evaluation), timings, fixed)


def package_graph(
    kind: str,
    graph: bytes,
    dataset: Dataset,
    evidence: Evidence,
    compared: Callable[[Model], Parity],
    *,
    memory_s: float = 0.0,
    original_us: float | None = None,
) -> Model:
    """The opened model of a file made in memory, of a graph that was made elsewhere, as by `convert`.

    `dataset` holds rows by the file's schema, on which CPU time is measured. `compared` compares the opened
    draft with what the graph was made from, which takes `original_us` of CPU a row, and raises where they
    differ.
    """
    schema = dataset.schema
    evidence = replace(evidence, profile=sized(evidence.profile, ()))
    fixed = _fixed(schema, graph, evidence)
    draft = _write(kind, schema, evidence, _begun(evidence), fixed)
    evaluation = msgspec.structs.replace(evidence.evaluation, parity=compared(draft))
    timings = msgspec.structs.replace(_begun(evidence), original_us=original_us)
    timings = _clocked(timings, measure(graph, dataset), {})
    timings = _remembered(timings, draft, graph, memory_s)
    return _write(kind, schema, replace(evidence, evaluation=evaluation), timings, fixed)


def _begun(evidence: Evidence) -> Timings:
    """When, where and from what; what was measured is added later."""
    return Timings(
        created_at=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        machine=f"{cpu_name()}, {platform.system()} {platform.machine()}",
        fit_seconds=round(evidence.fit_seconds, 3),
        source=evidence.source,
        test_source=evidence.test_source,
        entries={
            e.name: Spent(fit_seconds=round(e.fit_seconds, 3), cpu_us=e.cpu_us)
            for e in evidence.evaluation.leaderboard
        },
    )


def _fixed(schema: Schema, graph: bytes, evidence: Evidence) -> dict[str, bytes]:
    """The members that follow from schema, graph and profile."""
    rows = draw_rows(schema, evidence.profile, SAMPLES)
    return {
        "model.onnx": graph,
        "schema.json": canonical_json(schema),
        "profile.json": canonical_json(evidence.profile),
        "findings.json": canonical_json(evidence.findings),
        "samples.json": canonical_json({"rows": rows, "outputs": _answers(schema, graph, rows)}),
    }


def _clocked(timings: Timings, measured: Measured, spent: Mapping[str, Spent]) -> Timings:
    return msgspec.structs.replace(
        timings,
        cpu_us_p50=measured.cost.cpu_us,
        cpu_us_p99=measured.cpu_us_p99,
        entries=timings.entries | dict(spent),
    )


def _remembered(timings: Timings, draft: Model, graph: bytes, within_s: float) -> Timings:
    """The same with what serving the file takes in resident bytes, and whether that was measured."""
    data = draft.to_bytes()
    memory, measured = memory_by_size(graph, len(data)), False
    if within_s > 0:
        with contextlib.suppress(EnvironmentProblem):  # no process could be started, or not in time
            memory, measured = memory_of(data, within_s), True
    return msgspec.structs.replace(timings, memory_bytes=memory, memory_measured=measured)


def _second_graph(
    tails: Tails, schema: Schema, fixed: Mapping[str, bytes], evidence: Evidence
) -> tuple[dict[str, bytes], Evidence]:
    """The member that makes quantiles, and the evaluation with its answers to the file's samples."""
    graph = tails.graph([c.name for c in schema.numbers], [c.name for c in schema.strings])
    samples = msgspec.json.decode(fixed["samples.json"], type=Samples)
    intervals = evidence.evaluation.intervals
    assert intervals is not None  # what the graph is for
    unproven = Ends(intervals, graph, schema, samples)
    told = msgspec.structs.replace(intervals, samples=unproven.answered())
    evaluation = msgspec.structs.replace(evidence.evaluation, intervals=told)
    return {"extra.onnx": graph}, replace(evidence, evaluation=evaluation)


def without(schema: Schema, unused: Sequence[str]) -> Schema:
    """The schema of a file whose graph does not ask for the columns `unused`."""
    left = set(unused)
    columns = (msgspec.structs.replace(c, unused=True) if c.name in left else c for c in schema.columns)
    return msgspec.structs.replace(schema, columns=tuple(columns))


def sized(profile: Profile, unused: Sequence[str]) -> Profile:
    """A profile that a file may hold: of thousands of columns, those that the model does not use have no
    distribution, then (from the last on) others have none."""
    if len(canonical_json(profile)) <= MOST_PROFILE_BYTES:
        return profile
    least, left = Profile(rows=0, columns=()), set(unused)
    room = MOST_PROFILE_BYTES - len(canonical_json(msgspec.structs.replace(profile, columns=())))
    sizes = [len(canonical_json(msgspec.structs.replace(least, columns=(c,)))) for c in profile.columns]
    over = sum(sizes) - room
    order = sorted(range(len(sizes)), key=lambda i: (profile.columns[i].name not in left, -i))
    bare: set[int] = set()
    for i in order:
        if over <= 0:
            break
        over -= sizes[i] - BARE_BYTES
        bare.add(i)
    columns = (_bare(c) if i in bare else c for i, c in enumerate(profile.columns))
    return msgspec.structs.replace(profile, columns=tuple(columns))


def _bare(column: ColumnProfile) -> ColumnProfile:
    return msgspec.structs.replace(column, quantiles=(), counts=(), words=())


def prediction_profiles(
    target: Target, unseen: np.ndarray[Any, np.dtype[np.float64]]
) -> tuple[ColumnProfile, ...]:
    """The distribution of the model's answers on rows it had not seen: one profile a class, or one
    number's."""
    names = list(target.classes) or [target.name]
    profiles = []
    for k, name in enumerate(names):
        values = unseen[:, k]
        with np.errstate(over="ignore", invalid="ignore"):
            mean, deviation = float(values.mean()), float(values.std())
        profiles.append(
            ColumnProfile(
                name=name,
                rows=len(values),
                missing=0,
                mean=mean if np.isfinite(mean) else None,
                deviation=deviation if np.isfinite(deviation) else None,
                quantiles=tuple(float(q) for q in np.quantile(values, np.linspace(0, 1, 101))),
            )
        )
    return tuple(profiles)


def _write(
    kind: str, schema: Schema, evidence: Evidence, timings: Timings, fixed: Mapping[str, bytes]
) -> Model:
    """The opened file of the members `fixed` and of those that follow from evaluation and timings."""
    evaluation = msgspec.structs.replace(
        evidence.evaluation,
        leaderboard=tuple(
            msgspec.structs.replace(e, fit_seconds=0.0, cpu_us=None) for e in evidence.evaluation.leaderboard
        ),
    )
    purpose, facts = Purpose.of(evidence.recipe), dict(evidence.facts)
    card = render_card(schema, evidence.evaluation, evidence.findings, timings, facts, purpose)
    members = {**fixed, "evaluation.json": canonical_json(evaluation), "card.md": card.encode()}
    return load(
        assemble(
            kind=kind, versions=_versions(), recipe=dict(evidence.recipe), timings=timings, members=members
        )
    )


def _answers(schema: Schema, graph: bytes, rows: list[dict[str, Any]]) -> dict[str, Any]:  # Any: JSON values
    decoded = decode_rows(rows, schema)
    run = session(graph)
    feeds = {"numbers": decoded.numbers, "strings": decoded.strings}
    wanted = {i.name for i in run.get_inputs()}
    names = [o.name for o in run.get_outputs()]
    values = run.run(names, {k: v for k, v in feeds.items() if k in wanted})
    return {name: value.tolist() for name, value in zip(names, values, strict=True)}


def _table_of_decoded(blend: Blend, decoded: Decoded) -> Table:
    """Decoded rows as the training path sees them: strings looked up in the vocabularies of the fit."""
    table = blend.plan.table
    columns = table.schema.strings
    ids = np.zeros((len(decoded.numbers), len(table.vocabularies)), dtype=np.int32)
    categorical = [i for i, c in enumerate(columns) if c.kind != "text"]
    for j, i in enumerate(categorical):
        known = {v: k for k, v in enumerate(table.vocabularies[j])}
        unseen = len(table.vocabularies[j])
        ids[:, j] = [known.get(v, unseen) for v in decoded.strings[:, i]]
    texts = tuple(
        tokenise_against(known, list(decoded.strings[:, i]))
        for known, i in zip(table.texts, [i for i, c in enumerate(columns) if c.kind == "text"], strict=True)
    )
    return Table(table.schema, decoded.numbers, ids, table.vocabularies, texts)


def _costs_alone(blend: Blend, whole_us: float) -> list[float]:
    """CPU microseconds per one-row call of each member alone, features included.

    Estimated: a graph and a session for each would take seconds. The estimate is brought to scale by the
    whole model, which was measured to take `whole_us`.
    """
    pricer = Pricer(blend.plan, blend.target, here=False)
    scale = whole_us / pricer.whole(blend.sketches).cpu_us
    return [min(whole_us, scale * pricer.whole([sketch]).cpu_us) for sketch in blend.sketches]


def _versions() -> dict[str, str]:
    found = {"mlwright": __version__, "python": platform.python_version()}
    for library in LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            continue
    return found
