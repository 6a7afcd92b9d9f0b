"""The Ending: what follows the calibrated margin in a model. How it becomes a number, or a decision a label.

Part of a Blend; in numpy for the training path and as nodes for the graph, which the parity report compares.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mlwright.base.decision import LIKELIEST, Decision
from mlwright.evaluation.decision import label_nodes, preferences
from mlwright.graph.build import GraphBuilder
from mlwright.statistics.links import MOST_LOG, Link, linked, unlinked

Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Ending:
    """For numbers: the link that margins live behind, the least answer (of a rate: the least rate), and the
    exposure that a rate is answered for; for classes: the decision that makes a label."""

    decision: Decision = LIKELIEST
    link: Link = "identity"
    exposure: str = ""
    """The number column that a predicted rate is multiplied by; "" where there is none."""
    floor: float | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The number columns that are needed as they were sent, beside the features."""
        return (*(one.column for one in self.decision.amounts), *([self.exposure] if self.exposure else []))

    def preferences(self, margin: Doubles, columns: Mapping[str, Doubles]) -> Doubles:
        """What the label is the greatest of, [N, K], from calibrated margins [N, K]; `columns` [N] each."""
        return preferences(self.decision, margin, columns)

    def number(self, margin: Doubles, columns: Mapping[str, Doubles]) -> Doubles:
        """The numbers that are answered [N] for margins [N]."""
        number = unlinked(margin, self.link)
        number = number if self.floor is None else np.maximum(number, self.floor)
        return number * columns[self.exposure] if self.exposure else number

    def behind_link(self, margin: Doubles) -> Doubles:
        """The margins [N] of what is answered for one unit of exposure: no less than the floor's."""
        return (
            margin
            if self.floor is None
            else linked(np.maximum(unlinked(margin, self.link), self.floor), self.link)
        )

    def label_nodes(self, g: GraphBuilder, margin: str, probability: str, columns: Mapping[str, str]) -> str:
        """The class numbers [N] from `margin` and `probability` [N, K]; `columns` double [N, 1] each."""
        return label_nodes(g, self.decision, margin, probability, columns)

    def number_nodes(self, g: GraphBuilder, margin: str, columns: Mapping[str, str]) -> str:
        """The numbers [N, 1] from `margin` [N, 1]."""
        if self.link == "log1p":
            margin = g.node("Exp", g.node("Min", margin, g.constant(MOST_LOG)))
            margin = g.node("Sub", margin, g.constant(1.0))
        if self.floor is not None:
            margin = g.node("Max", margin, g.constant(self.floor))
        return g.node("Mul", margin, columns[self.exposure]) if self.exposure else margin
