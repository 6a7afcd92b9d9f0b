"""FeaturePlan: everything fitted between decoded columns and the matrices that learners see.

Fitted on the training rows of one fold, and once more on all rows for the model that ships. It holds
transforms by name, and views: lists of features. The matrix of a view is computed by the very nodes that
`feature_nodes` writes into the shipped graph.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from mlwright.base.errors import UnknownName
from mlwright.features.categories import Dictionary, fit_folds
from mlwright.features.coding import Coding
from mlwright.features.fitted import Transforms
from mlwright.features.linear import Standardised
from mlwright.features.rich import KINDS
from mlwright.features.table import Table
from mlwright.features.transform import CODE, NUMBER, Feature, Inputs, Transform, build_each, closure
from mlwright.features.views import MOST_MEMBERS, VIEWS, fit_first, layout_of
from mlwright.graph.build import GraphBuilder

Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass
class FeaturePlan:
    """A fitted plan, made by `fit`. It keeps the table it was fitted on, for its vocabularies and schema.

    What only some views use is fitted when such a view is first asked for.
    """

    fitted: Transforms
    kinds: tuple[str, ...] = KINDS
    """The kinds of generated features that the view `rich` may have."""
    _layouts: dict[str, tuple[Feature, ...]] = field(default_factory=dict)

    @classmethod
    def fit(
        cls,
        table: Table,
        y: Doubles,
        *,
        seed: int,
        threads: int = 1,
        groups: Ints | None = None,
        bound: frozenset[int] = frozenset(),
    ) -> FeaturePlan:
        """Fits on all rows of `table` with targets `y` [N, K] (class indicators, or the number itself).

        Rows of one group, where `groups` [N] are given, are cross-fitted together, so that no encoding tells
        a learner what else it knows of the same entity.
        """
        fold = fit_folds(len(table), seed, groups)
        fitted = Transforms(table, y, fold, Coding.fit(table, y, fold), seed, threads, bound)
        fit_first(fitted)
        return cls(fitted)

    @property
    def table(self) -> Table:
        """The rows it was fitted on."""
        return self.fitted.table

    def over(self, table: Table) -> FeaturePlan:
        """The same plan beside other rows of the same table, for who compares what it makes of them."""
        return replace(self, fitted=replace(self.fitted, table=table))

    @property
    def dictionary(self) -> Dictionary:
        """The codes of categories."""
        return self.fitted.coding.dictionary

    @property
    def code_width(self) -> int:
        """Columns of the whole tensor `codes`."""
        return self.fitted.coding.width

    def layout(self, view: str) -> tuple[Feature, ...]:
        """The features that are the view's columns, in order. Raises `UnknownName`."""
        if view not in VIEWS:
            raise UnknownName("view", view, VIEWS)
        if view not in self._layouts:
            self._layouts[view] = tuple(layout_of(view, self.fitted, self.kinds))
        return self._layouts[view]

    def directions(self, view: str, wanted: Mapping[int, int]) -> tuple[int, ...]:
        """For each column of the view 1 or -1 where it is a number that `wanted` has by its place, else 0."""
        scaled = self.fitted.held.get("scaled")
        of = scaled.sources if isinstance(scaled, Standardised) else ()
        numbers = (of[f.column] if f.transform == "scaled" else f for f in self.layout(view))
        return tuple(wanted.get(f.column, 0) if f.transform == NUMBER else 0 for f in numbers)

    def members(self, view: str) -> list[int]:
        """The matrix columns that hold codes to be split by set membership."""
        return self.sets(self.layout(view)) if view == "tree" else []

    def untaught(self) -> list[Feature]:
        """The features of the view `tree` that no target had a say in: numbers, parts of datetimes, codes of
        categories."""
        categories = self.fitted.coding.categories
        taught = {f for f in self.layout("tree") if f.transform == CODE and f not in categories}
        return [f for f in self.layout("tree") if f.transform != "encoding" and f not in taught]

    def sets(self, features: Sequence[Feature]) -> list[int]:
        """The places among `features` of the codes that trees split by set membership."""
        few = {f for f, size in self.fitted.coding.categories.items() if size <= MOST_MEMBERS}
        return [i for i, f in enumerate(features) if f in few]

    def matrix(self, view: str, table: Table, *, training: bool = False) -> Doubles:
        """The view's matrix [N, width] of `table`, computed by the graph's own nodes.

        With `training`, `table` must be the rows the plan was fitted on: target encodings are then the
        cross-fitted ones, so that no row's own target is among what it is given. Raises `UnknownName`.
        """
        return self.values(self.layout(view), table, training=training)

    def matrices(self, view: str, rows: Table, others: Table) -> tuple[Doubles, Doubles]:
        """The view's matrices of the rows that the plan was fitted on, as with `training`, and of others."""
        return self.fitted.both(self.layout(view), rows, others)

    def values(self, features: Sequence[Feature], table: Table, *, training: bool = False) -> Doubles:
        """The matrix [N, len(features)] of `table`; as `matrix`, for any features of any views."""
        return self.fitted.values(features, table, training=training)

    def inputs_of(self, features: Sequence[Feature]) -> Inputs:
        """Which numbers, strings and codes these features rest on: all else may go from the graph."""
        return self.fitted.coding.inputs_of(closure(self.fitted.held, features))

    def code_nodes(self, g: GraphBuilder, strings: str, inputs: Inputs | None = None) -> str:
        """The tensor `codes` from the input `strings` [N, b]: the single cut between text and numbers.

        With `inputs`, `strings` holds the columns `inputs.strings` alone and the result `inputs.codes`:
        dictionaries and words of all others are not written.
        """
        return self.fitted.coding.nodes(g, strings, inputs)

    def feature_nodes(
        self,
        g: GraphBuilder,
        features: Sequence[Feature],
        numbers: str,
        codes: str,
        inputs: Inputs | None = None,
    ) -> str:
        """The tensor [N, len(features)] of any features of any views: each is built once, and nothing else.

        `numbers` and `codes` are the whole tensors, or with `inputs` (what `inputs_of` gave for these
        features or for more) only its columns; "" stands for a tensor without columns.
        """
        return self.tensors(g, [features], numbers, codes, inputs)[0]

    def tensors(
        self,
        g: GraphBuilder,
        groups: Sequence[Sequence[Feature]],
        numbers: str,
        codes: str,
        inputs: Inputs | None = None,
    ) -> list[str]:
        """As `feature_nodes`, a tensor for each of `groups`: what they have in common is built once."""
        kept = inputs or self.fitted.coding.everything
        given = {NUMBER: (numbers, kept.numbers), CODE: (codes, kept.codes)}
        return build_each(g, self.fitted.held, groups, given)

    def transform(self, name: str) -> Transform | None:
        """The fitted transform called `name`; None for the numbers and codes themselves."""
        return self.fitted.held.get(name)

    def nodes(self, g: GraphBuilder, view: str, numbers: str, codes: str) -> str:
        """The view's matrix as a tensor [N, width] from the whole tensors `numbers` and `codes`."""
        return self.feature_nodes(g, self.layout(view), numbers, codes)
