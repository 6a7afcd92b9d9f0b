"""Transform: a fitted step from columns to features that knows its graph nodes, and how several are built.

`FeaturePlan` holds transforms by name; each says which features of earlier ones its columns are made of, so
that a graph holds only what is asked for, each thing once. It knows nothing of views, rows or learners.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from mlwright.graph.build import GraphBuilder

Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

NUMBER, CODE = "number", "code"
"""The two transforms that are not computed: the columns of the tensors `numbers` and `codes`."""


class Feature(NamedTuple):
    """One column of one transform of a plan."""

    transform: str
    column: int


class Transform(Protocol):
    """A fitted step. Immutable; `nodes` builds the wanted columns and nothing else."""

    @property
    def name(self) -> str:
        """What features call it; unique within a plan."""

    @property
    def width(self) -> int:
        """How many columns it has."""

    @property
    def training(self) -> Doubles | None:
        """For the rows it was fitted on, what learners are given in its place: cross-fitted [rows, width].

        None where training and serving see the same.
        """

    def needs(self, columns: Sequence[int]) -> list[Feature]:
        """The features of earlier transforms that `columns` are made of."""

    def nodes(self, g: GraphBuilder, built: Built, columns: Sequence[int]) -> str:
        """The columns `columns` as a double [N, len(columns)], from what `built.take` gives."""


@dataclass(frozen=True)
class Inputs:
    """Which columns the tensors hold that features are built from, in ascending order."""

    numbers: tuple[int, ...]
    """Places in `schema.numbers`."""
    strings: tuple[int, ...]
    """Places in `schema.strings`."""
    codes: tuple[int, ...]
    """Places in the plan's full `codes` tensor."""


@dataclass
class Built:
    """Tensors made so far in one graph, by transform, and which of its columns each holds."""

    g: GraphBuilder
    tensors: dict[str, tuple[str, tuple[int, ...]]] = field(default_factory=dict)
    _made: dict[tuple[object, ...], str] = field(default_factory=dict)

    def take(self, features: Sequence[Feature]) -> str:
        """These features side by side as [N, len(features)], in this order, repeats included."""
        runs = [(name, [f.column for f in run]) for name, run in groupby(features, key=lambda f: f.transform)]
        names = list(dict.fromkeys(name for name, _ in runs))
        if len(names) == len(runs):
            return self._concat([self._gather(*self.tensors[name], columns) for name, columns in runs])
        # Interleaved: everything side by side, then a single gather.
        whole = self._concat([self.tensors[name][0] for name in names])
        starts = np.cumsum([0] + [len(self.tensors[name][1]) for name in names])
        start = dict(zip(names, starts.tolist(), strict=False))
        places = [start[n] + self.tensors[n][1].index(c) for n, c in features]
        return self._gather(whole, tuple(range(int(starts[-1]))), places)

    def _gather(self, tensor: str, held: tuple[int, ...], columns: list[int]) -> str:
        if columns == list(held):
            return tensor
        key = ("gather", tensor, *columns)
        if key not in self._made:
            place = {c: i for i, c in enumerate(held)}
            self._made[key] = self.g.columns(tensor, [place[c] for c in columns], len(held))
        return self._made[key]

    def _concat(self, tensors: list[str]) -> str:
        key = ("concat", *tensors)
        if key not in self._made:
            self._made[key] = self.g.concat(tensors)
        return self._made[key]


Wanted = dict[str, tuple[int, ...]]


def closure(
    transforms: Mapping[str, Transform], features: Sequence[Feature], given: Collection[str] = ()
) -> Wanted:
    """Every transform that `features` rest on, with its wanted columns in ascending order.

    `transforms` is in order of fitting: each rests on earlier ones, or on NUMBER and CODE. Those in `given`
    are taken as they come, whatever they rest on.
    """
    wanted: dict[str, set[int]] = {}
    for f in features:
        wanted.setdefault(f.transform, set()).add(f.column)
    for name in reversed(list(transforms)):
        if name in wanted and name not in given:
            for f in transforms[name].needs(sorted(wanted[name])):
                wanted.setdefault(f.transform, set()).add(f.column)
    return {name: tuple(sorted(columns)) for name, columns in wanted.items()}


def build(
    g: GraphBuilder,
    transforms: Mapping[str, Transform],
    features: Sequence[Feature],
    given: Mapping[str, tuple[str, tuple[int, ...]]],
) -> str:
    """The tensor of `features` [N, len(features)]; `given` has tensors and their columns by transform."""
    return build_each(g, transforms, [features], given)[0]


def build_each(
    g: GraphBuilder,
    transforms: Mapping[str, Transform],
    groups: Sequence[Sequence[Feature]],
    given: Mapping[str, tuple[str, tuple[int, ...]]],
) -> list[str]:
    """A tensor for each of `groups`, what they have in common built once; `given` as for `build`."""
    wanted = closure(transforms, [f for features in groups for f in features], given)
    built = Built(g, dict(given))
    for name, transform in transforms.items():
        if name in wanted and name not in given:
            built.tensors[name] = transform.nodes(g, built, wanted[name]), wanted[name]
    return [built.take(features) for features in groups]


@dataclass(frozen=True)
class Derived:
    """What transforms have in common whose column i is made of one feature, `sources[i]`, alone."""

    name: str
    sources: tuple[Feature, ...]

    @property
    def width(self) -> int:
        return len(self.sources)

    @property
    def training(self) -> Doubles | None:
        return None

    def needs(self, columns: Sequence[int]) -> list[Feature]:
        return [self.sources[c] for c in columns]


@dataclass(frozen=True)
class Lookup(Derived):
    """Tables looked up by codes: column i is `tables[i][source i]`, all in a single Gather.

    Sources hold whole numbers from 0 to the length of their table less one.
    """

    tables: tuple[Doubles, ...]
    fitted_values: Doubles | None = None
    """`training`, where the tables hold targets."""

    @property
    def training(self) -> Doubles | None:
        return self.fitted_values

    def nodes(self, g: GraphBuilder, built: Built, columns: Sequence[int]) -> str:
        tables = [self.tables[c] for c in columns]
        starts = np.concatenate([[0], np.cumsum([len(t) for t in tables])[:-1]]).astype(np.int64)
        index = g.node("Cast", built.take(self.needs(columns)), to=7)
        if len(columns) > 1:
            index = g.node("Add", index, g.constant(starts))
        return g.node("Gather", g.constant(np.concatenate(tables)), index, axis=0)
