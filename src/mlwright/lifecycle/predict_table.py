"""predict into a database: the rows of any source become predictions in a table, chunk by chunk.

Resumable and repeatable: a run that was cut off goes on where it stopped, and a row that is written again
replaces itself.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from mlwright.base.canonical import canonical_json, sha256
from mlwright.base.errors import Misuse, RowProblem
from mlwright.base.progress import Progress
from mlwright.lifecycle.answering import Answering, Beside, errors_of
from mlwright.lifecycle.extras import need
from mlwright.lifecycle.load import load
from mlwright.lifecycle.predict import MOST_PROBLEMS, Refusal
from mlwright.lifecycle.read import as_written

if TYPE_CHECKING:
    from mlwright.artifact import Model
    from mlwright.lifecycle.keyed_rows import RowsInMemory, RowsOfDatabase
    from mlwright.lifecycle.predicted_table import PredictedTable
    from mlwright.sources import ReadOptions

ROWS = 10_000


@dataclass(frozen=True)
class TableReport:
    """What a run of predictions into a table did."""

    rows: int
    """Rows written by this run, the refused ones among them."""
    refused: int
    """Rows that break the schema: they have an `error` instead of a prediction."""
    skipped: int
    """Rows that an earlier run, which was cut off, had written already."""
    table: str
    """Where they are: the database and the table, without a secret."""
    complete: bool = True
    """False after Ctrl-C: the same call goes on from here."""
    problems: tuple[RowProblem, ...] = ()
    """The first 1,000."""
    refusals: tuple[Refusal, ...] = ()
    """All of them, counted, the most frequent first."""


def predict_table(
    model: Model | str | os.PathLike[str],
    source: object,
    to: str,
    *,
    table: str,
    key: str | Sequence[str],
    query: str | None = None,
    parameters: Mapping[str, object] | None = None,
    options: ReadOptions | None = None,
    proba: bool = False,
    sets: float | None = None,
    interval: float | None = None,
    abstain: float | None = None,
    chunk_rows: int = ROWS,
    restart: bool = False,
    progress: Progress | None = None,
) -> TableReport:
    """Predicts the rows of `source` (a database with `query`, or anything `read` takes) into `table` of the
    database `to`, keyed by the column or columns `key`.

    The table gets the key, `predicted_<target>`, the probability (with `proba` every class's), with `sets`
    and `interval` what `predict_file` adds for them, and `error`, which says why a row that breaks the schema
    has no prediction. It is made where it is not there. Each `chunk_rows` rows are one transaction; after a
    crash or Ctrl-C the same call goes on where it stopped (`restart`: from the beginning), after a finished
    run it starts anew. A key that is there is replaced.

    Raises `Misuse` for a table that does not fit or a key that cannot be, `DataProblem` for a key that is
    missing or not unique, `SourceUnreadable` where reading fails, `EnvironmentProblem` where writing does.
    """
    need("train", "predicting from tables")
    from mlwright.lifecycle.keyed_rows import rows_of
    from mlwright.lifecycle.predicted_table import PredictedTable
    from mlwright.sources import ReadOptions
    from mlwright.sources.sql import address_of, open_to_write

    keys = (key,) if isinstance(key, str) else tuple(key)
    if not keys or len(set(keys)) < len(keys):
        raise Misuse(
            "the key needs one or more different columns", remedy="name the columns that tell rows apart"
        )
    if chunk_rows < 1:
        raise Misuse("chunk_rows= must be at least 1")
    options = options or ReadOptions()
    if query is not None or parameters is not None:
        options = replace(options, query=query or options.query, parameters=parameters or options.parameters)
    address = address_of(to)
    opened = load(model) if isinstance(model, (str, os.PathLike)) else model
    beside = Beside(proba, sets, interval, abstain)
    beside.refuse(opened)
    listener = progress or Progress()
    listener.stage("reading")
    with open_to_write(address) as database:
        rows = rows_of(source, options, keys, address)
        try:
            names = [list(keys), table, asdict(beside)]
            run = sha256(canonical_json([opened.digest, rows.identity, *names])) if rows.identity else ""
            with Answering(opened, beside) as answering:
                written = PredictedTable(database, table, rows.keys, answering.nothing())
                return _Job(opened, answering, rows, written, options, chunk_rows, listener).run(run, restart)
        finally:
            rows.close()
            listener.done()


@dataclass(frozen=True)
class _Job:
    model: Model
    answering: Answering
    rows: RowsInMemory | RowsOfDatabase
    table: PredictedTable
    options: ReadOptions | None
    chunk_rows: int
    progress: Progress

    def run(self, run: str, restart: bool) -> TableReport:
        from mlwright.lifecycle.keyed_rows import Start

        schema = as_written(self.model.schema, self.options)
        start = self.table.start(run)
        if restart:
            start = Start()
        if start.rows:
            self.progress.note(f"{start.rows:,} rows were written before; this run goes on from there")
        done, refused, prepared, complete = start.rows, 0, False, True
        first: list[RowProblem] = []
        counts: Counter[tuple[str, str, str]] = Counter()
        try:
            for chunk in self.rows.chunks(start, self.chunk_rows):
                if not prepared:
                    self.table.prepare(self.rows.keys)
                    prepared = True
                    self.progress.stage("predicting")
                spread, wrong = self.answering.to(chunk.raw, schema)
                filled = spread.with_columns(errors_of(wrong, chunk.raw.height))
                self.table.write(run, chunk.keys, filled, done + len(chunk.keys))
                refused += len({p.row for p in wrong})
                first += [_moved(p, done) for p in wrong[: MOST_PROBLEMS - len(first)]]
                counts.update((p.column, p.reason, p.expected) for p in wrong)
                done += len(chunk.keys)
                self.progress.step(f"{done:,} rows written", 0.0, None)
        except KeyboardInterrupt:
            complete = False
        if complete and not prepared and not self.table.is_there:
            self.table.prepare(self.rows.keys)
            prepared = True
        if complete and (prepared or start.rows):
            self.table.finish(run, done)
        return TableReport(
            rows=done - start.rows,
            refused=refused,
            skipped=start.rows,
            table=self.table.shown,
            complete=complete,
            problems=tuple(first),
            refusals=tuple(Refusal(*why, values) for why, values in counts.most_common()),
        )


def _moved(problem: RowProblem, rows: int) -> RowProblem:
    return RowProblem(problem.row + rows, problem.column, problem.value, problem.expected, problem.reason)
