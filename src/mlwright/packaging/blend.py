"""The Blend: a feature plan, fitted members with weights, a calibration: the whole model before it is a file.

Made by `training`, turned into one graph here. It answers in two ways, which the parity report compares:
the training
path (`answer`: each library's own predict) and the graph (`graph`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mlwright.base.schema import Target
from mlwright.evaluation.calibration import Calibrator
from mlwright.features import FeaturePlan, Table
from mlwright.graph.build import GraphBuilder
from mlwright.learners import Config, Fitted

Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Member:
    """One fitted candidate and its share."""

    config: Config
    fitted: Fitted
    weight: float


@dataclass(frozen=True)
class Blend:
    """Members over one plan. Classification: weighted probabilities, calibrated; regression: a weighted
    mean."""

    plan: FeaturePlan
    members: tuple[Member, ...]
    calibrator: Calibrator
    target: Target

    @property
    def classes(self) -> int:
        return len(self.target.classes)

    def mixed(self, table: Table) -> Doubles:
        """Weighted predictions by the training path, before calibration: [N, K], or [N, 1]."""
        matrices: dict[str, Doubles] = {}
        total = np.zeros((len(table), max(self.classes, 1)))
        for m in self.members:
            view = m.config.view
            if view not in matrices:
                matrices[view] = self.plan.matrix(view, table)
            total += m.weight * m.fitted.predict(matrices[view]).reshape(len(table), -1)
        return total

    def answer(self, table: Table) -> tuple[Doubles, Doubles]:
        """By the training path: (margin, probability), both [N, K]; for regression the prediction [N]
        twice."""
        mixed = self.mixed(table)
        if not self.classes:
            return mixed[:, 0], mixed[:, 0]
        return self.calibrator.margin(mixed), self.calibrator.apply(mixed)

    def graph(self) -> bytes:
        """The whole model as one ONNX model: `numbers`, `strings` in; answers out (contracts.md, section
        2)."""
        g = GraphBuilder()
        schema = self.plan.table.schema
        a, b = len(schema.numbers), len(schema.strings)
        numbers = g.input("numbers", "float64", a) if a else ""
        strings = g.input("strings", "string", b) if b else ""
        codes = self.plan.code_nodes(g, strings) if self.plan.code_width else ""
        views: dict[str, str] = {}
        total = ""
        for m in self.members:
            view = m.config.view
            if view not in views:
                views[view] = self.plan.nodes(g, view, numbers, codes)
            part = m.fitted.nodes(g, views[view])
            if m.weight != 1.0:
                part = g.node("Mul", part, g.constant(m.weight))
            total = g.node("Add", total, part) if total else part
        if not self.classes:
            shape = g.constant(np.array([-1], dtype=np.int64))
            g.output("prediction", g.node("Reshape", total, shape), "float64", None)
            return g.to_bytes()
        margin, probability = self.calibrator.nodes(g, total, self.classes)
        labels, kind = label_array(self.target)
        best = g.node("ArgMax", margin, axis=1, keepdims=0)
        g.output("probability", probability, "float64", self.classes)
        g.output("label", g.node("Gather", g.constant(labels), best, axis=0), kind, None)
        g.output("margin", margin, "float64", self.classes)
        return g.to_bytes()


def label_array(target: Target) -> tuple[npt.NDArray[np.generic], str]:
    """The labels by class number in their original type, and the tensor type that holds them."""
    labels = [target.label(i) for i in range(len(target.classes))]
    if target.label_type == "integer":
        return np.array(labels, dtype=np.int64), "int64"
    if target.label_type == "boolean":
        return np.array(labels, dtype=np.bool_), "bool"
    return np.array(labels, dtype=object), "string"
