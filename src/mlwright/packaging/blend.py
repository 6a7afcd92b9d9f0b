"""The Blend: a feature plan, fitted members with weights, a calibration: the whole model before it is a file.

Made by `training`, turned into one graph here: the trees of all members become one ensemble, with weights and
calibration in its leaves. It answers in two ways, which the parity report compares: the training path
(`answer`: each library's own margin) and the graph (`graph`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mlwright.base.schema import Target
from mlwright.evaluation.calibration import Calibrator
from mlwright.features import FeaturePlan, Table
from mlwright.graph.build import GraphBuilder
from mlwright.graph.trees import Trees, tree_ensemble
from mlwright.learners import Config, Fitted, answer_of

Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Member:
    """One fitted candidate and its share."""

    config: Config
    fitted: Fitted
    weight: float


@dataclass(frozen=True)
class Blend:
    """Members over one plan: their margins, weighted and added up, then calibrated (for classes)."""

    plan: FeaturePlan
    members: tuple[Member, ...]
    calibrator: Calibrator
    target: Target
    shift: float = 0.0
    """Added to the members' margins: what a regression's target was centred by."""
    floor: float | None = None
    """The least number that a regression answers."""

    @property
    def classes(self) -> int:
        return len(self.target.classes)

    def margin(self, table: Table) -> Doubles:
        """Calibrated margins by the training path: [N, 1] for numbers and two classes, else [N, K]."""
        matrices: dict[str, Doubles] = {}
        total = np.zeros(1)
        for m in self.members:
            view = m.config.view
            if view not in matrices:
                matrices[view] = self.plan.matrix(view, table)
            total = total + m.weight * m.fitted.margin(matrices[view])
        return self.calibrator.apply(total + self.shift)

    def answer(self, table: Table) -> tuple[Doubles, Doubles]:
        """By the training path: (margin, probability), both [N, K]; for regression the prediction [N]
        twice."""
        margin = self.margin(table)
        if not self.classes:
            number = margin[:, 0] if self.floor is None else np.maximum(margin[:, 0], self.floor)
            return number, number
        both = np.concatenate([np.zeros_like(margin), margin], axis=1) if self.classes == 2 else margin
        return both, answer_of(margin, self.classes)

    def graph(self) -> bytes:
        """The whole model as one ONNX model: `numbers`, `strings` in; answers out (contracts.md, section
        2)."""
        g = GraphBuilder()
        schema = self.plan.table.schema
        a, b = len(schema.numbers), len(schema.strings)
        numbers = g.input("numbers", "float64", a) if a else ""
        strings = g.input("strings", "string", b) if b else ""
        codes = self.plan.code_nodes(g, strings) if self.plan.code_width else ""
        margin = self._margin_nodes(g, numbers, codes)
        if not self.classes:
            if self.floor is not None:
                margin = g.node("Max", margin, g.constant(self.floor))
            shape = g.constant(np.array([-1], dtype=np.int64))
            g.output("prediction", g.node("Reshape", margin, shape), "float64", None)
            return g.to_bytes()
        if self.classes == 2:
            margin = g.node("Mul", margin, g.constant(np.array([[0.0, 1.0]])))
        labels, kind = label_array(self.target)
        best = g.node("ArgMax", margin, axis=1, keepdims=0)
        g.output("probability", g.node("Softmax", margin, axis=1), "float64", self.classes)
        g.output("label", g.node("Gather", g.constant(labels), best, axis=0), kind, None)
        g.output("margin", margin, "float64", self.classes)
        return g.to_bytes()

    def _margin_nodes(self, g: GraphBuilder, numbers: str, codes: str) -> str:
        """The calibrated margin [N, M]: one tree ensemble a view, and what is no sum of trees."""
        slope = self.calibrator.slope
        rest = self.calibrator.shift + slope * self.shift
        views: dict[str, str] = {}
        forests: dict[str, Trees] = {}
        parts: list[str] = []
        for m in self.members:
            view, weight = m.config.view, m.weight * slope
            if view not in views:
                views[view] = self.plan.nodes(g, view, numbers, codes)
            trees = m.fitted.trees()
            if trees is None:
                parts.append(g.node("Mul", m.fitted.nodes(g, views[view]), g.constant(weight)))
            else:
                grown = trees.scaled(weight)
                forests[view] = forests[view].added(grown) if view in forests else grown
        for view, forest in forests.items():
            parts.append(tree_ensemble(g, forest.plus(rest), views[view]))
            rest = 0.0
        total = parts[0]
        for part in parts[1:]:
            total = g.node("Add", total, part)
        return g.node("Add", total, g.constant(rest)) if rest else total


def label_array(target: Target) -> tuple[npt.NDArray[np.generic], str]:
    """The labels by class number in their original type, and the tensor type that holds them."""
    labels = [target.label(i) for i in range(len(target.classes))]
    if target.label_type == "integer":
        return np.array(labels, dtype=np.int64), "int64"
    if target.label_type == "boolean":
        return np.array(labels, dtype=np.bool_), "bool"
    return np.array(labels, dtype=object), "string"
