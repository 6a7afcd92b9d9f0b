"""Small real model files: a logistic regression over two numbers and a category, and a linear regression."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from mlwright.artifact import SampleOutputs, Samples, assemble
from mlwright.base.canonical import canonical_json
from mlwright.base.evaluation import Entry, Evaluation, Score
from mlwright.base.finding import Findings
from mlwright.base.profile import Profile
from mlwright.base.schema import Column, Schema, Target
from mlwright.graph.build import ML, GraphBuilder

COLUMNS = (
    Column(name="age", kind="numeric"),
    Column(name="member", kind="boolean", true=("yes",), false=("no",)),
    Column(name="city", kind="categorical", categories=("Oslo", "Rome")),
    Column(name="note", kind="text", role="ignored"),
    Column(name="bought", kind="categorical", role="target"),
)
TIMINGS: dict[str, Any] = {
    "created_at": "2026-01-02T03:04:05Z",
    "machine": "a machine",
    "fit_seconds": 1.5,
    "entries": {"linear": {"fit_seconds": 0.5, "cpu_us": 12.5}},
}
ROWS = (
    {"age": 41, "member": True, "city": "Oslo"},
    {"age": 18.5, "member": False, "city": "Rome"},
    {"age": 70, "member": True, "city": "elsewhere"},
    {"age": 33, "member": False, "city": None},
)


def classifier_graph(classes: tuple[str, ...] = ("no", "yes"), label_type: str = "text") -> bytes:
    """Gemm over [age, member, city's code], Softmax, and the likeliest class through a LabelEncoder."""
    g = GraphBuilder()
    numbers, strings = g.input("numbers", "float64", 2), g.input("strings", "string", 1)
    keys = np.array(["Oslo", "Rome"], dtype=object)
    code = g.node(
        "LabelEncoder",
        strings,
        domain=ML,
        keys_tensor=keys,
        values_tensor=np.array([0.5, -1.25]),
        default_tensor=np.array([0.0]),
    )
    weights = np.linspace(-0.03, 0.04, 3 * len(classes)).reshape(3, len(classes))
    margin = g.node(
        "Gemm", g.concat([numbers, code]), g.constant(weights), g.constant(np.zeros(len(classes)))
    )
    best = g.node("ArgMax", margin, axis=1, keepdims=0)
    texts = np.array(classes, dtype=object) if label_type == "text" else np.array([int(c) for c in classes])
    label = g.node("Gather", g.constant(texts), best, axis=0)
    g.output("probability", g.node("Softmax", margin, axis=1), "float64", len(classes))
    g.output("label", label, "string" if label_type == "text" else "int64", None)
    g.output("margin", margin, "float64", len(classes))
    return g.to_bytes()


def regression_graph() -> bytes:
    """Twice the age and once the member, squeezed to [N]."""
    g = GraphBuilder()
    product = g.node("MatMul", g.input("numbers", "float64", 2), g.constant(np.array([[2.0], [1.0]])))
    g.output("prediction", g.node("Squeeze", product, g.constant(np.array([1]))), "float64", None)
    return g.to_bytes()


def schema_of(task: str) -> Schema:
    if task == "regression":
        columns = tuple(c for c in COLUMNS if c.name != "city")
        return Schema(columns=columns, target=Target(name="bought", task="regression"))
    return Schema(
        columns=COLUMNS, target=Target(name="bought", task="binary", classes=("no", "yes"), positive="yes")
    )


def evaluation_of(task: str) -> Evaluation:
    score = Score(metric="log_loss", value=0.5, low=0.4, high=0.6, rows=40, greater_is_better=False)
    plain = Score(metric="log_loss", value=0.69, low=0.6, high=0.7, rows=40, greater_is_better=False)
    entry = Entry(name="linear", family="linear", score=score, fit_seconds=0.0, weight=1.0)
    return Evaluation(
        task=task,
        metric="log_loss",
        scores=(score,),
        baseline=(plain,),
        rows=40,
        how="held out",
        split="random",
        leaderboard=(entry,),
    )


def answers(graph: bytes, schema: Schema, rows: tuple[dict[str, Any], ...]) -> SampleOutputs:
    """What the graph answers, through the same path as a model."""
    from mlwright.artifact import decode_rows
    from mlwright.artifact.session import Session
    from mlwright.graph.scan import scan

    decoded = decode_rows(rows, schema)
    outputs = Session(graph, scan(graph)).run(decoded.numbers, decoded.strings)
    found = {name: getattr(outputs, name) for name in ("probability", "label", "margin", "prediction")}
    lists = {name: array.tolist() for name, array in found.items() if array is not None}
    return SampleOutputs(**lists)


def members_of(task: str = "binary", **changed: bytes) -> dict[str, bytes]:
    """The members that `assemble` takes; `changed` replaces some, with _ for the dot."""
    schema = schema_of(task)
    graph = regression_graph() if task == "regression" else classifier_graph()
    rows = tuple({k: v for k, v in row.items() if k in schema.names} for row in ROWS)
    members = {
        "model.onnx": graph,
        "schema.json": canonical_json(schema),
        "profile.json": canonical_json(Profile(rows=40, columns=())),
        "evaluation.json": canonical_json(evaluation_of(task)),
        "findings.json": canonical_json(Findings()),
        "samples.json": canonical_json(Samples(rows=rows, outputs=answers(graph, schema, rows))),
        "card.md": b"# A small model\n",
    }
    return members | {name.replace("_", "."): data for name, data in changed.items()}


def file_of(task: str = "binary", **changed: bytes) -> bytes:
    """A whole model file."""
    return assemble(
        kind="tabular",
        versions={"numpy": "2"},
        recipe={"seed": 0},
        timings=TIMINGS,
        members=members_of(task, **changed),
    )


@pytest.fixture(scope="session")
def classifier_file() -> bytes:
    return file_of("binary")


@pytest.fixture(scope="session")
def regression_file() -> bytes:
    return file_of("regression")


@pytest.fixture(scope="session")
def make_file() -> Callable[..., bytes]:
    return file_of
