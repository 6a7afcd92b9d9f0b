"""Shapley values of one row against background rows, for any function of a row.

Interventional: a coalition's worth is the mean answer of the background rows in which the coalition's columns
are set to the row's values. Called by `explainer`; it knows a function of matrices, neither models nor
columns' names.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Doubles = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Value = Callable[[Doubles], Doubles]
"""From rows [n, D] to their answers [n]; equal rows have equal answers."""

MOST_EXACT = 10
"""Columns up to which every coalition may be asked."""
FEW = 4
"""Columns in which a background row may differ for its coalitions to be all asked anyway: 14 rows, where two
pairs of walks ask 12 and one 6."""
TWICE, LEAST_TWICE = 16, 8
"""Background rows that have two pairs of walks: half of them, within these."""
CELLS = 1 << 21
"""Cells of one question."""


class Shares(NamedTuple):
    """What each column adds to the answer."""

    contributions: Doubles
    """[D]; together the answer less the background's mean answer."""
    error: Doubles
    """[D], the Monte Carlo standard errors; 0 where every coalition was asked."""
    exact: bool


class Game(NamedTuple):
    """One row beside its background."""

    row: Doubles
    """[D]"""
    answer: float
    background: Doubles
    """[B, D]"""
    answers: Doubles
    """[B]"""


