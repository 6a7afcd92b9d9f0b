"""Entities that stand in many rows, so that a random split would test on whom it trained on: MLW407.

Called by `check` through the table of checks, and by the advice on the split. A column names an entity where
its name or its kind says so; that it matters is measured: rows of one entity agree in the target.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from mlwright.base.schema import Column
from mlwright.checks.leakage import able
from mlwright.checks.outcome import Check, CouldNotLook, Seen, percent
from mlwright.checks.table import Sample, Table, codes_of
from mlwright.data.named import is_called_id, names_an_identifier, words_of
from mlwright.statistics.intervals import Codes, Floats, Interval, wilson
from mlwright.statistics.resampling import drawn_weights

ENTITIES: Final = frozenset(
    (
        "account",
        "animal",
        "applicant",
        "author",
        "borrower",
        "buyer",
        "client",
        "company",
        "customer",
        "device",
    )
    + ("driver", "employee", "household", "individual", "machine", "member", "merchant", "owner", "patient")
    + (
        "person",
        "player",
        "reviewer",
        "seller",
        "student",
        "subject",
        "supplier",
        "user",
        "vehicle",
        "visitor",
    )
)
"""Words for whom or what several rows may be about."""
FEWEST = 20
"""Entities under which a column is rather a category."""
REPEATED = 0.05
"""Share of rows with another row of their entity that the interval must lie over."""
AGREEMENT = 0.05
PERMUTATIONS = 199
LEVEL = 0.05
DRAWS = 200


@dataclass(frozen=True)
class Entity:
    """A column that names entities, and how much their rows agree."""

    name: str
    shared: Interval
    """Share of rows with another row of their entity."""
    agreement: Interval
    """Intraclass correlation of the target."""
    p: float
    """Of the agreement, by permutation of the targets."""


def entities(table: Table) -> list[Entity]:
    """The columns whose entities a random split would tear apart, most telling first; found once for a table.

    Raises `CouldNotLook` where a group is named, or no column names entities.
    """
    return table.once("entities", lambda: _entities(table))


def torn(table: Table) -> Iterator[Seen]:
    """MLW407."""
    for one in entities(table):
        yield Seen(
            f"{percent(one.shared)} of rows share their {one.name!r} with another; targets within one "
            "correlate "
            f"by {one.agreement.value:.2f} ({one.agreement.low:.2f} to {one.agreement.high:.2f}), p "
            f"{one.p:.3f} by "
            f"permutation; {table.sample.said}",
            f"If new rows will be of others, say group={one.name!r}, so that none is on both sides of a "
            "split.",
            one.name,
        )


def agreement(y: Floats, entity: Codes) -> float:
    """The intraclass correlation of targets y [N, K] within entities [N] (codes from 0): 0 by chance.

    One-way analysis of variance for groups of any sizes; several columns of y (classes) add up their squares.
    Source: Donner (1986), International Statistical Review 54.

    >>> agreement(np.array([[0.0], [0.0], [1.0], [1.0]]), np.array([0, 0, 1, 1]))
    1.0
    """
    return _correlation(*_sums(y, entity), np.ones(int(entity.max()) + 1))


def _sums(y: Floats, entity: Codes) -> tuple[Floats, Floats, Floats]:
    """Of each entity its rows, the sums of its targets [E, K], and the sum of their squares."""
    sizes = np.bincount(entity).astype(np.float64)
    sums = np.stack([np.bincount(entity, weights=column) for column in y.T], axis=1)
    return sizes, sums.astype(np.float64), np.bincount(entity, weights=(y * y).sum(axis=1)).astype(np.float64)


def _correlation(sizes: Floats, sums: Floats, squares: Floats, weights: Floats) -> float:
    rows, count = float(weights @ sizes), float(weights.sum())
    if rows <= count or count < 2:
        return float("nan")
    total = weights @ sums
    within_means = float(weights @ ((sums * sums).sum(axis=1) / np.maximum(sizes, 1)))
    between = (within_means - float(total @ total) / rows) / (count - 1)
    within = (float(weights @ squares) - within_means) / (rows - count)
    usual = (rows - float(weights @ (sizes * sizes)) / rows) / (count - 1)
    spread = between + (usual - 1) * within
    return (between - within) / spread if spread > 0 else float("nan")


def _entities(table: Table) -> list[Entity]:
    able(table)
    if table.dataset.role("group"):
        raise CouldNotLook("not_applicable", "a group is named, and its rows stay on one side of a split")
    columns = [c for c in table.dataset.schema.columns if _may_name(c)]
    if not columns:
        raise CouldNotLook("not_applicable", "no column names whom or what a row is about")
    found = [e for e in (_measured(table, c) for c in columns) if e is not None]
    return sorted(found, key=lambda e: -e.agreement.value)


def _may_name(column: Column) -> bool:
    if column.role not in ("feature", "id", "ignored") or column.kind in ("datetime", "boolean", "text"):
        return False
    words = words_of(column.name)
    said = column.kind == "id" or column.role == "id" or is_called_id(column.name)
    said = said or (bool(words) and words[-1] in ENTITIES)
    return said or (bool(ENTITIES & set(words)) and names_an_identifier(column.name))


def _measured(table: Table, column: Column) -> Entity | None:
    """What its entities share; None where they hardly repeat, are few, or agree by no more than chance."""
    whole = table.series(column)[table.labelled].drop_nulls()
    distinct = whole.n_unique()
    if distinct < FEWEST or len(whole) < 2 * FEWEST:
        return None
    shared = wilson(int(whole.is_duplicated().sum()), len(whole))
    if shared.low < REPEATED:
        return None
    sample = table.sample
    series = table.series(column)[sample.rows]
    known = series.is_not_null().to_numpy()
    entity = np.unique(codes_of(series.filter(known)), return_inverse=True)[1].astype(np.int64)
    y = _targets(sample)[known]
    sizes, sums, squares = _sums(y, entity)
    value = _correlation(sizes, sums, squares, np.ones(len(sizes)))
    if not value > AGREEMENT:
        return None
    drawn = [_correlation(sizes, sums, squares, w) for w in drawn_weights(len(sizes), DRAWS, table.seed)]
    low, high = np.nanquantile(drawn, [0.025, 0.975])
    interval = Interval(value, min(float(low), value), max(float(high), value))
    random = np.random.default_rng(table.seed)
    chance = [agreement(y[random.permutation(len(y))], entity) for _ in range(PERMUTATIONS)]
    p = (1 + sum(c >= value for c in chance)) / (1 + PERMUTATIONS)
    if interval.low <= AGREEMENT or p > LEVEL:
        return None
    return Entity(column.name, shared, interval, p)


def _targets(sample: Sample) -> Floats:
    if sample.y.dtype.kind == "f":
        y = np.asarray(sample.y, dtype=np.float64)
        # Ranks: one extreme target should not decide whether entities agree.
        ranks = np.argsort(np.argsort(y, kind="stable"), kind="stable").astype(np.float64)
        return np.asarray(ranks[:, None] / max(1, len(y) - 1))
    shown = np.asarray(sample.y)[:, None] == np.arange(int(sample.y.max()) + 1)
    return np.asarray(shown, dtype=np.float64)


CHECKS: Final[tuple[Check[Table], ...]] = (
    Check(
        "MLW407",
        "rows of one entity would be on both sides of a random split",
        "tip",
        torn,
        "For columns that are called ids or by a word for a person, a device or the like, have 20 values or "
        "more, "
        "and no group named: found where the 95 % interval of rows that share theirs lies over 5 %, and that "
        "of "
        "the targets' intraclass correlation (bootstrap of entities; ranks of numbers) over 0.05, with p at "
        "most "
        "0.05 in 199 permutations.",
        "Donner (1986), International Statistical Review 54; Kaufman et al. (2012), ACM TKDD 6",
    ),
)
