"""The search for slices in which a figure is large: over one column's parts, and two columns' together.

Called by `slices` with the rows that may name slices. It proves nothing: the best of many tries is always
good, so that what it names has to be confirmed on other rows.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mlwright.base.slices import LEAST_ROWS, Condition
from mlwright.evaluation.cuts import BANDS, Cut, Values, cuts_of

Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Columns = Mapping[str, Callable[[Ints], Values]]
"""By name, what gives the values of a column in the given ones of the N rows."""

NAMED = 6
"""Slices that one half may name: each more makes the other's proof harder."""
MOST_SHARE = 1 / 3
"""A slice is a part: of many more rows, `elsewhere` is the odd part."""
MOST_ROWS, MOST_SCREENED, SCREEN_CELLS, LEAST_SCREENED = 20_000, 30, 5_000_000, 1_000
"""Rows that name slices; columns that are looked at in pairs; rows times columns that choose them, and
rows at least."""
CHUNK = 256
"""Columns that are ordered in one pass."""
POOL, BEST_OF_EACH = 150, 4
"""Candidates that are looked at again after each choice, and the most of one column or pair among them."""


@dataclass(frozen=True)
class Candidate:
    """A choice of one column's parts, or of two columns'."""

    cuts: tuple[Cut, ...]
    choices: tuple[int, ...]
    gain: float
    """How far its figure is beyond chance: z squared, less what the best of so many tried would reach."""

    def mask(self) -> Mask:
        """Which of the rows that were cut it holds."""
        masks = [cut.mask(choice) for cut, choice in zip(self.cuts, self.choices, strict=True)]
        return np.asarray(np.logical_and.reduce(masks))

    @property
    def conditions(self) -> tuple[Condition, ...]:
        return tuple(cut.choices[choice][0] for cut, choice in zip(self.cuts, self.choices, strict=True))


class Search:
    """Rows that may name slices, cut once by the columns along which the figures differ most."""

    def __init__(self, columns: Columns, rows: Ints, figures: Sequence[Figured], seed: int) -> None:
        """`figures` hold N rows, of which `rows` may name slices."""
        random = np.random.default_rng([seed, len(rows)])
        few = len(rows) <= MOST_ROWS
        self.rows = rows if few else np.sort(random.choice(rows, MOST_ROWS, replace=False))
        self.cuts = _screened(columns, self.rows, [f.rows(self.rows) for f in figures], random)

    def named(self, figured: Figured) -> list[Candidate]:
        """Up to `NAMED` slices, each with a figure that those before it do not explain."""
        seen = figured.rows(self.rows)
        if seen.deviation == 0:
            return []
        singles = [c for cut in self.cuts for c in seen.best((cut,))]
        pairs = [
            c
            for one, other in itertools.combinations(self.cuts, 2)
            if one.column != other.column
            for c in seen.best((one, other))
        ]
        pool = [*_fair(singles, self.cuts, 1), *_fair(pairs, self.cuts, 2)]
        pool = sorted((c for c in pool if c.gain > 0), key=lambda c: -c.gain)[:POOL]
        return _unlike(pool, seen)


class Figured:
    """A figure of some rows, as slices are judged by it: `values` [N], `weights` [N] and `floor`, what the
    difference between a slice and the other rows must exceed."""

    def __init__(self, values: Doubles, weights: Doubles, floor: float) -> None:
        self.values, self.weights, self.floor = values, weights, floor
        self.total = float(self.weights.sum())
        self.mean = float(self.weights @ self.values) / self.total
        squares = self.weights @ (self.values - self.mean) ** 2
        self.deviation = math.sqrt(float(squares) / self.total)
        self.worth = float(self.weights @ self.weights) / self.total
        """Weight of what counts as one row (Kish)."""
        self.excess = self.weights * (self.values - self.mean)

    def rows(self, index: Ints) -> Figured:
        """The same of the rows `index`."""
        return Figured(self.values[index], self.weights[index], self.floor)

    def spread(self, held: Doubles, sums: Doubles) -> Doubles:
        """How far the parts of columns differ, in deviations of chance [K] (Wilson and Hilferty), from the
        weight and the excess that each part holds [parts, K]."""
        own = held >= LEAST_ROWS / 2 * self.worth
        freedom = np.maximum(own.sum(axis=0) - 1, 1)
        if self.deviation == 0:
            return np.zeros(len(freedom))
        chi = np.where(own, sums**2 / np.where(own, held, 1.0), 0.0).sum(axis=0)
        ratio = (chi / (self.deviation**2 * self.worth * freedom)) ** (1 / 3)
        told = (ratio - 1 + 2 / (9 * freedom)) / np.sqrt(2 / (9 * freedom))
        return np.asarray(np.where(own.sum(axis=0) > 1, told, -math.inf))

    def z(self, held: Doubles, sums: Doubles) -> Doubles:
        """How far slices that hold this weight and this excess are beyond chance; 0 where they are too small,
        too large, or not worse."""
        rest = self.total - held
        with np.errstate(divide="ignore", invalid="ignore"):
            difference = sums / held + sums / rest  # the others' excess is the negative of it
            error = self.deviation * np.sqrt(self.worth * (1 / held + 1 / rest))
            z = difference / error
        fitting = (held >= LEAST_ROWS * self.worth) & (held <= MOST_SHARE * self.total)
        return np.asarray(np.where(fitting & (difference > self.floor), z, 0.0))

    @staticmethod
    def _by(cuts: tuple[Cut, ...], codes: Ints, parts: int, of: Doubles) -> Doubles:
        """The sum of `of` in each choice, or in each two choices together."""
        cells = np.bincount(codes, of, parts).reshape([c.parts for c in cuts])
        sums = cuts[0].matrix @ cells
        return np.asarray(sums @ cuts[1].matrix.T if len(cuts) == 2 else sums, dtype=np.float64)

    def best(self, cuts: tuple[Cut, ...]) -> list[Candidate]:
        """The worst few slices of a column, or of two."""
        first = cuts[0]
        codes, parts = first.codes, first.parts
        if len(cuts) == 2:
            codes, parts = codes * cuts[1].parts + cuts[1].codes, parts * cuts[1].parts
        held, sums = (self._by(cuts, codes, parts, of) for of in (self.weights, self.excess))
        z = self.z(held, sums)
        some = np.argsort(-z, axis=None, kind="stable")[:BEST_OF_EACH]
        places = np.unravel_index(some, z.shape)
        chosen = zip(*(p.tolist() for p in places), strict=True)
        return [Candidate(cuts, tuple(c), float(z[tuple(c)]) ** 2) for c in chosen if z[tuple(c)] > 0]


