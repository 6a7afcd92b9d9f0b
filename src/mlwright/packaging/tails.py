"""Tails: a model's second graph, how far the truth may lie from a prediction, by quantiles row by row.

Made by `training`, part of a Blend, written as `extra.onnx`. It answers in two ways, which the parity report
compares: LightGBM's own (`values`) and the graph's (`graph`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mlwright.features import FeaturePlan, Table
from mlwright.features.transform import Feature
from mlwright.graph.build import GraphBuilder
from mlwright.graph.trees import tree_ensemble
from mlwright.learners.quantile import FittedQuantiles

Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Tails:
    """Quantiles over some features of a plan, and over the prediction behind the link, which is the last
    column of their matrix."""

    plan: FeaturePlan
    features: tuple[Feature, ...]
    fitted: FittedQuantiles
    rounds: int

    def matrix(self, table: Table, middle: Doubles) -> Doubles:
        """What the quantiles are functions of, [N, F + 1]; `middle` [N] is the prediction of one unit of
        exposure, behind the link."""
        return matrix_of(self.plan, self.features, table, middle)

    def values(self, table: Table, middle: Doubles) -> Doubles:
        """The quantiles [N, Q] by the training path; where they cross, they are to be sorted."""
        return self.fitted.values(self.matrix(table, middle), self.rounds)

    def graph(self, numbers: Sequence[str], strings: Sequence[str]) -> bytes:
        """An ONNX model of the inputs `numbers`, `strings` and `prediction` [N, 1] that answers `quantiles`
        [N, Q]; the columns that the first two hold are named in their order."""
        g = GraphBuilder()
        trees = self.fitted.trees(self.rounds)
        asked = [f for i, f in enumerate(self.features) if i in trees.features]
        place = {f: i for i, f in enumerate(asked)}
        moved = np.array([place.get(f, 0) for f in self.features] + [len(asked)], dtype=np.int64)
        inputs = self.plan.inputs_of(asked)
        schema = self.plan.table.schema
        columns = []
        if asked:
            given = codes = ""
            if inputs.numbers:
                every = schema.numbers
                sent = g.input("numbers", "float64", len(numbers))
                given = g.columns(sent, [numbers.index(every[i].name) for i in inputs.numbers], len(numbers))
            if inputs.strings:
                texts = schema.strings
                sent = g.input("strings", "string", len(strings))
                kept = [strings.index(texts[i].name) for i in inputs.strings]
                codes = self.plan.code_nodes(g, g.columns(sent, kept, len(strings)), inputs)
            columns.append(self.plan.feature_nodes(g, asked, given, codes, inputs))
        columns.append(g.input("prediction", "float64", 1))
        made = tree_ensemble(g, trees.over(moved), g.concat(columns))
        g.output("quantiles", made, "float64", trees.outputs)
        return g.to_bytes()


def matrix_of(plan: FeaturePlan, features: Sequence[Feature], table: Table, middle: Doubles) -> Doubles:
    """The features of `table` with `middle` [N] as the last column."""
    columns = [plan.values(list(features), table)] if features else []
    return np.concatenate([*columns, middle[:, None]], axis=1)
