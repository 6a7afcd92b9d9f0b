"""The Blend: a feature plan, fitted members with weights, a calibration: the whole model before it is a file.

Made by `training`, turned into one graph here: the trees of all members become one ensemble, with weights and
calibration in its leaves. It answers in two ways, which the parity report compares: the training path
(`answer`: each library's own margin) and the graph (`graph`).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from mlwright.base.schema import Target
from mlwright.evaluation.calibration import Calibrator
from mlwright.features import FeaturePlan, Table
from mlwright.graph.build import GraphBuilder
from mlwright.graph.trees import Trees, tree_ensemble
from mlwright.learners import Config, Fitted, answer_of
from mlwright.packaging.answers import publish_answers
from mlwright.packaging.ending import Ending

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
    ending: Ending = field(default_factory=Ending)
    """How numbers and labels follow from the margin."""

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
            number = self.ending.number(margin[:, 0], self._columns(table))
            return number, number
        both = np.concatenate([np.zeros_like(margin), margin], axis=1) if self.classes == 2 else margin
        return both, answer_of(margin, self.classes)

    def preferences(self, margin: Doubles, table: Table) -> Doubles:
        """What the label is the greatest of, [N, K], by the training path from calibrated margins [N, K]."""
        return self.ending.preferences(margin, self._columns(table))

    def _columns(self, table: Table) -> dict[str, Doubles]:
        names = [c.name for c in table.schema.numbers]
        return {name: table.numbers[:, names.index(name)] for name in self.ending.columns}

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
        names = [c.name for c in schema.numbers]
        columns = {name: g.columns(numbers, [names.index(name)], a) for name in self.ending.columns}
        publish_answers(g, margin, self.target, self.ending, columns)
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
