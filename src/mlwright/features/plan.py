"""FeaturePlan: everything fitted between decoded columns and the matrices that learners see.

Fitted on the training rows of one fold, and once more on all rows for the model that ships. It holds
transforms by name, and views: lists of features. `tree` keeps codes for set membership, `encoded` replaces
them by target encodings, `linear` is standardised with indicators. The matrix of a view is computed by the
very nodes that `feature_nodes` writes into the shipped graph.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from mlwright.base.errors import UnknownName
from mlwright.features.categories import (
    Dictionary,
    fit_dictionary,
    fit_folds,
    fit_target_encoding,
    worthwhile_pairs,
    zero_nodes,
)
from mlwright.features.curved import MOST_NEAR, fit_bends, fit_nearness
from mlwright.features.datetimes import PARTS, Moments
from mlwright.features.linear import Indicators, Logs, Missing, Standardised, scales_of
from mlwright.features.rich import KINDS, Source, generate
from mlwright.features.running import session
from mlwright.features.screening import worth
from mlwright.features.table import Table
from mlwright.features.text import choose_tokens, count_nodes
from mlwright.features.transform import (
    CODE,
    NUMBER,
    Feature,
    Inputs,
    Lookup,
    Transform,
    build,
    build_each,
    closure,
)
from mlwright.graph.build import GraphBuilder

Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Array = TypeVar("Array", Doubles, Ints)
VIEWS = ("tree", "encoded", "linear", "rich", "rich-linear")

MOST_TOKENS = 300
MOST_ONE_HOT = 40
"""Codes above which a column is target-encoded rather than one-hot."""
MOST_MEMBERS = 64
"""Codes above which trees see a column's frequency rank and target encoding rather than a set of codes."""
MOST_ENCODINGS = 400
"""Target encodings kept, of the most telling columns and classes: each column could have one a class."""
MOST_ENCODING_CELLS = 1_000_000
MOST_LINEAR = 1_000
"""Numbers, and indicators of codes, of the linear view: those that tell most of the target."""
MOST_SCALED = 50_000
"""Rows that means and deviations are taken of."""
_CHUNK = 32_768


