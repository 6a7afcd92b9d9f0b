"""A table larger than memory to a Dataset: a sample of its rows, and what all of them say.

Used by `reading`. Two passes over the stream: the first draws the sample, by which the schema is inferred;
the second decodes every chunk by that schema and counts it. It knows no format.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt
import polars as pl

from mlwright.base.errors import RowProblem, SourceUnreadable
from mlwright.base.finding import Finding, counted
from mlwright.base.schema import NUMBER_KINDS, Column, Schema
from mlwright.data import codes
from mlwright.data.census import Census
from mlwright.data.codes import finding
from mlwright.data.dataset import Dataset, Provenance
from mlwright.data.decode import decode_frame
from mlwright.data.infer import Hints, gathered, infer_table, role_by_values
from mlwright.data.missing import means_missing
from mlwright.data.texts import cleaned
from mlwright.data.whole import Whole
from mlwright.sources.labels import Labels, refuse_empty
from mlwright.sources.naming import hints_of, require_names, with_roles, without_dropped
from mlwright.sources.options import ReadOptions, Roles
from mlwright.sources.stream import Stream
from mlwright.statistics.drawing import Drawing

Codes = npt.NDArray[np.int64]

_SEED: Final = 0
"""Of the sample: equal files give equal samples."""
_SHARE_OF_SAMPLE: Final = 4
"""The sample takes at most this part of the memory that a table may take."""
_LEAST_SAMPLE: Final = 1_000
_RECOUNTED: Final = frozenset(
    (codes.CONSTANT, codes.ALL_MISSING, codes.REFUSED_VALUES, codes.MISSING_MARKERS, codes.IDENTIFIER)
)
"""What is said again of all rows."""
_ID_SHARE: Final = 0.9
_MOST_CLASSES: Final = 100
"""A target of more values is rather a number."""


def read_large(stream: Stream, roles: Roles, options: ReadOptions) -> Dataset:
    """Reads a stream. Raises as `reading.read` does."""
    first = replace(stream.first, frame=without_dropped(stream.first.frame, roles, stream.first.source))
    require_names(first, roles)
    raw, numbers, rows = draw(stream, roles, most_sampled(stream, options))
    hints = hints_of(first, roles, options)
    labels = None if roles.target is None else Labels.judged(raw[roles.target], hints)
    found = list(first.findings)
    if labels is not None:
        found += labels.findings
        raw, absent = labels.applied(raw)
        raw, numbers = raw.filter(~absent), numbers[~absent.to_numpy()]
        if not raw.height:
            refuse_empty(labels.column.name, first.source)
    inferred = infer_table(raw, hints)
    schema = with_roles(inferred.schema, roles, first.source)
    census = Census(schema, inferred.frame, seed=_SEED)
    counting = Counting(roles, labels, census, declared=hints.missing is not None)
    for chunk in stream.chunks():
        counting.add(chunk)
    whole = census.whole(numbers)
    schema = counting.with_markers(schema)
    if labels is not None and whole.rows < rows:
        evidence = f"{rows - whole.rows:,} of {rows:,} rows"
        found.append(
            finding(codes.TARGET_MISSING, evidence, column=labels.column.name, rows=counting.unlabelled)
        )
    found += [_of_sample(f, whole) for f in inferred.findings if f.code not in _RECOUNTED]
    schema, more = settled(schema, census, whole, hints)
    provenance = Provenance(
        first.source, stream.sha256(), rows, rows - whole.rows, (*first.notes, f"a sample: {whole.said}")
    )
    unlearnt = None if labels is None else _not_drawn(inferred.frame[labels.column.name], whole)
    return Dataset(inferred.frame, schema, provenance, (*found, *more, _larger(whole, unlearnt)), whole)


def most_sampled(stream: Stream, options: ReadOptions) -> int:
    """Rows that the sample may have."""
    rows = max(1, stream.first.frame.height)
    row_bytes = max(1.0, stream.first.frame.estimated_size() / rows)
    fitting = int(options.memory_bytes / _SHARE_OF_SAMPLE / row_bytes)
    return min(options.sample_rows, max(_LEAST_SAMPLE, fitting))


def draw(stream: Stream, roles: Roles, most: int) -> tuple[pl.DataFrame, Codes, int]:
    """A sample of the raw rows in their order, their row numbers, and how many rows there are in all."""
    drawing = Drawing(most, seed=_SEED)
    kept: list[pl.DataFrame] = []
    for chunk in stream.chunks():
        kept.append(without_dropped(chunk, roles).filter(pl.Series(drawing.offer(chunk.height))))
        if drawing.waiting > 2 * most:
            kept = [_joined(kept).filter(pl.Series(drawing.trim()))]
    if not drawing.seen:
        raise SourceUnreadable(
            "a table without rows", where=stream.first.source, remedy="look at how it was written"
        )
    sample = _joined(kept).filter(pl.Series(drawing.trim()))
    return sample.rechunk(), drawing.places, drawing.seen


def _joined(frames: list[pl.DataFrame]) -> pl.DataFrame:
    """Frames of equal names; types may differ from chunk to chunk where the source has none."""
    return pl.concat(frames, how="vertical_relaxed")


class Counting:
    """The second pass: every chunk decoded by the schema of the sample, and counted."""

    def __init__(self, roles: Roles, labels: Labels | None, census: Census, *, declared: bool) -> None:
        self._roles, self._labels, self._declared = roles, labels, declared
        self.census = census
        self.unlabelled: list[int] = []
        """The first rows without a target, at most 20."""
        self._markers: dict[str, set[str]] = {}
        self._start = 0

    def add(self, chunk: pl.DataFrame) -> None:
        """Takes in the next raw rows."""
        numbers = np.arange(self._start, self._start + chunk.height)
        self._start += chunk.height
        frame = without_dropped(chunk, self._roles)
        if self._labels is not None:
            frame, absent = self._labels.applied(frame)
            if absent.any():
                self.unlabelled += numbers[absent.to_numpy()][: 20 - len(self.unlabelled)].tolist()
                frame, numbers = frame.filter(~absent), numbers[~absent.to_numpy()]
        decoded = decode_frame(frame, self.census.schema, text=True)
        self.census.add(decoded.frame, numbers, self._refused(frame, decoded.problems))

    def _refused(self, frame: pl.DataFrame, problems: tuple[RowProblem, ...]) -> list[RowProblem]:
        """The problems but those of texts that mean missing, of which the sample happened to hold none."""
        if self._declared:
            return list(problems)
        by_column: dict[str, list[RowProblem]] = {}
        for problem in problems:
            by_column.setdefault(problem.column, []).append(problem)
        refused = []
        for name, some in by_column.items():
            if frame[name].dtype != pl.String:
                refused += some
                continue
            texts = cleaned(frame[name].gather([p.row for p in some])).to_list()
            for problem, text in zip(some, texts, strict=True):
                if means_missing(text):
                    self._markers.setdefault(name, set()).add(text)
                else:
                    refused.append(problem)
        return refused

    def with_markers(self, schema: Schema) -> Schema:
        """The schema with the texts that turned out to mean missing."""
        for name, texts in self._markers.items():
            schema = schema.changed(name, missing=(*schema.column(name).missing, *sorted(texts)))
        return schema


def settled(schema: Schema, census: Census, whole: Whole, hints: Hints) -> tuple[Schema, list[Finding]]:
    """The schema with ranges, categories and roles by all rows, and what is found in them.

    Kinds stay those of the sample, except for ids that do repeat in the whole.
    """
    columns, found = [], list[Finding]()
    for column in schema.columns:
        about = whole.columns[column.name]
        if about.refused:
            found.append(
                finding(
                    codes.REFUSED_VALUES,
                    f"{about.refused:,} of {whole.rows:,} rows: {about.refused_why}",
                    column=column.name,
                    rows=about.refused_rows,
                    remedy="mend the values, or give the column another kind",
                    severity="issue",
                )
            )
        # Other texts among numbers also count as missing, but those are somebody's values.
        known = [m for m in column.missing if m in (hints.missing or ()) or means_missing(m)]
        if known and about.missing:
            markers = ", ".join(f"`{m}`" for m in known)
            evidence = f"{markers}; {about.missing:,} of {whole.rows:,} rows missing"
            found.append(finding(codes.MISSING_MARKERS, evidence, column=column.name))
        named = column.name in hints.kinds or column.name in hints.spoken_for
        if column.kind == "id" and column.name != hints.index and not named:
            column = _id_or_category(column, whole)
        if column.kind in NUMBER_KINDS:
            low, high = census.range(column.name) or (None, None)
            column = msgspec.structs.replace(column, minimum=low, maximum=high)
        elif column.kind == "categorical":
            column = msgspec.structs.replace(column, categories=census.categories(column.name))
        if column.role == "ignored" and column.name != hints.index:
            why = "differs in few rows" if about.distinct > 1 else "present in few rows"
            column = msgspec.structs.replace(column, role="feature", why=why)
        if column.role == "id" and not named:
            column = msgspec.structs.replace(column, role="feature")
        if column.role == "feature" and column.name != hints.target and column.name not in hints.spoken_for:
            column, more = role_by_values(
                column, whole.rows, about.missing, about.missing == 0 and about.distinct == 1
            )
            found += more
        columns.append(column)
    return msgspec.structs.replace(schema, columns=tuple(columns)), list(gathered(found))


def _id_or_category(column: Column, whole: Whole) -> Column:
    """What looked different in every row of a sample may well repeat in the whole."""
    about = whole.columns[column.name]
    present = whole.rows - about.missing
    if about.distinct * (1 + 2 * about.distinct_error) >= _ID_SHARE * present:
        return column
    role = "feature" if column.role == "id" else column.role
    why = f"{about.distinct:,} different texts in {present:,} rows"
    return msgspec.structs.replace(column, kind="categorical", role=role, why=why)


def _of_sample(one: Finding, whole: Whole) -> Finding:
    """A finding of inference, with the row numbers of the source."""
    rows = tuple(int(whole.numbers[r]) for r in one.rows)
    return msgspec.structs.replace(one, rows=rows, evidence=f"{one.evidence} (of {whole.said})")


def _not_drawn(target: pl.Series, whole: Whole) -> str | None:
    """Which few values of the target no row of the sample has, in words."""
    drawn = set(target.cast(pl.String).to_list())
    counts = [count for text, count in whole.classes if text not in drawn]
    if not counts or len(whole.classes) > _MOST_CLASSES:
        return None
    rows = f"{max(counts):,} rows at most" if max(counts) > 1 else "one row"
    return (
        f"{len(counts)} of {len(whole.classes)} values of the target, each in {rows}, stand in none of them"
    )


def _larger(whole: Whole, unlearnt: str | None) -> Finding:
    errors = [c.rank_error for c in whole.columns.values()]
    evidence = f"{whole.said} stand for it; counts, ranges and means are of all rows"
    if max(errors, default=0.0) > 0:
        evidence += f", quantiles within {100 * max(errors):.2g} % of the rows"
    roughly = [n for n, c in whole.columns.items() if c.distinct_error or c.count_error]
    if roughly:
        evidence += f"; distinct values of {counted(len(roughly), 'column')} are estimates"
    if unlearnt is not None:
        evidence += f"; {unlearnt}, so that no model of them answers with these"
    remedy = "give memory= (how much a table may take) to read it whole, or sample_rows= to keep more rows"
    return finding(codes.LARGER, evidence, remedy=remedy)
