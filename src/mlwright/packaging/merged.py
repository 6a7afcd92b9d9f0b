"""All members of a Blend as one sum: the least that a graph must compute for their weighted margins.

Called by `blend` when it is written. Trees of all members stand over one matrix of just the features that
any of them asks for; linear members become one weight a feature, and tables where a feature is a category.
Weights, calibration and constants end up in leaves and tables.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from mlwright.features import FeaturePlan
from mlwright.features.linear import Indicators, Standardised
from mlwright.features.transform import CODE, Feature, Inputs, Lookup
from mlwright.graph.build import GraphBuilder
from mlwright.graph.packing import packed
from mlwright.graph.shared_trees import Shared, served, served_shape
from mlwright.graph.trees import LEQ, Doubles, Ints, Shape, Tree, Trees, tree_ensemble
from mlwright.learners import Config, Fitted
from mlwright.learners.linear import FittedLinear

_INT64 = 7
FEWEST_APART = 100
"""Trees without sets from which those with sets have an ensemble of their own."""
MOST_STEPS, MOST_STAIRCASES = 64, 40
"""Entries of a table, and tables, up to which they are trees: a walk takes 0.1 microseconds, a node 1."""


class Weighted(Protocol):
    """A member: what was fitted, on which view, and its share."""

    @property
    def config(self) -> Config: ...
    @property
    def fitted(self) -> Fitted: ...
    @property
    def weight(self) -> float: ...


@dataclass
class Merged:
    """A sum of trees, tables, weights and what else there is, over features of one plan."""

    plan: FeaturePlan
    outputs: int
    """Columns of the margin."""
    constant: Doubles
    """Added to every row [outputs]."""
    features: list[Feature] = field(default_factory=list)
    """The columns of the trees' matrix."""
    forest: Trees | None = None
    shared: Shared | None = None
    tables: dict[Feature, Doubles] = field(default_factory=dict)
    """By feature of whole numbers, what each of them adds [size, outputs]."""
    weights: dict[Feature, Doubles] = field(default_factory=dict)
    """By feature, what one of it adds [outputs]."""
    others: list[tuple[Weighted, float]] = field(default_factory=list)
    """Members that are neither trees nor weights, and their shares."""
    shapes: list[Shape | None] = field(default_factory=list)
    """By member, how large its trees alone are; None for what is no sum of trees."""

    @property
    def groups(self) -> list[list[Feature]]:
        """The features of each tensor it needs: of trees, of tables, of weights, then others' views."""
        views = [list(self.plan.layout(m.config.view)) for m, _ in self.others]
        return [self.features, list(self.tables), list(self.weights), *views]

    @property
    def inputs(self) -> Inputs:
        """The numbers, strings and codes that it rests on."""
        return self.plan.inputs_of([f for group in self.groups for f in group])

    def nodes(self, g: GraphBuilder, numbers: str, codes: str) -> str:
        """The margin [N, outputs]; `numbers` and `codes` hold the columns of `inputs`."""
        groups = self.groups
        there = [i for i, group in enumerate(groups) if group]
        made = self.plan.tensors(g, [groups[i] for i in there], numbers, codes, self.inputs)
        tensors = dict(zip(there, made, strict=True))
        parts = []
        rest = self.constant
        if self.forest is not None:
            first, *more = by_comparison(self.forest)
            parts.append(tree_ensemble(g, first.plus(rest), tensors[0]))
            parts += [tree_ensemble(g, second, tensors[0]) for second in more]
            rest = np.zeros(self.outputs)
        if self.shared is not None:
            parts.append(self.shared.nodes(g, tensors[0]))
        if self.tables:
            parts.append(self._table_nodes(g, tensors[1]))
        if self.weights:
            parts.append(g.node("MatMul", tensors[2], g.constant(np.stack(list(self.weights.values())))))
        for i, (m, weight) in enumerate(self.others, start=3):
            parts.append(g.node("Mul", m.fitted.nodes(g, tensors[i]), g.constant(weight)))
        if rest.any():
            parts.append(g.constant(rest))
        return g.node("Add" if len(parts) == 2 else "Sum", *parts) if len(parts) > 1 else parts[0]

    def _table_nodes(self, g: GraphBuilder, codes: str) -> str:
        tables = list(self.tables.values())
        starts = np.cumsum([0, *map(len, tables[:-1])]).astype(np.int64)
        places = g.node("Cast", codes, to=_INT64)
        if len(tables) > 1:
            places = g.node("Add", places, g.constant(starts))
        rows = np.concatenate(tables)
        if self.outputs == 1:
            found = g.node("Gather", g.constant(rows[:, 0]), places, axis=0)
            return found if len(tables) == 1 else g.node("ReduceSum", found, g.constant(np.array([1])))
        found = g.node("Gather", g.constant(rows), places, axis=0)
        return g.node("ReduceSum", found, g.constant(np.array([1])), keepdims=0)


