"""Rows that are nearly another row (MLW204), and how many equal rows chance would give (for MLW201).

Called by `check` through the table of checks. Looks at up to 30,000 rows and at no target.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import polars as pl
from scipy import special

from mlwright.base.finding import counted
from mlwright.checks.outcome import Check, CouldNotLook, Seen, need_rows, percent
from mlwright.checks.table import SAMPLE_CELLS, Table, codes_of, is_number, refuse_when_late
from mlwright.statistics.intervals import Codes, Floats, wilson
from mlwright.statistics.multiple import adjusted
from mlwright.statistics.neighbours import near_pairs, nearness

LEAST_ROWS = 50
LEAST_COLUMNS = 3
FALSE_SHARE = 0.01
NEAR = 0.15
"""Times as far away as the fourth nearest row a near copy may be."""
MOST_ROWS = 30_000
SECONDS_A_CELL = 1e-6
ABSENT = 10.0
"""Where a missing number stands, in deviations: as far as can be from all that are known."""
CHANCE_ROWS = 20_000
PAIRS_OF_COLUMNS = 60
TIMES = 5.0
"""Pairs of equal rows must be so many times what chance gives."""
SURE = 0.01


def near_duplicates(table: Table) -> Iterator[Seen]:
    """MLW204."""
    need_rows(len(table), LEAST_ROWS)
    names = compared(table)
    if len(names) < LEAST_COLUMNS:
        raise CouldNotLook("not_applicable", "fewer than three columns to compare rows by")
    most = max(2_000, min(MOST_ROWS, SAMPLE_CELLS // len(names)))
    rows = drawn(table, most)
    refuse_when_late(table, SECONDS_A_CELL * len(rows) * len(names))
    frame = table.dataset.frame.select(names)[rows]
    first = frame.select(pl.struct(names).is_first_distinct()).to_series().to_numpy()
    rows, frame = rows[first], frame.filter(first)  # the others are MLW201's
    need_rows(len(rows), LEAST_ROWS, "different rows")
    numbers, codes = _cells(table, frame)
    nearest, least, far = near_pairs(numbers, codes, _but_for_one(numbers, codes, table.seed), table.seed)
    chances, dimension = nearness(least, far)
    if np.isnan(dimension):
        raise CouldNotLook("not_applicable", "rows have too few values to be near each other")
    near = (adjusted(chances) <= FALSE_SHARE) & (least <= NEAR * far)
    later = np.flatnonzero(near & (nearest < np.arange(len(rows))))
    later = later[~_met_by_chance(table, frame, (numbers, codes), later, nearest[later])]
    if not len(later):
        return
    cells = _differing(numbers, codes, later, nearest[later])
    said = f"{len(rows):,} different rows" + (" drawn" if most < len(table) else "")
    nearer = float(np.median(least[later] / far[later]))
    yield Seen(
        f"{counted(len(later), 'row is', 'rows are')} nearly an earlier one, "
        f"{percent(wilson(len(later), len(rows)))} of {said}: {_told(cells)}; they lie "
        f"{100 * nearer:.2g} % as far away as the fourth nearest row",
        "Find out whether they are one case recorded twice: such rows fall on both sides of a split. Keep "
        "one of each, or name the column that groups them.",
        rows=tuple(int(r) for r in np.sort(rows[later])[:20]),
    )


def compared(table: Table) -> list[str]:
    """The columns that rows are compared by: all but ids and what is ignored."""
    return [c.name for c in table.dataset.schema.columns if c not in table.ids and c.role != "ignored"]


def drawn(table: Table, most: int) -> Codes:
    """Row numbers in order, at most so many, drawn by the seed."""
    if len(table) <= most:
        return np.arange(len(table))
    return np.sort(np.random.default_rng(table.seed).choice(len(table), most, replace=False))


def _cells(table: Table, frame: pl.DataFrame) -> tuple[Floats, Codes]:
    """Numbers in deviations [n, a], and codes of categories and of texts without case and blanks [n, b]."""
    numbers, codes = [], []
    for name in frame.columns:
        column = table.dataset.schema.column(name)
        series = frame[name]
        if is_number(column):
            values = series.cast(pl.Float64).fill_null(np.nan).to_numpy()
            known = values[~np.isnan(values)]
            with np.errstate(over="ignore", invalid="ignore"):
                low, middle, high = np.quantile(known, [0.16, 0.5, 0.84]) if len(known) else (0.0, 0.0, 0.0)
                unit = (high - low) / 2 if high > low else float(known.std()) if len(known) else 0.0
                scaled = (values - middle) / (unit if 0 < unit < np.inf else 1.0)
            numbers.append(
                np.clip(np.nan_to_num(scaled, nan=ABSENT, posinf=ABSENT, neginf=-ABSENT), -1e6, 1e6)
            )
        else:
            plain = series.cast(pl.String).str.to_lowercase().str.replace_all(r"[\s\p{P}]+", "")
            codes.append(codes_of(plain))
    n = frame.height
    return (
        np.column_stack(numbers) if numbers else np.zeros((n, 0)),
        np.column_stack(codes) if codes else np.zeros((n, 0), dtype=np.int64),
    )


def _but_for_one(numbers: Floats, codes: Codes, seed: int) -> list[tuple[Codes, Codes]]:
    """Pairs of rows equal in all cells but one, whatever stands in that one."""
    cells = _hashes([*numbers.T, *codes.T], seed)
    total = _sum(cells)
    pairs = []
    for cell in cells:
        keys = total - cell
        order = np.argsort(keys, kind="stable")
        same = np.flatnonzero(keys[order][1:] == keys[order][:-1])
        if len(same):
            pairs.append((order[same], order[same + 1]))
    return pairs


def _met_by_chance(
    table: Table, frame: pl.DataFrame, cells: tuple[Floats, Codes], one: Codes, other: Codes
) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which pairs of rows differ in one number alone, by no less than chance lets such pairs differ.

    Where chance makes many rows alike but for one number, some lie near in it too. Of all pairs that are
    equal in the other cells, those stand out that differ by less than any two rows do, at a false-discovery
    rate of 1 %.
    """
    numbers, codes = cells
    apart = numbers[one] != numbers[other]
    single = (apart.sum(axis=1) == 1) & (codes[one] == codes[other]).all(axis=1)
    chance = np.zeros(len(one), dtype=bool)
    if not single.any():
        return chance
    hashes = _hashes([*numbers.T, *codes.T], table.seed)
    total = _sum(hashes)
    names = [name for name in frame.columns if is_number(table.dataset.schema.column(name))]
    for j in np.flatnonzero(apart[single].any(axis=0)):
        if beyond_chance(frame.drop(names[j]), table.seed)[0]:
            continue  # nobody is equal to another in all other cells by chance
        pairs = np.flatnonzero(single & apart[:, j])
        ordered = np.sort(numbers[:, j])
        as_near = [
            _share_within(ordered, abs(numbers[one[k], j] - numbers[other[k], j])) for k in pairs.tolist()
        ]
        tested = np.append(as_near, np.ones(max(0, int(_pairs(total - hashes[j])) - len(pairs))))
        chance[pairs] = adjusted(tested)[: len(pairs)] > FALSE_SHARE
    return chance


