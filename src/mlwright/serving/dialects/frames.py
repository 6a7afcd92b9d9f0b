"""Whole tables in and out of the graph: what the dialects of columns share.

Tables follow the rules of text where they hold text, as files do: extra columns are let be, and a column that
is not there is an error of the whole request.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from mlwright.artifact import RowDecoder
from mlwright.base.errors import DataProblem, Misuse, RowProblem, SchemaBroken
from mlwright.serving.answers import Refused
from mlwright.serving.decode import Decoded, Problem, tensors
from mlwright.serving.options import Options
from mlwright.serving.served import Outputs, Served
from mlwright.serving.settings import ServeSettings

_TOLD = 5
"""Problems of one row in a table's answer, which must not outgrow its request by far."""


class Part(msgspec.Struct, frozen=True):
    """The checked outputs of one request's rows; None for what the task has not."""

    ids: Sequence[str]
    probability: npt.NDArray[np.float64] | None
    """[N, K] in the order of the target's classes."""
    label: list[Any] | None  # Any: str, int or bool
    prediction: npt.NDArray[np.float64] | None
    """[N] of a regression."""


class Frames:
    """Decodes tables for one model, runs them, and parts the outputs by request."""

    def __init__(self, model: Served, settings: ServeSettings) -> None:
        target = model.schema.target
        self.names = frozenset(model.schema.names)
        self.classes = target.classes if target else ()
        self._labels = [target.label(i) for i in range(len(self.classes))] if target else []
        self._model, self._max_rows = model, settings.max_rows
        self._widths = len(model.schema.numbers), len(model.schema.strings)
        self._decoder = RowDecoder(model.schema)

    def decode(self, columns: Mapping[str, Any], rows: int) -> Decoded:  # Any: columns of any library
        """The rows of a table of `rows` rows. Raises `Refused` (400, 413, 422)."""
        if not rows:
            raise Refused(400, "no_rows", "there is no row in the request", "send at least one row")
        if rows > self._max_rows:
            message = f"{rows} rows, over {self._max_rows}"
            raise Refused(413, "too_many_rows", message, "send fewer rows at a time")
        try:
            decoded = self._decoder.decode({name: columns[name] for name in columns})
        except SchemaBroken as error:
            raise Refused(422, "table_refused", error.message, error.remedy) from error
        except (DataProblem, Misuse) as error:
            raise Refused(400, "not_rows", error.message, error.remedy) from error
        kept = ~decoded.refused
        problems: dict[int, list[Problem]] = {}
        for problem in decoded.problems:
            problems.setdefault(problem.row, []).append(_problem(problem))
        return Decoded(rows, False, decoded.numbers[kept], decoded.strings[kept], problems)

    def run(self, decoded: Sequence[Decoded]) -> Outputs:
        """The outputs for the good rows of all requests."""
        return self._model.run(*tensors(decoded, self._widths))

    def parts(
        self, asked: Sequence[tuple[Decoded, Options]], outputs: Outputs | None, ids: Sequence[str]
    ) -> Iterator[Part]:
        """The outputs of each request. Raises ValueError for outputs that are no answers."""
        at = 0
        for rows, options in asked:
            end = at + rows.good
            yield self._part(outputs, at, end, ids[at:end], proba=options.proba)
            at = end

    def _part(self, outputs: Outputs | None, at: int, end: int, ids: Sequence[str], *, proba: bool) -> Part:
        if outputs is None:
            return Part(ids, None, None, None)
        if outputs.probability is None:
            if outputs.prediction is None:
                raise ValueError("the graph gave no prediction")
            prediction = np.asarray(outputs.prediction, dtype=np.float64).ravel()[at:end]
            _check(prediction, (end - at,))
            return Part(ids, None, None, prediction)
        probability = np.asarray(outputs.probability, dtype=np.float64)[at:end]
        _check(probability, (end - at, len(self._labels)))
        if outputs.label is None:
            label = [self._labels[k] for k in probability.argmax(axis=1)]
        else:
            label = outputs.label[at:end].tolist()
        return Part(ids, probability if proba else None, label, None)


def columns_of(rows: Decoded, part: Part, classes: Sequence[str]) -> dict[str, list[Any]]:
    """The answers as a table of as many rows as came, None where a row was refused, with the reason then."""
    # Any: values of one kind
    columns: dict[str, Sequence[Any]] = {"prediction_id": part.ids}  # Any: as above
    if part.label is not None:
        columns["label"] = part.label
    if part.probability is not None:
        for k, name in enumerate(classes):
            columns[f"probability_{name}"] = part.probability[:, k].tolist()
    if part.prediction is not None:
        columns["prediction"] = part.prediction.tolist()
    if not rows.problems:
        return {name: list(values) for name, values in columns.items()}
    table = {}
    for name, values in columns.items():
        good = iter(values)
        table[name] = [None if i in rows.problems else next(good) for i in range(rows.count)]
    table["error"] = [_reason(rows.problems.get(i, ())) for i in range(rows.count)]
    return table


def _reason(problems: Sequence[Problem]) -> str | None:
    told = problems[:_TOLD]
    texts = [f"{p.field!r}: {p.reason}, expected {p.expected}, got {p.value}" for p in told]
    if len(problems) > len(told):
        texts.append(f"and {len(problems) - len(told)} more")
    return "; ".join(texts) or None


def _check(values: npt.NDArray[np.float64], shape: tuple[int, ...]) -> None:
    if values.shape != shape or not np.isfinite(values).all():
        raise ValueError("the graph gave no finite answer for each row")


def _problem(problem: RowProblem) -> Problem:
    return Problem(problem.row, problem.column, problem.value, problem.expected, problem.reason)
