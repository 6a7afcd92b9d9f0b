"""Categories: the dictionary from text to codes, one-hot columns, and cross-fitted target encodings.

Codes: 0 missing, 1 unseen or seen fewer than five times, then the known categories by falling frequency.
One LabelEncoder holds the dictionaries of all columns, its keys prefixed with the column's number, so that
the graph's size in nodes does not grow with the table's width.
"""

from __future__ import annotations

from collections.abc import Sequence
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

    def codes(self, ids: npt.NDArray[np.int32], which: Sequence[int] | None = None) -> Doubles:
        """Codes [N, c] of vocabulary ids; of the columns `which` alone where given."""
        columns = range(ids.shape[1]) if which is None else which
        out = np.empty((len(ids), len(columns)))
        for at, j in enumerate(columns):
            out[:, at] = self.codes_of[j][ids[:, j]]
        return out

    def nodes(self, g: GraphBuilder, columns: str, which: Sequence[int]) -> str:
        """Codes [N, len(which)] as double, from the string tensor of the columns `which`."""
        alone = len(which) == 1
        keys: list[str] = []
        values: list[float] = []
        for j in which:
            known = ("", *self.known[j])
            keys += known if alone else [f"{j}:{k}" for k in known]
            values += [MISSING, *range(FIRST, FIRST + len(self.known[j]))]
        if not alone:
            columns = g.node("StringConcat", g.constant(np.array([f"{j}:" for j in which], object)), columns)
        return g.node(
            "LabelEncoder",
            columns,
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


def fit_target_encoding(
    codes: Ints, sizes: Sequence[int], pairs: Sequence[tuple[int, int]], y: Doubles, fold: Ints
) -> tuple[tuple[Doubles, ...], Doubles]:
    """The shrunken means of targets `y` [N, K] by code, one table for each of `pairs` (column, target).

    Beside the tables come the values of the rows themselves [N, pairs], cross-fitted over `fold`: no row's
    own target is among what it is given. The graph holds the tables, which are the full fit.

    Shrinkage follows Micci-Barreca, "A Preprocessing Scheme for High-Cardinality Categorical Attributes"
    (2001), with the strength chosen by empirical Bayes per column and target.
    """
    training = np.empty((len(y), len(pairs)))
    tables = []
    names, part = np.unique(fold, return_inverse=True)
    for at, (j, k) in enumerate(pairs):
        size, key = sizes[j], part * sizes[j] + codes[:, j]
        # About the overall mean: squares of large numbers close together would lose their digits.
        centre = y[:, k].mean()
        target = y[:, k] - centre
        each = np.stack(
            [np.bincount(key, weights=w, minlength=len(names) * size) for w in (None, target, target**2)]
        ).reshape(3, len(names), size)
        whole = each.sum(axis=1)
        tables.append(centre + _means(*whole))
        rest = [_means(*(whole - each[:, f])) if len(names) > 1 else tables[-1] for f in range(len(names))]
        training[:, at] = centre + np.stack(rest).ravel()[key]
    return tuple(tables), training


def fit_folds(rows: int, seed: int, groups: Ints | None = None, folds: int = 5) -> Ints:
    """The fold of each row for cross-fitting: at random, and by whole groups where `groups` are given."""
    rng = np.random.default_rng(seed)
    if groups is None:
        return rng.permutation(rows) % folds
    names, group = np.unique(groups, return_inverse=True)
    of_group: Ints = rng.permutation(len(names)) % folds
    return of_group[group]


def worthwhile_pairs(
    codes: Ints, sizes: Sequence[int], y: Doubles, most: int, most_cells: int
) -> list[tuple[int, int]]:
    """Pairs (column, target) worth encoding, in order: all where they are at most `most`, else those whose
    codes explain the largest share of the target's variance; tables hold at most `most_cells` together."""
    pairs = [(j, k) for j in range(codes.shape[1]) for k in range(y.shape[1])]
    if len(pairs) <= most and sum(sizes[j] for j, _ in pairs) <= most_cells:
        return pairs
    step = max(1, len(y) // 20_000)
    codes, y = codes[::step], y[::step] - y[::step].mean(axis=0)
    spread = (y**2).sum(axis=0) + 1e-300
    worth = []
    for j in range(codes.shape[1]):
        counts = np.bincount(codes[:, j], minlength=sizes[j])
        for k in range(y.shape[1]):
            sums = np.bincount(codes[:, j], weights=y[:, k], minlength=sizes[j])
            explained = float((sums**2 / np.maximum(counts, 1)).sum() / spread[k])
            # Less what as many codes would explain of chance.
            worth.append(explained - (np.count_nonzero(counts) - 1) / len(y))
    kept, cells = [], 0
    for i in np.argsort(-np.array(worth), kind="stable")[:most]:
        cells += sizes[pairs[i][0]]
        if cells <= most_cells:
            kept.append(pairs[i])
    return sorted(kept)


def _means(counts: Doubles, sums: Doubles, squares: Doubles) -> Doubles:
    """Shrunken means by code, from the counts, sums and sums of squares of a centred target by code: codes
    without rows get the overall mean."""
    rows = counts.sum()
    overall = sums.sum() / rows
    squares = np.maximum(squares - 2 * overall * sums + counts * overall**2, 0.0)
    sums = sums - counts * overall
    seen = counts > 0
    means = np.divide(sums, counts, out=np.zeros(len(counts)), where=seen)
    within = max((squares - counts * means**2).sum() / max(rows - seen.sum(), 1), 1e-12)
    between = ((counts * means**2).sum() - (seen.sum() - 1) * within) / max(
        rows - (counts**2).sum() / rows, 1e-12
    )
    strength = float(np.clip(within / max(between, 1e-12), 1.0, 1e6))
    out: Doubles = overall + sums / (counts + strength)
    return out


def zero_nodes(g: GraphBuilder, column: str) -> str:
    """A column of zeros, one for each row of the string tensor `column` [N, 1]."""
    nothing = {"keys_tensor": np.array([""], dtype=object), "values_tensor": np.zeros(1)}
    return g.node("LabelEncoder", column, domain=ML, default_tensor=np.zeros(1), **nothing)
