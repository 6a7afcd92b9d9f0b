"""Answering: a model's answers to whole tables, on all CPUs that this process may use.

Used by the verbs that predict tables. Texts become codes in Polars where the model's dictionaries can be
lifted out of its graph, so that no Python object stands for a value; rows run through the graph in slices, a
thread for each CPU, since onnxruntime lets go of the interpreter meanwhile.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import numpy.typing as npt

from mlwright.base.errors import RowProblem
from mlwright.base.machine import cpu_count

if TYPE_CHECKING:
    import polars as pl

    from mlwright.artifact import Coded, Model, Outputs
    from mlwright.base.schema import Schema

SLICE = 1024
"""Rows of one run of the graph."""
Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Beside:
    """What is written beside labels and numbers."""

    proba: bool = False
    """The probability of every class."""
    sets: float | None = None
    """The labels that are plausible at this error rate."""
    interval: float | None = None
    """The two ends between which the truth lies but for this error rate."""
    abstain: float | None = None
    """Labels are left out where it is not sure enough for at most this share of them to be wrong."""

    def refuse(self, model: Model) -> None:
        """Raises `Misuse` for what `model` cannot write."""
        if self.sets is not None:
            model.predict_set([], self.sets)
        if self.interval is not None:
            model.predict_interval([], self.interval)
        if self.abstain is not None:
            model.predict([], abstain=self.abstain)


class Answering:
    """Answers tables by one model; to be used in a `with` block, which ends its threads."""

    def __init__(self, model: Model, beside: Beside, *, threads: int | None = None) -> None:
        """Raises `Misuse` where the model cannot answer what is to be written."""
        beside.refuse(model)
        self._model, self._beside = model, beside
        self._threads = threads or cpu_count()
        self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="mlwright-predict")
        self._coded: Coded | None = model.coded()

    def __enter__(self) -> Answering:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(wait=True)

    def to(self, raw: pl.DataFrame, schema: Schema, where: str = "") -> tuple[pl.DataFrame, list[RowProblem]]:
        """The answers for each row of `raw`, decoded by `schema`; null for a row that was refused, and why.

        Raises `SchemaBroken` for a missing column.
        """
        import polars as pl

        from mlwright.data.decode import decode_frame

        decoded = decode_frame(raw, schema, text=True, features_only=True, where=where)
        good = np.flatnonzero(~decoded.refused)
        answers, beyond = self._answered(decoded.frame if len(good) == raw.height else decoded.frame[good])
        places = [msgspec.structs.replace(p, row=int(good[p.row])) for p in beyond]
        problems = sorted([*decoded.problems, *places], key=lambda p: p.row)
        if not problems:
            return answers, problems
        place = np.full(raw.height, -1, dtype=np.int64)
        place[good] = np.arange(len(good))
        place[[p.row for p in places]] = -1
        if (place < 0).all():
            return answers.clear(raw.height), problems
        index = pl.Series(place).replace(-1, None)
        return answers.select(pl.all().gather(index)), problems

    def nothing(self) -> pl.DataFrame:
        """The columns of the answers, without a row."""
        import polars as pl

        schema = self._model.schema
        names = {c.name: pl.Float64 for c in schema.numbers} | {c.name: pl.String for c in schema.strings}
        return self._answered(pl.DataFrame(schema=names))[0]

    def _answered(self, frame: pl.DataFrame) -> tuple[pl.DataFrame, list[RowProblem]]:
        """The answers, and a problem for each that is larger than any number."""
        from mlwright.artifact import overflow
        from mlwright.data.dataset import Dataset, Provenance

        model, coded = self._model, self._coded
        rows = Dataset(frame, model.schema, Provenance(""))
        numbers = rows.numbers()
        second: Any = rows.strings() if coded is None else _codes(frame, model.schema, coded)
        run: Any = model.run if coded is None else coded.run  # Any: each takes its own kind of array
        cuts = range(0, max(frame.height, 1), SLICE)
        parts = list(self._pool.map(lambda at: run(numbers[at : at + SLICE], second[at : at + SLICE]), cuts))
        columns = _columns(model, parts, self._beside)
        beyond: list[RowProblem] = []
        if parts[0].prediction is not None:
            beyond = overflow(columns.to_series(0).to_numpy(), numbers, model.schema)
        if self._beside.interval is None:
            return columns, beyond
        return columns.with_columns(self._ends(parts, numbers, rows.strings())), beyond

    def _ends(
        self, parts: list[Outputs], numbers: Doubles, strings: npt.NDArray[np.object_]
    ) -> list[pl.Series]:
        """The columns of the two ends; the second graph takes texts as they are."""
        import polars as pl

        ends, error = self._model.ends, self._beside.interval
        assert ends is not None and error is not None  # else it had been refused
        cuts = range(0, max(len(numbers), 1), SLICE)

        def between(at: int, part: Outputs) -> Doubles:
            assert part.prediction is not None  # of a regression
            return ends.of(part.prediction, numbers[at : at + SLICE], strings[at : at + SLICE], error)

        made = np.concatenate(list(self._pool.map(between, cuts, parts)))
        name = f"predicted_{self._model.target.name}"
        return [pl.Series(f"{name}_{end}", made[:, k]) for k, end in enumerate(("low", "high"))]


def errors_of(problems: Iterable[RowProblem], rows: int) -> pl.Series:
    """The column `error`: for each of `rows` rows why it was refused, or null."""
    import polars as pl

    said: dict[int, str] = {}
    for p in problems:
        text = f"{p.column}: {p.reason}, expected {p.expected}"
        said[p.row] = f"{said[p.row]}; {text}" if p.row in said else text
    return pl.Series("error", [said.get(i) for i in range(rows)], dtype=pl.String)


def _codes(frame: pl.DataFrame, schema: Schema, coded: Coded) -> Doubles:
    """The codes [N, b] of the strings of `frame`."""
    import polars as pl

    codes = np.empty((frame.height, len(coded.tables)))
    for j, (column, table) in enumerate(zip(schema.strings, coded.tables, strict=True)):
        texts = frame[column.name].fill_null("")
        found = texts.replace_strict(
            pl.Series(list(table), dtype=pl.String),
            pl.Series(list(table.values()), dtype=pl.Float64),
            default=coded.unseen,
            return_dtype=pl.Float64,
        )
        codes[:, j] = found.to_numpy()
    return codes


def _columns(model: Model, parts: list[Outputs], beside: Beside) -> pl.DataFrame:
    import polars as pl

    target = model.target
    name = f"predicted_{target.name}"
    if parts[0].prediction is not None:
        return pl.DataFrame({name: np.concatenate([p.prediction for p in parts if p.prediction is not None])})
    labels = [label for p in parts for label in _labels(model, p, beside.abstain)]
    probability = np.concatenate([p.probability for p in parts if p.probability is not None])
    columns = [pl.Series(name, labels, dtype=_dtype(target.label_type))]
    shown = range(len(target.classes)) if beside.proba else [1] if len(target.classes) == 2 else []
    columns += [pl.Series(f"probability_{target.classes[k]}", probability[:, k]) for k in shown]
    if beside.sets is not None:
        assert model.evaluation.sets is not None  # else it had been refused
        names = [target.label(k) for k in range(len(target.classes))]
        plausible = model.evaluation.sets.p_values(probability) > beside.sets
        held = [[names[k] for k in np.flatnonzero(row)] for row in plausible]
        # JSON tells labels that hold commas apart, and true from "true".
        columns.append(
            pl.Series(
                f"set_{target.name}",
                [json.dumps(labels, ensure_ascii=False) for labels in held],
                dtype=pl.String,
            )
        )
    return pl.DataFrame(columns)


def _labels(model: Model, part: Outputs, abstain: float | None) -> list[Any]:  # Any: labels, or None
    from mlwright.artifact import step_of, sure_labels

    if part.label is None:
        return []
    if abstain is None or part.probability is None:
        return list(part.label.tolist())
    step = step_of(model.evaluation.abstaining, model.target, abstain)
    return list(sure_labels(part.label, part.probability, model.target, step.least).tolist())


def _dtype(label_type: str) -> type[pl.DataType]:
    import polars as pl

    return {"integer": pl.Int64, "boolean": pl.Boolean}.get(label_type, pl.String)
