"""Transforms: the fitted steps of one plan, by name, over the rows that they were fitted on.

`views` adds to them, `FeaturePlan` asks them. Values are computed by the nodes that will serve; for the rows
of the fit, cross-fitted values stand in for those of the transforms that hold targets.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from mlwright.features.coding import Coding
from mlwright.features.screening import worth
from mlwright.features.table import Table
from mlwright.features.transform import CODE, NUMBER, Feature, Transform, build, closure
from mlwright.graph.build import GraphBuilder
from mlwright.graph.running import session

Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Array = TypeVar("Array", Doubles, Ints)

MOST_SCALED = 50_000
"""Rows that means and deviations are taken of."""
_CHUNK = 32_768


@dataclass
class Transforms:
    """What was fitted so far; `held` is in order: each rests on earlier ones."""

    table: Table
    y: Doubles
    """The targets of the fit, [N, K]."""
    fold: Ints
    """The fold of each row for cross-fitting."""
    coding: Coding
    seed: int = 0
    threads: int = 1
    bound: frozenset[int] = frozenset()
    """Places among the numbers that no feature but the number itself (and its absence) may be made of, for
    the answer is to be monotone in them."""
    held: dict[str, Transform] = field(default_factory=dict)

    def add(self, transform: Transform) -> list[Feature]:
        """Registers a transform, once; gives its features."""
        kept = self.held.setdefault(transform.name, transform)
        return [Feature(kept.name, c) for c in range(kept.width)]

    def features(self, name: str) -> list[Feature]:
        """The features of a transform; none where there is no such transform."""
        return [Feature(name, c) for c in range(self.held[name].width)] if name in self.held else []

    def is_free(self, feature: Feature) -> bool:
        """Whether a feature rests on no number that is bound."""
        if not self.bound:
            return True
        return not self.bound.intersection(closure(self.held, [feature]).get(NUMBER, ()))

    def values(self, features: Sequence[Feature], table: Table, *, training: bool = False) -> Doubles:
        """The matrix [N, len(features)] of `table`; with `training`, its rows are those of the fit."""
        known = self._known() if training else {}
        return self._running(features, known, self.held)(table)

    def both(self, features: Sequence[Feature], rows: Table, others: Table) -> tuple[Doubles, Doubles]:
        """The matrices of the rows of the fit and of other rows, by one graph where it is the same."""
        known = self._known()
        running = self._running(features, known, self.held)
        if not closure(self.held, features, known).keys() & known.keys():
            return running(rows), running(others)
        return running(rows), self.values(features, others)

    def read(self, features: Sequence[Feature], rows: Ints | None, extra: Mapping[str, Transform]) -> Doubles:
        """Values of the training rows (all, or `rows`), cross-fitted, with further transforms."""
        transforms = self.held | dict(extra)
        table = self.table if rows is None else self.table.rows(rows)
        at = slice(None) if rows is None else rows
        # What was fitted on a sample has the training values of the sample.
        fitted = {
            k: t.training if k in extra else t.training[at]
            for k, t in transforms.items()
            if t.training is not None
        }
        return self._running(features, fitted, transforms)(table)

    def sampled(self, features: Sequence[Feature], most: int = MOST_SCALED) -> Doubles:
        """Values of evenly spaced training rows, at most `most`."""
        rows = _spaced(np.arange(len(self.table)), most)
        return self.read(features, None if len(rows) == len(self.table) else rows, {})

    def telling(self, features: list[Feature], most: int) -> list[Feature]:
        """At most `most` of them: those that tell most of the target on their own."""
        if len(features) <= most:
            return features
        told = worth(self.sampled(features, 2_000), _spaced(self.y, 2_000))
        return [features[i] for i in np.sort(np.argsort(-told, kind="stable")[:most])]

    def _known(self) -> dict[str, Doubles]:
        """Cross-fitted values of the training rows, by transform."""
        return {k: t.training for k, t in self.held.items() if t.training is not None}

    def _running(
        self, features: Sequence[Feature], fitted: Mapping[str, Doubles], transforms: Mapping[str, Transform]
    ) -> Callable[[Table], Doubles]:
        """What runs the nodes of `features` over a table; values of what is in `fitted` come from there."""
        wanted = closure(transforms, features, fitted)
        given = {k: (v, wanted[k]) for k, v in fitted.items() if k in wanted}
        inputs = self.coding.inputs_of(wanted)
        g = GraphBuilder()
        tensors = {k: (g.input(k, "float64", len(columns)), columns) for k, (_, columns) in given.items()}
        if inputs.numbers:
            tensors[NUMBER] = g.input("numbers", "float64", len(inputs.numbers)), inputs.numbers
        if inputs.codes:
            tensors[CODE] = g.input("codes", "float64", len(inputs.codes)), inputs.codes
        g.output("matrix", build(g, transforms, features, tensors), "float64", len(features))
        run = session(g.to_bytes(), threads=self.threads)

        def running(table: Table) -> Doubles:
            out = np.empty((len(table), len(features)))
            for at in range(0, len(table), _CHUNK):
                rows = np.arange(at, min(at + _CHUNK, len(table)))
                part = table if len(rows) == len(table) else table.rows(rows)
                feeds = {k: v[rows][:, list(columns)] for k, (v, columns) in given.items()}
                if inputs.numbers:
                    feeds["numbers"] = part.numbers[:, list(inputs.numbers)]
                if inputs.codes:
                    feeds["codes"] = self.coding.values(part, inputs.codes)
                out[rows] = run.run(None, {k: np.ascontiguousarray(v) for k, v in feeds.items()})[0]
            return out

        return running


def _spaced(rows: Array, most: int) -> Array:
    """Every so many-th, at most `most`."""
    return rows[:: max(1, -(-len(rows) // most))]
