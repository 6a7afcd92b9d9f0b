"""FeaturePlan: everything fitted between decoded columns and the matrices that learners see.

Fitted on the training rows of one fold, and once more on all rows for the model that ships. A view is one
way to lay the features out: `tree` keeps codes for set membership, `encoded` replaces them by target
encodings,
`linear` is standardised with indicators. `matrix` runs the nodes that `nodes` writes into the shipped graph.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from mlwright.base.errors import UnknownName
from mlwright.features.categories import (
    Dictionary,
    TargetEncoding,
    fit_dictionary,
    fit_target_encoding,
    one_hot_nodes,
    zero_nodes,
)
from mlwright.features.datetimes import PARTS, part_nodes
from mlwright.features.running import session
from mlwright.features.table import Table
from mlwright.features.text import choose_tokens, count_nodes
from mlwright.graph.build import GraphBuilder

Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
VIEWS = ("tree", "encoded", "linear")

MOST_TOKENS = 300
MOST_ONE_HOT = 40
"""Codes above which a column is target-encoded rather than one-hot."""
MOST_MEMBERS = 64
"""Codes above which trees see a column's frequency rank and target encoding rather than a set of codes."""
_CHUNK = 32_768


@dataclass
class FeaturePlan:
    """A fitted plan, made by `fit`. It keeps the table it was fitted on, for its vocabularies and schema."""

    table: Table
    dictionary: Dictionary
    tokens: tuple[Ints, ...]
    encoding: TargetEncoding | None
    threads: int = 1
    _scales: dict[str, Doubles] = field(default_factory=dict)

    @classmethod
    def fit(cls, table: Table, y: Doubles, *, seed: int, threads: int = 1) -> FeaturePlan:
        """Fits on all rows of `table` with targets `y` [N, K] (class indicators, or the number itself)."""
        dictionary = fit_dictionary(table.ids, table.vocabularies)
        budget = max(20, min(MOST_TOKENS, int(2e8 // max(len(table), 1))))
        tokens = tuple(choose_tokens(t, y, budget) for t in table.texts)
        plan = cls(table, dictionary, tokens, None, threads)
        columns = list(range(len(table.vocabularies)))
        if columns:
            codes = dictionary.codes(table.ids)
            plan.encoding = fit_target_encoding(codes, dictionary.sizes, columns, y, seed)
        plan._fit_scales()
        return plan

    @property
    def code_width(self) -> int:
        return len(self.table.vocabularies) + sum(map(len, self.tokens)) or int(_is_blank(self))

    def codes(self, table: Table) -> Doubles:
        """The tensor `codes` [N, code_width]: category codes, then token counts."""
        blocks = [self.dictionary.codes(table.ids)]
        blocks += [t.counts(chosen) for t, chosen in zip(table.texts, self.tokens, strict=True)]
        if _is_blank(self):
            blocks.append(np.zeros((len(table), 1)))
        return np.concatenate(blocks, axis=1)

    def code_nodes(self, g: GraphBuilder, strings: str) -> str:
        """The tensor `codes` from the input `strings` [N, b]: the single cut between text and numbers."""
        columns = self.table.schema.strings
        categorical = [i for i, c in enumerate(columns) if c.kind != "text"]
        blocks = []
        if categorical:
            blocks.append(self.dictionary.nodes(g, g.columns(strings, categorical, len(columns))))
        texts = [i for i, c in enumerate(columns) if c.kind == "text"]
        for i, tokens, chosen in zip(texts, self.table.texts, self.tokens, strict=True):
            if len(chosen):
                column = g.node("Gather", strings, g.constant(np.array(i, dtype=np.int64)), axis=1)
                blocks.append(count_nodes(g, column, [str(w) for w in tokens.vocabulary[chosen]]))
        if _is_blank(self):
            blocks.append(zero_nodes(g, g.columns(strings, [0], len(columns))))
        return g.concat(blocks)

    def matrix(self, view: str, table: Table, *, training: bool = False) -> Doubles:
        """The view's matrix [N, width] of `table`, computed by the graph's own nodes.

        With `training`, `table` must be the rows the plan was fitted on: target encodings are then the
        cross-fitted ones, so that no row's own target is among what it is given. Raises `UnknownName`.
        """
        if view not in VIEWS:
            raise UnknownName("view", view, VIEWS)
        run = session(self._view_graph(view), threads=self.threads)
        codes = self.codes(table)
        feeds = {"numbers": table.numbers, "codes": codes}
        feeds = {k: v for k, v in feeds.items() if v.shape[1]}
        parts = []
        for at in range(0, max(len(table), 1), _CHUNK):
            chunk = {k: np.ascontiguousarray(v[at : at + _CHUNK]) for k, v in feeds.items()}
            parts.append(run.run(None, chunk)[0])
        matrix: Doubles = np.concatenate(parts) if len(parts) > 1 else parts[0]
        where = self._encoded_columns(view)
        if training and where and self.encoding is not None:
            values = self.encoding.training[:, self._encoded_parts(view)]
            if view == "linear":
                centre, scale = self._scales["encoding"][:, self._encoded_parts(view)]
                values = (values - centre) * scale
            matrix[:, where[0] : where[1]] = values
        return matrix

    def nodes(self, g: GraphBuilder, view: str, numbers: str, codes: str) -> str:
        """The view's matrix as a tensor [N, width] from the tensors `numbers` and `codes`."""
        return g.concat(
            self._linear(g, numbers, codes) if view == "linear" else self._plain(g, view, numbers, codes)
        )

    def members(self, view: str) -> list[int]:
        """The matrix columns that hold codes to be split by set membership."""
        if view != "tree":
            return []
        start = self._number_width()
        return [start + j for j, size in enumerate(self.dictionary.sizes) if size <= MOST_MEMBERS]

    # What follows lays out the views. Order of every view: numbers, datetime parts, codes, encodings, tokens.

    def _view_graph(self, view: str) -> bytes:
        g = GraphBuilder()
        a = self.table.numbers.shape[1]
        numbers = g.input("numbers", "float64", a) if a else ""
        codes = g.input("codes", "float64", self.code_width) if self.code_width else ""
        g.output("matrix", self.nodes(g, view, numbers, codes), "float64", -1)
        return g.to_bytes()

    def _moments(self) -> list[int]:
        return [i for i, c in enumerate(self.table.schema.numbers) if c.kind == "datetime"]

    def _number_width(self) -> int:
        return int(self.table.numbers.shape[1]) + len(PARTS) * len(self._moments())

    def _number_blocks(self, g: GraphBuilder, numbers: str) -> list[str]:
        if not numbers:
            return []
        blocks = [numbers]
        if self._moments():
            blocks += part_nodes(g, g.columns(numbers, self._moments(), self.table.numbers.shape[1]))
        return blocks

    def _encoded_parts(self, view: str) -> list[int]:
        """Which columns of the target encoding the view holds."""
        if self.encoding is None:
            return []
        k = self.encoding.tables[0].shape[1]
        # Few codes are told apart by membership or by indicators; an encoding would repeat them.
        few = {"tree": MOST_MEMBERS, "linear": MOST_ONE_HOT, "encoded": 0}[view]
        columns = [j for j, size in enumerate(self.dictionary.sizes) if size > few]
        return [j * k + i for j in columns for i in range(k)]

    def _encoded_columns(self, view: str) -> tuple[int, int] | None:
        """The range of matrix columns that hold target encodings."""
        parts = self._encoded_parts(view)
        if not parts:
            return None
        if view == "linear":
            start = self._linear_width() + sum(self.dictionary.sizes[j] for j in self._one_hot())
        else:
            start = self._number_width() + len(self.table.vocabularies)
        return start, start + len(parts)

    def _encoding_block(self, g: GraphBuilder, view: str, codes: str) -> list[str]:
        parts = self._encoded_parts(view)
        if not parts or self.encoding is None:
            return []
        return [g.columns(self.encoding.nodes(g, codes, self.code_width), parts, self.encoding.width)]

    def _token_block(self, g: GraphBuilder, codes: str) -> list[str]:
        start = len(self.table.vocabularies)
        if self.code_width == start:
            return []
        return [g.columns(codes, list(range(start, self.code_width)), self.code_width)]

    def _plain(self, g: GraphBuilder, view: str, numbers: str, codes: str) -> list[str]:
        blocks = self._number_blocks(g, numbers)
        if self.table.vocabularies:
            blocks.append(g.columns(codes, list(range(len(self.table.vocabularies))), self.code_width))
        return blocks + self._encoding_block(g, view, codes) + self._token_block(g, codes)

    def _one_hot(self) -> list[int]:
        return [j for j, s in enumerate(self.dictionary.sizes) if s <= MOST_ONE_HOT]

    def _linear_width(self) -> int:
        return int(self._scales["number"].shape[1]) * 2 if self.table.numbers.shape[1] else 0

    def _fit_scales(self) -> None:
        """Centre and scale of the linear view's columns, from the fitted rows: each [2, width]."""
        if self.table.numbers.shape[1]:
            g = GraphBuilder()
            numbers = g.input("numbers", "float64", self.table.numbers.shape[1])
            g.output("matrix", g.concat(self._number_blocks(g, numbers)), "float64", -1)
            run = session(g.to_bytes(), threads=self.threads)
            self._scales["number"] = _scales(run.run(None, {"numbers": self.table.numbers})[0])
        if self.encoding is not None:
            self._scales["encoding"] = _scales(self.encoding.training)
        if _is_blank(self):
            self._scales["token"] = np.zeros((2, 1))
        elif any(map(len, self.tokens)):
            counts = [t.counts(c) for t, c in zip(self.table.texts, self.tokens, strict=True)]
            logs = np.log1p(np.concatenate(counts, axis=1))
            self._scales["token"] = np.stack(
                [np.zeros(logs.shape[1]), 1 / np.maximum(logs.std(axis=0), 1e-3)]
            )

    def _linear(self, g: GraphBuilder, numbers: str, codes: str) -> list[str]:
        blocks = []
        if numbers:
            raw = g.concat(self._number_blocks(g, numbers))
            centre, scale = self._scales["number"]
            missing = g.node("IsNaN", raw)
            scaled = g.node("Mul", g.node("Sub", raw, g.constant(centre)), g.constant(scale))
            filled = g.node("Where", missing, g.constant(0.0), scaled)
            # Beyond five deviations a linear term would be moved by one row's extreme.
            blocks += [
                g.node("Clip", filled, g.constant(-5.0), g.constant(5.0)),
                g.node("Cast", missing, to=11),
            ]
        if self._one_hot():
            sizes = [self.dictionary.sizes[j] for j in self._one_hot()]
            blocks.append(one_hot_nodes(g, codes, self._one_hot(), sizes))
        for encoded in self._encoding_block(g, "linear", codes):
            centre, scale = self._scales["encoding"][:, self._encoded_parts("linear")]
            blocks.append(g.node("Mul", g.node("Sub", encoded, g.constant(centre)), g.constant(scale)))
        for tokens in self._token_block(g, codes):
            logs = g.node("Log", g.node("Add", tokens, g.constant(1.0)))
            blocks.append(g.node("Mul", logs, g.constant(self._scales["token"][1])))
        return blocks


def _is_blank(plan: FeaturePlan) -> bool:
    """Whether the only features are texts without a word that five rows share: one column of zeros stands in
    for them, so that the plain baseline can still answer."""
    return not (plan.table.numbers.shape[1] or plan.table.vocabularies or any(map(len, plan.tokens)))


def _scales(values: Doubles) -> Doubles:
    """Mean and reciprocal deviation per column without missing values; columns that are constant, or too
    large to be squared, get scale 0."""
    present = ~np.isnan(values)
    count = np.maximum(present.sum(axis=0), 1)
    with np.errstate(over="ignore", invalid="ignore"):
        mean = np.where(present, values, 0.0).sum(axis=0) / count
        mean = np.where(np.isfinite(mean), mean, 0.0)
        deviation = np.sqrt((np.where(present, values - mean, 0.0) ** 2).sum(axis=0) / count)
    usable = np.isfinite(deviation) & (deviation > 1e-9 * np.maximum(np.abs(mean), 1e-9))
    return np.stack([mean, np.where(usable, 1 / np.where(usable, deviation, 1.0), 0.0)])
