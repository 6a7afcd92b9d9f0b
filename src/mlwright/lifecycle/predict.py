"""predict: a table of rows becomes the same table with predictions beside it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from mlwright.base.errors import Misuse, RowProblem
from mlwright.base.progress import Progress
from mlwright.lifecycle.answering import Answering, Beside, errors_of
from mlwright.lifecycle.extras import need
from mlwright.lifecycle.load import load
from mlwright.lifecycle.output import placed, writable
from mlwright.lifecycle.predict_parts import Part, Parts, ahead, summed
from mlwright.lifecycle.read import as_written

if TYPE_CHECKING:
    import polars as pl

    from mlwright.artifact import Model
    from mlwright.base.schema import Schema
    from mlwright.sources import ReadOptions, Stream

STREAMED_BYTES = 32 << 20
"""A file of so many bytes is read in parts, where its format can be."""
MOST_PROBLEMS = 1_000


@dataclass(frozen=True)
class Refusal:
    """One reason for which values of one column were refused, and how often."""

    column: str
    reason: str
    expected: str
    values: int


@dataclass(frozen=True)
class PredictReport:
    """What a prediction run did."""

    rows: int
    refused: int
    """Rows that break the schema: they have an `error` instead of a prediction."""
    out: Path
    problems: tuple[RowProblem, ...] = ()
    """The first 1,000."""
    refusals: tuple[Refusal, ...] = ()
    """All of them, counted, the most frequent first."""
    complete: bool = True
    """False after Ctrl-C: the same call goes on from here."""
    skipped: int = 0
    """Rows that an earlier run, which was cut off, had predicted already."""


def predict(
    model: Model | str | os.PathLike[str],
    source: object,
    *,
    options: ReadOptions | None = None,
    proba: bool = False,
    sets: float | None = None,
    interval: float | None = None,
    abstain: float | None = None,
) -> pl.DataFrame:
    """`source` (a path, a frame, rows) as a Polars frame with the predictions of `model` beside it.

    Columns as `predict_file` adds them, whose errors it shares; a row that breaks the schema gets its reason
    in the column `error`. For rows in hand, `Model.predict` answers without a frame.
    """
    need("train", "predicting from files")
    from mlwright.sources import read_raw

    opened = load(model) if isinstance(model, (str, os.PathLike)) else model
    raw = read_raw(source, options)
    with Answering(opened, Beside(proba, sets, interval, abstain)) as answering:
        schema = as_written(opened.schema, options)
        return _beside(raw.frame, *answering.to(raw.frame, schema, raw.source))


def predict_file(
    model: Model | str | os.PathLike[str],
    source: object,
    out: str | os.PathLike[str],
    *,
    options: ReadOptions | None = None,
    submission: str | os.PathLike[str] | None = None,
    proba: bool = False,
    sets: float | None = None,
    interval: float | None = None,
    abstain: float | None = None,
    restart: bool = False,
    progress: Progress | None = None,
) -> PredictReport:
    """Writes `source` with predictions to `out` (CSV, or Parquet by its suffix), columns and order kept.

    Adds `predicted_<target>`, for two classes the positive one's probability, with `proba` every class's;
    with `sets`, an error rate, `set_<target>`, the plausible labels as a JSON array; with `interval` the ends
    `predicted_<target>_low` and `_high` (see `Model.predict_set` and `Model.predict_interval`); with
    `abstain`, the share of answers that may be wrong, labels that are not sure enough stay empty. A row that
    breaks the schema keeps its place and gets the reason in the column `error`. `options` say how `source`
    is written, where it is not as it seems or not as the training table was. With `submission`, a sample
    file, the output has exactly that file's columns, ids and order.

    A file that is not small is read and predicted in parts, on all CPUs, in memory that does not grow with
    it; after a crash or Ctrl-C the same call goes on where it stopped (`restart`: from the beginning). Raises
    `SchemaBroken` for a missing column, `Misuse` for an output that cannot be or that is read,
    `EnvironmentProblem` where it cannot be written, `SourceUnreadable` where there is no table.
    """
    need("train", "predicting from files")
    from mlwright.lifecycle.submission import submit
    from mlwright.sources import Stream, held_or_streamed

    if submission is not None and abstain is not None:
        raise Misuse("a submission has an answer in every row", remedy="leave abstain out")
    target = writable(out, source, model, submission)
    if target.suffix.lower() not in (".csv", ".parquet", ".pq"):
        raise Misuse(
            f"cannot tell what to write to {target.name!r}",
            remedy="end the output's name with .csv or .parquet",
        )
    opened = load(model) if isinstance(model, (str, os.PathLike)) else model
    listener = progress or Progress()
    listener.stage("reading")
    schema, beside = as_written(opened.schema, options), Beside(proba, sets, interval, abstain)
    least = STREAMED_BYTES if submission is None else None
    with (
        held_or_streamed(source, options, least) as held,
        Answering(opened, replace(beside, proba=proba or submission is not None)) as answering,
    ):
        if isinstance(held, Stream):
            identity = [opened.digest, asdict(beside), msgspec.to_builtins(schema), held.sha256()]
            job = _InParts(held, answering, schema, Parts(target, identity, restart=restart), listener)
            return job.run(target)
        listener.stage("predicting")
        spread, problems = answering.to(held.frame, schema, held.source)
        raw = held.frame
    answered = _beside(raw, spread, problems)
    refused = len({p.row for p in problems})
    if submission is not None:
        answered = submit(opened, raw, answered, Path(submission), problems)
    _write(answered, target)
    return PredictReport(
        len(answered), refused, target, tuple(problems[:MOST_PROBLEMS]), counted_refusals(problems)
    )


@dataclass(frozen=True)
class _InParts:
    """A table that is read, answered and kept part by part."""

    stream: Stream
    answering: Answering
    schema: Schema
    parts: Parts
    progress: Progress

    def run(self, target: Path) -> PredictReport:
        """Answers what was not answered before, then joins the parts to `target`."""
        self.progress.stage("predicting")
        found: list[Part] = []
        before, complete = 0, True
        try:
            for number, chunk in enumerate(ahead(self.stream.chunks())):
                part = self.parts.known(number)
                before += part.rows if part else 0
                if part is None:
                    part = self._answered(number, chunk, sum(p.rows for p in found))
                found.append(part)
                done = sum(p.rows for p in found)
                self.progress.step(f"{done:,} rows", 0.0, None)
        except KeyboardInterrupt:
            complete = False
        rows, refused, refusals, problems = summed(found)
        if complete:
            without = "" if refused else "error"
            with placed(target) as temporary:
                self.parts.join(
                    temporary, len(found), as_csv=target.suffix.lower() == ".csv", without=without
                )
            self.parts.forget()
        told = tuple(Refusal(*why, values) for why, values in refusals.most_common())
        return PredictReport(
            rows, refused, target, tuple(problems[:MOST_PROBLEMS]), told, complete=complete, skipped=before
        )

    def _answered(self, number: int, chunk: pl.DataFrame, before: int) -> Part:
        spread, problems = self.answering.to(chunk, self.schema, self.stream.first.source)
        clash = set(chunk.columns) & {*spread.columns, "error"}
        if clash:
            raise _double(clash)
        import polars as pl

        whole = pl.concat([chunk, spread], how="horizontal")
        counts = Counter((p.column, p.reason, p.expected) for p in problems)
        part = Part(
            rows=chunk.height,
            refused=len({p.row for p in problems}),
            refusals=[(*why, values) for why, values in counts.items()],
            problems=[msgspec.structs.replace(p, row=p.row + before) for p in problems[:MOST_PROBLEMS]],
        )
        self.parts.keep(number, whole.with_columns(errors_of(problems, chunk.height)), part)
        return part


def counted_refusals(problems: Iterable[RowProblem]) -> tuple[Refusal, ...]:
    """`problems` by column and reason, the most frequent first.

    >>> faults = [RowProblem(r, "age", "'x'", "a number", "not a number") for r in range(3)]
    >>> counted_refusals(faults)
    (Refusal(column='age', reason='not a number', expected='a number', values=3),)
    """
    counts = Counter((p.column, p.reason, p.expected) for p in problems)
    return tuple(Refusal(*why, values) for why, values in counts.most_common())


def _beside(raw: pl.DataFrame, spread: pl.DataFrame, problems: list[RowProblem]) -> pl.DataFrame:
    import polars as pl

    clash = set(raw.columns) & {*spread.columns, *(("error",) if problems else ())}
    if clash:
        raise _double(clash)
    out = pl.concat([raw, spread], how="horizontal")
    return out.with_columns(errors_of(problems, raw.height)) if problems else out


def _double(names: set[str]) -> Misuse:
    return Misuse(f"the input already has a column {sorted(names)[0]!r}", remedy="rename or drop it first")


def _write(frame: pl.DataFrame, path: Path) -> None:
    with placed(path) as temporary:
        if path.suffix.lower() == ".csv":
            frame.write_csv(temporary)
        else:
            frame.write_parquet(temporary)
