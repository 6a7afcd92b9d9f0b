"""Small real model files, made in milliseconds: a regression that answers `factor` times the age."""

from __future__ import annotations

from typing import Any

import numpy as np

from mlwright.artifact import SampleOutputs, Samples, assemble
from mlwright.base.canonical import canonical_json
from mlwright.base.evaluation import Evaluation, Score
from mlwright.base.finding import Findings
from mlwright.base.profile import Profile
from mlwright.base.schema import Column, Schema, Target
from mlwright.graph.build import GraphBuilder

ROW: dict[str, Any] = {"age": 40.0, "member": True}


def small_model(
    factor: float, *, target: str = "price", column: str = "member", wrong: bool = False
) -> bytes:
    """The file; `wrong` ones do not answer their own samples."""
    columns = (
        Column(name="age", kind="numeric"),
        Column(name=column, kind="boolean"),
        Column(name=target, kind="numeric", role="target"),
    )
    schema = Schema(columns=columns, target=Target(name=target, task="regression"))
    score = Score(metric="rmse", value=0.5, low=0.4, high=0.6, rows=40, greater_is_better=False)
    evaluation = Evaluation(
        task="regression", metric="rmse", scores=(score,), baseline=(score,), rows=40, how="held out",
        split="random", leaderboard=(),
    )  # fmt: skip
    row = {"age": 40.0, column: True}
    samples = Samples(rows=(row,), outputs=SampleOutputs(prediction=(40.0 * factor + wrong,)))
    timings = {"created_at": "2026-01-02T03:04:05Z", "machine": "m", "fit_seconds": 1.0, "entries": {}}
    return assemble(
        kind="tabular",
        versions={"numpy": "2"},
        recipe={"seed": 0},
        timings=timings,
        members={
            "model.onnx": _graph(factor),
            "schema.json": canonical_json(schema),
            "profile.json": canonical_json(Profile(rows=40, columns=())),
            "evaluation.json": canonical_json(evaluation),
            "findings.json": canonical_json(Findings()),
            "samples.json": canonical_json(samples),
            "card.md": b"# A small model\n",
        },
    )


def _graph(factor: float) -> bytes:
    g = GraphBuilder()
    product = g.node("MatMul", g.input("numbers", "float64", 2), g.constant(np.array([[factor], [0.0]])))
    g.output("prediction", g.node("Squeeze", product, g.constant(np.array([1]))), "float64", None)
    return g.to_bytes()
