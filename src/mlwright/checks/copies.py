"""The check for test rows that are near copies of training rows: MLW652.

Called by `contaminated` through its table of checks. A copy with a little noise, or with one cell changed, is
no equal row; but its nearest training row is much nearer than such rows are to each other.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from mlwright.base.schema import Column
from mlwright.checks.outcome import Check, CouldNotLook, Seen, first_rows, need_rows
from mlwright.checks.pair import Pair
from mlwright.checks.table import codes_of, is_number
from mlwright.statistics.intervals import Codes, Floats, Interval
from mlwright.statistics.shares import share_shift

Singles = npt.NDArray[np.float32]

COPIED = 0.01
"""Share of test rows beyond chance over which near copies are an issue."""
LEAST_ROWS, LEAST_COLUMNS = 100, 3
MOST_ASKED = 1_000
"""Rows of each table whose nearest training row is looked for."""
MOST_POOLED = 20_000
"""Training rows that it is looked for among."""
MOST_COLUMNS = 200
NEAR = (0.1, 0.25, 0.5)
"""Parts of the usual distance between training rows under which a row is a near copy."""
SIGNS = 4
"""Numbers that stand for a category, so that any two of them are about equally far apart."""


def near_copies(pair: Pair) -> Iterator[Seen]:
    """MLW652."""
    train, test = pair.both
    need_rows(min(len(train), len(test)), LEAST_ROWS, "rows in one of the tables")
    if len(pair.features) < LEAST_COLUMNS:
        raise CouldNotLook("not_applicable", f"fewer than {LEAST_COLUMNS} columns: any rows may be near")
    random = np.random.default_rng(pair.seed)
    pool, own, asked = (
        np.sort(random.choice(n, min(n, most), replace=False))
        for n, most in ((len(train), MOST_POOLED), (len(train), MOST_ASKED), (len(test), MOST_ASKED))
    )
    places, keys = _placed(pair, np.concatenate([pool, own]), asked, random)
    cut = len(pool), len(pool) + len(own)
    target, target_keys = places[: cut[0]], keys[: cut[0]]
    within = nearest(places[cut[0] : cut[1]], keys[cut[0] : cut[1]], target, target_keys)
    across = nearest(places[cut[1] :], keys[cut[1] :], target, target_keys)
    usual = float(np.median(within))
    if not np.isfinite(usual) or usual <= 0:
        raise CouldNotLook("not_applicable", "training has too few kinds of rows")
    part = len(pool) / len(train)
    best: tuple[Interval, npt.NDArray[np.bool_]] | None = None
    for near in NEAR:
        close = across < near * usual
        shift = share_shift(
            (float((within < near * usual).sum()), len(own)), (float(close.sum()), len(asked))
        )
        beyond = Interval(*(end / part for end in shift.effect)).within(-1.0, 1.0)
        if shift.p <= 0.05 / len(NEAR) and beyond.low > COPIED and (not best or beyond.low > best[0].low):
            best = beyond, close
    if best is None:
        return
    beyond, close = best
    shown = "{:.1f} % ({:.1f} to {:.1f})".format(*(100 * end for end in beyond))
    yield Seen(
        f"{shown} of test rows lie nearer to a training row than training rows lie to each other, which is "
        f"beyond chance; {len(asked):,} test rows asked, {len(pool):,} training rows",
        "Look at these rows beside their nearest: copies with noise or a cell changed are not unseen.",
        rows=first_rows(asked[close][np.argsort(across[close], kind="stable")]),  # the nearest first
    )


def nearest(places: Singles, keys: Codes, pool: Singles, pool_keys: Codes) -> Floats:
    """Euclidean distance of each place [A, d] to the nearest of the pool [P, d] that is no equal row.

    >>> spots = np.array([[0.0], [3.0]], dtype=np.float32)
    >>> nearest(spots, np.array([0, 1]), spots, np.array([0, 1]))
    array([3., 3.])
    """
    squares = (pool**2).sum(axis=1)
    found = np.empty(len(places))
    for start in range(0, len(places), 250):
        block = places[start : start + 250]
        distance = (block**2).sum(axis=1)[:, None] + squares[None, :] - 2 * (block @ pool.T)
        distance[keys[start : start + 250, None] == pool_keys[None, :]] = np.inf
        found[start : start + 250] = distance.min(axis=1)
    return np.sqrt(np.maximum(found, 0.0))


def _placed(
    pair: Pair, train_rows: Codes, test_rows: Codes, random: np.random.Generator
) -> tuple[Singles, Codes]:
    """The picked rows of both tables as places [N, d], and codes of equal rows [N]."""
    train, test = pair.both
    columns = list(pair.features)
    if len(columns) > MOST_COLUMNS:
        columns = [columns[j] for j in np.sort(random.choice(len(columns), MOST_COLUMNS, replace=False))]
    names = [c.name for c in columns]
    both = pl.concat([train.frame.select(names)[train_rows], test.frame.select(names)[test_rows]])
    parts = [_place(c, both[c.name], random) for c in columns]
    return np.concatenate(parts, axis=1), codes_of(both.hash_rows(pair.seed))


def _place(column: Column, values: pl.Series, random: np.random.Generator) -> Singles:
    """Numbers by their rank from 0 to 1, missing ones apart; categories and texts by signs."""
    if is_number(column):
        ranks = codes_of(values).astype(np.float32)
        placed = ranks / max(1.0, float(ranks.max(initial=0)))
        placed[values.is_null().to_numpy()] = -0.5
        return placed[:, None]
    codes = codes_of(values)
    signs = random.choice(np.array([-1.0, 1.0]), (int(codes.max(initial=0)) + 1, SIGNS))
    # Two ranks differ by 1/6 in their mean square; so do these.
    return np.asarray(signs[codes] * np.sqrt(1 / (12 * SIGNS)), dtype=np.float32)


CHECKS: Final[tuple[Check[Pair], ...]] = (
    Check(
        "MLW652",
        "test rows are near copies of training rows",
        "issue",
        near_copies,
        "The distance of up to 1,000 test rows to the nearest training row that is not equal (numbers by "
        "rank, categories equal or not), beside that of training rows to each other. Counts those nearer "
        "than a tenth, a quarter or half of the usual; found where the 95 % interval of the difference lies "
        "over 1 %.",
        "Barz & Denzler (2020), Journal of Imaging 6",
    ),
)
