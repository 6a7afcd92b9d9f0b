"""The Blend: a feature plan, fitted members with weights, a calibration: the whole model before it is a file.

Made by `training`, turned into one graph here: the trees of all members become one ensemble, with weights and
the straight part of the calibration in its leaves. It answers in two ways, which the parity report compares:
the training path (`answer`: each library's own margin) and the graph (`graph`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from mlwright.base.schema import Target
from mlwright.evaluation.calibration import Calibrator
from mlwright.features import FeaturePlan, Table
from mlwright.graph.build import GraphBuilder
from mlwright.graph.trees import Shape
from mlwright.learners import Config, Fitted, answer_of
from mlwright.packaging.answers import publish_answers
from mlwright.packaging.ending import Ending
from mlwright.packaging.merged import Merged, merge
from mlwright.packaging.tails import Tails

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
    tails: Tails | None = None
    """How far the truth may lie from a number, where rows differ in it: the second graph."""

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

    def middle(self, table: Table) -> Doubles:
        """By the training path, the predictions [N] of one unit of exposure, behind the link."""
        return self.ending.behind_link(self.margin(table)[:, 0])

    def preferences(self, margin: Doubles, table: Table) -> Doubles:
        """What the label is the greatest of, [N, K], by the training path from calibrated margins [N, K]."""
        return self.ending.preferences(margin, self._columns(table))

    def _columns(self, table: Table) -> dict[str, Doubles]:
        names = [c.name for c in table.schema.numbers]
        return {name: table.numbers[:, names.index(name)] for name in self.ending.columns}

    @property
    def unused(self) -> tuple[str, ...]:
        """The feature columns that no part of the graph asks for, in the schema's order."""
        return tuple(c.name for c in self.plan.table.schema.features if c.name not in self._asked)

    @property
    def sketches(self) -> list[tuple[str, Shape | None]]:
        """By member, its view and how large its trees are: what an estimate of its cost is made of."""
        return [(m.config.view, shape) for m, shape in zip(self.members, self._merged.shapes, strict=True)]

    @cached_property
    def _asked(self) -> set[str]:
        schema, inputs = self.plan.table.schema, self._merged.inputs
        numbers, strings = schema.numbers, schema.strings  # each walks all columns when asked
        names = {numbers[i].name for i in inputs.numbers} | set(self.ending.columns)
        return names | {strings[i].name for i in inputs.strings}

    @cached_property
    def _merged(self) -> Merged:
        slope = self.calibrator.slope
        outputs = self.classes if self.classes > 2 else 1
        constant = np.broadcast_to(np.asarray(self.calibrator.shift) + slope * self.shift, (outputs,))
        return merge(self.plan, self.members, outputs, slope, constant)

    def graph(self) -> bytes:
        """The whole model as one ONNX model: `numbers`, `strings` in; answers out (contracts.md, section 2).

        Its inputs are the columns of the schema but for those in `unused`.
        """
        g = GraphBuilder()
        schema, inputs = self.plan.table.schema, self._merged.inputs
        every = schema.numbers
        sent = [i for i, c in enumerate(every) if c.name in self._asked]
        numbers = g.input("numbers", "float64", len(sent)) if sent else ""
        strings = g.input("strings", "string", len(inputs.strings)) if inputs.strings else ""
        codes = self.plan.code_nodes(g, strings, inputs) if inputs.codes else ""
        # A column that only the ending asks for is no feature.
        features = (
            g.columns(numbers, [sent.index(i) for i in inputs.numbers], len(sent)) if inputs.numbers else ""
        )
        margin = self._merged.nodes(g, features, codes)
        if self.calibrator.curve is not None:
            margin = self.calibrator.curve.nodes(g, margin)
        names = [every[i].name for i in sent]
        columns = {name: g.columns(numbers, [names.index(name)], len(sent)) for name in self.ending.columns}
        publish_answers(g, margin, self.target, self.ending, columns)
        return g.to_bytes()
