"""A small real model file with intervals, made in milliseconds: three times the age, wider with it."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from mlwright.artifact import SampleOutputs, Samples, assemble
from mlwright.base.canonical import canonical_json
from mlwright.base.evaluation import Evaluation, Score
from mlwright.base.finding import Findings
from mlwright.base.prediction_intervals import Intervals, Reach
from mlwright.base.profile import Profile
from mlwright.base.schema import Column, Schema, Target
from mlwright.graph.build import GraphBuilder

ROWS: list[dict[str, Any]] = [
    {"age": 40.0, "city": "Oslo", "weeks": 2.0},
    {"age": 10.0, "city": "Rome", "weeks": 1.0},
]
LEVELS = (0.05, 0.25, 0.75, 0.95)
PER_YEAR = np.array([-0.4, -0.1, 0.2, 0.5])
"""The quantiles of a row, for each year of age."""
SCORES = tuple(float(k) / 8 for k in range(1, 20))
"""How far out 19 rows lay: at 10 % error, 18 / 8 of the inner interval, an eighth of a step beyond."""


def interval_model(*, learned: bool = True, graph: bytes | None = None, **changes: Any) -> bytes:
    """The file. `learned`: by a second graph (or the one given), else every row as one of 20 years; `changes`
    are fields of its `Intervals`."""
    columns = (
        Column(name="age", kind="numeric"),
        Column(name="city", kind="categorical"),
        Column(name="weeks", kind="numeric"),
        Column(name="price", kind="numeric", role="target"),
    )
    schema = Schema(columns=columns, target=Target(name="price", task="regression"))
    intervals = Intervals(
        levels=LEVELS,
        least=0.01,
        reach=Reach(rows=19, ranks=tuple(map(float, range(1, 20))), scores=SCORES),
        constant=() if learned else tuple((20 * PER_YEAR).tolist()),
        samples=tuple(tuple((r["age"] * PER_YEAR).tolist()) for r in ROWS) if learned else (),
        how="by 19 rows",
    )
    score = Score(metric="rmse", value=0.5, low=0.4, high=0.6, rows=40, greater_is_better=False)
    evaluation = Evaluation(
        task="regression", metric="rmse", scores=(score,), baseline=(score,), rows=40, how="held out",
        split="random", intervals=msgspec.structs.replace(intervals, **changes),
    )  # fmt: skip
    outputs = SampleOutputs(prediction=tuple(3.0 * r["age"] for r in ROWS))
    members = {
        "model.onnx": _first(),
        "schema.json": canonical_json(schema),
        "profile.json": canonical_json(Profile(rows=40, columns=())),
        "evaluation.json": canonical_json(evaluation),
        "findings.json": canonical_json(Findings()),
        "samples.json": canonical_json(Samples(rows=tuple(ROWS), outputs=outputs)),
        "card.md": b"# A small model\n",
    }
    if learned:
        members["extra.onnx"] = graph or second_graph()
    timings = {"created_at": "2026-01-02T03:04:05Z", "machine": "m", "fit_seconds": 1.0, "entries": {}}
    return assemble(kind="tabular", versions={}, recipe={}, timings=timings, members=members)


def second_graph(per_year: np.ndarray = PER_YEAR, output: str = "quantiles", other: str = "") -> bytes:
    """Quantiles by age; `other` is a further input."""
    g = GraphBuilder()
    numbers = g.input("numbers", "float64", 2)
    weights = np.stack([per_year, np.zeros_like(per_year)])
    made = g.node("MatMul", numbers, g.constant(weights))
    if other:
        made = g.node("Add", made, g.input(other, "float64", 1))
    g.output(output, made, "float64", len(per_year))
    return g.to_bytes()


def _first() -> bytes:
    g = GraphBuilder()
    product = g.node("MatMul", g.input("numbers", "float64", 2), g.constant(np.array([[3.0], [0.0]])))
    g.input("strings", "string", 1)
    g.output("prediction", g.node("Squeeze", product, g.constant(np.array([1]))), "float64", None)
    return g.to_bytes()
