"""mlwright's own JSON: a row, an array of rows, or {"rows": [...]} in; predictions with their ids out.

The hot path. Where the model's dictionaries can be lifted out of its graph, texts become codes while they are
decoded, with one look in a dict, and the graph sees numbers only.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from mlwright.artifact import Ends, sure_labels
from mlwright.base.errors import Misuse
from mlwright.serving.answers import Answer, PredictionWriter, Refused
from mlwright.serving.decode import PROBLEMS_SHOWN, Decoded, RowsDecoder, refusal, tensors
from mlwright.serving.options import Options
from mlwright.serving.served import Outputs, Served, abstaining_of, ends_of, sets_of
from mlwright.serving.settings import ServeSettings


class Abstained(NamedTuple):
    """The outputs of a classification, some without a label."""

    probability: npt.NDArray[Any]  # Any: float32 or float64
    label: npt.NDArray[np.object_]
    prediction: None = None


class Rows:
    """See `Dialect`."""

    def __init__(self, model: Served, settings: ServeSettings, called: str) -> None:
        schema = model.schema
        self._max_rows = settings.max_rows
        coded = model.coded() if hasattr(model, "coded") else None
        self._run = coded.run if coded else model.run
        self._widths = len(schema.numbers), len(schema.strings)
        self._kind: type = np.float64 if coded else object
        self._model = model
        self._decoder = RowsDecoder(schema, coded)
        self._texts = RowsDecoder(schema) if coded else self._decoder
        self._writer = PredictionWriter(schema, model.digest)
        self._ends = ends_of(model)
        self._sets, self._abstaining = sets_of(model), abstaining_of(model)
        self._target = schema.target

    def decode(self, body: bytes | bytearray, options: Options) -> Decoded:
        self._offers(options)
        return self._decoder.decode(body, max_rows=self._max_rows)

    def decode_texts(self, body: bytes | bytearray, options: Options, most: int) -> Decoded:
        """The same with texts as they are, for an explanation; at most `most` rows. Raises `Refused`."""
        if options.interval:
            refuse_interval(self._ends, options)
        self._offers(options)
        try:
            return self._texts.decode(body, max_rows=most)
        except Refused as refused:
            if refused.code != "too_many_rows":
                raise
            message = f"{refused} where they are to be explained"
            raise Refused(
                413, refused.code, message, "send fewer at a time, or leave explain out"
            ) from refused

    def explained(
        self, rows: Decoded, options: Options, ids: Sequence[str], explanations: Sequence[str]
    ) -> Answer:
        """The answer to one request that was decoded by `decode_texts`: predictions of the good rows, each
        with its explanation, which is JSON already. Raises ValueError for outputs that are not finite."""
        lines: Sequence[str] = ()
        if rows.good:
            numbers, strings = tensors([rows], self._widths)
            outputs = self._model.run(numbers, strings)
            lines = self._lines([(rows, options)], outputs, ids)
            if options.interval:
                assert self._ends is not None and outputs.prediction is not None  # else it had been refused
                ends = self._ends.of(outputs.prediction, numbers, strings, options.interval).tolist()
                lines = [
                    self._writer.with_interval(line, *pair) for line, pair in zip(lines, ends, strict=True)
                ]
        told = [f'{line},"explanation":{why}' for line, why in zip(lines, explanations, strict=True)]
        return bodies(self._writer, [(rows, options)], told)[0]

    def run(self, decoded: Sequence[Decoded]) -> Outputs:
        return self._run(*tensors(decoded, self._widths, self._kind))

    def answers(
        self, asked: Sequence[tuple[Decoded, Options]], outputs: Outputs | None, ids: Sequence[str]
    ) -> list[Answer]:
        lines: Sequence[str] = () if outputs is None else self._lines(asked, outputs, ids)
        return bodies(self._writer, asked, lines)

    def refusal(self, answer: Answer) -> Answer:
        return answer

    def _lines(
        self, asked: Sequence[tuple[Decoded, Options]], outputs: Outputs, ids: Sequence[str]
    ) -> Sequence[str]:
        """An unfinished object for each good row."""
        if any(options.abstain for _, options in asked):
            outputs = self._abstained(asked, outputs)
        brief: Sequence[bool] = ()
        if not all(options.proba for _, options in asked):
            brief = [not options.proba for rows, options in asked for _ in range(rows.good)]
        lines = self._writer.rows(outputs, ids, brief)
        if any(options.set for _, options in asked):
            return self._with_sets(lines, asked, outputs)
        return lines

    def _offers(self, options: Options) -> None:
        """Raises `Refused` (400) for what the model does not offer."""
        if options.set and self._sets is None:
            raise Refused(400, "not_offered", "this model offers no sets of labels", "leave set out")
        if not options.abstain:
            return
        if self._abstaining is None:
            raise Refused(400, "not_offered", "this model abstains from nothing", "leave abstain out")
        try:
            self._abstaining.step(options.abstain)
        except Misuse as why:
            raise Refused(400, "bad_parameter", why.message, why.remedy) from why

    def _abstained(self, asked: Sequence[tuple[Decoded, Options]], outputs: Outputs) -> Outputs:
        """The outputs with None for each label that is not sure enough for who asked."""
        # Else `decode` had refused, or there were no such model.
        assert self._abstaining is not None and outputs.probability is not None and self._target is not None
        rates = {options.abstain for _, options in asked}
        least = {rate: self._abstaining.step(rate).least if rate else 0.0 for rate in rates}
        wanted = np.repeat([least[o.abstain] for _, o in asked], [rows.good for rows, _ in asked])
        labels = outputs.label
        if labels is None:
            names = [self._target.label(k) for k in range(len(self._target.classes))]
            labels = np.array([names[k] for k in outputs.probability.argmax(axis=1)], dtype=object)
        return Abstained(outputs.probability, sure_labels(labels, outputs.probability, self._target, wanted))

    def _with_sets(
        self, lines: Sequence[str], asked: Sequence[tuple[Decoded, Options]], outputs: Outputs
    ) -> list[str]:
        assert self._sets is not None and outputs.probability is not None  # else `decode` had refused
        plausible = self._sets.p_values(np.asarray(outputs.probability, dtype=np.float64))
        errors = np.repeat([options.set for _, options in asked], [rows.good for rows, _ in asked])
        held = plausible > errors[:, None]
        return [
            self._writer.with_set(line, np.flatnonzero(of_row).tolist()) if error else line
            for line, of_row, error in zip(lines, held, errors, strict=True)
        ]


def refuse_interval(ends: Ends | None, options: Options) -> None:
    """Raises `Refused` (400) where intervals cannot be answered as they are asked for."""
    if options.set or options.abstain:
        message = f"no model offers {'sets' if options.set else 'labels'} and intervals"
        raise Refused(400, "not_offered", message, "leave one of them out")
    if ends is None:
        raise Refused(400, "not_offered", "this model offers no intervals", "leave interval out")
    try:
        ends.refuse(options.interval)
    except Misuse as why:
        message = why.message.replace("error=", "interval=")
        raise Refused(400, "bad_parameter", message, why.remedy) from why


def bodies(
    writer: PredictionWriter, asked: Sequence[tuple[Decoded, Options]], lines: Sequence[str]
) -> list[Answer]:
    """An answer for each request; `lines` hold the unfinished objects of their good rows in order."""
    if len(lines) == len(asked) and all(rows.single for rows, _ in asked):
        return [Answer(200, writer.one(line)) for line in lines]
    answers, at = [], 0
    for rows, _ in asked:
        answers.append(Answer(200, _body(writer, rows, lines[at : at + rows.good])))
        at += rows.good
    return answers


def _body(writer: PredictionWriter, rows: Decoded, lines: Sequence[str]) -> bytes:
    if rows.single:
        return writer.one(lines[0])
    if not rows.problems:
        return writer.many([f"{line}}}" for line in lines])
    remaining = iter(lines)
    parts, left = [], PROBLEMS_SHOWN
    for index in range(rows.count):
        problems = rows.problems.get(index)
        if problems is None:
            parts.append(f"{next(remaining)}}}")
            continue
        # Further rows say one problem each: an answer must not outgrow its request by far.
        parts.append(refusal({index: problems}, max(1, left)).answer.body.decode())
        left -= len(problems)
    return writer.many(parts)