@dataclass
class FeaturePlan:
    """A fitted plan, made by `fit`. It keeps the table it was fitted on, for its vocabularies and schema.

    What only some views use is fitted when such a view is first asked for.
    """

    table: Table
    y: Doubles
    """The targets it was fitted on, [N, K]."""
    dictionary: Dictionary
    tokens: tuple[Ints, ...]
    fold: Ints
    """The fold of each row for cross-fitting."""
    seed: int = 0
    threads: int = 1
    bound: frozenset[int] = frozenset()
    """Places among the numbers that no feature but the number itself (and its absence) may be made of, for
    the answer is to be monotone in them."""
    kinds: tuple[str, ...] = KINDS
    """The kinds of generated features that the view `rich` may have."""
    _transforms: dict[str, Transform] = field(default_factory=dict)
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
        dictionary = fit_dictionary(table.ids, table.vocabularies)
        budget = max(20, min(MOST_TOKENS, int(2e8 // max(len(table), 1))))
        tokens = tuple(choose_tokens(t, y, budget) for t in table.texts)
        fold = fit_folds(len(table), seed, groups)
        plan = cls(table, y, dictionary, tokens, fold, seed, threads, bound)
        moments = [i for i, c in enumerate(table.schema.numbers) if c.kind == "datetime"]
        if moments:
            plan._add(Moments("moment", tuple(Feature(NUMBER, i) for i in moments)))
        if table.vocabularies:
            plan._add(plan._fit_encoding())
        return plan

    @property
    def code_width(self) -> int:
        return len(self.table.vocabularies) + sum(map(len, self.tokens)) or int(self._is_blank)

    def layout(self, view: str) -> tuple[Feature, ...]:
        """The features that are the view's columns, in order. Raises `UnknownName`."""
        if view not in VIEWS:
            raise UnknownName("view", view, VIEWS)
        if view not in self._layouts:
            made = {
                "linear": self._linear,
                "rich": self._rich,
                "rich-linear": self._rich_linear,
            }.get(view)
            features = made() if made else self._plain(view)
            own = (NUMBER, "scaled", "missing")
            self._layouts[view] = tuple(f for f in features if f.transform in own or self._is_free(f))
        return self._layouts[view]

    def directions(self, view: str, wanted: Mapping[int, int]) -> tuple[int, ...]:
        """For each column of the view 1 or -1 where it is a number that `wanted` has by its place, else 0."""
        scaled = self._transforms.get("scaled")
        of = scaled.sources if isinstance(scaled, Standardised) else ()
        numbers = (of[f.column] if f.transform == "scaled" else f for f in self.layout(view))
        return tuple(wanted.get(f.column, 0) if f.transform == NUMBER else 0 for f in numbers)

    def _is_free(self, feature: Feature) -> bool:
        """Whether a feature rests on no number that is bound."""
        if not self.bound:
            return True
        return not self.bound.intersection(closure(self._transforms, [feature]).get(NUMBER, ()))

    def members(self, view: str) -> list[int]:
        """The matrix columns that hold codes to be split by set membership."""
        if view != "tree":
            return []
        few = {Feature(CODE, j) for j, size in enumerate(self.dictionary.sizes) if size <= MOST_MEMBERS}
        return [i for i, f in enumerate(self.layout(view)) if f in few]

    def matrix(self, view: str, table: Table, *, training: bool = False) -> Doubles:
        """The view's matrix [N, width] of `table`, computed by the graph's own nodes.

        With `training`, `table` must be the rows the plan was fitted on: target encodings are then the
        cross-fitted ones, so that no row's own target is among what it is given. Raises `UnknownName`.
        """
        return self.values(self.layout(view), table, training=training)

    def values(self, features: Sequence[Feature], table: Table, *, training: bool = False) -> Doubles:
        """The matrix [N, len(features)] of `table`; as `matrix`, for any features of any views."""
        fitted = {k: t.training for k, t in self._transforms.items()} if training else {}
        known = {k: v for k, v in fitted.items() if v is not None}
        return self._run(features, table, known, self._transforms)

    def _run(
        self,
        features: Sequence[Feature],
        table: Table,
        fitted: Mapping[str, Doubles],
        transforms: Mapping[str, Transform],
    ) -> Doubles:
        """Runs the nodes of `features` over `table`; values of transforms in `fitted` come from there."""
        wanted = closure(transforms, features, fitted)
        given = {k: (v, wanted[k]) for k, v in fitted.items() if k in wanted}
        inputs = self._inputs(wanted)
        g = GraphBuilder()
        tensors = {k: (g.input(k, "float64", len(columns)), columns) for k, (_, columns) in given.items()}
        if inputs.numbers:
            tensors[NUMBER] = g.input("numbers", "float64", len(inputs.numbers)), inputs.numbers
        if inputs.codes:
            tensors[CODE] = g.input("codes", "float64", len(inputs.codes)), inputs.codes
        g.output("matrix", build(g, transforms, features, tensors), "float64", len(features))
        run = session(g.to_bytes(), threads=self.threads)
        out = np.empty((len(table), len(features)))
        for at in range(0, len(table), _CHUNK):
            rows = np.arange(at, min(at + _CHUNK, len(table)))
            part = table if len(rows) == len(table) else table.rows(rows)
            feeds = {k: v[rows][:, list(columns)] for k, (v, columns) in given.items()}
            if inputs.numbers:
                feeds["numbers"] = part.numbers[:, list(inputs.numbers)]
            if inputs.codes:
                feeds["codes"] = self._codes(part, inputs.codes)
            out[rows] = run.run(None, {k: np.ascontiguousarray(v) for k, v in feeds.items()})[0]
        return out

    def inputs_of(self, features: Sequence[Feature]) -> Inputs:
        """Which numbers, strings and codes these features rest on: all else may go from the graph."""
        return self._inputs(closure(self._transforms, features))

    def code_nodes(self, g: GraphBuilder, strings: str, inputs: Inputs | None = None) -> str:
        """The tensor `codes` from the input `strings` [N, b]: the single cut between text and numbers.

        With `inputs`, `strings` holds the columns `inputs.strings` alone and the result `inputs.codes`:
        dictionaries and words of all others are not written.
        """
        kept = inputs or self._everything()
        place = {c: i for i, c in enumerate(kept.strings)}
        categorical, texts = self._string_columns()
        blocks = []
        which = [j for j in kept.codes if j < len(categorical)]
        if which:
            columns = g.columns(strings, [place[categorical[j]] for j in which], len(kept.strings))
            blocks.append(self.dictionary.nodes(g, columns, which))
        start = len(categorical)
        for i, tokens, chosen in zip(texts, self.table.texts, self.tokens, strict=True):
            words = [tokens.vocabulary[w] for c, w in enumerate(chosen, start) if c in set(kept.codes)]
            start += len(chosen)
            if words:
                column = g.node("Gather", strings, g.constant(np.array(place[i], dtype=np.int64)), axis=1)
                blocks.append(count_nodes(g, column, [str(w) for w in words]))
        if self._is_blank and kept.codes:
            blocks.append(zero_nodes(g, g.columns(strings, [place[0]], len(kept.strings))))
        return g.concat(blocks)

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
        kept = inputs or self._everything()
        given = {NUMBER: (numbers, kept.numbers), CODE: (codes, kept.codes)}
        return build_each(g, self._transforms, groups, given)

    def transform(self, name: str) -> Transform | None:
        """The fitted transform called `name`; None for the numbers and codes themselves."""
        return self._transforms.get(name)

    def nodes(self, g: GraphBuilder, view: str, numbers: str, codes: str) -> str:
        """The view's matrix as a tensor [N, width] from the whole tensors `numbers` and `codes`."""
        return self.feature_nodes(g, self.layout(view), numbers, codes)

    # What follows fits transforms and lays out the views.

    def _add(self, transform: Transform) -> list[Feature]:
        """Registers a transform, once; gives its features."""
        kept = self._transforms.setdefault(transform.name, transform)
        return [Feature(kept.name, c) for c in range(kept.width)]

    def _fit_encoding(self) -> Lookup:
        codes = self.dictionary.codes(self.table.ids).astype(np.int64)
        sizes = self.dictionary.sizes
        pairs = worthwhile_pairs(codes, sizes, self.y, MOST_ENCODINGS, MOST_ENCODING_CELLS)
        tables, training = fit_target_encoding(codes, sizes, pairs, self.y, self.fold)
        return Lookup("encoding", tuple(Feature(CODE, j) for j, _ in pairs), tables, training)

    def _encodings(self, few: int) -> list[Feature]:
        """The target encodings of columns with more than `few` codes."""
        encoding = self._transforms.get("encoding")
        if not isinstance(encoding, Lookup):
            return []
        wide = [self.dictionary.sizes[f.column] > few for f in encoding.sources]
        return [Feature("encoding", c) for c, kept in enumerate(wide) if kept]

    def _numbers(self) -> list[Feature]:
        """Numbers and the parts of datetimes that every view has."""
        columns = enumerate(self.table.schema.numbers)
        features = [Feature(NUMBER, i) for i, c in columns if c.role != "exposure"]
        moments = self._moments()
        return features + moments[: len(moments) // len(PARTS) * PARTS.index("day_of_year")]

    def _moments(self) -> list[Feature]:
        width = self._transforms["moment"].width if "moment" in self._transforms else 0
        return [Feature("moment", c) for c in range(width)]

    def _tokens(self) -> list[Feature]:
        return [Feature(CODE, c) for c in range(len(self.table.vocabularies), self.code_width)]

    def _plain(self, view: str) -> list[Feature]:
        codes = [Feature(CODE, j) for j in range(len(self.table.vocabularies))]
        # Few codes are told apart by membership; an encoding would repeat them.
        encodings = self._encodings(MOST_MEMBERS if view == "tree" else 0)
        return self._numbers() + codes + encodings + self._tokens()

    def _rich(self) -> list[Feature]:
        numbers = self._numbers()
        days = [f for f in self._moments() if f not in set(numbers)]
        base = list(self.layout("encoded")) + days
        kinds = self.table.schema.numbers
        arithmetic = [f for f in numbers if f.transform != NUMBER or kinds[f.column].kind != "datetime"]
        sizes = {Feature(CODE, j): size for j, size in enumerate(self.dictionary.sizes)}
        encoding = self._transforms.get("encoding")
        sources = encoding.sources if isinstance(encoding, Lookup) else ()
        owners = {Feature("encoding", i): f for i, f in enumerate(sources)}
        source = Source(
            read=self._read,
            numbers=tuple(f for f in arithmetic if self._is_free(f)),
            codes=sizes,
            owners=owners,
            linear=lambda: [
                f for f in self.layout("linear") if f.transform != "scaled_token" and self._is_free(f)
            ],
            y=self.y,
            fold=self.fold,
            seed=self.seed,
            threads=self.threads,
        )
        made = generate(source, base, self.kinds)
        for transform in made.transforms:
            self._add(transform)
        return base + [f for features in made.features for f in features]

    def _read(
        self, features: Sequence[Feature], rows: Ints | None, extra: Mapping[str, Transform]
    ) -> Doubles:
        """Values of the training rows (all, or `rows`), cross-fitted, with further transforms."""
        transforms = self._transforms | dict(extra)
        table = self.table if rows is None else self.table.rows(rows)
        at = slice(None) if rows is None else rows
        # What was fitted on a sample has the training values of the sample.
        fitted = {
            k: t.training if k in extra else t.training[at]
            for k, t in transforms.items()
            if t.training is not None
        }
        return self._run(features, table, fitted, transforms)

    def _linear(self) -> list[Feature]:
        features = []
        numbers = self._telling(self._numbers(), MOST_LINEAR)
        if numbers:
            raw = self._sampled(numbers)
            features += self._add(Standardised("scaled", tuple(numbers), scales_of(raw)))
            # A number that was never missing can have no weight for being so.
            absent = [numbers[i] for i in np.flatnonzero(np.isnan(raw).any(axis=0))]
            features += self._add(Missing("missing", tuple(absent)))
        sizes = self.dictionary.sizes
        few = [Feature(CODE, j) for j, size in enumerate(sizes) if size <= MOST_ONE_HOT]
        if few:
            few = self._telling(few, max(1, MOST_LINEAR * len(few) // sum(sizes[f.column] for f in few)))
        one_hot = [(f, code) for f in few for code in range(sizes[f.column])]
        values = np.array([float(code) for _, code in one_hot])
        features += self._add(Indicators("indicator", tuple(f for f, _ in one_hot), values))
        encodings = self._encodings(MOST_ONE_HOT)
        if encodings:
            scales = scales_of(self._sampled(encodings))
            features += self._add(Standardised("scaled_encoding", tuple(encodings), scales, guarded=False))
        tokens = self._tokens()
        if tokens:
            deviation = np.log1p(self._sampled(tokens)).std(axis=0)
            scale = 1 / np.maximum(deviation, 1e-3)
            features += self._add(Logs("scaled_token", tuple(tokens), scale))
        return features

    def _telling(self, features: list[Feature], most: int) -> list[Feature]:
        """At most `most` of them: those that tell most of the target on their own."""
        if len(features) <= most:
            return features
        told = worth(self._sampled(features, 2_000), _spaced(self.y, 2_000))
        return [features[i] for i in np.sort(np.argsort(-told, kind="stable")[:most])]

    def _sampled(self, features: Sequence[Feature], most: int = MOST_SCALED) -> Doubles:
        """Values of evenly spaced training rows, at most `most`."""
        rows = _spaced(np.arange(len(self.table)), most)
        return self._read(features, None if len(rows) == len(self.table) else rows, {})

    def _rich_linear(self) -> list[Feature]:
        linear = list(self.layout("linear"))
        numbers = [f for f in linear if f.transform in ("scaled", "scaled_encoding")]
        features = list(linear)
        if numbers:
            features += self._add(fit_bends(numbers, self._sampled(numbers)))
        near = [f for f in linear if f.transform != "scaled_token"]
        if near and len(near) <= MOST_NEAR:
            features += self._add(fit_nearness(near, self._sampled(near), self.seed))
        return features

    # What follows is the cut between strings and codes.

    @property
    def _is_blank(self) -> bool:
        """Whether the only features are texts without a word that five rows share: one column of zeros
        stands in for them, so that the plain baseline can still answer."""
        return not (self.table.numbers.shape[1] or self.table.vocabularies or any(map(len, self.tokens)))

    def _string_columns(self) -> tuple[list[int], list[int]]:
        """The places among the schema's strings of categories, and those of texts."""
        columns = self.table.schema.strings
        texts = [i for i, c in enumerate(columns) if c.kind == "text"]
        return [i for i in range(len(columns)) if i not in set(texts)], texts

    def _everything(self) -> Inputs:
        schema = self.table.schema
        widths = len(schema.numbers), len(schema.strings), self.code_width
        return Inputs(*(tuple(range(w)) for w in widths))

    def _inputs(self, wanted: dict[str, tuple[int, ...]]) -> Inputs:
        codes = wanted.get(CODE, ())
        categorical, texts = self._string_columns()
        owners = categorical + [i for i, t in zip(texts, self.tokens, strict=True) for _ in t]
        strings = {owners[c] if owners else 0 for c in codes}
        return Inputs(wanted.get(NUMBER, ()), tuple(sorted(strings)), codes)

    def _codes(self, table: Table, which: Sequence[int]) -> Doubles:
        """The columns `which` of the tensor `codes`: category codes, then token counts."""
        categorical = len(self.table.vocabularies)
        blocks = [self.dictionary.codes(table.ids, [j for j in which if j < categorical])]
        start = categorical
        for tokens, chosen in zip(table.texts, self.tokens, strict=True):
            kept = [c - start for c in which if start <= c < start + len(chosen)]
            start += len(chosen)
            if kept:
                blocks.append(tokens.counts(chosen[kept]))
        if self._is_blank:
            blocks.append(np.zeros((len(table), len(which))))
        return np.concatenate(blocks, axis=1)


def _spaced(rows: Array, most: int) -> Array:
    """Every so many-th, at most `most`."""
    return rows[:: max(1, -(-len(rows) // most))]
