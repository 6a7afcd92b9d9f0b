"""A fitted regression kept above a floor, for metrics that do not exist below it (rmsle at -1)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mlwright.graph.build import GraphBuilder
from mlwright.learners.protocol import Doubles, Fitted, Settings


@dataclass(frozen=True)
class Floored:
    """`fitted`, its predictions raised to `floor` where they lie below it; the same in the graph."""

    fitted: Fitted
    floor: float

    @property
    def rounds(self) -> int:
        return self.fitted.rounds

    @property
    def settled(self) -> Settings:
        return self.fitted.settled

    def predict(self, x: Doubles, rounds: int | None = None) -> Doubles:
        return np.maximum(self.fitted.predict(x, rounds), self.floor)

    def nodes(self, g: GraphBuilder, matrix: str) -> str:
        return g.node("Max", self.fitted.nodes(g, matrix), g.constant(self.floor))
