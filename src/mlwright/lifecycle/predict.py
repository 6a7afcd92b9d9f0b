"""predict: a table of rows becomes the same table with predictions beside it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mlwright.base.errors import Misuse, RowProblem
from mlwright.base.progress import Progress
from mlwright.lifecycle.extras import need
from mlwright.lifecycle.load import load
from mlwright.lifecycle.output import placed, writable
from mlwright.lifecycle.read import as_written

if TYPE_CHECKING:
    import polars as pl

    from mlwright.artifact import Model, Outputs
    from mlwright.base.schema import Schema
    from mlwright.sources import ReadOptions

CHUNK = 50_000
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


def predict(
    model: Model | str | os.PathLike[str],
    source: object,
    *,
    options: ReadOptions | None = None,
    proba: bool = False,
) -> pl.DataFrame:
    """`source` (a path, a frame, rows) as a Polars frame with the predictions of `model` beside it.

    Columns as `predict_file` adds them, whose errors it shares; a row that breaks the schema gets its reason
    in the column `error`. For rows in hand, `Model.predict` answers without a frame.
    """
    need("train", "predicting from files")
    from mlwright.sources import read_raw

    opened = load(model) if isinstance(model, (str, os.PathLike)) else model
    raw = read_raw(source, options).frame
    return _beside(raw, *answers(opened, raw, as_written(opened.schema, options), proba, Progress()))


def predict_file(
    model: Model | str | os.PathLike[str],
    source: object,
    out: str | os.PathLike[str],
    *,
    options: ReadOptions | None = None,
    submission: str | os.PathLike[str] | None = None,
    proba: bool = False,
    progress: Progress | None = None,
) -> PredictReport:
    """Writes `source` with predictions to `out` (CSV, or Parquet by its suffix), columns and order kept.

    Adds `predicted_<target>`, for two classes the positive one's probability, with `proba` every class's. A
    row that breaks the schema keeps its place and gets the reason in the column `error`. `options` say how
    `source` is written, where it is not as it seems or not as the training table was. With `submission`, a
    sample file, the output has exactly that file's columns, ids and order. Raises `SchemaBroken` for a
    missing column, `Misuse` for an output that cannot be or that is read, `EnvironmentProblem` where it
    cannot be written, `SourceUnreadable` where there is no table.
    """
    need("train", "predicting from files")
    from mlwright.lifecycle.submission import submit
    from mlwright.sources import read_raw

    target = writable(out, source, model, submission)
    if target.suffix.lower() not in (".csv", ".parquet", ".pq"):
        raise Misuse(
            f"cannot tell what to write to {target.name!r}",
            remedy="end the output's name with .csv or .parquet",
        )
    opened = load(model) if isinstance(model, (str, os.PathLike)) else model
    listener = progress or Progress()
    listener.stage("reading")
    raw = read_raw(source, options).frame
    schema = as_written(opened.schema, options)
    spread, problems = answers(opened, raw, schema, proba or submission is not None, listener)
    answered = _beside(raw, spread, problems)
    refused = len({p.row for p in problems})
    if submission is not None:
        answered = submit(opened, raw, answered, Path(submission), problems)
    _write(answered, target)
    return PredictReport(
        len(answered), refused, target, tuple(problems[:MOST_PROBLEMS]), counted_refusals(problems)
    )


def counted_refusals(problems: Iterable[RowProblem]) -> tuple[Refusal, ...]:
    """`problems` by column and reason, the most frequent first.

    >>> faults = [RowProblem(r, "age", "'x'", "a number", "not a number") for r in range(3)]
    >>> counted_refusals(faults)
    (Refusal(column='age', reason='not a number', expected='a number', values=3),)
    """
    counts = Counter((p.column, p.reason, p.expected) for p in problems)
    return tuple(Refusal(*why, values) for why, values in counts.most_common())


def answers(
    model: Model, raw: pl.DataFrame, schema: Schema, proba: bool, progress: Progress
) -> tuple[pl.DataFrame, list[RowProblem]]:
    """The answers for each row of `raw`, decoded by `schema`; null for a row that was refused, and why."""
    import polars as pl

    from mlwright.data.dataset import Dataset, Provenance
    from mlwright.data.decode import decode_frame

    decoded = decode_frame(raw, schema, text=True, features_only=True)
    progress.stage("predicting")
    good = np.flatnonzero(~decoded.refused)
    parts = []
    for at in range(0, len(good), CHUNK):
        rows = Dataset(decoded.frame[good[at : at + CHUNK]], model.schema, Provenance(""))
        parts.append(_columns(model, model.run(rows.numbers(), rows.strings()), proba))
        progress.step(
            f"{min(at + CHUNK, len(good)):,} of {len(good):,} rows", min(1.0, (at + CHUNK) / len(good)), None
        )
    answered = pl.concat(parts) if parts else no_answers(model, proba)
    place = np.full(raw.height, -1, dtype=np.int64)
    place[good] = np.arange(len(good))
    index = pl.Series(place).replace(-1, None)
    spread = answered.select(pl.all().gather(index)) if len(good) else answered.clear(raw.height)
    return spread, sorted(decoded.problems, key=lambda p: p.row)


def no_answers(model: Model, proba: bool) -> pl.DataFrame:
    """The columns of the answers, without a row."""
    nothing = np.empty((0, len(model.schema.numbers))), np.empty((0, len(model.schema.strings)), dtype=object)
    return _columns(model, model.run(*nothing), proba)


def errors_of(problems: Iterable[RowProblem], rows: int) -> pl.Series:
    """The column `error`: for each of `rows` rows why it was refused, or null."""
    import polars as pl

    said: dict[int, str] = {}
    for p in problems:
        text = f"{p.column}: {p.reason}, expected {p.expected}"
        said[p.row] = f"{said[p.row]}; {text}" if p.row in said else text
    return pl.Series("error", [said.get(i) for i in range(rows)], dtype=pl.String)


def _beside(raw: pl.DataFrame, spread: pl.DataFrame, problems: list[RowProblem]) -> pl.DataFrame:
    import polars as pl

    clash = set(raw.columns) & {*spread.columns, *(("error",) if problems else ())}
    if clash:
        raise Misuse(f"the input already has a column {sorted(clash)[0]!r}", remedy="rename or drop it first")
    out = pl.concat([raw, spread], how="horizontal")
    return out.with_columns(errors_of(problems, raw.height)) if problems else out


def _columns(model: Model, outputs: Outputs, proba: bool) -> pl.DataFrame:
    import polars as pl

    target = model.target
    name = f"predicted_{target.name}"
    if outputs.prediction is not None:
        return pl.DataFrame({name: outputs.prediction})
    assert outputs.label is not None and outputs.probability is not None  # a classifier has both
    columns = {name: pl.Series(name, outputs.label.tolist(), dtype=_dtype(target.label_type))}
    shown = range(len(target.classes)) if proba else [1] if len(target.classes) == 2 else []
    for k in shown:
        label = f"probability_{target.classes[k]}"
        columns[label] = pl.Series(label, outputs.probability[:, k])
    return pl.DataFrame(list(columns.values()))


def _dtype(label_type: str) -> type[pl.DataType]:
    import polars as pl

    return {"integer": pl.Int64, "boolean": pl.Boolean}.get(label_type, pl.String)


def _write(frame: pl.DataFrame, path: Path) -> None:
    with placed(path) as temporary:
        if path.suffix.lower() == ".csv":
            frame.write_csv(temporary)
        else:
            frame.write_parquet(temporary)
