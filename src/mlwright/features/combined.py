"""Transforms that combine features: sums, differences, products, ratios; crossed codes; codes of numbers.

Made by `generated`. Each is a handful of nodes whatever its width: a Gather for each side, then the operator.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mlwright.features.transform import Built, Derived, Feature
from mlwright.graph.build import ML, GraphBuilder

Doubles = npt.NDArray[np.float64]

OPERATORS = {"sum": "Add", "difference": "Sub", "product": "Mul", "ratio": "Div"}


@dataclass(frozen=True)
class Pairs:
    """One arithmetic operation on pairs of features. A ratio to zero is missing."""

    name: str
    """One of OPERATORS, with whatever suffix."""
    operation: str
    pairs: tuple[tuple[Feature, Feature], ...]

    @property
    def width(self) -> int:
        return len(self.pairs)

    @property
    def training(self) -> Doubles | None:
        return None

    def needs(self, columns: Sequence[int]) -> list[Feature]:
        return [f for c in columns for f in self.pairs[c]]

    def nodes(self, g: GraphBuilder, built: Built, columns: Sequence[int]) -> str:
        left = built.take([self.pairs[c][0] for c in columns])
        right = built.take([self.pairs[c][1] for c in columns])
        if self.operation == "ratio":
            zero = g.node("Equal", right, g.constant(0.0))
            right = g.node("Where", zero, g.constant(float("nan")), right)
        return g.node(OPERATORS[self.operation], left, right)


@dataclass(frozen=True)
class Ranges(Derived):
    """Numbers as codes: 0 missing, else one more than the borders that the number is at or above."""

    borders: tuple[Doubles, ...]
    """Ascending, by column."""

    @property
    def sizes(self) -> list[int]:
        """By column, the number of codes."""
        return [len(b) + 2 for b in self.borders]

    def nodes(self, g: GraphBuilder, built: Built, columns: Sequence[int]) -> str:
        # All columns take as many comparisons as the longest: what is missing to that is above every number.
        most = max(len(self.borders[c]) for c in columns) + 1
        borders = np.full((len(columns), most), np.inf)
        for i, c in enumerate(columns):
            borders[i, 0] = -np.inf
            borders[i, 1 : len(self.borders[c]) + 1] = self.borders[c]
        spread = g.node(
            "Reshape", built.take(self.needs(columns)), g.constant(np.array([-1, len(columns), 1]))
        )
        reached = g.node("Cast", g.node("GreaterOrEqual", spread, g.constant(borders)), to=11)
        return g.node("ReduceSum", reached, g.constant(np.array([2])), keepdims=0)


@dataclass(frozen=True)
class Crossed:
    """Pairs of codes as one code: 0 for pairs seen too seldom, then the known pairs, each pair of columns
    for itself. One table holds the known pairs of all columns."""

    name: str
    pairs: tuple[tuple[Feature, Feature], ...]
    strides: tuple[int, ...]
    """By column, the number of codes of its second feature."""
    known: tuple[npt.NDArray[np.int64], ...]
    """By column, first code times stride plus second, of the pairs that have a code of their own."""

    @property
    def width(self) -> int:
        return len(self.pairs)

    @property
    def training(self) -> Doubles | None:
        return None

    @property
    def sizes(self) -> list[int]:
        return [len(k) + 1 for k in self.known]

    def needs(self, columns: Sequence[int]) -> list[Feature]:
        return [f for c in columns for f in self.pairs[c]]

    def nodes(self, g: GraphBuilder, built: Built, columns: Sequence[int]) -> str:
        first = built.take([self.pairs[c][0] for c in columns])
        second = built.take([self.pairs[c][1] for c in columns])
        strides = np.array([float(self.strides[c]) for c in columns])
        key = g.node("Add", g.node("Mul", first, g.constant(strides)), second)
        keys, values, start = [], [], 0.0
        starts = []
        for c in columns:
            starts.append(start)
            keys.append(self.known[c] + start)
            values.append(np.arange(1, len(self.known[c]) + 1, dtype=np.float64))
            # Beyond any key of this column: codes of the first feature are below 2**20.
            start += 2.0**20 * self.strides[c]
        if len(columns) > 1:
            key = g.node("Add", key, g.constant(np.array(starts)))
        return g.node(
            "LabelEncoder",
            key,
            domain=ML,
            keys_tensor=np.concatenate(keys),
            values_tensor=np.concatenate(values),
            default_tensor=np.zeros(1),
        )
