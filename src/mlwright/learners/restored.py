"""A fitted regression brought back to the target's own numbers.

Learners are given a centred target, because LightGBM and CatBoost keep labels in float32, which cannot tell
apart times in seconds. A floor keeps answers where the metric exists (rmsle ends at -1).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mlwright.graph.build import GraphBuilder
from mlwright.learners.protocol import Doubles, Fitted, Settings


@dataclass(frozen=True)
class Restored:
    """`fitted`, its predictions moved by `shift` and raised to `floor` (None: no floor); the graph alike."""

    fitted: Fitted
    shift: float
    floor: float | None = None

    @property
    def rounds(self) -> int:
        return self.fitted.rounds

    @property
    def settled(self) -> Settings:
        return self.fitted.settled

    def predict(self, x: Doubles, rounds: int | None = None) -> Doubles:
        moved = self.fitted.predict(x, rounds) + self.shift
        return moved if self.floor is None else np.maximum(moved, self.floor)

    def nodes(self, g: GraphBuilder, matrix: str) -> str:
        moved = g.node("Add", self.fitted.nodes(g, matrix), g.constant(self.shift))
        return moved if self.floor is None else g.node("Max", moved, g.constant(self.floor))
