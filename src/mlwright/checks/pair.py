"""Two tables under one schema, as the checks of shift and contamination see them.

Made once by `compare` and `contaminated`; each part is computed when first asked for. It knows no check. The
reference is a table, or the sketch of one that a model file keeps.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

from mlwright.base.labels import matcher
from mlwright.base.profile import ColumnProfile, Profile
from mlwright.base.schema import Column, Schema, TaskName
from mlwright.checks import moves
from mlwright.checks.moves import Mix, Move
from mlwright.checks.outcome import CouldNotLook
from mlwright.checks.table import Table, codes_of, is_number
from mlwright.data.dataset import Dataset
from mlwright.statistics.intervals import Codes, Floats
from mlwright.statistics.multiple import adjusted
from mlwright.statistics.two_samples import Sample

MOST_ROWS = 50_000
"""Rows of a table that shift is measured on, where there are more."""
STRETCHES = 20
"""Into so many stretches a table with a time is cut: rows near in time are alike, stretches much less so."""


@dataclass(frozen=True)
class Sketch:
    """What a model file keeps of a table: its profile, and the schema that the columns were read by."""

    profile: Profile
    schema: Schema

    def __len__(self) -> int:
        return self.profile.rows

    def column(self, name: str) -> ColumnProfile | None:
        return next((c for c in self.profile.columns if c.name == name), None)


@dataclass(frozen=True)
class Pair:
    """A reference and a fresh table. Fresh rows are numbered as in their data set, from 0."""

    reference: Dataset | Sketch
    fresh: Dataset
    seed: int = 0
    named_task: TaskName | None = None
    threads: int | None = None
    """How many a look that needs a model may use; None: all that this process may."""

    @property
    def schema(self) -> Schema:
        return self.reference.schema

    @cached_property
    def both(self) -> tuple[Dataset, Dataset]:
        """The two tables. Raises `CouldNotLook` where the reference is a sketch."""
        if isinstance(self.reference, Sketch):
            raise CouldNotLook("not_applicable", "a model file holds no rows; give the training table")
        return self.reference, self.fresh

    @cached_property
    def shared(self) -> tuple[Column, ...]:
        """The reference's columns that the fresh table has too, in order."""
        there = set(self.fresh.frame.columns)
        if isinstance(self.reference, Dataset):
            there &= set(self.reference.frame.columns)
        return tuple(c for c in self.schema.columns if c.name in there)

    @cached_property
    def features(self) -> tuple[Column, ...]:
        """Columns whose values may be held to the reference: no id, no group, and not the time itself."""
        return tuple(c for c in self.shared if c.role in ("feature", "protected") and c.kind != "id")

    @cached_property
    def target(self) -> Column | None:
        return next((c for c in self.shared if c.role == "target"), None)

    @cached_property
    def task(self) -> TaskName | None:
        if isinstance(self.reference, Dataset):
            return Table(self.reference, self.seed, self.named_task).task
        known = self.schema.target
        return self.named_task or (known.task if known else None)

    @cached_property
    def drawn(self) -> tuple[Codes, Codes]:
        """The rows of each table that shift is measured on; none of a sketch."""
        random = np.random.default_rng(self.seed)
        sizes = (len(self.reference) if isinstance(self.reference, Dataset) else 0, len(self.fresh))
        one, other = (
            np.arange(n)
            if n <= MOST_ROWS
            else np.sort(random.choice(n, MOST_ROWS, replace=False)).astype(np.int64)
            for n in sizes
        )
        return one, other

    @property
    def sizes(self) -> tuple[int, int]:
        """The rows that shift is measured on."""
        one, other = self.drawn
        return (len(self.reference) if isinstance(self.reference, Sketch) else len(one)), len(other)

    @cached_property
    def clusters(self) -> tuple[Codes, Codes] | None:
        """Which drawn rows are not independent: those of one group, or of one stretch of time."""
        if isinstance(self.reference, Sketch):
            return None
        for role, cut in (("group", _groups), ("time", _stretches)):
            named = next((c.name for c in self.shared if c.role == role), None)
            if named is not None:
                one, other = (t.frame[named][rows] for t, rows in zip(self.both, self.drawn, strict=True))
                return cut(one, other)
        return None

    @property
    def how(self) -> str:
        """What is to be known beside a figure: rows drawn, and rows that count together; else empty."""
        parts = []
        for name, of, drawn in zip(
            ("reference", "fresh"), (len(self.reference), len(self.fresh)), self.sizes, strict=True
        ):
            if drawn < of:
                parts.append(f"; {drawn:,} {name} rows drawn from {of:,}")
        if self.clusters is not None:
            grouped = any(c.role == "group" for c in self.shared)
            parts.append(f"; rows {'of one group' if grouped else 'near in time'} count together")
        return "".join(parts)

    @cached_property
    def moves(self) -> tuple[Move, ...]:
        """Every test of every shared feature and of the target."""
        columns = [*self.features, *([self.target] if self.target is not None else [])]
        return tuple(move for column in columns for move in self._moves(column))

    @cached_property
    def surprising(self) -> tuple[Move, ...]:
        """The moves that are not chance: one in twenty of them is false, among all tests together."""
        p = adjusted(np.array([m.p for m in self.moves], dtype=np.float64))
        return tuple(m for m, q in zip(self.moves, p, strict=True) if q <= 0.05)

    def series(self, column: Column) -> tuple[pl.Series, pl.Series]:
        """The column's drawn values in both tables, null where missing."""
        one, other = (Table(t).series(column)[rows] for t, rows in zip(self.both, self.drawn, strict=True))
        return one, other

    def _moves(self, column: Column) -> Iterator[Move]:
        target = column is self.target
        classes = target and self.task != "regression"
        if isinstance(self.reference, Sketch):
            yield from self._moves_from_sketch(column, self.reference, classes)
            return
        reference, fresh = self.series(column)
        if classes:
            fresh = spelt_as(fresh, reference.drop_nulls().unique().to_list())
        if column.kind == "text":
            reference, fresh = (s.str.len_chars().cast(pl.Float64) for s in (reference, fresh))
        if not target:
            yield from moves.of_missing(
                column.name,
                (reference.null_count(), len(reference)),
                (fresh.null_count(), len(fresh)),
                (_absent(reference), _absent(fresh)),
                self.clusters,
            )
        if reference.null_count() == len(reference) or fresh.null_count() == len(fresh):
            return
        if (is_number(column) or column.kind == "text") and column.kind != "boolean" and not classes:
            noun = "text length" if column.kind == "text" else "value"
            dated = column.kind == "datetime"
            yield from moves.of_numbers(
                column.name, *self._samples(reference, fresh), noun, medians=not dated
            )
            return
        mix = self._mix(reference, fresh, labels=classes)
        yield from moves.of_mix(column.name, mix, self.seed)
        if column.kind == "categorical" and not target:
            yield from moves.of_new(column.name, mix, self.seed)

    def _samples(self, reference: pl.Series, fresh: pl.Series) -> tuple[Sample, Sample]:
        made = []
        for side, series in enumerate((reference, fresh)):
            known = series.is_not_null().to_numpy()
            clusters = None if self.clusters is None else self.clusters[side][known]
            made.append(Sample.of_rows(series.drop_nulls().cast(pl.Float64).to_numpy(), clusters))
        return made[0], made[1]

    def _mix(self, reference: pl.Series, fresh: pl.Series, *, labels: bool) -> Mix:
        known = [s.is_not_null().to_numpy() for s in (reference, fresh)]
        values = pl.concat([reference.drop_nulls(), fresh.drop_nulls()])
        codes = codes_of(values)
        cells, cut = int(codes.max()) + 1, int(known[0].sum())
        parts = codes[:cut], codes[cut:]
        counts = [np.bincount(c, minlength=cells).astype(np.float64) for c in parts]
        clusters = None
        if self.clusters is not None:
            clusters = self.clusters[0][known[0]], self.clusters[1][known[1]]
        named = tuple(_label(v) for v in values.unique().sort()) if labels else ()
        return Mix(counts[0], counts[1], parts, clusters, named)

    def _moves_from_sketch(self, column: Column, sketch: Sketch, classes: bool) -> Iterator[Move]:
        known = sketch.column(column.name)
        fresh = Table(self.fresh).series(column)[self.drawn[1]]
        if known is None:
            return
        present, here = known.rows - known.missing, fresh.drop_nulls()
        if column is not self.target:
            yield from moves.of_missing(
                column.name, (known.missing, known.rows), (fresh.null_count(), len(fresh))
            )
        if not present or here.is_empty() or column.kind == "text":
            return
        if column.kind == "boolean" and known.mean is not None:
            one, other = np.rint(present * known.mean), float((here == 1).sum())
            mix = Mix(np.array([present - one, one]), np.array([len(here) - other, other]))
            yield from moves.of_mix(column.name, mix, self.seed)
        elif is_number(column) and known.quantiles:
            sample = Sample.of_rows(here.cast(pl.Float64).to_numpy())
            yield from moves.of_numbers(column.name, Sample.of_quantiles(known.quantiles, present), sample)
        elif known.counts:
            yield from self._mix_from_sketch(column, known, here, classes)

    def _mix_from_sketch(
        self, column: Column, known: ColumnProfile, here: pl.Series, classes: bool
    ) -> Iterator[Move]:
        """Categories that the sketch does not list are one more: rare ones it has, and new ones."""
        names = [name for name, _ in known.counts]
        here = spelt_as(here, names) if classes else here
        table = here.alias("text").value_counts(name="count")
        seen = dict(zip(table["text"].to_list(), table["count"].to_list(), strict=True))
        listed = np.array([float(seen.get(name, 0)) for name in names])
        other = len(here) - listed.sum()
        reference = np.array([*(float(c) for _, c in known.counts), float(known.other)])
        mix = Mix(reference, np.append(listed, other), labels=(*names, "others") if classes else ())
        yield from moves.of_mix(column.name, mix, self.seed)
        if column is not self.target:
            rows = known.rows - known.missing
            yield from moves.of_unlisted(column.name, (known.other, rows), (float(other), len(here)))