def merge(
    plan: FeaturePlan, members: Sequence[Weighted], outputs: int, slope: float, constant: Doubles
) -> Merged:
    """The sum of the members' margins, weighted and times `slope`, plus `constant` [outputs]."""
    merged = Merged(plan, outputs, np.array(constant, dtype=np.float64))
    trees: list[Grown] = []
    for m in members:
        weight = m.weight * slope
        grown = m.fitted.trees()
        merged.shapes.append(None)
        if grown is not None:
            shared, single = served(grown.scaled(weight))
            merged.shapes[-1] = served_shape(shared, single)
            trees.append((m.config.view, shared, single))
        elif isinstance(m.fitted, FittedLinear):
            merged.constant = merged.constant + weight * m.fitted.intercept
            _add_weights(merged, plan.layout(m.config.view), weight * m.fitted.weights)
        else:
            merged.others.append((m, weight))
    _add_trees(merged, trees)
    if not any(merged.groups):  # a constant: any column tells how many rows there are
        merged.features = [plan.layout(members[0].config.view)[0]]
    if not (merged.forest or merged.shared or merged.tables or merged.weights or merged.others):
        none: Ints = np.zeros(0, dtype=np.int64)
        leaf = Tree(none, np.zeros(0), none, none, none, none, np.zeros(1))
        merged.forest = Trees((leaf,) * outputs, tuple(range(outputs)), outputs, np.zeros(outputs))
    elif merged.forest is None:
        _place_constant(merged)
    return merged


def _add_weights(merged: Merged, features: Sequence[Feature], weights: Doubles) -> None:
    """Adds weights [F, outputs] to those of the features, or to tables where features are categories."""
    for feature, row in zip(features, weights, strict=True):
        if not row.any():
            continue
        table = _as_table(merged.plan, feature)
        if table is None:
            merged.weights[feature] = merged.weights.get(feature, 0.0) + row
        else:
            source, values = table
            merged.tables[source] = merged.tables.get(source, 0.0) + np.outer(values, row)


def _as_table(plan: FeaturePlan, feature: Feature) -> tuple[Feature, Doubles] | None:
    """The codes that a feature depends on alone and its value for each of them; None for what has others."""
    if feature.transform == CODE:
        return None
    transform, column = plan.transform(feature.transform), feature.column
    if isinstance(transform, Lookup):
        return transform.sources[column], transform.tables[column]
    if isinstance(transform, Indicators) and transform.sources[column].transform == CODE:
        source = transform.sources[column]
        sizes = plan.dictionary.sizes
        if source.column < len(sizes):  # else the count of a word
            return source, (np.arange(sizes[source.column]) == transform.values[column]).astype(np.float64)
    if isinstance(transform, Standardised) and not transform.guarded:
        inner = _as_table(plan, transform.sources[column])
        if inner is not None:
            centre, scale = transform.scales[:, column]
            return inner[0], (inner[1] - centre) * scale
    return None


Grown = tuple[str, Shared | None, Trees]
"""A member's view, its trees of one structure for several outputs, and its others."""