def shapley(
    value: Value,
    game: Game,
    rng: np.random.Generator,
    *,
    most_rows: float = math.inf,
    twice: int | None = None,
) -> Shares:
    """The Shapley values of `game`, whose answers are `value`'s.

    Of up to ten columns every coalition is asked, where these are no more than `most_rows` rows in all. Else
    only a background row that equals the row in all but a few columns has all coalitions of those asked. For
    any other, its columns change to the row's one after another in a random order, and again in the opposite
    one (Mitchell et al., 2022, JMLR 23(43), antithetic permutations), which is exact where no more than two
    columns interact. Some background rows (`twice`) have a second such pair of walks: how the two differ
    tells the error. Columns that are equal in both cost nothing.
    """
    differs = _differs(game.row, game.background)
    counts = differs.sum(axis=1)
    affordable = len(game.row) <= MOST_EXACT and coalitions_asked(counts) <= most_rows
    few = MOST_EXACT if affordable else FEW
    total = np.zeros(len(game.row))
    for count in np.unique(counts[(counts > 0) & (counts <= few)]).tolist():
        for at in _parts(np.flatnonzero(counts == count), (2**count) * len(game.row)):
            total += _all_coalitions(value, game, at, differs)
    walked = rng.permutation(np.flatnonzero(counts > few))
    twice = min(TWICE, max(LEAST_TWICE, len(walked) // 2)) if twice is None else twice
    apart = np.zeros((0, len(game.row)))
    for pairs, chosen in ((2, walked[:twice]), (1, walked[twice:])):
        for at in _parts(chosen, 4 * pairs * len(game.row)):
            changes = _walks(value, game, at, differs, pairs, rng)
            total += changes.mean(axis=1).sum(axis=0)
            if pairs == 2:
                apart = np.concatenate([apart, changes[:, 1] - changes[:, 0]])
    error = np.sqrt(_variance(apart, differs[walked])) / len(game.background)
    return Shares(total / len(game.background), error, not len(walked))


def coalitions_asked(counts: Ints) -> int:
    """Rows that all coalitions take of background rows which differ in so many columns each.

    >>> coalitions_asked(np.array([0, 1, 3]))
    6
    """
    return int(np.maximum(2**counts - 2, 0).sum())


def _variance(apart: Doubles, differs: Bools) -> Doubles:
    """The variance [D] of the sum over walked background rows: the first have two pairs of walks, which are
    `apart` [T, D], the others one; `differs` [W, D]."""
    looked, both = differs[: len(apart)].sum(axis=0), (apart**2).sum(axis=0)
    once = both / (2 * np.maximum(looked, 1))  # of one pair of walks, where a row differs in the column
    # A column in which none of those differs is taken for as uncertain as the worst.
    once = np.where(looked > 0, once, once.max(initial=0.0))
    return np.asarray(once * (differs[len(apart) :].sum(axis=0) + looked / 2))


def _differs(row: Doubles, background: Doubles) -> Bools:
    """[B, D]: where a background row holds another value; missing equals missing."""
    return np.asarray((background != row) & ~(np.isnan(background) & np.isnan(row)), dtype=bool)


def _parts(indices: Ints, cells: int) -> Iterator[Ints]:
    """`indices` in parts that ask bounded questions, `cells` for each."""
    most = max(1, CELLS // max(cells, 1))
    for start in range(0, len(indices), most):
        yield indices[start : start + most]


def _all_coalitions(value: Value, game: Game, at: Ints, differs: Bools) -> Doubles:
    """The sum [D] over the background rows `at`, which differ in equally many columns, by all coalitions."""
    count = int(differs[at[0]].sum())
    places = np.nonzero(differs[at])[1].reshape(len(at), count)
    member, weight = _coalitions(count)
    taken = np.zeros((len(at), len(member), len(game.row)), dtype=bool)
    np.put_along_axis(taken, places[:, None, :].repeat(len(member), axis=1), member[None], axis=2)
    inner = slice(1, -1)  # the first is the background row, the last is the row
    rows = np.where(taken[:, inner], game.row, game.background[at][:, None, :])
    answers = np.empty((len(at), len(member)))
    answers[:, 0], answers[:, -1] = game.answers[at], game.answer
    if count > 1:
        answers[:, inner] = value(rows.reshape(-1, len(game.row))).reshape(len(at), -1)
    total = np.zeros(len(game.row))
    for j in range(count):  # by what it changes, so that a column without effect has exactly none
        changes = answers[:, member[:, j]] - answers[:, ~member[:, j]]
        np.add.at(total, places[:, j], changes @ weight[~member[:, j]])
    return total


@cache
def _coalitions(count: int) -> tuple[Bools, Doubles]:
    """All coalitions of so many columns [2^count, count], from none to all, and what a column that joins one
    counts in its Shapley value [2^count]."""
    member = (np.arange(2**count)[:, None] >> np.arange(count)) & 1 == 1
    weight = [1.0 / (count * math.comb(count - 1, s)) for s in range(count)]
    return member, np.array([*weight, 0.0])[member.sum(axis=1)]


def _walks(
    value: Value, game: Game, at: Ints, differs: Bools, pairs: int, rng: np.random.Generator
) -> Doubles:
    """What each column changes [n, pairs, D] on the way from each of the background rows `at` to the row."""
    width, steps = len(game.row), differs[at].sum(axis=1).repeat(pairs)
    shuffled = np.where(differs[at].repeat(pairs, axis=0), rng.random((len(steps), width)), 2.0)
    forth = shuffled.argsort(axis=1).argsort(axis=1)  # the columns that do not differ come last
    rank = np.concatenate(
        [forth, steps[:, None] - 1 - forth]
    )  # one question: the graph answers many rows sooner
    both = _walk(value, game, np.tile(at.repeat(pairs), 2), rank, np.tile(steps, 2))
    changes = both.reshape(2, len(steps), width).mean(axis=0)
    return np.where(differs[at].repeat(pairs, axis=0), changes, 0.0).reshape(len(at), pairs, width)


def _walk(value: Value, game: Game, at: Ints, rank: Ints, steps: Ints) -> Doubles:
    """What the answers change by [W, D] as the column of each rank takes the row's value, ranks ascending."""
    inner = steps - 1
    walk = np.arange(len(at)).repeat(inner)
    step = np.arange(len(walk)) - (inner.cumsum() - inner).repeat(inner) + 1
    answers = np.zeros((len(at), int(steps.max()) + 1))
    answers[:, 0] = game.answers[at]
    answers[np.arange(len(at)), steps] = game.answer
    for part in _parts(np.arange(len(walk)), len(game.row)):
        of, taken = walk[part], rank[walk[part]] < step[part, None]
        answers[of, step[part]] = value(np.where(taken, game.row, game.background[at[of]]))
    place = np.clip(rank, 0, answers.shape[1] - 2)
    after, before = (np.take_along_axis(answers, place + k, axis=1) for k in (1, 0))
    return np.asarray(after - before)
