"""Grams: the words and pairs of neighbouring words that are counted of one text column, and their choice.

Called by `coding`. Words and pairs share the columns there are: pairs are among them only where they answer
better, out of fold, than the words whose places they take.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mlwright.features.text import Tokens, count_nodes
from mlwright.graph.build import GraphBuilder

Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

FEWEST_WORD, FEWEST_PAIR = 5, 10
"""Rows that must hold a word, or a pair, before it is counted: what fewer share is in no model file."""
PAIRS = 0.3
"""Their share of the columns, where they pay."""
MOST_CANDIDATES = 20_000
MOST_ROWS, MOST_TOKENS_READ = 20_000, 1_000_000
"""What pairs are chosen by and judged on, of evenly spaced rows."""
_PARTS = 3
_PENALTIES = (0.1, 0.3, 1.0, 3.0)


@dataclass(frozen=True)
class Grams:
    """The columns of one text, in order: words by their token numbers [W], then pairs of them [P, 2]."""

    words: Ints
    pairs: Ints

    def __len__(self) -> int:
        return len(self.words) + len(self.pairs)

    def taken(self, columns: Sequence[int]) -> Grams:
        """Only the columns `columns`, which ascend."""
        words = [c for c in columns if c < len(self.words)]
        pairs = [c - len(self.words) for c in columns if c >= len(self.words)]
        return Grams(self.words[words], self.pairs[pairs])

    def counts(self, tokens: Tokens) -> Doubles:
        """How often each row holds each: [N, len(self)]."""
        size, width = len(tokens.vocabulary), len(self)
        place = np.full(size, -1, dtype=np.int64)
        place[self.words] = np.arange(len(self.words))
        column = place[tokens.flat]
        cells = (tokens.row * width + column)[column >= 0]
        if len(self.pairs):
            row, key = _neighbours(tokens, np.isin(np.arange(size), self.pairs))
            wanted = self.pairs[:, 0] * size + self.pairs[:, 1]
            order = np.argsort(wanted)
            at = order[np.minimum(np.searchsorted(wanted, key, sorter=order), len(wanted) - 1)]
            pair = (row * width + len(self.words) + at)[wanted[at] == key]
            cells = np.concatenate([cells, pair])
        flat = np.bincount(cells, minlength=len(tokens) * width)
        return flat.reshape(len(tokens), width).astype(np.float64)

    def nodes(self, g: GraphBuilder, column: str, vocabulary: npt.NDArray[np.object_]) -> str:
        """The same counts by nodes, of the string tensor `column` [N], as a double [N, len(self)]."""
        words = [str(w) for w in vocabulary[self.words]]
        return count_nodes(g, column, words, [(str(a), str(b)) for a, b in vocabulary[self.pairs]])


def choose_grams(tokens: Tokens, y: Doubles, fold: Ints, most: int) -> Grams:
    """At most `most` words and pairs, those whose presence says most about `y`.

    `y` is [N, K], one column a class (one for regression); what presence says is the largest absolute
    standardised difference of any column's mean between the rows with and without it. `fold` [N] says which
    rows are left out together where pairs are judged.
    """
    words = _Held.of(tokens.row, tokens.flat, len(tokens.vocabulary), FEWEST_WORD)
    ranked = words.best(y, None, most)
    step = max(1, -(-len(tokens) // MOST_ROWS), -(-len(tokens.flat) // MOST_TOKENS_READ))
    if step > 1:
        rows = np.arange(0, len(tokens), step)
        tokens, y, fold = tokens.rows(rows), y[rows], fold[rows]
        words = _Held.of(tokens.row, tokens.flat, len(tokens.vocabulary), FEWEST_WORD)
    judged = _Judged(tokens, words, *_pairs_of(tokens, words), most)
    best = judged.best_pairs(y, None)
    if not len(best) or not judged.pay(y, fold % _PARTS):
        return Grams(np.sort(ranked), best[:0])
    return Grams(np.sort(ranked[: most - len(best)]), best)


@dataclass(frozen=True)
class _Held:
    """Which rows hold which of `size` items, each once. What fewer than `fewest` rows hold is not chosen."""

    row: Ints
    item: Ints
    size: int
    fewest: int

    @classmethod
    def of(cls, row: Ints, item: Ints, size: int, fewest: int) -> _Held:
        cell = np.unique(row * max(size, 1) + item)
        return cls(cell // max(size, 1), cell % max(size, 1), size, fewest)

    def best(self, y: Doubles, kept: Bools | None, most: int) -> Ints:
        """The most telling items first, at most `most`, by the rows `kept` [N] (all where None)."""
        row, item, n = self.row, self.item, len(y)
        if kept is not None:
            row, item, n = row[kept[row]], item[kept[row]], int(kept.sum())
        seen = np.bincount(item, minlength=self.size).astype(np.float64)
        centred = y - (y if kept is None else y[kept]).mean(axis=0)
        spread = (centred if kept is None else centred[kept]).std(axis=0) + 1e-12
        worth = np.zeros(self.size)
        for k in range(y.shape[1]):
            sums = np.bincount(item, weights=centred[row, k], minlength=self.size)
            with np.errstate(divide="ignore", invalid="ignore"):
                z = np.abs(sums) / (np.sqrt(seen * (1 - seen / n)) * spread[k])
            worth = np.maximum(worth, np.nan_to_num(z, posinf=0.0))
        usual = np.flatnonzero((seen >= self.fewest) & (seen < n))
        usual = usual[np.argsort(-seen[usual], kind="stable")][:MOST_CANDIDATES]
        return usual[np.argsort(-worth[usual], kind="stable")][:most]


@dataclass(frozen=True)
class _Judged:
    """Words and pairs of the same rows, rivals for `most` columns."""

    tokens: Tokens
    words: _Held
    pairs: _Held
    each: Ints
    """The two token numbers of each pair, [pairs.size, 2]."""
    most: int

    def best_pairs(self, y: Doubles, kept: Bools | None) -> Ints:
        """The most telling pairs by the rows `kept`, [P, 2] in ascending order: a share of the columns."""
        return self.each[np.sort(self.pairs.best(y, kept, int(self.most * PAIRS)))]

    def pay(self, y: Doubles, part: Ints) -> bool:
        """Whether a ridge on counts has a smaller error with pairs, by 1.5 standard errors over the rows.

        Each part of the rows is answered with the words and pairs that the others choose: those chosen by
        all rows would know the answers, and pairs, of which there are more to choose from, know more.
        """
        spread = y.std(axis=0) + 1e-12
        errors = np.zeros((2, len(_PENALTIES), len(y)))
        for p in np.unique(part):
            learn, answer = np.flatnonzero(part != p), np.flatnonzero(part == p)
            if not len(learn):
                return False
            words, pairs = self.words.best(y, part != p, self.most), self.best_pairs(y, part != p)
            counts = Grams(words, pairs).counts(self.tokens)
            place = np.arange(counts.shape[1])
            displaced = (place >= self.most - len(pairs)) & (place < len(words))
            rivals = place[: len(words)], place[~displaced]
            errors[:, :, answer] = _ridge_errors(counts, y / spread, learn, answer, rivals)
        best = [e[int(e.mean(axis=1).argmin())] for e in errors]
        less = best[0] - best[1]
        return bool(less.mean() > 1.5 * less.std() / np.sqrt(len(less)))


def _pairs_of(tokens: Tokens, words: _Held) -> tuple[_Held, Ints]:
    """The pairs of words that often enough stand side by side, and the two token numbers of each."""
    size = len(tokens.vocabulary)
    usual = np.bincount(words.item, minlength=size) >= FEWEST_PAIR
    row, key = _neighbours(tokens, usual)
    keys, item, counts = np.unique(key, return_inverse=True, return_counts=True)
    often = counts >= FEWEST_PAIR
    kept = often[item]
    number = np.cumsum(often) - 1
    each = np.stack([keys[often] // max(size, 1), keys[often] % max(size, 1)], axis=1)
    return _Held.of(row[kept], number[item[kept]], len(each), FEWEST_PAIR), each


def _neighbours(tokens: Tokens, words: Bools) -> tuple[Ints, Ints]:
    """The row and the key of every two neighbours in one row, both among `words` [V].

    The key is the first's token number times the size of the vocabulary, and the second's.
    """
    left, right = tokens.flat[:-1], tokens.flat[1:]
    together = (tokens.row[1:] == tokens.row[:-1]) & words[left] & words[right]
    return tokens.row[1:][together], left[together] * len(tokens.vocabulary) + right[together]


def _ridge_errors(counts: Doubles, y: Doubles, learn: Ints, answer: Ints, rivals: Sequence[Ints]) -> Doubles:
    """The squared errors of the rows `answer`, all targets together: [rivals, penalties, rows].

    Each of `rivals` is a choice of columns; what products they have in common is computed once.
    """
    logs = np.log1p(np.arange(counts.max(initial=0) + 1))[counts.astype(np.int64)]
    scale = 1 / (logs[learn].std(axis=0) + 1e-3)
    x = (logs - logs[learn].mean(axis=0)) * scale
    given, target = x[learn], y[learn] - y[learn].mean(axis=0)
    square, moment = given.T @ given / len(learn), given.T @ target / len(learn)
    out = np.empty((len(rivals), len(_PENALTIES), len(answer)))
    for i, columns in enumerate(rivals):
        asked, own = x[np.ix_(answer, columns)], square[np.ix_(columns, columns)]
        for j, penalty in enumerate(_PENALTIES):
            weights = np.linalg.solve(own + penalty * np.eye(len(columns)), moment[columns])
            left = y[answer] - y[learn].mean(axis=0) - asked @ weights
            out[i, j] = (left**2).sum(axis=1)
    return out