def _add_trees(merged: Merged, members: Sequence[Grown]) -> None:
    """Joins the trees of all members over one matrix."""
    if not members:
        return
    layouts = {view: merged.plan.layout(view) for view, _, _ in members}
    asked = set[Feature]()
    for view, shared, single in members:
        columns = single.features | (shared.walks.features if shared else set())
        asked |= {layouts[view][c] for c in columns}
    small = _small_tables(merged)
    # By transform, then by column: most of the matrix is then whole tensors side by side.
    whole = dict.fromkeys(f for layout in layouts.values() for f in layout) | dict.fromkeys(small)
    order = {name: i for i, name in enumerate(dict.fromkeys(f.transform for f in whole))}
    merged.features = sorted(asked | small.keys(), key=lambda f: (order[f.transform], f.column))
    place = {f: i for i, f in enumerate(merged.features)}
    steps = tuple(_staircase(place[f], table[:, 0]) for f, table in small.items())
    forest = packed(Trees(steps, (0,) * len(steps), merged.outputs, np.zeros(merged.outputs)))
    for view, shared, single in members:
        moved = np.array([place.get(f, 0) for f in layouts[view]], dtype=np.int64)
        forest = forest.added(single.over(moved))
        if shared is not None:
            over = replace(shared, walks=shared.walks.over(moved))
            merged.shared = over if merged.shared is None else merged.shared.joined(over)
    merged.constant = merged.constant + np.broadcast_to(forest.bias, (merged.outputs,))
    merged.forest = Trees(forest.trees, forest.target, forest.outputs) if forest.trees else None


def by_comparison(forest: Trees) -> list[Trees]:
    """The trees, those that ask for sets apart where there are many others: one kind of comparison lets
    onnxruntime walk a fifth faster, which is then more than a node."""
    with_sets = np.array([bool(t.sets) for t in forest.trees])
    if not with_sets.any() or (~with_sets).sum() < FEWEST_APART:
        return [forest]
    return [forest.only(np.flatnonzero(~with_sets)), forest.only(np.flatnonzero(with_sets))]


def _small_tables(merged: Merged) -> dict[Feature, Doubles]:
    """Takes out the tables that cost less as trees beside the others than as nodes: small, of one output."""
    if merged.outputs > 1:
        return {}
    small = {f: t for f, t in merged.tables.items() if len(t) <= MOST_STEPS}
    if len(small) > MOST_STAIRCASES:
        return {}
    merged.tables = {f: t for f, t in merged.tables.items() if f not in small}
    return small


def _staircase(column: int, values: Doubles) -> Tree:
    """A tree that gives `values[code]` for the whole number `code` in `column` of the matrix."""
    last = np.flatnonzero(np.append(values[1:] != values[:-1], True))
    leaf = values[last]
    split, true, false = list[float](), list[int](), list[int]()

    def grow(low: int, high: int) -> int:
        """Splits leaves low..high in the middle; returns the child that stands for them."""
        if low == high:
            return ~low
        middle, node = (low + high) // 2, len(split)
        split.append(float(last[middle]) + 0.5)
        true.append(0)
        false.append(0)
        true[node], false[node] = grow(low, middle), grow(middle + 1, high)
        return node

    grow(0, len(leaf) - 1)
    none = np.zeros(len(split), dtype=np.int64)
    true_, false_ = np.array([true, false], dtype=np.int64)
    return Tree(none + column, np.array(split, dtype=np.float64), none + LEQ, true_, false_, none, leaf)


def _place_constant(merged: Merged) -> None:
    """Adds the constant to a table, where there is one: one node less than adding it to the sum."""
    if merged.tables:
        first = next(iter(merged.tables))
        merged.tables[first] = merged.tables[first] + merged.constant
        merged.constant = np.zeros(merged.outputs)
    elif merged.shared is not None:
        merged.shared = merged.shared.plus(merged.constant)
        merged.constant = np.zeros(merged.outputs)
