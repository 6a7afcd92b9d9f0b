"""From a path or bytes to the judged contents of a model file, before anything of it runs.

Called by `model.load`. The file is opened once, read into private memory, and that buffer is hashed,
unpacked, scanned and run; nobody can change it in between.
"""

from __future__ import annotations

import errno
import math
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from mlwright.artifact.container import MOST_BYTES, unpack
from mlwright.artifact.manifest import Manifest, Timings, check_members
from mlwright.base.canonical import sha256
from mlwright.base.constraints import faults
from mlwright.base.errors import EnvironmentProblem, ModelRefused, NotAModel, nearest_file
from mlwright.base.evaluation import Evaluation
from mlwright.base.finding import Findings
from mlwright.base.prediction_intervals import Intervals
from mlwright.base.profile import Profile
from mlwright.base.schema import Schema, Target
from mlwright.graph.scan import GraphFacts, Port, good_name, scan

T = TypeVar("T")

# What a system lacks of these, it does not need: no pipe is waited for, no link followed, no text translated.
_FLAGS = os.O_RDONLY
for _flag in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY"):
    _FLAGS |= getattr(os, _flag, 0)

LABEL_DTYPES = {"text": "string", "integer": "int64", "boolean": "bool"}


class SampleOutputs(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """What the model answered for the sample rows; only what its task has."""

    probability: tuple[tuple[float, ...], ...] | None = None
    label: tuple[str | int | bool, ...] | None = None
    margin: tuple[tuple[float, ...], ...] | None = None
    prediction: tuple[float, ...] | None = None


class Samples(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Rows as a request would send them, and their answers."""

    rows: tuple[dict[str, Any], ...]  # Any: JSON values
    outputs: SampleOutputs


@dataclass(frozen=True)
class Contents:
    """A model file's parts, each judged on its own and against the others."""

    members: dict[str, bytes]
    manifest: Manifest
    schema: Schema
    target: Target
    evaluation: Evaluation
    findings: Findings
    profile: Profile
    samples: Samples
    timings: Timings
    card: str
    facts: GraphFacts
    file_digest: str
    size_bytes: int


def read_file(path: Path) -> bytes:
    """The bytes of the regular file at `path`, opened once and never through a link.

    Raises `NotAModel` where there is none, `ModelRefused` for a link or beyond 512 MiB, `EnvironmentProblem`
    where the machine refuses.
    """
    flags = (
        os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    )
    try:
        handle = os.open(path, flags | getattr(os, "O_CLOEXEC", 0))
    except OSError as error:
        raise _unopened(path, error) from error
    try:
        state = os.fstat(handle)
        if not stat.S_ISREG(state.st_mode):
            raise NotAModel("this is not a regular file", where=str(path), remedy="give a model file")
        if state.st_size > MOST_BYTES:
            problem = f"it has {state.st_size} bytes; a model file may have {MOST_BYTES}"
            raise ModelRefused(problem, where=str(path), remedy="give a file that mlwright wrote")
        with os.fdopen(handle, "rb", closefd=False) as file:
            return file.read(MOST_BYTES + 1)
    except OSError as error:
        raise _unopened(path, error) from error
    finally:
        os.close(handle)


def _unopened(path: Path, error: OSError) -> Exception:
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        near = nearest_file(path.name, path.parent)
        hint = f"; did you mean {near!r}?" if near else ""
        return NotAModel(f"there is no such file{hint}", where=str(path), remedy="check the path")
    if error.errno in (errno.ELOOP, errno.EMLINK):
        return ModelRefused("this is a link", where=str(path), remedy="give the file that it points to")
    return EnvironmentProblem(
        f"it cannot be read: {error.strerror}", where=str(path), remedy="check permissions"
    )


def judge(data: bytes) -> Contents:
    """The contents of the model file `data`. Raises a `ModelFileProblem` for any other bytes."""
    members = unpack(data)
    manifest = check_members(members)
    schema = _value(members, "schema.json", Schema)
    target = _check_schema(schema)
    facts = scan(members["model.onnx"])
    check_graph(facts, schema)
    evaluation = _value(members, "evaluation.json", Evaluation)
    if "extra.onnx" in members:
        check_second_graph(scan(members["extra.onnx"]), schema, evaluation.intervals)
    _check_intervals(evaluation.intervals, schema, has_graph="extra.onnx" in members)
    return Contents(
        members=members,
        manifest=manifest,
        schema=schema,
        target=target,
        evaluation=evaluation,
        findings=_value(members, "findings.json", Findings),
        profile=_value(members, "profile.json", Profile),
        samples=_value(members, "samples.json", Samples),
        timings=_value(members, "timings.json", Timings),
        card=members["card.md"].decode(),
        facts=facts,
        file_digest=sha256(data),
        size_bytes=len(data),
    )


def _value(members: dict[str, bytes], name: str, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(members[name], type=kind)
    except msgspec.ValidationError as error:
        raise _refused(f"the member {name!r} does not hold what it should: {error}") from error


def _check_schema(schema: Schema) -> Target:
    target = schema.target
    if target is None:
        raise _refused("the schema names no target")
    names = [*schema.names, target.name]
    if len(set(schema.names)) != len(schema.names) or not all(map(good_name, names)):
        raise _refused("the schema has a name twice, or one that is empty, too long or not plain text")
    classes = len(set(target.classes))
    if classes != len(target.classes) or (classes > 1) != (target.task != "regression"):
        raise _refused(f"a {target.task} target cannot have {len(target.classes)} classes")
    if target.task == "binary" and classes != 2:
        raise _refused(f"a binary target cannot have {classes} classes")
    if not schema.features:
        raise _refused("the schema has no column to predict from")
    for column in schema.columns:
        for field, why in faults(column):
            raise _refused(f"column {column.name!r} of the schema cannot have this {field}: {why}")
    return target


def check_graph(facts: GraphFacts, schema: Schema) -> None:
    """Refuses a graph whose inputs and outputs are not those that the schema asks for."""
    numbers, strings, target = len(schema.numbers), len(schema.strings), schema.target
    inputs = {Port("numbers", "float64", numbers)} if numbers else set()
    inputs |= {Port("strings", "string", strings)} if strings else set()
    if target is None or target.task == "regression":
        outputs = {Port("prediction", "float64", None)}
    else:
        k = len(target.classes)
        outputs = {Port("probability", "float64", k), Port("margin", "float64", k)}
        outputs |= {Port("label", LABEL_DTYPES[target.label_type], None)}
    for noun, wanted, found in (("inputs", inputs, facts.inputs), ("outputs", outputs, facts.outputs)):
        if wanted != set(found):
            raise _refused(
                f"the graph's {noun} are {_ports(found)}, but its schema asks for {_ports(wanted)}"
            )


def check_second_graph(facts: GraphFacts, schema: Schema, intervals: Intervals | None) -> None:
    """Refuses a second graph that asks for more than a row and its prediction, or answers other quantiles
    than the intervals are made from; what nothing is known of is never run."""
    if intervals is None:
        return
    ports = {Port("numbers", "float64", len(schema.numbers)), Port("strings", "string", len(schema.strings))}
    ports.add(Port("prediction", "float64", 1))
    wanted = {Port("quantiles", "float64", len(intervals.levels))}
    if not set(facts.inputs) <= ports or set(facts.outputs) != wanted:
        found = f"{_ports(facts.inputs)} and {_ports(facts.outputs)}"
        raise _refused(f"the second graph's inputs and outputs are {found}, which intervals are not made of")


def _check_intervals(intervals: Intervals | None, schema: Schema, *, has_graph: bool) -> None:
    """Refuses what no interval could be made from."""
    if intervals is None:
        return
    levels, reach = intervals.levels, intervals.reach
    count = len(levels)
    numbers = [intervals.least, *levels, *intervals.constant, *reach.ranks, *reach.scores, reach.rows]
    faults = {
        "levels": not count or count % 2 or list(levels) != sorted(set(levels)),
        "quantiles": bool(intervals.constant) == has_graph or len(intervals.constant) not in (0, count),
        "reach": not reach.ranks
        or len(reach.ranks) != len(reach.scores)
        or any(list(each) != sorted(each) for each in (reach.ranks, reach.scores)),
        "numbers": not all(map(math.isfinite, numbers)) or intervals.least <= 0 or reach.rows <= 0,
        "exposure": intervals.exposure not in ("", *(c.name for c in schema.numbers)),
        "target": schema.target is None or schema.target.task != "regression",
    }
    wrong = next((name for name, found in faults.items() if found), None)
    if wrong:
        raise _refused(f"its intervals cannot be made: their {wrong} cannot be")


def _ports(ports: Any) -> str:  # Any: an iterable of Port
    return ", ".join(
        sorted(f"{p.name} {p.dtype}[N{'' if p.width is None else f', {p.width}'}]" for p in ports)
    )


def _refused(problem: str) -> ModelRefused:
    return ModelRefused(problem, remedy="give a file that mlwright wrote")
