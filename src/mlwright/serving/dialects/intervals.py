"""mlwright's own JSON again, with two ends beside each number: for who asks with `interval=`.

Apart from the hot path, which lifts dictionaries out of the graph: the second graph takes texts as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mlwright.serving.answers import Answer, PredictionWriter
from mlwright.serving.decode import Decoded, RowsDecoder, tensors
from mlwright.serving.dialects.rows import bodies, refuse_interval
from mlwright.serving.options import Options
from mlwright.serving.served import Outputs, Served, ends_of
from mlwright.serving.settings import ServeSettings

Doubles = npt.NDArray[np.float64]


class Between(NamedTuple):
    """What both graphs answered, and the numbers that they were asked with."""

    prediction: Doubles
    quantiles: Doubles
    numbers: Doubles
    probability: None = None
    label: None = None


class RowsBetween:
    """See `Dialect`."""

    def __init__(self, model: Served, settings: ServeSettings, called: str) -> None:
        schema = model.schema
        self._max_rows = settings.max_rows
        self._run = model.run
        self._widths = len(schema.numbers), len(schema.strings)
        self._decoder = RowsDecoder(schema, None)
        self._writer = PredictionWriter(schema, model.digest)
        self._ends = ends_of(model)

    def decode(self, body: bytes | bytearray, options: Options) -> Decoded:
        refuse_interval(self._ends, options)
        return self._decoder.decode(body, max_rows=self._max_rows)

    def run(self, decoded: Sequence[Decoded]) -> Outputs:
        numbers, strings = tensors(decoded, self._widths, object)
        prediction = self._run(numbers, strings).prediction
        if self._ends is None or prediction is None:
            raise ValueError("the graph gave no prediction")
        return Between(prediction, self._ends.quantiles(prediction, numbers, strings), numbers)

    def answers(
        self, asked: Sequence[tuple[Decoded, Options]], outputs: Outputs | None, ids: Sequence[str]
    ) -> list[Answer]:
        lines: Sequence[str] = ()
        if isinstance(outputs, Between):
            errors = np.repeat([o.interval for _, o in asked], [rows.good for rows, _ in asked])
            lines = self._with_ends(self._writer.rows(outputs, ids), outputs, errors)
        return bodies(self._writer, asked, lines)

    def refusal(self, answer: Answer) -> Answer:
        return answer

    def _with_ends(self, lines: Sequence[str], outputs: Between, errors: Doubles) -> list[str]:
        assert self._ends is not None  # else `decode` had refused
        ends = self._ends.around(outputs.prediction, outputs.quantiles, outputs.numbers, errors)
        if not np.isfinite(ends).all():
            raise ValueError("an interval has no finite end")
        return [
            self._writer.with_interval(line, *pair) for line, pair in zip(lines, ends.tolist(), strict=True)
        ]