def _screened(
    columns: Columns, rows: Ints, figures: Sequence[Figured], random: np.random.Generator
) -> list[Cut]:
    """Cuts of the columns along which a figure differs most, by some of the rows where columns are many."""
    if len(columns) > MOST_SCREENED:
        most = max(LEAST_SCREENED, SCREEN_CELLS // len(columns))
        some = np.arange(len(rows))
        if len(some) > most:
            some = np.sort(random.choice(some, most, replace=False))
        strength = _strengths(list(columns.values()), rows[some], [f.rows(some) for f in figures])
        best = np.sort(np.argsort(-strength, kind="stable")[:MOST_SCREENED])
        names = list(columns)
        columns = {names[i]: columns[names[i]] for i in best.tolist()}
    return [cut.named() for of in columns.values() for cut in cuts_of(of(rows))]


def _along(cut: Cut, figured: Figured) -> float:
    held = np.bincount(cut.codes, figured.weights, cut.parts).astype(np.float64)
    sums = np.bincount(cut.codes, figured.excess, cut.parts).astype(np.float64)
    return float(figured.spread(held[:, None], sums[:, None])[0])


def _strengths(
    columns: Sequence[Callable[[Ints], Values]], rows: Ints, figures: Sequence[Figured]
) -> Doubles:
    """How far a figure differs along each column: between its categories, or between eighths of the rows in
    order of its numbers, many columns in one pass."""
    strength = np.full(len(columns), -math.inf)
    starts = np.arange(BANDS) * len(rows) // BANDS
    for first in range(0, len(columns), CHUNK):
        numbers: dict[int, Doubles] = {}
        for place in range(first, min(first + CHUNK, len(columns))):
            values = columns[place](rows)
            if values.numbers is not None:
                numbers[place] = values.numbers
                continue
            for cut in cuts_of(values):
                strength[place] = max(_along(cut, f) for f in figures)
        if numbers:
            order = np.argsort(np.column_stack(list(numbers.values())), axis=0)
            told = [
                f.spread(*(np.add.reduceat(of[order], starts, axis=0) for of in (f.weights, f.excess)))
                for f in figures
            ]
            strength[list(numbers)] = np.max(told, axis=0)
    return strength


def _fair(found: list[Candidate], cuts: Sequence[Cut], columns: int) -> Iterator[Candidate]:
    """Candidates with what the best of so many choices would reach by chance taken off: 2 log of them."""
    sizes = [len(c.choices) for c in cuts]
    tried = sum(sizes) if columns == 1 else (sum(sizes) ** 2 - sum(s * s for s in sizes)) / 2
    for one in found:
        yield Candidate(one.cuts, one.choices, one.gain - 2 * math.log(max(tried, 1)))


def _unlike(pool: list[Candidate], seen: Figured) -> list[Candidate]:
    """The best, then the best of what it leaves unexplained (its rows get the others' mean), and so on."""
    if not pool:
        return []
    masks = np.array([c.mask() for c in pool], dtype=np.float64)
    held = np.asarray(masks @ seen.weights)
    first = seen.z(held, masks @ seen.excess) ** 2
    off = np.array([f - c.gain for f, c in zip(first, pool, strict=True)])
    left, chosen = seen, list[Candidate]()
    for _ in range(NAMED):
        gain = left.z(held, masks @ left.excess) ** 2 - off
        best = int(np.argmax(gain))
        if gain[best] <= 0:
            break
        chosen.append(pool[best])
        inside = masks[best] > 0
        outer = float(np.average(left.values[~inside], weights=left.weights[~inside]))
        inner = float(np.average(left.values[inside], weights=left.weights[inside]))
        left = Figured(np.where(inside, left.values - inner + outer, left.values), left.weights, left.floor)
    return chosen