def _groups(reference: pl.Series, fresh: pl.Series) -> tuple[Codes, Codes]:
    both = codes_of(pl.concat([s.cast(pl.String) for s in (reference, fresh)]))
    return both[: len(reference)], both[len(reference) :]


def _stretches(reference: pl.Series, fresh: pl.Series) -> tuple[Codes, Codes]:
    """Stretches of equally many rows in order of time, those of the fresh table numbered on."""
    made: list[Codes] = []
    for side, series in enumerate((reference, fresh)):
        codes = np.empty(len(series), dtype=np.int64)
        order = np.argsort(codes_of(series), kind="stable")
        codes[order] = np.arange(len(series)) * STRETCHES // max(1, len(series)) + side * STRETCHES
        made.append(codes)
    return made[0], made[1]


def spelt_as(series: pl.Series, labels: list[str]) -> pl.Series:
    """Labels of a target as the reference spells them: another case or a final dot is no new class."""
    if series.dtype != pl.String:
        return series
    meant = matcher(labels)
    known = {text: meant(text) or text for text in series.drop_nulls().unique().to_list()}
    return series.replace_strict(known, default=None, return_dtype=pl.String)


def _absent(series: pl.Series) -> Floats:
    return series.is_null().cast(pl.Float64).to_numpy()


def _label(value: object) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