def _share_within(ordered: Floats, distance: float) -> float:
    """The share of all pairs of rising numbers [n] that differ by at most so much."""
    within = np.searchsorted(ordered, ordered + distance, side="right") - np.arange(1, len(ordered) + 1)
    return float(within.sum()) / (len(ordered) * (len(ordered) - 1) / 2)


def _hashes(columns: list[Floats | Codes], seed: int) -> list[np.ndarray[tuple[int], np.dtype[np.uint64]]]:
    """A random number of 64 bits for each cell; equal cells of a column have equal ones."""
    random = np.random.default_rng(seed)
    result = []
    for column in columns:
        codes = np.unique(column, return_inverse=True)[1]
        result.append(random.integers(0, 2**64, int(codes.max()) + 1, dtype=np.uint64)[codes])
    return result


def _sum(
    cells: list[np.ndarray[tuple[int], np.dtype[np.uint64]]],
) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    total = np.zeros(len(cells[0]), dtype=np.uint64)
    for cell in cells:
        total += cell
    return total


def _differing(numbers: Floats, codes: Codes, one: Codes, other: Codes) -> Codes:
    return np.asarray((numbers[one] != numbers[other]).sum(axis=1) + (codes[one] != codes[other]).sum(axis=1))


def _told(cells: Codes) -> str:
    parts = [
        (int((cells == 0).sum()), "in case, blanks or punctuation alone"),
        (int((cells == 1).sum()), "in one cell"),
        (int((cells > 1).sum()), "a little in several cells"),
    ]
    return ", ".join(
        f"{count:,} {'differs' if count == 1 else 'differ'} {what}" for count, what in parts if count
    )


