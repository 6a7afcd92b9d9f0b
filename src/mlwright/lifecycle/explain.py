"""explain: why a model answers the rows of a table as it does, by raw column."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from mlwright.base.errors import Misuse, RowProblem, RowsRefused
from mlwright.base.progress import Progress
from mlwright.lifecycle.extras import need
from mlwright.lifecycle.load import load
from mlwright.lifecycle.output import placed, writable
from mlwright.lifecycle.read import as_written

if TYPE_CHECKING:
    from mlwright.artifact import Decoded, Explanation, Model
    from mlwright.sources import ReadOptions

FIRST = 100
"""Rows that are explained unless more are asked for."""
COMPARED = 100
"""Rows that are drawn from a table that is given as background."""
LEAST_LEFT = 10
"""Rows of such a table that must fit where others do not: fewer are not what was to be compared with."""
MOST_PROBLEMS = 1_000


@dataclass(frozen=True)
class ExplainReport:
    """Explanations of a table's first rows."""

    explanation: Explanation
    """Of the rows that fit the schema."""
    rows: tuple[int, ...]
    """Which they are, counted from 0."""
    total: int
    """Rows of the table."""
    problems: tuple[RowProblem, ...] = ()
    """Why rows among the first were refused; the first 1,000."""
    background_refused: int = 0
    """Rows of the background that break the schema, of which none was drawn."""
    background_problems: tuple[RowProblem, ...] = ()
    """Why; the first 1,000."""


def explain(
    model: Model | str | os.PathLike[str],
    source: object,
    *,
    first: int = FIRST,
    label: object = None,
    background: object = None,
    options: ReadOptions | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> ExplainReport:
    """Explains the `first` rows of `source` (a path, a frame, rows), as `Model.explain` does rows in hand.

    A row that breaks the schema is left out, its problems told. `background`: a table to compare with, of
    which 100 rows are drawn by `seed`; None: rows from the model's own profile. Raises `UnknownName` for no
    class of the target's, `SchemaBroken` for a missing column, `RowsRefused` where no row is left, or of the
    background fewer than ten.
    """
    need("train", "explaining files")
    if first < 1:
        raise Misuse(f"the first {first} rows cannot be explained", remedy="say a number from 1 on")
    opened = load(model) if isinstance(model, (str, os.PathLike)) else model
    listener = progress or Progress()
    listener.stage("reading")
    decoded, total = _decoded(opened, source, options, first)
    kept = np.flatnonzero(~decoded.refused)
    if len(decoded) and not len(kept):
        raise RowsRefused(decoded.problems)
    beside = None if background is None else _background(opened, background, options)
    against = None if beside is None else _drawn(beside, seed)
    explainer = opened.explainer(against, seed=seed)
    listener.stage("explaining")
    parts = []
    for part in explainer.each(decoded.numbers[kept], decoded.strings[kept], label):
        parts.append(part)
        listener.step(f"{len(parts):,} of {len(kept):,} rows", len(parts) / len(kept), None)
    return ExplainReport(
        explainer.joined(parts),
        tuple(kept.tolist()),
        total,
        tuple(decoded.problems[:MOST_PROBLEMS]),
        0 if beside is None else int(beside.refused.sum()),
        () if beside is None else tuple(beside.problems[:MOST_PROBLEMS]),
    )


def write_explained(report: ExplainReport, out: str | os.PathLike[str], k: int, *read: object) -> Path:
    """Writes a report as CSV or JSON, by the name of `out`: an object or a line for each explained row.

    `read` names files that must not be overwritten. Raises `Misuse` for another ending, `EnvironmentProblem`
    where it cannot be written.
    """
    path = explainable(out, *read)
    with placed(path) as temporary:
        _WRITES[path.suffix.lower()](report, temporary, k)
    return path


def explainable(out: str | os.PathLike[str], *read: object) -> Path:
    """`out` as a path that a report can be written to. Raises as `write_explained`."""
    path = writable(out, *read)
    if path.suffix.lower() not in _WRITES:
        raise Misuse(
            f"cannot tell what to write to {path.name!r}", remedy="end the output's name with .csv or .json"
        )
    return path


def rows_of(report: ExplainReport, k: int) -> Iterator[dict[str, object]]:
    """The explanations as JSON values, each with the number of its row."""
    for row, explained in zip(report.rows, report.explanation.to_dicts(k), strict=True):
        yield {"row": row} | explained


def _write_json(report: ExplainReport, path: Path, k: int) -> None:
    path.write_bytes(msgspec.json.format(msgspec.json.encode(list(rows_of(report, k))), indent=1))


def _write_csv(report: ExplainReport, path: Path, k: int) -> None:
    """A line a row: its answer, its reasons, then the contribution of each column under its name."""
    names = report.explanation.names
    with path.open("w", encoding="utf-8", newline="") as file:
        lines = csv.writer(file)
        head = [*(("label", "probability") if report.explanation.labels else ()), "output", "base"]
        reasons = [f"reason_{n + 1}" for n in range(k)]
        lines.writerow(["row", *head, *reasons, *(f"contribution_{name}" for name in names)])
        for row in report_lines(report, k, head):
            lines.writerow(row)


def report_lines(report: ExplainReport, k: int, head: list[str]) -> Iterator[list[object]]:
    """The fields `head` of each row, its reasons in `k` cells, and its contributions."""
    shares = report.explanation.contributions.tolist()
    for row, of_row in zip(rows_of(report, k), shares, strict=True):
        said = row["reasons"]
        assert isinstance(said, list)
        yield [row["row"], *(row[name] for name in head), *said, *[""] * (k - len(said)), *of_row]


def _decoded(
    model: Model, source: object, options: ReadOptions | None, first: int | None = None
) -> tuple[Decoded, int]:
    """The first rows of a table as tensors, and how many rows it has."""
    from mlwright.artifact import Decoded
    from mlwright.data.dataset import Dataset, Provenance
    from mlwright.data.decode import decode_frame
    from mlwright.sources import read_raw

    read = read_raw(source, options)
    raw, schema = read.frame, as_written(model.schema, options)
    rows = raw.head(raw.height if first is None else first)
    found = decode_frame(rows, schema, text=True, features_only=True, where=read.source)
    known = Dataset(found.frame, model.schema, Provenance(""))
    problems = tuple(sorted(found.problems, key=lambda p: p.row))
    return Decoded(known.numbers(), known.strings(), problems, found.refused), raw.height


def _background(model: Model, source: object, options: ReadOptions | None) -> Decoded:
    """The table to compare with. Raises where too little of it fits the schema."""
    decoded, total = _decoded(model, source, options)
    refused = int(decoded.refused.sum())
    if not total:
        raise Misuse("the background has no rows", remedy="name a table with rows to compare with")
    if refused and total - refused < LEAST_LEFT:
        where = f"the background, where only {total - refused:,} of {total:,} rows fit the model's schema"
        raise RowsRefused(decoded.problems, where=where)
    return decoded


def _drawn(decoded: Decoded, seed: int) -> Decoded:
    """Some of the rows that fit the schema, drawn by `seed`."""
    from mlwright.artifact import Decoded

    fit = np.flatnonzero(~decoded.refused)
    rng = np.random.default_rng(seed)
    picked = np.sort(rng.choice(fit, min(COMPARED, len(fit)), replace=False))
    none = np.zeros(len(picked), dtype=bool)
    return Decoded(decoded.numbers[picked], decoded.strings[picked], (), none)


_WRITES = {".csv": _write_csv, ".json": _write_json}
"""By the ending of a file's name, how it is written."""
