"""Categories: the dictionary from text to codes, one-hot columns, and cross-fitted target encodings.

Codes: 0 missing, 1 unseen or seen fewer than five times, then the known categories by falling frequency.
One LabelEncoder holds the dictionaries of all columns, its keys prefixed with the column's number, so that
the
graph's size in nodes does not grow with the table's width.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mlwright.graph.build import ML, GraphBuilder

Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

MISSING, UNSEEN, FIRST = 0, 1, 2
FEWEST = 5
MOST = 10_000


@dataclass(frozen=True)
class Dictionary:
    """Per column, its known categories in the order of their codes, and the map from vocabulary ids to
    codes."""

    known: tuple[tuple[str, ...], ...]
    codes_of: tuple[Ints, ...]

    @property
    def sizes(self) -> list[int]:
        """Per column, the number of codes."""
        return [len(k) + FIRST for k in self.known]

    def codes(self, ids: npt.NDArray[np.int32]) -> Doubles:
        """Codes [N, c] of vocabulary ids [N, c]."""
        out = np.empty(ids.shape, dtype=np.float64)
        for j, mapping in enumerate(self.codes_of):
            out[:, j] = mapping[ids[:, j]]
        return out

    def nodes(self, g: GraphBuilder, columns: str) -> str:
        """Codes [N, c] as double, from the string tensor `columns` [N, c]."""
        keys: list[str] = []
        values: list[float] = []
        for j, known in enumerate(self.known):
            keys += [f"{j}:{k}" for k in ("", *known)]
            values += [MISSING, *range(FIRST, FIRST + len(known))]
        prefixes = np.array([f"{j}:" for j in range(len(self.known))], dtype=object)
        return g.node(
            "LabelEncoder",
            g.node("StringConcat", g.constant(prefixes), columns),
            domain=ML,
            keys_tensor=np.array(keys, dtype=object),
            values_tensor=np.array(values, dtype=np.float64),
            default_tensor=np.array([UNSEEN], dtype=np.float64),
        )


def fit_dictionary(ids: npt.NDArray[np.int32], vocabularies: tuple[tuple[str, ...], ...]) -> Dictionary:
    """The dictionary of the rows `ids`: categories seen at least five times there, most frequent first."""
    known, codes_of = [], []
    for j, vocabulary in enumerate(vocabularies):
        counts = np.bincount(ids[:, j], minlength=len(vocabulary))
        counts[0] = 0
        order = np.argsort(-counts, kind="stable")[:MOST]
        order = order[counts[order] >= FEWEST]
        # One entry more than the vocabulary: what is in no vocabulary is unseen too.
        mapping = np.full(len(vocabulary) + 1, UNSEEN, dtype=np.int64)
        mapping[0] = MISSING
        mapping[order] = np.arange(FIRST, FIRST + len(order))
        known.append(tuple(vocabulary[i] for i in order))
        codes_of.append(mapping)
    return Dictionary(tuple(known), tuple(codes_of))


@dataclass(frozen=True)
class TargetEncoding:
    """For some code columns, the shrunken mean of each target column by code: one table row a code.

    `tables[j]` is [codes of column j, K]. Training rows are given values made without them (cross-fitting);
    the graph holds the full fit.
    """

    columns: tuple[int, ...]
    tables: tuple[Doubles, ...]
    training: Doubles
    """The cross-fitted values of the rows it was fitted on, [N, columns * K]."""

    @property
    def width(self) -> int:
        return int(self.training.shape[1])

    def nodes(self, g: GraphBuilder, codes: str, code_width: int) -> str:
        """Encodings [N, columns * K] of the codes [N, code_width]."""
        picked = g.columns(codes, list(self.columns), code_width)
        starts = np.concatenate([[0], np.cumsum([len(t) for t in self.tables])[:-1]]).astype(np.int64)
        index = g.node("Add", g.node("Cast", picked, to=7), g.constant(starts))
        table = g.constant(np.concatenate(self.tables))
        shape = g.constant(np.array([-1, self.width], dtype=np.int64))
        return g.node("Reshape", g.node("Gather", table, index, axis=0), shape)


def fit_target_encoding(
    codes: Doubles, sizes: list[int], columns: list[int], y: Doubles, seed: int, folds: int = 5
) -> TargetEncoding:
    """Fits the encoding of `columns` on targets `y` [N, K], cross-fitted over random folds.

    Shrinkage follows Micci-Barreca, "A Preprocessing Scheme for High-Cardinality Categorical Attributes"
    (2001), with the strength chosen by empirical Bayes per column and target.
    """
    n, k = y.shape
    fold = np.random.default_rng(seed).permutation(n) % folds
    training = np.empty((n, len(columns) * k))
    tables = []
    for at, j in enumerate(columns):
        code = codes[:, j].astype(np.int64)
        tables.append(_means(code, y, sizes[j]))
        for f in range(folds):
            out = fold == f
            part = _means(code[~out], y[~out], sizes[j]) if (~out).any() else tables[-1]
            training[out, at * k : (at + 1) * k] = part[code[out]]
    return TargetEncoding(tuple(columns), tuple(tables), training)


def _means(code: Ints, y: Doubles, size: int) -> Doubles:
    """Shrunken means of `y` by code, [size, K]: codes without rows get the overall mean."""
    counts = np.bincount(code, minlength=size).astype(np.float64)
    out = np.empty((size, y.shape[1]))
    for k in range(y.shape[1]):
        overall = y[:, k].mean()
        # About the overall mean: squares of large numbers close together would lose their digits.
        centred = y[:, k] - overall
        sums = np.bincount(code, weights=centred, minlength=size)
        squares = np.bincount(code, weights=centred**2, minlength=size)
        with np.errstate(divide="ignore", invalid="ignore"):
            means = np.where(counts > 0, sums / counts, 0.0)
        within = max((squares - counts * means**2).sum() / max(len(code) - (counts > 0).sum(), 1), 1e-12)
        seen = counts[counts > 0]
        between = ((seen * means[counts > 0] ** 2).sum() - (len(seen) - 1) * within) / max(
            seen.sum() - (seen**2).sum() / seen.sum(), 1e-12
        )
        strength = float(np.clip(within / max(between, 1e-12), 1.0, 1e6))
        out[:, k] = overall + sums / (counts + strength)
    return out


def zero_nodes(g: GraphBuilder, column: str) -> str:
    """A column of zeros, one for each row of the string tensor `column` [N, 1]."""
    nothing = {"keys_tensor": np.array([""], dtype=object), "values_tensor": np.zeros(1)}
    return g.node("LabelEncoder", column, domain=ML, default_tensor=np.zeros(1), **nothing)


def one_hot_nodes(g: GraphBuilder, codes: str, columns: list[int], sizes: list[int]) -> str:
    """Indicator columns, one for each code of each of `columns`, as a double [N, sum of sizes]."""
    owner = np.repeat(np.asarray(columns, dtype=np.int64), sizes)
    code = np.concatenate([np.arange(s, dtype=np.float64) for s in sizes])
    spread = g.node("Gather", codes, g.constant(owner), axis=1)
    return g.node("Cast", g.node("Equal", spread, g.constant(code)), to=11)