def beyond_chance(frame: pl.DataFrame, seed: int) -> tuple[bool, float]:
    """Whether rows of `frame` are equal more often than chance explains, and the share of pairs it explains.

    Pairs of rows that differ in one column and in two say how often pairs differ in none: with P the chance
    of that and o the odds of each column to differ, they number P, P e1(o) and P e2(o), the elementary
    symmetric sums, also where columns depend on each other, for few differences. On up to 20,000 rows.

    >>> few = pl.DataFrame({c: np.random.default_rng(i).integers(0, 3, 900) for i, c in enumerate("abcde")})
    >>> beyond_chance(few, 0)[0]
    False
    """
    if frame.height > CHANCE_ROWS:
        frame = frame.sample(CHANCE_ROWS, seed=seed)
    cells = _hashes([codes_of(frame[name]) for name in frame.columns], seed)
    total, count = _sum(cells), len(cells)
    equal = _pairs(total)
    if not equal:
        return True, 0.0
    one = np.array([_pairs(total - cell) - equal for cell in cells], dtype=np.float64)
    if count < 2 or not one.sum():
        return True, 0.0
    both = np.array([(i, j) for i in range(count) for j in range(i)])
    picked = both
    if len(both) > PAIRS_OF_COLUMNS:
        picked = np.random.default_rng(seed).permutation(both)[:PAIRS_OF_COLUMNS]
    two = [_pairs(total - cells[i] - cells[j]) - equal - one[i] - one[j] for i, j in picked]
    in_two = max(float(np.sum(two)) * len(both) / len(picked), 1.0)
    shares = one / one.sum()
    expected = float(one.sum() ** 2 * (1 - shares @ shares) / 2 / in_two)
    # As likely as a Poisson count of so many pairs; clusters of equal rows make it vary more, hence TIMES.
    chance = float(special.pdtrc(equal - 1, max(expected, 1e-9)))
    return equal > TIMES * expected and chance < SURE, min(1.0, expected / equal)


def _pairs(keys: np.ndarray[tuple[int], np.dtype[np.uint64]]) -> float:
    ordered = np.sort(keys)
    ends = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True))
    sizes = np.diff(np.append(-1, ends)).astype(np.float64)
    return float((sizes * (sizes - 1) / 2).sum())


CHECKS: Final[tuple[Check[Table], ...]] = (
    Check(
        "MLW204",
        "rows are nearly repeated",
        "tip",
        near_duplicates,
        "Finds each row's nearest other row (of up to 30,000): numbers in robust deviations, at most one a "
        "cell; texts without case, blanks and punctuation. Found where it is at most 15 % as far away as the "
        "fourth nearest, and so near that, in the dimension that the table's own rows have, chance "
        "does not explain it, at a false-discovery rate of 1 %. Where chance makes rows equal but for one "
        "number (as for MLW201), they must be nearer in it than chance gives, at that rate too. Equal rows "
        "are MLW201.",
        "Facco et al. (2017), Estimating the intrinsic dimension of datasets, Scientific Reports 7; "
        "Benjamini & Hochberg (1995), JRSS B 57",
    ),
)
